"""Whether the market regime is CRASH, as far as it is read."""

from __future__ import annotations

from fields.regime import Axis, Market
from strategies.views import View

__all__ = ["is_crash"]


def is_crash(view: View, symbol: str) -> bool:
    """Return whether the market regime of a symbol is read as CRASH; a regime that is not read is none."""
    readings = view.readings(symbol, with_field=False)
    if readings is None:
        return False
    return any(each.axis is Axis.MARKET and each.state is Market.CRASH for each in readings.regimes)

"""How far a bar moved within itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from market.chains import FloatArray
from strategies.features.inputs import prices_of, require_float64
from strategies.views import BarWindow

__all__ = ["OpenToClose"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OpenToClose:
    """Close of a bar over its own open, as a fraction of the open; 0 where it did not move.

    Parameters
    ----------
    name, symbol : str
        Its own, and that of the bars.
    """

    name: str
    symbol: str

    @property
    def lookback(self) -> int:
        """The bar itself."""
        return 1

    def column(self, bars: BarWindow) -> FloatArray:
        """Return ``close / open - 1`` at each bar; NaN where one of them is no price."""
        require_float64(bars)
        found: FloatArray = prices_of(bars.close) / prices_of(bars.open) - 1.0
        return found

"""Long put: bought for a crash; its price is all that it can lose."""

from __future__ import annotations

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta

__all__ = ["long_put"]


def long_put(delta: float, *, within: float = 0.1) -> Structure:
    """Return a put by delta.

    Parameters
    ----------
    delta : float
        Size of delta, in (0, 1).
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        One leg.
    """
    put = LegRule(ratio=1, is_call=False, strike=AtDelta(delta=delta, within=within))
    return Structure(name="long_put", legs=(put,))

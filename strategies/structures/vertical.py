"""Vertical spreads: two strikes of one right and expiration; both the gain and the loss end at the strikes."""

from __future__ import annotations

from math import inf

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta, BesideLeg, SkewPenalty
from strategies.parameters import require_between

__all__ = ["credit_spread", "debit_spread"]


def credit_spread(
    short_delta: float, width: float, *, is_bullish: bool, within: float = 0.1, penalty: SkewPenalty | None = None
) -> Structure:
    """Return a spread that is sold out of the money: a bull put or a bear call spread.

    Parameters
    ----------
    short_delta : float
        Size of delta of the sold leg, in (0, 1).
    width : float
        Points from the sold strike to the bought one, which lies farther out of the money, > 0.
    is_bullish : bool
        True sells puts, which keep the credit while the price stays above; False sells calls.
    within, penalty : optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Sold, bought.
    """
    away = _away("credit spread", width, is_call=not is_bullish)
    sold = AtDelta(delta=short_delta, within=within, penalty=penalty)
    return Structure(
        name="bull_put_spread" if is_bullish else "bear_call_spread",
        legs=(
            LegRule(ratio=-1, is_call=not is_bullish, strike=sold),
            LegRule(ratio=1, is_call=not is_bullish, strike=BesideLeg(leg=0, points=away)),
        ),
    )


def debit_spread(long_delta: float, width: float, *, is_bullish: bool, within: float = 0.1) -> Structure:
    """Return a spread that is bought near the money: a bull call or a bear put spread.

    Parameters
    ----------
    long_delta : float
        Size of delta of the bought leg, in (0, 1).
    width : float
        Points from the bought strike to the sold one, which lies farther out of the money, > 0.
    is_bullish : bool
        True buys calls, False puts.
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Bought, sold.
    """
    away = _away("debit spread", width, is_call=is_bullish)
    return Structure(
        name="bull_call_spread" if is_bullish else "bear_put_spread",
        legs=(
            LegRule(ratio=1, is_call=is_bullish, strike=AtDelta(delta=long_delta, within=within)),
            LegRule(ratio=-1, is_call=is_bullish, strike=BesideLeg(leg=0, points=away)),
        ),
    )


def _away(owner: str, width: float, *, is_call: bool) -> float:
    require_between(owner, "width", width, 0.0, inf, open_low=True, open_high=True)
    return width if is_call else -width

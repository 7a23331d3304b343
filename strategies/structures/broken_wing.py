"""Broken-wing butterfly: one wing stands farther away than the other, and all of the risk lies on that side."""

from __future__ import annotations

from math import inf

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import BesideLeg, StrikeRule, body_at
from strategies.parameters import require_between, require_rising

__all__ = ["broken_wing"]


def broken_wing(near: float, far: float, *, is_bullish: bool, points: float = 0.0, step: float = 0.0) -> Structure:
    """Return a broken-wing butterfly: of puts where it is bullish, of calls where it is bearish.

    Parameters
    ----------
    near : float
        Points from the body to the wing in the money, > 0; exactly this strike.
    far : float
        Points from the body to the wing out of the money, above `near`; exactly this strike.
    is_bullish : bool
        True buys a put above, sells two at the body and buys one far below: nothing but the price of the package can be
        lost above, and ``far - near`` plus that price below. False mirrors it with calls.
    points : float, optional
        From the underlying's price to the body.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.

    Returns
    -------
    Structure
        Body, wing in the money, wing out of the money.

    Notes
    -----
    The pay-off fixes the direction (EQ15): puts make it bullish and calls bearish, and no parameter can name it
    otherwise. Opened for a credit it cannot lose on its near side, fees and early assignment left aside.
    """
    require_between("broken_wing", "near", near, 0.0, inf, open_low=True, open_high=True)
    require_rising("broken_wing", "near", near, "far", far)
    up = 1.0 if is_bullish else -1.0  # puts are in the money above the price, calls below
    strikes: tuple[StrikeRule, ...] = (
        body_at(points, step),
        BesideLeg(leg=0, points=up * near, tolerance=0.0),
        BesideLeg(leg=0, points=-up * far, tolerance=0.0),
    )
    return Structure(
        name="bullish_broken_wing" if is_bullish else "bearish_broken_wing",
        legs=tuple(
            LegRule(ratio=ratio, is_call=not is_bullish, strike=strike)
            for ratio, strike in zip((-2, 1, 1), strikes, strict=True)
        ),
    )

"""Butterfly: one, two and one contracts of one right at three strikes that lie equally far apart."""

from __future__ import annotations

from math import inf

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import BesideLeg, StrikeRule, body_at
from strategies.parameters import require_between

__all__ = ["butterfly"]


def butterfly(
    width: float, *, is_call: bool = True, is_sold: bool = False, points: float = 0.0, step: float = 0.0
) -> Structure:
    """Return a butterfly: bought it gains where the price ends at the body, sold where it ends beyond the wings.

    Parameters
    ----------
    width : float
        Points from the body to each wing, > 0; exactly these strikes.
    is_call : bool, optional
        Right of all legs.
    is_sold : bool, optional
        True sells the wings and buys the body.
    points : float, optional
        From the underlying's price to the body.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.

    Returns
    -------
    Structure
        Body, lower wing, upper wing.
    """
    require_between("butterfly", "width", width, 0.0, inf, open_low=True, open_high=True)
    wing = -1 if is_sold else 1
    strikes: tuple[StrikeRule, ...] = (
        body_at(points, step),
        *(BesideLeg(leg=0, points=each, tolerance=0.0) for each in (-width, width)),
    )
    ratios = (-2 * wing, wing, wing)
    return Structure(
        name="short_butterfly" if is_sold else "long_butterfly",
        legs=tuple(
            LegRule(ratio=ratio, is_call=is_call, strike=strike) for ratio, strike in zip(ratios, strikes, strict=True)
        ),
    )

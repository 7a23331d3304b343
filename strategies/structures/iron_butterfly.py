"""Iron butterfly: a straddle sold at the money inside a strangle that is bought as its wings."""

from __future__ import annotations

from math import inf

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import BesideLeg, SameStrike, WidthStep, body_at
from strategies.parameters import require_between

__all__ = ["iron_butterfly"]


def iron_butterfly(
    width: float, *, points: float = 0.0, step: float = 0.0, steps: tuple[WidthStep, ...] = ()
) -> Structure:
    """Return an iron butterfly.

    Parameters
    ----------
    width : float
        Points from the body to each wing, > 0; exactly these strikes.
    points : float, optional
        From the underlying's price to the body.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.
    steps : tuple of WidthStep, optional
        Wider wings by what the market is like (Q15).

    Returns
    -------
    Structure
        Put and call of the body sold, put wing and call wing bought.
    """
    require_between("iron_butterfly", "width", width, 0.0, inf, open_low=True, open_high=True)
    put_wing = BesideLeg(leg=0, points=-width, tolerance=0.0, steps=steps)
    call_wing = BesideLeg(leg=1, points=width, tolerance=0.0, steps=steps)
    return Structure(
        name="iron_butterfly",
        legs=(
            LegRule(ratio=-1, is_call=False, strike=body_at(points, step)),
            LegRule(ratio=-1, is_call=True, strike=SameStrike(leg=0)),
            LegRule(ratio=1, is_call=False, strike=put_wing),
            LegRule(ratio=1, is_call=True, strike=call_wing),
        ),
    )

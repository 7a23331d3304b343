"""Flyagonal: a broken-wing butterfly of calls above the price and a diagonal of puts below it, sold for calm days."""

from __future__ import annotations

from math import inf

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtLevel, BesideLeg, Rounding
from strategies.parameters import require_between

__all__ = ["flyagonal"]


def flyagonal(
    *,
    call_step: float = 10.0,
    near: float = 50.0,
    far: float = 60.0,
    put_share: float = 0.03,
    put_step: float = 5.0,
    put_width: float = 50.0,
) -> Structure:
    """Return a flyagonal (Z53a): defaults for SPX; for SPY steps of 1, wings of 5 and 6, and a put width of 5.

    Parameters
    ----------
    call_step : float, optional
        The lower call stands one step above the first multiple of it at or above the price, points, > 0.
    near, far : float, optional
        Points from the lower call to the two that are sold, and from these to the upper call, > 0.
    put_share : float, optional
        How far below the price the put is sold, as a share of it, in (0, 1).
    put_step : float, optional
        Its strike is rounded to a multiple of this, points, > 0.
    put_width : float, optional
        Points from the put sold to the one bought below it in the later expiration, > 0.

    Returns
    -------
    Structure
        Lower call, two calls, upper call, put sold, all of the nearer expiration; put bought in the later one. Every
        strike exactly, or none.

    Notes
    -----
    Of the calls alone (EZ6): the largest profit stands at the sold strike, below the lower one the debit is lost, and
    beyond the upper one the debit and ``far - near``. The diagonal adds ``put_width`` below the put sold, and what the
    later put is worth at the nearer end is a matter of volatility. Five instruments are more than a venue takes in one
    order: they go as two linked ones, the diagonal and the butterfly (`execution.packages.linked_groups`).
    """
    for name, value in (("near", near), ("far", far), ("put_width", put_width)):
        require_between("flyagonal", name, value, 0.0, inf, open_low=True, open_high=True)
    require_between("flyagonal", "put_share", put_share, 0.0, 1.0, open_low=True, open_high=True)
    lower = AtLevel(step=call_step, rounding=Rounding.UP, points=call_step)
    sold = AtLevel(step=put_step, rounding=Rounding.NEAREST, share=-put_share)
    return Structure(
        name="flyagonal",
        legs=(
            LegRule(ratio=1, is_call=True, strike=lower),
            LegRule(ratio=-2, is_call=True, strike=BesideLeg(leg=0, points=near, tolerance=0.0)),
            LegRule(ratio=1, is_call=True, strike=BesideLeg(leg=1, points=far, tolerance=0.0)),
            LegRule(ratio=-1, is_call=False, strike=sold),
            LegRule(ratio=1, is_call=False, strike=BesideLeg(leg=3, points=-put_width, tolerance=0.0), expiry=1),
        ),
        rising=(4, 3, 0, 1, 2),
    )

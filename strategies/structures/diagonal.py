"""Diagonal: the near expiration sold and a later one bought at another strike of the same right."""

from __future__ import annotations

from math import isfinite

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta, BesideLeg
from strategies.parameters import require

__all__ = ["diagonal"]


def diagonal(short_delta: float, offset: float, *, is_call: bool = True, within: float = 0.1) -> Structure:
    """Return a diagonal (Q43).

    Parameters
    ----------
    short_delta : float
        Size of delta of the sold front leg, in (0, 1).
    offset : float
        Points from the sold strike to the bought one, away from the money; negative towards it, and not 0, which would
        be a calendar.
    is_call : bool, optional
        Right of both legs.
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Front sold, back bought.

    Notes
    -----
    Towards the money the bought strike covers the sold one wholly and the loss is about the debit; away from it the
    points between them can be lost besides. What `strategies.structures.calendar` says of European puts and of the end
    of the front holds here too.
    """
    require("diagonal", "offset", offset, "finite and not 0", holds=isfinite(offset) and offset != 0.0)
    return Structure(
        name="diagonal",
        legs=(
            LegRule(ratio=-1, is_call=is_call, strike=AtDelta(delta=short_delta, within=within), expiry=0),
            LegRule(ratio=1, is_call=is_call, strike=BesideLeg(leg=0, points=offset if is_call else -offset), expiry=1),
        ),
    )

"""Straddle: a call and a put at the money; sold, its loss has no bound, so policy and margin gate it."""

from __future__ import annotations

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtSpot, SameStrike

__all__ = ["straddle"]


def straddle(*, is_sold: bool) -> Structure:
    """Return a straddle at the strike nearest to the underlying's price.

    Parameters
    ----------
    is_sold : bool
        True sells both legs.

    Returns
    -------
    Structure
        Put, call.
    """
    ratio = -1 if is_sold else 1
    return Structure(
        name="short_straddle" if is_sold else "long_straddle",
        legs=(
            LegRule(ratio=ratio, is_call=False, strike=AtSpot()),
            LegRule(ratio=ratio, is_call=True, strike=SameStrike(leg=0)),
        ),
    )

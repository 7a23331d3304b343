"""Strangle: a put below and a call above the price; sold, its loss has no bound, so policy and margin gate it."""

from __future__ import annotations

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta
from strategies.parameters import require_between

__all__ = ["strangle"]


def strangle(delta: float, *, is_sold: bool, within: float = 0.1) -> Structure:
    """Return a strangle by delta.

    Parameters
    ----------
    delta : float
        Size of delta of both legs, in (0, 0.5).
    is_sold : bool
        True sells both legs.
    within : float, optional
        As in `strategies.legs.strikes.AtDelta`.

    Returns
    -------
    Structure
        Put, call.
    """
    require_between("strangle", "delta", delta, 0.0, 0.5, open_low=True, open_high=True)
    ratio, strike = -1 if is_sold else 1, AtDelta(delta=delta, within=within)
    return Structure(
        name="short_strangle" if is_sold else "long_strangle",
        legs=(
            LegRule(ratio=ratio, is_call=False, strike=strike),
            LegRule(ratio=ratio, is_call=True, strike=strike),
        ),
        rising=(0, 1),
    )

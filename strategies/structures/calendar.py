"""Calendar: the near expiration sold and a later one bought at one strike and right."""

from __future__ import annotations

from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import SameStrike, body_at

__all__ = ["calendar"]


def calendar(*, is_call: bool = True, share: float = 0.0, step: float = 0.0) -> Structure:
    """Return a calendar (Q42, Q46).

    Parameters
    ----------
    is_call : bool, optional
        Right of both legs.
    share : float, optional
        From the underlying's price to the strike, as a share of it; 0 stands at the money.
    step : float, optional
        As in `strategies.legs.strikes.body_at`.

    Returns
    -------
    Structure
        Front sold, back bought.

    Notes
    -----
    Until the front ends the loss is about the debit: the back is worth at least as much as the front to a holder who
    may exercise it. A European put far in the money is worth less than its intrinsic value by the interest on its
    strike, so that a European put calendar can lose that much more; calls, the default, cannot where dividends are
    small against interest. It gains from a rise of all volatilities alike, and hardly from one that is largest in the
    front (EQ14). The front must be closed before it ends: beyond that the back stands alone.
    """
    return Structure(
        name="calendar",
        legs=(
            LegRule(ratio=-1, is_call=is_call, strike=body_at(0.0, step, share), expiry=0),
            LegRule(ratio=1, is_call=is_call, strike=SameStrike(leg=0), expiry=1),
        ),
    )

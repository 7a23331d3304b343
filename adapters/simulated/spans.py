"""How much of a session a step is: of its time, its variance and its trading."""

from __future__ import annotations

from dataclasses import dataclass

from adapters.simulated.seasonality import Seasonality
from market.calendars import Session

__all__ = ["Span", "session_left", "span_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """One step within a session.

    Parameters
    ----------
    from_ns, until_ns : int
        Its instants, ns since the epoch, UTC.
    seconds : float
        Its length.
    variance, trading : float
        Shares of the session's variance and trading.
    brisk : float
        Trading per time over the session's mean.
    """

    from_ns: int
    until_ns: int
    seconds: float
    variance: float
    trading: float
    brisk: float


def span_of(session: Session, from_ns: int, step_ns: int, seasonality: Seasonality | None) -> Span:
    """Return what a step takes of its session.

    Parameters
    ----------
    session : Session
        The session.
    from_ns, step_ns : int
        Start and length, ns.
    seasonality : Seasonality or None
        Shape of the day.

    Returns
    -------
    Span
        Of a flat day: the same share of everything.
    """
    length = session.close_ns - session.open_ns
    flat, until_ns = step_ns / length, from_ns + step_ns
    variance, trading = flat, flat
    if seasonality is not None:
        first, last = (from_ns - session.open_ns) / length, (until_ns - session.open_ns) / length
        variance = seasonality.variance.passed(last) - seasonality.variance.passed(first)
        trading = seasonality.trading.passed(last) - seasonality.trading.passed(first)
    return Span(
        from_ns=from_ns,
        until_ns=until_ns,
        seconds=step_ns / 1e9,
        variance=variance,
        trading=trading,
        brisk=trading / flat,
    )


def session_left(session: Session, now_ns: int, seasonality: Seasonality | None) -> float:
    """Return the share of the session's variance that is still to come, 0 to 1."""
    left = (session.close_ns - now_ns) / (session.close_ns - session.open_ns)
    return left if seasonality is None else 1.0 - seasonality.variance.passed(1.0 - left)

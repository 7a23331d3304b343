"""The canonical form of a booking and the hash chain over all of them."""

from __future__ import annotations

from decimal import Decimal
from hashlib import sha256

from execution.events import CashMovement, LedgerEvent, Settlement, Split
from execution.lots import EXACT
from market.fills import Fill
from market.tradables import Instrument

__all__ = ["booking_id", "chained", "event_digest", "first_link"]


def booking_id(event: LedgerEvent) -> str:
    """Return what tells a booking apart: venues number fills and account activities on their own."""
    return f"fill:{event.fill_id}" if isinstance(event, Fill) else f"event:{event.event_id}"


def event_digest(event: LedgerEvent) -> bytes:
    """Return the SHA-256 of a booking's content.

    Parameters
    ----------
    event : LedgerEvent
        A booking.

    Returns
    -------
    bytes
        32 bytes. Equal numbers give equal digests however they are written: 1.0 and 1.00, or 100 and 1E+2.

    Notes
    -----
    Hashed is the ``repr`` of a tuple of strings and integers, which quotes its parts, so that no text can pass for
    another. It is not `execution.identity.canonical`: that one walks any message, this one is called at each fill.
    """
    return sha256(repr(_content(event)).encode()).digest()


def first_link(currency: str) -> bytes:
    """Return the link that a chain begins with."""
    return sha256(f"hedgefield ledger 1 {currency}".encode()).digest()


def chained(link: bytes, digest: bytes) -> bytes:
    """Return the next link of a chain: SHA-256 of the one before and a booking's digest."""
    return sha256(link + digest).digest()


def _content(event: LedgerEvent) -> tuple[object, ...]:
    if isinstance(event, Fill):
        return _fill(event)
    if isinstance(event, CashMovement):
        names = (event.event_id, event.kind.value, event.symbol, event.package_id, event.strategy)
        return ("cash", event.ts_event_ns, *names, _number(event.amount))
    if isinstance(event, Settlement):
        return _settlement(event)
    return _split(event)


def _fill(fill: Fill) -> tuple[object, ...]:
    names = (fill.fill_id, fill.order_id, fill.cause_id, fill.package_id, fill.strategy, fill.liquidity.value)
    costs = tuple((cost.kind.value, _number(cost.amount)) for cost in fill.costs)
    what = (*_terms(fill.instrument), _number(fill.quantity), _number(fill.price))
    return ("fill", fill.ts_event_ns, *names, *what, costs, fill.simulated)


def _settlement(event: Settlement) -> tuple[object, ...]:
    names = (event.event_id, event.kind.value, event.package_id, event.strategy)
    what = (*_terms(event.instrument), _number(event.quantity), _number(event.price), _number(event.settlement_price))
    delivered = () if event.delivered is None else _terms(event.delivered)
    flow = (_number(event.delivered_quantity), _number(event.delivered_price))
    return ("settlement", event.ts_event_ns, *names, *what, delivered, *flow, event.is_early, event.is_pinned)


def _split(event: Split) -> tuple[object, ...]:
    return ("split", event.ts_event_ns, event.event_id, event.symbol, event.numerator, event.denominator)


def _terms(instrument: Instrument) -> tuple[str, ...]:
    return (type(instrument).__name__, instrument.symbol, instrument.currency, _number(instrument.multiplier))


def _number(value: Decimal) -> str:
    return str(EXACT.normalize(value)) if value else "0"  # minus zero is zero

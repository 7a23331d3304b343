"""The life of an order: one table of status and event, and the one function that walks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Final

from execution.filled import filled_units, is_complete
from execution.order_events import (
    Accepted,
    AnswerLost,
    Busted,
    Cancelled,
    CancelRefused,
    CancelRequested,
    Executed,
    Expired,
    Found,
    NotFound,
    OrderEvent,
    Rejected,
    Restated,
    Sent,
)
from execution.orders import Order, OrderStatus
from market.errors import DataError

__all__ = ["DONE", "TRANSITIONS", "Step", "advance", "is_done"]


class Step(StrEnum):
    """What an event means for the status, once its executions are counted."""

    SENT = "sent"
    ACCEPTED = "accepted"
    PART_FILLED = "part filled"
    ALL_FILLED = "all filled"
    BUSTED_TO_PART = "busted, part stays"
    BUSTED_TO_NONE = "busted, none stays"
    RESTATED = "restated"
    CANCEL_REQUESTED = "cancel requested"
    CANCEL_REFUSED = "cancel refused"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    ANSWER_LOST = "answer lost"
    FOUND_OPEN = "found open"
    FOUND_PART = "found part filled"
    FOUND_CANCELLED = "found cancelled"
    FOUND_REJECTED = "found rejected"
    FOUND_EXPIRED = "found expired"
    FOUND_SHORT = "found with unknown fills"
    NOT_FOUND = "not found"
    VANISHED = "not found, yet answered before"


_I, _P, _A, _PF, _F, _C, _R, _E, _U = OrderStatus
DONE: Final = frozenset((_F, _C, _R, _E))
"""Statuses that an order leaves only by a fill that comes late, or by a query that proves fills are missing."""

_NO: Final = None
# Columns in the order of OrderStatus: intent, pending, accepted, partially filled, filled, cancelled, rejected,
# expired, unknown. None marks what cannot happen. A fill is counted in every column: positions change by fills.
_TABLE: Final[Mapping[Step, tuple[OrderStatus | None, ...]]] = {
    Step.SENT: (_P, _NO, _NO, _NO, _NO, _NO, _NO, _NO, _NO),
    Step.ACCEPTED: (_A, _A, _A, _PF, _F, _C, _R, _E, _U),
    # A rejected order with fills was not rejected: what is left of it was cancelled.
    Step.PART_FILLED: (_PF, _PF, _PF, _PF, _F, _C, _C, _E, _U),
    Step.ALL_FILLED: (_F, _F, _F, _F, _F, _F, _F, _F, _F),
    # A venue that takes a fill back does not put the order back.
    Step.BUSTED_TO_PART: (_PF, _PF, _PF, _PF, _C, _C, _C, _E, _U),
    Step.BUSTED_TO_NONE: (_I, _P, _A, _A, _C, _C, _R, _E, _U),
    Step.RESTATED: (_A, _A, _A, _PF, _F, _C, _R, _E, _U),
    Step.CANCEL_REQUESTED: (_NO, _P, _A, _PF, _F, _C, _R, _E, _U),
    Step.CANCEL_REFUSED: (_NO, _P, _A, _PF, _F, _C, _R, _E, _U),
    Step.CANCELLED: (_C, _C, _C, _C, _F, _C, _R, _E, _U),
    Step.REJECTED: (_R, _R, _R, _C, _F, _C, _R, _E, _U),
    Step.EXPIRED: (_E, _E, _E, _E, _F, _C, _R, _E, _U),
    Step.ANSWER_LOST: (_NO, _U, _U, _U, _F, _C, _R, _E, _U),
    Step.FOUND_OPEN: (_A, _A, _A, _A, _F, _C, _R, _E, _A),
    Step.FOUND_PART: (_PF, _PF, _PF, _PF, _F, _C, _C, _E, _PF),
    Step.FOUND_CANCELLED: (_C, _C, _C, _C, _F, _C, _C, _E, _C),
    Step.FOUND_REJECTED: (_R, _R, _R, _C, _F, _C, _R, _E, _R),
    Step.FOUND_EXPIRED: (_E, _E, _E, _E, _F, _C, _R, _E, _E),
    Step.FOUND_SHORT: (_U, _U, _U, _U, _U, _U, _U, _U, _U),
    # An intent that the venue does not know has never left, and may be sent.
    Step.NOT_FOUND: (_I, _R, _U, _U, _F, _C, _R, _E, _R),
    Step.VANISHED: (_U, _U, _U, _U, _F, _C, _R, _E, _U),
}
TRANSITIONS: Final[Mapping[tuple[OrderStatus, Step], OrderStatus]] = {
    (status, step): after
    for step, row in _TABLE.items()
    for status, after in zip(OrderStatus, row, strict=True)
    if after is not None
}
"""The status after each step from each status; a pair that is absent cannot happen."""

_SIMPLE: Final[Mapping[type, Step]] = {
    Sent: Step.SENT,
    Accepted: Step.ACCEPTED,
    CancelRequested: Step.CANCEL_REQUESTED,
    CancelRefused: Step.CANCEL_REFUSED,
    Cancelled: Step.CANCELLED,
    Rejected: Step.REJECTED,
    Expired: Step.EXPIRED,
    AnswerLost: Step.ANSWER_LOST,
}
_FOUND: Final[Mapping[OrderStatus, Step]] = {
    _A: Step.FOUND_OPEN,
    _PF: Step.FOUND_OPEN,
    # Filled by the venue's count with less than we asked for: it is over, and the rest will not come.
    _F: Step.FOUND_CANCELLED,
    _C: Step.FOUND_CANCELLED,
    _R: Step.FOUND_REJECTED,
    _E: Step.FOUND_EXPIRED,
}


def is_done(order: Order) -> bool:
    """Return whether an order has ended; fills may still come late.

    Parameters
    ----------
    order : Order
        Any order.

    Returns
    -------
    bool
        True where it is filled, cancelled, rejected or expired.
    """
    return order.status in DONE


def advance(order: Order, event: OrderEvent) -> Order:
    """Return the order after an event.

    Parameters
    ----------
    order : Order
        Before.
    event : OrderEvent
        What happened; the same event may come twice, and the venue's events in any order.

    Returns
    -------
    Order
        After; the same object where the event tells nothing new.

    Raises
    ------
    DataError
        The event belongs to another order, names a leg or a side that the order does not have, or cannot happen in
        this status, as a second `Sent`.

    Notes
    -----
    Each execution is counted once, whatever the status: the filled quantity is the sum of the distinct executions
    that were not taken back, in whatever order they came. An order of unknown status becomes known by a query alone,
    or when its last unit is filled: a message of the venue may be older than what was lost.
    """
    _check_address(order, event)
    told = _with_facts(order, event)
    step = _step(told, event)
    status = TRANSITIONS.get((order.status, step))
    if status is None:
        raise _impossible(order, step)
    is_cancel_requested, reason = _is_cancel_requested(order, step, status), _reason(order, event, status)
    known = (order.status, order.is_cancel_requested, order.reason)
    if told is order and (status, is_cancel_requested, reason) == known:
        return order
    return replace(
        told,
        status=status,
        is_cancel_requested=is_cancel_requested,
        reason=reason,
        changed_ns=max(order.changed_ns, event.ts_event_ns),
    )


def _with_facts(order: Order, event: OrderEvent) -> Order:
    """Count executions, and learn what the event tells besides the status."""
    match event:
        case Executed():
            return _counted(_named(order, event.venue_order_id), event)
        case Found():
            known = _named(order, event.venue_order_id)
            for execution in event.executions:
                _check_address(order, execution)
                known = _counted(known, execution)
            return known
        case Accepted():
            return _named(order, event.venue_order_id)
        case Busted():
            return _voided(_named(order, ""), event)
        case Restated():
            return _resized(_named(order, ""), event)
        case _:
            return order


def _step(order: Order, event: OrderEvent) -> Step:
    """Return what an event means for an order whose executions are counted."""
    simple = _SIMPLE.get(type(event))
    if simple is not None:
        return simple
    match event:
        case NotFound():
            return Step.VANISHED if order.is_acknowledged else Step.NOT_FOUND
        case Found():
            return _found_step(order, event)
        case _ if is_complete(order):
            return Step.ALL_FILLED
        case Busted():
            return Step.BUSTED_TO_PART if any(order.filled) else Step.BUSTED_TO_NONE
        case _:
            return Step.RESTATED if isinstance(event, Restated) else Step.PART_FILLED


def _found_step(order: Order, found: Found) -> Step:
    legs = order.intent.legs
    if len(found.filled) != len(legs):
        raise _wrong(order, "the filled units of a query", str(len(found.filled)), f"one for each of {len(legs)} legs")
    step = _FOUND.get(found.status)
    if step is None:
        raise _wrong(order, "the status that a query found", found.status, "one that a venue can have")
    known = filled_units(order)
    if any(abs(theirs) > abs(ours) for theirs, ours in zip(found.filled, known, strict=True)):
        return Step.FOUND_SHORT
    if is_complete(order):
        return Step.ALL_FILLED
    if any(known):
        return _WITH_FILLS.get(step, step)
    return step


_WITH_FILLS: Final = {Step.FOUND_OPEN: Step.FOUND_PART, Step.FOUND_REJECTED: Step.FOUND_CANCELLED}


def _counted(order: Order, execution: Executed) -> Order:
    if execution.fill_id in order.fill_ids:
        return order
    _check_execution(order, execution)
    filled = _moved(order, execution.leg, execution.quantity)
    return replace(order, filled=filled, fill_ids=order.fill_ids | {execution.fill_id})


def _voided(order: Order, bust: Busted) -> Order:
    if bust.fill_id in order.busted_ids:
        return order
    _check_execution(order, bust)
    busted = order.busted_ids | {bust.fill_id}
    if bust.fill_id in order.fill_ids:
        return replace(order, filled=_moved(order, bust.leg, -bust.quantity), busted_ids=busted)
    # Void before it was told: noted, so that it counts nothing when it comes.
    return replace(order, fill_ids=order.fill_ids | {bust.fill_id}, busted_ids=busted)


def _moved(order: Order, leg: int, quantity: Decimal) -> tuple[Decimal, ...]:
    filled = list(filled_units(order))
    filled[leg] += quantity
    return tuple(filled)


def _resized(order: Order, event: Restated) -> Order:
    if not event.quantity.is_finite() or event.quantity <= 0:
        raise _wrong(order, "a restated quantity", str(event.quantity), "a finite number above 0; an end is a cancel")
    if is_done(order) or order.restated_quantity == event.quantity:
        return order
    return replace(order, restated_quantity=event.quantity)


def _named(order: Order, venue_order_id: str) -> Order:
    """Note that the venue holds the order, and under which id, once it tells."""
    known = order.venue_order_id
    if venue_order_id and known and venue_order_id != known:
        raise _wrong(order, "the venue's order id", venue_order_id, f"{known}, as it told before")
    if order.is_acknowledged and (known or not venue_order_id):
        return order
    return replace(order, venue_order_id=known or venue_order_id, is_acknowledged=True)


def _is_cancel_requested(order: Order, step: Step, status: OrderStatus) -> bool:
    if status in DONE or step in {Step.CANCEL_REFUSED, Step.FOUND_OPEN, Step.FOUND_PART}:
        return False
    return order.is_cancel_requested or step is Step.CANCEL_REQUESTED


def _reason(order: Order, event: OrderEvent, status: OrderStatus) -> str:
    if status not in _WITH_REASON:
        return ""
    if status is order.status:
        return order.reason
    if isinstance(event, Found) and status is _U:
        return "the venue counts executions that it has not told"
    if isinstance(event, NotFound):
        return "the venue does not know the order"
    return getattr(event, "reason", "") or order.reason


_WITH_REASON: Final = frozenset((_C, _R, _E, _U))


def _check_address(order: Order, event: OrderEvent) -> None:
    if event.order_id != order.order_id:
        raise _wrong(order, "an event's order id", event.order_id, order.order_id)


def _check_execution(order: Order, execution: Executed | Busted) -> None:
    legs = order.intent.legs
    if not 0 <= execution.leg < len(legs):
        raise _wrong(order, "the leg of an execution", str(execution.leg), f"0 to {len(legs) - 1}")
    quantity, ratio = execution.quantity, legs[execution.leg].ratio
    if not execution.fill_id or not quantity.is_finite() or quantity * ratio <= 0:
        found = f"{execution.fill_id!r}: {quantity} of a leg with ratio {ratio}"
        raise _wrong(order, "an execution", found, "an id, and a finite quantity with the sign of its leg")


def _impossible(order: Order, step: Step) -> DataError:
    allowed = ", ".join(status for status in OrderStatus if (status, step) in TRANSITIONS)
    return _wrong(order, "an event that cannot happen in its status", f"{step} while {order.status}", allowed)


def _wrong(order: Order, what: str, found: str, expected: str) -> DataError:
    return DataError(
        f"{what} of order {order.order_id} cannot be",
        found=found,
        expected=expected,
        action="query the venue for the order and its executions",
    )

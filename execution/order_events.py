"""What happens to an order: what we do, what the venue tells, and what a query finds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from execution.orders import OrderStatus

__all__ = [
    "Accepted",
    "AnswerLost",
    "Busted",
    "CancelRefused",
    "CancelRequested",
    "Cancelled",
    "Executed",
    "Expired",
    "Found",
    "NotFound",
    "OrderEvent",
    "Rejected",
    "Restated",
    "Sent",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """We hand the order to the venue; journalled before the first byte leaves.

    Parameters
    ----------
    order_id : str
        Client order id.
    ts_event_ns : int
        ns since the epoch, UTC.
    """

    order_id: str
    ts_event_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The venue has taken the order; it may come after the first execution.

    Parameters
    ----------
    order_id, ts_event_ns : str, int
        As `Sent`.
    venue_order_id : str
        The venue's own id; empty where it does not tell.
    """

    order_id: str
    ts_event_ns: int
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """Units of one leg are bought or sold.

    Parameters
    ----------
    order_id, ts_event_ns, venue_order_id
        As `Accepted`.
    fill_id : str
        Told apart by the venue: the same id is the same execution of the same leg.
    leg : int
        Place of the leg in the intent.
    quantity : Decimal
        Units, with the leg's sign.
    """

    order_id: str
    ts_event_ns: int
    fill_id: str
    leg: int
    quantity: Decimal
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Busted:
    """The venue takes an execution back; it may come before the execution itself.

    Parameters
    ----------
    order_id, ts_event_ns, fill_id, leg, quantity
        As the `Executed` that is void.
    """

    order_id: str
    ts_event_ns: int
    fill_id: str
    leg: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """The venue changes the size of the order.

    Parameters
    ----------
    order_id, ts_event_ns : str, int
        As `Sent`.
    quantity : Decimal
        Packages in all, executed ones included, > 0.
    """

    order_id: str
    ts_event_ns: int
    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested:
    """We ask the venue to cancel what remains.

    Parameters
    ----------
    order_id, ts_event_ns : str, int
        As `Sent`.
    """

    order_id: str
    ts_event_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRefused:
    """The venue does not cancel: often because the order has just been filled.

    Parameters
    ----------
    order_id, ts_event_ns : str, int
        As `Sent`.
    reason : str
        The venue's words.
    """

    order_id: str
    ts_event_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancelled:
    """What remained is cancelled, by us or by the venue; an order that was never sent is withdrawn.

    Parameters
    ----------
    order_id, ts_event_ns, reason
        As `CancelRefused`.
    """

    order_id: str
    ts_event_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """Risk or the venue does not take the order.

    Parameters
    ----------
    order_id, ts_event_ns, reason
        As `CancelRefused`.
    """

    order_id: str
    ts_event_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expired:
    """The order's time is over.

    Parameters
    ----------
    order_id, ts_event_ns, reason
        As `CancelRefused`.
    """

    order_id: str
    ts_event_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerLost:
    """An answer did not come in time, or says nothing definite; the order is not sent again, it is asked after.

    Parameters
    ----------
    order_id, ts_event_ns, reason
        As `CancelRefused`.
    """

    order_id: str
    ts_event_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The answer to a query for the order.

    Parameters
    ----------
    order_id, ts_event_ns, reason
        As `CancelRefused`.
    status : OrderStatus
        Accepted, partially filled, filled, cancelled, rejected or expired, as the venue has it.
    filled : tuple of Decimal
        Units of each leg that the venue counts, with the leg's sign.
    executions : tuple of Executed
        The executions that it tells; known ones may be among them.
    venue_order_id : str
        As `Accepted`.
    """

    order_id: str
    ts_event_ns: int
    status: OrderStatus
    filled: tuple[Decimal, ...]
    executions: tuple[Executed, ...] = ()
    venue_order_id: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The venue holds no such order, and its answer is conclusive: asked after the longest delay that it promises.

    Parameters
    ----------
    order_id, ts_event_ns : str, int
        As `Sent`.
    """

    order_id: str
    ts_event_ns: int


OrderEvent = (
    Sent
    | Accepted
    | Executed
    | Busted
    | Restated
    | CancelRequested
    | CancelRefused
    | Cancelled
    | Rejected
    | Expired
    | AnswerLost
    | Found
    | NotFound
)
"""Everything that can happen to an order."""

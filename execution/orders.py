"""An order from intent to its end, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from market.orders import OrderIntent

__all__ = ["Order", "OrderStatus"]


class OrderStatus(StrEnum):
    """Where an order stands."""

    INTENT = "intent"  # journalled, not sent
    PENDING = "pending"  # sent, no answer yet
    ACCEPTED = "accepted"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"  # an answer is missing or ambiguous; only a query may resolve it


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The state of one order.

    Parameters
    ----------
    order_id : str
        Client order id, derived from the intent.
    intent : OrderIntent
        What was asked.
    status : OrderStatus
        Where it stands.
    venue_order_id : str
        The venue's own id; empty before it answers.
    is_acknowledged : bool
        Whether the venue has shown that it holds the order; a query that does not find it then contradicts the venue.
    filled : tuple of Decimal
        Filled units of each leg of the intent, with the leg's sign.
    fill_ids : frozenset of str
        Executions that are counted in `filled`, once each.
    busted_ids : frozenset of str
        Executions among `fill_ids` that the venue took back; they count nothing.
    restated_quantity : Decimal or None
        Packages in all since the venue changed the order's size; None where it did not.
    is_cancel_requested : bool
        Whether a cancel is under way.
    changed_ns : int
        Instant of the last change, ns since the epoch, UTC.
    reason : str
        Why it was rejected, cancelled, expired or became unknown.
    """

    order_id: str
    intent: OrderIntent
    status: OrderStatus
    venue_order_id: str = ""
    is_acknowledged: bool = False
    filled: tuple[Decimal, ...] = ()
    fill_ids: frozenset[str] = frozenset()
    busted_ids: frozenset[str] = frozenset()
    restated_quantity: Decimal | None = None
    is_cancel_requested: bool = False
    changed_ns: int = 0
    reason: str = ""

"""The working orders of one account: taken in once, walked by events, handed out when they have ended."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, final

from execution.filled import filled_units, remaining, target_quantity
from execution.lifecycle import advance, is_done
from execution.orders import Order, OrderStatus
from market.errors import DataError
from market.orders import OrderIntent, PositionEffect, TimeInForce
from strategies.views import WorkingOrder

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from decimal import Decimal

    from execution.order_events import OrderEvent

__all__ = ["NEVER_NS", "OrderBook", "deadline_ns"]

NEVER_NS: Final = 2**63 - 1
"""Deadline of an order that rests until it is cancelled."""


def deadline_ns(intent: OrderIntent, *, arrival_ns: int, session_end_ns: int) -> int:
    """Return the instant at which an order stops resting.

    Parameters
    ----------
    intent : OrderIntent
        With its time in force and `good_until_ns`.
    arrival_ns : int
        Instant at which it can first be filled, ns since the epoch, UTC: an IOC order ends there.
    session_end_ns : int
        End of the session in which it arrives: a DAY order ends there.

    Returns
    -------
    int
        The earlier of both rules, ns since the epoch, UTC; `NEVER_NS` where neither ends it.
    """
    by_rule = {TimeInForce.IOC: arrival_ns, TimeInForce.DAY: session_end_ns, TimeInForce.GTC: NEVER_NS}
    return min(by_rule[intent.time_in_force], intent.good_until_ns or NEVER_NS)


@final
class OrderBook:
    """Orders by id and by package.

    Parameters
    ----------
    keep_ns : int
        How long an ended order stays for late fills before `take_ended` hands it out, ns; 0 for a backtest, whose
        fills are never late.
    memory_ns : int
        How long the id of an order that was handed out is remembered, ns. An intent older than that is refused, so
        that forgetting never lets one order in twice.

    Notes
    -----
    Memory grows with the orders that are open and with those of the last `keep_ns` and `memory_ns`, not with the run.
    """

    __slots__ = (
        "_deadlines",
        "_ended",
        "_forgotten_ns",
        "_handed_out",
        "_keep_ns",
        "_memory_ns",
        "_orders",
        "_working",
    )

    def __init__(self, *, keep_ns: int = 0, memory_ns: int = 7 * 86_400 * 1_000_000_000) -> None:
        self._keep_ns, self._memory_ns = keep_ns, memory_ns
        self._orders: dict[str, Order] = {}
        self._deadlines: list[tuple[int, str]] = []
        self._ended: deque[str] = deque()
        # Instant of the intent by id, in the order in which they were handed out.
        self._handed_out: dict[str, int] = {}
        self._forgotten_ns = -1
        self._working: tuple[WorkingOrder, ...] | None = ()

    def admit(self, order_id: str, intent: OrderIntent, *, deadline_ns: int = NEVER_NS) -> Order | None:
        """Take an intent in, once.

        Parameters
        ----------
        order_id : str
            As `execution.identity.client_order_id`.
        intent : OrderIntent
            What is asked.
        deadline_ns : int
            As the function of that name.

        Returns
        -------
        Order or None
            The new order, in status intent; None where the id was taken in before: nothing is to be sent.

        Raises
        ------
        DataError
            The id stands for another intent, or the intent is older than what the book remembers.
        """
        known = self._orders.get(order_id)
        if known is not None:
            if known.intent != intent:
                raise _conflict(order_id, intent, known.intent)
            return None
        if order_id in self._handed_out:
            return None
        if intent.ts_event_ns <= self._forgotten_ns:
            raise DataError(
                "an intent is older than the orders that the book remembers",
                found=f"{intent.intent_id} at {intent.ts_event_ns} ns",
                expected=f"later than {self._forgotten_ns} ns",
                action="look the order up in the ledger; a decision this old is not ordered any more",
            )
        order = Order(order_id=order_id, intent=intent, status=OrderStatus.INTENT, changed_ns=intent.ts_event_ns)
        self._enter(order)
        if deadline_ns < NEVER_NS:
            heappush(self._deadlines, (deadline_ns, order_id))
        return order

    def restore(self, order: Order, *, deadline_ns: int = NEVER_NS) -> None:
        """Take an order in as it stood, from the ledger at start-up, or because a fill came after it was handed out.

        Parameters
        ----------
        order : Order
            In any status.
        deadline_ns : int
            As in `admit`.

        Raises
        ------
        DataError
            The book holds the order already.
        """
        if order.order_id in self._orders:
            raise _conflict(order.order_id, order.intent, self._orders[order.order_id].intent)
        self._handed_out.pop(order.order_id, None)
        self._enter(order)
        if is_done(order):
            self._ended.append(order.order_id)
        elif deadline_ns < NEVER_NS:
            heappush(self._deadlines, (deadline_ns, order.order_id))

    def apply(self, event: OrderEvent) -> Order:
        """Walk an order by an event.

        Parameters
        ----------
        event : OrderEvent
            Of an order of the book.

        Returns
        -------
        Order
            After the event.

        Raises
        ------
        DataError
            The book does not hold the order, or as `execution.lifecycle.advance`.
        """
        before = self.order(event.order_id)
        after = advance(before, event)
        if after is not before:
            self._orders[event.order_id] = after
            self._working = None
            if is_done(after) and not is_done(before):
                self._ended.append(event.order_id)
        return after

    def order(self, order_id: str) -> Order:
        """Return an order.

        Parameters
        ----------
        order_id : str
            Client order id.

        Returns
        -------
        Order
            As it stands.

        Raises
        ------
        DataError
            The book does not hold it.
        """
        order = self._orders.get(order_id)
        if order is None:
            raise DataError(
                "the book holds no such order",
                found=order_id,
                expected="an order that was admitted and not yet handed out",
                action="restore it from the ledger, then apply the event",
            )
        return order

    def working(self) -> tuple[WorkingOrder, ...]:
        """Return the orders that may still be filled, as strategies see them, oldest first.

        Returns
        -------
        tuple of WorkingOrder
            The same object until something changes.
        """
        if self._working is None:
            self._working = tuple(_seen(order) for order in self._orders.values() if not is_done(order))
        return self._working

    def closing_units(self, without: Collection[str] = ()) -> Mapping[str, Mapping[str, Decimal]]:
        """Return what working orders may still close.

        Parameters
        ----------
        without : collection of str
            Client order ids that do not count, because they are about to be withdrawn.

        Returns
        -------
        mapping of str to mapping of str to Decimal
            By package and symbol: units with the sign of the closing trade.
        """
        found: dict[str, dict[str, Decimal]] = {}
        for each in self.working():
            if each.effect is PositionEffect.CLOSE and each.order_id not in without:
                order = self._orders[each.order_id]
                units = found.setdefault(each.package_id, {})
                for leg, filled in zip(order.intent.legs, filled_units(order), strict=True):
                    left = leg.ratio * target_quantity(order) - filled
                    units[leg.instrument.symbol] = units.get(leg.instrument.symbol, 0) + left
        return found

    @property
    def leaving(self) -> frozenset[str]:
        """Client order ids of the working orders whose cancel is under way; they may still be filled."""
        return frozenset(each.order_id for each in self.working() if self._orders[each.order_id].is_cancel_requested)

    @property
    def next_deadline_ns(self) -> int:
        """Earliest deadline of a working order, ns since the epoch, UTC; `NEVER_NS` where there is none."""
        while self._deadlines:
            deadline, order_id = self._deadlines[0]
            order = self._orders.get(order_id)
            if order is not None and not is_done(order):
                return deadline
            heappop(self._deadlines)
        return NEVER_NS

    def due(self, now_ns: int) -> tuple[Order, ...]:
        """Take the working orders whose deadline has come; each is told once.

        Parameters
        ----------
        now_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        tuple of Order
            By deadline. A simulated venue answers with `Expired`; live, the venue does so or is asked to cancel.
        """
        taken: list[Order] = []
        while self.next_deadline_ns <= now_ns:
            taken.append(self._orders[heappop(self._deadlines)[1]])
        return tuple(taken)

    def take_ended(self, now_ns: int) -> tuple[Order, ...]:
        """Hand out the orders that ended at least `keep_ns` ago, and forget all but their ids.

        Parameters
        ----------
        now_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        tuple of Order
            In the order in which they ended.
        """
        taken: list[Order] = []
        stay: deque[str] = deque()
        for order_id in self._ended:
            order = self._orders.get(order_id)
            # Gone where it ended twice; not done where a query found fills missing, and then it ends once more.
            if order is None or not is_done(order):
                continue
            if order.changed_ns + self._keep_ns > now_ns:
                stay.append(order_id)
                continue
            self._leave(order)
            taken.append(order)
        self._ended = stay
        if self._handed_out:
            self._forget(now_ns)
        return tuple(taken)

    def __len__(self) -> int:
        return len(self._orders)

    def _enter(self, order: Order) -> None:
        self._orders[order.order_id] = order
        self._working = None

    def _leave(self, order: Order) -> None:
        del self._orders[order.order_id]
        self._handed_out[order.order_id] = order.intent.ts_event_ns

    def _forget(self, now_ns: int) -> None:
        """Drop ids of intents older than the memory; an intent of that age is refused from now on."""
        horizon = now_ns - self._memory_ns
        while self._handed_out:
            order_id, asked_ns = next(iter(self._handed_out.items()))
            if asked_ns >= horizon:
                return
            del self._handed_out[order_id]
            self._forgotten_ns = max(self._forgotten_ns, asked_ns)


def _seen(order: Order) -> WorkingOrder:
    intent = order.intent
    return WorkingOrder(
        order_id=order.order_id,
        package_id=intent.package_id,
        strategy=intent.strategy,
        reason=intent.reason,
        remaining=remaining(order),
        effect=intent.effect,
        decided_ns=intent.ts_event_ns,
    )


def _conflict(order_id: str, intent: OrderIntent, known: OrderIntent) -> DataError:
    return DataError(
        "a client order id stands for two orders",
        found=f"{order_id} for intent {intent.intent_id}",
        expected=f"intent {known.intent_id} alone",
        action="derive ids with execution.identity, and count the attempt up for a new order",
    )

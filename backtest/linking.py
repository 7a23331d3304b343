"""Packages of more legs than the venue takes: linked orders, sent one after the other and closed where one fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import isfinite, nan
from typing import Final, Protocol, final

from backtest.exchange import SimulatedExchange
from backtest.marking import half_spread_of
from backtest.order_gate import OrderGate
from execution.filled import whole_packages
from execution.identity import intent_id
from execution.legging import Legging, OrderPhase, begin, held_alone, next_action, step
from execution.legging_events import (
    Alarm,
    Cancel,
    Finish,
    GroupReport,
    Issued,
    LeggingTerms,
    Marked,
    Send,
    Ticked,
    Unwind,
    Wait,
    legging_plan,
)
from execution.order_book import OrderBook
from execution.orders import Order
from execution.packages import linked_intents, rounded_limit
from market.fills import Fill
from market.orders import Leg, OrderIntent, PositionEffect, unit_multiplier
from strategies.decisions import Decision
from strategies.package_prices import opposite
from strategies.views import Quote

__all__ = ["LinkedDesk", "LinkedOrders"]

_ZERO: Final = Decimal(0)
_UNWOUND: Final = "legging_unwound"


class LinkedDesk(Protocol):
    """What linked orders need of a desk."""

    orders: OrderBook
    exchange: SimulatedExchange
    counts: Counter[str]

    def lets_through(self, intent: OrderIntent, now_ns: int) -> bool:
        """Hold an intent that is not sent as it is against the gate; where it is denied, record that."""

    def refuse(self, intent: OrderIntent, reason: str, now_ns: int) -> None:
        """Record an order that cannot be sent."""

    def send(self, intent: OrderIntent, decision: Decision, now_ns: int, *, part_of: OrderIntent) -> str:
        """Send a part of a package through the gate, and return its client order id."""

    def cancel(self, order_ids: Sequence[str], now_ns: int) -> None:
        """Ask the venue to cancel orders."""


@dataclass(slots=True, kw_only=True, eq=False)
class _Sent:
    """One order of a group, and what it has filled."""

    order_id: str
    group: int
    attempt: int  # -1 for one that opens
    filled: Decimal = _ZERO
    paid: Decimal = _ZERO
    is_ended: bool = False


@dataclass(slots=True, kw_only=True, eq=False)
class _Linked:
    """One package on its way."""

    intent: OrderIntent
    decision: Decision
    legging: Legging
    sent: list[_Sent] = field(default_factory=list)


@final
class LinkedOrders:
    """Packages that go as linked orders, from their decision to whole or closed.

    Parameters
    ----------
    desk : LinkedDesk
        Sends and cancels.
    gate : OrderGate
        The newest quotes; and what lets the parts of a closing package pass together.
    max_legs : int
        Most legs that the venue takes in one order.
    terms : LeggingTerms
        Time-outs, and what may be lost while a part is held alone.

    Notes
    -----
    The group that is safest to hold alone goes first, the next when it is filled, at what the limit of the whole leaves
    (`execution.legging`). A time-out counts at an instant that has shown the order quotes, after they have met it, so
    that each is tried at least once however far apart the data lie; what else happens in between, such as the value of
    an index, is no try. What is closed again goes at the far sides and a half spread
    beyond, one more at each attempt. A closing package goes as orders side by side: none waits for another.
    """

    def __init__(self, desk: LinkedDesk, gate: OrderGate, max_legs: int, terms: LeggingTerms) -> None:
        self._desk, self._max_legs, self._terms = desk, max_legs, terms
        self._quote_of, self._cover = gate.quote_of, gate.cover
        self.active: list[_Linked] = []
        """Packages under way, oldest first."""
        self._sent: dict[str, _Sent] = {}

    def takes(self, intent: OrderIntent) -> bool:
        """Return whether an intent has more legs than the venue takes in one order."""
        return len(intent.legs) > self._max_legs

    def take(self, intent: OrderIntent, decision: Decision, now_ns: int) -> None:
        """Carry out an intent of too many legs.

        Parameters
        ----------
        intent : OrderIntent
            The whole package.
        decision : Decision
            What asked for it.
        now_ns : int
            Instant, ns since the epoch, UTC.
        """
        sides = _far_sides(intent.legs, [self._quote_of(leg.instrument) for leg in intent.legs])
        if not all(map(isfinite, sides)):
            self._desk.refuse(intent, "a leg of a package that has to be split has no executable quote", now_ns)
            return
        prices = tuple(Decimal(repr(price)) for price in sides)
        if intent.effect is PositionEffect.CLOSE:
            parts = linked_intents(intent, prices, self._max_legs)
            self._cover(intent, parts, now_ns)
            for part in parts:
                self._desk.send(part, decision, now_ns, part_of=part)
        elif self._desk.lets_through(intent, now_ns):
            plan = legging_plan(intent, prices, self._max_legs, self._terms)
            self._desk.counts["linked_packages"] += 1
            self.active.append(_Linked(intent=intent, decision=decision, legging=begin(plan)))
            self._act(self.active[-1], now_ns)

    def filled(self, fill: Fill) -> None:
        """Take note of a fill; those of other orders count nothing."""
        sent = self._sent.get(fill.order_id)
        if sent is not None:
            sent.paid += fill.quantity * fill.instrument.multiplier * fill.price

    def ended(self, order: Order) -> None:
        """Take note of an order that has ended."""
        sent = self._sent.pop(order.order_id, None)
        if sent is not None:
            sent.filled, sent.is_ended = whole_packages(order), True

    def run(self, now_ns: int) -> None:
        """Take each package further, after the quotes of an instant have met its orders.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC.
        """
        for linked in list(self.active):
            self._hear(linked, now_ns)
            self._mark(linked, now_ns)
            if self._is_tried(linked, now_ns):
                linked.legging = step(linked.legging, Ticked(ts_event_ns=now_ns))
            self._act(linked, now_ns)

    def _is_tried(self, linked: _Linked, now_ns: int) -> bool:
        """Return whether time passes: the order that works was shown quotes, or the venue owes an answer."""
        is_working = linked.legging.phase is OrderPhase.WORKING
        return not is_working or self._desk.exchange.shown_ns(linked.sent[-1].order_id) == now_ns

    def _act(self, linked: _Linked, now_ns: int) -> None:
        """Do what is asked for until there is something to wait for."""
        while True:
            match next_action(linked.legging):
                case Wait():
                    return
                case Finish(quantity=quantity):
                    self._desk.counts["linked_whole" if quantity else "linked_unwound"] += 1
                    self.active.remove(linked)
                    return
                case Alarm():
                    self._desk.counts["linked_stuck"] += 1
                    self.active.remove(linked)
                    return
                case Send() as action:
                    self._send(linked, action, now_ns)
                case Cancel():
                    self._desk.cancel([linked.sent[-1].order_id], now_ns)
                case Unwind() as action:
                    if not self._unwind(linked, action, now_ns):
                        return
            linked.legging = step(linked.legging, Issued(ts_event_ns=now_ns))
            self._hear(linked, now_ns)

    def _send(self, linked: _Linked, action: Send, now_ns: int) -> None:
        group = linked.legging.plan.groups[action.group]
        intent = replace(group, quantity=action.quantity, limit_price=action.limit_price, ts_event_ns=now_ns)
        self._order(linked, intent, linked.intent, action.group, -1, now_ns)

    def _unwind(self, linked: _Linked, action: Unwind, now_ns: int) -> bool:
        """Close a part of a group; return whether its legs are quoted, without which no limit can be told."""
        group = linked.legging.plan.groups[action.group]
        legs = opposite(group.legs)
        quotes = [self._quote_of(leg.instrument) for leg in legs]
        price = _net(legs, _far_sides(legs, quotes))
        if not isfinite(price):
            return False
        half = _net([Leg(instrument=leg.instrument, ratio=abs(leg.ratio)) for leg in legs], map(half_spread_of, quotes))
        limit = rounded_limit(legs, Decimal(repr(round(price + (action.attempt + 1) * half, 9))))
        intent = replace(
            group,
            intent_id=intent_id(group.intent_id, action.attempt),
            ts_event_ns=now_ns,
            legs=legs,
            quantity=action.quantity,
            limit_price=min(limit, _ZERO) if all(leg.ratio < 0 for leg in legs) else limit,
            effect=PositionEffect.CLOSE,
            reason=_UNWOUND,
            good_until_ns=0,
        )
        self._order(linked, intent, intent, action.group, action.attempt, now_ns)
        return True

    def _order(
        self, linked: _Linked, intent: OrderIntent, whole: OrderIntent, group: int, attempt: int, now_ns: int
    ) -> None:
        order_id = self._desk.send(intent, linked.decision, now_ns, part_of=whole)
        sent = _Sent(order_id=order_id, group=group, attempt=attempt)
        sent.is_ended = all(each.order_id != order_id for each in self._desk.orders.working())  # denied
        linked.sent.append(sent)
        if not sent.is_ended:
            self._sent[order_id] = sent

    def _hear(self, linked: _Linked, now_ns: int) -> None:
        """Tell the package how far its newest order has come."""
        if not linked.sent:
            return
        newest = linked.sent[-1]
        if not newest.is_ended:
            newest.filled = whole_packages(self._desk.orders.order(newest.order_id))
        is_unwind = newest.attempt >= 0
        alike = [each for each in linked.sent if each.group == newest.group and (each.attempt >= 0) is is_unwind]
        report = GroupReport(
            ts_event_ns=now_ns,
            group=newest.group,
            is_unwind=is_unwind,
            filled=sum((each.filled for each in alike), _ZERO),
            paid=sum((each.paid for each in alike), _ZERO),
            is_ended=newest.is_ended,
            attempt=max(newest.attempt, 0),
        )
        linked.legging = step(linked.legging, report)

    def _mark(self, linked: _Linked, now_ns: int) -> None:
        """Tell the package what closing the part that is held alone would bring; nothing where it is not quoted."""
        money = 0.0
        for group, packages in zip(linked.legging.plan.groups, held_alone(linked.legging), strict=True):
            if packages > 0:
                legs = opposite(group.legs)
                price = _net(legs, _far_sides(legs, [self._quote_of(leg.instrument) for leg in legs]))
                money -= price * float(unit_multiplier(legs) * packages)
        if money and isfinite(money):
            event = Marked(ts_event_ns=now_ns, unwind_money=Decimal(repr(round(money, 9))))
            linked.legging = step(linked.legging, event)


def _far_sides(legs: Sequence[Leg], quotes: Sequence[Quote]) -> list[float]:
    """Return what each leg trades at when it takes; 0 for what is given away, NaN where nobody offers."""
    sides = []
    for leg, quote in zip(legs, quotes, strict=True):
        half = half_spread_of(quote)
        sides.append(nan if not isfinite(half) else quote.ask if leg.ratio > 0 else quote.ask - 2.0 * half)
    return sides


def _net(legs: Sequence[Leg], prices: Iterable[float]) -> float:
    """Return the net price of a package per unit of its multiplier."""
    money = sum(leg.ratio * float(leg.instrument.multiplier) * price for leg, price in zip(legs, prices, strict=True))
    return money / float(unit_multiplier(tuple(legs)))

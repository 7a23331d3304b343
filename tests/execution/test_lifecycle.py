"""The life of an order: each execution counts once, and the table says the rest."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.filled import filled_units, is_complete, out_of_ratio, overfilled, remaining, whole_packages
from execution.lifecycle import DONE, TRANSITIONS, Step, advance, is_done
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
from market.orders import Leg
from tests.execution.order_samples import NOW_NS, SHARE, call, condor, intent_for, order_of, put

_LEGS = (put(4000, 1), put(4025, -2))
_QUANTITY = 3


def _executed(number: int, leg: int = 0, units: str = "1", venue_order_id: str = "") -> Executed:
    return Executed(
        order_id="order",
        ts_event_ns=NOW_NS + 10 + number,
        fill_id=f"fill {number}",
        leg=leg,
        quantity=Decimal(units),
        venue_order_id=venue_order_id,
    )


def _sent(legs: tuple[Leg, ...] = _LEGS, quantity: str = "3") -> Order:
    return advance(order_of(intent_for(legs, quantity)), Sent(order_id="order", ts_event_ns=NOW_NS + 1))


def _walk(order: Order, *events: OrderEvent) -> Order:
    return reduce(advance, events, order)


def _at(number: int = 5) -> dict[str, str | int]:
    return {"order_id": "order", "ts_event_ns": NOW_NS + number}


_ACCEPTED = Accepted(order_id="order", ts_event_ns=NOW_NS + 2, venue_order_id="v")
_CANCEL = CancelRequested(order_id="order", ts_event_ns=NOW_NS + 3)
_CANCELLED = Cancelled(order_id="order", ts_event_ns=NOW_NS + 4, reason="user")
_EXPIRED = Expired(order_id="order", ts_event_ns=NOW_NS + 4, reason="day")
_REJECTED = Rejected(order_id="order", ts_event_ns=NOW_NS + 4, reason="margin")
_LOST = AnswerLost(order_id="order", ts_event_ns=NOW_NS + 4, reason="timeout")
_NOT_FOUND = NotFound(order_id="order", ts_event_ns=NOW_NS + 6)


def _found(status: OrderStatus, filled: tuple[str, ...], executions: tuple[Executed, ...] = ()) -> Found:
    units = tuple(map(Decimal, filled))
    return Found(order_id="order", ts_event_ns=NOW_NS + 9, status=status, filled=units, executions=executions)


def _units(*numbers: int) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, numbers))


@st.composite
def _executions(draw: st.DrawFn) -> list[Executed]:
    """Draw distinct executions of both legs; more than was ordered among them."""
    legs = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4)), max_size=6))
    return [_executed(n, leg, str(size if leg == 0 else -size)) for n, (leg, size) in enumerate(legs)]


_VENUE: tuple[OrderEvent, ...] = (
    _ACCEPTED,
    _CANCEL,
    _CANCELLED,
    _EXPIRED,
    _REJECTED,
    _LOST,
    _NOT_FOUND,
    CancelRefused(order_id="order", ts_event_ns=NOW_NS + 4, reason="too late"),
    Restated(order_id="order", ts_event_ns=NOW_NS + 4, quantity=Decimal(2)),
    _found(OrderStatus.ACCEPTED, ("0", "0")),
    _found(OrderStatus.FILLED, ("3", "-6")),
    _found(OrderStatus.CANCELLED, ("1", "-1")),
)


@st.composite
def _histories(draw: st.DrawFn) -> tuple[list[Executed], list[OrderEvent]]:
    """Draw executions, and a history in which they come in any order, twice, and among anything else."""
    executions = draw(_executions())
    others = draw(st.lists(st.sampled_from(_VENUE), max_size=8))
    events: list[OrderEvent] = [*executions, *others]
    if executions:
        events += draw(st.lists(st.sampled_from(executions), max_size=4))
    return executions, draw(st.permutations(events))


@given(_histories())
def test_the_filled_quantity_is_the_sum_of_the_distinct_executions(
    drawn: tuple[list[Executed], list[OrderEvent]],
) -> None:
    """No order of arrival, no duplicate and no status loses or doubles a fill; nothing remains below 0."""
    executions, events = drawn
    order = _walk(_sent(), *events)
    for leg in range(2):
        assert filled_units(order)[leg] == sum((e.quantity for e in executions if e.leg == leg), Decimal(0))
    assert order.fill_ids == {each.fill_id for each in executions}
    assert 0 <= remaining(order) <= _QUANTITY
    whole, units = whole_packages(order), filled_units(order)
    assert whole == min(abs(units[0]), abs(units[1]) // 2)
    assert [whole * leg.ratio + rest for leg, rest in zip(_LEGS, out_of_ratio(order), strict=True)] == list(units)


@given(_histories())
def test_an_ended_order_moves_only_by_fills_or_by_a_query_that_proves_them_missing(
    drawn: tuple[list[Executed], list[OrderEvent]],
) -> None:
    """Once filled, cancelled, rejected or expired, an order takes late fills and nothing else."""
    order = _sent()
    for event in drawn[1]:
        after = advance(order, event)
        if is_done(order) and after != order and not isinstance(event, Executed):
            is_short = isinstance(event, Found) and after.status is OrderStatus.UNKNOWN
            assert is_short or _without_name(after) == _without_name(order)
        order = after


def _without_name(order: Order) -> Order:
    """Return an order without what the venue calls it, which may be learnt late."""
    return replace(order, venue_order_id="", is_acknowledged=False, changed_ns=0)


@given(_executions(), st.sampled_from([_CANCELLED, _EXPIRED, _REJECTED]), st.data())
def test_the_order_in_which_a_venue_tells_does_not_change_the_end(
    executions: list[Executed], end: OrderEvent, data: st.DataObject
) -> None:
    """Ack, fills and the end of an order give the same order in whatever sequence they arrive, duplicates included."""
    events: list[OrderEvent] = [_ACCEPTED, *executions, end, *executions[:2], end]
    assert _walk(_sent(), *data.draw(st.permutations(events))) == _walk(_sent(), *events)


@given(_histories())
def test_an_event_that_comes_twice_in_a_row_changes_nothing(drawn: tuple[list[Executed], list[OrderEvent]]) -> None:
    """Each event but our own sending is idempotent, and gives the same object back."""
    order = _sent()
    for event in drawn[1]:
        order = advance(order, event)
        assert advance(order, event) is order


@given(_executions(), st.data())
def test_a_fill_that_is_taken_back_counts_nothing_whenever_that_is_told(
    executions: list[Executed], data: st.DataObject
) -> None:
    """A bust before, after or twice around its fill leaves the sum of the others."""
    busted: list[Executed] = data.draw(st.lists(st.sampled_from(executions), unique=True)) if executions else []
    busts = [
        Busted(order_id="order", ts_event_ns=NOW_NS + 50, fill_id=e.fill_id, leg=e.leg, quantity=e.quantity)
        for e in busted
    ]
    events: list[OrderEvent] = [*executions, *busts, *busts]
    order = _walk(_sent(), *data.draw(st.permutations(events)))
    kept = [each for each in executions if each not in busted]
    assert filled_units(order)[0] == sum((each.quantity for each in kept if each.leg == 0), Decimal(0))
    assert order.busted_ids == {each.fill_id for each in busted}


def test_a_bust_of_a_fill_that_has_not_come_takes_nothing_away() -> None:
    """Until the void fill is told, and after, nothing was bought; the order is never filled below 0."""
    bust = Busted(order_id="order", ts_event_ns=NOW_NS + 50, fill_id="fill 1", leg=0, quantity=Decimal(1))
    order = advance(_sent(), bust)
    assert (filled_units(order), remaining(order)) == (_units(0, 0), Decimal(3))
    assert filled_units(advance(order, _executed(1))) == _units(0, 0)
    assert filled_units(_walk(order, _executed(1), _executed(2))) == _units(1, 0)


def test_every_status_has_an_answer_to_everything_a_venue_may_say() -> None:
    """Only what we do ourselves can be impossible; a venue may tell anything at any time."""
    ours = {Step.SENT, Step.CANCEL_REQUESTED, Step.CANCEL_REFUSED, Step.ANSWER_LOST}
    absent = {(status, each) for status in OrderStatus for each in Step} - TRANSITIONS.keys()
    assert {each for _, each in absent} == ours
    assert {status for status, each in absent if each is not Step.SENT} == {OrderStatus.INTENT}


def test_only_a_query_or_the_last_fill_leads_out_of_unknown() -> None:
    """A message may be older than what was lost; an answer to a question that came later is not."""
    ways = {each for (status, each), after in TRANSITIONS.items() if status is OrderStatus.UNKNOWN is not after}
    queries = {each for each in Step if each.value.startswith("found")} | {Step.NOT_FOUND}
    assert ways == (queries - {Step.FOUND_SHORT}) | {Step.ALL_FILLED}


def test_no_step_but_a_fill_or_a_query_leads_out_of_an_end() -> None:
    """The table itself keeps the ends closed, and nothing returns to pending or intent."""
    ways = {step for (status, step), after in TRANSITIONS.items() if status in DONE and after is not status}
    fills = {Step.PART_FILLED, Step.ALL_FILLED, Step.BUSTED_TO_PART, Step.BUSTED_TO_NONE}
    assert ways == fills | {Step.FOUND_SHORT, Step.FOUND_PART, Step.FOUND_CANCELLED}
    into = {(status, after) for (status, _), after in TRANSITIONS.items() if status is not after}
    assert {status for status, after in into if after is OrderStatus.PENDING} == {OrderStatus.INTENT}
    assert not {status for status, after in into if after is OrderStatus.INTENT}


def test_a_fill_may_come_before_the_acknowledgement() -> None:
    """The late ack tells the venue's id and takes nothing back."""
    order = _walk(_sent((Leg(instrument=SHARE, ratio=1),), "2"), _executed(1), _ACCEPTED)
    assert (order.status, order.venue_order_id, remaining(order)) == (OrderStatus.PARTIALLY_FILLED, "v", Decimal(1))


def test_a_fill_that_races_a_cancel_is_counted_and_the_cancel_forgotten() -> None:
    """Asked to cancel, the venue fills: the order is filled, and no cancel is under way any more."""
    order = _walk(_sent((Leg(instrument=SHARE, ratio=1),), "1"), _ACCEPTED, _CANCEL)
    assert order.is_cancel_requested
    race: tuple[OrderEvent, ...] = (_executed(1), _CANCELLED)
    for events in permutations(race):
        after = _walk(order, *events)
        assert (after.status, after.is_cancel_requested, after.reason) == (OrderStatus.FILLED, False, "")


def test_a_refused_cancel_leaves_the_order_working() -> None:
    """The venue will not cancel: the order stands, and may be asked again."""
    refused = CancelRefused(order_id="order", ts_event_ns=NOW_NS + 5, reason="being filled")
    order = _walk(_sent(), _ACCEPTED, _CANCEL, refused)
    assert (order.status, order.is_cancel_requested) == (OrderStatus.ACCEPTED, False)
    assert advance(order, _CANCEL).is_cancel_requested


def test_a_lost_answer_is_resolved_by_a_query_with_the_executions_that_it_tells() -> None:
    """Unknown stays unknown through an ack, becomes what the query finds, and counts its executions once."""
    order = _walk(_sent(), _executed(1), _LOST, _ACCEPTED, _CANCELLED)
    assert (order.status, order.reason) == (OrderStatus.UNKNOWN, "timeout")
    executions = (_executed(1), _executed(2, leg=1, units="-2"))
    found = advance(order, _found(OrderStatus.CANCELLED, ("1", "-2"), executions))
    assert (found.status, filled_units(found)) == (OrderStatus.CANCELLED, _units(1, -2))
    assert advance(order, _found(OrderStatus.ACCEPTED, ("1", "0"))).status is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize("status", [OrderStatus.ACCEPTED, OrderStatus.FILLED, OrderStatus.CANCELLED])
def test_a_query_that_counts_more_than_it_tells_leaves_the_order_unknown(status: OrderStatus) -> None:
    """Positions change by fills: a count without its executions is a question, even for an order that had ended."""
    for order in (_walk(_sent(), _ACCEPTED), _walk(_sent(), _CANCELLED)):
        after = advance(order, _found(status, ("3", "-6")))
        assert (after.status, filled_units(after)) == (OrderStatus.UNKNOWN, _units(0, 0))
        assert "has not told" in after.reason


def test_an_order_that_never_arrived_is_rejected_and_an_unsent_one_may_still_be_sent() -> None:
    """A conclusive query tells a crash before sending from one after it; a contradiction stays unknown."""
    assert _walk(_sent(), _LOST, _NOT_FOUND).status is OrderStatus.REJECTED
    assert advance(order_of(intent_for()), _NOT_FOUND).status is OrderStatus.INTENT
    assert _walk(_sent(), _ACCEPTED, _NOT_FOUND).status is OrderStatus.UNKNOWN
    assert _walk(_sent(), _executed(1), _NOT_FOUND).status is OrderStatus.UNKNOWN


def test_an_overfill_is_kept_and_told() -> None:
    """More than was asked for is our position all the same."""
    order = _walk(_sent((Leg(instrument=SHARE, ratio=-1),), "2"), _executed(1, units="-3"), _executed(2, units="-1"))
    assert (order.status, filled_units(order), overfilled(order)) == (OrderStatus.FILLED, _units(-4), _units(-2))
    assert remaining(order) == 0
    assert overfilled(_walk(_sent(), _executed(1))) == _units(0, 0)


def test_a_restated_order_is_complete_at_its_new_size() -> None:
    """The venue halves the order; what had been a part is the whole."""
    restated = Restated(order_id="order", ts_event_ns=NOW_NS + 8, quantity=Decimal(1))
    order = _walk(_sent((Leg(instrument=SHARE, ratio=1),), "2"), _executed(1), restated)
    assert (order.status, remaining(order), is_complete(order)) == (OrderStatus.FILLED, Decimal(0), True)
    grown = advance(_sent((Leg(instrument=SHARE, ratio=1),), "2"), replace(restated, quantity=Decimal("2.5")))
    assert (grown.status, remaining(grown)) == (OrderStatus.ACCEPTED, Decimal("2.5"))


def test_legs_that_are_filled_out_of_proportion_are_told_by_leg() -> None:
    """One whole condor of two, and one leg beyond it."""
    fills = [_executed(n, leg, units) for n, (leg, units) in enumerate(((0, "2"), (1, "-1"), (2, "-1"), (3, "1")))]
    order = _walk(_sent(condor(), "2"), *fills)
    assert (whole_packages(order), remaining(order)) == _units(1, 1)
    assert out_of_ratio(order) == _units(1, 0, 0, 0)
    assert order.status is OrderStatus.PARTIALLY_FILLED


def test_fractions_of_a_pair_are_counted_without_rounding_up() -> None:
    """A package of shares in fractions is as whole as its lesser leg."""
    pair = (Leg(instrument=SHARE, ratio=3), call(4200, -1))
    order = _sent(pair, "0.5")
    order = _walk(order, _executed(1, 0, "1"), _executed(2, 1, "-0.5"))
    assert Decimal("0.3333333") < whole_packages(order) <= Decimal(1) / 3
    assert _walk(order, _executed(3, 0, "0.5")).status is OrderStatus.FILLED


@pytest.mark.parametrize(
    "event",
    [
        Sent(order_id="order", ts_event_ns=NOW_NS + 2),
        Sent(order_id="another", ts_event_ns=NOW_NS + 2),
        _executed(1, leg=2),
        _executed(1, leg=-1),
        _executed(1, units="-1"),
        _executed(1, units="0"),
        _executed(1, units="NaN"),
        replace(_executed(1), fill_id=""),
        replace(_ACCEPTED, venue_order_id="w"),
        _executed(1, venue_order_id="w"),
        Restated(order_id="order", ts_event_ns=NOW_NS, quantity=Decimal(0)),
        _found(OrderStatus.ACCEPTED, ("0",)),
        _found(OrderStatus.PENDING, ("0", "0")),
    ],
)
def test_an_event_that_cannot_be_is_refused_with_what_to_do(event: OrderEvent) -> None:
    """A second sending, another order's event, a leg, side or number that the order does not have."""
    order = advance(_sent(), _ACCEPTED)
    with pytest.raises(DataError, match=r"order order cannot be; found .+; expected .*; query the venue"):
        advance(order, event)


def test_an_unsent_intent_cannot_lose_an_answer_but_may_be_withdrawn_or_vetoed() -> None:
    """Nothing was asked, so nothing is lost; risk and the strategy may end it."""
    order = order_of(intent_for())
    for event in (_LOST, _CANCEL):
        with pytest.raises(DataError, match="while intent"):
            advance(order, event)
    assert advance(order, _CANCELLED).status is OrderStatus.CANCELLED
    assert advance(order, _REJECTED).reason == "margin"

"""Linked orders: what is held alone is bounded in time and money, and ends whole or closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from execution.legging import Legging, LeggingState, OrderPhase, begin, held_alone, next_action, step, whole
from execution.legging_events import (
    Alarm,
    Cancel,
    Finish,
    GroupReport,
    Issued,
    LeggingPlan,
    LeggingTerms,
    Marked,
    Send,
    Ticked,
    Unwind,
    Wait,
    legging_plan,
)
from market.errors import DataError
from market.orders import PositionEffect, unit_multiplier
from tests.execution.order_samples import FAR, NEAR, NOW_NS, call, condor, intent_for, put

_LEGS = (*condor(NEAR), *condor(FAR))
_PRICES = tuple(map(Decimal, ("1.0", "2.0", "2.0", "1.0", "3.0", "5.0", "5.0", "3.0")))
_TERMS = LeggingTerms(budget=Decimal(300), max_unwinds=2)
_TWELVE = (*_LEGS, put(3900, 1), put(3925, -1), call(4300, -1), call(4325, 1))


def _plan(quantity: str = "10", limit: str = "-5.60", leg_limit: int = 4) -> LeggingPlan:
    return legging_plan(intent_for(_LEGS, quantity, limit), _PRICES, leg_limit, _TERMS)


def _report(group: int, filled: str, paid: str = "0", *, is_ended: bool = True, **changes: bool | int) -> GroupReport:
    plain = GroupReport(
        ts_event_ns=NOW_NS,
        group=group,
        is_unwind=False,
        filled=Decimal(filled),
        paid=Decimal(paid),
        is_ended=is_ended,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # fields by name


def _issued(legging: Legging) -> Legging:
    return step(legging, Issued(ts_event_ns=NOW_NS))


def _timed_out(legging: Legging) -> Legging:
    return step(legging, Ticked(ts_event_ns=legging.deadline_ns))


def _first_held(filled: str = "10", paid: str = "-2000") -> Legging:
    return step(_issued(begin(_plan())), _report(0, filled, paid))


def test_the_second_group_is_sent_at_what_the_limit_leaves_after_the_first() -> None:
    """The first brought 2.00 of the 5.60 asked for: the second must bring 3.60, to the tick."""
    idle = begin(_plan())
    first = next_action(idle)
    assert isinstance(first, Send)
    assert (first.group, first.quantity, idle.state) == (0, Decimal(10), LeggingState.IDLE)
    working = _issued(idle)
    assert next_action(working) == Wait(until_ns=NOW_NS + _TERMS.first_timeout_ns)
    held = step(working, _report(0, "10", "-2000"))
    assert (held.state, held_alone(held)) == (LeggingState.FIRST_FILLED, (Decimal(10), Decimal(0)))
    assert next_action(held) == Send(group=1, quantity=Decimal(10), limit_price=Decimal("-3.60"))
    done = step(_issued(held), _report(1, "10", "-3650"))
    assert (done.state, next_action(done)) == (LeggingState.COMPLETE, Finish(quantity=Decimal(10)))


def test_a_first_group_that_never_fills_leaves_nothing() -> None:
    """Time-out, cancel, end: nothing was held and nothing is left to do."""
    late = _timed_out(_issued(begin(_plan())))
    assert next_action(late) == Cancel(group=0, is_unwind=False)
    ended = step(_issued(late), _report(0, "0"))
    assert (ended.state, next_action(ended)) == (LeggingState.UNWOUND, Finish(quantity=Decimal(0)))


def test_a_first_group_that_fills_in_part_is_completed_for_that_part() -> None:
    """Three of ten came before the time-out: the second group is sent for three."""
    late = _timed_out(_issued(begin(_plan())))
    held = step(_issued(late), _report(0, "3", "-600"))
    action = next_action(held)
    assert isinstance(action, Send)
    assert (action.group, action.quantity, action.limit_price) == (1, Decimal(3), Decimal("-3.60"))


def test_a_second_group_that_does_not_come_is_answered_by_closing_the_first() -> None:
    """Six of ten became whole; the other four of the first group are closed, and six are kept."""
    late = _timed_out(_issued(_first_held()))
    unwinding = step(_issued(late), _report(1, "6", "-2200"))
    assert next_action(unwinding) == Unwind(group=0, quantity=Decimal(4), attempt=0)
    done = step(_issued(unwinding), _report(0, "4", is_unwind=True))
    assert (done.state, next_action(done)) == (LeggingState.COMPLETE, Finish(quantity=Decimal(6)))


def test_a_loss_beyond_the_budget_closes_at_once_and_a_smaller_one_waits() -> None:
    """Ten held for a credit of 2000: closing at 2300 costs the budget, a cent more is beyond it."""
    working = _issued(_first_held())
    assert step(working, Marked(ts_event_ns=NOW_NS, unwind_money=Decimal(-2300))) is working
    beyond = Marked(ts_event_ns=NOW_NS, unwind_money=Decimal("-2300.01"))
    assert next_action(step(working, beyond)) == Cancel(group=1, is_unwind=False)
    given_up = step(_first_held(), beyond)
    assert next_action(given_up) == Unwind(group=0, quantity=Decimal(10), attempt=0)
    assert "budget" in given_up.reason


def test_attempts_to_unwind_are_bounded_and_then_a_person_is_called() -> None:
    """Two attempts do not close it: an alarm, and no order of the plan any more."""
    legging = step(_first_held(), Marked(ts_event_ns=NOW_NS, unwind_money=Decimal(-9000)))
    for attempt in range(2):
        assert next_action(legging) == Unwind(group=0, quantity=Decimal(10 - attempt), attempt=attempt)
        cancelling = _issued(_timed_out(_issued(legging)))
        legging = step(cancelling, _report(0, str(attempt + 1), is_unwind=True, attempt=attempt))
    assert isinstance(next_action(legging), Alarm)
    with pytest.raises(DataError, match="asked for nothing"):
        _issued(legging)


def test_a_cancel_without_an_answer_and_legs_out_of_proportion_call_a_person() -> None:
    """What is held is not known: nothing is sent on a guess."""
    unanswered = _timed_out(_issued(_timed_out(_issued(begin(_plan())))))
    assert next_action(unanswered) == Alarm(reason="a cancel was not answered in time")
    torn = step(_issued(begin(_plan())), _report(0, "3", is_whole=False))
    assert next_action(torn) == Alarm(reason="an order ended with legs out of proportion")


def test_late_fills_are_closed_and_late_closes_are_told() -> None:
    """A fill after the end is held alone and closed; closing more than was held calls a person."""
    unwound = step(_issued(_timed_out(_issued(begin(_plan())))), _report(0, "0"))
    late = step(unwound, _report(0, "2", "-400", is_ended=False))
    assert next_action(late) == Unwind(group=0, quantity=Decimal(2), attempt=0)
    closing = _issued(late)
    too_much = step(closing, _report(0, "3", is_unwind=True))
    assert next_action(too_much) == Alarm(reason="late fills closed more than was held")


def test_a_late_fill_while_closing_makes_the_closing_order_smaller_or_larger() -> None:
    """The size of the order that is out is wrong then: it is cancelled, and the next is sized by what is left."""
    unwinding = _issued(step(_first_held(), Marked(ts_event_ns=NOW_NS, unwind_money=Decimal(-9000))))
    more = step(unwinding, _report(0, "11", "-2200", is_ended=False))
    assert next_action(more) == Cancel(group=0, is_unwind=True)
    again = step(_issued(more), _report(0, "4", is_unwind=True))
    assert next_action(again) == Unwind(group=0, quantity=Decimal(7), attempt=1)


def test_a_report_of_an_earlier_attempt_does_not_end_the_one_that_is_out() -> None:
    """Told twice, an old end must not lead to a second closing order beside the first."""
    legging = _issued(step(_first_held(), Marked(ts_event_ns=NOW_NS, unwind_money=Decimal(-9000))))
    old = _report(0, "2", is_unwind=True)
    second = _issued(step(_issued(_timed_out(legging)), old))
    assert step(second, old) is second
    assert second.phase is OrderPhase.WORKING


@pytest.mark.parametrize(
    ("legs", "limit", "effect"), [(condor(), 4, PositionEffect.OPEN), (_LEGS, 4, PositionEffect.CLOSE)]
)
def test_what_needs_no_linked_orders_is_refused(legs: tuple[object, ...], limit: int, effect: PositionEffect) -> None:
    """A package that the venue takes whole, and a close, whose parts only reduce."""
    intent = intent_for(_LEGS[: len(legs)], "10", "-5.60", effect)
    with pytest.raises(DataError, match="needs no linked orders"):
        legging_plan(intent, _PRICES[: len(legs)], limit, _TERMS)


@pytest.mark.parametrize("wrong", [{"budget": Decimal("NaN")}, {"budget": Decimal(-1)}, {"max_unwinds": 0}])
def test_terms_that_bound_nothing_are_refused(wrong: dict[str, Decimal | int]) -> None:
    """Without a finite budget, time and number of attempts the risk has no end."""
    with pytest.raises(DataError, match="terms of linked orders"):
        replace(_TERMS, **wrong)  # type: ignore[arg-type]  # fields by name
    with pytest.raises(DataError, match="names no group"):
        step(begin(_plan()), _report(2, "1"))


@dataclass
class _Venue:
    """The one order that is out, and what was done so far, as a venue would know it."""

    legging: Legging
    data: st.DataObject
    size: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    done: Decimal = Decimal(0)
    now_ns: int = NOW_NS

    def send(self, action: Send | Unwind) -> None:
        legs = self.legging.plan.groups[action.group].legs
        unit = unit_multiplier(legs)
        self.price = action.limit_price * unit if isinstance(action, Send) else Decimal(100)
        self.size, self.done = action.quantity, Decimal(0)
        self.legging = step(self.legging, Issued(ts_event_ns=self.now_ns))

    def answer(self) -> None:
        """Fill a part at the limit or better, end the order, let time pass, or let the market move."""
        kind = self.data.draw(st.sampled_from(["part", "end", "tick", "mark"]))
        if kind in {"part", "end"}:
            self._fill(is_ended=kind == "end")
        elif kind == "tick":
            self.now_ns = self.data.draw(st.integers(self.now_ns, max(self.now_ns, self.legging.deadline_ns - 1)))
            if self.legging.phase is not OrderPhase.CANCELLING:
                self.now_ns = max(self.now_ns, self.legging.deadline_ns)
            self.legging = step(self.legging, Ticked(ts_event_ns=self.now_ns))
        else:
            money = Decimal(self.data.draw(st.integers(-6000, 6000)))
            self.legging = step(self.legging, Marked(ts_event_ns=self.now_ns, unwind_money=money))

    def _fill(self, *, is_ended: bool) -> None:
        legging, group = self.legging, self.legging.group
        more = Decimal(self.data.draw(st.integers(0, int(self.size - self.done))))
        self.done += more
        is_unwind = legging.state is LeggingState.UNWINDING
        before = (legging.unwound if is_unwind else legging.filled)[group]
        better = Decimal(self.data.draw(st.integers(0, 50)))
        report = GroupReport(
            ts_event_ns=self.now_ns,
            group=group,
            is_unwind=is_unwind,
            filled=before + more,
            paid=legging.paid[group] + more * (self.price - better),
            is_ended=is_ended or self.done == self.size,
            attempt=legging.attempts if is_unwind else 0,
        )
        self.legging = step(step(legging, report), replace(report, is_ended=False))


def _check(venue: _Venue, action: Send | Unwind) -> None:
    """No order sends more than is planned or closes more than is held; none raises the leg risk after a time-out."""
    legging, alone = venue.legging, held_alone(venue.legging)
    plan = legging.plan
    if isinstance(action, Unwind):
        assert 0 < action.quantity <= alone[action.group]
        return
    assert legging.filled[action.group] == 0 < action.quantity <= plan.quantity * plan.factors[action.group]
    if legging.is_timed_out or legging.is_giving_up:
        assert not legging.is_giving_up
        assert action.group == len(plan.groups) - 1
        packages = action.quantity / plan.factors[action.group]
        assert all(part >= packages * factor for part, factor in zip(alone[:-1], plan.factors, strict=False))


@cache
def _planned(n_legs: int, leg_limit: int, quantity: int) -> LeggingPlan:
    """Return a plan; made once, because twelve legs have thousands of splits."""
    prices = (*_PRICES, *map(Decimal, (1, 2, 2, 1)))[:n_legs]
    return legging_plan(intent_for(_TWELVE[:n_legs], str(quantity), "-1.00"), prices, leg_limit, _TERMS)


# No deadline: the first example of a shape makes its plan.
@settings(max_examples=100, deadline=None)
@given(st.data(), st.sampled_from([(8, 4), (12, 4), (4, 2), (4, 1)]))
def test_linked_orders_end_whole_or_closed_and_never_raise_their_risk_after_a_time_out(
    data: st.DataObject, shape: tuple[int, int]
) -> None:
    """Against a venue that fills, cancels and delays at random, one order is out at a time and the end is clean."""
    venue = _Venue(begin(_planned(*shape, data.draw(st.integers(1, 6)))), data)
    for _ in range(120):
        action = next_action(venue.legging)
        if isinstance(action, Finish | Alarm):
            break
        if isinstance(action, Send | Unwind):
            _check(venue, action)
            venue.send(action)
        elif isinstance(action, Cancel):
            venue.legging = step(venue.legging, Issued(ts_event_ns=venue.now_ns))
        else:
            venue.answer()
    _check_end(venue.legging)


def _check_end(legging: Legging) -> None:
    """Held is whole packages at no more than the limit, or nothing, or a person knows."""
    plan, count = legging.plan, whole(legging)
    if legging.state in {LeggingState.COMPLETE, LeggingState.UNWOUND}:
        assert not any(held_alone(legging))
        assert (count > 0) == (legging.state is LeggingState.COMPLETE)
        parts = zip(legging.paid, legging.filled, plan.factors, strict=True)
        paid = sum((money * count * factor / filled for money, filled, factor in parts if filled), Decimal(0))
        assert paid <= plan.limit_money * count + Decimal("1e-9")
    elif legging.state is LeggingState.STUCK:
        assert legging.reason
    assert all(part >= 0 for part in held_alone(legging))

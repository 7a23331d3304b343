"""Linked orders: one group after the other, and back to nothing where the next does not come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context, Decimal
from enum import StrEnum
from typing import Final

from execution.legging_events import (
    Alarm,
    Cancel,
    Finish,
    GroupReport,
    Issued,
    LeggingAction,
    LeggingEvent,
    LeggingPlan,
    Marked,
    Send,
    Ticked,
    Unwind,
    Wait,
)
from execution.packages import rounded_limit
from market.errors import DataError
from market.orders import unit_multiplier

__all__ = ["Legging", "LeggingState", "OrderPhase", "begin", "held_alone", "next_action", "step", "whole"]

_ZERO: Final = Decimal(0)
_FLOOR: Final = Context(prec=28, rounding=ROUND_FLOOR)


class LeggingState(StrEnum):
    """How far linked orders have come."""

    IDLE = "idle"
    FIRST_WORKING = "first working"
    FIRST_FILLED = "first filled"  # the groups so far are held, and the next may be sent
    SECOND_WORKING = "second working"  # or third: every group after the first
    COMPLETE = "complete"  # all that is held is whole, which may be less than was asked for
    UNWINDING = "unwinding"
    UNWOUND = "unwound"  # nothing is held
    STUCK = "stuck"


class OrderPhase(StrEnum):
    """Where the one order stands that may be out."""

    NONE = "none"
    WORKING = "working"
    CANCEL_WANTED = "cancel wanted"
    CANCELLING = "cancelling"


@dataclass(frozen=True, slots=True, kw_only=True)
class Legging:
    """The state of linked orders, as a value.

    Parameters
    ----------
    plan : LeggingPlan
        What was planned.
    state : LeggingState
        How far it has come.
    group : int
        Group that is worked on.
    phase : OrderPhase
        Where its order stands.
    filled, unwound : tuple of Decimal
        By group: packages that were opened, and of those that were closed again.
    paid : tuple of Decimal
        By group: money paid for what was opened, account currency.
    deadline_ns : int
        Instant at which the phase times out, ns since the epoch, UTC.
    attempts : int
        Attempts to unwind so far.
    is_timed_out, is_giving_up : bool
        Whether a time-out has passed, and whether the budget was exceeded.
    reason : str
        Why it is unwound or stuck.
    """

    plan: LeggingPlan
    state: LeggingState = LeggingState.IDLE
    group: int = 0
    phase: OrderPhase = OrderPhase.NONE
    filled: tuple[Decimal, ...]
    unwound: tuple[Decimal, ...]
    paid: tuple[Decimal, ...]
    deadline_ns: int = 0
    attempts: int = 0
    is_timed_out: bool = False
    is_giving_up: bool = False
    reason: str = ""


_IDLE, _FIRST, _HELD, _NEXT, _COMPLETE, _UNWINDING, _UNWOUND, _STUCK = LeggingState
_NONE, _WORKING, _CANCEL_WANTED, _CANCELLING = OrderPhase
_OPENING: Final = frozenset((_FIRST, _NEXT))
_ENDED: Final = frozenset((_COMPLETE, _UNWOUND))


def begin(plan: LeggingPlan) -> Legging:
    """Return linked orders of which nothing is sent yet.

    Parameters
    ----------
    plan : LeggingPlan
        What is to be done.

    Returns
    -------
    Legging
        Idle.
    """
    none = (_ZERO,) * len(plan.groups)
    return Legging(plan=plan, filled=none, unwound=none, paid=none)


def whole(legging: Legging) -> Decimal:
    """Return the packages of the whole that are held.

    Parameters
    ----------
    legging : Legging
        Any state.

    Returns
    -------
    Decimal
        Whole number >= 0.
    """
    pairs = zip(legging.filled, legging.unwound, legging.plan.factors, strict=True)
    return max(min(_floor(_FLOOR.divide(opened - closed, Decimal(factor))) for opened, closed, factor in pairs), _ZERO)


def held_alone(legging: Legging) -> tuple[Decimal, ...]:
    """Return the packages of each group that are held beyond the whole packages: the leg risk.

    Parameters
    ----------
    legging : Legging
        Any state.

    Returns
    -------
    tuple of Decimal
        One per group, >= 0; below 0 where late fills closed more than was held, and a person is called.
    """
    count = whole(legging)
    parts = zip(legging.filled, legging.unwound, legging.plan.factors, strict=True)
    return tuple(filled - unwound - count * factor for filled, unwound, factor in parts)


def next_action(legging: Legging) -> LeggingAction:
    """Return the one thing to do now.

    Parameters
    ----------
    legging : Legging
        Any state.

    Returns
    -------
    LeggingAction
        Perform a send, a cancel or an unwind once, and answer with `Issued`.
    """
    match legging.state:
        case LeggingState.STUCK:
            return Alarm(reason=legging.reason)
        case LeggingState.COMPLETE | LeggingState.UNWOUND:
            return Finish(quantity=whole(legging))
        case LeggingState.IDLE | LeggingState.FIRST_FILLED:
            return _send(legging)
        case _:
            return _working_action(legging)


def step(legging: Legging, event: LeggingEvent) -> Legging:
    """Return linked orders after an event.

    Parameters
    ----------
    legging : Legging
        Before.
    event : LeggingEvent
        Reports may come twice, late and in any order.

    Returns
    -------
    Legging
        After; the same object where the event tells nothing new.

    Raises
    ------
    DataError
        `Issued` where nothing was asked for, or a report of a group that the plan does not have.

    Notes
    -----
    After a time-out, and after the budget was exceeded, no order is sent that could raise what is held alone: the last
    group alone may still be sent for what the others hold, because it makes them whole; everything else is closed.
    """
    match event:
        case Issued():
            return _issued(legging, event.ts_event_ns)
        case Ticked():
            return _ticked(legging, event.ts_event_ns)
        case Marked():
            return _marked(legging, event.unwind_money)
        case GroupReport():
            return _reported(legging, event)


def _send(legging: Legging) -> Send:
    plan, group = legging.plan, legging.group
    packages = _sendable(legging)
    quantity = packages * plan.factors[group]
    if group == 0:
        return Send(group=0, quantity=quantity, limit_price=plan.groups[0].limit_price)
    money = plan.limit_money * packages - _paid_for(legging, packages) - _planned_after(plan, group) * packages
    legs = plan.groups[group].legs
    price = _FLOOR.divide(money, quantity * unit_multiplier(legs))
    return Send(group=group, quantity=quantity, limit_price=rounded_limit(legs, price))


def _working_action(legging: Legging) -> LeggingAction:
    if legging.phase is _CANCEL_WANTED:
        return Cancel(group=legging.group, is_unwind=legging.state is _UNWINDING)
    if legging.phase is _NONE:
        quantity = held_alone(legging)[legging.group]
        return Unwind(group=legging.group, quantity=quantity, attempt=legging.attempts)
    return Wait(until_ns=legging.deadline_ns)


def _issued(legging: Legging, now_ns: int) -> Legging:
    terms = legging.plan.terms
    if legging.phase is _CANCEL_WANTED:
        return replace(legging, phase=_CANCELLING, deadline_ns=now_ns + terms.answer_timeout_ns)
    if legging.phase is not _NONE or legging.state in _ENDED or legging.state is _STUCK:
        raise DataError(
            "linked orders asked for nothing that could be issued",
            found=f"{legging.state}, order {legging.phase}",
            expected="an answer to a send, a cancel or an unwind",
        )
    timeout_ns = {_IDLE: terms.first_timeout_ns, _HELD: terms.next_timeout_ns}.get(
        legging.state, terms.unwind_timeout_ns
    )
    state = {_IDLE: _FIRST, _HELD: _NEXT}.get(legging.state, legging.state)
    return replace(legging, state=state, phase=_WORKING, deadline_ns=now_ns + timeout_ns)


def _ticked(legging: Legging, now_ns: int) -> Legging:
    if legging.phase is _NONE or legging.state is _STUCK or now_ns < legging.deadline_ns:
        return legging
    if legging.phase is _WORKING:
        return replace(legging, phase=_CANCEL_WANTED, is_timed_out=True)
    if legging.phase is _CANCELLING:
        return replace(legging, state=_STUCK, reason="a cancel was not answered in time")
    return legging


def _marked(legging: Legging, unwind_money: Decimal) -> Legging:
    alone = held_alone(legging)
    parts = zip(legging.paid, alone, legging.filled, strict=True)
    cost = sum((paid * part / filled for paid, part, filled in parts if part), _ZERO)
    is_opening = legging.state in _OPENING or legging.state is _HELD
    if legging.is_giving_up or not is_opening or cost - unwind_money <= legging.plan.terms.budget:
        return legging
    after = replace(legging, is_giving_up=True, reason="what is held alone lost more than its budget")
    if after.phase is _WORKING:
        return replace(after, phase=_CANCEL_WANTED)
    return _settled(after) if after.phase is _NONE else after


def _reported(legging: Legging, report: GroupReport) -> Legging:
    if not 0 <= report.group < len(legging.plan.groups):
        raise DataError(
            "a report of linked orders names no group",
            found=str(report.group),
            expected=f"0 to {len(legging.plan.groups) - 1}",
        )
    after = _with_report(legging, report)
    if after.state is _STUCK:
        return after
    if min(held_alone(after)) < 0:
        return replace(after, state=_STUCK, reason="late fills closed more than was held")
    if legging.phase is _NONE or not _is_ours(legging, report):
        return _corrected(after) if after is not legging else legging
    if not report.is_ended:
        return after
    after = replace(after, phase=_NONE, attempts=after.attempts + report.is_unwind)
    if not report.is_whole:
        return replace(after, state=_STUCK, reason="an order ended with legs out of proportion")
    return _settled(after)


def _is_ours(legging: Legging, report: GroupReport) -> bool:
    """Tell whether a report is of the order that is out, and not of one before it."""
    is_unwind = legging.state is _UNWINDING
    attempt = legging.attempts if is_unwind else 0
    return (report.group, report.is_unwind, report.attempt) == (legging.group, is_unwind, attempt)


def _corrected(legging: Legging) -> Legging:
    """Answer a fill that came after its order was thought to have ended."""
    if legging.state in _ENDED or (legging.state is _UNWINDING and legging.phase is _NONE):
        return _settled(legging)
    if legging.state is _UNWINDING and legging.phase is _WORKING:
        # Its size is wrong now; the next attempt is sized by what is left.
        return replace(legging, phase=_CANCEL_WANTED)
    return legging


def _with_report(legging: Legging, report: GroupReport) -> Legging:
    """Count what is filled; a report that is older than what is known changes nothing."""
    place = report.group
    if report.is_unwind:
        if report.filled <= legging.unwound[place]:
            return legging
        return replace(legging, unwound=_put(legging.unwound, place, report.filled))
    if report.filled <= legging.filled[place]:
        return legging
    filled, paid = _put(legging.filled, place, report.filled), _put(legging.paid, place, report.paid)
    return replace(legging, filled=filled, paid=paid)


def _settled(legging: Legging) -> Legging:
    """Choose what comes next while no order is out."""
    following = legging.group + 1
    if legging.state in _OPENING and following < len(legging.plan.groups):
        onward = replace(legging, state=_HELD, group=following, deadline_ns=0)
        is_last = following == len(legging.plan.groups) - 1
        if _sendable(onward) and not legging.is_giving_up and (is_last or not legging.is_timed_out):
            return onward
    alone = [place for place, part in enumerate(held_alone(legging)) if part > 0]
    if not alone:
        return replace(legging, state=_COMPLETE if whole(legging) else _UNWOUND, deadline_ns=0)
    if legging.attempts >= legging.plan.terms.max_unwinds:
        return replace(legging, state=_STUCK, reason=f"{legging.attempts} attempts to unwind did not close it")
    # The last first: what came before it was chosen because it is safer to hold.
    return replace(legging, state=_UNWINDING, group=alone[-1], deadline_ns=0)


def _sendable(legging: Legging) -> Decimal:
    """Return the packages of the whole that the group may still be sent for."""
    plan, group = legging.plan, legging.group
    if group == 0:
        return plan.quantity
    pairs = zip(legging.filled[:group], plan.factors, strict=False)
    held = [_floor(_FLOOR.divide(filled, Decimal(factor))) for filled, factor in pairs]
    return min(plan.quantity, *held)


def _paid_for(legging: Legging, packages: Decimal) -> Decimal:
    """Return what the groups before this one cost for so many packages of the whole."""
    parts = zip(legging.paid, legging.filled, legging.plan.factors, strict=True)
    before = list(parts)[: legging.group]
    # Multiplied first: where all of it counts, nothing is rounded.
    return sum((paid * (packages * factor) / filled for paid, filled, factor in before), _ZERO)


def _planned_after(plan: LeggingPlan, group: int) -> Decimal:
    later = zip(plan.groups[group + 1 :], plan.factors[group + 1 :], strict=True)
    return sum((intent.limit_price * unit_multiplier(intent.legs) * factor for intent, factor in later), _ZERO)


def _put(values: tuple[Decimal, ...], place: int, value: Decimal) -> tuple[Decimal, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _floor(value: Decimal) -> Decimal:
    return value.to_integral_value(ROUND_FLOOR)

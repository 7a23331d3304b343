"""What linked orders are told, what they ask for, and the terms on which they may hold a part of a package alone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from execution.packages import linked_intents
from market.errors import DataError
from market.orders import OrderIntent, PositionEffect, unit_multiplier

__all__ = [
    "Alarm",
    "Cancel",
    "Finish",
    "GroupReport",
    "Issued",
    "LeggingAction",
    "LeggingEvent",
    "LeggingPlan",
    "LeggingTerms",
    "Marked",
    "Send",
    "Ticked",
    "Unwind",
    "Wait",
    "legging_plan",
]

_SECOND_NS: Final = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LeggingTerms:
    """How long a part of a package may be held alone, and what that may cost.

    Parameters
    ----------
    first_timeout_ns : int
        Time for the first group, ns; nothing is at risk while it waits unfilled.
    next_timeout_ns : int
        Time for each later group, ns.
    unwind_timeout_ns : int
        Time for each attempt to close what is held alone, ns.
    answer_timeout_ns : int
        Time for the answer to a cancel, ns.
    budget : Decimal
        Largest marked loss of what is held alone, account currency, >= 0; beyond, it is closed at once.
    max_unwinds : int
        Attempts to close, >= 1, before a person is called.
    """

    first_timeout_ns: int = 30 * _SECOND_NS
    next_timeout_ns: int = 10 * _SECOND_NS
    unwind_timeout_ns: int = 10 * _SECOND_NS
    answer_timeout_ns: int = 10 * _SECOND_NS
    budget: Decimal
    max_unwinds: int = 3

    def __post_init__(self) -> None:
        times = (self.first_timeout_ns, self.next_timeout_ns, self.unwind_timeout_ns, self.answer_timeout_ns)
        if min(times) <= 0 or self.max_unwinds < 1 or not self.budget.is_finite() or self.budget < 0:
            raise DataError(
                "the terms of linked orders cannot be",
                found=f"time-outs {times} ns, budget {self.budget}, {self.max_unwinds} attempts",
                expected="time-outs above 0, a finite budget of 0 or more, 1 or more attempts",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class LeggingPlan:
    """A package as linked orders; build it with `legging_plan`.

    Parameters
    ----------
    groups : tuple of OrderIntent
        In the order in which they are sent; two or more.
    factors : tuple of int
        Packages of each group in one package of the whole.
    quantity : Decimal
        Packages of the whole.
    limit_money : Decimal
        Worst price of one package of the whole, account currency; positive pays.
    terms : LeggingTerms
        Time-outs and budget.
    """

    groups: tuple[OrderIntent, ...]
    factors: tuple[int, ...]
    quantity: Decimal
    limit_money: Decimal
    terms: LeggingTerms


def legging_plan(intent: OrderIntent, prices: tuple[Decimal, ...], leg_limit: int, terms: LeggingTerms) -> LeggingPlan:
    """Plan linked orders for a package that the venue does not take whole.

    Parameters
    ----------
    intent : OrderIntent
        More legs than the venue takes; opens a position.
    prices : tuple of Decimal
        What each leg is worth now, per unit of the underlying.
    leg_limit : int
        Most legs that the venue takes in one order.
    terms : LeggingTerms
        Time-outs and budget.

    Returns
    -------
    LeggingPlan
        The group safest to hold alone first.

    Raises
    ------
    DataError
        The venue takes the package whole; the intent closes, so that its groups are sent side by side instead: each
        part makes the position smaller, and none waits for another; or as `execution.packages.linked_intents`.
    """
    groups = linked_intents(intent, prices, leg_limit)
    if len(groups) < 2 or intent.effect is not PositionEffect.OPEN:
        raise DataError(
            "a package needs no linked orders",
            found=f"{len(groups)} order of {len(intent.legs)} legs, to {intent.effect}",
            expected=f"an opening package of more than {leg_limit} legs",
        )
    return LeggingPlan(
        groups=groups,
        factors=tuple(int(group.quantity / intent.quantity) for group in groups),
        quantity=intent.quantity,
        limit_money=intent.limit_price * unit_multiplier(intent.legs),
        terms=terms,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """The action that was asked for is journalled and on its way.

    Parameters
    ----------
    ts_event_ns : int
        ns since the epoch, UTC.
    """

    ts_event_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """Time has passed.

    Parameters
    ----------
    ts_event_ns : int
        ns since the epoch, UTC.
    """

    ts_event_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """The market has valued what is held alone.

    Parameters
    ----------
    ts_event_ns : int
        ns since the epoch, UTC.
    unwind_money : Decimal
        What closing it now would bring, account currency; negative where it would cost.
    """

    ts_event_ns: int
    unwind_money: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupReport:
    """How far the orders of a group have come.

    Parameters
    ----------
    ts_event_ns : int
        ns since the epoch, UTC.
    group : int
        Which.
    is_unwind : bool
        Whether the report is of orders that close the group again.
    filled : Decimal
        Whole packages of the group that all its orders of this kind have filled so far.
    paid : Decimal
        Money paid for them, account currency; positive paid, negative received.
    is_ended : bool
        Whether the newest of these orders has ended.
    attempt : int
        Which of the orders that close it is the newest, as `Unwind` numbered it; 0 for an order that opens.
    is_whole : bool
        False where it ended with legs out of proportion, which no order of the plan repairs.
    """

    ts_event_ns: int
    group: int
    is_unwind: bool
    filled: Decimal
    paid: Decimal
    is_ended: bool
    attempt: int = 0
    is_whole: bool = True


LeggingEvent = Issued | Ticked | Marked | GroupReport
"""What linked orders are told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """Send a group.

    Parameters
    ----------
    group : int
        Which.
    quantity : Decimal
        Packages of the group.
    limit_price : Decimal
        Worst net price of one, per unit of its multiplier.
    """

    group: int
    quantity: Decimal
    limit_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Cancel the working order of a group.

    Parameters
    ----------
    group : int
        Which.
    is_unwind : bool
        Whether it is the order that closes the group.
    """

    group: int
    is_unwind: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwind:
    """Close a part of a group at a limit that trades at once.

    Parameters
    ----------
    group : int
        Which.
    quantity : Decimal
        Packages of the group to close.
    attempt : int
        Counted from 0; the limit may give more way at each.
    """

    group: int
    quantity: Decimal
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Wait for a report.

    Parameters
    ----------
    until_ns : int
        Instant at which to tick at the latest, ns since the epoch, UTC.
    """

    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """Nothing is left to do.

    Parameters
    ----------
    quantity : Decimal
        Packages of the whole that are held.
    """

    quantity: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Call a person: what is held is not what was asked for, and no order of the plan may change it.

    Parameters
    ----------
    reason : str
        Why.
    """

    reason: str


LeggingAction = Send | Cancel | Unwind | Wait | Finish | Alarm
"""What linked orders ask for; one at a time."""

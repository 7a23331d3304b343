"""Packages as values, from which their book goes on after a restart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from execution.events import Posting
from market.orders import Leg

__all__ = ["PackageBookState", "PackageState", "PlanState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """What was announced of a package.

    Parameters
    ----------
    legs : tuple of Leg
        As first announced.
    structure : str
        What it is.
    wanted : mapping of str to Decimal
        Packages that each opening intent asked for, by its id.
    factors, context : mapping of str to float
        Known before the entry, and at it.
    flags : frozenset of str
        Of a package that nobody announced.
    exit_reason : str
        Of the newest closing intent; empty before one.
    exit_context : mapping of str to float
        At the exit.
    """

    legs: tuple[Leg, ...]
    structure: str
    wanted: Mapping[str, Decimal]
    factors: Mapping[str, float]
    context: Mapping[str, float]
    flags: frozenset[str]
    exit_reason: str
    exit_context: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageState:
    """An open package: its bookings say what it holds, the rest what only marks have told.

    Parameters
    ----------
    package_id : str
        Its id.
    plan : PlanState or None
        Of a package that nobody announced before its first fill; None where the plan stands under its id.
    bookings : tuple of Fill, CashMovement, Settlement or Split
        Since it was opened, in order.
    prices : mapping of str to float
        Newest mark of all that it has held, per unit of the underlying.
    best, worst : float
        Highest and lowest marked profit so far, account currency; infinite before the first mark.
    flags : frozenset of str
        What a reader of its trade must know.
    marked_ns : mapping of str to int
        Instant of each newest mark, ns since the epoch, UTC.
    """

    package_id: str
    plan: PlanState | None
    bookings: tuple[Posting, ...]
    prices: Mapping[str, float]
    best: float
    worst: float
    flags: frozenset[str]
    marked_ns: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageBookState:
    """All packages of an account.

    Parameters
    ----------
    plans : mapping of str to PlanState
        By package; also of those that have ended, whose fills may still come.
    packages : tuple of PackageState
        Open ones, oldest first.
    late_cash : mapping of str to Decimal
        As `PackageBook.late_cash`.
    last_exits : mapping of str to int
        By strategy: when its newest ended package became flat, ns since the epoch, UTC.
    entries : mapping of str to tuple of int
        By strategy: first fills of its newest packages, ns since the epoch, UTC, oldest first.
    """

    plans: Mapping[str, PlanState]
    packages: tuple[PackageState, ...]
    late_cash: Mapping[str, Decimal]
    last_exits: Mapping[str, int]
    entries: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

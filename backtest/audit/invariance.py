"""What must not change: the past with the future, the result with the order of rows, with a repetition or a process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from typing import Final

import numpy as np

from backtest.audit.findings import AuditFinding, WayToRun
from backtest.audit.rewrites import cut, reordered, spoiled
from backtest.history import History
from backtest.results import RunResult
from execution.identity import digest_of
from market.clock import iso_of_ns
from market.errors import TradingError

__all__ = [
    "audit_instants",
    "determinism",
    "look_ahead_canary",
    "result_digest",
    "row_order_invariance",
    "truncation_invariance",
]

_ALWAYS: Final = 2**63 - 1


def result_digest(result: RunResult) -> str:
    """Return one digest of what a run decided, traded and booked.

    Parameters
    ----------
    result : RunResult
        Any run.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    return digest_of([digest for _, _, digest in _records(result, _ALWAYS, _ALWAYS)] + [result.ledger_digest])


def audit_instants(result: RunResult, count: int) -> tuple[int, ...]:
    """Return instants between two views at which a look ahead would show: right after fills, else evenly spread.

    Parameters
    ----------
    result : RunResult
        The run that is audited.
    count : int
        How many, >= 1.

    Returns
    -------
    tuple of int
        Middles between a view and the next, ns since the epoch, UTC, rising; fewer where there are fewer views.
    """
    views = np.unique(result.view_ns)
    if views.shape[0] < 2:
        return ()
    last = views.shape[0] - 2
    fills = np.array([fill.ts_event_ns for fill in result.fills], dtype=np.int64)
    places = np.unique(np.clip(np.searchsorted(views, fills, side="right") - 1, 0, last))
    if places.shape[0] < count:
        places = np.unique(np.concatenate((places, np.linspace(0, last, count + 2)[1:-1].astype(np.int64))))
    chosen = places[np.unique(np.linspace(0, places.shape[0] - 1, count).astype(np.int64))]
    return tuple(int(views[place] + (views[place + 1] - views[place]) // 2) for place in chosen)


def look_ahead_canary(
    run: WayToRun,
    history: History,
    baseline: RunResult,
    instants: Sequence[int],
    generator: np.random.Generator,
) -> AuditFinding:
    """Spoil everything that became known after an instant; what happened until then must stay as it was.

    Parameters
    ----------
    run : WayToRun
        The run.
    history : History
        Its data.
    baseline : RunResult
        What it gave on them.
    instants : sequence of int
        As `audit_instants`.
    generator : numpy.random.Generator
        Draws the garbage.

    Returns
    -------
    AuditFinding
        `value` counts the instants at which the past changed.
    """

    def difference(instant_ns: int) -> str:
        other = run(spoiled(history, instant_ns, generator))
        return _difference(baseline, other, instant_ns, instant_ns + 1)

    text = "garbage after {at} changed nothing before it"
    return _over_instants("look_ahead_canary", baseline, instants, difference, text)


def truncation_invariance(
    run: WayToRun, history: History, baseline: RunResult, instants: Sequence[int]
) -> AuditFinding:
    """Cut the data off; the run must be the beginning of the run over all of them.

    Parameters
    ----------
    run, history, baseline, instants
        As `look_ahead_canary`.

    Returns
    -------
    AuditFinding
        `value` counts the instants at which the beginning differed: decisions up to the last view before the cut, fills
        and bookings before it. What the last view's own orders meet depends on rows that the cut has taken.
    """

    def difference(instant_ns: int) -> str:
        seen = int(baseline.view_ns[baseline.view_ns <= instant_ns].max(initial=0))
        return _difference(baseline, run(cut(history, instant_ns)), seen, seen)

    text = "data cut at {at} give the same beginning"
    return _over_instants("truncation_invariance", baseline, instants, difference, text)


def row_order_invariance(
    run: WayToRun, history: History, baseline: RunResult, generator: np.random.Generator
) -> AuditFinding:
    """Reorder inputs, rows of one instant and contracts of chains; nothing may change.

    Parameters
    ----------
    run, history, baseline, generator
        As `look_ahead_canary`.

    Returns
    -------
    AuditFinding
        `value` is 1 where something changed, else 0.
    """
    other = run(reordered(history, generator))
    return _same("row_order_invariance", baseline, other, "the order in which rows are told changes nothing")


def determinism(
    run: WayToRun, history: History, baseline: RunResult, elsewhere: Callable[[], str] | None = None
) -> AuditFinding:
    """Run again, and in another process; every decision, fill and booking must be the same bit for bit.

    Parameters
    ----------
    run, history, baseline
        As `look_ahead_canary`.
    elsewhere : callable, optional
        Runs the same in another process and returns its `result_digest`.

    Returns
    -------
    AuditFinding
        `value` is 1 where something differed, else 0.
    """
    again = _same("determinism", baseline, run(history), "a second run gives the same digest")
    if elsewhere is None or not again.passed:
        return again
    here, there = result_digest(baseline), elsewhere()
    return AuditFinding(
        name="determinism",
        passed=here == there,
        value=float(here != there),
        bound=0.0,
        text=f"a second run gives the same digest; in another process it is {there[:12]}, here {here[:12]}",
    )


def _records(result: RunResult, seen_ns: int, booked_ns: int) -> Iterator[tuple[str, int, str]]:
    """Give kind, instant and digest of decisions up to one instant, and of fills and bookings before another."""
    for decision in result.decisions:
        if decision.ts_event_ns <= seen_ns:
            yield "decision", decision.ts_event_ns, digest_of(decision)
    for kind, events in (("fill", result.fills), ("booking", result.ledger)):
        for event in events:
            if event.ts_event_ns < booked_ns:
                yield kind, event.ts_event_ns, digest_of(event)


def _difference(one: RunResult, other: RunResult, seen_ns: int, booked_ns: int) -> str:
    """Return the first record that differs; empty where none does."""
    pairs = zip_longest(_records(one, seen_ns, booked_ns), _records(other, seen_ns, booked_ns))
    for first, second in pairs:
        if first != second:
            kind, instant_ns, _ = first or second or ("", 0, "")
            why = f" (the other run stopped: {other.stopped})" if other.stopped and not one.stopped else ""
            return f"a {kind} at {iso_of_ns(instant_ns)} differs{why}"
    return ""


def _same(name: str, baseline: RunResult, other: RunResult, text: str) -> AuditFinding:
    found = _difference(baseline, other, _ALWAYS, _ALWAYS)
    if not found and baseline.ledger_digest != other.ledger_digest:
        found = "the digest of the ledger differs"
    text = f"{text}: {_compared(baseline)}"
    return AuditFinding(name=name, passed=not found, value=float(bool(found)), bound=0.0, text=found or text)


def _over_instants(
    name: str, baseline: RunResult, instants: Sequence[int], difference: Callable[[int], str], text: str
) -> AuditFinding:
    if not instants or not (baseline.decisions or baseline.fills):
        told = f"nothing to compare: {len(instants)} instants between views, {_compared(baseline)}"
        return AuditFinding(name=name, passed=None, value=float("nan"), bound=0.0, text=told)
    found = []
    for instant_ns in instants:
        try:
            why = difference(instant_ns)
        except TradingError as error:
            why = f"the run did not start: {error}"
        if why:
            found.append(f"after {iso_of_ns(instant_ns)}: {why}")
    shown = ", ".join(iso_of_ns(instant_ns) for instant_ns in instants)
    told = "; ".join(found) or f"{text.format(at=shown)}: {_compared(baseline)}"
    return AuditFinding(name=name, passed=not found, value=float(len(found)), bound=0.0, text=told)


def _compared(result: RunResult) -> str:
    return f"{len(result.decisions)} decisions, {len(result.fills)} fills, {len(result.ledger)} bookings"

"""A decision of a run found again, told, and made again from the same configuration and data."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from backtest.reports.blocks import Fact, Facts, Grid, Report, Section
from backtest.reports.folder import INCOMPLETE
from backtest.reports.origin_section import assumptions_line
from backtest.reports.record import read_decision_digests, read_decisions, read_description, read_result
from backtest.reports.tables import legs_text
from backtest.reports.wording import MISSING, instant, number, signed
from backtest.results import DecisionRecord, RunResult
from cluster.backtests.origins import code_version, same_code, sources_that_differ, strategy_sources
from cluster.backtests.pulse import pulse_of
from cluster.backtests.reading import text_of
from cluster.backtests.running import CONFIG_NAME, execute, prepare
from cluster.backtests.stored_runs import opened_run, provenance_of, run_folders
from cluster.settings import load_settings
from cluster.state_folder import require_state_folder
from execution.identity import digest_of
from market.clock import iso_of_ns
from market.errors import DataError

__all__ = ["FoundDecision", "Recomputed", "decision_report", "find_decision", "recompute"]

_LEAST_LETTERS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundDecision:
    """A decision and the run that it belongs to.

    Parameters
    ----------
    folder : pathlib.Path
        Run folder.
    record : DecisionRecord
        As it was recorded.
    digest : str
        SHA-256 of its canonical bytes, taken when it was made.
    """

    folder: Path
    record: DecisionRecord
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """What came of making a decision again.

    Parameters
    ----------
    digest : str
        SHA-256 of the canonical bytes of the new decision; empty where it was not made.
    is_equal : bool
        Whether it is that of the recorded one, bit for bit.
    differences : tuple of str
        What is not the same, in words.
    """

    digest: str
    is_equal: bool
    differences: tuple[str, ...]


def find_decision(wanted: str, runs: Path) -> FoundDecision:
    """Find a decision by its id, or by the first letters of it.

    Parameters
    ----------
    wanted : str
        Id, or at least six of its letters.
    runs : pathlib.Path
        A run folder, or a folder of them.

    Returns
    -------
    FoundDecision
        The one that it is; where several runs made it, that of the newest, whose code is most likely still there.

    Raises
    ------
    DataError
        There is none, or several begin so.
    """
    if len(wanted) < _LEAST_LETTERS:
        raise DataError("the id of a decision is too short", found=wanted, expected=f"{_LEAST_LETTERS} letters or more")
    folders = sorted(run_folders(runs), key=lambda each: each.stat().st_mtime_ns, reverse=True) if runs.is_dir() else []
    unfinished = len(list(runs.rglob(INCOMPLETE))) if runs.is_dir() else 0
    found: dict[str, FoundDecision] = {}
    for folder in folders:
        digests = read_decision_digests(folder)
        if any(key.startswith(wanted) for key in digests):
            for record in read_decisions(folder):
                key = record.decision_id
                if key.startswith(wanted) and key not in found:
                    found[key] = FoundDecision(folder=folder, record=record, digest=digests[key])
    if len(found) == 1:
        return next(iter(found.values()))
    raise DataError(
        "several decisions begin so" if found else "there is no such decision",
        found=f"{wanted}: {', '.join(sorted(found)[:3])}"
        if found
        else f"{wanted} in {len(folders)} runs below {runs}"
        + (f", {unfinished} more did not end" if unfinished else ""),
        expected="one",
        action="name more of its letters" if found else "see trade_decisions.log, or name the folder with --runs",
    )


def decision_report(found: FoundDecision) -> Report:
    """Return what a decision was: its inputs, funnel, sizing, proposals, and what became of them."""
    record, result = found.record, read_result(found.folder)
    decision = record.decision
    facts = (
        Fact(name="decision", text=record.decision_id),
        Fact(name="at", text=iso_of_ns(record.ts_event_ns)),
        Fact(name="strategy", text=record.strategy),
        Fact(name="reason", text=decision.reason),
        Fact(name="run", text=str(found.folder)),
    )
    blocks = (Facts(items=facts), _inputs(record), _factors(record), _funnel(record), _sizing(record))
    return Report(
        title=f"Decision {record.decision_id[:12]}",
        assumptions=assumptions_line(result),
        is_simulated=result.description.simulated,
        warnings=(),
        sections=(
            Section(title="Decided", blocks=blocks),
            Section(title="Asked for", blocks=(_proposals(record),)),
            Section(title="Became", blocks=(_orders(record, result), _fills(record, result))),
        ),
    )


def _inputs(record: DecisionRecord) -> Grid:
    return Grid(title="Inputs", heads=("input", "id"), rows=record.inputs, empty="none was told")


def _factors(record: DecisionRecord) -> Grid:
    rows = tuple((name, number(value, 6)) for name, value in record.decision.factors)
    return Grid(title="Factors", heads=("factor", "value>"), rows=rows, empty="none")


def _funnel(record: DecisionRecord) -> Grid:
    rows = tuple(
        (gate.name, "passed" if gate.passed else "FAILED", number(gate.value, 6), number(gate.bound, 6), gate.reason)
        for gate in record.decision.gates
    )
    return Grid(title="Funnel", heads=("gate", "answer", "value>", "bound>", "reason"), rows=rows, empty="no gate")


def _sizing(record: DecisionRecord) -> Grid:
    rows = tuple(
        (term.name, number(term.quantity, 4), "binds" if term.is_binding else "") for term in record.decision.sizing
    )
    return Grid(title="Size", heads=("ceiling", "packages>", "binding"), rows=rows, empty="no size was asked for")


def _proposals(record: DecisionRecord) -> Grid:
    rows = tuple(
        (
            wish.effect.value,
            wish.structure,
            str(wish.quantity),
            signed(float(wish.limit_price), 4),
            legs_text(wish.legs),
            wish.reason,
        )
        for wish in record.decision.proposals
    )
    heads = ("effect", "structure", "packages>", "limit>", "legs", "reason")
    return Grid(title="Proposals", heads=heads, rows=rows, empty="nothing")


def _orders(record: DecisionRecord, result: RunResult) -> Grid:
    rows = tuple(
        (order.order_id, order.status.value, str(order.intent.quantity), order.reason or MISSING)
        for order in result.orders
        if order.intent.cause_id == record.decision_id
    )
    return Grid(title="Orders", heads=("order", "ended as", "packages>", "why"), rows=rows, empty="no order was sent")


def _fills(record: DecisionRecord, result: RunResult) -> Grid:
    rows = tuple(
        (instant(fill.ts_event_ns), fill.instrument.symbol, str(fill.quantity), str(fill.price), str(fill.total_cost))
        for fill in result.fills
        if fill.cause_id == record.decision_id
    )
    return Grid(title="Fills", heads=("at, UTC", "instrument", "quantity>", "price>", "costs>"), rows=rows)


def recompute(found: FoundDecision, *, quiet: bool) -> Recomputed:
    """Make a decision again: the run's own configuration on the same data, up to its instant.

    Parameters
    ----------
    found : FoundDecision
        The decision.
    quiet : bool
        Whether no progress is shown.

    Returns
    -------
    Recomputed
        Equal bit for bit, or what differs.

    Raises
    ------
    DataError
        Data or code are not those of the run: a comparison would say nothing of the decision.
    """
    folder, then = found.folder, read_description(found.folder)
    opened_run(folder)  # its record is what was written
    if not same_code(then.code_version, code_version()):
        raise DataError(
            "the code is not that of the run",
            found=code_version(),
            expected=then.code_version,
            action="check that commit out, or run the configuration again",
        )
    told = provenance_of(folder)
    require_state_folder(load_settings().folder)  # where what was simulated is kept
    base = Path(str(told.get("data_folder", folder)))
    own = Path(str(told.get("strategy_folder", base)))
    prepared = prepare(text_of(folder / CONFIG_NAME), str(folder / CONFIG_NAME), base, own)
    if told.get("strategy_sources", {}) != strategy_sources(prepared.settings):
        raise DataError(
            "the strategy is not that of the run",
            found=f"other files in {own}",
            action="bring them back, or run it again",
        )
    differ = sources_that_differ(then.sources, prepared.history.sources)
    if differ:
        raise DataError(
            "the data are not those of the run", found="; ".join(differ), action="bring them back, or run it again"
        )
    until_ns = found.record.ts_event_ns
    with pulse_of(prepared.span_ns[0], until_ns, until_ns=until_ns, quiet=quiet) as pulse:
        result = execute(prepared, then.n_trials, pulse)
    return _compared(found, result)


def _compared(found: FoundDecision, result: RunResult) -> Recomputed:
    wanted = found.record.decision_id
    again = next((record for record in result.decisions if record.decision_id == wanted), None)
    if again is None:
        at = [r for r in result.decisions if r.ts_event_ns == found.record.ts_event_ns]
        told = f"{len(at)} other decisions at its instant" if at else "no decision at its instant"
        return Recomputed(digest="", is_equal=False, differences=(f"the decision was not made: {told}",))
    digest = digest_of(again)
    differences = () if digest == found.digest else tuple(_differences("", found.record, again))
    return Recomputed(digest=digest, is_equal=digest == found.digest, differences=differences)


def _differences(place: str, then: Any, now: Any) -> list[str]:
    """Return the innermost parts that differ, each with both values."""
    if digest_of(then) == digest_of(now):
        return []
    if hasattr(then, "__dataclass_fields__") and type(then) is type(now):
        return [
            line
            for field in fields(then)
            for line in _differences(f"{place}.{field.name}", getattr(then, field.name), getattr(now, field.name))
        ]
    if isinstance(then, tuple) and isinstance(now, tuple) and len(then) == len(now):
        pairs = enumerate(zip(then, now, strict=True))
        return [line for number_, (a, b) in pairs for line in _differences(f"{place}[{number_}]", a, b)]
    return [f"{place.lstrip('.') or 'decision'}: {then!r} then, {now!r} now"]

"""Checks a store: each file once, then each series as a whole; the score of a file is kept beside it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from adapters.encoded.messages import Message
from adapters.quality.announcement_checks import check_events, check_news
from adapters.quality.book_checks import check_books
from adapters.quality.chain_checks import check_chain, check_open_interest
from adapters.quality.findings import Check, Finding, PartitionQuality, QualityReport, Severity, score_of
from adapters.quality.series_checks import SessionFacts, check_series
from adapters.quality.table_checks import check_table, numbers_of
from adapters.quality.tick_checks import check_quotes, check_trades
from adapters.store import DataKind, PointInTimeStore, Segment
from market.books import BookSnapshot
from market.chains import FloatArray, OptionChain
from market.clock import Clock, SystemClock
from market.news import NewsBatch
from market.series import EventBatch
from market.trades import Int64Array, QuoteBatch, TradeBatch, concatenate

__all__ = ["check_segment", "check_store", "quality_of"]

_NOTE: Final = "quality"
_VERSION: Final = 4  # of the rules; a result of other rules is not used
_DAY_NS: Final = 86_400_000_000_000
_EXAMPLES: Final = 5
_ORDER: Final = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}
_WITH_LEVELS: Final = (DataKind.BARS, DataKind.QUOTE_BARS, DataKind.OPEN_INTEREST)
_OF_MESSAGES: Final = (DataKind.EVENTS, DataKind.NEWS, DataKind.BOOKS)
_WITHOUT_DAYS: Final = (DataKind.RATES, DataKind.TABLES, DataKind.EVENTS, DataKind.NEWS)  # a quiet day is no gap


class _Note(msgspec.Struct):
    version: int
    checked_ns: int
    quality: PartitionQuality


def check_segment(
    store: PointInTimeStore, kind: DataKind, segment: Segment, *, keep: bool = True, clock: Clock | None = None
) -> PartitionQuality:
    """Check one file of a store.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    kind : DataKind
        Data set of the file.
    segment : Segment
        The file.
    keep : bool, optional
        Whether to put the result beside the file; it is read again instead of checked where it stands there.
    clock : Clock, optional
        Stamps the result: a read as of an earlier instant does not know it.

    Returns
    -------
    PartitionQuality
        Score and findings.
    """
    noted = quality_of(store, segment)
    if noted is not None:
        return noted
    findings = _merged(_findings(store, kind, segment))
    quality = _quality(kind, segment, findings)
    if keep:
        note = _Note(version=_VERSION, checked_ns=(clock or SystemClock()).now_ns(), quality=quality)
        store.note(segment, _NOTE, msgspec.json.encode(note))
    return quality


def quality_of(store: PointInTimeStore, segment: Segment) -> PartitionQuality | None:
    """Return the quality that stands beside a file, or None where it was not checked by this release."""
    found = store.noted(segment, _NOTE)
    if found is None or found.get("version") != _VERSION:
        return None
    return msgspec.convert(found, type=_Note).quality


def check_store(
    store: PointInTimeStore,
    *,
    kinds: tuple[DataKind, ...] = tuple(DataKind),
    symbol: str | None = None,
    keep: bool = True,
    clock: Clock | None = None,
) -> QualityReport:
    """Check every file and every series of a store.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    kinds : tuple of DataKind, optional
        Data sets to check.
    symbol : str, optional
        One symbol only.
    keep : bool, optional
        Whether to put the results beside the files.
    clock : Clock, optional
        Stamps the report and what is put beside the files.

    Returns
    -------
    QualityReport
        Memory holds one file at a time.
    """
    partitions: list[PartitionQuality] = []
    for kind in kinds:
        segments = sorted(store.segments(kind, symbol), key=_series_of)
        for (name, source), group in groupby(segments, key=lambda s: (s.symbol, s.source)):
            series = list(group)
            partitions += [check_segment(store, kind, segment, keep=keep, clock=clock) for segment in series]
            if kind not in _WITHOUT_DAYS:
                partitions += _whole(store, kind, name, source, series)
    return QualityReport(ts_event_ns=(clock or SystemClock()).now_ns(), partitions=tuple(partitions))


def _series_of(segment: Segment) -> tuple[str, str, int]:
    return segment.symbol, segment.source, segment.first_event_ns


def _findings(store: PointInTimeStore, kind: DataKind, segment: Segment) -> Iterator[Finding]:
    if kind is DataKind.CHAINS:
        chains = []
        for message in store.messages(segment):
            if isinstance(message, OptionChain):
                chains.append(message)
                yield from check_chain(message)
        yield from check_open_interest(sorted(chains, key=lambda chain: chain.ts_event_ns))
    elif kind is DataKind.TRADES:
        trades = [m for m in store.messages(segment) if isinstance(m, TradeBatch)]
        yield from check_trades(concatenate(trades)) if trades else ()
    elif kind is DataKind.QUOTES:
        quotes = [m for m in store.messages(segment) if isinstance(m, QuoteBatch)]
        yield from check_quotes(concatenate(quotes)) if quotes else ()
    elif kind in _OF_MESSAGES:
        yield from _of_messages(kind, list(store.messages(segment)))
    else:
        yield from check_table(kind, segment.symbol, store.read_segment(segment))


def _of_messages(kind: DataKind, messages: list[Message]) -> Iterator[Finding]:
    if kind is DataKind.EVENTS:
        yield from check_events([m for m in messages if isinstance(m, EventBatch)])
    elif kind is DataKind.NEWS:
        yield from check_news([m for m in messages if isinstance(m, NewsBatch)])
    else:
        yield from check_books([m for m in messages if isinstance(m, BookSnapshot)])


def _merged(findings: Iterator[Finding]) -> tuple[Finding, ...]:
    """Sum the findings of the messages of one file."""
    merged: dict[tuple[Check, Severity, str], Finding] = {}
    for item in findings:
        # Shares and counts in the words of a reason differ from message to message; the first one stands.
        key = (
            item.check,
            item.severity,
            item.reason.split(":")[0] if item.check is not Check.LEFT_OUT else item.reason,
        )
        held = merged.get(key)
        merged[key] = (
            item
            if held is None
            else Finding(
                check=item.check,
                severity=item.severity,
                count=held.count + item.count,
                n_checked=held.n_checked + item.n_checked,
                reason=held.reason,
                examples=(held.examples + item.examples)[:_EXAMPLES],
            )
        )
    return tuple(sorted(merged.values(), key=lambda item: (_ORDER[item.severity], item.check)))


def _quality(kind: DataKind, segment: Segment, findings: tuple[Finding, ...]) -> PartitionQuality:
    return PartitionQuality(
        kind=kind,
        symbol=segment.symbol,
        source=segment.source,
        period=segment.period,
        path=segment.path,
        n_rows=segment.n_rows,
        score=score_of(findings),
        simulated=segment.simulated,
        findings=findings,
    )


def _whole(
    store: PointInTimeStore, kind: DataKind, symbol: str, source: str, segments: list[Segment]
) -> list[PartitionQuality]:
    facts = [_facts(store, kind, segment) for segment in segments]
    if not facts:
        return []
    days = SessionFacts(
        first_ns=np.concatenate([f.first_ns for f in facts]),
        last_ns=np.concatenate([f.last_ns for f in facts]),
        level=np.concatenate([f.level for f in facts]),
        length_ns=facts[0].length_ns if len({f.length_ns for f in facts}) == 1 else 0,
    )
    findings = check_series(symbol, days)
    if not findings:
        return []
    return [
        PartitionQuality(
            kind=kind,
            symbol=symbol,
            source=source,
            period="series",
            path="",
            n_rows=sum(segment.n_rows for segment in segments),
            score=score_of(findings),
            simulated=any(segment.simulated for segment in segments),
            findings=tuple(findings),
        )
    ]


def _facts(store: PointInTimeStore, kind: DataKind, segment: Segment) -> SessionFacts:
    if kind not in _WITH_LEVELS:
        if kind in {DataKind.FUNDING, DataKind.INDEX_LEVELS}:
            edges = np.unique(store.read_segment(segment)["event_ns"].to_numpy() // _DAY_NS) * _DAY_NS
            none = np.full(edges.shape, np.nan)
            return SessionFacts(first_ns=edges, last_ns=edges, level=none, length_ns=0)
        day = segment.first_event_ns
        if kind is DataKind.CHAINS:  # a chain belongs to its session, even where it is stamped after midnight
            day = int(np.datetime64(segment.period.partition("=")[2], "D").astype(np.int64)) * _DAY_NS
        edges = np.arange(day, max(segment.last_event_ns, day) + 1, _DAY_NS, dtype=np.int64)
        none = np.full(edges.shape, np.nan)
        return SessionFacts(first_ns=edges, last_ns=edges, level=none, length_ns=0)
    table = store.read_segment(segment)
    event = table["event_ns"].to_numpy()
    starts = np.flatnonzero(np.append(True, np.diff(event // _DAY_NS) != 0)[: event.size])
    ends = np.append(starts[1:], event.size) - 1
    length = np.nan_to_num(numbers_of(table, "length_ns"))
    return SessionFacts(
        first_ns=event[starts],
        last_ns=event[ends],
        level=_levels(table, starts),
        length_ns=int(length[0]) if length.size and np.unique(length).size == 1 else 0,
    )


def _levels(table: pa.Table, starts: Int64Array) -> FloatArray:
    if "strike" in table.column_names:
        values = numbers_of(table, "strike")
    elif "ticker" in table.column_names:
        return np.full(starts.shape, np.nan)
    else:
        values = numbers_of(table, "close_bid" if "close_bid" in table.column_names else "close")
    days = [part[np.isfinite(part)] for part in np.split(values, starts[1:])]
    return np.array([np.median(day) if day.size else np.nan for day in days], dtype=np.float64)

"""A history from recorded files: chains, mids, bars, funding, series, events and factors, recognised by content."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from adapters.chains import open_source
from adapters.chains.midpoints import MIDPOINTS
from adapters.factor_file import read_factor_file
from adapters.inputs import ToldRows, read_inputs
from backtest.history import ChainSequence, DataSource, Halt, History
from cluster.histories.batches import BAR_COLUMNS, FUNDING_COLUMNS, SERIES_COLUMNS, source_of
from cluster.histories.digests import digest_of_files
from cluster.histories.file_chains import chains_of_files
from cluster.histories.midpoints import PARITY_BAND, midpoint_chains
from cluster.histories.span import Span
from execution.events import DividendNotice, Split
from market.bars import BarBatch
from market.errors import DataError
from market.funding import FundingBatch
from market.instruments import Delivery, product_of
from market.provenance import AsOfSource, Provenance
from market.series import EventBatch, SeriesBatch
from market.tradables import Instrument, Share
from market.trades import Int64Array

__all__ = ["InputFile", "RecordedFiles", "recorded_history"]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputFile:
    """One file of bars, funding, series or events.

    Parameters
    ----------
    path : Path
        As `adapters.inputs.read_inputs` reads it.
    names : mapping of str to str
        What of the file is wanted, and what it is called in the run, such as ``{"BTCUSDT-PERP": "BTC/USDT:USDT"}``;
        empty for all of it under its own names.
    """

    path: Path
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedFiles:
    """The files of a history.

    Parameters
    ----------
    chains : tuple of Path
        Option chains of any format, tables of mids among them.
    inputs : tuple of InputFile
        Bars, funding, series and calendars.
    factors : mapping of str to Path
        Factor files by share.
    symbols : frozenset of str
        Underlyings whose chains are wanted; all where none are named.
    instruments : tuple of Instrument
        What may be traded beside the options; a share that has bars or options needs no mention.
    halts : tuple of Halt
        Spans without trading.
    parity_band : float
        For tables of mids; see `cluster.histories.midpoints`.
    dividends_paid_after_days : int
        Calendar days from an ex-date until cash moves, because factor files do not tell them.
    warmup : timedelta
        Bars from so long before the span are kept, for indicators.
    """

    chains: tuple[Path, ...] = ()
    inputs: tuple[InputFile, ...] = ()
    factors: Mapping[str, Path] = field(default_factory=dict)
    symbols: frozenset[str] = frozenset()
    instruments: tuple[Instrument, ...] = ()
    halts: tuple[Halt, ...] = ()
    parity_band: float = PARITY_BAND
    dividends_paid_after_days: int = 0
    warmup: timedelta = timedelta(0)


def recorded_history(files: RecordedFiles, span: Span | None = None) -> History:
    """Build a history from files.

    Parameters
    ----------
    files : RecordedFiles
        Which.
    span : Span, optional
        Dates of the run; without them all that the files hold.

    Returns
    -------
    History
        Each input with the digest of its content.

    Raises
    ------
    DataError
        A file cannot be read, holds nothing that is wanted, or does not cover the span.
    """
    chains, sources = _chains(files, span)
    told = list(_inputs(files, span))
    sources += [source for _, source in told]
    messages = [message for message, _ in told]
    bars = tuple(m for m in messages if isinstance(m, BarBatch))
    dividends, splits, factor_sources = _factors(files, span)
    return History(
        sources=(*sources, *factor_sources),
        instruments=_instruments(files, [*(s.symbol for s in chains), *(b.symbol for b in bars)]),
        bars=bars,
        chains=tuple(chains),
        funding=tuple(m for m in messages if isinstance(m, FundingBatch)),
        series=tuple(m for m in messages if isinstance(m, SeriesBatch)),
        events=tuple(m for m in messages if isinstance(m, EventBatch)),
        dividends=dividends,
        splits=splits,
        halts=files.halts,
    )


def _chains(files: RecordedFiles, span: Span | None) -> tuple[list[ChainSequence], list[DataSource]]:
    mids = [path for path in files.chains if open_source(path).format == MIDPOINTS]
    others = [path for path in files.chains if path not in mids]
    chains: list[ChainSequence] = []
    sources: list[DataSource] = []
    for path in mids:
        table = midpoint_chains(path, span, parity_band=files.parity_band).table
        if files.symbols and table.symbol not in files.symbols:
            continue
        chains.append(table)
        sources.append(replace(table.source(f"{table.symbol} mids"), digest=digest_of_files([path])))
    for found in chains_of_files(others, span, symbols=files.symbols - {c.symbol for c in chains}) if others else ():
        chains.append(found)
        sources.append(found.source(f"{found.symbol} chains"))
    symbols = [chain.symbol for chain in chains]
    if len(set(symbols)) != len(symbols):
        raise DataError(
            "an underlying has chains of two kinds",
            found=", ".join(symbols),
            expected="one source of chains per underlying",
            action="leave the mids or the chains out",
        )
    return chains, sources


def _inputs(files: RecordedFiles, span: Span | None) -> Iterator[tuple[Any, DataSource]]:
    for wanted in files.inputs:
        rows = read_inputs(wanted.path)
        by_name = {_name(each): each for each in rows}
        absent = set(wanted.names) - set(by_name)
        if absent:
            raise DataError(
                "a file does not hold what is wanted of it",
                path=str(wanted.path),
                found=", ".join(sorted(by_name)),
                expected=", ".join(sorted(absent)),
                action="correct the names, or name another file",
            )
        digest = digest_of_files([wanted.path])
        for name in wanted.names or by_name:
            message = _renamed(by_name[name].message, wanted.names.get(name, name))
            message = _cut(message, span, files.warmup)
            yield message, source_of(message, digest)


def _name(rows: ToldRows) -> str:
    message: Any = rows.message
    return str(getattr(message, "symbol", "") or getattr(message, "series", "")) if _is_named(message) else "events"


def _is_named(message: object) -> bool:
    return isinstance(message, BarBatch | FundingBatch | SeriesBatch)


def _renamed(message: Any, name: str) -> Any:
    if isinstance(message, BarBatch | FundingBatch):
        return replace(message, symbol=name)
    return replace(message, series=name) if isinstance(message, SeriesBatch) else message


def _cut(message: Any, span: Span | None, warmup: timedelta) -> Any:
    """Return the rows that a run over a span can see; of series all that came before, because the newest counts."""
    if span is None:
        return message
    if isinstance(message, BarBatch):
        span.require(f"the bars of {message.symbol}", *_ends(message.start_ns, message.end_ns))
        first_ns = span.first_ns - int(warmup.total_seconds() * 1e9)
        return _rows(message, BAR_COLUMNS, (message.end_ns > first_ns) & (message.end_ns <= span.last_ns))
    if isinstance(message, FundingBatch):
        span.require(f"the funding of {message.symbol}", *_ends(message.ts_ns, message.ts_ns))
        return _rows(message, FUNDING_COLUMNS, (message.ts_ns >= span.first_ns) & (message.ts_ns <= span.last_ns))
    if isinstance(message, SeriesBatch):
        known = message.available_ns <= span.last_ns
        span.require(f"the values of {message.series}", *_ends(message.event_ns, message.available_ns))
        message = _rows(message, SERIES_COLUMNS, known)
        return replace(message, ts_event_ns=int(message.available_ns.max()))
    return message


def _ends(first: Int64Array, last: Int64Array) -> tuple[int, int]:
    return int(first.min()), int(last.max())


def _rows(message: Any, columns: Sequence[str], keep: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Any:
    return replace(message, **{name: getattr(message, name)[keep] for name in columns})


def _factors(
    files: RecordedFiles, span: Span | None
) -> tuple[tuple[DividendNotice, ...], tuple[Split, ...], list[DataSource]]:
    dividends: list[DividendNotice] = []
    splits: list[Split] = []
    sources = []
    for symbol, path in files.factors.items():
        found = read_factor_file(path, symbol, paid_after_days=files.dividends_paid_after_days)
        days = [(d.ex_ns, d) for d in found.dividends], [(s.ts_event_ns, s) for s in found.splits]
        dividends += [d for ns, d in days[0] if span is None or span.first_ns <= ns <= span.last_ns]
        splits += [s for ns, s in days[1] if span is None or span.first_ns <= ns <= span.last_ns]
        instants = sorted(ns for group in days for ns, _ in group)
        sources.append(
            DataSource(
                name=f"{symbol} dividends and splits",
                provenance=Provenance(
                    source="factor-file", origin=path.name, simulated=False, as_of_source=AsOfSource.SESSION_CLOSE
                ),
                digest=digest_of_files([path]),
                rows=len(instants),
                first_ns=instants[0] if instants else 0,
                last_ns=instants[-1] if instants else 0,
            )
        )
    return tuple(dividends), tuple(splits), sources


def _instruments(files: RecordedFiles, symbols: Sequence[str]) -> tuple[Instrument, ...]:
    """Return what was named, and a share for each symbol that is one: an index and a coin are none."""
    named = {each.symbol for each in files.instruments}
    shares = dict.fromkeys([*symbols, *files.factors])
    return (*files.instruments, *(Share(symbol=name) for name in shares if name not in named and _is_share(name)))


def _is_share(symbol: str) -> bool:
    return symbol.isalpha() and product_of(symbol).delivery is Delivery.PHYSICAL

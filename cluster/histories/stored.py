"""A history from the point-in-time store: what was known, from the instant at which it was known."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import groupby
from typing import Any, Final

import numpy as np

from adapters.store import ChainKey, PointInTimeStore
from backtest.history import DataSource, Halt, History
from cluster.histories.batches import (
    BAR_COLUMNS,
    FUNDING_COLUMNS,
    SERIES_COLUMNS,
    Batch,
    instants_of,
    source_of,
)
from cluster.histories.packed_days import ChainDay, PackedDays
from cluster.histories.span import Span
from market.bars import BarBatch
from market.chains import OptionChain
from market.errors import DataError
from market.funding import FundingBatch
from market.ports import BlobStore
from market.series import SeriesBatch
from market.tradables import Instrument

__all__ = ["StoredData", "stored_history"]

_DAY_NS: Final = 86_400_000_000_000
_NOW: Final = int(np.iinfo(np.int64).max)
_PACKED: Final = "chains-1"  # version of what lies in the cache under a session's key


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredData:
    """What of a store a run reads.

    Parameters
    ----------
    chains : tuple of str
        Underlyings.
    bars, funding : tuple of str
        Symbols.
    series : tuple of str
        Names of series.
    with_events : bool
        Whether announced events are read.
    instruments : tuple of Instrument
        What may be traded beside the options.
    halts : tuple of Halt
        Spans without trading.
    source : str or None
        Whose chains, where several sources have them.
    known_ns : int
        The store is read as it was known at this instant; as it is now by default.
    """

    chains: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    funding: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    with_events: bool = False
    instruments: tuple[Instrument, ...] = ()
    halts: tuple[Halt, ...] = ()
    source: str | None = None
    known_ns: int = _NOW


def stored_history(store: PointInTimeStore, wanted: StoredData, span: Span, blobs: BlobStore | None = None) -> History:
    """Build a history from a store.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    wanted : StoredData
        What is read of it.
    span : Span
        Dates of the run.
    blobs : BlobStore, optional
        Where sessions of chains lie packed between runs.

    Returns
    -------
    History
        Chains are read a session at a time.

    Raises
    ------
    DataError
        The store does not hold what is wanted over these dates.
    """
    chains = [_chains(store, symbol, wanted, span, blobs) for symbol in wanted.chains]
    bars = tuple(_joined(_bars(store, symbol, wanted, span), f"bars of {symbol}", span) for symbol in wanted.bars)
    funding = tuple(_joined(_funding(store, s, wanted, span), f"funding of {s}", span) for s in wanted.funding)
    series = tuple(_known(store.series(name, known_ns=wanted.known_ns), span) for name in wanted.series)
    events = (store.events(known_ns=wanted.known_ns),) if wanted.with_events else ()
    told: Sequence[Any] = (*bars, *funding, *series, *events)
    return History(
        sources=(*(source for _, source in chains), *(source_of(batch, _content_digest(batch)) for batch in told)),
        instruments=wanted.instruments,
        bars=bars,
        chains=tuple(found for found, _ in chains),
        funding=funding,
        series=series,
        events=events,
        halts=wanted.halts,
    )


def _chains(
    store: PointInTimeStore, symbol: str, wanted: StoredData, span: Span, blobs: BlobStore | None
) -> tuple[PackedDays, DataSource]:
    keys = store.chains.keys(symbol, known_ns=wanted.known_ns, source=wanted.source)
    if not keys:
        raise _nothing(f"chains of {symbol}")
    sources = sorted({key.source for key in keys})
    if len(sources) > 1:
        raise DataError(
            f"several sources have chains of {symbol}",
            found=", ".join(sources),
            expected="one of them",
            action="name the source",
        )
    span.require(f"the stored chains of {symbol}", keys[0].ts_event_ns, keys[-1].ts_event_ns)
    kept = [key for key in keys if span.first.isoformat() <= key.session <= span.last.isoformat()]
    ordered = sorted(kept, key=lambda key: (key.session, _available(key)))
    days = [_day(store, list(group), wanted) for _, group in groupby(ordered, key=lambda key: key.session)]
    available = [_available(key) for key in ordered]
    first = store.chains.newest(symbol, known_ns=wanted.known_ns, source=wanted.source)
    return PackedDays(symbol, days, blobs), DataSource(
        name=f"{symbol} chains",
        provenance=first.provenance,
        digest=_digest(key.digest for key in ordered),
        rows=sum(key.n_contracts for key in ordered),
        first_ns=min(available),
        last_ns=max(available),
    )


def _available(key: ChainKey) -> int:
    return max(key.ts_event_ns, key.known_ns)


def _day(store: PointInTimeStore, keys: list[ChainKey], wanted: StoredData) -> ChainDay:
    return ChainDay(
        key=_digest([_PACKED, *(key.digest for key in keys)]),
        available_ns=np.array([_available(key) for key in keys], dtype=np.int64),
        read=partial(_read_day, store, keys, wanted),
    )


def _read_day(store: PointInTimeStore, keys: list[ChainKey], wanted: StoredData) -> list[OptionChain]:
    instants = [key.ts_event_ns for key in keys]
    found = {
        chain.ts_event_ns: chain
        for chain in store.chains.between(
            keys[0].symbol,
            known_ns=wanted.known_ns,
            first_ns=min(instants),
            last_ns=max(instants),
            source=wanted.source,
        )
    }
    return [found[instant] for instant in instants]


def _bars(store: PointInTimeStore, symbol: str, wanted: StoredData, span: Span) -> Iterator[BarBatch]:
    # A bar of a date is kept under midnight of UTC, which in New York is the evening before.
    return store.bars(symbol, known_ns=wanted.known_ns, first_ns=span.first_ns - _DAY_NS, last_ns=span.last_ns)


def _funding(store: PointInTimeStore, symbol: str, wanted: StoredData, span: Span) -> Iterator[FundingBatch]:
    return store.funding(symbol, known_ns=wanted.known_ns, first_ns=span.first_ns, last_ns=span.last_ns)


def _joined(batches: Iterable[Any], what: str, span: Span) -> Any:
    """Return batches of the underlying itself as one; those of options come with their chains."""
    found = [batch for batch in batches if not (isinstance(batch, BarBatch) and batch.contracts.n_contracts)]
    if not found:
        raise _nothing(what)
    names = BAR_COLUMNS if isinstance(found[0], BarBatch) else FUNDING_COLUMNS
    columns = {name: np.concatenate([getattr(batch, name) for batch in found]) for name in names}
    instants = columns["end_ns" if "end_ns" in columns else "ts_ns"]
    order = np.argsort(instants, kind="stable")
    order = order[(instants[order] >= span.first_ns) & (instants[order] <= span.last_ns)]
    if not order.size:
        raise _nothing(what)
    joined = replace(
        found[-1],
        ts_event_ns=max(batch.ts_event_ns for batch in found),
        provenance=replace(found[-1].provenance, simulated=any(b.provenance.simulated for b in found)),
        **{name: column[order] for name, column in columns.items()},
    )
    span.require(f"the stored {what}", int(instants[order[0]]), int(instants[order[-1]]))
    return joined


def _known(series: SeriesBatch, span: Span) -> SeriesBatch:
    span.require(f"the stored values of {series.series}", int(series.event_ns.min()), int(series.available_ns.max()))
    keep = series.available_ns <= span.last_ns
    columns = {name: getattr(series, name)[keep] for name in SERIES_COLUMNS}
    return replace(series, ts_event_ns=int(columns["available_ns"].max()), **columns)


def _content_digest(batch: Batch) -> str:
    content = hashlib.sha256()
    for column in ("start_ns", "end_ns", "open", "high", "low", "close", "volume", "ts_ns", "rate", "mark", "value"):
        values = getattr(batch, column, None)
        if isinstance(values, np.ndarray):
            content.update(np.ascontiguousarray(values).view(np.uint8).data)
    content.update(np.ascontiguousarray(instants_of(batch)).view(np.uint8).data)
    return content.hexdigest()


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _nothing(what: str) -> DataError:
    return DataError(
        f"the store holds no {what}",
        found="nothing",
        expected="data over the dates of the run",
        action="import them with: hedgefield data import FILE",
    )

"""A history of the simulated market: chains, bars with settlement prints, and indices of the chains, all marked."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

import msgspec
import numpy as np

from adapters.encoded.packed_chains import PackedChains, pack_chains
from adapters.simulated import SimulatedMarket, SimulatedMarketConfig
from backtest.history import DataSource, Halt, History
from cluster.histories.digests import digest_of_code
from cluster.histories.fields import BlobsInMemory
from cluster.histories.packed_days import ChainDay, PackedDays
from cluster.histories.simulated_days import (
    SimulatedDay,
    daily_bars,
    day_of,
    index_levels,
    index_series,
    lived_before,
    sessions_before,
)
from cluster.histories.span import Span
from execution.identity import digest_of
from market.bars import BarBatch
from market.calendars import Session, sessions_between
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.ports import BlobStore
from market.provenance import AsOfSource, Provenance
from market.series import SeriesBatch
from market.trades import UNDERLYING, ContractTable

__all__ = ["simulated_history"]

_VERSION: Final = "simulated-2"


class _Recording(msgspec.Struct, array_like=True):
    """One session of one symbol beside its packed chains."""

    symbol: str
    key: str
    digest: str
    n_contracts: int
    ts_ns: list[int]
    spot: list[float]
    levels: list[list[float]]  # of `INDEX_DAYS`, by chain
    close_ns: int
    settlement: float  # NaN where nothing expired
    origin: str


class _Recorded(msgspec.Struct, array_like=True):
    """All sessions, and the days before them by symbol."""

    sessions: list[_Recording]
    before: dict[str, list[SimulatedDay]]


def simulated_history(
    config: SimulatedMarketConfig,
    span: Span,
    blobs: BlobStore | None = None,
    *,
    halts: tuple[Halt, ...] = (),
    warmup_sessions: int = 0,
) -> History:
    """Simulate a market over some dates, or find it simulated.

    Parameters
    ----------
    config : SimulatedMarketConfig
        The market; it begins at the open of the span's first session, whatever its `start_ns` says.
    span : Span
        Dates.
    blobs : BlobStore, optional
        Where sessions lie between runs; without it they are kept packed in memory, about 16 MB for a session of 390
        chains of 2 000 contracts.
    halts : tuple of Halt
        Spans without trading.
    warmup_sessions : int
        Sessions that the same market lives through before the span, in steps of half an hour; they leave daily bars.

    Returns
    -------
    History
        Bars as wide as the distance of the chains; the last of a session ends with the price at which what expires is
        settled. Daily bars beside them, also of the days before; and volatility indices at 30 and 9 days, computed
        from each chain by the formula of Cboe's, called ``SIM.SPX.VIX`` and ``SIM.SPX.VIX9D``. Everything is marked
        simulated, and the digest of a source is that of what was simulated.

    Notes
    -----
    The same settings, dates and code give the same history, byte for byte; a session is simulated once.
    """
    sessions = sessions_between("NYSE", span.first, span.last)
    if not sessions:
        raise ConfigError("a span holds no session", found=f"{span.first} to {span.last}", expected="sessions of NYSE")
    config = replace(config, start_ns=sessions[0].open_ns)
    store = BlobsInMemory(most=1 << 20) if blobs is None else blobs
    recorded = _recorded(config, sessions, store, warmup_sessions)
    recordings = recorded.sessions
    names = [item.symbol for item in config.symbols]
    by_symbol = {name: [each for each in recordings if each.symbol == name] for name in names}
    bars = tuple(_bars(found) for found in by_symbol.values())
    bars += tuple(_daily(found, recorded.before.get(name, [])) for name, found in by_symbol.items())
    series = tuple(batch for found in by_symbol.values() for batch in _indices(found))
    chains = tuple(PackedDays(name, [_day(each, store) for each in found]) for name, found in by_symbol.items())
    sources = [_source(f"{name} chains", found, "chains") for name, found in by_symbol.items()]
    sources += [_source(f"{name} bars", found, "bars") for name, found in by_symbol.items()]
    return History(sources=tuple(sources), bars=bars, series=series, chains=chains, halts=halts)


def _recorded(
    config: SimulatedMarketConfig, sessions: tuple[Session, ...], store: BlobStore, n_before: int
) -> _Recorded:
    packages = ("adapters.simulated", "fields", "market")
    code = digest_of_code(packages, ("numpy", "scipy", "numba", "pandas_market_calendars"))
    settings = digest_of((_VERSION, code, config, n_before))
    key = digest_of((settings, sessions[-1].day))
    content = store.get(key)
    if content is not None:
        try:
            found = msgspec.msgpack.decode(content, type=_Recorded)
        except msgspec.MsgspecError:
            found = None
        if found and found.sessions and all(store.get(each.key) is not None for each in found.sessions):
            return found
    market = SimulatedMarket(config)
    before: dict[str, list[SimulatedDay]] = {}
    if n_before:
        state, before = lived_before(config, sessions_before(sessions[0], n_before))
        market.restore(state)
    made = _Recorded(sessions=list(_simulate(market, config, sessions, settings, store)), before=before)
    store.put(key, msgspec.msgpack.encode(made))
    return made


def _simulate(
    market: SimulatedMarket,
    config: SimulatedMarketConfig,
    sessions: tuple[Session, ...],
    settings: str,
    store: BlobStore,
) -> Iterator[_Recording]:
    for session in sessions:
        chains: dict[str, list[OptionChain]] = {item.symbol: [] for item in config.symbols}
        while market.now_ns < session.close_ns:
            if market.shows_chains:
                for chain in market.chains():
                    chains[chain.symbol].append(chain)
            market.step()
        settled = {item.symbol: item.price for item in market.settlements}
        for symbol, shown in chains.items():
            content = pack_chains(shown)
            key = digest_of((settings, symbol, session.day))
            store.put(key, content)
            yield _Recording(
                symbol=symbol,
                key=key,
                digest=hashlib.sha256(content).hexdigest(),
                n_contracts=sum(chain.n_contracts for chain in shown),
                ts_ns=[chain.ts_event_ns for chain in shown],
                spot=[chain.spot_last for chain in shown],
                levels=[index_levels(chain) for chain in shown],
                close_ns=session.close_ns,
                settlement=settled.get(symbol, float("nan")),
                origin=shown[0].provenance.origin,
            )


def _day(recording: _Recording, store: BlobStore) -> ChainDay:
    available = np.array(recording.ts_ns, dtype=np.int64)
    return ChainDay(key=recording.key, available_ns=available, read=partial(_packed, recording, store))


def _packed(recording: _Recording, store: BlobStore) -> PackedChains:
    content = store.get(recording.key)
    if content is None:
        raise DataError(
            f"a simulated session of {recording.symbol} has gone from the cache",
            found="nothing",
            expected=f"the session that ends at {recording.close_ns} ns",
            action="start the run again: it will be simulated anew; or give the cache more room",
        )
    return PackedChains(content)


def _bars(recordings: list[_Recording]) -> BarBatch:
    """Return bars between the chains; the print that settles what expires is the close of the session's last one."""
    parts = []
    for each in recordings:
        edges = [*each.ts_ns, each.close_ns]
        prices = np.array([*each.spot, each.settlement])
        parts.append((np.array(edges, dtype=np.int64), prices))
    start = np.concatenate([edges[:-1] for edges, _ in parts])
    opened = np.concatenate([prices[:-1] for _, prices in parts])
    closed = np.concatenate([prices[1:] for _, prices in parts])
    missing = np.full(start.shape, np.nan)
    return BarBatch(
        symbol=recordings[0].symbol,
        ts_event_ns=recordings[-1].close_ns,
        cause_id=f"{recordings[0].origin}:bars",
        provenance=_provenance(recordings),
        contracts=ContractTable.empty(),
        contract=np.full(start.shape, UNDERLYING, dtype=np.int32),
        start_ns=start,
        end_ns=np.concatenate([edges[1:] for edges, _ in parts]),
        open=opened,
        high=np.fmax(opened, closed),
        low=np.fmin(opened, closed),
        close=closed,
        volume=missing,
        vwap=missing,
        n_trades=missing,
    )


def _daily(recordings: list[_Recording], before: list[SimulatedDay]) -> BarBatch:
    days = [day_of(each.ts_ns, each.spot, each.close_ns, each.settlement) for each in recordings]
    return daily_bars(recordings[0].symbol, [*before, *days], _provenance(recordings))


def _indices(recordings: list[_Recording]) -> tuple[SeriesBatch, ...]:
    ts_ns = [ts_ns for each in recordings for ts_ns in each.ts_ns]
    levels = [level for each in recordings for level in each.levels]
    return index_series(recordings[0].symbol, ts_ns, levels, _provenance(recordings))


def _provenance(recordings: list[_Recording]) -> Provenance:
    origin = recordings[0].origin
    return Provenance(source="simulated-market", origin=origin, simulated=True, as_of_source=AsOfSource.STAMPED)


def _source(name: str, recordings: list[_Recording], kind: str) -> DataSource:
    rows = [each.n_contracts if kind == "chains" else len(each.ts_ns) for each in recordings]
    return DataSource(
        name=name,
        provenance=_provenance(recordings),
        digest=digest_of((kind, [each.digest for each in recordings], [each.settlement for each in recordings])),
        rows=sum(rows),
        first_ns=recordings[0].ts_ns[0],
        last_ns=recordings[-1].close_ns if kind == "bars" else recordings[-1].ts_ns[-1],
    )

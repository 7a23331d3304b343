"""Regimes and signals of a recording: read from its past when a strategy asks, by the interpreter that shards use."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import nan
from typing import Final, Protocol, final
from zoneinfo import ZoneInfo

import numpy as np

from backtest.chain_feed import ChainFeed
from backtest.fills.spreads import SpreadModel
from backtest.history import History
from backtest.told_rows import Recording, recordings_of, told_context
from fields.illiquidity.impact import no_impact
from fields.live.config import LiveConfig
from fields.live.interpretation import Interpretation, Interpreter
from fields.live.order_flow import session_of
from fields.snapshot import FieldSnapshot
from market.bars import BarBatch
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.trades import Int64Array
from strategies.bar_history import of_underlying
from strategies.market_state import FieldSource, MarketState

__all__ = ["ReadingsMemory", "RecordedReadings"]

_NEW_YORK: Final = ZoneInfo("America/New_York")
_UTC: Final = ZoneInfo("UTC")
_CADENCE_NS: Final = 300_000_000_000  # between readings at bars; dwell is counted in tens of minutes
_NONE: Final = np.zeros(0, dtype=np.int64)
_NO_TRADES: Final = no_impact(0, 0, "a recording of chains has no trades to estimate it from")


@final
class ReadingsMemory:
    """Readings that several runs over one history ask for: read once, and known to the runs after.

    Parameters
    ----------
    most : int, optional
        Readings that may be kept; a symbol whose readings have no room is read anew by each run. The first that come
        stay, as of `backtest.chain_feed.ViewMemory`.

    Notes
    -----
    A reading follows from the recording up to its instant, whoever asks and whenever, so a run with a memory is that
    without one, bit by bit. Runs that read with other settings, or around other modelled quotes, have readings of
    their own; the source of fields must be one for all runs that are given the memory.
    """

    def __init__(self, most: int = 40_000) -> None:
        self._left = most
        self._pasts: list[tuple[LiveConfig, SpreadModel | None, dict[tuple[str, bool], _Past]]] = []

    def past(
        self, config: LiveConfig, spread: SpreadModel | None, key: tuple[str, bool], made: Callable[[], _Past]
    ) -> _Past:
        """Return what is known of a symbol, read as a run reads it; made by the run where nobody has asked before."""
        known = next((pasts for had, around, pasts in self._pasts if around == spread and had == config), None)
        if known is not None and key in known and not known[key].is_broken:
            return known[key]
        past = made()
        if past.n_moments > self._left:
            return past
        self._left -= past.n_moments
        past.remembers = True
        if known is None:
            self._pasts.append((config, spread, known := {}))
        known[key] = past
        return past


@final
class RecordedReadings:
    """Readings of the symbols of a run; a `strategies.market_state.ReadingsSource`.

    Parameters
    ----------
    config : LiveConfig
        Settings of regimes, signals, calibrations and inputs, as of a shard.
    history : History
        Bars, series and funding that the inputs are read from.
    market : MarketState
        Knows the field of the newest chain, so that it is computed once.
    chains : iterable of ChainFeed
        At most one for each underlying.
    fields : FieldSource or None
        Where fields of earlier chains come from; without it the axes of other markets alone are known.
    spread : SpreadModel or None
        Half spread that the chains are quoted with; it tells readings apart in the memory.
    memory : ReadingsMemory or None
        What runs over the same history have read already.

    Notes
    -----
    A symbol is read at each of its chains; before the first, and without chains, at each point of its indices and of
    its funding, and at its own bars where they lie five minutes apart or more. The instants follow from what is known
    by then: when and how often somebody asks, and what comes later, changes nothing. What nobody asks for is not read.
    """

    def __init__(
        self,
        config: LiveConfig,
        history: History,
        market: MarketState,
        chains: Iterable[ChainFeed],
        fields: FieldSource | None,
        spread: SpreadModel | None = None,
        memory: ReadingsMemory | None = None,
    ) -> None:
        self._config, self._history, self._market = config, history, market
        self._spread, self._memory = spread, memory
        self._chains, self._fields = {feed.symbol: feed for feed in chains}, fields
        self._pasts: dict[tuple[str, bool], _Past] = {}

    def __call__(self, symbol: str, now_ns: int, *, with_field: bool) -> Interpretation | None:
        """Return the readings of a symbol as they stood at an instant, with its field or without; None before any."""
        with_field = with_field and self._fields is not None
        past = self._pasts.get((symbol, with_field))
        if past is None:
            past = self._pasts[symbol, with_field] = self._known(symbol, with_field=with_field)
        return past.at(now_ns)

    def _known(self, symbol: str, *, with_field: bool) -> _Past:
        def made() -> _Past:
            return self._past(symbol, self._fields if with_field else None)

        if self._memory is None:
            return made()
        return self._memory.past(self._config, self._spread, (symbol, with_field), made)

    def _past(self, symbol: str, fields: FieldSource | None) -> _Past:
        context = self._config.context
        perpetual = context.perpetuals.get(symbol)
        named = context.bars.get(symbol, symbol)
        own = (named,) if perpetual is None else (named, perpetual)
        recordings = recordings_of(self._history, own, frozenset(context.series.values()))
        zone = _NEW_YORK if perpetual is None else _UTC
        prices = _AtPrices(_bars_of(self._history, own), recordings, zone)
        chains = self._chains.get(symbol)
        if chains is None:
            return _Past(self._config, symbol, recordings, prices)
        return _Past(self._config, symbol, recordings, _AtChains(chains, prices, self._market, fields))


def _bars_of(history: History, names: Sequence[str]) -> list[BarBatch]:
    """Return the bars of the first of some names that has any."""
    for name in names:
        found = [of_underlying(batch) for batch in history.bars if batch.symbol == name]
        if any(batch.n_bars for batch in found):
            return found
    return []


@dataclass(frozen=True, slots=True, kw_only=True)
class _Moment:
    """An instant at which a symbol is read, with its field where there is one."""

    ts_ns: int
    session: date
    close: float
    cause_id: str
    field: FieldSnapshot | None = None
    opens_session: bool = False


class _Moments(Protocol):
    """When a symbol is read."""

    n: int

    def until(self, now_ns: int) -> Iterator[_Moment]:
        """Give the moments up to an instant that were not given before; instants of calls rise."""


@final
class _Past:
    """One symbol, read up to an instant."""

    def __init__(self, config: LiveConfig, symbol: str, recordings: Sequence[Recording], moments: _Moments) -> None:
        self.remembers = False
        """Whether readings before the newest are kept, for runs that go through the same days again."""
        self.is_broken = False
        """Whether reading failed half-way, so that nobody can go on from here."""
        self.n_moments = moments.n
        """How often the symbol is read at most."""
        self._read_ns: list[int] = []
        self._read: list[Interpretation] = []
        self._symbol, self._moments = symbol, moments
        # Other markets are no part of what is read.
        self._context = told_context(replace(config.context, cross=()), recordings)
        self._interpreter = Interpreter(config)

    def at(self, now_ns: int) -> Interpretation | None:
        """Return the newest reading at an instant; None before the first. Where nothing is kept, instants rise."""
        try:
            self._advance(now_ns)
        except BaseException:
            self.is_broken = True
            raise
        place = bisect_right(self._read_ns, now_ns)
        return self._read[place - 1] if place else None

    def _advance(self, now_ns: int) -> None:
        interpreter = self._interpreter
        for moment in self._moments.until(now_ns):
            if moment.opens_session:
                interpreter.end_session()
            interpreter.market = self._context.inputs(self._symbol, moment.ts_ns)
            if moment.field is None:
                found = interpreter.read_market(moment.session, moment.close, moment.ts_ns, moment.cause_id)
            else:
                found = interpreter.read(moment.field, _NO_TRADES, None, moment.ts_ns)
            if not self.remembers:
                self._read_ns.clear()
                self._read.clear()
            self._read_ns.append(moment.ts_ns)
            self._read.append(found)


@final
class _AtChains:
    """At each chain, and at prices before the first; as in a shard, a chain of an older session is left out."""

    def __init__(self, chains: ChainFeed, prices: _AtPrices, market: MarketState, fields: FieldSource | None) -> None:
        self._chains, self._prices, self._market, self._fields = chains, prices, market, fields
        self._place, self._open_ns = 0, -1
        self.n = prices.n + int(chains.stream.instants.shape[0])

    def until(self, now_ns: int) -> Iterator[_Moment]:
        """Give a moment for each chain that has become known."""
        instants = self._chains.stream.instants
        first_ns = int(instants[0]) if instants.shape[0] else now_ns + 1
        yield from self._prices.until(min(now_ns, first_ns - 1))
        last = int(instants.searchsorted(now_ns, side="right"))
        while self._place < last:
            place, self._place = self._place, self._place + 1
            chain, field = self._valued(place)
            if not chain.n_contracts:
                continue
            session = session_of(chain)
            if session.open_ns < self._open_ns:
                continue
            opens, self._open_ns = session.open_ns > self._open_ns, session.open_ns
            yield _Moment(
                ts_ns=int(instants[place]),
                session=session.day,
                close=chain.spot_last,
                cause_id=chain.cause_id,
                field=field,
                opens_session=opens,
            )

    def _valued(self, place: int) -> tuple[OptionChain, FieldSnapshot | None]:
        """Return a chain with its field; those that the run has at hand are neither read nor computed again."""
        view = self._market.chain(self._chains.symbol)
        if view is not None and place == self._chains.newest:
            return view.chain, None if self._fields is None else self._market.field(self._chains.symbol)
        chain = self._chains.chain(place)
        return chain, None if self._fields is None else self._fields(chain)


@final
class _AtPrices:
    """At points of indices and funding, and at bars five minutes apart or more; the price is the newest close."""

    def __init__(self, bars: Sequence[BarBatch], recordings: Sequence[Recording], zone: ZoneInfo) -> None:
        self._zone, self._place = zone, 0
        self._end_ns, self._close, self._names = _closes(bars)
        told = [each.known_ns for each in recordings if not isinstance(each.message, BarBatch)]
        dated = [each.known_ns for each in recordings if isinstance(each.message, BarBatch)]
        self._instants = _spaced(_joined(told), _joined([self._end_ns, *dated]))
        self.n = int(self._instants.shape[0])

    def until(self, now_ns: int) -> Iterator[_Moment]:
        """Give a moment for each instant that has come."""
        last = int(self._instants.searchsorted(now_ns, side="right"))
        while self._place < last:
            ts_ns = int(self._instants[self._place])
            self._place += 1
            row = int(self._end_ns.searchsorted(ts_ns, side="right")) - 1
            yield _Moment(
                ts_ns=ts_ns,
                session=datetime_of_ns(ts_ns).astimezone(self._zone).date(),
                close=float(self._close[row]) if row >= 0 else nan,
                cause_id=f"{self._names[row]}:{int(self._end_ns[row])}" if row >= 0 else "",
            )


def _closes(bars: Sequence[BarBatch]) -> tuple[Int64Array, FloatArray, list[str]]:
    """Return ends, closes and sources of all bars that have a close; of those that end at once the shortest is last."""
    known = [np.flatnonzero(np.isfinite(batch.close) & (batch.close > 0.0)) for batch in bars]
    names = [batch.cause_id for batch, rows in zip(bars, known, strict=True) for _ in range(rows.shape[0])]
    start_ns, end_ns, close = (
        np.concatenate([empty, *(getattr(batch, name)[rows] for batch, rows in zip(bars, known, strict=True))])
        for name, empty in (("start_ns", _NONE), ("end_ns", _NONE), ("close", np.zeros(0)))
    )
    order = np.lexsort((start_ns, end_ns))
    return end_ns[order], close[order], [names[place] for place in order.tolist()]


def _joined(instants: Sequence[Int64Array]) -> Int64Array:
    return np.unique(np.concatenate([_NONE, *instants]))


def _spaced(always: Int64Array, bars: Int64Array) -> Int64Array:
    """Return all instants of the first, and of the others those that lie far enough after the one before."""
    kept: list[int] = []
    is_always = np.isin(instants := np.union1d(always, bars), always)
    for ts_ns, must in zip(instants.tolist(), is_always.tolist(), strict=True):
        if must or not kept or ts_ns - kept[-1] >= _CADENCE_NS:
            kept.append(ts_ns)
    return np.array(kept, dtype=np.int64)

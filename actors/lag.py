"""How far each stream of the feed is behind what it tells, and how long it has been silent; without Ray."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, final

from actors.messages import StreamHealth, StreamKind
from market.calendars import MarketPhase, phase_at
from market.instruments import ExpirySeries
from market.ports import MarketBatch

__all__ = ["StreamLags", "lagging"]

_NS_PER_S: Final = 1_000_000_000
_SAMPLES: Final = 64  # lags by kind between two reports
_MOST_STREAMS: Final = 400  # in one report


@final
class _Stream:
    """One symbol and kind: what it has told, and when the newest of it came."""

    __slots__ = ("kind", "lag_ns", "newest_ns", "received_ns", "rows", "symbol", "told_ns")

    def __init__(self, symbol: str, kind: StreamKind) -> None:
        self.symbol, self.kind = symbol, kind
        self.rows = self.newest_ns = self.lag_ns = self.received_ns = self.told_ns = 0


def _told(batch: MarketBatch) -> Iterator[tuple[str, StreamKind, int, int]]:
    """Yield symbol, kind, rows and newest event instant of each message that has a row."""
    for quotes in batch.quotes:
        if quotes.n_quotes:
            yield quotes.symbol, StreamKind.QUOTES, quotes.n_quotes, int(quotes.ts_ns.max())
    for trades in batch.trades:
        if trades.n_trades:
            yield trades.symbol, StreamKind.TRADES, trades.n_trades, int(trades.ts_ns.max())
    for chain in batch.chains:
        if chain.n_contracts:
            yield chain.symbol, StreamKind.CHAINS, chain.n_contracts, chain.ts_event_ns
    for book in batch.books:
        yield book.symbol, StreamKind.BOOKS, 1, book.ts_event_ns


@final
class StreamLags:
    """Keeps, by symbol and kind, how old the newest row was when the feed had it.

    The batch's own instant is when the feed had it, by the feed's clock: a live feed sets it from its venue's time as
    measured, so that a clock that is off does not look like a lag; that of a recorded or simulated feed is its own.
    Each message of a batch costs the same, however many rows it holds, but for finding the newest.

    Parameters
    ----------
    most_streams : int, optional
        Streams that are followed; those that come later are only counted.
    """

    def __init__(self, most_streams: int = 20_000) -> None:
        self._most = most_streams
        self._streams: dict[tuple[str, StreamKind], _Stream] = {}
        self._calendars: dict[str, str] = {}
        self._samples: dict[StreamKind, deque[float]] = {kind: deque(maxlen=_SAMPLES) for kind in StreamKind}
        self.unfollowed = 0
        """Messages of streams beyond the most."""

    def on_batch(self, batch: MarketBatch, received_ns: int) -> None:
        """Note what a batch brought.

        Parameters
        ----------
        batch : MarketBatch
            As it came from the feed.
        received_ns : int
            Instant at which the feed actor had it, machine clock, ns since the epoch, UTC.
        """
        for symbol, kind, rows, newest_ns in _told(batch):
            stream = self._streams.get((symbol, kind))
            if stream is None:
                if len(self._streams) >= self._most:
                    self.unfollowed += 1
                    continue
                stream = self._streams[symbol, kind] = _Stream(symbol, kind)
            stream.rows += rows
            stream.newest_ns = max(stream.newest_ns, newest_ns)
            stream.lag_ns, stream.received_ns = batch.ts_event_ns - newest_ns, received_ns
            stream.told_ns = batch.ts_event_ns
            self._samples[kind].append(stream.lag_ns / _NS_PER_S)
        self._learn(batch)

    def _learn(self, batch: MarketBatch) -> None:
        for chain in batch.chains:
            self._note(chain.symbol, chain.series)
        for quotes in batch.quotes:
            if quotes.symbol not in self._calendars:
                self._note(quotes.symbol, quotes.contracts.series)

    def _note(self, symbol: str, series: Sequence[ExpirySeries]) -> None:
        if series:
            self._calendars[symbol] = series[0].product.calendar

    def health(self, now_ns: int) -> tuple[StreamHealth, ...]:
        """Return the state of each stream.

        Parameters
        ----------
        now_ns : int
            Current instant, machine clock, ns since the epoch, UTC.

        Returns
        -------
        tuple of StreamHealth
            At most 400: those of open markets first, and of them the longest silent.
        """
        phases: dict[tuple[str, int], bool] = {}
        found = [self._health(stream, now_ns, phases) for stream in self._streams.values()]
        found.sort(key=lambda item: (item.market_closed, -item.silent_s))
        return tuple(found[:_MOST_STREAMS])

    def _health(self, stream: _Stream, now_ns: int, phases: dict[tuple[str, int], bool]) -> StreamHealth:
        silent_ns = max(now_ns - stream.received_ns, 0)
        return StreamHealth(
            symbol=stream.symbol,
            kind=stream.kind,
            rows=stream.rows,
            newest_ns=stream.newest_ns,
            lag_s=stream.lag_ns / _NS_PER_S,
            silent_s=silent_ns / _NS_PER_S,
            market_closed=self._is_closed(stream.symbol, stream.told_ns + silent_ns, phases),
        )

    def _is_closed(self, symbol: str, instant_ns: int, phases: dict[tuple[str, int], bool]) -> bool:
        calendar = self._calendars.get(symbol, "24/7")  # of what has no options nothing is known
        key = (calendar, instant_ns // _NS_PER_S)  # a calendar is asked once for all streams of one second
        if key not in phases:
            phases[key] = phase_at(calendar, instant_ns) is MarketPhase.CLOSED
        return phases[key]

    def take_samples(self) -> dict[StreamKind, list[float]]:
        """Return the newest lags by kind since the last call, seconds, for a histogram."""
        taken = {kind: list(samples) for kind, samples in self._samples.items() if samples}
        for samples in self._samples.values():
            samples.clear()
        return taken


def lagging(streams: Iterable[StreamHealth], *, lag_s: float, silent_s: float) -> list[str]:
    """Return one clause for each stream that needs a look; none where all is well.

    Parameters
    ----------
    streams : iterable of StreamHealth
        As the feed tells them.
    lag_s : float
        Rows that were older than this when they came are late, seconds.
    silent_s : float
        Quotes of an open market that did not come for so long are missed, seconds; trades and chains may be rare.

    Returns
    -------
    list of str
        Such as ``SPY quotes 3.2 s late``.
    """
    found = []
    for item in streams:
        if item.market_closed:
            continue
        if item.kind is StreamKind.QUOTES and item.silent_s > silent_s:
            found.append(f"{item.symbol} {item.kind.value} silent for {item.silent_s:.0f} s")
        elif item.lag_s > lag_s and item.kind is not StreamKind.CHAINS:
            found.append(f"{item.symbol} {item.kind.value} {item.lag_s:.1f} s late")
    return found

"""A crypto exchange live: streams of trades, quotes and books, chains, bars and funding beside, nothing lost unseen."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from adapters.ccxt_markets.arrivals import Arrivals, Row, Taken
from adapters.ccxt_markets.book_rows import book_of
from adapters.ccxt_markets.client import ClockSkew, VenueConfig
from adapters.ccxt_markets.feed_config import CcxtFeedConfig
from adapters.ccxt_markets.history import NUMBERED
from adapters.ccxt_markets.polls import ContextPolls, Job, PollThread, TradeFills
from adapters.ccxt_markets.redirect import Redirect
from adapters.ccxt_markets.rows import quote_batch, trade_batch
from adapters.ccxt_markets.streams import StreamThread
from adapters.ccxt_markets.trade_line import TradeLine
from adapters.ccxt_markets.venue import CcxtVenue
from adapters.live.recent import RecentBatches
from market.books import BookSnapshot
from market.errors import DataError
from market.ports import MarketBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = ["CcxtFactory", "CcxtFeed"]

_MS: Final = 1_000_000
_RETRY_S: Final = 5.0


@final
class CcxtFeed:
    """Market data of coins on one exchange as it comes; a `market.ports.MarketFeed`.

    The first call of `next_batch` opens it, in threads: no call waits for the exchange.

    Parameters
    ----------
    config : CcxtFeedConfig
        What to deliver.
    clock_ns : callable
        This machine's clock, ns since the epoch, UTC.
    """

    def __init__(self, config: CcxtFeedConfig, *, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._config, self._clock_ns = config, clock_ns
        self._venue, self._filler = self._opened(), self._opened()
        self._start_ms = clock_ns() // _MS
        self._recent = RecentBatches(config.interval_s)
        self._threads: list[PollThread | StreamThread] = []
        self._newest_ns = 0
        self._closing = threading.Lock()
        self._is_closed = False
        self.arrivals = self._empty()
        self._context = ContextPolls(self._venue, config, self.arrivals)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The coins that the feed delivers."""
        return self._config.symbols

    @property
    def counts(self) -> dict[str, int]:
        """What came, what went wrong and what was put right.

        ``lost_stretches`` above 0 means that trades are missing for good: history did not reach back to them.
        """
        return self.arrivals.counts

    @property
    def notes(self) -> tuple[str, ...]:
        """What the exchange does not offer and the feed therefore does not deliver, such as an option chain."""
        return self._context.notes

    @property
    def skew(self) -> ClockSkew | None:
        """How far this machine's clock is ahead of the exchange's; None before the first measurement."""
        return self._context.skew

    def delay_s(self) -> float:
        """Return the seconds between batches; 0 before the first and while old ones are told again."""
        return self._recent.delay_s()

    def next_batch(self) -> MarketBatch:
        """Return what has come since the batch before; it may be empty.

        Raises
        ------
        VenueError
            The exchange refuses for good, or does not know a market.
        """
        if (told := self._recent.again()) is not None:
            return told
        if not self._threads:
            self._open()
        return self._recent.keep(self._batch(self.arrivals.take()))

    def rewind(self, sequence: int) -> None:
        """Continue after a batch.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has. The newest are told again as they were, see `RecentBatches`; a
            feed that has told nothing yet takes up the count and first asks for the trades of the last
            `CcxtFeedConfig.catch_up_s`.
        """
        if self._recent.rewind(sequence):
            return
        back_ms = int(self._config.catch_up_s * 1e3) if sequence >= 0 else 0
        self._start_ms = self._clock_ns() // _MS - back_ms
        self.arrivals = self._empty()
        self._context = ContextPolls(self._venue, self._config, self.arrivals)

    def close(self) -> None:
        """End the streams and requests."""
        with self._closing:
            self._is_closed = True
            threads = tuple(self._threads)
        for thread in threads:
            thread.close()

    def _opened(self) -> CcxtVenue:
        config = self._config
        return CcxtVenue(
            config.exchange_id,
            config=VenueConfig(
                timeout_s=config.timeout_s,
                attempts=3,
                is_paced=config.url is None or config.pace_file is not None,
                pace_file=config.pace_file,
                market_types=config.market_types,
            ),
            simulated=config.emulated,
            transport=None if config.url is None else Redirect(config.url),
            clock_ns=self._clock_ns,
        )

    def _empty(self) -> Arrivals:
        is_numbered = self._config.exchange_id in NUMBERED
        lines = {market: TradeLine(start_ms=self._start_ms, is_numbered=is_numbered) for market in self._config.markets}
        return Arrivals(lines, self._config.most_waiting)

    def _open(self) -> None:
        thread = PollThread(f"{self._config.exchange_id}-requests", self.arrivals, self._begin, retry_s=_RETRY_S)
        self._threads.append(thread)
        thread.start()

    def _begin(self) -> tuple[Job, ...]:
        jobs = self._context.jobs()
        # The start was read from this machine's clock; trades bear the exchange's.
        self.arrivals.shift((self._context.now_ns() - self._clock_ns()) // _MS)
        exchange = self._venue.client.exchange
        # Two conversations, so that a slow chain does not hold up the trades that were missed.
        self._filler.client.exchange.set_markets(list(exchange.markets.values()), exchange.currencies)
        fills = TradeFills(self._filler, self.arrivals, wait_s=self._config.fill_wait_s)
        asking = PollThread(
            f"{self._config.exchange_id}-fills",
            self.arrivals,
            lambda: fills.jobs(self._config.markets),
            retry_s=_RETRY_S,
        )
        streams = StreamThread(self._config, exchange.markets, exchange.currencies, self.arrivals, self._clock_ns)
        with self._closing:
            if not self._is_closed:
                self._threads += [asking, streams]
                asking.start()
                streams.start()
        return jobs

    def _batch(self, taken: Taken) -> MarketBatch:
        is_open, now_ns = self._context.is_open, self._context.now_ns()  # in this order: opening sets the clock right
        trades = [self._trades_of(market, rows, now_ns) for market, rows in taken.trades.items()]
        quotes = [self._quotes_of(market, rows) for market, rows in taken.quotes.items()]
        books = [book for market, told in taken.books.items() if (book := self._book_of(market, told)) is not None]
        parts = (*taken.chains.values(), *trades, *quotes, *books, *taken.context)
        # An exchange's stamps may be ahead of its own clock by a little; time never goes back. A batch from before the
        # clock was measured is empty, and its instant, this machine's, binds no later one.
        newest_ns = max([self._newest_ns, now_ns, *(part.ts_event_ns for part in parts)])
        self._newest_ns = newest_ns if is_open else 0
        return MarketBatch(
            sequence=self._recent.sequence,
            ts_event_ns=newest_ns,
            chains=tuple(taken.chains.values()),
            quotes=tuple(quotes),
            trades=tuple(trades),
            books=tuple(books),
            context=taken.context,
        )

    def _trades_of(self, market: str, rows: Sequence[Row], now_ns: int) -> TradeBatch:
        terms = self._venue.terms(market)
        batch = trade_batch(terms, rows, known_ns=now_ns, simulated=self._config.emulated)
        return replace(batch, symbol=terms.base, provenance=replace(batch.provenance, origin=f"stream of {market}"))

    def _quotes_of(self, market: str, rows: Sequence[tuple[int, Row]]) -> QuoteBatch:
        terms, ahead_ns = self._venue.terms(market), self._clock_ns() - self._context.now_ns()
        received = np.array([received_ns - ahead_ns for received_ns, _ in rows], dtype=np.int64)
        tickers = [row for _, row in rows]
        batch = quote_batch(terms, tickers, known_ns=received, simulated=self._config.emulated)
        return replace(batch, symbol=terms.base, provenance=replace(batch.provenance, origin=f"stream of {market}"))

    def _book_of(self, market: str, told: tuple[int, Row]) -> BookSnapshot | None:
        received_ns, book = told
        ahead_ns = self._clock_ns() - self._context.now_ns()
        try:
            return book_of(
                self._venue.terms(market), book, known_ns=received_ns - ahead_ns, simulated=self._config.emulated
            )
        except DataError:
            self.arrivals.count("broken_books")
            return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CcxtFactory:
    """A picklable recipe for a `CcxtFeed`.

    Parameters
    ----------
    config : CcxtFeedConfig
        What to deliver.
    """

    config: CcxtFeedConfig

    def __call__(self) -> CcxtFeed:
        """Return the feed; it opens with its first batch."""
        return CcxtFeed(self.config)

"""The vendor live: whole chains now and then, streams between them, and what was missed while a stream was down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, final

from adapters.credentials import Credentials, keep_at_home, load_credentials
from adapters.limits import SharedLimiter
from adapters.live.polling import ChainPolling, is_closed
from adapters.live.recent import RecentBatches
from adapters.polygon.chain import fetch_chain
from adapters.polygon.channels import ChannelThread
from adapters.polygon.client import PolygonClient
from adapters.polygon.intake import Intake
from adapters.polygon.live_config import PolygonLiveConfig
from adapters.polygon.live_rows import Listing
from adapters.polygon.missed import missed_bars, missed_quotes, missed_trades
from market.calendars import latest_session
from market.chains import OptionChain
from market.clock import Clock, SystemClock
from market.instruments import Delivery, product_of
from market.ports import MarketBatch

__all__ = ["PolygonFactory", "PolygonFeed"]

_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_SKEW_EVERY: Final = 16  # chains
_LEAST_SKEW_NS: Final = 2 * _NS_PER_S  # the vendor tells whole seconds
_CATCH_UP_MS: Final = 900_000
_STOCKS, _OPTIONS = "stocks", "options"


@final
class _VenueClock:
    """Our clock, moved to the vendor's where that is plainly another."""

    def __init__(self, own: Clock) -> None:
        self._own, self._ahead_ns = own, 0

    def now_ns(self) -> int:
        return self._own.now_ns() + self._ahead_ns

    def set_by(self, told_ns: int) -> None:
        ahead_ns = told_ns + _NS_PER_S // 2 - self._own.now_ns()
        self._ahead_ns = ahead_ns if abs(ahead_ns) > _LEAST_SKEW_NS else 0


@final
class PolygonFeed:
    """Chains, quotes, trades and minutes of Polygon as they come; a `market.ports.MarketFeed`.

    Parameters
    ----------
    config : PolygonLiveConfig
        What to deliver.
    key : str
        The key.
    clock : Clock, optional
        Ours.
    """

    def __init__(self, config: PolygonLiveConfig, key: str, *, clock: Clock | None = None) -> None:
        self._config, self._key = config, key
        self._clock = _VenueClock(clock or SystemClock())
        self._budget = SharedLimiter("polygon", key, per_min=config.requests_per_min, folder=config.limits_folder)
        self.client = PolygonClient(key, config.rest, budget=self._budget)
        self.threads: dict[str, ChannelThread] = {}
        self._listings: dict[str, Listing] = {}
        self._told_ns: dict[str, int] = {}  # instant of the newest chain
        self._owner: dict[str, str] = {symbol: symbol for symbol in config.symbols}
        self._gaps: dict[str, int] = {}
        self._newest_ms: dict[str, int] = {}
        self._traded_ns: dict[str, int] = {}  # instant of the newest chain in which a contract's volume had grown
        self._intake = Intake(config.stream.remember, simulated=config.emulated)
        # What an error leaves behind comes with the next batch.
        self._chains: tuple[OptionChain, ...] = ()
        self._recent = RecentBatches(config.interval_s)
        self._n_polls, self._opened_ms = 0, 0
        self.polling = ChainPolling(
            config.symbols,
            self._ask_chains,
            self._clock.now_ns,
            every_s=config.chain_every_s,
            closed_every_s=config.closed_chain_every_s,
        )
        self._counts: Counter[str] = Counter()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self._config.symbols

    @property
    def counts(self) -> dict[str, int]:
        """Reconnects, back-fills, duplicates, rejected and foreign records, and contracts that were not filled."""
        found = Counter(self._counts)
        found.update(chain_failures=self.polling.asking.failures)
        for thread in tuple(self.threads.values()):
            found.update(thread.counts)
        found.update(self._intake.counts)
        return dict(found)

    def delay_s(self) -> float:
        """Return the seconds between batches; 0 before the first and while old ones are told again."""
        return self._recent.delay_s()

    def next_batch(self) -> MarketBatch:
        """Return what has come since the batch before; it may be empty.

        Returns
        -------
        MarketBatch
            With whole chains where they are due, and after an option stream was lost.

        Raises
        ------
        VenueError
            Where the vendor does not answer. If it is retryable, the next call continues without loss.
        """
        if (told := self._recent.again()) is not None:
            return told
        for market, thread in self.threads.items():
            self._collect(market, thread)
        # After a gap the chain says which contracts traded meanwhile: their trades are fetched before newer ones go on.
        is_urgent = _OPTIONS in self._gaps or not self._listings
        self._note(self.polling.now() if is_urgent else self.polling.turn())
        if not self.threads:
            self._open()
        for market in tuple(self._gaps):
            self._fill(market)
        return self._recent.keep(self._batch())

    def rewind(self, sequence: int) -> None:
        """Continue after a batch.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has. The newest are told again as they were, see `RecentBatches`; a
            feed that has told nothing yet takes up the count and asks for the trades of the last quarter of an hour.
        """
        if self._recent.rewind(sequence) or sequence < 0:
            return
        self._clock.set_by(self.client.server_time_ns())
        since_ms = self._clock.now_ns() // _MS - _CATCH_UP_MS
        self._gaps = dict.fromkeys(self._markets, since_ms)

    def close(self) -> None:
        """End the streams and release connections."""
        for thread in self.threads.values():
            thread.close()
        self.client.close()
        self._budget.close()

    @property
    def _markets(self) -> tuple[str, ...]:
        return (_STOCKS, _OPTIONS) if self._config.stream_options else (_STOCKS,)

    def _ask_chains(self, symbols: Sequence[str]) -> tuple[OptionChain, ...]:
        # In a thread of its own, and a client serves one: that of the feed fills gaps meanwhile.
        with closing(PolygonClient(self._key, self._config.rest, budget=self._budget)) as client:
            if self._n_polls % _SKEW_EVERY == 0:
                self._clock.set_by(client.server_time_ns())
            self._n_polls += 1
            return tuple(self._chain(client, symbol) for symbol in symbols)

    def _chain(self, client: PolygonClient, symbol: str) -> OptionChain:
        first = latest_session(product_of(symbol).calendar, self._clock.now_ns()).day
        span = (first, first + timedelta(days=self._config.max_days))
        known = symbol in self._listings
        return fetch_chain(client, symbol, self._clock, ticker=_ticker(symbol), expirations=span, is_known=known)

    def _note(self, chains: Sequence[OptionChain]) -> None:
        """Keep chains and their contracts, and stream those that are nearest now."""
        # One that was under way when a gap needed another at once is the older of the two.
        fresh = [chain for chain in chains if chain.ts_event_ns > self._told_ns.get(chain.symbol, 0)]
        for chain in fresh:
            listing, before = Listing.of(chain), self._listings.get(chain.symbol)
            # Always, because chains come while a stream is down, too, before anybody knows of the gap.
            self._traded_ns |= dict.fromkeys(listing.traded_since(before), chain.ts_event_ns)
            self._listings[chain.symbol] = listing
            self._owner |= dict.fromkeys(listing.places, chain.symbol)
            self._told_ns[chain.symbol] = chain.ts_event_ns
        self._chains = tuple({chain.symbol: chain for chain in (*self._chains, *fresh)}.values())  # newest of each
        if fresh and _OPTIONS in self.threads:
            self.threads[_OPTIONS].choose(self._channels(_OPTIONS))

    def _open(self) -> None:
        self._opened_ms = self._clock.now_ns() // _MS
        for market in self._markets:
            channels = self._channels(market)
            if not channels:
                continue  # indices have neither trades nor quotes
            thread = ChannelThread(
                self._key,
                self._config.stream,
                market,
                channels,
                most_waiting=self._config.most_waiting,
                is_closed=lambda: is_closed(self._config.symbols, self._clock.now_ns()),
            )
            self.threads[market] = thread
            thread.start()

    def _channels(self, market: str) -> list[str]:
        if market == _STOCKS:
            shares = [symbol for symbol in self._config.symbols if _ticker(symbol) == symbol]
            return [f"{kind}.{symbol}" for symbol in shares for kind in ("T", "Q", "AM")]
        each = max(self._config.most_contracts // len(self._config.symbols), 1)
        tickers = [ticker for listing in self._listings.values() for ticker in listing.nearest(each)]
        return [f"{kind}.{ticker}" for ticker in tickers for kind in ("T", "Q")]

    def _collect(self, market: str, thread: ChannelThread) -> None:
        taken = thread.take()
        if taken.gap:
            # Rows of this very take may come from after the gap: only what lay before it tells where it began.
            since_ms = self._newest_ms.get(market, self._opened_ms)
            self._gaps[market] = min(self._gaps.get(market, since_ms), since_ms)
        newest_ms = self._intake.put(taken.trades, taken.quotes, taken.bars)
        self._newest_ms[market] = max(self._newest_ms.get(market, self._opened_ms), newest_ms)

    def _fill(self, market: str) -> None:
        """Fetch what a stream may have missed; missed quotes of options are in the chain that came since."""
        overlap_ms = int(self._config.stream.overlap_s * 1000)
        start_ms = max(self._gaps[market] - overlap_ms, self._opened_ms + 1 if self._recent.has_told else 0)
        shares = [symbol for symbol in self._config.symbols if _ticker(symbol) == symbol]
        traded = [ticker for ticker, traded_ns in self._traded_ns.items() if traded_ns >= start_ms * _MS]
        tickers = traded if market == _OPTIONS else shares
        most = self._config.most_fetched
        fetched = [row for ticker in tickers[:most] for row in missed_trades(self.client, ticker, start_ms)]
        asked = tickers if market == _STOCKS else ()
        quotes = [row for ticker in asked for row in missed_quotes(self.client, ticker, start_ms)]
        # The clock is measured now and then; what bears a stamp has happened by then in any case.
        now_ms = max([self._clock.now_ns() // _MS, *(row.t for row in fetched), *(row.t for row in quotes)])
        bars = [row for ticker in asked for row in missed_bars(self.client, ticker, start_ms, now_ms)]
        self._counts["backfills"] += 1
        self._counts["backfilled_rows"] += self._intake.fill(fetched, quotes, bars)
        self._counts["not_filled"] += max(len(tickers) - most, 0)
        del self._gaps[market]

    def _batch(self) -> MarketBatch:
        told = self._intake.tell(self._listings, self._owner)
        newest_ns = max([self._clock.now_ns(), told.newest_ns, *(chain.ts_event_ns for chain in self._chains)])
        batch = MarketBatch(
            sequence=self._recent.sequence,
            ts_event_ns=newest_ns,
            chains=self._chains,
            quotes=told.quotes,
            trades=told.trades,
            context=told.bars,
        )
        self._chains = ()
        return batch


def _ticker(symbol: str) -> str:
    """Return the vendor's name of an underlying: indices bear a mark."""
    product = product_of(symbol)
    return f"I:{symbol}" if product.delivery is Delivery.CASH else symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonFactory:
    """A picklable recipe for a `PolygonFeed`; the key is read where the feed is opened, and never travels.

    Parameters
    ----------
    config : PolygonLiveConfig
        What to deliver.
    throw_away : Credentials, optional
        Of an emulated venue: its key, which is worth nothing elsewhere; refused for any other venue.
    """

    config: PolygonLiveConfig
    throw_away: Credentials | None = None

    def __post_init__(self) -> None:
        keep_at_home(self.throw_away, emulated=self.config.emulated)

    def __call__(self) -> PolygonFeed:
        """Read the key and return the feed; the streams open with its first batch."""
        return PolygonFeed(self.config, (self.throw_away or load_credentials("polygon", with_secret=False)).key)

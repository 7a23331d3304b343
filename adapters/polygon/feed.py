"""The vendor live: whole chains now and then, streams between them, and what was missed while a stream was down."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final, TypeVar, final

from adapters.credentials import Credentials, load_credentials
from adapters.limits import SharedLimiter
from adapters.polygon.chain import fetch_chain
from adapters.polygon.channels import ChannelThread
from adapters.polygon.client import PolygonClient
from adapters.polygon.live_config import PolygonLiveConfig
from adapters.polygon.live_rows import Listing, bar_batch, quote_batch, trade_batch
from adapters.polygon.wire import Bar, Quote, Trade
from adapters.ticks.rows import Tally
from market.calendars import latest_session
from market.chains import OptionChain
from market.clock import Clock, SystemClock
from market.errors import ConfigError, DataError
from market.instruments import Delivery, product_of
from market.ports import ContextMessage, MarketBatch

__all__ = ["PolygonFactory", "PolygonFeed"]

_Row = TypeVar("_Row", Trade, Quote, Bar)
_MS: Final = 1_000_000
_NS_PER_S: Final = 1_000_000_000
_WEEK_NS: Final = 7 * 86_400 * _NS_PER_S
_KEEP: Final = 256
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
        self._owner: dict[str, str] = {symbol: symbol for symbol in config.symbols}
        self._gaps: dict[str, int] = {}
        self._newest_ms: dict[str, int] = {}
        self._to_fetch: dict[str, None] = {}
        self._seen: OrderedDict[tuple[str, int, int], None] = OrderedDict()
        self._trades: list[Trade] = []
        self._quotes: list[Quote] = []
        self._bars: list[Bar] = []
        self._kept: deque[MarketBatch] = deque(maxlen=_KEEP)
        self._again: deque[MarketBatch] = deque()
        self._sequence, self._next_chain_ns, self._n_chains, self._opened_ms = 0, 0, 0, 0
        self._counts: Counter[str] = Counter()
        self._tally = Tally()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self._config.symbols

    @property
    def counts(self) -> dict[str, int]:
        """Reconnects, back-fills, duplicates, rejected and foreign records, and contracts that were not filled."""
        found = Counter(self._counts)
        for thread in self.threads.values():
            found.update(thread.counts)
        found.update({f"dropped.{reason.value}": rows for reason, rows in self._tally.dropped.items()})
        return dict(found)

    def delay_s(self) -> float:
        """Return the seconds between batches; 0 before the first and while old ones are told again."""
        return self._config.interval_s if self._kept and not self._again else 0.0

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
        if self._again:
            return self._again.popleft()
        for market, thread in self.threads.items():
            self._collect(market, thread)
        chains: tuple[OptionChain, ...] = ()
        if self._clock.now_ns() >= self._next_chain_ns or _OPTIONS in self._gaps or not self._n_chains:
            chains = self._chains()
        if not self.threads:
            self._open()
        for market in tuple(self._gaps):
            self._fill(market)
        batch = self._batch(chains)
        self._kept.append(batch)
        return batch

    def rewind(self, sequence: int) -> None:
        """Continue after a batch.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has. The newest 256 are told again as they were; a feed that has told
            nothing yet takes up the count and asks for the trades of the last quarter of an hour.
        """
        if not self._kept:
            self._sequence = sequence + 1
            if sequence >= 0:
                self._clock.set_by(self.client.server_time_ns())
                since_ms = self._clock.now_ns() // _MS - _CATCH_UP_MS
                markets = (_STOCKS, _OPTIONS) if self._config.stream_options else (_STOCKS,)
                self._gaps = dict.fromkeys(markets, since_ms)
            return
        if not self._kept[0].sequence - 1 <= sequence < self._sequence:
            raise DataError(
                "a live feed keeps its newest batches only",
                found=f"sequence {sequence}",
                expected=f"{self._kept[0].sequence - 1} to {self._sequence - 1}",
                action="read what lies before from the store",
            )
        self._again = deque(batch for batch in self._kept if batch.sequence > sequence)

    def close(self) -> None:
        """End the streams and release connections."""
        for thread in self.threads.values():
            thread.close()
        self.client.close()
        self._budget.close()

    def _chains(self) -> tuple[OptionChain, ...]:
        if self._n_chains % _SKEW_EVERY == 0:
            self._clock.set_by(self.client.server_time_ns())
        found = tuple(self._chain(symbol) for symbol in self._config.symbols)
        self._n_chains += 1
        self._next_chain_ns = self._clock.now_ns() + int(self._config.chain_every_s * _NS_PER_S)
        for chain in found:
            listing, before = Listing.of(chain), self._listings.get(chain.symbol)
            if _OPTIONS in self._gaps:
                self._to_fetch |= dict.fromkeys(listing.traded_since(before))
            self._listings[chain.symbol] = listing
            self._owner |= dict.fromkeys(listing.places, chain.symbol)
        if _OPTIONS in self.threads:
            self.threads[_OPTIONS].choose(self._channels(_OPTIONS))
        return found

    def _chain(self, symbol: str) -> OptionChain:
        now_ns = self._clock.now_ns()
        first = latest_session(product_of(symbol).calendar, now_ns).day
        span = (first, first + timedelta(days=self._config.max_days))
        known = symbol in self._listings
        return fetch_chain(self.client, symbol, self._clock, ticker=_ticker(symbol), expirations=span, is_known=known)

    def _open(self) -> None:
        self._opened_ms = self._clock.now_ns() // _MS
        for market in (_STOCKS, _OPTIONS) if self._config.stream_options else (_STOCKS,):
            channels = self._channels(market)
            if not channels:
                continue  # indices have neither trades nor quotes
            stream = replace(self._config.stream, market=market)
            thread = ChannelThread(self._key, stream, channels, most_waiting=self._config.most_waiting)
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
        fresh = self._fresh(taken.trades, back=False)
        stamps = [*(item.t for item in fresh), *(item.t for item in taken.quotes)]
        self._newest_ms[market] = max([self._newest_ms.get(market, self._opened_ms), *stamps])
        self._trades += fresh
        self._quotes += taken.quotes
        self._bars += taken.bars

    def _fresh(self, trades: list[Trade], *, back: bool) -> list[Trade]:
        found = []
        for item in trades:
            key = (item.sym, item.q, item.t)
            if key in self._seen:
                self._counts["duplicates"] += not back
                continue
            self._seen[key] = None
            found.append(item)
        while len(self._seen) > self._config.stream.remember:
            self._seen.popitem(last=False)
        return found

    def _fill(self, market: str) -> None:
        """Fetch the trades that a stream may have missed; missed quotes of options are in the chain that came since."""
        overlap_ms = int(self._config.stream.overlap_s * 1000)
        start_ms = max(self._gaps[market] - overlap_ms, self._opened_ms + 1 if self._kept else 0)
        shares = [symbol for symbol in self._config.symbols if _ticker(symbol) == symbol]
        tickers = list(self._to_fetch) if market == _OPTIONS else shares
        fetched = [row for ticker in tickers[: self._config.most_fetched] for row in self._missed(ticker, start_ms)]
        quotes = (
            [] if market == _OPTIONS else [row for ticker in tickers for row in self._missed_quotes(ticker, start_ms)]
        )
        fresh = self._fresh(fetched, back=True)
        self._trades += fresh
        self._quotes = quotes + self._quotes
        self._counts["backfills"] += 1
        self._counts["backfilled_rows"] += len(fresh)
        self._counts["not_filled"] += max(len(tickers) - self._config.most_fetched, 0)
        if market == _OPTIONS:
            self._to_fetch.clear()
        del self._gaps[market]

    def _missed(self, ticker: str, start_ms: int) -> list[Trade]:
        return [
            Trade(
                sym=ticker,
                t=row.sip_timestamp // _MS,
                p=row.price,
                s=row.size,
                q=-1 if row.sequence_number is None else row.sequence_number,
                x=-1 if row.exchange is None else row.exchange,
                c=row.conditions,
            )
            for row in self.client.rows("list_trades", ticker, **_since(start_ms))
        ]

    def _missed_quotes(self, ticker: str, start_ms: int) -> list[Quote]:
        return [
            Quote(
                sym=ticker,
                t=row.sip_timestamp // _MS,
                bp=row.bid_price or 0.0,
                ap=row.ask_price or 0.0,
                bs=row.bid_size or 0.0,
                as_=row.ask_size or 0.0,
            )
            for row in self.client.rows("list_quotes", ticker, **_since(start_ms))
        ]

    def _batch(self, chains: tuple[OptionChain, ...]) -> MarketBatch:
        simulated = self._config.emulated
        trades = tuple(
            trade_batch(self._listings[symbol], rows, self._tally, simulated=simulated)
            for symbol, rows in self._by_symbol(self._trades).items()
        )
        quotes = tuple(
            quote_batch(self._listings[symbol], rows, self._tally, simulated=simulated)
            for symbol, rows in self._by_symbol(self._quotes).items()
        )
        bars: tuple[ContextMessage, ...] = tuple(
            bar_batch(symbol, rows, simulated=simulated) for symbol, rows in self._by_symbol(self._bars).items()
        )
        instants = [item.ts_event_ns for item in (*chains, *trades, *quotes, *bars)]
        batch = MarketBatch(
            sequence=self._sequence,
            ts_event_ns=max([self._clock.now_ns(), *instants]),
            chains=chains,
            quotes=quotes,
            trades=trades,
            context=bars,
        )
        self._trades, self._quotes, self._bars = [], [], []
        self._sequence += 1
        return batch

    def _by_symbol(self, rows: list[_Row]) -> dict[str, list[_Row]]:
        found: dict[str, list[_Row]] = {}
        for row in rows:
            symbol = self._owner.get(row.sym)
            if symbol is None or row.sym not in self._listings[symbol].places:
                self._counts["foreign"] += 1
            else:
                found.setdefault(symbol, []).append(row)
        return found


def _since(start_ms: int) -> dict[str, Any]:
    start_ns = start_ms * _MS
    span = {"timestamp_gte": start_ns, "timestamp_lt": start_ns + _WEEK_NS}
    return {"order": "asc", "sort": "timestamp", "limit": 50_000, **span}


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
        if self.throw_away is not None and not self.config.emulated:
            raise ConfigError("a key would travel", expected="a venue on this machine", action="leave throw_away out")

    def __call__(self) -> PolygonFeed:
        """Read the key and return the feed; the streams open with its first batch."""
        return PolygonFeed(self.config, (self.throw_away or load_credentials("polygon", with_secret=False)).key)

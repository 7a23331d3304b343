"""Alpaca live: streams, whole chains now and then, and what was missed while a stream was down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from adapters.alpaca.bars import BarIntake
from adapters.alpaca.batches import tick_batches
from adapters.alpaca.client import AlpacaClient
from adapters.alpaca.coins import CoinStream
from adapters.alpaca.columns import Columns, Vocabulary, quote_columns, trade_columns
from adapters.alpaca.config import AlpacaConfig, Tape
from adapters.alpaca.names import Directory, Names
from adapters.alpaca.news import NewsPolling
from adapters.alpaca.rows import QuoteRow, TradeRow, origin
from adapters.alpaca.seen import SeenRows
from adapters.alpaca.streams import Arrivals, StreamThread
from adapters.credentials import Credentials, keep_at_home, load_credentials
from adapters.live.polling import ChainPolling, is_closed
from adapters.live.recent import RecentBatches
from market.chains import OptionChain
from market.clock import Clock
from market.ports import ContextMessage, MarketBatch

__all__ = ["AlpacaFactory", "AlpacaFeed"]

_NS_PER_S: Final = 1e9
_NEVER_NS: Final = 1 << 62
_SKEW_EVERY: Final = 16  # chains


@final
class AlpacaFeed:
    """Chains, quotes and trades of Alpaca as they come; a `market.ports.MarketFeed`.

    Parameters
    ----------
    config : AlpacaConfig
        What to deliver.
    credentials : Credentials
        The key.
    clock : Clock, optional
        Ours.
    """

    def __init__(self, config: AlpacaConfig, credentials: Credentials, *, clock: Clock | None = None) -> None:
        self._config, self._credentials = config, credentials
        self.client = AlpacaClient(config, credentials, clock=clock)
        overlap_ns = int(config.overlap_s * _NS_PER_S)
        self._overlap_ns = overlap_ns
        self.arrivals: dict[bool, Arrivals] = {kind: Arrivals(config.most_waiting) for kind in (False, True)}
        self._seen = {kind: SeenRows(2 * overlap_ns) for kind in (False, True)}
        self._gaps: dict[bool, int] = {}
        self._threads: dict[bool, StreamThread] = {}
        self._words = Vocabulary(names=Names(), conditions=Names())
        self._directory = Directory(config.symbols, self._words.names)
        self.news = NewsPolling(
            lambda since_ns: self.client.news(config.symbols, since_ns), config.news_every_s, self.client.now_ns
        )
        self.coins = CoinStream(config, credentials, self.client)
        self._bars = BarIntake(config.bar_symbols, self.client.bars, simulated=config.emulated)
        # What an error leaves behind comes with the next batch.
        self._waiting: list[Columns] = []
        self._chains: tuple[OptionChain, ...] = ()
        self._context: tuple[ContextMessage, ...] = ()
        self._recent = RecentBatches(config.interval_s)
        self._n_polls, self._opened_ns = 0, 0
        self.polling = ChainPolling(
            config.symbols,
            self._ask_chains,
            self.client.now_ns,
            every_s=config.chain_every_s,
            closed_every_s=config.closed_chain_every_s,
        )
        self._catching_up = False
        self._counts: Counter[str] = Counter()

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self._config.symbols

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong and was put right: reconnects, back-fills, duplicates, rejected and foreign messages."""
        found = Counter(self._counts)
        found.update(chain_failures=self.polling.asking.failures, news_failures=self.news.asking.failures)
        found.update(self.coins.counts)
        for arrivals in self.arrivals.values():
            found.update(arrivals.counts)
        for seen in self._seen.values():
            found["duplicates"] += seen.n_repeated
        return dict(found)

    def delay_s(self) -> float:
        """Return the seconds between batches; 0 before the first and while old ones are told again."""
        return self._recent.delay_s()

    def next_batch(self) -> MarketBatch:
        """Return what has come since the batch before; it may be empty.

        Returns
        -------
        MarketBatch
            With whole chains where they are due.

        Raises
        ------
        VenueError
            Where the venue does not answer. If it is retryable, the next call continues without loss.
        """
        if (told := self._recent.again()) is not None:
            return told
        is_first = not self._threads
        chains = self.polling.now() if is_first else self.polling.turn()
        self._chains = tuple({chain.symbol: chain for chain in (*self._chains, *chains)}.values())  # newest of each
        for chain in chains:
            self._note(chain)
        if is_first:
            self._open()
        elif sum(part.name.shape[0] for part in self._waiting) < self._config.most_waiting:
            # Otherwise a gap could not be filled for long: what comes waits in the streams' own bounded room.
            for kind, arrivals in self.arrivals.items():
                self._collect(kind, arrivals)
        for kind in tuple(self._gaps):
            self._fill(kind)
        self.coins.collect()
        self._context += self.news.turn()
        for source in (self._bars, self.coins):
            self._context += source.take(self.client.now_ns())
        self._catching_up = False
        return self._recent.keep(self._batch())

    def rewind(self, sequence: int) -> None:
        """Continue after a batch.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has. The newest are told again as they were, see `RecentBatches`; a
            feed that has told nothing yet takes up the count and first asks for the last `AlpacaConfig.catch_up_s`.
        """
        if self._recent.rewind(sequence):
            return
        self._catching_up = sequence >= 0
        if self._catching_up:
            since_ns = self.client.now_ns() - int(self._config.catch_up_s * _NS_PER_S)
            self._gaps = dict.fromkeys((False, True), since_ns)

    def close(self) -> None:
        """End the streams and release connections."""
        for thread in self._threads.values():
            thread.close()
        self.coins.close()
        self.client.close()

    def _ask_chains(self, symbols: Sequence[str]) -> tuple[OptionChain, ...]:
        if self._n_polls % _SKEW_EVERY == 0:
            self.client.measure_skew()
        self._n_polls += 1
        return tuple(self.client.chain(symbol).chain for symbol in symbols)

    def _note(self, chain: OptionChain) -> None:
        """Keep the contracts of a chain, and stream those that are newly listed."""
        fresh = self._directory.add(chain.symbol, (name.decode() for name in chain.symbols.tolist()))
        if fresh and True in self._threads:
            self._threads[True].add(fresh)

    def _open(self) -> None:
        self._opened_ns = self.client.now_ns()
        since_ns = self._gaps.get(False, self._opened_ns)
        for source in (self._bars, self.coins, self.news):
            source.open(since_ns)
        names: dict[bool, Sequence[str]] = {
            False: self._config.symbols,
            True: [name for symbol in self._config.symbols for name in self._directory.listed(symbol)],
        }
        for kind in (False, True) if self._config.stream_options else (False,):
            thread = StreamThread(
                self._config,
                self._credentials,
                names[kind],
                self.arrivals[kind],
                self._words,
                tape=Tape.OPTIONS if kind else Tape.STOCKS,
                bars=() if kind else self._bars.symbols,
                is_closed=lambda: is_closed(self._config.symbols, self.client.now_ns()),
            )
            self._threads[kind] = thread
            thread.start()

    def _collect(self, kind: bool, arrivals: Arrivals) -> None:  # noqa: FBT001  # stocks or options
        taken = arrivals.take()
        if kind is False:
            self._bars.put(taken.bars, gap=taken.gap)
        if taken.gap:
            # Rows of this very take may come from after the gap: only what lay before it tells where it began.
            since_ns = self._seen[kind].newest_ns or self._opened_ns
            self._gaps[kind] = min(self._gaps.get(kind, since_ns), since_ns)
        hold_ns = self._gaps[kind] - self._overlap_ns if kind in self._gaps else _NEVER_NS
        self._waiting += self._seen[kind].fresh(taken.parts, hold_ns=hold_ns)

    def _fill(self, kind: bool) -> None:  # noqa: FBT001  # stocks or options
        # What lies before the first chain is in it.
        start_ns = max(self._gaps[kind] - self._overlap_ns, 0 if self._catching_up else self._opened_ns + 1)
        trades: list[TradeRow] = []
        quotes: list[QuoteRow] = []
        for symbol in self._config.symbols:
            if kind:
                contracts = self._directory.listed(symbol)
                trades += self.client.option_trades(contracts, start_ns)
                quotes += self.client.latest_option_quotes(contracts)
            else:
                trades += self.client.trades(symbol, start_ns)
                quotes += self.client.quotes(symbol, start_ns)
        parts: list[Columns] = [
            trade_columns([row for row in trades if row.ts_ns >= start_ns], self._words),
            quote_columns([row for row in quotes if row.ts_ns >= start_ns], self._words),
        ]
        fresh = self._seen[kind].fresh(parts, back=True)
        self._waiting += fresh
        self._counts["backfills"] += 1
        self._counts["backfilled_rows"] += sum(part.name.shape[0] for part in fresh)
        del self._gaps[kind]

    def _batch(self) -> MarketBatch:
        now_ns = max([self.client.now_ns(), *(item.ts_event_ns for item in (*self._chains, *self._context))])
        provenance = origin("stream", simulated=self._config.emulated)
        own = tick_batches(self._waiting, self._directory, self._words, now_ns, provenance)
        self._counts["foreign"] += own.n_foreign
        coins = self.coins.ticks(now_ns)
        quotes, trades = own.quotes + coins.quotes, own.trades + coins.trades
        newest_ns = [now_ns, *(item.ts_event_ns for item in quotes), *(item.ts_event_ns for item in trades)]
        batch = MarketBatch(
            sequence=self._recent.sequence,
            ts_event_ns=max(newest_ns),
            chains=self._chains,
            quotes=quotes,
            trades=trades,
            context=self._context,
        )
        self._waiting, self._chains, self._context = [], (), ()
        return batch


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaFactory:
    """A picklable recipe for an `AlpacaFeed`; the key is read where the feed is opened, and never travels.

    Parameters
    ----------
    config : AlpacaConfig
        What to deliver.
    throw_away : Credentials, optional
        Of an emulated venue: its key, which is worth nothing elsewhere; refused for any other venue.
    """

    config: AlpacaConfig
    throw_away: Credentials | None = None

    def __post_init__(self) -> None:
        keep_at_home(self.throw_away, emulated=self.config.emulated)

    def __call__(self) -> AlpacaFeed:
        """Read the key and return the feed; the streams open with its first batch."""
        return AlpacaFeed(self.config, self.throw_away or load_credentials("alpaca"))

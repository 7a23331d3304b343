"""Alpaca: bars, trades, quotes and news of past days, and the option chain as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import Final, final

import numpy as np

from adapters.alpaca import AlpacaClient, AlpacaConfig
from adapters.alpaca.columns import Vocabulary, quote_batch, quote_columns, trade_batch, trade_columns
from adapters.alpaca.names import Directory, Names
from adapters.alpaca.rows import origin
from adapters.downloads.connecting import VenueOptions
from adapters.downloads.offers import closed_bars, listed_calendar, refuse_kind, today_in_new_york
from adapters.downloads.tasks import Connection, DownloadTask, FetchedRows, by_session, now_task, timeframe_of
from adapters.encoded.messages import Message, picked
from adapters.store import DataKind
from market.clock import Clock
from market.errors import ConfigError

__all__ = ["AlpacaDownloader"]

_FREE_PLAN_PER_MIN: Final = 200
_HOUR_NS: Final = 3_600_000_000_000
_MOST_MINUTES: Final = 59  # more is another unit of the vendor's
# Hours after midnight in New York between which ticks are asked for at once: a day of a large share is millions.
_HOURS: Final = (0.0, 9.5, 10.5, 12.0, 14.0, 15.5, 25.0)


@final
class AlpacaDownloader:
    """Cuts Alpaca's history into sessions.

    Parameters
    ----------
    options : VenueOptions
        Feed, length of bars, address and budget.
    clock : Clock
        Tells today.
    """

    kinds = (DataKind.BARS, DataKind.TRADES, DataKind.QUOTES, DataKind.NEWS, DataKind.CHAINS)

    def __init__(self, options: VenueOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self._keys = options.credentials("alpaca")
        self.threads, self.simulated = options.jobs, options.is_simulated

    def tasks(self, kind: DataKind, symbol: str, first: date, last: date) -> tuple[DownloadTask, ...]:
        """Return a task per session, or the one for the chain that stands now."""
        venue, calendar = self._options.named("alpaca"), listed_calendar(symbol)
        if kind is DataKind.CHAINS:
            return now_task(venue, kind, symbol, first, last, calendar=calendar, today=self.today())
        if kind not in self.kinds:
            raise refuse_kind("alpaca", kind, self.kinds)
        options = {} if kind is DataKind.NEWS else {"feed": self._options.stock_feed}
        if kind is DataKind.BARS:
            frame = timeframe_of(self._options.timeframe)
            if frame.unit != "m" or frame.count > _MOST_MINUTES:
                raise ConfigError(
                    "Alpaca's bars are read by the minute",
                    found=str(frame),
                    expected=f"1m to {_MOST_MINUTES}m",
                    action="correct --timeframe",
                )
            options["timeframe"] = str(frame)
        return by_session(venue, kind, symbol, first, last, calendar=calendar, options=options)

    def today(self) -> date:
        """Return the date in New York."""
        return today_in_new_york(self._clock)

    def connect(self) -> Connection:
        """Open a client; all clients of a key share one budget."""
        base = self._options.base_url
        config = AlpacaConfig(
            symbols=("SPY",),  # the feed's symbols; requests name theirs themselves
            stock_feed=self._options.stock_feed,
            rest_url=base,
            stream_url=None if base is None else base.replace("http", "ws", 1),
            requests_per_min=self._options.requests_per_min or _FREE_PLAN_PER_MIN,
        )
        return _Connection(AlpacaClient(config, self._keys, clock=self._clock), self._clock, self._options)


@final
class _Connection:
    def __init__(self, client: AlpacaClient, clock: Clock, options: VenueOptions) -> None:
        self._client, self._clock, self._options = client, clock, options

    @property
    def requests(self) -> int:
        return self._client.transport.n_sent

    def close(self) -> None:
        self._client.close()

    def fetch(self, task: DownloadTask) -> Iterator[Message | FetchedRows]:
        if task.kind is DataKind.BARS:
            frame = timeframe_of(self._options.timeframe)
            bars = self._client.bars(task.symbol, task.start_ns, task.end_ns - 1, minutes=frame.minutes)
            yield closed_bars(bars, self._clock.now_ns())
        elif task.kind is DataKind.CHAINS:
            yield self._client.chain(task.symbol).chain
        elif task.kind is DataKind.NEWS:
            found = self._client.news([task.symbol], task.start_ns, task.end_ns)
            # The vendor's end is included, and it asks by change: an article belongs to the day of its last change.
            inside = (found.available_ns >= task.start_ns) & (found.available_ns < task.end_ns)
            yield picked(found, np.flatnonzero(inside))
        else:
            for start, end in pairwise(_HOURS):
                start_ns, end_ns = (task.start_ns + int(hour * _HOUR_NS) for hour in (start, end))
                if start_ns < min(task.end_ns, self._clock.now_ns()):
                    yield self._ticks(task, start_ns, min(end_ns, task.end_ns))

    def _ticks(self, task: DownloadTask, start_ns: int, end_ns: int) -> Message:
        words, symbol = Vocabulary(names=Names(), conditions=Names()), task.symbol
        directory = Directory((symbol,), words.names)
        # The vendor's end is included; ours belongs to what comes next.
        source = origin(f"stocks/{task.kind}/{self._options.stock_feed}", simulated=self._options.is_simulated)
        if task.kind is DataKind.QUOTES:
            quotes = [row for row in self._client.quotes(symbol, start_ns, end_ns) if start_ns <= row.ts_ns < end_ns]
            return quote_batch(symbol, quote_columns(quotes, words), directory, start_ns, source)
        trades = [row for row in self._client.trades(symbol, start_ns, end_ns) if start_ns <= row.ts_ns < end_ns]
        columns = trade_columns(trades, words)
        return trade_batch(symbol, columns, directory, words.conditions, start_ns, source)

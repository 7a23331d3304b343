"""ThetaData: minute chains with Greeks, trades with the quotes before them, and the morning's open interest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Final, final
from urllib.parse import urlsplit

import numpy as np
import pyarrow as pa

from adapters.downloads.connecting import VenueOptions
from adapters.downloads.offers import listed_calendar, refuse_kind, today_in_new_york
from adapters.downloads.tasks import Connection, DownloadTask, FetchedRows, by_session
from adapters.encoded.messages import Message
from adapters.store import DataKind
from adapters.thetadata import (
    TerminalConfig,
    ThetaTerminal,
    fetch_greeks_for_date,
    fetch_open_interest,
    fetch_trade_quotes,
)
from adapters.ticks import MorningInterest
from market.clock import Clock

__all__ = ["ThetaDownloader"]

_SOURCE: Final = "thetadata-open-interest"


@final
class ThetaDownloader:
    """Cuts the terminal's history into sessions; its minutes are asked for at once, the sessions one after the other.

    Parameters
    ----------
    options : VenueOptions
        Requests at once, address and option root.
    clock : Clock
        Tells today.
    """

    kinds = (DataKind.CHAINS, DataKind.TRADES, DataKind.OPEN_INTEREST)
    threads = 1

    def __init__(self, options: VenueOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self.simulated = options.is_simulated

    def tasks(self, kind: DataKind, symbol: str, first: date, last: date) -> tuple[DownloadTask, ...]:
        """Return a task per session; trades bring the quotes that stood before them."""
        if kind not in self.kinds:
            raise refuse_kind("thetadata", kind, self.kinds)
        options = {} if self._options.root is None else {"root": self._options.root}
        venue, calendar = self._options.named("thetadata"), listed_calendar(symbol)
        return by_session(venue, kind, symbol, first, last, calendar=calendar, options=options)

    def today(self) -> date:
        """Return the date in New York."""
        return today_in_new_york(self._clock)

    def connect(self) -> Connection:
        """Return a connection; it opens the terminal anew for each task."""
        config = TerminalConfig(concurrency=self._options.jobs)
        base = self._options.base_url
        if base is not None:
            config = replace(config, base_url=base if urlsplit(base).path.strip("/") else f"{base.rstrip('/')}/v3")
        return _Connection(config, self._options.root)


@final
class _Connection:
    def __init__(self, config: TerminalConfig, root: str | None) -> None:
        self._config, self._root = config, root
        self._requests = 0

    @property
    def requests(self) -> int:
        return self._requests

    def close(self) -> None:
        """Do nothing: a terminal is open during a task only."""

    def fetch(self, task: DownloadTask) -> Iterator[Message | FetchedRows]:
        return _drained(lambda: self._arriving(task))

    async def _arriving(self, task: DownloadTask) -> AsyncIterator[Message | FetchedRows]:
        async with ThetaTerminal(self._config) as terminal:
            try:
                async for item in self._of_kind(terminal, task):
                    yield item
            finally:
                self._requests += terminal.n_sent

    async def _of_kind(self, terminal: ThetaTerminal, task: DownloadTask) -> AsyncIterator[Message | FetchedRows]:
        symbol, day, root = task.symbol, task.first, self._root
        if task.kind is DataKind.TRADES:
            async for quotes, trades in fetch_trade_quotes(terminal, symbol, day, root=root):
                yield quotes
                yield trades
            return
        interest = await fetch_open_interest(terminal, symbol, day, root=root)
        if task.kind is DataKind.CHAINS:
            async for minute in fetch_greeks_for_date(terminal, symbol, day, root=root, interest=interest):
                yield minute.chain
        elif interest is not None:
            yield FetchedRows(kind=task.kind, symbol=f"{symbol}-OPTIONS", source=_SOURCE, rows=_table(interest))


def _table(interest: MorningInterest) -> pa.Table:
    table, place = interest.contracts, interest.contract
    series = [table.series[i] for i in table.series_index[place].tolist()]
    return pa.table(
        {
            "event_ns": pa.array(interest.ts_ns),
            "known_ns": pa.array(interest.ts_ns),
            "root": pa.array([one.product.root for one in series]),
            "expiration": pa.array([one.expiration for one in series], type=pa.date32()),
            "strike": pa.array(table.strike[place]),
            "right": pa.array(np.where(table.is_call[place], "C", "P").tolist()),
            "open_interest": pa.array(interest.open_interest),
        }
    )


def _drained(make: Callable[[], AsyncIterator[Message | FetchedRows]]) -> Iterator[Message | FetchedRows]:
    """Yield what an asynchronous iterator yields; its requests go on only while the next item is waited for."""
    with asyncio.Runner() as runner:
        arriving = make()

        async def following() -> Message | FetchedRows | None:
            return await anext(arriving, None)

        while (item := runner.run(following())) is not None:
            yield item

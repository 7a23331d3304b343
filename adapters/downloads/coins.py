"""Exchanges of coins through ccxt: bars and funding of the past, chains and quotes as they stand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, final

from adapters.ccxt_markets import CcxtVenue, Redirect, VenueConfig
from adapters.downloads.connecting import VenueOptions
from adapters.downloads.offers import refuse_kind, today_in_utc
from adapters.downloads.tasks import (
    Connection,
    DownloadTask,
    FetchedRows,
    bars_by_length,
    by_month,
    now_task,
)
from adapters.encoded.messages import Message
from adapters.limits import shared_folder
from adapters.store import DataKind
from market.clock import Clock

__all__ = ["CoinDownloader"]

_CALENDAR: Final = "24/7"
_NOW: Final = frozenset({DataKind.CHAINS, DataKind.QUOTES, DataKind.TRADES})


@final
class CoinDownloader:
    """Cuts an exchange's history into UTC days, sparse rows into months.

    Parameters
    ----------
    exchange : str
        As ccxt names it, such as ``binance`` or ``deribit``.
    options : VenueOptions
        Length of bars and address.
    clock : Clock
        Tells today, and which bars have ended.

    Notes
    -----
    A symbol is a unified one, ``BTC/USDT`` or ``BTC/USDT:USDT``; of a chain it is the coin. The pace of the exchange is
    kept over all threads and processes of this machine.
    """

    kinds = (DataKind.BARS, DataKind.FUNDING, DataKind.CHAINS, DataKind.QUOTES, DataKind.TRADES)

    def __init__(self, exchange: str, options: VenueOptions, clock: Clock) -> None:
        self._exchange, self._options, self._clock = exchange, options, clock
        self.threads, self.simulated = options.jobs, options.is_simulated
        self.connect().close()  # an exchange that ccxt does not know is told at once

    def tasks(self, kind: DataKind, symbol: str, first: date, last: date) -> tuple[DownloadTask, ...]:
        """Return a task per day or month, or the one for what stands now."""
        venue = self._options.named(f"ccxt:{self._exchange}")
        if kind in _NOW:
            return now_task(venue, kind, symbol, first, last, calendar=_CALENDAR, today=self.today())
        if kind is DataKind.FUNDING:
            return by_month(venue, kind, symbol, first, last, calendar=_CALENDAR, options={})
        if kind is not DataKind.BARS:
            raise refuse_kind(venue, kind, self.kinds)
        return bars_by_length(venue, symbol, first, last, calendar=_CALENDAR, timeframe=self._options.timeframe)

    def today(self) -> date:
        """Return the UTC date."""
        return today_in_utc(self._clock)

    def connect(self) -> Connection:
        """Open a client; no key is needed for market data."""
        base = self._options.base_url
        folder = shared_folder()
        venue = CcxtVenue(
            self._exchange,
            config=VenueConfig(pace_file=None if base else folder / f"ccxt-{self._exchange}.pace"),
            simulated=self._options.is_simulated,
            transport=None if base is None else Redirect(base),
            clock_ns=self._clock.now_ns,
        )
        return _Connection(venue, self._options)


@final
class _Connection:
    def __init__(self, venue: CcxtVenue, options: VenueOptions) -> None:
        self._venue, self._options, self._requests = venue, options, 0
        venue.client.exchange.session.hooks["response"].append(self._count)

    def _count(self, *_: Any, **__: Any) -> None:
        self._requests += 1

    @property
    def requests(self) -> int:
        return self._requests

    def close(self) -> None:
        self._venue.client.exchange.session.close()

    def fetch(self, task: DownloadTask) -> Iterator[Message | FetchedRows]:
        venue, span = self._venue, (task.start_ns, task.end_ns)
        if task.kind is DataKind.BARS:
            yield from venue.bar_pages(task.symbol, self._options.timeframe, *span)
        elif task.kind is DataKind.FUNDING:
            yield from venue.funding_pages(task.symbol, *span)
        elif task.kind is DataKind.CHAINS:
            yield venue.option_chain(task.symbol)
        elif task.kind is DataKind.QUOTES:
            yield from venue.quotes([task.symbol])
        else:
            yield venue.recent_trades(task.symbol)

"""Polygon: bars, trades and quotes of past days, and the option chain as it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from typing import Final, final

import numpy as np

from adapters.chains.occ import parse_occ
from adapters.downloads.connecting import VenueOptions
from adapters.downloads.offers import listed_calendar, refuse_kind, today_in_new_york
from adapters.downloads.tasks import (
    Connection,
    DownloadTask,
    FetchedRows,
    bars_by_length,
    by_session,
    now_task,
    timeframe_of,
)
from adapters.encoded.messages import Message
from adapters.limits import SharedLimiter
from adapters.polygon import (
    BarSpan,
    PolygonClient,
    PolygonConfig,
    fetch_bars,
    fetch_chain,
    fetch_quotes,
    fetch_trades,
)
from adapters.store import DataKind
from market.clock import Clock
from market.instruments import product_of

__all__ = ["PolygonDownloader"]

_FREE_PLAN_PER_MIN: Final = 5
_SPANS: Final = {"m": BarSpan.MINUTE, "h": BarSpan.HOUR, "d": BarSpan.DAY}


@final
class PolygonDownloader:
    """Cuts Polygon's history into sessions, and long bars into months.

    Parameters
    ----------
    options : VenueOptions
        Length of bars, address and budget.
    clock : Clock
        Tells today, and which bars have ended.

    Notes
    -----
    A symbol is the vendor's ticker: ``SPY``, ``I:SPX`` or ``O:SPY251231C00600000``. Rows stand under the underlying.
    """

    kinds = (DataKind.BARS, DataKind.TRADES, DataKind.QUOTES, DataKind.CHAINS)

    def __init__(self, options: VenueOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        self._key = options.credentials("polygon", with_secret=False).key
        self.threads, self.simulated = options.jobs, options.is_simulated

    def tasks(self, kind: DataKind, symbol: str, first: date, last: date) -> tuple[DownloadTask, ...]:
        """Return a task per session or month, or the one for the chain that stands now."""
        venue, calendar = self._options.named("polygon"), listed_calendar(underlying_of(symbol))
        if kind is DataKind.CHAINS:
            return now_task(venue, kind, symbol, first, last, calendar=calendar, today=self.today())
        if kind not in self.kinds:
            raise refuse_kind("polygon", kind, self.kinds)
        if kind is not DataKind.BARS:
            return by_session(venue, kind, symbol, first, last, calendar=calendar, options={})
        return bars_by_length(venue, symbol, first, last, calendar=calendar, timeframe=self._options.timeframe)

    def today(self) -> date:
        """Return the date in New York."""
        return today_in_new_york(self._clock)

    def connect(self) -> Connection:
        """Open a client; all clients of a key share one budget."""
        return _Connection(self._key, self._options, self._clock)


def underlying_of(ticker: str) -> str:
    """Return the underlying of a ticker.

    Parameters
    ----------
    ticker : str
        ``SPY``, ``I:SPX`` or ``O:SPY251231C00600000``.

    Returns
    -------
    str
        ``SPY`` or ``SPX``; what is no option is taken without what stands before its colon.
    """
    if not ticker.startswith("O:"):
        return ticker.rpartition(":")[2]
    root: str = parse_occ(np.array([ticker.encode()])).root[0].decode()
    return product_of(root).underlying


@final
class _Counted:
    """A budget that counts what is taken from it."""

    def __init__(self, limiter: SharedLimiter) -> None:
        self._limiter, self.taken = limiter, 0

    def take(self, timeout_s: float) -> None:
        self._limiter.take(timeout_s)
        self.taken += 1


@final
class _Connection:
    def __init__(self, key: str, options: VenueOptions, clock: Clock) -> None:
        self._options, self._clock = options, clock
        limiter = SharedLimiter("polygon", key, per_min=options.requests_per_min or _FREE_PLAN_PER_MIN)
        self._budget = _Counted(limiter)
        config = PolygonConfig()
        if options.base_url is not None:
            config = replace(config, base_url=options.base_url)
        self._client = PolygonClient(key, config, budget=self._budget)
        self._open = ExitStack()
        self._open.callback(limiter.close)
        self._open.callback(self._client.close)

    @property
    def requests(self) -> int:
        return self._budget.taken

    def close(self) -> None:
        self._open.close()

    def fetch(self, task: DownloadTask) -> Iterator[Message | FetchedRows]:
        symbol = underlying_of(task.symbol)
        if task.kind is DataKind.CHAINS:
            yield fetch_chain(self._client, symbol, self._clock, ticker=task.symbol)
        elif task.kind is DataKind.BARS:
            frame = timeframe_of(self._options.timeframe)
            yield fetch_bars(
                self._client,
                symbol,
                task.first,
                task.last,
                as_of_ns=self._clock.now_ns(),
                span=_SPANS[frame.unit],
                multiplier=frame.count,
                ticker=task.symbol,
            )
        else:
            fetch = fetch_trades if task.kind is DataKind.TRADES else fetch_quotes
            yield from fetch(self._client, symbol, task.start_ns, task.end_ns, ticker=task.symbol)

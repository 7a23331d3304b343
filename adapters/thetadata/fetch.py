"""What is asked of the terminal: Greeks, trades with their quotes, open interest and contracts of a day."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from datetime import date, datetime, time, timedelta
from typing import Final

import numpy as np
import pyarrow as pa

from adapters.thetadata.chains import GREEK_COLUMNS, INTEREST_COLUMNS, GreekMinute, chains_of, open_interest_of
from adapters.thetadata.columns import CONTRACT_COLUMNS, contracts_of, instants_of
from adapters.thetadata.terminal import ThetaTerminal
from adapters.thetadata.trades import TRADE_QUOTE_COLUMNS, trades_and_quotes
from adapters.ticks.interest import MorningInterest
from adapters.ticks.rows import Tally
from adapters.ticks.tables import eastern_midnight_ns
from market.errors import ConfigError
from market.trades import ContractTable, QuoteBatch, TradeBatch

__all__ = [
    "MARKET_CLOSE",
    "MARKET_OPEN",
    "fetch_greeks_for_date",
    "fetch_open_interest",
    "fetch_trade_quotes",
    "list_contracts",
]

MARKET_OPEN: Final = time(9, 30)
MARKET_CLOSE: Final = time(16, 15)
_TRADES: Final = "/option/history/trade_quote"
_GREEKS: Final = "/option/history/greeks/first_order"
_INTEREST: Final = "/option/history/open_interest"
_LISTED: Final = "/option/list/contracts/quote"
_MINUTE: Final = timedelta(minutes=1)


async def fetch_trade_quotes(
    terminal: ThetaTerminal,
    symbol: str,
    day: date,
    *,
    start_time: time = MARKET_OPEN,
    end_time: time = MARKET_CLOSE,
    root: str | None = None,
    tally: Tally | None = None,
) -> AsyncIterator[tuple[QuoteBatch, TradeBatch]]:
    """Fetch the trades of all contracts with the quote that stood before each, a minute at a time.

    Parameters
    ----------
    terminal : ThetaTerminal
        The terminal.
    symbol : str
        Underlying.
    day : datetime.date
        Trading day.
    start_time, end_time : datetime.time
        From `start_time` up to, but not at, `end_time`, wall clock of New York.
    root : str, optional
        Option root such as ``SPXW``; the symbol by default.
    tally : Tally, optional
        Counts the rows.

    Yields
    ------
    tuple of QuoteBatch and TradeBatch
        One pair per minute with trades, in order of time. A trade on a border belongs to the minute that begins with
        it, whatever the terminal takes the end of a span for. A quote may be older than its minute.

    Raises
    ------
    VenueError
        The terminal refused, or failed in every try.
    """
    counts = Tally() if tally is None else tally
    async for table in _trade_tables(terminal, root or symbol, day, start_time=start_time, end_time=end_time):
        yield trades_and_quotes(table, symbol, counts, origin=f"{_TRADES[1:]}/{day}")


async def fetch_greeks_for_date(
    terminal: ThetaTerminal,
    symbol: str,
    day: date,
    *,
    start_time: time = MARKET_OPEN,
    end_time: time = MARKET_CLOSE,
    root: str | None = None,
    interest: MorningInterest | None = None,
) -> AsyncIterator[GreekMinute]:
    """Fetch the chain of each minute: quotes, implied volatility and delta; the terminal has no gamma here.

    Parameters
    ----------
    terminal : ThetaTerminal
        The terminal.
    symbol : str
        Underlying.
    day : datetime.date
        Trading day.
    start_time, end_time : datetime.time
        From `start_time` up to, but not at, `end_time`, wall clock of New York.
    root : str, optional
        Option root such as ``SPXW``; the symbol by default.
    interest : MorningInterest, optional
        Open interest of the morning, as `fetch_open_interest` returns it.

    Yields
    ------
    GreekMinute
        In order of time; minutes without rows are left out.
    """
    async for table in _greek_tables(terminal, root or symbol, day, start_time=start_time, end_time=end_time):
        for minute in chains_of(table, symbol, day, interest=interest):
            yield minute


async def fetch_open_interest(
    terminal: ThetaTerminal, symbol: str, day: date, *, root: str | None = None
) -> MorningInterest | None:
    """Fetch the open interest that was published on the morning of a day, or None where there is none.

    Parameters
    ----------
    terminal : ThetaTerminal
        The terminal.
    symbol : str
        Underlying.
    day : datetime.date
        Day of publication; the positions are those of the previous close.
    root : str, optional
        Option root; the symbol by default.

    Returns
    -------
    MorningInterest or None
        Stamped about 06:30 in New York.
    """
    query = {**_all_contracts(root or symbol), "date": f"{day:%Y%m%d}"}
    table = await terminal.table(_INTEREST, query, INTEREST_COLUMNS)
    return None if table is None else open_interest_of(table, symbol)


async def list_contracts(terminal: ThetaTerminal, root: str, day: date) -> ContractTable:
    """Return the contracts of a root that were quoted on a day; an empty table where there were none.

    Parameters
    ----------
    terminal : ThetaTerminal
        The terminal.
    root : str
        Option root.
    day : datetime.date
        Trading day.

    Returns
    -------
    ContractTable
        Ordered by root, expiration, strike and right.
    """
    table = await terminal.table(_LISTED, {"symbol": root, "date": f"{day:%Y%m%d}"}, CONTRACT_COLUMNS)
    if table is None:
        return ContractTable.empty()
    noon = np.full(table.num_rows, eastern_midnight_ns(day) + 43_200_000_000_000, dtype=np.int64)
    return contracts_of(table, noon)[0]


def _trade_tables(
    terminal: ThetaTerminal, root: str, day: date, *, start_time: time = MARKET_OPEN, end_time: time = MARKET_CLOSE
) -> AsyncIterator[pa.Table]:
    """Yield the vendor's rows of trades with quotes, one table per minute that has any."""
    # exclusive: a quote of the trade's own instant may already show what the trade did.
    query = {**_all_contracts(root), "exclusive": "true"}
    columns = TRADE_QUOTE_COLUMNS
    return _in_order(terminal, _TRADES, query, columns, "trade_timestamp", day, start_time, end_time)


def _greek_tables(
    terminal: ThetaTerminal, root: str, day: date, *, start_time: time = MARKET_OPEN, end_time: time = MARKET_CLOSE
) -> AsyncIterator[pa.Table]:
    """Yield the vendor's rows of minute Greeks, one table per minute that has any."""
    query = {**_all_contracts(root), "interval": "1m"}
    return _in_order(terminal, _GREEKS, query, GREEK_COLUMNS, "timestamp", day, start_time, end_time)


def _all_contracts(root: str) -> dict[str, str]:
    return {"symbol": root, "expiration": "*", "strike": "*", "right": "both"}


def _minutes(day: date, start: time, end: time) -> Iterator[tuple[datetime, datetime]]:
    at, last = datetime.combine(day, start), datetime.combine(day, end)
    if not at < last:
        raise ConfigError(
            "the span of time is empty",
            found=f"{start} to {end}",
            expected="a start before the end",
            action="swap them",
        )
    while at < last:
        following = min((at + _MINUTE).replace(second=0, microsecond=0), last)
        yield at, following
        at = following


async def _in_order(
    terminal: ThetaTerminal,
    path: str,
    query: dict[str, str],
    columns: tuple[str, ...],
    stamp: str,
    day: date,
    start: time,
    end: time,
) -> AsyncIterator[pa.Table]:
    """Yield the minutes in order while as many as the terminal allows are under way."""
    waiting: deque[asyncio.Task[pa.Table | None]] = deque()
    spans = _minutes(day, start, end)
    try:
        while True:
            # What is under way or done and not yet taken is bounded, so a slow consumer holds the requests back.
            for span in spans:
                waiting.append(asyncio.create_task(_chunk(terminal, path, query, columns, stamp, span)))
                if len(waiting) >= terminal.config.concurrency:
                    break
            if not waiting:
                return
            table = await waiting.popleft()
            if table is not None and table.num_rows:
                yield table
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def _chunk(
    terminal: ThetaTerminal,
    path: str,
    query: dict[str, str],
    columns: tuple[str, ...],
    stamp: str,
    span: tuple[datetime, datetime],
) -> pa.Table | None:
    first, last = span
    asked = {"date": f"{first:%Y%m%d}", "start_time": _clock(first), "end_time": _clock(last)}
    table = await terminal.table(path, {**query, **asked}, columns)
    if table is None:
        return None
    midnight = eastern_midnight_ns(first.date())
    instants = instants_of(table, stamp) - midnight
    inside = (instants >= _since_midnight_ns(first)) & (instants < _since_midnight_ns(last))
    return table.filter(pa.array(inside))


def _clock(instant: datetime) -> str:
    return instant.strftime("%H:%M:%S.") + f"{instant.microsecond // 1000:03d}"


def _since_midnight_ns(instant: datetime) -> int:
    return (instant - datetime.combine(instant.date(), time())) // timedelta(microseconds=1) * 1000

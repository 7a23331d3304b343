"""Trades as they come, through the vendor's own stream client, without loss over a lost connection."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from massive import WebSocketClient
from massive.exceptions import AuthError
from websockets.exceptions import WebSocketException

from adapters.polygon.client import PolygonClient
from adapters.polygon.tickers import SOURCE, contract_of, flag_of
from adapters.ticks.rows import RowWriter, Tally, TradeRows
from market.errors import ConfigError, VenueError
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, TradeBatch

__all__ = ["PolygonTradeStream", "StreamConfig"]

_MS: Final = 1_000_000
_WEEK_NS: Final = 7 * 86_400 * 1_000_000_000
_LONGEST_WAIT_S: Final = 30.0
_WAITING_FRAMES: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """Where the stream is and when it counts as lost.

    Parameters
    ----------
    feed : str
        Host of the stream.
    market : str
        ``options`` or ``stocks``.
    secure : bool
        Encrypted; off only for a server on this machine.
    silent_s : float
        Without a frame for so long the connection counts as lost, seconds.
    first_wait_s : float
        Wait before the second connection in a row that brought nothing, seconds; it doubles up to half a minute.
    overlap_s : float
        How far before the newest trade the fetch of what was missed begins, seconds: tickers do not keep step.
    remember : int
        Newest trades that are kept to know a repeated one; more than come in the overlap.
    """

    feed: str = "socket.massive.com"
    market: str = "options"
    secure: bool = True
    silent_s: float = 60.0
    first_wait_s: float = 0.5
    overlap_s: float = 60.0
    remember: int = 200_000

    def __post_init__(self) -> None:
        if not (self.silent_s > 0.0 and self.first_wait_s >= 0.0 and self.overlap_s >= 0.0 and self.remember > 0):
            raise ConfigError("the stream cannot be held so", expected="silent_s and remember > 0, the rest >= 0")


@final
class PolygonTradeStream:
    """The trades of some tickers of one underlying; the vendor's client connects once, this one connects again.

    Parameters
    ----------
    key : str
        The key.
    rest : PolygonClient
        Asked for what was printed while there was no connection; used by nobody else meanwhile.
    symbol : str
        Underlying.
    tickers : sequence of str
        The vendor's names, such as ``O:SPY251231C00600000``.
    start_ns : int
        The instant from which trades are wanted, ns since the epoch, UTC.
    config : StreamConfig, optional
        Where the stream is.
    on_connected : callable, optional
        Called each time that the stream is subscribed.

    Attributes
    ----------
    connections : int
        How often the stream was subscribed.
    repeated : int
        Trades that came again and were left out.
    tally : Tally
        Counts of rows.
    """

    def __init__(
        self,
        key: str,
        rest: PolygonClient,
        symbol: str,
        tickers: Sequence[str],
        *,
        start_ns: int,
        config: StreamConfig | None = None,
        on_connected: Callable[[], None] = lambda: None,
    ) -> None:
        self._key, self._rest, self._symbol = key, rest, symbol
        self._config = StreamConfig() if config is None else config
        self._contracts, self._places = _table_of(tickers, start_ns)
        self._writer = RowWriter(symbol=symbol, source=f"{SOURCE}-stream", path=Path(self._config.market))
        self._seen: OrderedDict[tuple[str, int, int], None] = OrderedDict()
        self._start_ms = self._newest_ms = start_ns // _MS
        self._on_connected = on_connected
        self.connections, self.repeated, self.tally = 0, 0, Tally()

    async def batches(self) -> AsyncGenerator[TradeBatch]:
        """Yield trades in the order of arrival, each once, until the caller stops.

        Stamps are those of the stream, in whole milliseconds, also of trades that were fetched later.

        Yields
        ------
        TradeBatch
            One per frame, or one for all that was missed.

        Raises
        ------
        VenueError
            The key is refused, or what was missed cannot be fetched.
        """
        futile = 0
        while True:
            before = self.connections
            async with contextlib.aclosing(self._connection()) as frames:
                async for records in frames:
                    batch = self._batch(records)
                    if batch is not None:
                        yield batch
            futile = futile + 1 if self.connections == before else 0
            if futile:
                await asyncio.sleep(min(self._config.first_wait_s * 2.0 ** (futile - 1), _LONGEST_WAIT_S))

    async def _connection(self) -> AsyncGenerator[list[dict[str, Any]]]:
        """Yield the records of one connection, first what was missed before it; end when it is lost."""
        frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(maxsize=_WAITING_FRAMES)
        client = WebSocketClient(
            api_key=self._key,
            feed=self._config.feed,
            market=self._config.market,
            secure=self._config.secure,
            raw=True,
            subscriptions=[f"T.{ticker}" for ticker in self._places],
            max_reconnects=0,
        )
        listening = asyncio.create_task(self._listen(client, frames))
        waiting = len(self._places)
        try:
            while True:
                try:
                    frame = await asyncio.wait_for(frames.get(), self._config.silent_s)
                    records = [] if frame is None else json.loads(frame)
                except (TimeoutError, ValueError):
                    return
                if frame is None:
                    await listening  # a refused key is an error, a lost connection is not
                    return
                confirmed = sum(1 for item in records if item.get("status") == "success")
                if confirmed and waiting > 0:
                    waiting -= confirmed
                    if waiting <= 0:
                        self.connections += 1
                        self._on_connected()
                        yield await self._missed()
                yield [item for item in records if item.get("ev") == "T"]
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, client: Any, frames: asyncio.Queue[str | bytes | None]) -> None:
        try:
            await client.connect(frames.put)
        except AuthError:
            raise VenueError(
                "the vendor refuses the key of the stream",
                retryable=False,
                found="auth_failed",
                expected="auth_success",
                action="check the key, and that the plan has this stream",
            ) from None
        except (WebSocketException, OSError, ValueError):
            return  # lost; the next connection fetches what was missed
        finally:
            await frames.put(None)

    async def _missed(self) -> list[dict[str, Any]]:
        start = max(self._start_ms, self._newest_ms - int(self._config.overlap_s * 1000)) * _MS
        found: list[dict[str, Any]] = []
        for ticker in self._places:
            rows = await asyncio.to_thread(self._fetched, ticker, start)
            found.extend(rows)
        return sorted(found, key=lambda item: item["t"])

    def _fetched(self, ticker: str, start: int) -> list[dict[str, Any]]:
        query = {"timestamp_gte": start, "timestamp_lt": start + _WEEK_NS, "order": "asc", "sort": "timestamp"}
        return [
            {
                "sym": ticker,
                "t": row.sip_timestamp // _MS,
                "q": row.sequence_number,
                "p": row.price,
                "s": row.size,
                "x": row.exchange,
                "c": row.conditions,
            }
            for row in self._rest.rows("list_trades", ticker, limit=50_000, **query)
        ]

    def _batch(self, records: list[dict[str, Any]]) -> TradeBatch | None:
        items = [item for item in records if item.get("sym") in self._places and self._is_new(item)]
        if not items:
            return None
        places = np.array([self._places[item["sym"]] for item in items], dtype=np.int32)
        flags = [
            flag_of(item.get("c"), is_option=place != UNDERLYING, exchange=item.get("x"), correction=None)
            for item, place in zip(items, places.tolist(), strict=True)
        ]
        rows = TradeRows(
            contract=places,
            ts_ns=np.array([item["t"] for item in items], dtype=np.int64) * _MS,
            price=np.array([item.get("p", np.nan) for item in items], dtype=np.float64),
            size=np.array([item.get("s", np.nan) for item in items], dtype=np.float64),
            trade_id=np.array([item["q"] for item in items], dtype=np.int64),
            flags=np.array(flags, dtype=np.uint8),
            venue=np.array([item.get("x", CONSOLIDATED) for item in items], dtype=np.int16),
        )
        return self._writer.trades(rows, self._contracts, self.tally, {})

    def _is_new(self, item: dict[str, Any]) -> bool:
        key = (item["sym"], item["q"], item["t"])
        if item["t"] < self._start_ms:
            return False
        if key in self._seen:
            self.repeated += 1
            return False
        self._seen[key] = None
        self._newest_ms = max(self._newest_ms, item["t"])
        if len(self._seen) > self._config.remember:
            self._seen.popitem(last=False)
        return True


def _table_of(tickers: Sequence[str], ts_ns: int) -> tuple[ContractTable, dict[str, int]]:
    """Return the contracts of some tickers, and the place of each ticker among them."""
    places: dict[str, int] = {}
    tables: list[ContractTable] = []
    for ticker in dict.fromkeys(tickers):
        table, place = contract_of(ticker, ts_ns)
        places[ticker] = place if place == UNDERLYING else len(tables)
        tables += [table] * table.n_contracts
    contracts = ContractTable(
        series=tuple(table.series[0] for table in tables),
        series_index=np.arange(len(tables), dtype=np.int32),
        strike=np.array([table.strike[0] for table in tables], dtype=np.float64),
        is_call=np.array([table.is_call[0] for table in tables], dtype=np.bool_),
    )
    return contracts, places

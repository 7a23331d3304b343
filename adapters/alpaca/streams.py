"""Alpaca's streams through the vendor's own client, in a thread: messages to rows, and what became of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import msgspec

from adapters.alpaca import vendor
from adapters.alpaca.columns import Columns, Vocabulary, quote_columns, taken, trade_columns
from adapters.alpaca.config import AlpacaConfig, Tape
from adapters.alpaca.rows import quote_row, trade_row
from adapters.alpaca.wire import QUIET_FRAME, read_frame
from adapters.credentials import Credentials
from market.errors import VenueError

__all__ = ["Arrivals", "StreamThread", "Taken"]

_LONGEST_BACKOFF_S: Final = 30.0
_MOST_REFUSALS: Final = 5
_BARS_SILENT_S: Final = 180.0  # of a stream that tells bars only; three minutes
# The vendor's client would try these again for ever; only a person can help.
_LASTING: Final = {
    400: "a message was not understood",
    402: "the key is not accepted",
    405: "more symbols are asked for than the plan allows",
    409: "the plan does not include this feed",
    410: "the feed does not have this channel",
}
_CONNECTION_LIMIT: Final = 406
# The wire's own log would show the key in hexadecimal where debugging is on.
_WIRE_LOG: Final = logging.getLogger("adapters.alpaca.wire")
_WIRE_LOG.setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a stream has brought: rows, bars as they came, and whether something before the last of it is missing."""

    parts: list[Columns]
    bars: list[Mapping[str, Any]]
    gap: bool


@final
class Arrivals:
    """What streams have brought and nobody has taken yet; filled by their threads, emptied by the feed's.

    Parameters
    ----------
    most : int
        Rows that wait; a row beyond is left out and counted, and makes a gap.
    """

    def __init__(self, most: int) -> None:
        self._parts: list[Columns] = []
        self._bars: list[Mapping[str, Any]] = []
        self._n_rows = 0
        self._most, self._changed = most, threading.Condition()
        self._gap = False
        self._error: VenueError | None = None
        self._opened = 0
        self._counts = {"reconnects": 0, "rejected": 0, "overflowed": 0, "messages": 0, "widened": 0, "bars": 0}

    @property
    def counts(self) -> Mapping[str, int]:
        """Reconnects, widened subscriptions, and messages that came, were rejected, or found no room."""
        with self._changed:
            return dict(self._counts)

    def put(self, parts: Sequence[Columns], rejected: int = 0) -> None:
        """Append rows, and count records that cannot be any."""
        with self._changed:
            self._counts["rejected"] += rejected
            self._counts["messages"] += rejected
            for part in parts:
                self._append(part)
            self._changed.notify_all()

    def _append(self, part: Columns) -> None:
        n = part.name.shape[0]
        room = max(self._most - self._n_rows, 0)
        self._counts["messages"] += n
        if n > room:
            self._counts["overflowed"] += n - room
            self._gap = True
            part = taken(part, slice(0, room))
        if room:
            self._parts.append(part)
            self._n_rows += min(n, room)

    def subscribed(self) -> None:
        """Say that messages flow from now on: what came between the loss and now is missing."""
        with self._changed:
            self._opened += 1
            if self._opened > 1:
                self._counts["reconnects"] += 1
                self._gap = True
            self._changed.notify_all()

    def widened(self) -> None:
        """Say that further symbols flow from now on: what they told before is missing."""
        with self._changed:
            self._counts["widened"] += 1
            self._gap = True
            self._changed.notify_all()

    def fail(self, error: VenueError) -> None:
        """Say that the stream has ended for good."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def put_bar(self, record: Mapping[str, Any]) -> None:
        """Append a bar as it came; they are few."""
        with self._changed:
            self._counts["bars"] += 1
            if len(self._bars) < self._most:
                self._bars.append(record)
            else:
                self._counts["overflowed"] += 1
                self._gap = True
            self._changed.notify_all()

    def take(self) -> Taken:
        """Return what has come so far; raise what ended the stream, once it is empty."""
        with self._changed:
            taken = Taken(parts=self._parts, bars=self._bars, gap=self._gap)
            self._parts, self._bars, self._n_rows, self._gap = [], [], 0, False
            if self._error is not None and not (taken.parts or taken.bars):
                raise self._error
            return taken

    def wait(self, met: Callable[[Mapping[str, int]], bool], timeout_s: float) -> bool:
        """Wait until the counts, with ``subscribed`` and ``failed`` among them, meet a condition."""

        def now() -> bool:
            return met({**self._counts, "subscribed": self._opened, "failed": int(self._error is not None)})

        with self._changed:
            return self._changed.wait_for(now, timeout_s)


@final
class StreamThread:
    """Runs one of the vendor's streams until it is closed or refused.

    Parameters
    ----------
    config : AlpacaConfig
        Feed, address and waits.
    credentials : Credentials
        The key.
    names : sequence of str
        Symbols or contracts whose quotes and trades are streamed; may be empty where there are bars.
    arrivals : Arrivals
        Gets what comes.
    words : Vocabulary
        Numbers of names and conditions.
    tape : Tape
        Which stream it is.
    bars : sequence of str, optional
        Symbols whose minute bars are streamed, not of options.
    is_closed : callable, optional
        Whether silence is to be expected now; it does not count for `AlpacaConfig.data_timeout_s` then.
    """

    def __init__(
        self,
        config: AlpacaConfig,
        credentials: Credentials,
        names: Sequence[str],
        arrivals: Arrivals,
        words: Vocabulary,
        *,
        tape: Tape,
        bars: Sequence[str] = (),
        is_closed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._arrivals, self._words = arrivals, words
        self._refusals, self._is_new = 0, True
        self._loop: asyncio.AbstractEventLoop | None = None
        silent_s = config.data_timeout_s
        if not names and silent_s is not None:
            silent_s = max(silent_s, _BARS_SILENT_S)
        quiet = _Quiet(limit_s=silent_s, is_closed=is_closed)
        common: dict[str, Any] = {
            "raw_data": True,  # the client's own models cut stamps to microseconds
            "data_timeout": silent_s,
            "websocket_params": {
                "ping_interval": 10,
                "ping_timeout": 180,
                "max_queue": 1024,
                "logger": _WIRE_LOG,
                "create_protocol": _protocol(self._on_connection, self._on_frame, self._on_control, quiet),
            },
        }
        self._stream = _opened(config, credentials, tape, common)
        # The client has no setting for its waits; these two are what its own subclasses would change.
        self._stream._reconnect_min_backoff = config.reconnect_min_s  # noqa: SLF001
        self._stream._reconnect_max_backoff = _LONGEST_BACKOFF_S  # noqa: SLF001
        if names:
            self._stream.subscribe_trades(self._on_trade, *names)
            self._stream.subscribe_quotes(self._on_quote, *names)
        if bars:
            self._stream.subscribe_bars(self._on_bar, *bars)
        self._thread = threading.Thread(target=self._run, name=f"alpaca-{tape.value}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def add(self, names: Sequence[str]) -> None:
        """Subscribe further symbols; where the connection is just lost they come with its successor."""
        try:
            self._stream.subscribe_trades(self._on_trade, *names)
            self._stream.subscribe_quotes(self._on_quote, *names)
        except (vendor.ConnectionClosed, RuntimeError, AttributeError):
            return  # the client has noted the names, and tells them when it connects again

    def close(self) -> None:
        """End the stream and wait for its thread."""
        loop = self._loop
        if self._thread.is_alive() and loop is not None and loop.is_running():
            asyncio.run_coroutine_threadsafe(self._end(), loop)
        self._thread.join(10.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._forever())
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the feed, whatever it is
            self._arrivals.fail(VenueError("Alpaca's stream ended", retryable=False, found=type(error).__name__))

    async def _forever(self) -> None:
        self._loop = asyncio.get_running_loop()
        # `run` of the client is this and a handler for the keyboard, which belongs to the main thread.
        await self._stream._run_forever()  # noqa: SLF001

    async def _end(self) -> None:
        await self._stream.stop_ws()
        await self._stream.close()

    def _on_frame(self, frame: bytes) -> bool:
        """Take a frame of market data; return False where the vendor's client must look at it."""
        told = read_frame(frame, self._words)
        if told is None:
            return False
        self._arrivals.put(told.parts, told.rejected)
        return True

    # What a frame holds that is not as it should be comes record by record, through the vendor's client.
    async def _on_trade(self, record: dict[str, Any]) -> None:
        row = trade_row(str(record.get("S")), record)
        self._arrivals.put([] if row is None else [trade_columns([row], self._words)], int(row is None))

    async def _on_quote(self, record: dict[str, Any]) -> None:
        row = quote_row(str(record.get("S")), record)
        self._arrivals.put([] if row is None else [quote_columns([row], self._words)], int(row is None))

    async def _on_bar(self, record: dict[str, Any]) -> None:
        self._arrivals.put_bar(record)

    def _on_connection(self) -> None:
        self._is_new = True

    def _on_control(self, record: Mapping[str, Any]) -> None:
        if record.get("T") == "subscription":
            self._refusals = 0
            if self._is_new:
                self._arrivals.subscribed()
            else:
                self._arrivals.widened()
            self._is_new = False
            return
        code = int(record.get("code") or 0)
        self._refusals += code == _CONNECTION_LIMIT
        reason = _LASTING.get(code)
        if self._refusals >= _MOST_REFUSALS:
            reason = "another connection holds the one that the plan allows"
        if reason is not None:
            self._arrivals.fail(
                VenueError(
                    f"Alpaca refuses the stream: {reason}",
                    retryable=False,
                    found=f"{code} {str(record.get('msg'))[:100]}",
                    action="check the key and the plan; one process may hold a feed",
                )
            )
            asyncio.get_running_loop().create_task(self._stream.stop_ws())  # the stream keeps the loop


def _opened(config: AlpacaConfig, credentials: Credentials, tape: Tape, common: dict[str, Any]) -> Any:
    """Return the vendor's stream."""
    key, secret = credentials.key, credentials.secret
    path = {
        Tape.STOCKS: f"/v2/{config.stock_feed}",
        Tape.OPTIONS: f"/v1beta1/{config.option_feed}",
        Tape.COINS: "/v1beta3/crypto/us",
    }[tape]
    common = common | {"url_override": None if config.stream_url is None else config.stream_url + path}
    match tape:
        case Tape.STOCKS:
            return vendor.StockDataStream(key, secret, feed=vendor.DataFeed(config.stock_feed), **common)
        case Tape.OPTIONS:
            return vendor.OptionDataStream(key, secret, feed=vendor.OptionsFeed(config.option_feed), **common)
        case Tape.COINS:
            return vendor.CryptoDataStream(key, secret, **common)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quiet:
    """How long a stream may be silent, seconds, and whether its market is closed."""

    limit_s: float | None
    is_closed: Callable[[], bool]


def _protocol(
    on_connection: Callable[[], None],
    on_frame: Callable[[bytes], bool],
    on_control: Callable[[Mapping[str, Any]], None],
    quiet: _Quiet,
) -> type[Any]:
    """Return websockets' protocol with an ear for market data and for what the vendor's client only logs.

    The client makes a dictionary of each record and awaits a handler for it: 5 us a record. It stays in charge of the
    connection, its name and its silence, so it gets a frame for each one that was taken, with nothing in it, and one
    now and then while the market is closed.
    """

    class Listening(vendor.WebSocketClientProtocol):
        heard_s = 0.0

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            on_connection()
            self.heard_s = asyncio.get_running_loop().time()
            super().connection_made(transport)

        async def heard(self) -> Any:
            if quiet.limit_s is None:
                return await super().recv()
            data = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(self.heard_s + 0.5 * quiet.limit_s):
                    data = await super().recv()
            if data is None:
                data = QUIET_FRAME if quiet.is_closed() else await super().recv()
            self.heard_s = asyncio.get_running_loop().time()
            return data

        async def recv(self) -> Any:
            data = await self.heard()
            frame = data if isinstance(data, bytes) else data.encode()
            if on_frame(frame):
                return QUIET_FRAME
            head = frame[:64]
            if b"\xa1T\xa5error" in head or b"\xa1T\xacsubscription" in head:
                for record in msgspec.msgpack.decode(frame):
                    if record.get("T") in {"error", "subscription"}:
                        on_control(record)
            return data

    return Listening

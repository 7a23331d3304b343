"""One connection to the vendor's streams, in a thread: opened again after a loss, with word of what may be missing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from massive import WebSocketClient
from massive.exceptions import AuthError
from websockets.exceptions import WebSocketException

from adapters.polygon.live_config import StreamConfig
from adapters.polygon.wire import Bar, Frame, Quote, Status, Trade, read_frame
from market.errors import VenueError

__all__ = ["ChannelThread", "Taken"]

_LONGEST_WAIT_S: Final = 30.0
_LASTING: Final = {
    "auth_failed": "the key is not accepted",
    "not_authorized": "the plan does not include this stream",
    "auth_timeout": "the key was not taken in time",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came since the take before; `gap` says that something between may be missing."""

    trades: list[Trade]
    quotes: list[Quote]
    bars: list[Bar]
    gap: bool


@final
class ChannelThread:
    """Runs one of the vendor's streams until it is closed or refused.

    Parameters
    ----------
    key : str
        The key.
    config : StreamConfig
        Where the stream is and when it counts as lost.
    market : str
        ``options`` or ``stocks``.
    channels : iterable of str
        Such as ``T.SPY`` and ``Q.O:SPY251231C00600000``.
    most_waiting : int
        Frames that wait; one beyond is left out and counted, and makes a gap.
    is_closed : callable, optional
        Whether all markets of the stream are closed: it may be mute then.
    """

    def __init__(
        self,
        key: str,
        config: StreamConfig,
        market: str,
        channels: Iterable[str],
        *,
        most_waiting: int,
        is_closed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._key, self._config, self._market = key, config, market
        self._most, self._is_closed = most_waiting, is_closed
        self._channels = set(channels)
        self._changed = threading.Condition()
        self._frames: list[Frame] = []
        self._gap, self._opened, self._unconfirmed = False, 0, 0
        self._is_new, self._closing = True, False
        self._error: VenueError | None = None
        self._counts = {"reconnects": 0, "rejected": 0, "overflowed": 0, "widened": 0}
        self._client: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=f"polygon-{market}", daemon=True)

    @property
    def counts(self) -> Mapping[str, int]:
        """Reconnects, widened subscriptions, and records that could not be read or found no room."""
        with self._changed:
            return dict(self._counts)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def choose(self, channels: Iterable[str]) -> None:
        """Subscribe to these channels and to no others; what new ones told before is missing."""
        with self._changed:
            chosen, self._channels = self._channels, set(channels)
            fresh, gone = self._channels - chosen, chosen - self._channels
            self._unconfirmed += len(fresh)
            if self._client is None:
                return
            if gone:
                self._client.unsubscribe(*gone)
            if fresh:
                self._client.subscribe(*fresh)
                self._counts["widened"] += 1

    def take(self) -> Taken:
        """Return what came; raise what ended the stream, once nothing waits any more."""
        with self._changed:
            frames, gap, self._frames, self._gap = self._frames, self._gap, [], False
            if self._error is not None and not frames:
                raise self._error
        return Taken(
            trades=[item for frame in frames for item in frame.trades],
            quotes=[item for frame in frames for item in frame.quotes],
            bars=[item for frame in frames for item in frame.bars],
            gap=gap,
        )

    def wait(self, met: Callable[[Mapping[str, int]], bool], timeout_s: float) -> bool:
        """Wait until the counts, with ``subscribed``, ``waiting`` and ``failed`` among them, meet a condition."""

        def now() -> bool:
            failed = int(self._error is not None)
            waiting = sum(len(frame.trades) + len(frame.quotes) for frame in self._frames)
            return met({**self._counts, "subscribed": self._opened, "failed": failed, "waiting": waiting})

        with self._changed:
            return self._changed.wait_for(now, timeout_s)

    def close(self) -> None:
        """End the stream and wait for its thread."""
        self._closing = True
        loop, task = self._loop, self._task
        if loop is not None and task is not None and loop.is_running():
            loop.call_soon_threadsafe(task.cancel)
        if self._thread.is_alive():
            self._thread.join(10.0)

    def _run(self) -> None:
        try:
            asyncio.run(self._forever())
        except asyncio.CancelledError:
            return
        except VenueError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the feed, whatever it is
            self._fail(VenueError("the vendor's stream ended", retryable=False, found=type(error).__name__))

    def _fail(self, error: VenueError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    async def _forever(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        futile = 0
        while not self._closing:
            before = self._opened
            await self._connection()
            futile = futile + 1 if self._opened == before else 0
            if futile:
                await asyncio.sleep(min(self._config.first_wait_s * 2.0 ** (futile - 1), _LONGEST_WAIT_S))

    async def _connection(self) -> None:
        """Hold one connection until it is lost."""
        frames: asyncio.Queue[str | bytes | None] = asyncio.Queue(maxsize=self._most)
        with self._changed:
            self._unconfirmed = len(self._channels)
            self._is_new = True
            client = self._client = WebSocketClient(
                api_key=self._key,
                feed=self._config.feed,
                market=self._market,
                secure=self._config.secure,
                raw=True,
                subscriptions=sorted(self._channels),
                max_reconnects=0,
            )
        listening = asyncio.create_task(_listen(client, frames))
        try:
            while True:
                try:
                    data = await asyncio.wait_for(frames.get(), self._config.silent_s)
                except TimeoutError:
                    if self._is_closed():
                        continue
                    return
                if data is None:
                    await listening  # a refused key is an error, a lost connection is not
                    return
                try:
                    self._put(read_frame(data))
                except ValueError:
                    return
        finally:
            with self._changed:
                self._client = None
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def _put(self, frame: Frame) -> None:
        for status in frame.statuses:
            self._note(status)
        with self._changed:
            self._counts["rejected"] += frame.rejected
            if not (frame.trades or frame.quotes or frame.bars):
                return
            if len(self._frames) >= self._most:
                self._counts["overflowed"] += 1
                self._gap = True
            else:
                self._frames.append(frame)
            self._changed.notify_all()

    def _note(self, status: Status) -> None:
        reason = _LASTING.get(status.status)
        if reason is not None:
            raise VenueError(
                f"the vendor refuses the stream: {reason}",
                retryable=False,
                found=f"{status.status} on {self._market}",
                action="check the key, and that the plan has this stream",
            )
        if status.status != "success" or self._unconfirmed <= 0:
            return
        with self._changed:
            self._unconfirmed -= 1
            if self._unconfirmed:
                return
            # Data flow from now on: what came between the loss, or the wish for more, and now is missing.
            self._gap = self._gap or self._opened > 0
            if self._is_new:
                self._opened += 1
                self._counts["reconnects"] += self._opened > 1
            self._is_new = False
            self._changed.notify_all()


async def _listen(client: Any, frames: asyncio.Queue[str | bytes | None]) -> None:
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

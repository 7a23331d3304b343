"""The vendor's unmodified stream client against the emulated venue: what was cut off comes later, once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable

import numpy as np
import pytest

pytest.importorskip("massive")

from adapters.emulated import EmulatedServer, Fault, FaultKind, Where
from adapters.emulated.polygon import PolygonFront
from adapters.emulated.polygon_streams import option_ticker
from adapters.polygon import PolygonClient, PolygonConfig, PolygonTradeStream, StreamConfig
from market.errors import VenueError
from market.trades import UNDERLYING, TradeBatch, concatenate
from tests.adapters.emulated.toy import SYMBOL, small_feed

_KEY = "a-key-that-nobody-may-read"
_STEP_NS = 5_000_000_000
_Row = tuple[int, float, float, int]


def _tickers(server: EmulatedServer) -> tuple[str, ...]:
    chain = server.desk.market.chain(SYMBOL)
    trades = server.desk.market.trades(SYMBOL)
    assert chain is not None
    assert trades is not None
    first = int(trades.contract[trades.contract != UNDERLYING][0])
    return (SYMBOL, option_ticker(trades.contracts, first))


def _stream(server: EmulatedServer, key: str = _KEY, told: Callable[[], None] = lambda: None) -> PolygonTradeStream:
    config = StreamConfig(feed=f"127.0.0.1:{server.port}", secure=False, first_wait_s=0.01)
    rest = PolygonClient(_KEY, PolygonConfig(base_url=server.url, first_wait_s=0.01))
    start_ns = server.desk.clock.now_ns() + 1_000_000
    return PolygonTradeStream(key, rest, SYMBOL, _tickers(server), start_ns=start_ns, config=config, on_connected=told)


def _truth(server: EmulatedServer, since_ns: int) -> list[_Row]:
    trades = server.desk.market.trades(SYMBOL, since_ns)
    assert trades is not None
    names = {place: option_ticker(trades.contracts, place) for place in range(trades.contracts.n_contracts)}
    names[UNDERLYING] = SYMBOL
    wanted = np.array([names[place] in _tickers(server) for place in trades.contract.tolist()])
    return _rows(trades, wanted)


def _rows(trades: TradeBatch, keep: np.ndarray | slice = slice(None)) -> list[_Row]:
    columns = (trades.trade_id, trades.price, trades.size, trades.ts_ns // 1_000_000)
    return sorted(zip(*(column[keep].tolist() for column in columns), strict=True))


async def _played(server: EmulatedServer, cuts: tuple[int, ...], steps: int) -> PolygonTradeStream:
    """Play the feed while a stream runs, cut it at some steps, and check that all came once."""
    connected: asyncio.Queue[None] = asyncio.Queue()
    since_ns = server.desk.clock.now_ns() + 1_000_000
    stream = _stream(server, told=lambda: connected.put_nowait(None))
    whole = asyncio.create_task(_collect(stream, server, since_ns, steps + len(cuts)))
    async with asyncio.timeout(20.0):
        await connected.get()
        for step in range(steps):
            await asyncio.to_thread(server.step)
            if step in cuts:
                server.cut_streams()
                await asyncio.to_thread(server.step)
                await connected.get()
        assert _rows(await whole) == _truth(server, since_ns)
    return stream


async def _collect(stream: PolygonTradeStream, server: EmulatedServer, since_ns: int, steps: int) -> TradeBatch:
    """Return all batches as one, once the feed has been played to the end and as many trades came as it has."""
    got: list[TradeBatch] = []
    last_ns = server.desk.clock.now_ns() + steps * _STEP_NS
    async with contextlib.aclosing(stream.batches()) as batches:
        async for batch in batches:
            got.append(batch)
            done = server.desk.clock.now_ns() >= last_ns
            if done and sum(item.n_trades for item in got) >= len(_truth(server, since_ns)):
                break
    return concatenate(got)


async def test_a_stream_that_is_cut_holds_the_same_trades_as_one_that_is_not() -> None:
    """What was printed while the connection was down comes from the other interface, and nothing twice."""
    with EmulatedServer(PolygonFront(_KEY), small_feed(step_s=5.0)) as server:
        server.step(5)
        stream = await _played(server, cuts=(4, 9, 14), steps=18)
        assert (stream.connections, stream.tally.trades > 50) == (4, True)


@pytest.mark.parametrize("kind", [FaultKind.DUPLICATE, FaultKind.OUT_OF_ORDER, FaultKind.DISCONNECT])
async def test_spoilt_frames_change_nothing(kind: FaultKind) -> None:
    """Repeated trades are counted and left out; reversed ones come all; half a frame is completed later."""
    fault = Fault(kind=kind, where=Where.MESSAGE, path="/options", first=3, times=1)
    with EmulatedServer(PolygonFront(_KEY), small_feed(step_s=5.0), faults=(fault,)) as server:
        server.step(5)
        stream = await _played(server, cuts=(), steps=10)
        assert server.faults.fired(kind) == 1
        assert stream.repeated > 0 or kind is FaultKind.OUT_OF_ORDER


async def test_a_refused_key_ends_the_stream_and_stands_in_no_text(caplog: pytest.LogCaptureFixture) -> None:
    """There is nothing to wait for; neither log nor error holds the key."""
    caplog.set_level(logging.DEBUG, logger="massive")
    with EmulatedServer(PolygonFront(_KEY), small_feed(step_s=5.0)) as server:
        server.step(5)
        with pytest.raises(VenueError, match="key of the stream") as caught:
            async for _ in _stream(server, "another-key-to-keep").batches():
                pass
    assert not caught.value.retryable
    assert "another-key" not in f"{caplog.text}{caught.value!r}"

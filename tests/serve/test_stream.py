"""The event stream: order, resumption, slow listeners and leaving ones."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serve.board import SnapshotBoard
from serve.stream import EventStream, Mailbox, parse_event_id
from tests.serve.samples import HandClock, publication_of, snapshot_of
from tests.serve.test_api import BEARER, gateway


class Connection:
    """One ASGI connection that a test reads and ends."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._left = asyncio.Event()

    async def receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        await self.sent.put(message)

    def leave(self) -> None:
        self._left.set()

    async def next_event(self) -> dict[str, str]:
        while True:
            message = await asyncio.wait_for(self.sent.get(), 5.0)
            text = message.get("body", b"").decode()
            if text.startswith("id:"):
                return dict(line.split(": ", 1) for line in text.strip().split("\n"))


def _board(*symbols: str) -> SnapshotBoard:
    board = SnapshotBoard(symbols, HandClock(), 10.0)
    for symbol in symbols:
        board.apply(publication_of(snapshot_of(symbol)))
    return board


async def test_listener_gets_the_newest_of_each_symbol_and_then_each_change() -> None:
    """A new listener is complete at once, and stays so."""
    board, connection = _board("SPX", "QQQ"), Connection()
    task = asyncio.create_task(EventStream(board, (), 0, 5.0)({}, connection.receive, connection.send))
    first = [json.loads((await connection.next_event())["data"])["symbol"] for _ in range(2)]
    board.apply(publication_of(snapshot_of("SPX", step=1)))
    event = await connection.next_event()
    connection.leave()
    await asyncio.wait_for(task, 5.0)
    assert sorted(first) == ["QQQ", "SPX"]
    assert event["event"] == "field"
    assert json.loads(event["data"])["spot"] == snapshot_of("SPX", step=1).spot


async def test_stream_ends_when_the_client_leaves_although_sends_succeed() -> None:
    """The reader ends the writer; nothing stays subscribed, and the end is counted."""
    board, connection = _board("SPX"), Connection()
    ended: list[int] = []
    stream = EventStream(board, (), 0, 5.0, ended.append)
    task = asyncio.create_task(stream({}, connection.receive, connection.send))
    await connection.next_event()
    connection.leave()
    await asyncio.wait_for(task, 5.0)
    assert ended == [0]
    assert board._listeners == []


async def test_silence_is_broken_by_a_comment() -> None:
    """Proxies that close silent connections see a line."""
    board, connection = _board("SPX"), Connection()
    task = asyncio.create_task(EventStream(board, ("QQQ",), 0, 0.01)({}, connection.receive, connection.send))
    bodies = [(await asyncio.wait_for(connection.sent.get(), 5.0)).get("body") for _ in range(3)]
    connection.leave()
    await task
    assert bodies[-1] == b": alive, coalesced 0\n\n"


@given(st.lists(st.sampled_from(["SPX", "QQQ", "IWM"]), max_size=60))
def test_mailbox_never_holds_more_than_one_change_a_symbol(changes: list[str]) -> None:
    """A listener that never reads costs one entry a symbol; the rest is counted."""
    board = SnapshotBoard(("SPX", "QQQ", "IWM"), HandClock(), 10.0)
    mailbox = Mailbox(board, ())
    for symbol in changes:
        board.apply(publication_of(snapshot_of(symbol)))
    assert len(mailbox) == len(set(changes))
    assert mailbox.coalesced == len(changes) - len(set(changes))


@given(st.lists(st.sampled_from(["SPX", "QQQ", "IWM", "take"]), max_size=60))
def test_resuming_after_any_event_misses_nothing(script: list[str]) -> None:
    """Whatever a listener had not been sent before it was cut off, it is sent after it resumes."""
    board = SnapshotBoard(("SPX", "QQQ", "IWM"), HandClock(), 10.0)
    mailbox, seen, acknowledged = Mailbox(board, ()), {}, 0

    async def play() -> None:
        nonlocal acknowledged
        for step in script:
            if step != "take":
                board.apply(publication_of(snapshot_of(step)))
            elif (entry := await mailbox.take(0.0)) is not None:
                seen[entry.symbol] = entry.sequence
                acknowledged = mailbox.acknowledged(entry)

    asyncio.run(play())
    resumed = Mailbox(board, (), acknowledged)
    for symbol in set(script) - {"take"}:
        newest = board.get(symbol)
        assert newest is not None
        assert seen.get(symbol) == newest.sequence or symbol in resumed._pending


@pytest.mark.parametrize(
    ("text", "expected"), [("e1-42", 42), ("e2-42", 0), (None, 0), ("", 0), ("e1-", 0), ("e1--3", 0), ("e1-x", 0)]
)
def test_event_id_counts_only_within_one_life_of_the_board(text: str | None, expected: int) -> None:
    """After a restart of the gateway, old ids mean "send everything"."""
    assert parse_event_id(text, "e1") == expected


async def _open(app: Any, query: bytes = b"", headers: dict[str, str] | None = None) -> tuple[Connection, Any]:
    connection = Connection()
    raw = [(name.encode(), value.encode()) for name, value in (headers or BEARER).items()]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/v1/stream",
        "query_string": query,
        "headers": raw,
    }
    scope |= {"http_version": "1.1", "scheme": "http", "server": ("testserver", 80), "asgi": {"version": "3.0"}}
    return connection, asyncio.create_task(app(scope, connection.receive, connection.send))


async def test_route_filters_symbols_and_resumes() -> None:
    """`symbols` selects, and `Last-Event-ID` skips what was seen."""
    app = gateway("SPX", "QQQ")
    connection, task = await _open(app, b"symbols=QQQ")
    event = await connection.next_event()
    connection.leave()
    await task
    assert json.loads(event["data"])["symbol"] == "QQQ"
    again, task = await _open(app, b"symbols=QQQ", BEARER | {"last-event-id": event["id"]})
    app.board.apply(publication_of(snapshot_of("QQQ", step=2)))
    assert json.loads((await again.next_event())["data"])["spot"] == snapshot_of("QQQ", step=2).spot
    again.leave()
    await task
    assert app.streams.open == 0


async def test_one_stream_too_many_is_refused_until_one_ends() -> None:
    """The limit answers 503 with when to come back, and a stream that ended frees its place."""
    app = gateway("SPX")
    connection, task = await _open(app)
    await connection.next_event()
    refused, refusal = await _open(app)
    await refusal
    assert (await refused.sent.get())["status"] == 503
    connection.leave()
    await task
    assert app.streams.open == 0

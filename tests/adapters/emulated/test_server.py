"""The emulators' server: what is asked is answered and recorded, and every fault happens as the script says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import httpx
import numpy as np
import pytest

from adapters.emulated import EmulatedServer, Fault, FaultKind, FaultScript, Where
from market.errors import ConfigError
from tests.adapters.emulated.toy import SYMBOL, ToyVenue, small_feed

client = pytest.importorskip("websockets.sync.client")
exceptions = pytest.importorskip("websockets.exceptions")


@pytest.fixture
def server() -> Iterator[EmulatedServer]:
    """A running toy venue after two batches."""
    with EmulatedServer(ToyVenue(), small_feed()) as running:
        running.step(2)
        yield running


def _get(server: EmulatedServer, path: str) -> httpx.Response:
    return httpx.get(server.url + path, timeout=5.0)


def test_a_request_is_answered_from_the_market_and_recorded(server: EmulatedServer) -> None:
    """The answer is the feed's, and the record holds method, path, query and the virtual instant."""
    chain = server.desk.market.chain(SYMBOL)
    assert chain is not None
    answer = _get(server, "/price?of=it")
    assert answer.json() == {"price": chain.spot_last}
    assert answer.headers["X-Streams"] == "0"
    record = server.requests.of("/price")[0]
    assert (record.method, record.query, record.ts_ns) == ("GET", {"of": "it"}, chain.ts_event_ns)
    assert not server.requests.of("/elsewhere")


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault(kind=FaultKind.RATE_LIMITED, delay_s=3.0), 429),
        (Fault(kind=FaultKind.SERVER_ERROR, status=504), 504),
        (Fault(kind=FaultKind.HTML_ERROR, status=502), 502),
        (Fault(kind=FaultKind.REVOKED_KEY), 401),
    ],
)
def test_a_refusal_comes_once_and_is_over(server: EmulatedServer, fault: Fault, status: int) -> None:
    """The first matching request fails as told, the next is answered."""
    server.faults.add(fault)
    refused = _get(server, "/price")
    assert refused.status_code == status
    assert (refused.headers.get("Retry-After") == "3") == (fault.kind is FaultKind.RATE_LIMITED)
    assert _get(server, "/price").status_code == 200
    assert server.faults.fired(fault.kind) == 1
    assert [record.fault for record in server.requests.of("/price")] == [fault, None]


def test_a_disconnect_is_a_reset_connection(server: EmulatedServer) -> None:
    """No answer comes, and the server goes on."""
    server.faults.add(Fault(kind=FaultKind.DISCONNECT))
    with pytest.raises(httpx.TransportError):
        _get(server, "/price")
    assert _get(server, "/price").status_code == 200


def test_a_truncated_page_is_half_of_it_and_calls_itself_whole(server: EmulatedServer) -> None:
    """HTTP is satisfied; only the content is not."""
    whole = _get(server, "/price").content
    server.faults.add(Fault(kind=FaultKind.TRUNCATED))
    assert _get(server, "/price").content == whole[: len(whole) // 2]


def test_a_slow_answer_comes_late_and_a_wrong_clock_is_ahead(server: EmulatedServer) -> None:
    """Delay and shift are those of the script."""
    server.faults.add(Fault(kind=FaultKind.SLOW, delay_s=0.2), Fault(kind=FaultKind.WRONG_CLOCK, path="/time"))
    begun = time.monotonic()
    _get(server, "/price")
    assert time.monotonic() - begun >= 0.2
    assert _get(server, "/time").json()["now_ns"] == server.desk.clock.now_ns() + 60_000_000_000


def test_a_stale_answer_is_the_one_of_that_time(server: EmulatedServer) -> None:
    """A stale request sees the chain of an earlier batch."""
    first = server.desk.market.chain(SYMBOL)
    server.step(3)
    server.faults.add(Fault(kind=FaultKind.STALE, shift_ns=3_000_000_000))
    assert first is not None
    assert _get(server, "/price").json() == {"price": first.spot_last}
    assert _get(server, "/price").json() != {"price": first.spot_last}


def test_a_stream_carries_every_batch_and_the_clients_messages(server: EmulatedServer) -> None:
    """What the client sends is echoed and recorded; trades come as they are."""
    with client.connect(server.ws_url + "/stream") as stream:
        stream.send("hello")
        assert stream.recv() == b"hello"
        batch = server.step()[0]
        assert json.loads(stream.recv()) == batch.trades[0].size.tolist()
    assert [record.body for record in server.requests.of("/stream", Where.MESSAGE)] == [b"hello"]


def test_stream_faults_spoil_the_frames_they_are_for(server: EmulatedServer) -> None:
    """Duplicate, reversed, repeated and withheld frames, then a good one."""
    kinds = (FaultKind.DUPLICATE, FaultKind.OUT_OF_ORDER, FaultKind.STALE, FaultKind.MUTE)
    for first, kind in enumerate(kinds, start=1):
        server.faults.add(Fault(kind=kind, where=Where.MESSAGE, first=first))
    with client.connect(server.ws_url + "/stream") as stream:
        assert server.desk.streams.wait_sessions(1)
        sizes = [batch.trades[0].size.tolist() for batch in server.step(5)]
        assert json.loads(stream.recv()) == np.repeat(sizes[0], 2).tolist()
        assert json.loads(stream.recv()) == sizes[1][::-1]
        assert json.loads(stream.recv()) == sizes[1]  # the frame before, again
        assert json.loads(stream.recv()) == sizes[4]


def test_a_cut_stream_ends_and_can_be_opened_again(server: EmulatedServer) -> None:
    """A reset ends the session; half of a frame's records came before the scripted one."""
    server.faults.add(Fault(kind=FaultKind.DISCONNECT, where=Where.MESSAGE))
    with client.connect(server.ws_url + "/stream") as stream:
        assert server.desk.streams.wait_sessions(1)
        server.step()
        with pytest.raises(exceptions.ConnectionClosed):
            list(stream)
    assert server.desk.streams.wait_sessions(0)
    with client.connect(server.ws_url + "/stream") as stream:
        assert server.desk.streams.wait_sessions(1)
        server.cut_streams()
        with pytest.raises(exceptions.ConnectionClosed):
            stream.recv(timeout=5.0)


def test_a_paced_venue_plays_by_itself() -> None:
    """Batches come on a stream without a step."""
    with (
        EmulatedServer(ToyVenue(), small_feed(), paced=True) as running,
        client.connect(running.ws_url + "/stream") as stream,
    ):
        assert json.loads(stream.recv(timeout=10.0))


def test_script_counts_from_the_first_matching_request() -> None:
    """`first` and `times` count the requests of the pattern only."""
    script = FaultScript([Fault(kind=FaultKind.SERVER_ERROR, path="/a*", first=2, times=2)])
    paths = ["/a1", "/b", "/a2", "/b", "/a3", "/a4"]
    assert [script.due(Where.REQUEST, path) is not None for path in paths] == [False, False, True, False, True, False]
    script.clear()
    assert script.due(Where.REQUEST, "/a") is None
    assert script.fired(FaultKind.SERVER_ERROR) == 2


def test_a_fault_that_cannot_happen_is_refused() -> None:
    """A request has no order of records, and counts begin at 1."""
    with pytest.raises(ConfigError, match="cannot happen there"):
        Fault(kind=FaultKind.OUT_OF_ORDER)
    with pytest.raises(ConfigError, match="cannot happen then"):
        Fault(kind=FaultKind.SLOW, first=0)

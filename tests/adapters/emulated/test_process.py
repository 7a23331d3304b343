"""An emulated venue in its own process: it answers its one key, and ends with whoever started it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from adapters.emulated.process import Emulation, Endpoint, Protocol, VenueProcess, new_credentials
from adapters.simulated.catalogue import listed_as, named_market
from market.errors import ConfigError, VenueError

_MARKET = listed_as(named_market("demo", interval_s=0.05, speed=1.0), ("SPY",))
_ROOT = Path(__file__).resolve().parents[3]
# Starts a venue, tells its process, and waits to be killed.
_PARENT = """
import pickle, sys
from adapters.emulated.process import VenueProcess
venue = VenueProcess(pickle.load(sys.stdin.buffer))
venue.start()
print(venue.pid, flush=True)
sys.stdin.buffer.read()
"""


def _emulation() -> Emulation:
    return Emulation(protocol=Protocol.ALPACA, market=_MARKET, credentials=new_credentials("alpaca"))


@pytest.fixture
def venue() -> Iterator[tuple[VenueProcess, Endpoint]]:
    """A venue that runs."""
    process = VenueProcess(_emulation())
    try:
        yield process, process.start()
    finally:
        process.stop()


def _clock(endpoint: Endpoint, secret: str) -> httpx.Response:
    headers = {"apca-api-key-id": endpoint.credentials.key, "apca-api-secret-key": secret}
    return httpx.get(f"{endpoint.url}/v2/clock", headers=headers, timeout=10.0, trust_env=False)


def test_it_answers_its_own_key_alone_and_its_time_passes(venue: tuple[VenueProcess, Endpoint]) -> None:
    """The key is as long as a real one and stands in no list of processes."""
    process, endpoint = venue
    secret = endpoint.credentials.secret
    assert _clock(endpoint, "another").status_code == 403
    first = _clock(endpoint, secret).json()["timestamp"]
    deadline = time.monotonic() + 20.0
    while _clock(endpoint, secret).json()["timestamp"] == first:
        assert time.monotonic() < deadline
    assert secret not in Path(f"/proc/{process.pid}/cmdline").read_text(encoding="utf-8")
    assert secret not in Path(f"/proc/{process.pid}/environ").read_text(encoding="utf-8")
    assert secret not in repr(endpoint)


def test_it_ends_when_it_is_stopped(venue: tuple[VenueProcess, Endpoint]) -> None:
    """Also a second time, and its port is closed."""
    process, endpoint = venue
    assert process.is_running
    process.stop()
    process.stop()
    assert not process.is_running
    with pytest.raises(httpx.ConnectError):
        _clock(endpoint, "any")


def test_it_dies_with_a_parent_that_is_killed() -> None:
    """SIGKILL leaves the parent no time to say good-bye; the end of the input does."""
    with subprocess.Popen(
        [sys.executable, "-c", _PARENT], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        pickle.dump(_emulation(), parent.stdin)
        parent.stdin.flush()
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20.0
    while _is_running(child):
        assert time.monotonic() < deadline


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"  # nobody may be there to collect it


def test_a_market_that_cannot_be_is_a_setting_to_correct() -> None:
    """The child's reason reaches the parent."""
    symbol = replace(_MARKET.symbols[0])
    object.__setattr__(symbol, "strikes_each", 0)
    process = VenueProcess(replace(_emulation(), market=replace(_MARKET, symbols=(symbol,))))
    with pytest.raises((ConfigError, VenueError), match="the emulated venue"):
        process.start()
    assert not process.is_running

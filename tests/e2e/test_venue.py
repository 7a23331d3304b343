"""The desk on an emulated venue: a vendor's own client, faults on request, and nothing left behind."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Product, running

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.slow]
pytest.importorskip("alpaca")

_PATIENCE_S = 120.0
_MESSAGES = 60  # the last fault on a stream is over by then, at one message a second
_FAULTS = (
    "429:/v1beta1/*@2x2",
    "5xx:/v2/*@4",
    "html_error:/v2/*@6",
    "truncated:/v1beta1/options/snapshots/*@4",
    "stale:/v1beta1/*@9",
    "disconnect@15x2",
    "duplicate@25x3",
    "out_of_order@30x3",
    "stale.message@35x2",
    "mute@40x2",
)
_VENUE = "adapters.emulated"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Start the desk on an emulated venue that misbehaves, and expect that it leaves no process."""
    faults = [word for fault in _FAULTS for word in ("--fault", fault)]
    with running(tmp_path_factory.mktemp("home"), "--venue", "emulated", "--symbol", "SPY", *faults) as started:
        yield started
    assert started.processes(_VENUE) == []


def _fields(desk: Product) -> Iterator[dict[str, Any]]:
    """Yield the field again and again, as fast as it is answered, until the patience is over."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        yield desk.field("SPY")


def test_the_desk_lives_through_every_fault_and_says_that_all_is_simulated(desk: Product) -> None:
    """The field moves on over refused requests, cut, doubled, turned and silenced streams; none of it is an outage."""
    seen: set[str] = set()
    for field in _fields(desk):
        assert field["simulated"] is True
        assert field["spot"] > 0.0
        seen.add(field["as_of"])
        if len(seen) > _MESSAGES:
            return
    pytest.fail(f"{len(seen)} fields within {_PATIENCE_S:g} s")


def test_a_venue_that_is_killed_leaves_the_last_field_as_stale(desk: Product) -> None:
    """As when a vendor is down: the answer stays, marked; the desk itself goes on."""
    (venue,) = desk.processes(_VENUE)
    os.kill(venue, signal.SIGKILL)
    stale = next((field for field in _fields(desk) if field["stale"]), None)
    assert stale is not None
    assert stale["stale_reason"]
    assert httpx.get(f"{desk.base}/healthz", timeout=10.0, trust_env=False).status_code == 200


def test_no_key_of_the_venue_is_written_down(desk: Product) -> None:
    """Neither in the state folder nor in the logs of the processes: the key begins with a known word."""
    scratch = [link.resolve() for link in desk.home.glob("runs/*/scratch")]
    assert scratch
    files = [path for folder in (desk.home, *scratch) for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if b"EMULATED" in path.read_bytes()] == []

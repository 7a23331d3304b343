"""The desk on an emulated exchange of coins: the unmodified ccxt and ccxt.pro, faults, and nothing left behind."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Product, running

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.slow]
pytest.importorskip("ccxt")

_PATIENCE_S = 60.0
_FAULTS = ("5xx:/api/v2/public/get_time@1", "429:/api/v2/public/get_last_trades*@1", "disconnect@12x2", "mute@20x2")
_VENUE = "adapters.emulated"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """Start the desk on an exchange that misbehaves, and expect that it leaves no process."""
    faults = [word for fault in _FAULTS for word in ("--fault", fault)]
    home = tmp_path_factory.mktemp("home")
    with running(home, "--venue", "emulated", "--protocol", "deribit", "--symbol", "BTC", *faults) as started:
        yield started
    assert started.processes(_VENUE) == []


def test_fields_of_a_coin_go_on_with_funding_and_depth_and_say_that_they_are_simulated(desk: Product) -> None:
    """Trades, books, chain and funding of the exchange reach the field over a cut stream and refused requests."""
    seen: set[str] = set()
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        field = desk.field("BTC")
        assert (field["simulated"], field["source"]) == (True, "ccxt-deribit")
        assert field["contracts"]["used"] > 900
        seen.add(field["as_of"])
        is_paid = field["live"]["regimes"]["funding"]["state"] != "UNKNOWN"
        if len(seen) > 20 and is_paid and field["liquidity_source"] == "depth":
            return
    pytest.fail(f"{len(seen)} fields within {_PATIENCE_S:g} s")

"""The gateway while parts behind it die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.conftest import Product

pytestmark = [pytest.mark.e2e, pytest.mark.ray, pytest.mark.slow]

_PATIENCE_S = 60.0


def _answers(product: Product) -> Iterator[dict[str, Any]]:
    """Yield the field again and again; any answer but 200 raises."""
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        yield product.field()


def _wait(product: Product, *, stale: bool) -> dict[str, Any]:
    for field in _answers(product):
        if field["stale"] is stale:
            return field
    pytest.fail(f"no field with stale={stale} within {_PATIENCE_S:g} s")


def test_last_field_is_answered_as_stale_while_its_shard_is_restarted(product: Product) -> None:
    """Shards killed with SIGKILL cost no answer; the field says that it is stale and why, and then recovers."""
    _wait(product, stale=False)
    shards = product.pids("SymbolActor")
    assert shards
    for pid in shards:
        os.kill(pid, signal.SIGKILL)
    field = _wait(product, stale=True)
    assert field["age_s"] >= 0.0
    assert field["stale_reason"]
    assert field["spot"] > 0.0
    recovered = _wait(product, stale=False)
    assert recovered["as_of"] > field["as_of"]


def test_fields_flow_again_after_the_bus_was_killed(product: Product) -> None:
    """The gateway keeps answering without a bus, and reads the next one from its beginning."""
    before = _wait(product, stale=False)
    for pid in product.pids("BusActor"):
        os.kill(pid, signal.SIGKILL)
    seen = {before["as_of"]}
    for field in _answers(product):
        if field["as_of"] > before["as_of"] and not field["stale"]:
            seen.add(field["as_of"])
        if len(seen) > 3:
            return
    pytest.fail(f"fields did not flow again within {_PATIENCE_S:g} s: {sorted(seen)}")

"""Real sessions are found by their date, as of the instants at which they were known."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.chains import open_chains
from adapters.store import ingest
from tests.adapters.store.samples import FOREVER_NS, assert_same, store_at

pytestmark = pytest.mark.data


def test_sessions_are_found_by_date(data_root: Path, tmp_path: Path) -> None:
    """The chain of a session, read as of the next morning, is the one of that date."""
    store, _ = store_at(tmp_path)
    path = data_root / "option_chains/cboe_spx_snapshots.parquet"
    ingest(store, path)
    for chain in list(open_chains(path))[::6]:
        found = store.chains.newest("SPX", known_ns=FOREVER_NS, session=chain.session)
        assert_same(found, chain)
        earlier = store.chains.keys("SPX", known_ns=chain.ts_event_ns - 1)
        assert all(key.ts_event_ns < chain.ts_event_ns for key in earlier)

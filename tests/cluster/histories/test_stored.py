"""Histories of the store: a session at a time, from the instant at which each chain was known."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.simulated import SimulatedMarket, demo_config
from adapters.store import DataKind, PointInTimeStore, ingest, open_store
from adapters.store.blobs import BlobFolder
from cluster.histories.span import Span
from cluster.histories.stored import StoredData, stored_history
from market.chains import OptionChain
from market.errors import DataError
from tests.adapters.encoded.equality import unlike
from tests.cluster.histories.tables import DAYS, write_bars

SPAN = Span(first=date(2025, 6, 2), last=date(2025, 6, 3))


def shown(n_steps: int = 30) -> list[OptionChain]:
    """Return chains of two simulated sessions, half an hour apart."""
    symbol = replace(demo_config().symbols[0], strikes_each=12, n_monthly=2)
    market = SimulatedMarket(replace(demo_config(step_s=1800.0), symbols=(symbol,)))
    found: list[OptionChain] = []
    for _ in range(n_steps):
        found += market.chains()
        market.step()
    return [chain for chain in found if chain.session <= SPAN.last]


@pytest.fixture
def store(tmp_path: Path) -> PointInTimeStore:
    """Return a store with chains, and bars of three sessions of 2024."""
    found = open_store(tmp_path / "store")
    writer = found.writer(DataKind.CHAINS, origin="test", source="simulated")
    for chain in shown():
        writer.add_message(chain)
    writer.commit()
    ingest(found, write_bars(tmp_path))
    return found


def test_chains_come_back_as_they_were_written(store: PointInTimeStore, tmp_path: Path) -> None:
    """Read from the store, and then found packed, every chain is equal to the last bit."""
    for _ in range(2):
        found = stored_history(store, StoredData(chains=("SIM.SPX",)), SPAN, BlobFolder(tmp_path / "cache"))
        chains = found.chains[0]
        for place, chain in enumerate(shown()):
            assert chains.available_ns[place] == chain.ts_event_ns
            assert unlike(chains.chain(place), chain) == []
    assert found.simulated
    assert found.sources[0].rows == sum(chain.n_contracts for chain in shown())


def test_a_packed_session_is_not_read_from_the_store_again(store: PointInTimeStore, tmp_path: Path) -> None:
    """The second run needs the footers of the store and the cache, and no row of it."""
    wanted, blobs = StoredData(chains=("SIM.SPX",)), BlobFolder(tmp_path / "cache")
    first = stored_history(store, wanted, SPAN, blobs).chains[0]
    bids = [first.chain(place).bid for place in range(first.available_ns.shape[0])]
    second = stored_history(store, wanted, SPAN, blobs).chains[0]
    for path in (tmp_path / "store").rglob("*.parquet"):
        path.unlink()
    assert all(np.array_equal(second.chain(place).bid, bid) for place, bid in enumerate(bids))


def test_bars_of_the_store_have_the_session_prints(store: PointInTimeStore) -> None:
    """Imported daily bars open and close with their sessions, within the dates of the run."""
    found = stored_history(store, StoredData(bars=("SPX",)), Span(first=DAYS[0], last=DAYS[1])).bars[0]
    assert found.close.tolist() == [5121.0, 5122.0]


@pytest.mark.parametrize(
    ("wanted", "span", "told"),
    [
        (StoredData(chains=("SPX",)), SPAN, "no chains of SPX"),
        (StoredData(bars=("QQQ",)), SPAN, "no bars of QQQ"),
        (StoredData(chains=("SIM.SPX",)), Span(first=date(2025, 6, 2), last=date(2025, 6, 20)), "2025-06-02 to"),
        (StoredData(bars=("SPX",)), Span(first=DAYS[0], last=date(2024, 3, 20)), "2024-03-11 to 2024-03-13"),
    ],
)
def test_what_the_store_does_not_hold_is_named(
    store: PointInTimeStore, wanted: StoredData, span: Span, told: str
) -> None:
    """The error says what is missing, or which dates are there."""
    with pytest.raises(DataError, match=told):
        stored_history(store, wanted, span)

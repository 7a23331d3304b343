"""What goes into a store comes out of it, to the last bit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.encoded.messages import head_of, message_of, rows_of
from adapters.store import DataKind
from market.errors import DataError
from market.trades import select
from tests.adapters.store.samples import FOREVER_NS, MINUTE_NS, assert_same, chain_of, store_at, trades
from tests.generators import AS_OF_NS


def test_a_chain_comes_back_bit_for_bit(tmp_path: Path) -> None:
    """Every array, instant, name and missing value is the one that was written."""
    store, _ = store_at(tmp_path)
    chain = replace(chain_of(), spot_bid=float("nan"), symbols=np.array([b"SPXW"] * chain_of().n_contracts))
    writer = store.writer(DataKind.CHAINS, origin="test")
    writer.add_message(chain)
    writer.commit()
    assert_same(store.chains.newest("SPX", known_ns=AS_OF_NS), chain)


def test_a_chain_without_contracts_comes_back(tmp_path: Path) -> None:
    """An empty chain beside a full one keeps its instant and its counts."""
    store, _ = store_at(tmp_path)
    full = chain_of()
    names = ("series_index", "strike", "is_call", "bid", "ask", "last", "open_interest", "volume", "bid_size")
    rest = ("ask_size", "vendor_iv", "vendor_delta", "vendor_gamma", "quote_ts_ns")
    none = {name: getattr(full, name)[:0] for name in (*names, *rest)}
    empty = replace(full, ts_event_ns=AS_OF_NS + 1, n_read=0, **none)
    writer = store.writer(DataKind.CHAINS, origin="test")
    writer.add_message(full)
    writer.add_message(empty)
    writer.commit()
    found = list(store.chains.between("SPX", known_ns=FOREVER_NS))
    assert_same(found[0], full)
    assert_same(found[1], empty)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 300), seed=st.integers(0, 2**32 - 1), noise=st.floats(0.0, 2.0))
def test_messages_survive_being_taken_apart(n: int, seed: int, noise: float) -> None:
    """Rows and head make the message again."""
    batch, chain = trades(n, seed=seed), chain_of(noise=noise)
    assert_same(message_of(head_of(batch, 0, 0), rows_of(batch, batch.ts_ns)), batch)
    known = np.full(chain.n_contracts, chain.ts_event_ns)
    assert_same(message_of(head_of(chain, 0, 0), rows_of(chain, known)), chain)


def test_trades_come_back_batch_by_batch(tmp_path: Path) -> None:
    """Batches that share a row group are told apart again."""
    store, _ = store_at(tmp_path)
    batches = [trades(n, seed=n, start_ns=AS_OF_NS + i * MINUTE_NS) for i, n in enumerate((5, 300, 1, 70))]
    writer = store.writer(DataKind.TRADES, origin="test")
    for batch in batches:
        writer.add_message(batch)
    writer.commit()
    found = list(store.trades("SPX", known_ns=FOREVER_NS))
    for left, right in zip(found, batches, strict=True):
        assert_same(left, right)


def test_trades_of_a_stretch_are_those_rows(tmp_path: Path) -> None:
    """A read from one instant to another returns the rows between, with the contracts that they name."""
    store, _ = store_at(tmp_path)
    batch = trades(200)
    writer = store.writer(DataKind.TRADES, origin="test")
    writer.add_message(batch)
    writer.commit()
    first, last = int(batch.ts_ns[50]), int(batch.ts_ns[120])
    (found,) = store.trades("SPX", known_ns=FOREVER_NS, first_ns=first, last_ns=last)
    expected = select(batch, slice(50, 121))
    np.testing.assert_array_equal(found.price, expected.price)
    assert found.contracts.n_contracts == batch.contracts.n_contracts
    assert not list(store.trades("SPX", known_ns=first - 1, first_ns=first))


def test_a_batch_across_midnight_falls_into_two_partitions(tmp_path: Path) -> None:
    """Each day holds its own trades, and together they are all of them."""
    store, _ = store_at(tmp_path)
    midnight = (AS_OF_NS // 86_400_000_000_000 + 1) * 86_400_000_000_000
    batch = trades(100, start_ns=midnight - 40_000_000)
    writer = store.writer(DataKind.TRADES, origin="test")
    writer.add_message(batch)
    commit = writer.commit()
    assert commit is not None
    assert [segment.n_rows for segment in commit.segments] == [40, 60]
    found = [batch.price for batch in store.trades("SPX", known_ns=FOREVER_NS)]
    np.testing.assert_array_equal(np.concatenate(found), batch.price)


def test_a_chain_that_lost_rows_is_refused() -> None:
    """A head without all of its rows makes no chain."""
    chain = chain_of()
    rows = rows_of(chain, np.full(chain.n_contracts, chain.ts_event_ns))
    with pytest.raises(DataError, match="lost rows"):
        message_of(head_of(chain, 0, 0), rows.slice(1))


def test_a_store_without_chains_says_so(tmp_path: Path) -> None:
    """Nothing known by an instant is an error that names the symbol and the instant."""
    store, _ = store_at(tmp_path)
    with pytest.raises(DataError, match="no chain of SPX; found nothing known by 2023-06-02"):
        store.chains.newest("SPX", known_ns=AS_OF_NS)

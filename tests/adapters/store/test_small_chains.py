"""Many chains in one file: small ones share row groups, and each is read as if it stood alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from adapters.store import DataKind, PointInTimeStore
from adapters.store.segments import open_segment
from market.chains import OptionChain
from tests.adapters.store.samples import FOREVER_NS, MINUTE_NS, assert_same, chain_of, store_at
from tests.generators import AS_OF_NS, synthetic_chain


def _told() -> list[OptionChain]:
    small = [chain_of(4_000.0 + n, as_of_ns=AS_OF_NS + n * MINUTE_NS) for n in range(24)]
    strikes = np.arange(2_000.0, 6_000.0, 10.0)
    small[7] = synthetic_chain(4_007.0, strikes=strikes, as_of_ns=AS_OF_NS + 7 * MINUTE_NS)
    return small


def _filled(folder: Path) -> tuple[PointInTimeStore, list[OptionChain]]:
    store, _ = store_at(folder)
    writer, chains = store.writer(DataKind.CHAINS, origin="test"), _told()
    for chain in chains:
        writer.add_message(chain)
    writer.commit()
    return store, chains


def test_small_chains_share_row_groups_and_read_back_to_the_last_bit(tmp_path: Path) -> None:
    """A large one among them begins its own; the rows of none are cut between two groups."""
    store, chains = _filled(tmp_path)
    for left, right in zip(store.chains.between("SPX", known_ns=FOREVER_NS), chains, strict=True):
        assert_same(left, right)
    (segment,) = store.segments(DataKind.CHAINS)
    with open_segment(store.files, segment) as opened:
        groups = [tuple(opened.groups(head=head)) for head in opened.heads()]
        assert len(opened.groups()) <= len(chains) / 4
    assert [len(group) for place, group in enumerate(groups) if place != 7] == [1] * 23
    assert not set(groups[7]) & {group for place, others in enumerate(groups) if place != 7 for group in others}


@pytest.mark.parametrize("place", [0, 6, 7, 8, 23])
def test_contracts_of_a_chain_are_its_own(tmp_path: Path, place: int) -> None:
    """Those of its neighbours in the row group are left out, whatever is asked for."""
    store, chains = _filled(tmp_path)
    key = store.chains.keys("SPX", known_ns=FOREVER_NS)[place]
    chain, found = chains[place], store.chains.contracts(key)
    np.testing.assert_array_equal(found["bid"].to_numpy(), chain.bid)
    some = store.chains.contracts(key, strikes=(3_990.0, 4_010.0), is_call=True, columns=("ask",))
    np.testing.assert_array_equal(
        some["ask"].to_numpy(), chain.ask[(np.abs(chain.strike - 4_000.0) <= 10.0) & chain.is_call]
    )

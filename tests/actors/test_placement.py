"""Placement: balanced, the same everywhere, and steady when shards come and go."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.placement import assign, owner

_SYMBOLS = [f"SYM{n:04d}" for n in range(1000)]


@pytest.mark.parametrize("n_shards", [2, 4, 8])
def test_shards_get_about_the_same_number_of_symbols(n_shards: int) -> None:
    """No shard deviates by more than five standard deviations of a fair draw."""
    shards = [f"shard-{n}" for n in range(n_shards)]
    fair = len(_SYMBOLS) / n_shards
    sizes = [len(owned) for owned in assign(_SYMBOLS, shards).values()]
    assert sum(sizes) == len(_SYMBOLS)
    assert max(abs(size - fair) for size in sizes) < 5.0 * (fair * (1.0 - 1.0 / n_shards)) ** 0.5


def test_a_new_shard_takes_symbols_and_moves_no_other() -> None:
    """Adding a shard moves only the symbols that it now owns: about 1/n of all."""
    before = {s: owner(s, ["shard-0", "shard-1", "shard-2"]) for s in _SYMBOLS}
    after = {s: owner(s, ["shard-0", "shard-1", "shard-2", "shard-3"]) for s in _SYMBOLS}
    moved = {s for s in _SYMBOLS if before[s] != after[s]}
    assert {after[s] for s in moved} == {"shard-3"}
    assert 150 < len(moved) < 350


@given(st.text(min_size=1, max_size=12), st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_the_shards_does_not_matter(symbol: str, shards: list[str]) -> None:
    """Every process finds the same owner, however it lists the shards."""
    assert owner(symbol, shards) == owner(symbol, ["a", "b", "c", "d"])


def test_the_owner_is_the_same_in_every_version() -> None:
    """A change of the hash would orphan every checkpoint; these owners were found once and must stay."""
    shards = ["shard-0", "shard-1"]
    assert [owner(s, shards) for s in ("SPX", "SPY", "NDX", "QQQ")] == _KNOWN


_KNOWN = ["shard-0", "shard-1", "shard-0", "shard-1"]

"""Sessions in memory one at a time: read when they are asked for, and packed for the next run."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from cluster.histories.fields import BlobsInMemory
from cluster.histories.packed_days import ChainDay, PackedDays
from market.chains import OptionChain
from market.errors import DataError
from tests.generators import AS_OF_NS, Expiry, synthetic_chain

MINUTE_NS = 60 * 10**9


class Reader:
    """Reads sessions and notes which."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def day(self, number: int, n_chains: int = 3) -> ChainDay:
        """Return a session of some minutes."""
        start = AS_OF_NS + number * 86_400 * 10**9
        instants = start + MINUTE_NS * np.arange(n_chains, dtype=np.int64)

        def read() -> list[OptionChain]:
            self.read.append(number)
            return [synthetic_chain(expiries=[Expiry(date(2023, 7, 7))], as_of_ns=int(at)) for at in instants]

        return ChainDay(key=f"day{number:061d}", available_ns=instants, read=read)


def test_a_session_is_read_once_while_it_is_asked_for() -> None:
    """Going on to the next session reads it, and coming back reads again: one is held."""
    reader = Reader()
    chains = PackedDays("SPX", [reader.day(0), reader.day(1)])
    instants = [chains.chain(place).ts_event_ns for place in range(len(chains))]
    assert instants == chains.available_ns.tolist()
    assert reader.read == [0, 1]
    chains.chain(1)
    assert reader.read == [0, 1, 0]


def test_packed_sessions_are_found_by_the_next_run() -> None:
    """Nothing is read; a damaged entry is read and packed anew."""
    blobs = BlobsInMemory()
    first, second = Reader(), Reader()
    for reader in (first, second):
        chains = PackedDays("SPX", [reader.day(0), reader.day(1)], blobs)
        assert [chains.chain(place).ts_event_ns for place in range(6)] == chains.available_ns.tolist()
    assert (first.read, second.read) == ([0, 1], [])
    blobs.put(first.day(1).key, b"of another version")
    third = Reader()
    chains = PackedDays("SPX", [third.day(0), third.day(1)], blobs)
    assert [chains.chain(place).n_contracts for place in (0, 5)] == [chains.chain(0).n_contracts] * 2
    assert third.read == [1]


def test_sessions_out_of_order_are_refused() -> None:
    """A tape must not run back."""
    reader = Reader()
    with pytest.raises(DataError, match="order of time"):
        PackedDays("SPX", [reader.day(1), reader.day(0)])

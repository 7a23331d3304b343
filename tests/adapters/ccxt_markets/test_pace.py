"""The pace that processes with one key share, and pages of any size."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ccxt_markets import SharedPace
from adapters.ccxt_markets.paging import pages
from market.errors import DataError
from market.funding import payment_intervals

_COST_NS = 1_000_000_000
_HOUR_NS = 3_600_000_000_000


def _reserve(path: Path, results: multiprocessing.SimpleQueue[list[int]]) -> None:
    pace = SharedPace(path, clock_ns=lambda: 5_000_000_000, sleep=lambda _: None)
    results.put([pace.wait(_COST_NS) for _ in range(10)])


def test_processes_that_share_a_file_never_take_the_same_instant(tmp_path: Path) -> None:
    """Four processes ask at once: their instants are a second apart, all in one queue."""
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.SimpleQueue[list[int]] = context.SimpleQueue()
    workers = [context.Process(target=_reserve, args=(tmp_path / "pace", results)) for _ in range(4)]
    for worker in workers:
        worker.start()
    taken = sorted(instant for _ in workers for instant in results.get())
    for worker in workers:
        worker.join()
    np.testing.assert_array_equal(taken, 5_000_000_000 + _COST_NS * np.arange(40))


def test_a_waiting_process_waits_as_long_as_the_queue_is(tmp_path: Path) -> None:
    """The first request goes at once, the third after two costs; a clock set back does not block for ever."""
    waits: list[float] = []
    pace = SharedPace(tmp_path / "pace", clock_ns=lambda: 100 * _COST_NS, sleep=waits.append)
    for _ in range(3):
        pace.wait(_COST_NS)
    assert waits == [1.0, 2.0]
    earlier = SharedPace(tmp_path / "pace", clock_ns=lambda: _COST_NS, sleep=waits.append)
    assert earlier.wait(_COST_NS) == _COST_NS


@given(
    st.sets(st.integers(0, 400), max_size=60),
    st.integers(1, 9),
    st.sampled_from(["old", "new"]),
    st.integers(1, 120),
    st.integers(0, 50),
)
def test_pages_give_every_row_once_whatever_the_venue_caps(
    instants: set[int], cap: int, kept: str, span: int, start: int
) -> None:
    """A venue that cuts a reply at its old or new end, and adds rows outside of the span, hides nothing."""

    def fetch(first: int, last: int) -> list[int]:
        inside = sorted(instant for instant in instants if first <= instant <= last)
        return [-5, *(inside[-cap:] if kept == "new" else inside[:cap]), 10_000]

    found = list(pages(fetch, int, start_ms=start, end_ms=390, span_ms=span, step_ms=1))
    assert [row for page in found for row in page] == sorted(i for i in instants if start <= i < 390)
    assert all(found)


def test_intervals_follow_the_distances_and_not_gaps() -> None:
    """8, then 4, then 1 hour; behind a gap the next payment tells; a lone payment takes what the venue says."""
    ts_ns = np.array([0, 8, 12, 13, 113, 117], dtype=np.int64) * _HOUR_NS + np.array([9, 3, 1, 0, 0, 0]) * 10**6
    found = payment_intervals(ts_ns, before_ns=0, declared_ns=0) // _HOUR_NS
    np.testing.assert_array_equal(found, [8, 8, 4, 1, 4, 4])
    assert payment_intervals(ts_ns[:1], before_ns=0, declared_ns=2 * _HOUR_NS).tolist() == [2 * _HOUR_NS]
    with pytest.raises(DataError, match="interval is not known"):
        payment_intervals(ts_ns[:1], before_ns=0, declared_ns=0)

"""A shared history says what the original says, and its columns cross to another process without a copy."""

from __future__ import annotations

import pickle
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.chains.midpoints import read_midpoints
from backtest.chain_table import ChainTable
from backtest.history import History
from cluster.histories.file_chains import chains_of_files
from cluster.histories.packed_days import PackedDays
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.shared import shared_history
from cluster.histories.simulated import simulated_history
from execution.identity import digest_of
from tests.adapters.chains.samples import cboe_rows, write_table
from tests.adapters.encoded.equality import unlike
from tests.cluster.histories.tables import write_bars, write_mids
from tests.cluster.histories.test_simulated import SPAN, config

_KINDS = ("midpoints", "files", "simulated")


@pytest.fixture(params=_KINDS)
def history(request: pytest.FixtureRequest, tmp_path: Path) -> History:
    """Return a history of each kind."""
    if request.param == "midpoints":
        mids, bars = write_mids(tmp_path), InputFile(path=write_bars(tmp_path))
        return recorded_history(RecordedFiles(chains=(mids,), inputs=(bars,), parity_band=0.03), None)
    if request.param == "files":
        days = [write_table(tmp_path / f"{day}.parquet", cboe_rows(day)) for day in ("2023-05-23", "2023-05-24")]
        return History(sources=(), chains=chains_of_files(days))
    return simulated_history(config(), SPAN)


def _crossed(history: History) -> tuple[History, int, list[Any]]:
    """Return what another process takes, the size of the pickle, and the buffers beside it."""
    buffers: list[pickle.PickleBuffer] = []
    told = pickle.dumps(history, protocol=5, buffer_callback=buffers.append)
    shared = [np.frombuffer(buffer.raw().tobytes(), dtype=np.uint8) for buffer in buffers]
    return pickle.loads(told, buffers=shared), len(told), shared  # noqa: S301  # our own


def _columns(history: History) -> list[np.ndarray[Any, Any]]:
    found: list[np.ndarray[Any, Any]] = [column for batch in history.bars for column in (batch.close, batch.end_ns)]
    found += [batch.value for batch in history.series]
    for chains in history.chains:
        if isinstance(chains, ChainTable):
            found += [chains.chain(0).last, chains.chain(0).strike]
        elif isinstance(chains, PackedDays):
            found += [np.frombuffer(day.read().content, np.uint8) for day in chains.days]  # type: ignore[union-attr]
    return found


def test_every_chain_is_the_same_to_the_last_bit(history: History) -> None:
    """Also after it has crossed to another process, and when it is asked for again in another order."""
    crossed, _, _ = _crossed(shared_history(history))
    for one, other in zip(history.chains, crossed.chains, strict=True):
        assert np.array_equal(one.available_ns, other.available_ns)
        assert one.symbol == other.symbol
        for place in [*range(one.available_ns.shape[0]), 0]:
            assert unlike(one.chain(place), other.chain(place)) == []


def test_columns_are_read_where_they_lie(history: History) -> None:
    """Each column shares its memory with a buffer beside the pickle, and cannot be written to."""
    crossed, size, shared = _crossed(shared_history(history))
    columns = _columns(crossed)
    assert columns
    for column in columns:
        assert any(np.shares_memory(column, buffer) for buffer in shared)
        assert not column.flags.writeable
    assert size < sum(buffer.nbytes for buffer in shared) + 40_000


def test_what_was_asked_for_before_does_not_travel(history: History) -> None:
    """A history that a run has read from crosses as one that nobody has read from."""
    shared = shared_history(history)
    fresh = _crossed(shared)[1]
    shared.chains[0].chain(0)
    assert abs(_crossed(shared)[1] - fresh) < 200


def test_files_may_go_once_they_are_shared(tmp_path: Path) -> None:
    """Nothing of a shared history reads a file."""
    path = write_table(tmp_path / "day.parquet", cboe_rows("2023-05-23"))
    shared = shared_history(History(sources=(), chains=chains_of_files([path])))
    path.unlink()
    assert shared.chains[0].chain(0).n_contracts == 3


def test_sources_and_instruments_stay(history: History) -> None:
    """Everything but the chains is what it was."""
    shared = shared_history(history)
    for item in fields(History):
        if item.name != "chains":
            assert digest_of(getattr(shared, item.name)) == digest_of(getattr(history, item.name))


@pytest.mark.data
def test_real_midpoints_cross_by_their_arrays(data_root: Path) -> None:
    """Of the published table the pickle is a small part, and the arrays are not copied."""
    path = data_root / "option_chains" / "spx_0dte_midpoints.parquet"
    history = recorded_history(RecordedFiles(chains=(path,), parity_band=0.03), None)
    crossed, size, shared = _crossed(shared_history(history))
    table = crossed.chains[0]
    n_rows = read_midpoints(path).strike.shape[0]
    assert sum(buffer.nbytes for buffer in shared) > 2 * n_rows * 8
    assert size < 0.1 * sum(buffer.nbytes for buffer in shared)
    assert any(np.shares_memory(table.chain(5).last, buffer) for buffer in shared)


@pytest.mark.ray
def test_a_worker_reads_the_object_store_in_place(ray_cluster: str, tmp_path: Path) -> None:
    """What Ray hands out is not writeable and is no array of its own; the chains are the same."""
    import ray

    mids = write_mids(tmp_path)
    history = shared_history(recorded_history(RecordedFiles(chains=(mids,), parity_band=0.03), None))
    taken = ray.get(ray.put(history))
    assert ray_cluster
    chain = taken.chains[0].chain(2)
    assert not chain.last.flags.writeable
    assert not chain.last.flags.owndata
    assert unlike(chain, history.chains[0].chain(2)) == []

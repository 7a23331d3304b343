"""Hedgefield's own recording format."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from adapters.chains import open_chains, open_source, write_chain_parquet
from market.chains import OptionChain
from market.errors import DataError
from tests.adapters.chains.samples import (
    cboe_rows,
    delayed_quotes,
    only,
    quote_table,
    standard_rows,
    write_table,
    write_text,
)


def _same(left: OptionChain, right: OptionChain) -> None:
    for item in fields(OptionChain):
        one, other = getattr(left, item.name), getattr(right, item.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, item.name
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), item.name
        elif isinstance(one, float):
            np.testing.assert_equal(other, one)
        else:
            assert one == other, item.name


def test_what_is_written_is_read_back_unchanged(tmp_path: Path) -> None:
    """Arrays, terms, drops, spot and provenance survive, one chain per row group."""
    rows = [*standard_rows(), standard_rows()[0]]
    chains = [
        only(write_text(tmp_path / "a.json", delayed_quotes())),
        only(write_text(tmp_path / "b.csv", quote_table(rows))),
        only(write_table(tmp_path / "c.parquet", cboe_rows("2023-05-25"))),
    ]
    path = tmp_path / "recording.parquet"
    assert write_chain_parquet(iter(chains), path) == 3
    for written, read in zip(chains, open_chains(path), strict=True):
        _same(written, read)
    assert [key.n_contracts for key in open_source(path).snapshots] == [2, 10, 3]


def test_a_simulated_chain_stays_simulated(tmp_path: Path) -> None:
    """The mark is part of the recording, in the list of snapshots and in the chain."""
    chain = only(write_text(tmp_path / "b.csv", quote_table(standard_rows())))
    simulated = replace(chain, provenance=replace(chain.provenance, simulated=True))
    write_chain_parquet([simulated], tmp_path / "r.parquet")
    source = open_source(tmp_path / "r.parquet")
    assert source.snapshots[0].simulated
    assert source.read(0).provenance.simulated


def test_a_chain_without_contracts_or_symbols_is_recorded_too(tmp_path: Path) -> None:
    """An empty chain is a fact as well."""
    chain = only(write_table(tmp_path / "c.parquet", cboe_rows("2023-05-25")))
    empty = {
        item.name: getattr(chain, item.name)[:0]
        for item in fields(OptionChain)
        if isinstance(getattr(chain, item.name), np.ndarray) and item.name not in {"vendor_forward", "symbols"}
    }
    nothing = replace(chain, **empty, n_read=0, symbols=np.array([], dtype="S1"))
    write_chain_parquet([nothing, chain], tmp_path / "r.parquet")
    _same(next(open_chains(tmp_path / "r.parquet")), nothing)


def test_an_interrupted_recording_leaves_no_file(tmp_path: Path) -> None:
    """A recording appears only when it is complete."""

    def broken() -> object:
        yield only(write_table(tmp_path / "c.parquet", cboe_rows("2023-05-25")))
        raise DataError("the feed broke")

    with pytest.raises(DataError, match="the feed broke"):
        write_chain_parquet(broken(), tmp_path / "r.parquet")  # type: ignore[arg-type]  # a generator that fails
    assert [file.name for file in tmp_path.iterdir()] == ["c.parquet"]

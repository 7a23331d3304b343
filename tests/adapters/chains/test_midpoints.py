"""Tables of mids are read whole, with what cannot be read counted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.chains import open_chains
from adapters.chains.midpoints import read_midpoints
from market.errors import DataError


def table(path: Path, **columns: float | list[float]) -> Path:
    """Write a table of four pairs at two times."""
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2024-03-12", "2024-03-12", "2024-03-11", "2024-03-11"]),
            "time_et": ["09:35", "09:35", "15:30", "15:30"],
            "spx": 5120.0,
            "strike": [5120.0, 5130.0, 5120.0, 5130.0],
            "call_mid": [10.0, 5.0, 9.0, 4.0],
            "put_mid": [10.0, 15.0, 9.0, 14.0],
        }
    ).assign(**columns)
    frame.to_parquet(path / "mids.parquet")
    return path / "mids.parquet"


def test_rows_come_in_order_of_time_with_the_instants_of_the_chains(tmp_path: Path) -> None:
    """Read at once or chain by chain, the instants, strikes and mids are the same."""
    path = table(tmp_path)
    found = read_midpoints(path)
    chains = list(open_chains(path))
    assert sorted(set(found.ts_ns.tolist())) == [chain.ts_event_ns for chain in chains]
    assert found.call_mid.tolist() == [9.0, 4.0, 10.0, 5.0]
    assert [chain.bid[chain.is_call].tolist() for chain in chains] == [[9.0, 4.0], [10.0, 5.0]]
    assert (np.diff(found.ts_ns) >= 0).all()


def test_rows_that_cannot_be_prices_are_left_out_and_counted(tmp_path: Path) -> None:
    """A negative mid and a strike of 0 are no contracts; a missing mid stays missing."""
    path = table(tmp_path, call_mid=[10.0, -5.0, 9.0, np.nan], strike=[0.0, 5130.0, 5120.0, 5130.0])
    found = read_midpoints(path)
    assert found.n_bad == 2
    assert found.strike.tolist() == [5120.0, 5130.0]
    assert np.isnan(found.call_mid[1])


def test_a_table_without_one_sound_row_is_refused(tmp_path: Path) -> None:
    """Nothing is left to run on."""
    with pytest.raises(DataError, match="no row"):
        read_midpoints(table(tmp_path, strike=-1.0))

"""Mids as chains without quotes: parity sorts out what was not taken at one time."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from cluster.histories.midpoints import midpoint_chains
from cluster.histories.span import Span
from market.calendars import session_on
from market.errors import DataError
from tests.cluster.histories.tables import DAYS, STRIKES, TIMES, write_bars, write_mids


def test_a_mid_is_the_last_price_and_never_a_quote(tmp_path: Path) -> None:
    """Nobody can trade at a mid: bids and asks are missing, the mid stands as the last price."""
    found = midpoint_chains(write_mids(tmp_path))
    assert (len(found.table), found.n_pairs, found.n_unpaired, found.n_apart) == (9, 45, 0, 0)
    chain = found.table.chain(0)
    assert np.isnan(chain.bid).all()
    assert np.isnan(chain.ask).all()
    assert chain.n_contracts == 2 * STRIKES.size
    forward = chain.strike[chain.is_call] + chain.last[chain.is_call] - chain.last[~chain.is_call]
    assert np.allclose(forward, 5120.0, atol=1e-9)


def test_contracts_expire_at_the_close_of_their_day(tmp_path: Path) -> None:
    """Instants are New York's, and the expiration is the session itself."""
    table = midpoint_chains(write_mids(tmp_path)).table
    for place in (0, 3, 8):
        chain = table.chain(place)
        day = DAYS[place // len(TIMES)]
        session = session_on("NYSE", day)
        assert session is not None
        assert [series.expiry_ns for series in chain.series] == [session.close_ns]
        assert chain.session == day
        assert session.open_ns < chain.ts_event_ns < session.close_ns


def test_a_pair_that_breaks_parity_loses_both_mids(tmp_path: Path) -> None:
    """Which side was taken at another time nobody can tell; a smaller break stays."""
    path = write_mids(tmp_path, changes={(1, "call_mid"): 30.0, (7, "put_mid"): 12.0})
    found = midpoint_chains(path, parity_band=5e-4)
    assert found.n_apart == 1
    first, second = found.table.chain(0), found.table.chain(1)
    assert np.isnan(first.last[first.strike == STRIKES[1]]).all()
    assert np.isfinite(first.last).sum() == 8
    assert np.isfinite(second.last).all()
    assert found.table.chain(0).provenance.quality == pytest.approx(88 / 90)


def test_a_missing_side_is_counted_and_leaves_the_other(tmp_path: Path) -> None:
    """A pair of which one mid is missing cannot be judged."""
    found = midpoint_chains(write_mids(tmp_path, changes={(2, "put_mid"): np.nan}))
    chain = found.table.chain(0)
    assert (found.n_unpaired, found.n_apart) == (1, 0)
    assert np.isfinite(chain.last).sum() == 9


def test_dates_that_are_not_there_are_named(tmp_path: Path) -> None:
    """The error says what the table holds, and a shorter span is cut out."""
    path = write_mids(tmp_path)
    with pytest.raises(DataError, match="2024-03-11 to 2024-03-13"):
        midpoint_chains(path, Span(first=date(2024, 3, 11), last=date(2024, 3, 15)))
    assert len(midpoint_chains(path, Span(first=DAYS[1], last=DAYS[1])).table) == 3


def test_another_table_is_refused(tmp_path: Path) -> None:
    """Bars are no mids."""
    with pytest.raises(DataError, match="price bars"):
        midpoint_chains(write_bars(tmp_path))


@pytest.mark.data
def test_the_published_table_keeps_nine_in_ten_mids(data_root: Path) -> None:
    """Of 350 days and 9 times a few per cent break parity; what is left obeys it."""
    found = midpoint_chains(data_root / "option_chains" / "spx_0dte_midpoints.parquet")
    assert (found.n_pairs, len(found.table)) == (53_244, 3_132)
    assert 0.01 < found.n_apart / found.n_pairs < 0.05
    chain = found.table.chain(1500)
    pairs = chain.strike[chain.is_call] + chain.last[chain.is_call] - chain.last[~chain.is_call]
    assert np.nanmax(np.abs(pairs - np.nanmedian(pairs))) <= 5e-4 * chain.spot_last

"""A table of chains: each chain is a slice of it, and what cannot be a table says why."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.chain_table import ChainRows, ChainTable
from market.calendars import session_on
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from tests.backtest.chain_rows import DAYS, EXPIRATIONS, chain_rows, closes_of

ORIGIN = Provenance(source="test", origin="rows", simulated=True, as_of_source=AsOfSource.SESSION_CLOSE)


def taken(rows: ChainRows, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> ChainRows:
    """Return rows in another order."""
    columns = {item.name: getattr(rows, item.name) for item in fields(rows)}
    return ChainRows(
        **{name: value[order] if isinstance(value, np.ndarray) else value for name, value in columns.items()}
    )


def test_each_chain_is_the_rows_of_its_instant() -> None:
    """Instants, sessions, expirations, quotes and spot are those of the rows."""
    rows = chain_rows()
    table = ChainTable("SPY", rows, ORIGIN)
    assert len(table) == 3
    for place, day in enumerate(DAYS):
        chain = table.chain(place)
        session = session_on("NYSE", day)
        assert session is not None
        assert (chain.session, chain.ts_event_ns) == (day, session.close_ns)
        assert [series.expiration for series in chain.series] == list(EXPIRATIONS)
        here = rows.ts_ns == chain.ts_event_ns
        assert rows.bid is not None
        assert np.array_equal(chain.bid, rows.bid[here])
        assert np.array_equal(chain.strike, rows.strike[here])
        assert chain.spot_last == 400.0 + place
        assert np.isnan(chain.vendor_iv).all()


def test_a_chain_copies_no_column() -> None:
    """Prices and strikes are views of the table."""
    rows = chain_rows()
    chain = ChainTable("SPY", rows, ORIGIN).chain(1)
    assert rows.bid is not None
    assert np.shares_memory(chain.bid, rows.bid)
    assert np.shares_memory(chain.strike, rows.strike)


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_the_order_of_rows_changes_no_chain_but_its_order(seed: int) -> None:
    """Rows in any order give the same contracts at the same instants."""
    rows = chain_rows()
    order = np.random.default_rng(seed).permutation(rows.strike.shape[0])
    table, other = ChainTable("SPY", rows, ORIGIN), ChainTable("SPY", taken(rows, order), ORIGIN)
    assert np.array_equal(table.available_ns, other.available_ns)
    for place in range(3):
        one, two = table.chain(place), other.chain(place)
        keys = [np.lexsort((c.is_call, c.strike, c.series_index)) for c in (one, two)]
        for name in ("strike", "bid", "ask", "is_call", "series_index", "vendor_delta"):
            assert np.array_equal(getattr(one, name)[keys[0]], getattr(two, name)[keys[1]])


def test_chains_of_one_listing_share_their_series() -> None:
    """The same expirations are one object, by which an index of contracts is known again."""
    table = ChainTable("SPY", chain_rows(), ORIGIN)
    assert table.chain(0).series is table.chain(2).series


def test_two_roots_of_one_expiration_are_two_series() -> None:
    """AM and PM contracts of an index with the same strike are told apart and stand in order of expiry."""
    rows = replace(chain_rows(), root=np.where(np.arange(36) % 12 < 6, b"SPX", b"SPXW").astype("S5"))
    rows = replace(rows, expiration=np.full(36, np.datetime64("2023-06-16")), ts_ns=closes_of("SPX", _days(rows)))
    chain = ChainTable("SPX", rows, ORIGIN).chain(0)
    assert [series.product.root for series in chain.series] == ["SPX", "SPXW"]
    assert chain.series[0].expiry_ns < chain.series[1].expiry_ns


def _days(rows: ChainRows) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return rows.ts_ns.astype("datetime64[ns]").astype("datetime64[D]")


def test_the_digest_is_that_of_the_content() -> None:
    """Equal columns have one digest; one changed price another."""
    rows = chain_rows()
    assert rows.bid is not None
    moved = replace(rows, bid=rows.bid + np.where(np.arange(36) == 7, 0.01, 0.0))
    digests = [ChainTable("SPY", each, ORIGIN).digest for each in (rows, chain_rows(), moved)]
    assert digests[0] == digests[1] != digests[2]
    source = ChainTable("SPY", rows, ORIGIN, delay_ns=5).source("SPY chains")
    assert (source.rows, source.digest, source.provenance.simulated) == (36, digests[0], True)


def test_a_delay_moves_when_a_chain_is_known_and_not_what_it_says() -> None:
    """A vendor that delivers later is seen later."""
    table = ChainTable("SPY", chain_rows(), ORIGIN, delay_ns=60)
    assert np.array_equal(table.available_ns - 60, ChainTable("SPY", chain_rows(), ORIGIN).available_ns)
    assert table.chain(0).ts_event_ns == table.available_ns[0] - 60


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"strike": np.full(36, np.nan)}, "strike"),
        ({"bid": np.zeros(35)}, r"shape \(35,\)"),
        ({"root": "QQQ"}, "QQQ"),
        ({"expiration": np.full(36, np.datetime64("NaT"), dtype="datetime64[D]")}, "expiration"),
        ({"is_call": np.ones(36, dtype=np.bool_)}, "twice"),
    ],
)
def test_columns_that_cannot_be_a_table_are_refused(change: dict[str, object], told: str) -> None:
    """The error names the column or the contract."""
    with pytest.raises(DataError, match=told):
        ChainTable("SPY", replace(chain_rows(), **change), ORIGIN)  # type: ignore[arg-type]  # one name of many types

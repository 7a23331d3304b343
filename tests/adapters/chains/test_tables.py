"""Vendors' tables: OptionsDX, Yahoo, Deribit, OKX and whole-session layouts."""

# ruff: noqa: DTZ001  # the vendors' tables hold dates without a zone

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from adapters.chains import open_chains, open_source
from market.chains import DropReason
from market.clock import datetime_of_ns
from market.errors import DataError
from market.provenance import AsOfSource
from tests.adapters.chains.samples import OPTIONSDX, cboe_rows, only, write_table, write_text


def test_optionsdx_line_is_a_call_and_a_put(tmp_path: Path) -> None:
    """Sizes are read from text, open interest is missing and says so by NaN."""
    chain = only(write_text(tmp_path / "spy_eod_202212.csv.gz", OPTIONSDX))
    assert (chain.symbol, chain.n_contracts, chain.spot_last) == ("SPY", 4, 382.44)
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2022, 12, 30, 21, 0, tzinfo=UTC)
    assert chain.is_call.tolist() == [True, True, False, False]
    assert chain.bid_size.tolist() == [2.0, 2.0, 4.0, 4.0]
    assert chain.ask_size.tolist() == [3.0, 3.0, 5.0, 5.0]
    assert np.isnan(chain.open_interest).all()
    assert np.isnan(chain.vendor_iv).tolist() == [False, False, True, False]


def test_a_table_with_byte_order_mark_and_blank_lines_is_read(tmp_path: Path) -> None:
    """What an editor puts before the header does not count."""
    plain = only(write_text(tmp_path / "spy.csv", OPTIONSDX))
    marked = only(write_text(tmp_path / "spy_bom.csv", OPTIONSDX.replace("\n", "\r\n"), "utf-8-sig"))
    blank = only(write_text(tmp_path / "spy_blank.csv", "\n\n" + OPTIONSDX))
    assert np.array_equal(marked.bid, plain.bid)
    assert np.array_equal(blank.ask, plain.ask)


def test_a_table_without_a_symbol_needs_it_in_its_name(tmp_path: Path) -> None:
    """OptionsDX writes the symbol only into the file's name."""
    with pytest.raises(DataError, match="does not say which underlying"):
        only(write_text(tmp_path / "options_eod_202212.csv", OPTIONSDX))


def _yahoo(collected: datetime, symbol: str = "SPY260813C00770000") -> dict[str, object]:
    return {
        "ticker": "SPY", "contractSymbol": symbol, "expiry": datetime(2026, 8, 13), "type": "C", "strike": 770.0,
        "lastPrice": 2.0, "bid": 1.9, "ask": 2.1, "volume": None, "openInterest": 7.0, "impliedVolatility": 0.2,
        "lastTradeDate": collected, "spot": 772.49, "session": datetime(2026, 8, 12),
    }  # fmt: skip


def test_yahoo_quotes_belong_to_their_collection_and_the_spot_to_the_session(tmp_path: Path) -> None:
    """A trade after the labelled session shows that the quotes are newer than the label."""
    newest = datetime(2026, 8, 13, 15, 58, tzinfo=UTC)
    chain = only(write_table(tmp_path / "y.parquet", [_yahoo(newest)]))
    assert (chain.symbol, chain.session) == ("SPY", date(2026, 8, 12))
    assert datetime_of_ns(chain.ts_event_ns) == newest
    assert datetime_of_ns(chain.spot_ts_ns) == datetime(2026, 8, 12, 20, 0, tzinfo=UTC)
    assert chain.provenance.as_of_source is AsOfSource.STAMPED


def test_yahoo_without_a_trade_of_the_session_is_stamped_at_its_close(tmp_path: Path) -> None:
    """Old last trades say nothing about the collection."""
    chain = only(write_table(tmp_path / "y.parquet", [_yahoo(datetime(2026, 7, 1, 15, 0, tzinfo=UTC))]))
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2026, 8, 12, 20, 0, tzinfo=UTC)
    assert chain.provenance.as_of_source is AsOfSource.SESSION_CLOSE


def _coin(venue: str, right: str, **changes: object) -> dict[str, object]:
    names = {"deribit": f"BTC-10JUL26-60000-{right}", "okx": f"BTC-USD-260710-60000-{right}"}
    row: dict[str, object] = {
        "snapshot_utc": datetime(2026, 7, 4, 12, 24, 7), "underlying": "BTC", "instrument": names[venue],
        "expiry": datetime(2026, 7, 10), "strike": 60000, "mark_price": 0.05, "bid": 0.04, "ask": None, "mark_iv": 50.0,
        "open_interest": 12.0, "volume_24h": 1.0, "underlying_price": 62500.0, "right": right,
    }  # fmt: skip
    return row | changes


def test_deribit_prices_become_dollars_and_percents_fractions(tmp_path: Path) -> None:
    """A price in coin times the forward is dollars; the forward is the venue's underlying price."""
    chain = only(write_table(tmp_path / "d.parquet", [_coin("deribit", "C"), _coin("deribit", "P")]))
    assert (chain.symbol, chain.session) == ("BTC", date(2026, 7, 4))
    assert chain.bid.tolist() == [2500.0, 2500.0]
    assert chain.ask.tolist() == [0.0, 0.0]
    assert chain.vendor_iv.tolist() == [0.5, 0.5]
    assert chain.vendor_forward.tolist() == [62500.0]
    assert chain.multiplier.tolist() == [1.0]
    assert datetime_of_ns(int(chain.expiry_ns[0])) == datetime(2026, 7, 10, 8, 0, tzinfo=UTC)
    assert np.isnan(chain.spot_last)


def test_okx_greeks_are_turned_back_to_units_of_the_underlying(tmp_path: Path) -> None:
    """OKX adjusts delta and gamma for the premium in coin; a call's delta less the put's is then one again."""
    S, delta, gamma = 62500.0, 0.6, 2e-5
    greeks = {
        side: {"delta": d - 0.05, "gamma": S * gamma - 2.0 * (d - 0.05), "mark_iv": 0.5}
        for side, d in (("C", delta), ("P", delta - 1.0))
    }
    rows = [_coin("okx", side, **greeks[side]) for side in ("C", "P")]
    chain = only(write_table(tmp_path / "o.parquet", rows))
    assert chain.vendor_delta == pytest.approx([0.6, -0.4])
    assert chain.vendor_gamma == pytest.approx([gamma, gamma])
    assert chain.multiplier.tolist() == [0.01]
    assert chain.spot_last == S
    assert np.isnan(chain.vendor_forward).all()


def test_dollar_settled_coin_contracts_are_non_standard(tmp_path: Path) -> None:
    """A USDC contract has another multiplier and must not be mixed with coin-settled ones."""
    rows = [_coin("deribit", "C"), _coin("deribit", "P", instrument="BTC_USDC-10JUL26-60000-P")]
    chain = only(write_table(tmp_path / "d.parquet", rows))
    assert dict(chain.dropped) == {DropReason.NON_STANDARD: 1}


def test_adjusted_roots_are_non_standard(tmp_path: Path) -> None:
    """A root with a digit delivers something else than 100 shares."""
    base = {"date": datetime(2015, 1, 5), "under": "SPY", "expiration": datetime(2015, 1, 17), "strike": 200.0,
            "put_call": "C", "bid": 1.0, "ask": 1.1, "price": 1.0, "volume": 1, "open_interest": 1, "implied_vol": 0.2,
            "delta": 0.5, "gamma": 0.1}  # fmt: skip
    rows = [
        base | {"symbol": "SPY 150117C00200000", "nonstd": 0},
        base | {"symbol": "SPY7 150117C00200000", "nonstd": 7},
    ]
    chain = only(write_table(tmp_path / "e.parquet", rows))
    assert (chain.n_read, dict(chain.dropped)) == (2, {DropReason.NON_STANDARD: 1})


def test_snapshots_come_in_time_order_whatever_the_order_of_the_rows(tmp_path: Path) -> None:
    """Scattered rows of two sessions and two symbols are gathered, also across row groups."""
    days = ("2023-05-25", "2023-05-23")
    blocks = [cboe_rows(day, root, symbol) for day in days for root, symbol in (("SPXW", "SPX"), ("SPY", "SPY"))]
    shuffled = [row for rows in zip(*blocks, strict=True) for row in rows]
    path = write_table(tmp_path / "c.parquet", shuffled, row_group_size=5)
    found = [(chain.session.day, chain.symbol, chain.open_interest.tolist()) for chain in open_chains(path)]
    oi = [10.0, 11.0, 12.0]
    assert found == [(23, "SPY", oi), (23, "SPX", oi), (25, "SPY", oi), (25, "SPX", oi)]


def test_a_date_without_a_session_is_refused(tmp_path: Path) -> None:
    """A snapshot dated on a Saturday cannot be placed."""
    with pytest.raises(DataError, match="without a session"):
        open_source(write_table(tmp_path / "c.parquet", cboe_rows("2023-05-27")))


def test_midpoints_are_a_chain_of_the_day_without_open_interest(tmp_path: Path) -> None:
    """A mid stands on both sides; the expiration is the day itself."""
    row = {"date": datetime(2023, 11, 6), "time_et": "09:35", "spx": 4366.6, "strike": 4365.0, "call_mid": 12.0,
           "put_mid": None}  # fmt: skip
    chain = only(write_table(tmp_path / "m.parquet", [row]))
    assert datetime_of_ns(chain.ts_event_ns) == datetime(2023, 11, 6, 14, 35, tzinfo=UTC)
    assert chain.series[0].expiration == date(2023, 11, 6)
    assert chain.bid[0] == chain.ask[0] == 12.0
    assert np.isnan(chain.bid[1])
    assert np.isnan(chain.open_interest).all()

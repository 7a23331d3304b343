"""Recorded sessions: a half day replayed as of each minute, and a split between two days."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from fields.dealer.book import DealerBook
from fields.dealer.history import FlowHistory, book_as_of
from fields.dealer.messages import ContractSplit, OpenInterest, PositionReason, open_interest_record, split_table
from market.calendars import expiry_series
from market.clock import ns_of_datetime
from market.contracts import ContractIndex
from market.errors import DataError
from market.instruments import product_of
from market.trades import ContractTable
from tests.fields.dealer.samples import Trades, hybrid

pytestmark = pytest.mark.data

MINUTE_NS = 60 * 10**9
# Assumed of the quote rule against the quote of the minute before; see the page on the dealer book.
ACCURACY = 0.8


def ns(text: str) -> int:
    """Return a New York wall-clock text in ns."""
    return ns_of_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")))


def read(data_root: Path, name: str, day: str) -> pd.DataFrame:
    """Return the rows of one day."""
    rows: pd.DataFrame = pd.read_parquet(data_root / "option_intraday" / f"{name}.parquet")
    chosen: pd.DataFrame = rows[rows["time"].dt.date == date.fromisoformat(day)].reset_index(drop=True)
    return chosen


def table_of(root: str, rows: pd.DataFrame) -> ContractTable:
    """Return the contract of each row."""
    dates, place = np.unique(rows["expiration"].dt.date.to_numpy(), return_inverse=True)
    return ContractTable(
        series=tuple(expiry_series(product_of(root), day) for day in dates),
        series_index=place.astype(np.int32),
        strike=rows["strike"].to_numpy(dtype=float),
        is_call=(rows["right"] == "C").to_numpy(dtype=bool),
    )


def interest_of(data_root: Path, index: ContractIndex, name: str, root: str, day: str, close: str) -> OpenInterest:
    """Return the open interest stamped on the morning of a day."""
    rows = read(data_root, name, day)
    values = rows["open_interest"].to_numpy(dtype=float)
    # Late prints of the session are stamped up to half an hour after its close.
    close_ns, known_ns = ns(f"{close} 18:00"), ns(str(rows["time"].max()))
    return open_interest_record(index, table_of(root, rows), values, close_ns=close_ns, known_from_ns=known_ns)


def stamps_of(rows: pd.DataFrame) -> np.ndarray:
    """Return the end of each minute bar: before it the bar is not known."""
    day = str(rows["time"].iloc[0].date())
    offset = (rows["time"] - pd.Timestamp(day)).to_numpy().astype("timedelta64[ns]").astype(np.int64)
    return ns(f"{day} 00:00") + offset + MINUTE_NS


def goog_trades(data_root: Path, index: ContractIndex) -> Trades:
    """Return the trade bars of the half day, signed by the closing quote of the minute before."""
    keys = ["time", "expiration", "strike", "right"]
    trades = read(data_root, "goog_minute_trade_20151224", "2015-12-24")
    quotes = read(data_root, "goog_minute_quote_20151224", "2015-12-24")
    quotes = quotes.assign(time=quotes["time"] + pd.Timedelta(minutes=1))
    rows = trades.merge(quotes[[*keys, "close_bid", "close_ask"]], on=keys, how="left")
    rows = rows.sort_values("time", kind="stable").reset_index(drop=True)
    above = rows["close"].to_numpy() - 0.5 * (rows["close_bid"] + rows["close_ask"]).to_numpy()
    side = np.sign(np.nan_to_num(above)).astype(np.int8)
    size = rows["volume"].to_numpy(dtype=float)
    numbers = index.register(table_of("GOOG", rows))
    return Trades(numbers, side, size, np.full(size.shape, ACCURACY), stamps_of(rows))


def test_a_half_day_replayed_as_of_each_minute_equals_the_streamed_book(data_root: Path) -> None:
    """GOOG on 2015-12-24, every contract, every minute; no position is larger than what can be open."""
    index, history = ContractIndex(), FlowHistory()
    record = interest_of(data_root, index, "goog_minute_openinterest_20151224", "GOOG", "2015-12-24", "2015-12-23")
    trades = goog_trades(data_root, index)
    history.append(*trades)
    book, numbers = DealerBook(hybrid()), np.arange(len(index))
    book.on_open_interest(record)
    for minute in np.unique(trades.ts_ns):
        book.on_flow(*trades.take(trades.ts_ns == minute))
        found = book_as_of(history, [record], int(minute)).position(numbers)
        expected = book.position(numbers)
        assert np.allclose(found.contracts, expected.contracts, rtol=1e-13, atol=1e-9, equal_nan=True)
        assert np.allclose(found.standard_error, expected.standard_error, rtol=1e-13, equal_nan=True)
        assert not (np.abs(found.contracts) > found.cap).any()
    assert len(np.unique(trades.ts_ns)) > 150
    assert book.counters.signed > 0.6 * book.counters.applied == 0.6 * len(history)


def test_contracts_that_expire_on_the_half_day_end_at_its_early_close(data_root: Path) -> None:
    """Their positions are there at 12:59 and 0 from 13:00 New York time on; all others stay."""
    index = ContractIndex()
    record = interest_of(data_root, index, "goog_minute_openinterest_20151224", "GOOG", "2015-12-24", "2015-12-23")
    book = DealerBook(hybrid())
    book.on_open_interest(record)
    before = book.position(record.numbers, ts_ns=ns("2015-12-24 12:59"))
    after = book.position(record.numbers, ts_ns=ns("2015-12-24 13:00"))
    ends = record.expiry_ns == ns("2015-12-24 13:00")
    assert ends.sum() > 100
    assert np.count_nonzero(before.contracts[ends]) > 50
    assert (after.reason[ends] == PositionReason.EXPIRED).all()
    assert not after.contracts[ends].any()
    assert np.array_equal(after.contracts[~ends], before.contracts[~ends])


def apple(data_root: Path, *, told: bool) -> tuple[DealerBook, DealerBook, OpenInterest, np.ndarray, pd.DataFrame]:
    """Return the book before and after the split of 2014-06-09, that morning's record and the trades after it."""
    index, name = ContractIndex(), "aapl_minute_openinterest_20140606_09"
    first = interest_of(data_root, index, name, "AAPL", "2014-06-06", "2014-06-05")
    friday = read(data_root, "aapl_minute_trade_20140606_09", "2014-06-06")
    book, n = DealerBook(hybrid()), len(friday)
    book.on_open_interest(first)
    columns = index.register(table_of("AAPL", friday)), np.zeros(n), friday["volume"], np.ones(n), stamps_of(friday)
    book.on_flow(*columns)
    second = interest_of(data_root, index, name, "AAPL", "2014-06-09", "2014-06-06")
    book.on_open_interest(second)
    before = DealerBook.from_state(book.state())
    if told:
        keys = ["expiration", "strike", "right"]
        every = pd.concat([read(data_root, name, day)[keys] for day in ("2014-06-06", "2014-06-09")] + [friday[keys]])
        old = table_of("AAPL", every.drop_duplicates())
        new = index.register(split_table(old, 7))
        book.on_split(ContractSplit(ratio=7, old=index.find(old), new=new, known_from_ns=ns("2014-06-09 09:30")))
    monday = read(data_root, "aapl_minute_trade_20140606_09", "2014-06-09")
    return before, book, second, index.register(table_of("AAPL", monday)), monday


def test_apples_split_converts_every_position(data_root: Path) -> None:
    """7:1 on 2014-06-09: seven times the contracts and the errors, and the day's trades meet their open interest."""
    before, book, record, numbers, monday = apple(data_root, told=True)
    old = before.position(np.arange(len(before)), ts_ns=record.known_from_ns)
    cap = np.nansum(old.cap)
    after = book.position(np.arange(len(book)))
    assert np.nansum(after.contracts) == pytest.approx(7.0 * np.nansum(old.contracts))
    assert np.nansum(after.standard_error**2) == pytest.approx(49.0 * np.nansum(old.standard_error**2))
    assert after.reasons[PositionReason.SPLIT] > 2_000
    book.on_flow(numbers, np.zeros(len(numbers)), monday["volume"], np.ones(len(numbers)), stamps_of(monday))
    met = np.isin(numbers, (after.cap > 0.0).nonzero()[0])
    assert monday["volume"][met].sum() > 0.99 * monday["volume"].sum()
    assert np.nansum(book.position(np.arange(len(book))).cap) == pytest.approx(7.0 * cap + monday["volume"].sum())


def test_apples_split_is_not_merged_where_it_was_not_told(data_root: Path) -> None:
    """The new strikes stand apart without open interest, and the next record in new terms is refused."""
    before, book, record, numbers, monday = apple(data_root, told=False)
    book.on_flow(numbers, np.zeros(len(numbers)), monday["volume"], np.ones(len(numbers)), stamps_of(monday))
    found = book.position(np.unique(numbers))
    assert found.reasons == {PositionReason.NO_OPEN_INTEREST: len(np.unique(numbers))}
    old = before.position(record.numbers).contracts
    assert np.array_equal(book.position(record.numbers, ts_ns=before.ts_ns).contracts, old)
    n = np.unique(numbers).shape[0]
    following = OpenInterest(
        numbers=np.unique(numbers),
        open_interest=np.full(n, 100.0),
        is_call=np.ones(n, dtype=bool),
        expiry_ns=np.full(n, ns("2014-07-19 16:00")),
        close_ns=ns("2014-06-09 18:00"),
        known_from_ns=ns("2014-06-10 06:30"),
        user=np.zeros(0),
    )
    with pytest.raises(DataError, match="on_split"):
        book.on_open_interest(following)

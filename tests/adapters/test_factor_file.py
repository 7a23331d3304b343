"""Factor files: a change of the price factor is a dividend, one of the split factor a split."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.factor_file import read_factor_file
from market.calendars import session_on
from market.clock import datetime_of_ns
from market.errors import DataError

HEADER = "date,price_factor,split_factor,reference_price\n"


def written(folder: Path, rows: str) -> Path:
    """Write a factor file."""
    path = folder / "share.csv"
    path.write_text(HEADER + rows)
    return path


def test_a_dividend_goes_ex_on_the_session_after_its_row(tmp_path: Path) -> None:
    """100 x (1 - 0.98 / 0.99) at the open of Monday, after a row of Friday."""
    found = read_factor_file(written(tmp_path, "2024-03-08,0.98,1,100\n2024-06-07,0.99,1,100\n2050-12-31,1,1,0\n"), "X")
    assert [each.amount for each in found.dividends] == [Decimal("1.0101"), Decimal("1.0000")]
    monday = session_on("NYSE", date(2024, 3, 11))
    assert monday is not None
    first = found.dividends[0]
    assert (first.ex_ns, first.paid_ns) == (monday.open_ns,) * 2
    assert found.splits == ()


def test_a_dividend_is_known_to_who_decides_the_evening_before_whether_to_exercise(tmp_path: Path) -> None:
    """Else no short call of a recorded share would ever be assigned for a dividend; after a holiday, days before."""
    rows = "2024-03-08,0.98,1,100\n2024-03-28,0.99,1,100\n2050-12-31,1,1,0\n"
    told = [each.announced_ns for each in read_factor_file(written(tmp_path, rows), "X").dividends]
    evenings = [session_on("NYSE", day) for day in (date(2024, 3, 8), date(2024, 3, 28))]
    assert told == [each.close_ns for each in evenings if each is not None]


def test_a_split_multiplies_shares(tmp_path: Path) -> None:
    """Seven new shares for one, and one for ten."""
    rows = "2014-06-06,1,0.0142857,645\n2020-01-03,1,0.1,50\n2050-12-31,1,1,0\n"
    found = read_factor_file(written(tmp_path, rows), "AAPL")
    assert [(each.numerator, each.denominator) for each in found.splits] == [(7, 1), (10, 1)]
    reverse = read_factor_file(written(tmp_path, "2020-01-03,1,10,5\n2050-12-31,1,1,0\n"), "X").splits
    assert [(each.numerator, each.denominator) for each in reverse] == [(1, 10)]


def test_cash_may_move_later_than_the_ex_date(tmp_path: Path) -> None:
    """The file does not tell when a dividend is paid."""
    path = written(tmp_path, "2024-03-08,0.98,1,100\n2050-12-31,1,1,0\n")
    found = read_factor_file(path, "X", paid_after_days=30).dividends[0]
    assert found.paid_ns - found.ex_ns == 30 * 86_400 * 10**9


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("2024-03-08,0.98,1,0\n2050-12-31,1,1,0\n", "price 0"),
        ("2024-03-08,1.02,1,100\n2050-12-31,1,1,0\n", "ratio 1.02"),
        ("2024-03-08,0.98,1,100\n2024-03-01,1,1,0\n", "order"),
        ("2024-03-08,-0.98,1,100\n2050-12-31,1,1,0\n", "not above 0"),
        ("2024-03-08,x,1,100\n2050-12-31,1,1,0\n", "not a number"),
    ],
)
def test_factors_that_cannot_be_are_refused(tmp_path: Path, rows: str, told: str) -> None:
    """The error says what was found."""
    with pytest.raises(DataError, match=told):
        read_factor_file(written(tmp_path, rows), "X")


def test_another_table_is_refused(tmp_path: Path) -> None:
    """A table without factors names its columns."""
    path = tmp_path / "bars.csv"
    path.write_text("date,close\n2024-03-08,1\n")
    with pytest.raises(DataError, match="price_factor"):
        read_factor_file(path, "X")


@pytest.mark.data
def test_published_dividends_of_spy_are_found(data_root: Path) -> None:
    """Ex-dates and amounts are those that the fund published."""
    found = read_factor_file(data_root / "underlying" / "spy_factor_file.csv", "SPY").dividends
    by_day = {datetime_of_ns(each.ex_ns).date(): each.amount for each in found}
    published = {date(2020, 3, 20): "1.4056", date(2020, 12, 18): "1.5800", date(2021, 3, 19): "1.2778"}
    for day, amount in published.items():
        assert abs(by_day[day] - Decimal(amount)) <= Decimal("0.0002")
    assert len(found) == 94

"""Dividends on both sides of the market, splits with their fractions, and options that follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.corporate import adjusted_contract, dividend_movements, split_bookings
from execution.events import DividendNotice, Settlement, Split
from execution.ledger import Ledger
from execution.package_book import PackageBook
from market.errors import DataError
from market.orders import Leg
from tests.execution.ledger_samples import SHARE, fill, funded, opening, option

_NOTICE = DividendNotice(symbol="SPY", announced_ns=1, ex_ns=50, paid_ns=90, amount=Decimal("1.5831"))


def _split(numerator: int, denominator: int) -> Split:
    return Split(event_id="split", ts_event_ns=9, symbol="SPY", numerator=numerator, denominator=denominator)


def _through(ledger: Ledger, split: Split, price: str) -> list[Settlement]:
    """Book a split with its fractions and return these."""
    events = split_bookings(ledger.positions(), split, Decimal(price))
    for event in events:
        assert ledger.book(event)
        ledger.check()
    return [event for event in events if isinstance(event, Settlement)]


def test_a_dividend_pays_longs_and_charges_shorts() -> None:
    """Each package gets or pays its own, at the ex-date; options and other shares get nothing."""
    ledger = funded()
    ledger.book(fill(SHARE, "200", "400", package_id="long"))
    ledger.book(fill(SHARE, "-50", "400", package_id="short"))
    ledger.book(fill(option(400, "C"), "5", "3", package_id="long"))
    ledger.book(fill(replace(SHARE, symbol="QQQ"), "10", "300", package_id="long"))
    movements = dividend_movements(ledger.positions(), _NOTICE)
    assert {each.package_id: each.amount for each in movements} == {
        "long": Decimal("316.62"),
        "short": Decimal("-79.155"),
    }
    assert {each.ts_event_ns for each in movements} == {50}
    for event in movements:
        assert ledger.book(event)
        assert not ledger.book(event)
    assert ledger.income == Decimal("237.465")


@pytest.mark.parametrize("amount", ["0", "-1", "NaN"])
def test_a_dividend_is_an_amount(amount: str) -> None:
    """Nothing and less is no dividend."""
    with pytest.raises(DataError, match="dividend cannot be"):
        dividend_movements((), replace(_NOTICE, amount=Decimal(amount)))


@given(
    prices=st.lists(st.integers(50_00, 150_00), min_size=2, max_size=12),
    amounts=st.lists(st.integers(0, 2_00), min_size=12, max_size=12),
)
def test_equity_follows_the_total_return_on_every_day(prices: list[int], amounts: list[int]) -> None:
    """Buy and hold earns what price and dividends have made, exactly, also between ex-date and payment."""
    ledger = Ledger("USD")
    first, *rest = (Decimal(price) / 100 for price in prices)
    ledger.book(fill(SHARE, "7", first))
    received = Decimal(0)
    for day, (price, cents) in enumerate(zip(rest, amounts, strict=False)):
        if cents:
            notice = replace(_NOTICE, ex_ns=day, amount=Decimal(cents) / 100)
            for event in dividend_movements(ledger.positions(), notice):
                ledger.book(event)
            received += notice.amount
        ledger.mark("SPY", price, day)
        assert ledger.equity == 7 * (price - first + received)


@pytest.mark.parametrize(
    ("held", "ratio", "after", "in_lieu"),
    [
        ("100", (7, 1), "700", None),
        ("-15", (1, 10), "-1", ("-0.5", "4000")),  # half a new share at ten times the price
        ("7", (3, 2), "10", ("0.5", "266.666666666667")),
        ("10", (1, 3), "3", ("1", "400")),  # a third is no decimal number: one old share is paid
        ("10", (4, 3), "13", ("0.25", "400")),
        ("0.5", (7, 1), "3.5", None),  # an account that holds fractions keeps them
        ("12", (2, 6), "4", None),
    ],
)
def test_a_split_leaves_whole_shares_and_pays_the_fraction(
    held: str, ratio: tuple[int, int], after: str, in_lieu: tuple[str, str] | None
) -> None:
    """Value is kept to the last digit but one: what a price loses by rounding."""
    ledger = funded()
    ledger.book(fill(SHARE, held, "400"))
    paid = _through(ledger, _split(*ratio), "400")
    assert ledger.positions()[0].quantity == Decimal(after)
    assert [(str(each.quantity), str(each.price)) for each in paid] == ([in_lieu] if in_lieu else [])
    assert float(ledger.equity) == pytest.approx(100_000.0, abs=1e-8)


def test_a_split_keeps_the_cost_of_lots_that_cannot_be_divided() -> None:
    """Lots of 4 and 5 shares at one for three become one; profit is what it would have been."""
    ledger = funded()
    for name, quantity, price in (("a", "4", "10.01"), ("b", "5", "11.03")):
        ledger.book(fill(SHARE, quantity, price, fill_id=name))
    assert not _through(ledger, _split(1, 3), "12")
    ledger.book(fill(SHARE, "-3", "36.30"))
    assert ledger.realised == 3 * Decimal("36.30") - 4 * Decimal("10.01") - 5 * Decimal("11.03")
    assert [each.opened_by for each in ledger.closings] == ["a"]


def test_what_no_decimal_number_can_tell_is_refused() -> None:
    """Seven for three of ten shares leaves a fraction that is finite neither in old nor in new shares."""
    ledger = funded()
    ledger.book(fill(SHARE, "10", "400"))
    with pytest.raises(DataError, match="no decimal number"):
        split_bookings(ledger.positions(), _split(7, 3), Decimal(400))


def test_a_split_concerns_only_who_holds_the_share_or_its_options() -> None:
    """Options alone are adjusted without a price of the share; a fraction without one is an error."""
    ledger = funded()
    ledger.book(fill(replace(SHARE, symbol="QQQ"), "10", "300"))
    assert split_bookings(ledger.positions(), _split(4, 1), None) == ()
    ledger.book(fill(option(400, "P"), "-1", "3"))
    assert split_bookings(ledger.positions(), _split(4, 1), None) == (_split(4, 1),)
    ledger.book(fill(SHARE, "7", "400"))
    with pytest.raises(DataError, match="cannot be paid"):
        split_bookings(ledger.positions(), _split(3, 2), None)


def test_options_follow_a_whole_split() -> None:
    """Seven for one: seven contracts at a seventh of the strike; the package is seven times as many."""
    ledger, book = funded(), PackageBook()
    call = option(645, "C")
    book.announce(opening((Leg(instrument=SHARE, ratio=100), Leg(instrument=call, ratio=-1))))
    for event in (fill(SHARE, "100", "645.57"), fill(call, "-1", "12.60")):
        ledger.book(event)
        book.book(event)
    split = _split(7, 1)
    ledger.book(split)
    book.book(split)
    share, short = ledger.positions()
    assert (share.quantity, short.quantity) == (Decimal(700), Decimal(-7))
    assert short.instrument.symbol == "SPY230519C00092140"
    (package,) = book.packages
    assert package.is_whole
    assert package.quantity == 7
    assert [leg.ratio for leg in package.legs] == [100, -1]
    assert package.entry_price == pytest.approx((645.57 - 12.60) / 7.0)
    for event in (fill(short.instrument, "7", "1.80"), fill(SHARE, "-700", "92.00")):
        ledger.book(event)
        trades = book.book(event)
    assert ledger.realised == trades[0].gross_pnl == Decimal("12.60") * 100 - 1260 + 64_400 - Decimal("64557.00")
    assert "split" in trades[0].flags


def _quoted(data_root: Path, day: date) -> set[tuple[date, str, Decimal]]:
    """Return expiration, right and strike of every Apple option that was quoted on a day."""
    table = pq.read_table(data_root / "option_intraday" / "aapl_hour_quote_2014.parquet")
    table = table.filter(pc.equal(pc.cast(table["time"], "date32"), day))
    columns = (table[name].to_pylist() for name in ("expiration", "right", "strike"))
    return {(end.date(), right, Decimal(f"{strike:.3f}")) for end, right, strike in zip(*columns, strict=True)}


@pytest.mark.data
def test_real_options_were_adjusted_like_that(data_root: Path) -> None:
    """Apple, 9 June 2014, seven for one: the contracts quoted that day are those of Friday, adjusted; none else."""
    friday, monday = date(2014, 6, 6), date(2014, 6, 9)
    split = replace(_split(7, 1), symbol="AAPL")
    adjusted = {
        (end, right, adjusted_contract(option(strike, right, "AAPL", end), split).strike)
        for end, right, strike in _quoted(data_root, friday)
        if end > friday
    }
    quoted = _quoted(data_root, monday)
    assert len(quoted) == 2180
    assert adjusted == quoted


@pytest.mark.parametrize("ratio", [(1, 10), (3, 2)])
def test_other_splits_of_options_are_refused(ratio: tuple[int, int]) -> None:
    """A deliverable that no symbol here can name is not guessed."""
    with pytest.raises(DataError, match=r"cannot be carried.*close options before"):
        adjusted_contract(option(645, "C"), _split(*ratio))
    assert adjusted_contract(option(644, "C"), _split(4, 2)) is option(322, "C")

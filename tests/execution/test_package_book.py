"""Packages from first fill to flat: what they hold on the way, and the trade that they were."""

from __future__ import annotations

import pickle
from dataclasses import replace
from decimal import Decimal
from math import isnan

import pytest

from execution.events import Bust, CashKind, MarkSource, Split
from execution.package_book import PackageBook
from execution.trades import Trade
from market.orders import Leg, PositionEffect
from tests.execution.ledger_samples import PERPETUAL, cash, fill, mark, opening, option

_LONG, _SHORT = option(335, "C"), option(345, "C")
_LEGS = (Leg(instrument=_LONG, ratio=1), Leg(instrument=_SHORT, ratio=-1))


def _book(packages: str = "2") -> PackageBook:
    book = PackageBook()
    book.announce(opening(_LEGS, packages, structure="vertical"), factors={"iv_rank": 0.4}, context={"spot": 340.0})
    return book


def _open(book: PackageBook, longs: str = "2", shorts: str = "-2") -> None:
    assert not book.book(fill(_LONG, longs, "8.00", cost="1.30"))
    assert not book.book(fill(_SHORT, shorts, "3.00", cost="1.30"))


def _close(book: PackageBook) -> Trade:
    book.announce(opening(_LEGS, effect=PositionEffect.CLOSE, reason="profit_target"), context={"spot": 344.0})
    assert not book.book(fill(_LONG, "-2", "9.00", cost="1.30", ts_ns=8))
    (trade,) = book.book(fill(_SHORT, "2", "3.50", cost="1.30", ts_ns=9))
    return trade


def test_a_trade_tells_its_whole_story() -> None:
    """Prices per unit, profit, costs, reason, extremes, and what was known at both ends."""
    book = _book()
    _open(book)
    for long, short in (("9.00", "3.20"), ("7.00", "2.90")):
        book.mark_all([mark(_LONG, long), mark(_SHORT, short)])
    trade = _close(book)
    assert (trade.structure, trade.quantity, trade.opened_ns, trade.closed_ns) == ("vertical", Decimal(2), 1, 9)
    assert (trade.entry_price, trade.exit_price) == (5.0, -5.5)
    assert (trade.gross_pnl, trade.costs, trade.net_pnl) == (Decimal(100), Decimal("5.20"), Decimal("94.80"))
    assert trade.best_pnl == pytest.approx(157.4)
    assert trade.worst_pnl == pytest.approx(-182.6)
    assert (trade.exit_reason, trade.flags) == ("profit_target", frozenset())
    assert (trade.factors, trade.entry_context, trade.exit_context) == (
        {"iv_rank": 0.4},
        {"spot": 340.0},
        {"spot": 344.0},
    )
    assert book.packages == ()
    assert book.last_exit_ns("strategy") == 9
    assert book.last_exit_ns("another") == -1


def test_a_package_is_whole_only_in_proportion() -> None:
    """Between the legs, and after a part of one, it holds what stands whole and says so."""
    book = _book("3")
    book.book(fill(_LONG, "3", "8.00"))
    assert (book.packages[0].quantity, book.packages[0].is_whole) == (Decimal(0), False)
    assert isnan(book.packages[0].entry_price)
    book.book(fill(_SHORT, "-2", "3.00"))
    assert (book.packages[0].quantity, book.packages[0].is_whole) == (Decimal(2), False)
    book.book(fill(_SHORT, "-1", "3.30"))
    (package,) = book.packages
    assert (package.quantity, package.is_whole) == (Decimal(3), True)
    assert package.entry_price == pytest.approx(8.0 - 3.1)
    assert package.units == {_LONG.symbol: Decimal(3), _SHORT.symbol: Decimal(-3)}
    assert package is book.packages[0]


def test_less_than_was_asked_for_is_flagged() -> None:
    """A package that never stood as often as its orders wanted was partially filled."""
    book = _book("5")
    _open(book)
    assert _close(book).flags == {"partially_filled"}


@pytest.mark.parametrize(
    ("source", "flags"),
    [
        (MarkSource.MID, set()),
        (MarkSource.MODELLED_QUOTE, {"marked_from_model"}),
        (MarkSource.PARITY, {"marked_by_parity"}),
        (MarkSource.BOUNDS, {"marked_by_bounds"}),
    ],
)
def test_marks_from_other_than_their_own_quote_are_flagged(source: MarkSource, flags: set[str]) -> None:
    """One such mark of one leg is enough."""
    book = _book()
    _open(book)
    book.mark_all([mark(_LONG, "8.50", source), mark(_SHORT, "3.10")])
    assert _close(book).flags == flags


def test_cash_booked_to_a_package_is_its_cost() -> None:
    """Funding paid is a cost and funding received lowers it; what comes when it is flat is kept apart."""
    book = _book()
    _open(book)
    book.book(cash(CashKind.BORROW, "-2.00", "borrow", "package"))
    book.book(cash(CashKind.DIVIDEND, "0.50", "dividend", "package"))
    assert book.marked_pnl("package") == pytest.approx(-4.10)
    trade = _close(book)
    assert (trade.costs, trade.net_pnl) == (Decimal("6.70"), Decimal("93.30"))
    book.book(cash(CashKind.FEE, "-5.00", "fee", "package"))
    book.book(cash(CashKind.INTEREST, "1.00", "interest"))
    assert book.late_cash == {"package": Decimal("-5.00")}
    assert isnan(book.marked_pnl("package"))


def test_a_fill_after_the_end_opens_the_package_again() -> None:
    """A late execution is never lost: it is a second trade under the same id."""
    book = _book()
    _open(book)
    first = _close(book)
    assert not book.book(fill(_LONG, "1", "8.00", ts_ns=20))
    assert book.packages[0].opened_ns == 20
    (second,) = book.book(fill(_LONG, "-1", "8.25", ts_ns=21))
    assert (first.package_id, second.gross_pnl) == (second.package_id, Decimal(25))
    assert isnan(second.entry_price)
    assert (first.exit_reason, second.exit_reason, second.exit_context) == ("profit_target", "closed", {})
    assert "partially_filled" in second.flags


def test_a_package_that_nobody_announced_is_kept_and_flagged() -> None:
    """A position found at the venue has one leg and no structure."""
    book = PackageBook()
    book.book(fill(PERPETUAL, "-0.5", "20000"))
    assert (book.packages[0].quantity, book.packages[0].structure) == (Decimal("0.5"), "")
    (trade,) = book.book(fill(PERPETUAL, "0.5", "19000"))
    assert (trade.gross_pnl, trade.exit_reason, trade.flags) == (Decimal(500), "closed", frozenset({"unannounced"}))
    assert trade.entry_price == -20_000.0


def test_marks_of_what_is_not_held_are_passed_over() -> None:
    """Two packages of one symbol are marked together; other symbols touch none."""
    book = PackageBook()
    for name, quantity in (("one", "1"), ("two", "-2")):
        book.announce(opening((Leg(instrument=PERPETUAL, ratio=1),), package_id=name))
        book.book(fill(PERPETUAL, quantity, "100", package_id=name))
    book.mark(PERPETUAL.symbol, 103.0, MarkSource.VENUE)
    book.mark("ETH/USD:USD", 50.0, MarkSource.VENUE)
    book.mark_all([mark(_LONG, "8")])
    assert [book.marked_pnl(name) for name in ("one", "two")] == [3.0, -6.0]


def test_packages_go_on_after_a_restart() -> None:
    """From a state, which is a value, a book ends in the same trades, with cash, a split, and without a plan."""
    book = _book()
    _open(book)
    book.mark_all([mark(_LONG, "8.50"), mark(_SHORT, "3.10")])
    book.book(cash(CashKind.BORROW, "-2.00", "borrow", "package"))
    book.book(fill(PERPETUAL, "-0.5", "20000", package_id="found"))
    book.mark(PERPETUAL.symbol, 19_500.0, MarkSource.VENUE)
    again = PackageBook.resumed(pickle.loads(pickle.dumps(book.state())))  # noqa: S301  # made here
    assert again.packages == book.packages
    assert again.state() == book.state()
    for each in (again, book):
        each.book(Split(event_id="split", ts_event_ns=8, symbol="SPY", numerator=2, denominator=1))
    late = fill(PERPETUAL, "0.5", "19000", package_id="found")
    assert again.book(late) == book.book(late)
    assert again.packages == book.packages
    assert again.late_cash == book.late_cash


def test_a_busted_fill_of_an_open_package_has_never_been() -> None:
    """The package holds, cost and is worth what its other fills make, and says that something was taken back."""
    book, plain = _book("3"), _book("3")
    for each in (book, plain):
        _open(each)
    void = fill(_LONG, "2", "9.00", cost="1.30")
    book.book(void)
    assert book.packages != plain.packages
    assert not book.book(Bust(event_id="bust", ts_event_ns=5, fill=void))
    assert book.packages == plain.packages
    assert book.marked_pnl("package") == plain.marked_pnl("package")
    first, second = _close(book), _close(plain)
    assert first.flags == second.flags | {"busted"}
    assert (first.gross_pnl, first.costs, first.quantity) == (second.gross_pnl, second.costs, second.quantity)


def test_a_bust_after_the_end_is_a_second_trade_that_takes_the_first_one_back() -> None:
    """Bought at 100 and sold at 110; the sale is void: what is held again came in at 110, and both trades add up."""
    book = PackageBook()
    book.book(fill(PERPETUAL, "1", "100"))
    void = fill(PERPETUAL, "-1", "110", cost="0.50")
    (told,) = book.book(void)
    assert not book.book(Bust(event_id="bust", ts_event_ns=5, fill=void))
    assert book.packages[0].units == {PERPETUAL.symbol: Decimal(1)}
    (second,) = book.book(fill(PERPETUAL, "-1", "90", fill_id="later"))
    assert told.net_pnl + second.net_pnl == Decimal(-10)
    assert "busted" in second.flags


def test_a_package_whose_only_fill_is_void_leaves_nothing_but_its_cash() -> None:
    """What was paid for it meanwhile stays with the account."""
    book = PackageBook()
    void = fill(PERPETUAL, "1", "100")
    book.book(void)
    book.book(cash(CashKind.FUNDING, "-0.25", "funding", "package"))
    assert not book.book(Bust(event_id="bust", ts_event_ns=5, fill=void))
    assert not book.packages
    assert book.late_cash == {"package": Decimal("-0.25")}


def test_marks_and_entries_survive_a_restart() -> None:
    """Highest profit, the oldest of the newest marks, and the count of entries are those of before."""
    book = _book()
    _open(book)
    book.mark_all([mark(_LONG, "9.00"), mark(_SHORT, "3.20")])
    book.mark_all([replace(mark(_LONG, "7.00"), ts_ns=6)])
    (package,) = book.packages
    marks = book.marks(package.package_id)
    assert marks is not None
    assert marks.best_profit == pytest.approx(157.4)
    assert (marks.value, marks.marked_ns) == (200.0 * 7.0 - 200.0 * 3.2, 2)
    again = PackageBook.resumed(book.state())
    assert again.marks(package.package_id) == marks
    assert again.packages[0].factors == {"iv_rank": 0.4}
    assert [again.entries_since("strategy", since) for since in (0, 1, 2)] == [1, 1, 0]
    assert book.marks("another") is None

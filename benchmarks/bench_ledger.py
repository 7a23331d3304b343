"""The ledger on the way of a backtest: what each mark and each booking costs, the comparison of both sides included."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from benchmarks.harness import Row, interleaved_ns, time_row
from execution.events import CashKind, CashMovement, Mark, MarkSource
from execution.ledger import Ledger
from execution.package_book import PackageBook
from market.calendars import expiry_series
from market.fills import Cost, CostKind, Fill, Liquidity
from market.instruments import product_of
from market.tradables import Instrument, Perpetual, option_contract

__all__ = ["run"]

_N = 2_000
_COIN = Perpetual(symbol="BTC/USD:USD", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"), currency="USD")
_SERIES = expiry_series(product_of("SPXW"), date(2023, 5, 26))
_PRICES = tuple(Decimal(300_000 + place).scaleb(-1) for place in range(_N))


def _fill(instrument: Instrument, quantity: str, price: Decimal, name: str) -> Fill:
    return Fill(
        fill_id=name,
        order_id="order",
        cause_id="decision",
        package_id="package",
        strategy="moving_average",
        ts_event_ns=1,
        instrument=instrument,
        quantity=Decimal(quantity),
        price=price,
        costs=(Cost(kind=CostKind.COMMISSION, amount=Decimal("1.2345")),),
        liquidity=Liquidity.TAKER,
        simulated=True,
    )


def _funded() -> Ledger:
    ledger = Ledger("USD")
    ledger.book(CashMovement(event_id="deposit", ts_event_ns=0, kind=CashKind.DEPOSIT, amount=Decimal(100_000)))
    return ledger


def _marks() -> Callable[[], None]:
    ledger = _funded()
    ledger.book(_fill(_COIN, "1.5", _PRICES[0], "first"))

    def many() -> None:
        for price in _PRICES:
            ledger.mark(_COIN.symbol, price, 2)

    return many


def _package_marks() -> Callable[[], None]:
    book = PackageBook()
    book.book(_fill(_COIN, "1.5", _PRICES[0], "first"))
    prices = [float(price) for price in _PRICES]

    def many() -> None:
        for price in prices:
            book.mark(_COIN.symbol, price, MarkSource.VENUE)

    return many


def _marks_of_legs(legs: int) -> Callable[[], None]:
    ledger = _funded()
    contracts = [option_contract(_SERIES, 4000 + 5 * place, is_call=True) for place in range(legs)]
    for contract in contracts:
        ledger.book(_fill(contract, "1", Decimal("3.50"), contract.symbol))
    marks = [Mark(symbol=c.symbol, price=Decimal("3.40"), source=MarkSource.MID, ts_ns=2) for c in contracts]

    def many() -> None:
        for _ in range(_N // legs):
            ledger.mark_all(marks)

    return many


def _bookings(target: Callable[[], Callable[[Fill], object]]) -> Callable[[], None]:
    # A position that is turned at each fill, as by a strategy that is always in the market.
    first = _fill(_COIN, "1.5", _PRICES[0], "first")
    turns = [
        replace(first, fill_id=str(place), quantity=Decimal(-3 if place % 2 == 0 else 3), price=price)
        for place, price in enumerate(_PRICES)
    ]

    def many() -> None:
        book = target()
        book(first)
        for fill in turns:
            book(fill)

    return many


def run() -> list[Row]:
    """Return processor time for a mark, a leg's mark among many, and a booking, in the ledger and in its packages."""
    times = interleaved_ns(
        {
            "a mark of one position, both sides compared": _marks(),
            "a leg's mark among 4": _marks_of_legs(4),
            "a leg's mark among 100": _marks_of_legs(100),
            "a fill that turns the position": _bookings(lambda: _funded().book),
            "a mark of one package": _package_marks(),
            "a fill in a package": _bookings(lambda: PackageBook().book),
        },
        clock=time.thread_time_ns,
    )
    reach = {"a mark of one position, both sides compared": 1_000.0, "a fill that turns the position": 25_000.0}
    rows = [time_row(f"ledger: {name}", _N, found) for name, found in times.items()]
    return [_held_against(row, reach.get(row.name.removeprefix("ledger: "))) for row in rows]


def _held_against(row: Row, reach: float | None) -> Row:
    return row if reach is None else replace(row, reach=f"<= {reach:g}", passed=row.value <= reach)

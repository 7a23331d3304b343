"""Expiry: which print settles what, how each contract ends, and what a settlement may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.events import Settlement, SettlementKind
from execution.holdings import PackagePosition
from execution.settlement import (
    DueSettlement,
    SettlementRules,
    check_settlement,
    delivery,
    due_settlements,
    settle_expiring,
)
from market.errors import DataError
from market.instruments import SettlementTime
from market.tradables import Instrument, OptionContract, Share
from tests.execution.ledger_samples import EXPIRY, FUTURE, PERPETUAL, SHARE, fill, funded, option

_FOREVER_NS = 1 << 62
_HALF_DAY = date(2023, 11, 24)


def _held(instrument: Instrument, quantity: int | str = 1) -> PackagePosition:
    return PackagePosition(package_id="p", strategy="s", instrument=instrument, quantity=Decimal(quantity))


def _due(*held: PackagePosition) -> DueSettlement:
    (due,) = due_settlements(held, _FOREVER_NS)
    return due


def _end(instrument: Instrument, quantity: int, price: str, rules: SettlementRules | None = None) -> Settlement:
    (event,) = settle_expiring(_due(_held(instrument, quantity)), Decimal(price), rules=rules)
    check_settlement(event, Decimal(quantity))
    return event


@pytest.mark.parametrize(
    ("contract", "settles_on", "clock"),
    [
        (option(340, "C", "XSP"), SettlementTime.PM, "2023-05-19 16:00"),
        (option(340, "C", "DJX"), SettlementTime.AM, "2023-05-19 09:30"),
        (option(340, "C", "SPY", _HALF_DAY), SettlementTime.PM, "2023-11-24 13:00"),
    ],
)
def test_a_contract_is_due_at_its_print_and_not_before(
    contract: OptionContract, settles_on: SettlementTime, clock: str
) -> None:
    """AM contracts end at the open, PM contracts at the close, also on a half day."""
    due = _due(_held(contract))
    local = datetime.fromtimestamp(due.expiry_ns / 1e9, tz=UTC).astimezone(ZoneInfo("America/New_York"))
    assert (f"{local:%Y-%m-%d %H:%M}", due.settles_on) == (clock, settles_on)
    assert not due_settlements((_held(contract),), due.expiry_ns - 1)


def test_prints_are_told_apart_and_come_in_order() -> None:
    """One group for each print; shares and perpetuals are never due."""
    held = [
        _held(each)
        for each in (
            FUTURE,
            option(340, "C", "XSP"),
            SHARE,
            option(340, "C", "DJX"),
            PERPETUAL,
            option(350, "P", "XSP"),
        )
    ]
    found = [(due.underlying, len(due.positions)) for due in due_settlements(held, _FOREVER_NS)]
    assert found == [("DJX", 1), ("XSP", 2), ("SPX", 1)]


@given(
    strike=st.integers(300, 400),
    cents=st.integers(250_00, 450_00),
    right=st.sampled_from("CP"),
    quantity=st.integers(-20, 20).filter(bool),
)
def test_cash_pays_the_intrinsic_value_and_nothing_else(strike: int, cents: int, right: str, quantity: int) -> None:
    """Whatever the print, cash contracts pay max(0, S - K) or max(0, K - S), and never pin."""
    price = Decimal(cents) / 100
    event = _end(option(strike, right, "XSP"), quantity, str(price))
    worth = max(Decimal(0), price - strike if right == "C" else strike - price)
    assert event.price == worth
    assert event.kind is (SettlementKind.CASH if worth else SettlementKind.WORTHLESS)
    assert (event.delivered, event.is_pinned) == (None, False)


@pytest.mark.parametrize(
    ("right", "quantity", "price", "kind", "shares", "pinned"),
    [
        ("C", 2, "341.00", "exercised", 200, False),
        ("P", 2, "339.00", "exercised", -200, False),
        ("C", -2, "341.00", "assigned", -200, False),
        ("P", -2, "339.00", "assigned", 200, False),
        ("C", 2, "339.00", "worthless", 0, False),
        ("P", -2, "341.00", "worthless", 0, False),
        ("C", 2, "340.34", "worthless", 0, True),  # not ours to hope for: the worse is that it is not exercised
        ("C", -2, "340.34", "assigned", -200, True),
        ("C", -2, "340.00", "assigned", -200, True),
        ("C", -2, "339.99", "worthless", 0, True),  # assigned out of the money would be a gift
        ("P", -2, "339.66", "assigned", 200, True),
        ("P", -2, "340.01", "worthless", 0, True),
        ("C", -2, "340.35", "assigned", -200, False),
        ("C", 2, "340.35", "exercised", 200, False),
    ],
)
def test_a_physical_contract_delivers_in_the_money_and_pins_for_the_worse(
    right: str, quantity: int, price: str, kind: str, shares: int, *, pinned: bool
) -> None:
    """Auto-exercise beyond the band of 0.34; inside it the worse for us, flagged."""
    event = _end(option(340, right), quantity, price)
    assert (event.kind.value, event.delivered_quantity, event.is_pinned) == (kind, Decimal(shares), pinned)
    assert event.price == 0
    if shares:
        assert (event.delivered, event.delivered_price) == (Share(symbol="SPY"), Decimal(340))


_CLASSES = {
    "SPY": ("physical", "16:00", "13:00"),
    "AAPL": ("physical", "16:00", "13:00"),
    "XSP": ("cash", "16:00", "13:00"),
    "SPXW": ("cash", "16:00", "13:00"),
    "SPX": ("cash", "09:30", "09:30"),
    "DJX": ("cash", "09:30", "09:30"),
    "VIX": ("cash", "09:30", "09:30"),
    "BTC@DERIBIT": ("cash", "04:00", "03:00"),  # 08:00 UTC
}
_MOVES = ("-0.10", "-0.01", "-0.0005", "0", "0.0005", "0.01", "0.10")


@pytest.mark.parametrize("day", [0, 1], ids=["full day", "half day"])
@pytest.mark.parametrize("root", _CLASSES)
def test_every_class_of_contracts_ends_by_its_terms(root: str, day: int) -> None:
    """Both rights, both sides, seven prints: the account gets the pay-off, in the pin band the worse of two."""
    delivery_of, *clocks = _CLASSES[root]
    for right, quantity, move in product("CP", (3, -3), _MOVES):
        contract = option(400, right, root, (EXPIRY, _HALF_DAY)[day])
        price = 400 * (1 + Decimal(move))
        ledger = funded()
        ledger.book(fill(contract, Decimal(quantity), "7.50"))
        (due,) = due_settlements(ledger.positions(), _FOREVER_NS)
        local = datetime.fromtimestamp(due.expiry_ns / 1e9, tz=UTC).astimezone(ZoneInfo("America/New_York"))
        assert f"{local:%H:%M}" == clocks[day]
        for event in settle_expiring(due, price):
            ledger.book(event)
        ledger.check()
        gain = price - 400 if right == "C" else 400 - price
        is_pinned = delivery_of == "physical" and abs(gain) <= Decimal("0.4")
        units = quantity * contract.multiplier
        worse = Decimal(0) if quantity > 0 else min(units * gain, Decimal(0))  # nobody exercises ours for us
        ended = worse if is_pinned else units * max(gain, Decimal(0))
        assert ledger.equity == 100_000 - units * Decimal("7.50") + ended, (root, right, quantity, move)
        assert all(isinstance(each.instrument, Share) for each in ledger.positions())


@pytest.mark.parametrize(("price", "kind"), [("340.01", "exercised"), ("340.009", "worthless")])
def test_the_exercise_threshold_is_one_cent(price: str, kind: str) -> None:
    """Without a pin band, the threshold of the clearing house alone decides."""
    assert _end(option(340, "C"), 1, price, SettlementRules(pin_band=Decimal(0))).kind.value == kind


def test_a_future_pays_its_print() -> None:
    """The position is closed at the settlement price."""
    event = _end(FUTURE, -3, "4231.50")
    assert (event.kind, event.price, event.quantity) == (SettlementKind.CASH, Decimal("4231.50"), Decimal(-3))


@pytest.mark.parametrize("price", ["NaN", "0", "-1", "Infinity"])
def test_nobody_guesses_a_settlement_price(price: str) -> None:
    """Without the print a position cannot settle."""
    with pytest.raises(DataError, match=r"cannot settle.*settlement print"):
        settle_expiring(_due(_held(option(340, "C"))), Decimal(price))


def test_what_never_expires_is_not_settled() -> None:
    """A share that somebody calls due is an error."""
    due = replace(_due(_held(option(340, "C"))), positions=(_held(SHARE),))
    with pytest.raises(DataError, match="never expires"):
        settle_expiring(due, Decimal(340))
    with pytest.raises(DataError, match="only options on shares deliver"):
        delivery(_held(option(340, "C", "XSP")), ts_ns=0, underlying_price=Decimal(350))


_EXERCISE = delivery(_held(option(340, "C"), 2), ts_ns=0, underlying_price=Decimal(350))


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": Decimal(3)},
        {"quantity": Decimal(-2)},
        {"kind": SettlementKind.ASSIGNED},
        {"kind": SettlementKind.CASH},
        {"delivered_quantity": Decimal(-200)},
        {"delivered_price": Decimal(341)},
        {"delivered": Share(symbol="QQQ")},
        {"delivered": None},
        {"price": Decimal(10)},
        {"settlement_price": Decimal("NaN")},
    ],
)
def test_a_settlement_against_the_terms_is_refused(change: dict[str, object]) -> None:
    """Too much, the wrong side, another share, price or quantity: nothing of it may be booked."""
    check_settlement(_EXERCISE, Decimal(2))
    with pytest.raises(DataError, match="settlement cannot be"):
        check_settlement(replace(_EXERCISE, **change), Decimal(2))  # type: ignore[arg-type]  # any field in turn

"""Instruments, fills and movements of money for the tests of the ledger."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from execution.events import CashKind, CashMovement, Mark, MarkSource, Split
from execution.ledger import Ledger
from market.calendars import expiry_series
from market.fills import Cost, CostKind, Fill, Liquidity
from market.instruments import product_of
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Future, Instrument, OptionContract, Perpetual, Share, option_contract

EXPIRY = date(2023, 5, 19)
SHARE = Share(symbol="SPY")
PERPETUAL = Perpetual(symbol="BTC/USD:USD", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"), currency="USD")
FUTURE = Future(
    symbol="ESM3",
    underlying="SPX",
    multiplier=Decimal(50),
    tick=Decimal("0.25"),
    expiration=date(2023, 6, 16),
    expiry_ns=1_686_922_200_000_000_000,
)


def option(strike: Decimal | int, right: str, root: str = "SPY", day: date = EXPIRY) -> OptionContract:
    """Return a contract; the right is C or P."""
    return option_contract(expiry_series(product_of(root), day), Decimal(strike), is_call=right == "C")


def fill(
    instrument: Instrument,
    quantity: str | Decimal,
    price: str | Decimal,
    *,
    cost: str | Decimal = "0",
    fill_id: str = "",
    package_id: str = "package",
    ts_ns: int = 1,
) -> Fill:
    """Return a fill; its id is made of what it is where none is given."""
    quantity, price, cost = Decimal(quantity), Decimal(price), Decimal(cost)
    return Fill(
        fill_id=fill_id or f"{package_id} {instrument.symbol} {quantity} {price} {ts_ns}",
        order_id="order",
        cause_id="decision",
        package_id=package_id,
        strategy="strategy",
        ts_event_ns=ts_ns,
        instrument=instrument,
        quantity=quantity,
        price=price,
        costs=(Cost(kind=CostKind.COMMISSION, amount=cost),) if cost else (),
        liquidity=Liquidity.TAKER,
        simulated=True,
    )


def cash(
    kind: CashKind, amount: str | Decimal, event_id: str = "", package_id: str = "", symbol: str = ""
) -> CashMovement:
    """Return a movement of cash."""
    return CashMovement(
        event_id=event_id or f"{kind} {amount}",
        ts_event_ns=1,
        kind=kind,
        amount=Decimal(amount),
        package_id=package_id,
        symbol=symbol,
        strategy="strategy" if package_id else "",
    )


def funded(amount: str = "100000", currency: str = "USD") -> Ledger:
    """Return a ledger with a deposit."""
    ledger = Ledger(currency)
    ledger.book(cash(CashKind.DEPOSIT, amount))
    return ledger


def a_day() -> Ledger:
    """Return a ledger after a day of everything."""
    ledger = funded()
    for event in (
        fill(SHARE, "100", "415.20", cost="1.00"),
        fill(option(420, "C"), "-1", "3.15", cost="0.65"),
        fill(PERPETUAL, "0.25", "26780.5", cost="2.68", package_id="coin"),
        fill(FUTURE, "-1", "4171.25", cost="2.25", package_id="hedge"),
        cash(CashKind.FUNDING, "-0.37", package_id="coin", symbol=PERPETUAL.symbol),
        cash(CashKind.INTEREST, "11.02"),
        Split(event_id="split", ts_event_ns=5, symbol="SPY", numerator=2, denominator=1),
        fill(SHARE, "-50", "208.01", cost="1.00"),
    ):
        ledger.book(event)
    return ledger


def mark(instrument: Instrument, price: str | Decimal, source: MarkSource = MarkSource.MID) -> Mark:
    """Return a mark."""
    return Mark(symbol=instrument.symbol, price=Decimal(price), source=source, ts_ns=2)


def opening(
    legs: tuple[Leg, ...],
    quantity: str = "1",
    *,
    effect: PositionEffect = PositionEffect.OPEN,
    package_id: str = "package",
    structure: str = "",
    reason: str = "",
) -> OrderIntent:
    """Return the intent behind a package."""
    return OrderIntent(
        intent_id=f"{effect} {package_id}",
        cause_id="decision",
        ts_event_ns=0,
        strategy="strategy",
        package_id=package_id,
        legs=legs,
        quantity=Decimal(quantity),
        limit_price=Decimal(0),
        effect=effect,
        time_in_force=TimeInForce.DAY,
        reason=reason,
        structure=structure,
    )

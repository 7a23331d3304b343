"""Whatever happens to an account, in whatever order, its two sides agree to the last digit."""

from __future__ import annotations

import pickle
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from execution.assignment import Evening, early_assignments
from execution.corporate import dividend_movements, split_bookings
from execution.events import Bust, CashKind, DividendNotice, LedgerEvent, Mark, MarkSource, Settlement, Split
from execution.ledger import Ledger
from execution.lifecycle import advance, is_done
from execution.order_events import Accepted, Cancelled, Executed, Sent
from execution.orders import Order, OrderStatus
from execution.package_book import PackageBook
from execution.settlement import due_settlements, settle_expiring
from execution.trades import Trade
from market.errors import DataError
from market.fills import Fill
from market.instruments import SettlementTime
from market.orders import Leg
from market.tradables import Instrument
from strategies.views import Quote
from tests.execution.ledger_samples import FUTURE, PERPETUAL, SHARE, cash, fill, opening, option

_CALL, _PUT = option(100, "C"), option(100, "P")
_INSTRUMENTS = (SHARE, _CALL, _PUT, option(100, "C", "XSP"), option(105, "P", "DJX"), FUTURE, PERPETUAL)
_PACKAGES = ("one", "two")
_FOREVER_NS = 1 << 62
_cents = st.integers(0, 5_000_00).map(lambda cents: Decimal(cents).scaleb(-2))
_prices = st.integers(1, 300_00).map(lambda cents: Decimal(cents).scaleb(-2))


class LedgerMachine(RuleBasedStateMachine):
    """Trades, expiries, assignments, corporate actions, marks and restarts of one account."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger, self.packages = Ledger("USD"), PackageBook()
        self.ids = count()
        self.booked: list[LedgerEvent] = []
        self.trades: list[Trade] = []
        self.orders: dict[str, tuple[Order, Decimal]] = {}
        # The model: what was paid, and what each package holds, in fractions and by other formulas.
        self.money, self.outside = Fraction(0), Fraction(0)
        self.held: dict[tuple[str, str], Fraction] = {}
        self.known: dict[str, Instrument] = {each.symbol: each for each in _INSTRUMENTS}
        self.splits = 0
        self.bustable: list[Fill] = []

    def _book(self, event: LedgerEvent) -> None:
        assert self.ledger.book(event)
        self.trades += self.packages.book(event)
        self.booked.append(event)

    def _moved(self, package: str, instrument: Instrument, quantity: Decimal, price: Decimal) -> None:
        self.known[instrument.symbol] = instrument
        key = (package, instrument.symbol)
        self.held[key] = self.held.get(key, Fraction(0)) + Fraction(quantity)
        self.money -= Fraction(quantity) * Fraction(instrument.multiplier) * Fraction(price)

    def _filled(self, event: Fill) -> None:
        self._book(event)
        self.bustable.append(event)
        self._moved(event.package_id, event.instrument, event.quantity, event.price)
        self.money -= Fraction(event.total_cost)

    def _settled(self, event: Settlement) -> None:
        self._book(event)
        self._moved(event.package_id, event.instrument, -event.quantity, event.price)
        if event.delivered is not None:
            self._moved(event.package_id, event.delivered, event.delivered_quantity, event.delivered_price)

    @initialize(prices=st.lists(_prices, min_size=5, max_size=5), short=st.booleans())
    def begin(self, prices: list[Decimal], *, short: bool) -> None:
        """Some lots of shares and of a call stand at the beginning."""
        for place, price in enumerate(prices):
            self._filled(fill(SHARE, Decimal(place + 3), price, fill_id=f"share {place}", package_id="one"))
            sold = Decimal(-place - 1 if short else place + 1)
            self._filled(fill(_CALL, sold, price, fill_id=f"call {place}", package_id="one"))

    @rule(
        package=st.sampled_from(_PACKAGES),
        instrument=st.sampled_from(_INSTRUMENTS),
        quantity=st.integers(1, 7),
        is_bought=st.booleans(),
    )
    def send(self, package: str, instrument: Instrument, quantity: int, *, is_bought: bool) -> None:
        """An order is sent and accepted."""
        intent = opening((Leg(instrument=instrument, ratio=1 if is_bought else -1),), str(quantity), package_id=package)
        name = f"order {next(self.ids)}"
        order = Order(order_id=name, intent=replace(intent, intent_id=name), status=OrderStatus.INTENT)
        order = advance(order, Sent(order_id=name, ts_event_ns=0))
        self.orders[name] = (advance(order, Accepted(order_id=name, ts_event_ns=0)), Decimal(0))
        if not any(key[0] == package and held for key, held in self.held.items()):
            self.packages.announce(order.intent)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), price=_prices, cost=_cents)
    def execute(self, data: st.DataObject, price: Decimal, cost: Decimal) -> None:
        """A part of an order is filled, also of one that was cancelled meanwhile; told twice, it counts once."""
        name = data.draw(st.sampled_from(sorted(self.orders)))
        order, sent = self.orders[name]
        left = int(order.intent.quantity - abs(sent))
        if not left:
            return
        leg = order.intent.legs[0]
        quantity = Decimal(data.draw(st.integers(1, left)) * leg.ratio)
        event = fill(leg.instrument, quantity, price, cost=cost, fill_id=f"fill {next(self.ids)}")
        event = replace(event, package_id=order.intent.package_id, order_id=name)
        told = Executed(order_id=name, ts_event_ns=1, fill_id=event.fill_id, leg=0, quantity=quantity)
        order = advance(advance(order, told), told)
        self._filled(event)
        self.orders[name] = (order, sent + quantity)
        assert order.filled == (sent + quantity,), "an execution was lost or doubled"

    @precondition(lambda self: self.orders)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """What is left of an order is withdrawn; nothing moves."""
        name = data.draw(st.sampled_from(sorted(self.orders)))
        order, sent = self.orders[name]
        if not is_done(order):
            self.orders[name] = (advance(order, Cancelled(order_id=name, ts_event_ns=2)), sent)

    @precondition(lambda self: self.bustable)
    @rule(data=st.data())
    def bust(self, data: st.DataObject) -> None:
        """The venue takes an execution back: all is as if it had never been, or a later booking stands on it."""
        void = data.draw(st.sampled_from(self.bustable))
        event = Bust(event_id=f"bust {next(self.ids)}", ts_event_ns=9, fill=void)
        late, digest = sum(self.packages.late_cash.values()), self.ledger.digest
        self.bustable.remove(void)
        try:
            self._book(event)
        except DataError as error:
            assert "later booking stands on it" in error.what  # noqa: PT017  # both outcomes are right
            assert self.ledger.digest == digest
            return
        self._moved(void.package_id, void.instrument, -void.quantity, void.price)
        self.money += Fraction(void.total_cost)
        self.outside += Fraction(sum(self.packages.late_cash.values()) - late)
        assert all(void.fill_id not in (each.opened_by, each.closed_by) for each in self.ledger.closings)
        with pytest.raises(DataError, match="taken back"):
            self.ledger.book(replace(event, event_id="again"))

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """A booking told again changes nothing; another one under its id is refused."""
        event = data.draw(st.sampled_from(self.booked))
        digest, equity = self.ledger.digest, self.ledger.equity
        assert not self.ledger.book(event)
        with pytest.raises(DataError, match="share an id"):
            self.ledger.book(replace(event, ts_event_ns=event.ts_event_ns + 1))
        assert (self.ledger.digest, self.ledger.equity) == (digest, equity)

    @rule(kind=st.sampled_from(CashKind), amount=_cents, package=st.sampled_from(("", *_PACKAGES)))
    def move(self, kind: CashKind, amount: Decimal, package: str) -> None:
        """Money comes or goes: deposits, interest, borrow, funding, fees."""
        own = package if kind not in {CashKind.DEPOSIT, CashKind.WITHDRAWAL} else ""
        signed = amount if kind in {CashKind.DEPOSIT, CashKind.DIVIDEND} else -amount
        late = own not in {each.package_id for each in self.packages.packages}
        self._book(cash(kind, signed, f"cash {next(self.ids)}", own))
        self.money += Fraction(signed)
        self.outside += Fraction(signed) if late else 0

    @rule(price=_prices)
    def expire(self, price: Decimal) -> None:
        """Every contract ends: in cash, worthless, or by exercise and assignment; ending twice is refused."""
        for due in due_settlements(self.ledger.positions(), _FOREVER_NS):
            if due.settles_on is not SettlementTime.FIXED_UTC or due.underlying == FUTURE.underlying:
                for event in settle_expiring(due, price):
                    named = replace(event, event_id=f"{event.event_id} {next(self.ids)}")
                    self._settled(named)
                    with pytest.raises(DataError, match="settlement cannot be"):
                        self.ledger.book(replace(named, event_id="again"))

    @rule(price=_prices)
    def assign(self, price: Decimal) -> None:
        """Short American options whose market pays no more than exercise are assigned."""
        evening = Evening(underlying="SPY", now_ns=0, next_open_ns=1, price=price, rate=0.0)
        reading = early_assignments(
            self.ledger.positions(),
            evening,
            lambda contract: Quote(
                bid=float(contract.intrinsic(price)),
                ask=float(contract.intrinsic(price)),
                bid_size=1.0,
                ask_size=1.0,
                ts_ns=0,
            ),
        )
        for event in reading.settlements:
            self._settled(replace(event, event_id=f"{event.event_id} {next(self.ids)}"))

    @rule(amount=_prices)
    def pay_dividend(self, amount: Decimal) -> None:
        """A share pays those who hold it and charges those who are short."""
        at = next(self.ids)
        notice = DividendNotice(symbol="SPY", announced_ns=0, ex_ns=at, paid_ns=at, amount=amount)
        for event in dividend_movements(self.ledger.positions(), notice):
            self._book(event)
            self.money += Fraction(event.amount)

    @precondition(lambda self: self.splits < 3)
    @rule(ratio=st.sampled_from(((2, 1), (7, 1), (3, 2), (1, 3), (1, 10))), price=_prices)
    def split(self, ratio: tuple[int, int], price: Decimal) -> None:
        """A share is split, fractions are paid, options follow; where they cannot, nothing is booked."""
        event = Split(
            event_id=f"split {next(self.ids)}", ts_event_ns=1, symbol="SPY", numerator=ratio[0], denominator=ratio[1]
        )
        options = [each for each in self.ledger.positions() if each.instrument.symbol.startswith("SPY2")]
        if ratio[1] != 1 and options:
            digest = self.ledger.digest
            with pytest.raises(DataError, match="split"):
                self.ledger.book(event)
            assert self.ledger.digest == digest
            return
        self.splits += 1
        for each in split_bookings(self.ledger.positions(), event, price):
            if isinstance(each, Settlement):
                self._settled(each)
            else:
                self._book(each)
                self._split_model(*ratio)

    def _split_model(self, numerator: int, denominator: int) -> None:
        self.bustable = []  # the model knows no units of before a split
        renamed: dict[tuple[str, str], Fraction] = {}
        after = {position.instrument.symbol: position.instrument for position in self.ledger.positions()}
        self.known |= after
        for (package, symbol), quantity in self.held.items():
            is_share, is_option = symbol == "SPY", symbol.startswith("SPY2")
            new = symbol
            if is_option and quantity:
                strike = (Fraction(int(symbol[-8:]), 1000) * denominator / numerator).limit_denominator(10**9)
                new = f"{symbol[:-8]}{round(strike * 100) * 10:08d}"
            scaled = quantity * numerator / denominator if is_share or is_option else quantity
            renamed[(package, new)] = renamed.get((package, new), Fraction(0)) + scaled
        self.held = renamed

    @rule(data=st.data(), price=_prices)
    def mark(self, data: st.DataObject, price: Decimal) -> None:
        """One position is marked, or all at once."""
        symbols = sorted(self.ledger.holdings) or ["nothing"]
        if data.draw(st.booleans()):
            self.ledger.mark(data.draw(st.sampled_from(symbols)), price, 3)
        else:
            marks = [Mark(symbol=each, price=price, source=MarkSource.MID, ts_ns=3) for each in symbols]
            self.ledger.mark_all(marks)
        for symbol in symbols:
            found = self.ledger.price(symbol)
            if found is not None:
                self.packages.mark(symbol, float(found), MarkSource.MID)

    @rule()
    def restart(self) -> None:
        """A ledger that goes on from its state is the same ledger; so is a book of packages."""
        before = self.ledger
        self.ledger = Ledger.resumed(pickle.loads(pickle.dumps(before.state())))  # noqa: S301  # made here
        packages = self.packages.state()
        self.packages = PackageBook.resumed(pickle.loads(pickle.dumps(packages)))  # noqa: S301
        self.bustable = []
        assert self.packages.state() == packages
        assert self.ledger.state() == before.state()
        assert (self.ledger.digest, self.ledger.equity) == (before.digest, before.equity)

    @invariant()
    def both_sides_agree(self) -> None:
        """Running sums, sums anew, sums by fill and the model are one number."""
        self.ledger.check()
        worth = self.money
        for (_, symbol), quantity in self.held.items():
            if quantity:
                price = self.ledger.price(symbol)
                assert price is not None
                worth += quantity * Fraction(self.known[symbol].multiplier) * Fraction(price)
        assert Fraction(self.ledger.equity) == worth

    @invariant()
    def nothing_is_lost(self) -> None:
        """Each package holds what its bookings left, in lots of one sign, in the ledger and in the book of packages."""
        held = {key: quantity for key, quantity in self.held.items() if quantity}
        assert {(p.package_id, p.instrument.symbol): Fraction(p.quantity) for p in self.ledger.positions()} == held
        units = {(p.package_id, s): Fraction(u) for p in self.packages.packages for s, u in p.units.items()}
        assert units == held
        for position in self.ledger.state().account.positions:
            for package in position.packages:
                assert package.lots
                assert len({lot.quantity > 0 for lot in package.lots}) == 1
                assert all(lot.quantity for lot in package.lots)

    @invariant()
    def profit_is_that_of_the_packages(self) -> None:
        """Closed trades, open packages at their marks and what belongs to none make the profit of the account."""
        closed = sum((Fraction(trade.net_pnl) for trade in self.trades), Fraction(0))
        assert all(trade.net_pnl == trade.gross_pnl - trade.costs for trade in self.trades)
        if not self.packages.packages:
            assert Fraction(self.ledger.equity) == closed + self.outside
            assert Fraction(self.ledger.realised) == sum(
                (Fraction(trade.gross_pnl) for trade in self.trades), Fraction(0)
            )

    def teardown(self) -> None:
        """All bookings played into a new ledger end in the same digest, cash, profit and positions."""
        again = Ledger("USD")
        for event in self.booked:
            assert again.book(event)
        assert again.digest == self.ledger.digest
        assert (again.cash, again.realised, again.costs) == (self.ledger.cash, self.ledger.realised, self.ledger.costs)
        assert (again.income, again.deposits) == (self.ledger.income, self.ledger.deposits)
        assert again.positions() == self.ledger.positions()


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)

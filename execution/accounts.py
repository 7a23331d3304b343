"""An account's money and positions on two sides: what was paid and is worth, and what the lots have earned."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Never

from execution.corporate import adjusted_contract, is_split
from execution.events import CashKind, CashMovement, Mark, Posting, Settlement, Split
from execution.holdings import Position, PositionState
from execution.lots import EXACT, Lot, LotClosing, total_of
from execution.settlement import check_settlement
from market.errors import DataError, NumericsError
from market.fills import Fill
from market.tradables import Instrument, OptionContract

__all__ = ["Account", "AccountState", "LedgerError"]

_ZERO: Final = Decimal(0)
_INCOME: Final = frozenset({CashKind.INTEREST, CashKind.DIVIDEND, CashKind.BORROW, CashKind.FUNDING})
_add, _subtract, _fma = EXACT.add, EXACT.subtract, EXACT.fma


class LedgerError(NumericsError):
    """The two sides of the ledger differ, or it broke before; nothing more may be booked or traded on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """An account as a value.

    Parameters
    ----------
    currency : str
        Of all money in it.
    cash, deposits, realised, costs, income : Decimal
        Running sums, account currency.
    positions : tuple of PositionState
        Open positions.
    """

    currency: str
    cash: Decimal
    deposits: Decimal
    realised: Decimal
    costs: Decimal
    income: Decimal
    positions: tuple[PositionState, ...]


class Account:
    """Money and positions of one account; `Ledger` decides what may be booked and keeps the record.

    Parameters
    ----------
    currency : str
        Account currency; what settles in another is refused.

    Notes
    -----
    `equity` is the money's side: cash + marked value, from quantities and premiums. `earned` is the lots' side:
    deposits + realised + unrealised - costs + income. Neither reads a number of the other.
    """

    __slots__ = (
        "cash",
        "closings",
        "costs",
        "currency",
        "deposits",
        "earned",
        "equity",
        "failure",
        "income",
        "positions",
        "realised",
    )

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.cash = self.deposits = self.realised = self.costs = self.income = _ZERO
        self.equity = self.earned = _ZERO
        self.positions: dict[str, Position] = {}
        self.closings: list[LotClosing] = []
        self.failure = ""

    @classmethod
    def of(cls, state: AccountState) -> Account:
        """Return the account that a state describes."""
        self = cls(state.currency)
        self.cash, self.deposits, self.realised = state.cash, state.deposits, state.realised
        self.costs, self.income = state.costs, state.income
        self.positions = {each.instrument.symbol: Position.of(each) for each in state.positions}
        self.equity, self.earned = self.sides()
        return self

    def state(self) -> AccountState:
        """Return the account as a value."""
        return AccountState(
            currency=self.currency,
            cash=self.cash,
            deposits=self.deposits,
            realised=self.realised,
            costs=self.costs,
            income=self.income,
            positions=tuple(position.state() for position in self.positions.values()),
        )

    def mark(self, symbol: str, price: Decimal, ts_ns: int) -> None:
        """Mark one position and compare both sides; see `Ledger.mark`."""
        position = self.positions.get(symbol)
        if position is None:
            return
        if not price.is_finite():
            raise _unmarkable(symbol, price)
        step = _subtract(price, position.price)
        equity, earned = _fma(position.size, step, self.equity), _fma(position.lot_size, step, self.earned)
        self.equity, self.earned, position.price, position.mark_ns = equity, earned, price, ts_ns
        if equity != earned:
            self.fail()

    def mark_all(self, marks: Iterable[Mark]) -> None:
        """Mark many positions and compare both sides once; see `Ledger.mark_all`."""
        found = [(position, mark) for mark in marks if (position := self.positions.get(mark.symbol)) is not None]
        for _, mark in found:
            if not mark.price.is_finite():
                raise _unmarkable(mark.symbol, mark.price)
        equity, earned = self.equity, self.earned
        for position, mark in found:
            step = _subtract(mark.price, position.price)
            equity = _fma(position.size, step, equity)
            earned = _fma(position.lot_size, step, earned)
            position.price, position.mark_ns = mark.price, mark.ts_ns
        self.equity, self.earned = equity, earned
        if equity != earned:
            self.fail()

    def sides(self) -> tuple[Decimal, Decimal]:
        """Return the money's side and the lots' side, each summed anew."""
        equity = self.cash
        earned = _add(_subtract(_add(self.deposits, self.realised), self.costs), self.income)
        for position in self.positions.values():
            equity = _add(equity, position.value)
            earned = _add(earned, position.unrealised)
        return equity, earned

    def apply(self, event: Posting) -> None:
        """Book an event; nothing of it where it raises a `DataError`."""
        if isinstance(event, Fill):
            self._check_terms(event.instrument)
            lot = Lot(
                opened_by=event.fill_id,
                opened_ns=event.ts_event_ns,
                quantity=event.quantity,
                price=event.price,
            )
            self._trade(event.instrument, lot, event.package_id, event.strategy)
            self._charge(total_of(cost.amount for cost in event.costs))
        elif isinstance(event, CashMovement):
            self._move(event)
        elif isinstance(event, Settlement):
            self._settle(event)
        else:
            self._split(event)

    def take_marks(self, other: Account) -> None:
        """Mark what another account also holds as it does, and sum both sides anew."""
        for symbol, position in self.positions.items():
            known = other.positions.get(symbol)
            if known is not None:
                position.price, position.mark_ns = known.price, known.mark_ns
        self.equity, self.earned = self.sides()

    def _trade(self, instrument: Instrument, lot: Lot, package_id: str, strategy: str) -> None:
        symbol = instrument.symbol
        position = self.positions.get(symbol)
        if position is None:
            position = self.positions[symbol] = Position(instrument, lot.price, lot.opened_ns)
        value, unrealised = position.value, position.unrealised
        moved = position.trade(lot, package_id, strategy)
        self.cash = _add(self.cash, moved.cash)
        self.equity = _add(self.equity, _add(moved.cash, _subtract(position.value, value)))
        gain = moved.change.realised
        self.realised = _add(self.realised, gain)
        self.earned = _add(self.earned, _add(gain, _subtract(position.unrealised, unrealised)))
        self.closings.extend(moved.change.closings)
        if not position.packages:
            del self.positions[symbol]

    def _charge(self, cost: Decimal) -> None:
        self.cash, self.equity = _subtract(self.cash, cost), _subtract(self.equity, cost)
        self.costs, self.earned = _add(self.costs, cost), _subtract(self.earned, cost)

    def _move(self, event: CashMovement) -> None:
        amount = event.amount
        wrong = (event.kind is CashKind.DEPOSIT and amount < 0) or (event.kind is CashKind.WITHDRAWAL and amount > 0)
        if not amount.is_finite() or wrong:
            raise DataError(
                "a movement of cash cannot be",
                found=f"{event.event_id}: {event.kind} of {amount}",
                expected="a finite amount, deposits in and withdrawals out",
            )
        if event.kind is CashKind.FEE:
            self._charge(amount.copy_negate())
            return
        self.cash, self.equity = _add(self.cash, amount), _add(self.equity, amount)
        self.earned = _add(self.earned, amount)
        if event.kind in _INCOME:
            self.income = _add(self.income, amount)
        else:
            self.deposits = _add(self.deposits, amount)

    def _settle(self, event: Settlement) -> None:
        position = self.positions.get(event.instrument.symbol)
        check_settlement(event, position.held(event.package_id) if position else _ZERO)
        self._check_terms(event.instrument)
        if event.delivered is not None:
            self._check_terms(event.delivered)
        self._trade(
            event.instrument, _lot(event, event.quantity.copy_negate(), event.price), event.package_id, event.strategy
        )
        if event.delivered is None:
            return
        lot = _lot(event, event.delivered_quantity, event.delivered_price)
        self._trade(event.delivered, lot, event.package_id, event.strategy)
        # What is delivered is worth the price that decided, not the strike.
        self.mark(event.delivered.symbol, event.settlement_price, event.ts_event_ns)

    def _split(self, event: Split) -> None:
        if event.numerator < 1 or event.denominator < 1:
            found = f"{event.event_id}: {event.numerator} for {event.denominator}"
            raise DataError("a split cannot be", found=found, expected="whole numbers above 0")
        after: dict[str, Position] = {}
        for symbol, position in self.positions.items():
            changed = _split_position(position, event)
            after[changed.instrument.symbol if changed is not position else symbol] = changed
        if len(after) != len(self.positions):
            raise DataError("a split makes one contract of two", found=event.event_id, expected="unlike contracts")
        self.positions = after
        self.equity, self.earned = self.sides()

    def _check_terms(self, instrument: Instrument) -> None:
        if instrument.currency != self.currency:
            raise DataError(
                "the ledger keeps one currency",
                found=f"{instrument.symbol} in {instrument.currency}",
                expected=self.currency,
                action="keep an account for each currency",
            )
        known = self.positions.get(instrument.symbol)
        if known is not None and known.instrument is not instrument and known.instrument != instrument:
            raise DataError(
                "a symbol stands for two instruments", found=repr(instrument), expected=repr(known.instrument)
            )

    def fail(self) -> Never:
        """Close the account to further bookings and raise a `LedgerError` with both sides."""
        equity, earned = self.sides()
        self.failure = "the two sides of the ledger differ"
        raise LedgerError(
            self.failure,
            found=f"cash and marked value {equity} (running {self.equity})",
            expected=f"deposits, profit, costs and income {earned} (running {self.earned})",
            action="stop trading on this account, and rebuild the ledger from its events",
        )


def _lot(event: Settlement, quantity: Decimal, price: Decimal) -> Lot:
    return Lot(opened_by=event.event_id, opened_ns=event.ts_event_ns, quantity=quantity, price=price)


def _split_position(position: Position, event: Split) -> Position:
    instrument = position.instrument
    if not is_split(instrument, event):
        return position
    after = adjusted_contract(instrument, event) if isinstance(instrument, OptionContract) else instrument
    return position.after_split(event.numerator, event.denominator, after)


def _unmarkable(symbol: str, price: Decimal) -> DataError:
    return DataError("a position cannot be marked", found=f"{symbol} at {price}", expected="a finite price")

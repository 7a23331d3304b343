"""The ledger: every booking, in exact money, on two sides that must agree after each booking and each mark."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, DecimalException
from hashlib import sha256

from execution.accounts import Account, AccountState, LedgerError
from execution.events import Bust, LedgerEvent, Mark
from execution.holdings import PackagePosition
from execution.identity import canonical
from execution.lots import LotClosing, cost_of, total_of
from market.errors import DataError
from market.fills import Fill
from market.tradables import Instrument
from strategies.views import Holding

__all__ = ["Ledger", "LedgerError", "LedgerState"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerState:
    """A ledger as a value, from which it goes on with the same chain.

    Parameters
    ----------
    account : AccountState
        Money and positions.
    booked : mapping of str to bytes
        Digest of every booking by its id.
    link : bytes
        Last link of the chain.
    """

    account: AccountState
    booked: Mapping[str, bytes]
    link: bytes


class Ledger:
    """The bookings of one account in one currency, each once, in one chain.

    Parameters
    ----------
    currency : str
        Account currency; what settles in another is refused.

    Notes
    -----
    One side follows the money: equity = cash + marked value, from quantities and premiums. The other follows the lots:
    equity = deposits + realised + unrealised - costs + income. Neither reads a number of the other. A position that a
    fill opens is marked at the fill until `mark` is called; a later fill leaves the mark as it is.

    A busted execution leaves no trace but its two bookings: lots, profit and charges are those of all other bookings,
    so that entry prices are those of what was really traded. The chain keeps both, and goes on.

    A link of the chain is the SHA-256 of the link before and of the booking's canonical form (`execution.identity`).
    """

    def __init__(self, currency: str) -> None:
        self._account = Account(currency)
        self._booked: dict[str, bytes] = {}
        self._link = sha256(canonical(("hedgefield ledger", currency))).digest()
        self._events: list[LedgerEvent] = []
        self._began = self._account.state()
        self._busted: set[str] = set()
        self._realised_before = Decimal(0)
        self._holdings: dict[str, Holding] | None = None

    @classmethod
    def resumed(cls, state: LedgerState) -> Ledger:
        """Return a ledger that goes on from a state; `events` and `closings` begin anew, digests and ids do not.

        Raises
        ------
        LedgerError
            The sides of the state differ.
        """
        self = cls(state.account.currency)
        self._account, self._booked, self._link = Account.of(state.account), dict(state.booked), state.link
        self._began, self._realised_before = state.account, state.account.realised
        self.check()
        return self

    def state(self) -> LedgerState:
        """Return the ledger as a value; it can be pickled."""
        return LedgerState(account=self._account.state(), booked=dict(self._booked), link=self._link)

    @property
    def currency(self) -> str:
        """Account currency."""
        return self._account.currency

    @property
    def cash(self) -> Decimal:
        """Money, account currency."""
        return self._account.cash

    @property
    def equity(self) -> Decimal:
        """Cash plus marked value, account currency."""
        return self._account.equity

    @property
    def deposits(self) -> Decimal:
        """Money paid in less money taken out."""
        return self._account.deposits

    @property
    def realised(self) -> Decimal:
        """Profit of closed lots before costs."""
        return self._account.realised

    @property
    def unrealised(self) -> Decimal:
        """Profit of open lots at the marks."""
        return total_of(position.unrealised for position in self._account.positions.values())

    @property
    def costs(self) -> Decimal:
        """Charges of fills, and fees."""
        return self._account.costs

    @property
    def income(self) -> Decimal:
        """Interest, dividends, borrow and funding; negative where more was paid."""
        return self._account.income

    @property
    def digest(self) -> str:
        """Last link of the hash chain over all bookings; the same bookings in the same order give the same."""
        return self._link.hex()

    @property
    def events(self) -> tuple[LedgerEvent, ...]:
        """Bookings in order, since the ledger began or went on."""
        return tuple(self._events)

    @property
    def closings(self) -> tuple[LotClosing, ...]:
        """What each booking closed of which lot, in order, since the ledger began or went on."""
        return tuple(self._account.closings)

    @property
    def holdings(self) -> Mapping[str, Holding]:
        """Open positions by symbol; the same object until the next booking."""
        if self._holdings is None:
            found = {symbol: position.holding() for symbol, position in self._account.positions.items()}
            self._holdings = {symbol: each for symbol, each in found.items() if each is not None}
        return self._holdings

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What any package holds, by symbol, also where packages cancel out and the account holds nothing."""
        return {symbol: position.instrument for symbol, position in self._account.positions.items()}

    def positions(self) -> tuple[PackagePosition, ...]:
        """Return what each package holds, in the order of the first fills of the instruments."""
        return tuple(
            PackagePosition(
                package_id=each.package_id,
                strategy=each.strategy,
                instrument=position.instrument,
                quantity=each.quantity,
                cost=cost_of(each.lots, position.multiplier),
            )
            for position in self._account.positions.values()
            for each in position.packages.values()
        )

    def price(self, symbol: str) -> Decimal | None:
        """Return the mark of an open position; None where there is none."""
        position = self._account.positions.get(symbol)
        return None if position is None else position.price

    def unrealised_by_fill(self) -> Mapping[str, Decimal]:
        """Return the profit of what is left of each opening booking, by its id."""
        profits: dict[str, Decimal] = {}
        for position in self._account.positions.values():
            for lot, profit in position.unrealised_by_lot():
                profits[lot.opened_by] = total_of((profits.get(lot.opened_by, Decimal(0)), profit))
        return profits

    def mark(self, symbol: str, price: Decimal, ts_ns: int) -> None:
        """Mark one position and compare both sides; a symbol that is not held is passed over.

        Parameters
        ----------
        symbol : str
            Instrument.
        price : Decimal
            Per unit of the underlying; finite.
        ts_ns : int
            Instant of what it comes from, ns since the epoch, UTC.

        Raises
        ------
        DataError
            The price is not finite.
        LedgerError
            The sides differ.
        """
        try:
            self._account.mark(symbol, price, ts_ns)
        except DecimalException as error:
            raise self._inexact(f"the mark of {symbol} at {price}") from error

    def mark_all(self, marks: Iterable[Mark]) -> None:
        """Mark many positions, then compare both sides once; raises as `mark`, before anything is marked."""
        try:
            self._account.mark_all(marks)
        except DecimalException as error:
            raise self._inexact("a mark") from error

    def book(self, event: LedgerEvent) -> bool:
        """Book an event once and compare both sides.

        Parameters
        ----------
        event : LedgerEvent
            Fill, movement of cash, settlement, split, or the bust of a fill.

        Returns
        -------
        bool
            True where it was booked; False where its id and content were booked before, and nothing happened.

        Raises
        ------
        DataError
            The event cannot be: another currency, another content under a known id, more settled than is held, a bust
            of what was not booked since the ledger began or went on, or on which later bookings stand. Nothing was
            booked.
        LedgerError
            The sides differ, or a sum would have had to be rounded; the ledger books nothing more.
        """
        account = self._account
        if account.failure:
            raise LedgerError(account.failure, action="rebuild the ledger from its events")
        name, digest = _booking_id(event), sha256(canonical(event)).digest()
        known = self._booked.get(name)
        if known is not None:
            _check_same(name, known, digest)
            return False
        try:
            if isinstance(event, Bust):
                account = self._account = self._without(event)
                self._busted.add(event.fill.fill_id)
            else:
                account.apply(event)
        except DecimalException as error:
            raise self._inexact(f"the booking {name}") from error
        self._booked[name] = digest
        self._link = sha256(self._link + digest).digest()
        self._events.append(event)
        self._holdings = None
        if account.equity != account.earned:
            account.fail()
        return True

    def _without(self, bust: Bust) -> Account:
        """Return the account as if an execution had never been: all other bookings again, at the marks of now."""
        void = {*self._busted, bust.fill.fill_id}
        if bust.fill.fill_id in self._busted or bust.fill not in self._events:
            raise DataError(
                "an execution cannot be taken back",
                found=f"{bust.fill.fill_id}, which is not among the bookings",
                expected="a fill as it was booked since the ledger began or went on, not yet taken back",
                action="build the ledger again from all its events, without the execution",
            )
        account = Account.of(self._began)
        for event in self._events:
            if isinstance(event, Bust) or (isinstance(event, Fill) and event.fill_id in void):
                continue
            try:
                account.apply(event)
            except DataError as error:
                raise DataError(
                    "an execution cannot be taken back, because a later booking stands on it",
                    found=f"{bust.fill.fill_id}: {error.what}",
                    expected="bookings that can be without it",
                    action="ask the venue what becomes of the later booking",
                ) from error
        account.take_marks(self._account)
        return account

    def check(self) -> None:
        """Sum both sides and each lot anew and compare them with the running sums.

        Raises
        ------
        LedgerError
            With both sides, where any two differ.
        """
        account = self._account
        equity, earned = account.sides()
        by_fill = total_of((self._realised_before, *(each.realised for each in account.closings)))
        open_by_fill = total_of(self.unrealised_by_fill().values())
        sums_fit = equity == earned == account.equity == account.earned
        lots_fit = all(position.lots_fit() for position in account.positions.values())
        if not sums_fit or not lots_fit or by_fill != account.realised or open_by_fill != self.unrealised:
            account.fail()

    def _inexact(self, what: str) -> LedgerError:
        self._account.failure = f"{what} could not be booked exactly"
        return LedgerError(self._account.failure, expected="finite numbers whose sums have at most sixty digits")


def _booking_id(event: LedgerEvent) -> str:
    # Venues number executions and account activities on their own.
    return f"fill:{event.fill_id}" if isinstance(event, Fill) else f"event:{event.event_id}"


def _check_same(name: str, known: bytes, digest: bytes) -> None:
    if known != digest:
        raise DataError(
            "two bookings share an id",
            found=f"{name} with another content",
            expected="the booking that stands under this id",
            action="ask the venue which one is right; nothing was booked",
        )

"""What happens by the calendar and not by trading: corporate actions and expiries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Protocol, final

from execution.corporate import dividend_movements, split_bookings
from execution.events import DividendNotice, LedgerEvent, Split
from execution.ledger import Ledger
from execution.settlement import DueSettlement, SettlementRules, due_settlements, settle_expiring
from market.clock import iso_of_ns
from market.errors import DataError
from market.instruments import SettlementTime
from market.tradables import Future, Instrument, OptionContract, Share
from strategies.market_state import MarketState

__all__ = ["Action", "Agenda", "Books", "Expiries", "corporate_actions"]

_NEVER: Final = 1 << 62

Action = Callable[[], None]


class Books(Protocol):
    """What dated actions need of a desk."""

    ledger: Ledger
    counts: Counter[str]

    def book(self, event: LedgerEvent) -> None:
        """Book an event in the ledger and in its package."""

    def withdraw(self, symbol: str, now_ns: int, reason: str) -> None:
        """Take working orders in an instrument off the venue's book."""

    def share_of(self, underlying: str) -> Share | None:
        """Return the share that options on an underlying deliver, where the history names it."""

    def mark_last(self, symbol: str, price: float, now_ns: int) -> None:
        """Mark a held instrument at its last print."""


@final
class Agenda:
    """Dated actions that come before any data of their instant.

    Parameters
    ----------
    actions : sequence of (int, str, callable)
        Instant, ns since the epoch, UTC; name, which orders ties; what to do.
    """

    def __init__(self, actions: Sequence[tuple[int, str, Action]]) -> None:
        self._actions = sorted(actions, key=lambda each: each[:2])
        self._next = 0
        self.due_ns = self._actions[0][0] if actions else _NEVER
        """Instant of the next action."""

    def skip(self, before_ns: int) -> None:
        """Leave out what lies before an instant, such as what happened before the account was opened."""
        while self.due_ns < before_ns:
            self._step()

    def run(self, now_ns: int) -> None:
        """Do everything that is due by an instant, in order."""
        while self.due_ns <= now_ns:
            action = self._actions[self._next][2]
            self._step()
            action()

    def _step(self) -> None:
        self._next += 1
        self.due_ns = self._actions[self._next][0] if self._next < len(self._actions) else _NEVER


def corporate_actions(
    desk: Books, market: MarketState, dividends: Sequence[DividendNotice], splits: Sequence[Split]
) -> list[tuple[int, str, Action]]:
    """Return the corporate actions of a history as dated actions.

    Parameters
    ----------
    desk : Books
        Whose positions they change.
    market : MarketState
        Whose prices are of old shares until the next print.
    dividends : sequence of DividendNotice
        Booked at the open of the ex-date, to who held at the close before.
    splits : sequence of Split
        Booked at the open of their day; working orders in the share are withdrawn.

    Returns
    -------
    list of (int, str, callable)
        For an `Agenda`. Of one instant dividends come first: they are paid per old share.
    """

    def pay(notice: DividendNotice) -> Action:
        def action() -> None:
            for movement in dividend_movements(desk.ledger.positions(), notice):
                desk.book(movement)

        return action

    def split(each: Split) -> Action:
        def action() -> None:
            desk.withdraw(each.symbol, each.ts_event_ns, "the share was split")
            # Options may be held without the share: they are adjusted all the same.
            for booking in split_bookings(desk.ledger.positions(), each, desk.ledger.price(each.symbol)):
                desk.book(booking)
            market.on_split(each.symbol, each.numerator, each.denominator)

        return action

    paid = [(notice.ex_ns, f"0 dividend {notice.symbol}", pay(notice)) for notice in dividends]
    return paid + [(each.ts_event_ns, f"1 split {each.symbol}", split(each)) for each in splits]


@final
class Expiries:
    """Contracts that end: PM and fixed ones by the newest print at their instant, AM ones by the first from it on.

    Parameters
    ----------
    desk : Books
        Whose positions end.
    market : MarketState
        Prints of the underlying.
    rules : SettlementRules
        Exercise and pins.
    closing_ns, opening_ns : int
        How old a closing print may be, and how long an opening print may take, ns.
    """

    def __init__(
        self, desk: Books, market: MarketState, rules: SettlementRules, *, closing_ns: int, opening_ns: int
    ) -> None:
        self._desk, self._market, self._rules = desk, market, rules
        self._closing_ns, self._opening_ns = closing_ns, opening_ns
        self._awaited: dict[str, DueSettlement] = {}
        self.due_ns = _NEVER
        """Expiry instant of the first held contract that ends."""
        self.awaits_open = False
        """Whether positions wait for an opening print."""

    def hold(self, instruments: Sequence[Instrument]) -> None:
        """Take what is held from now on."""
        ends = [
            each.series.expiry_ns if isinstance(each, OptionContract) else each.expiry_ns
            for each in instruments
            if isinstance(each, OptionContract | Future)
        ]
        waiting = [each.expiry_ns for each in self._awaited.values()]
        self.due_ns = min((end for end in ends if end not in waiting), default=_NEVER)

    def check_awaited(self, now_ns: int) -> None:
        """Stop where an opening print has not come in time.

        Parameters
        ----------
        now_ns : int
            ns since the epoch, UTC.

        Raises
        ------
        DataError
            It names the underlying and the instant.
        """
        for due in self._awaited.values():
            if now_ns > due.expiry_ns + self._opening_ns:
                raise _unsettled(due, "no opening print", self._opening_ns)

    def settle(self, now_ns: int) -> None:
        """Settle what has expired by an instant; what waits for an opening print is kept until it comes.

        Parameters
        ----------
        now_ns : int
            ns since the epoch, UTC; all prints up to it are known, and none after.

        Raises
        ------
        DataError
            There is no print to settle by.
        """
        for due in due_settlements(self._desk.ledger.positions(), now_ns):
            if due.settles_on is SettlementTime.AM:
                self._awaited[due.underlying] = due
                self.awaits_open = True
                continue
            price, ts_ns = self._market.price(due.underlying)
            if not price > 0.0 or not due.expiry_ns - self._closing_ns <= ts_ns <= due.expiry_ns:
                found = "none" if ts_ns < 0 else f"the newest at {iso_of_ns(ts_ns)}"
                raise _unsettled(due, found, self._closing_ns)
            self._book(due, price)
        self.hold(list(self._desk.ledger.instruments.values()))

    def on_print(self, underlying: str, price: float, ts_ns: int) -> None:
        """Settle what waits for the opening print of an underlying.

        Parameters
        ----------
        underlying : str
            Whose print.
        price : float
            The print; one that is not above 0 is none.
        ts_ns : int
            Its instant, ns since the epoch, UTC.
        """
        due = self._awaited.get(underlying)
        if due is not None and price > 0.0 and ts_ns >= due.expiry_ns:
            del self._awaited[underlying]
            self.awaits_open = bool(self._awaited)
            self._book(due, price)

    def _book(self, due: DueSettlement, price: float) -> None:
        desk = self._desk
        share = desk.share_of(due.underlying)
        for settlement in settle_expiring(due, Decimal(repr(price)), rules=self._rules, share=share):
            desk.counts[f"settled_{settlement.kind.value}"] += 1
            desk.counts["pinned"] += settlement.is_pinned
            desk.book(settlement)
            if settlement.delivered is not None:
                desk.mark_last(settlement.delivered.symbol, price, due.expiry_ns)


def _unsettled(due: DueSettlement, found: str, window_ns: int) -> DataError:
    names = ", ".join(position.instrument.symbol for position in due.positions[:4])
    return DataError(
        f"contracts of {due.underlying} cannot settle: {names}",
        found=f"prints: {found}",
        expected=f"one within {window_ns / 60e9:g} minutes of {iso_of_ns(due.expiry_ns)}",
        action="bring the underlying's bars or prints of that day",
    )

"""Packages: each structure from its first fill to flat, and the trade that it was."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Final

from execution.events import Bust, CashMovement, LedgerEvent, Mark, MarkSource, Settlement, Split
from execution.lots import EXACT
from execution.open_package import Announcement, OpenPackage
from execution.package_state import PackageBookState
from execution.trades import Trade
from market.fills import Fill
from market.orders import OrderIntent, PositionEffect
from strategies.views import HeldPackage, PackageMarks

__all__ = ["PackageBook"]

_ZERO: Final = Decimal(0)
_BUSTED: Final = "busted"
_N_ENTRIES: Final = 64  # entries of a session are counted; nobody asks for more
_NOTHING: Final[Mapping[str, float]] = {}


class PackageBook:
    """The open packages of an account.

    Notes
    -----
    It takes what `Ledger.book` has booked, once and in that order. Shares that come by exercise or assignment belong to
    the package until they are sold. A package is flat where nothing of it is left; a fill that comes later under its id
    opens it again, as a second trade.

    A busted fill of an open package leaves it as if it had never been, apart from the best and worst profit that was
    marked with it. Of a package that has ended, whose trade is told, a second trade takes it back at the same price.
    """

    def __init__(self) -> None:
        self._plans: dict[str, Announcement] = {}
        self._open: dict[str, OpenPackage] = {}
        self._by_symbol: dict[str, list[OpenPackage]] = {}
        self._late: dict[str, Decimal] = {}
        self._last_exits: dict[str, int] = {}
        self._entries: dict[str, deque[int]] = {}
        self._packages: tuple[HeldPackage, ...] | None = ()

    @classmethod
    def resumed(cls, state: PackageBookState) -> PackageBook:
        """Return a book that goes on from a state, to the same trades."""
        self = cls()
        self._plans = {package_id: Announcement.of(plan) for package_id, plan in state.plans.items()}
        for each in state.packages:
            plan = self._plans[each.package_id] if each.plan is None else Announcement.of(each.plan)
            self._open[each.package_id] = OpenPackage.resumed(each, plan)
            self._list(self._open[each.package_id])
        self._late, self._last_exits = dict(state.late_cash), dict(state.last_exits)
        self._entries = {strategy: deque(times, _N_ENTRIES) for strategy, times in state.entries.items()}
        self._packages = None
        return self

    def state(self) -> PackageBookState:
        """Return the book as a value, whose parts are values too: it can be pickled, or written as text."""
        return PackageBookState(
            plans={package_id: plan.state() for package_id, plan in self._plans.items()},
            packages=tuple(
                package.state(is_announced=package.plan is self._plans.get(package_id))
                for package_id, package in self._open.items()
            ),
            late_cash=dict(self._late),
            last_exits=dict(self._last_exits),
            entries={strategy: tuple(times) for strategy, times in self._entries.items()},
        )

    @property
    def packages(self) -> tuple[HeldPackage, ...]:
        """Open packages, oldest first; the same object until the next booking."""
        if self._packages is None:
            self._packages = tuple(package.held_package() for package in self._open.values())
        return self._packages

    @property
    def late_cash(self) -> Mapping[str, Decimal]:
        """Cash booked to packages that were flat by then, account currency, by package; no trade holds it."""
        return dict(self._late)

    def announce(
        self,
        intent: OrderIntent,
        *,
        factors: Mapping[str, float] = _NOTHING,
        context: Mapping[str, float] = _NOTHING,
    ) -> None:
        """Say what an order is for, before its first fill.

        Parameters
        ----------
        intent : OrderIntent
            One that opens gives the package its legs and its structure; one that closes gives the exit its reason.
        factors : mapping of str to float
            Numbers known before the entry; of the first intent that opens.
        context : mapping of str to float
            Market and Greeks at the entry, or at the exit.
        """
        plan = self._plans.get(intent.package_id)
        if intent.effect is PositionEffect.OPEN:
            if plan is None:
                plan = Announcement(intent, factors, context)
                self._plans[intent.package_id] = plan
            plan.wanted[intent.intent_id] = intent.quantity
        elif plan is not None:
            plan.exit_reason, plan.exit_context = intent.reason, dict(context)

    def book(self, event: LedgerEvent) -> tuple[Trade, ...]:
        """Take a booking and return the trades that it ends; at most one.

        Parameters
        ----------
        event : LedgerEvent
            What `Ledger.book` has booked.

        Returns
        -------
        tuple of Trade
            The package that became flat, or nothing.
        """
        self._packages = None
        if isinstance(event, Fill):
            return self._fill(event)
        if isinstance(event, Settlement):
            package, plan = self._open.get(event.package_id), self._plans.get(event.package_id)
            if plan is not None:
                plan.exit_context = {"spot": float(event.settlement_price)}
            return () if package is None else self._booked(package, package.take(event))
        if isinstance(event, Bust):
            return self._bust(event)
        if isinstance(event, CashMovement):
            self._move(event)
        else:
            self._split(event)
        return ()

    def mark(self, symbol: str, price: float, source: MarkSource, ts_ns: int = -1) -> None:
        """Mark one instrument in every package that holds it and note new highs and lows of their profit.

        Parameters
        ----------
        symbol : str
            Instrument.
        price : float
            Per unit of the underlying; finite.
        source : MarkSource
            Where it comes from; a model flags the trade.
        ts_ns : int, optional
            Instant of the mark, ns since the epoch, UTC; -1 where it is not told, and then it counts as old.
        """
        for package in self._by_symbol.get(symbol, ()):
            package.mark(symbol, price, source, ts_ns)

    def mark_all(self, marks: Iterable[Mark]) -> None:
        """Mark many instruments of one instant, then note each package's profit once."""
        touched: dict[str, OpenPackage] = {}
        for mark in marks:
            for package in self._by_symbol.get(mark.symbol, ()):
                package.set_price(mark.symbol, float(mark.price), mark.source, mark.ts_ns)
                touched[package.package_id] = package
        for package in touched.values():
            package.observe()

    def carry(self, symbols: Iterable[str]) -> None:
        """Note in every package that holds one of some instruments that its marks of before had to stand."""
        for symbol in symbols:
            for package in self._by_symbol.get(symbol, ()):
                package.flag("mark_carried")

    def joined(self, symbols: Iterable[str]) -> frozenset[str]:
        """Return what has to be marked at one instant with some instruments.

        Parameters
        ----------
        symbols : iterable of str
            Instruments.

        Returns
        -------
        frozenset of str
            With an instrument the others of its packages, and with those their packages, because legs that are marked
            at different instants make profits that never were.
        """
        left, found = list(symbols), set[str]()
        while left:
            symbol = left.pop()
            if symbol in found:
                continue
            found.add(symbol)
            for package in self._by_symbol.get(symbol, ()):
                left += package.symbols
        return frozenset(found)

    def marked_pnl(self, package_id: str) -> float:
        """Return an open package's profit at the marks, net of costs so far; NaN where none is open."""
        package = self._open.get(package_id)
        return float("nan") if package is None else package.marked_pnl()

    def marks(self, package_id: str) -> PackageMarks | None:
        """Return how an open package stands at its marks; None where none is open."""
        package = self._open.get(package_id)
        return None if package is None else package.marks()

    def entries_since(self, strategy: str, since_ns: int) -> int:
        """Return how many packages of a strategy had their first fill at or after an instant; at most the newest 64."""
        return sum(entered >= since_ns for entered in self._entries.get(strategy, ()))

    def last_exit_ns(self, strategy: str) -> int:
        """Return when the newest ended package of a strategy became flat, ns since the epoch; -1 before the first."""
        return self._last_exits.get(strategy, -1)

    def _fill(self, fill: Fill) -> tuple[Trade, ...]:
        package = self._open.get(fill.package_id)
        if package is None:
            plan = self._plans.get(fill.package_id) or Announcement.unannounced(fill)
            package = self._open[fill.package_id] = OpenPackage(plan, fill)
            self._entries.setdefault(fill.strategy, deque(maxlen=_N_ENTRIES)).append(fill.ts_event_ns)
        return self._booked(package, package.take(fill))

    def _bust(self, bust: Bust) -> tuple[Trade, ...]:
        package = self._open.get(bust.package_id)
        state = package.state(is_announced=True) if package is not None else None
        if package is None or state is None or bust.fill not in state.bookings:
            return self._take_back(bust)
        left = tuple(event for event in state.bookings if event != bust.fill)
        self._forget(package)
        if not any(isinstance(event, Fill) for event in left):
            del self._open[bust.package_id]
            for event in left:
                if isinstance(event, CashMovement):
                    self._move(event)
            return ()
        rest = self._open[bust.package_id] = OpenPackage.again(package.plan, left)
        rest.take_marks(state)
        rest.flag(_BUSTED)
        self._list(rest)
        return self._booked(rest, ())

    def _take_back(self, bust: Bust) -> tuple[Trade, ...]:
        """Book the reverse of a fill whose trade is told already."""
        fill = bust.fill
        costs = tuple(replace(cost, amount=cost.amount.copy_negate()) for cost in fill.costs)
        reverse = replace(
            fill,
            fill_id=bust.event_id,
            ts_event_ns=bust.ts_event_ns,
            quantity=fill.quantity.copy_negate(),
            costs=costs,
        )
        plan = self._plans.get(fill.package_id) or Announcement.unannounced(reverse)
        package = self._open.setdefault(fill.package_id, OpenPackage(plan, reverse))
        package.flag(_BUSTED)
        return self._booked(package, package.take(reverse))

    def _list(self, package: OpenPackage) -> None:
        for symbol in package.symbols:
            self._by_symbol.setdefault(symbol, []).append(package)

    def _booked(self, package: OpenPackage, new: tuple[str, ...]) -> tuple[Trade, ...]:
        for symbol in new:
            self._by_symbol.setdefault(symbol, []).append(package)
        if not package.is_flat:
            return ()
        del self._open[package.package_id]
        self._last_exits[package.strategy] = package.closed_ns
        self._forget(package)
        trade = package.trade()
        plan = self._plans.get(package.package_id)
        if plan is not None:
            plan.exit_reason, plan.exit_context = "", {}  # of this end, not of one after a late fill
        return (trade,)

    def _move(self, event: CashMovement) -> None:
        package = self._open.get(event.package_id)
        if package is not None:
            package.take(event)
        elif event.package_id:
            self._late[event.package_id] = EXACT.add(self._late.get(event.package_id, _ZERO), event.amount)

    def _split(self, event: Split) -> None:
        for package in self._open.values():
            self._forget(package)
            package.take(event)
            self._list(package)

    def _forget(self, package: OpenPackage) -> None:
        for symbol in package.symbols:
            holders = self._by_symbol[symbol]
            holders.remove(package)
            if not holders:
                del self._by_symbol[symbol]

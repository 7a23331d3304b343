"""One package while it is open: what it holds, what moved, and how well it stood on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_FLOOR, Context, Decimal
from math import gcd, inf, isfinite, nan
from typing import Final

from execution.corporate import adjusted_contract, is_split
from execution.events import CashMovement, MarkSource, Posting, Settlement, SettlementKind, Split
from execution.lots import EXACT, total_of
from execution.package_state import PackageState, PlanState
from execution.trades import Trade
from market.fills import Fill
from market.orders import Leg, OrderIntent, unit_multiplier
from market.tradables import Future, Instrument, OptionContract, Share
from strategies.views import HeldPackage, PackageMarks

__all__ = ["Announcement", "OpenPackage"]

_ZERO: Final = Decimal(0)
_FLOOR: Final = Context(prec=28, rounding=ROUND_FLOOR)
_DIGITS: Final = 9  # of a price that is told: what is behind them is the dust of floats
_FLAG_OF: Final[Mapping[MarkSource, str]] = {
    MarkSource.MODELLED_QUOTE: "marked_from_model",
    MarkSource.PARITY: "marked_by_parity",
    MarkSource.BOUNDS: "marked_by_bounds",
}
_add, _subtract, _multiply, _fma = EXACT.add, EXACT.subtract, EXACT.multiply, EXACT.fma


class Announcement:
    """What was announced of a package.

    Parameters
    ----------
    intent : OrderIntent
        The first that opens it.
    factors, context : mapping of str to float
        Known before the entry, and at it.
    """

    __slots__ = ("context", "exit_context", "exit_reason", "factors", "flags", "legs", "structure", "wanted")

    def __init__(self, intent: OrderIntent, factors: Mapping[str, float], context: Mapping[str, float]) -> None:
        self.legs, self.structure = intent.legs, intent.structure
        self.factors, self.context = dict(factors), dict(context)
        self.wanted: dict[str, Decimal] = {}
        self.flags: frozenset[str] = frozenset()
        self.exit_reason = ""
        self.exit_context: Mapping[str, float] = {}

    @classmethod
    def unannounced(cls, fill: Fill) -> Announcement:
        """Return the plan of a package of which only a fill is known: one leg, and a flag that says so."""
        self = cls.__new__(cls)
        self.legs = (Leg(instrument=fill.instrument, ratio=1 if fill.quantity > 0 else -1),)
        self.structure, self.factors, self.context, self.wanted = "", {}, {}, {}
        self.flags, self.exit_reason, self.exit_context = frozenset({"unannounced"}), "", {}
        return self

    @classmethod
    def of(cls, state: PlanState) -> Announcement:
        """Return the plan that a state describes."""
        self = cls.__new__(cls)
        self.legs, self.structure, self.wanted = state.legs, state.structure, dict(state.wanted)
        self.factors, self.context, self.flags = dict(state.factors), dict(state.context), state.flags
        self.exit_reason, self.exit_context = state.exit_reason, dict(state.exit_context)
        return self

    def state(self) -> PlanState:
        """Return the plan as a value."""
        return PlanState(
            legs=self.legs,
            structure=self.structure,
            wanted=dict(self.wanted),
            factors=dict(self.factors),
            context=dict(self.context),
            flags=self.flags,
            exit_reason=self.exit_reason,
            exit_context=dict(self.exit_context),
        )


class _Held:
    """One instrument of a package; `size` and `price` are floats for the marks."""

    __slots__ = ("entry_cost", "entry_units", "instrument", "marked_ns", "multiplier", "price", "quantity", "size")

    def __init__(self, instrument: Instrument, price: Decimal, ts_ns: int) -> None:
        self.instrument, self.multiplier, self.marked_ns = instrument, instrument.multiplier, ts_ns
        self.quantity = self.entry_units = self.entry_cost = _ZERO
        self.price, self.size = float(price), 0.0

    def trade(self, quantity: Decimal, price: Decimal, *, opens: bool) -> Decimal:
        """Take a quantity and return what it pays."""
        units = _multiply(quantity, self.multiplier)
        paid = _multiply(units, price)
        self.quantity = _add(self.quantity, quantity)
        self.size = float(_multiply(self.quantity, self.multiplier))
        if opens:
            self.entry_units, self.entry_cost = _add(self.entry_units, units), _add(self.entry_cost, paid)
        return paid


class OpenPackage:
    """A package from its first fill to flat.

    Parameters
    ----------
    plan : Announcement
        What was announced.
    fill : Fill
        Its first; not yet taken.
    """

    def __init__(self, plan: Announcement, fill: Fill) -> None:
        self.package_id: Final = fill.package_id
        self.strategy: Final = fill.strategy
        self.opened_ns: Final = fill.ts_event_ns
        self.closed_ns = fill.ts_event_ns
        self._plan = plan
        self._legs = plan.legs
        self._ratios = {leg.instrument.symbol: leg.ratio for leg in plan.legs}
        self._held: dict[str, _Held] = {}
        self._paid = self._costs = self._most = _ZERO
        self._wanted_factor = Decimal(1)
        self._flags = set(plan.flags)
        self._ended_by = ""
        self._bookings: list[Posting] = []
        self._base = 0.0  # what prices and costs have moved, as a float
        self._best, self._worst = -inf, inf

    @classmethod
    def again(cls, plan: Announcement, bookings: Sequence[Posting]) -> OpenPackage:
        """Return the package that some bookings make; a fill is among them."""
        first = next(event for event in bookings if isinstance(event, Fill))
        self = cls(plan, first)
        for event in bookings:
            self.take(event)
        return self

    @classmethod
    def resumed(cls, state: PackageState, plan: Announcement) -> OpenPackage:
        """Return the package that a state describes."""
        self = cls.again(plan, state.bookings)
        self.take_marks(state)
        return self

    def take_marks(self, state: PackageState) -> None:
        """Take marks, best and worst profit and flags of a state of the same package."""
        for symbol, held in self._held.items():
            held.price = state.prices.get(symbol, held.price)
            held.marked_ns = state.marked_ns.get(symbol, held.marked_ns)
        self._best, self._worst = state.best, state.worst
        self._flags |= state.flags

    def state(self, *, is_announced: bool) -> PackageState:
        """Return the package as a value; of one that was announced the plan is kept elsewhere."""
        return PackageState(
            package_id=self.package_id,
            plan=None if is_announced else self._plan.state(),
            bookings=tuple(self._bookings),
            prices={symbol: held.price for symbol, held in self._held.items()},
            marked_ns={symbol: held.marked_ns for symbol, held in self._held.items()},
            best=self._best,
            worst=self._worst,
            flags=frozenset(self._flags),
        )

    @property
    def plan(self) -> Announcement:
        """What was announced of it."""
        return self._plan

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols of all that it has held."""
        return tuple(self._held)

    @property
    def is_flat(self) -> bool:
        """Whether nothing is left."""
        return all(not held.quantity for held in self._held.values())

    def take(self, event: Posting) -> tuple[str, ...]:
        """Take a booking and return the symbols that are new in the package."""
        self._bookings.append(event)
        if isinstance(event, Fill | Settlement):
            self.closed_ns = event.ts_event_ns
            return self._fill(event) if isinstance(event, Fill) else self._settle(event)
        if isinstance(event, CashMovement):
            self._charge(event.amount.copy_negate())
        else:
            self._split(event)
        return ()

    def flag(self, name: str) -> None:
        """Note what a reader of its trade must know."""
        self._flags.add(name)

    def _fill(self, fill: Fill) -> tuple[str, ...]:
        self._ended_by = ""
        ratio = self._ratios.get(fill.instrument.symbol, 0)
        opens = (fill.quantity > 0) is (ratio > 0) and ratio != 0
        new = self._trade(fill.instrument, fill.quantity, fill.price, fill.ts_event_ns, opens=opens)
        self._charge(total_of(cost.amount for cost in fill.costs))
        self._most = max(self._most, self._whole())
        return new

    def _settle(self, event: Settlement) -> tuple[str, ...]:
        self._flags |= _flags_of(event)
        self._ended_by = _end_of(event)
        at_ns = event.ts_event_ns
        new = self._trade(event.instrument, event.quantity.copy_negate(), event.price, at_ns, opens=False)
        if event.delivered is not None:
            new += self._trade(event.delivered, event.delivered_quantity, event.delivered_price, at_ns, opens=False)
            self._held[event.delivered.symbol].price = float(event.settlement_price)
        return new

    def _charge(self, cost: Decimal) -> None:
        """Book a charge to the package; a gift is negative."""
        self._costs = _add(self._costs, cost)
        self._base = -float(_add(self._paid, self._costs))

    def _split(self, event: Split) -> None:
        """Carry the package through a split of a share."""
        touched = {symbol for symbol, held in self._held.items() if is_split(held.instrument, event)}
        if not touched:
            return
        # What has ended keeps its name, and gives way where a living contract takes it.
        ended_first = sorted(self._held.values(), key=lambda held: bool(held.quantity))
        renamed = {held.instrument.symbol: _split_held(held, event) for held in ended_first}
        self._held = {after.instrument.symbol: after for after in renamed.values()}
        factors = [event.numerator if is_split(leg.instrument, event) else event.denominator for leg in self._legs]
        ratios = [leg.ratio * factor for leg, factor in zip(self._legs, factors, strict=True)]
        common = gcd(*ratios)
        self._legs = tuple(
            Leg(instrument=_renamed(leg.instrument, renamed), ratio=ratio // common)
            for leg, ratio in zip(self._legs, ratios, strict=True)
        )
        self._ratios = {leg.instrument.symbol: leg.ratio for leg in self._legs}
        factor = _FLOOR.divide(Decimal(common), Decimal(event.denominator))
        self._most, self._wanted_factor = _FLOOR.multiply(self._most, factor), self._wanted_factor * factor
        self._flags.add("split")

    def set_price(self, symbol: str, price: float, source: MarkSource, ts_ns: int) -> None:
        """Mark one instrument without looking at the profit yet."""
        held = self._held[symbol]
        held.price, held.marked_ns = price, ts_ns
        flag = _FLAG_OF.get(source)
        if flag is not None:
            self._flags.add(flag)

    def mark(self, symbol: str, price: float, source: MarkSource, ts_ns: int) -> None:
        """Mark one instrument and note the profit: both in one call, because this stands at every bar."""
        held = self._held
        marked = held[symbol]
        marked.price, marked.marked_ns = price, ts_ns
        if source in _FLAG_OF:
            self._flags.add(_FLAG_OF[source])
        profit = self._base
        for each in held.values():
            profit += each.size * each.price
        if profit > self._best:  # noqa: PLR1730
            self._best = profit
        if profit < self._worst:  # noqa: PLR1730
            self._worst = profit

    def observe(self) -> None:
        """Note the profit at the marks where it is a new high or low."""
        profit = self.marked_pnl()
        # At every mark: a comparison costs a fifth of a call to max or min.
        if profit > self._best:  # noqa: PLR1730
            self._best = profit
        if profit < self._worst:  # noqa: PLR1730
            self._worst = profit

    def marked_pnl(self) -> float:
        """Return the profit at the marks, net of costs so far, account currency."""
        profit = self._base
        for held in self._held.values():
            profit += held.size * held.price
        return profit

    def marks(self) -> PackageMarks:
        """Return how it stands at the marks."""
        held = [each for each in self._held.values() if each.quantity]
        return PackageMarks(
            profit=self.marked_pnl(),
            best_profit=self._best if isfinite(self._best) else nan,
            worst_profit=self._worst if isfinite(self._worst) else nan,
            value=sum(each.size * each.price for each in held),
            marked_ns=min((each.marked_ns for each in held), default=self.closed_ns),
        )

    def held_package(self) -> HeldPackage:
        """Return it as strategies see it."""
        whole = self._whole()
        fits = all(
            held.quantity == _multiply(whole, Decimal(self._ratios.get(symbol, 0)))
            for symbol, held in self._held.items()
        )
        return HeldPackage(
            package_id=self.package_id,
            strategy=self.strategy,
            structure=self._plan.structure,
            legs=self._legs,
            quantity=whole,
            opened_ns=self.opened_ns,
            entry_price=self._entry_price(),
            is_whole=fits and whole > 0,
            units={symbol: held.quantity for symbol, held in self._held.items() if held.quantity},
            factors=self._plan.factors,
        )

    def trade(self) -> Trade:
        """Return the trade that the package was; it is flat."""
        gross = self._paid.copy_negate()
        net = _subtract(gross, self._costs)
        per_unit = float(self._most * unit_multiplier(self._legs))
        entry = self._entry_price() if self._most else nan
        wanted = total_of(self._plan.wanted.values()) * self._wanted_factor
        short = {"partially_filled"} if self._most < wanted else set()
        return Trade(
            package_id=self.package_id,
            strategy=self.strategy,
            structure=self._plan.structure,
            legs=self._legs,
            quantity=self._most,
            opened_ns=self.opened_ns,
            closed_ns=self.closed_ns,
            entry_price=entry,
            exit_price=round(-float(gross) / per_unit - entry, _DIGITS) + 0.0 if per_unit else nan,
            gross_pnl=gross,
            costs=self._costs,
            net_pnl=net,
            exit_reason=self._ended_by or self._plan.exit_reason or "closed",
            best_pnl=max(self._best, float(net)),
            worst_pnl=min(self._worst, float(net)),
            factors=self._plan.factors,
            entry_context=self._plan.context,
            exit_context=self._plan.exit_context,
            flags=frozenset(self._flags | short),
        )

    def _trade(
        self, instrument: Instrument, quantity: Decimal, price: Decimal, ts_ns: int, *, opens: bool
    ) -> tuple[str, ...]:
        symbol = instrument.symbol
        held = self._held.get(symbol)
        new = () if held else (symbol,)
        held = held or self._held.setdefault(symbol, _Held(instrument, price, ts_ns))
        self._paid = _add(self._paid, held.trade(quantity, price, opens=opens))
        self._base = -float(_add(self._paid, self._costs))
        return new

    def _whole(self) -> Decimal:
        """Return how many packages stand whole: of each leg at least its ratio times as many."""
        counts = []
        for leg in self._legs:
            held = self._held.get(leg.instrument.symbol)
            if held is None or not held.quantity or (held.quantity > 0) is not (leg.ratio > 0):
                return _ZERO
            counts.append(held.quantity if leg.ratio == 1 else _FLOOR.divide(held.quantity, Decimal(leg.ratio)))
        least = min(counts)
        if len(counts) > 1 and any(isinstance(leg.instrument, OptionContract | Future) for leg in self._legs):
            return least.to_integral_value(ROUND_FLOOR)
        return least

    def _entry_price(self) -> float:
        """Return the net price from each leg's mean entry; NaN where a leg has none."""
        per_unit = unit_multiplier(self._legs)
        price = 0.0
        for leg in self._legs:
            held = self._held.get(leg.instrument.symbol)
            if held is None or not held.entry_units:
                return nan
            mean = float(held.entry_cost) / float(held.entry_units)
            price += leg.ratio * mean * float(held.multiplier / per_unit)
        return round(price, _DIGITS) + 0.0


def _flags_of(event: Settlement) -> set[str]:
    flags = {"pinned"} if event.is_pinned else set()
    if event.kind in {SettlementKind.ASSIGNED, SettlementKind.EXERCISED}:
        flags.add(event.kind.value)
    if event.is_early:
        return flags | {"early"}
    return flags | ({"fraction_in_cash"} if isinstance(event.instrument, Share) else {"expired"})


def _end_of(event: Settlement) -> str:
    if event.kind in {SettlementKind.ASSIGNED, SettlementKind.EXERCISED}:
        return event.kind.value
    return "fraction_in_cash" if isinstance(event.instrument, Share) else "expired"


def _renamed(instrument: Instrument, held: Mapping[str, _Held]) -> Instrument:
    after = held.get(instrument.symbol)
    return instrument if after is None else after.instrument


def _split_held(held: _Held, split: Split) -> _Held:
    instrument = held.instrument
    if not is_split(instrument, split):
        return held
    if isinstance(instrument, OptionContract) and held.quantity:
        instrument = adjusted_contract(instrument, split)
    new, old = Decimal(split.numerator), Decimal(split.denominator)
    after = _Held(instrument, _ZERO, held.marked_ns)
    after.price = held.price * split.denominator / split.numerator
    after.quantity = EXACT.divide(_multiply(held.quantity, new), old)
    after.entry_units, after.entry_cost = _FLOOR.divide(_multiply(held.entry_units, new), old), held.entry_cost
    after.size = float(_multiply(after.quantity, after.multiplier))
    return after

"""One instrument of an account, kept twice: by the money that moved and by the lots that are open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Final

from execution.lots import EXACT, Lot, LotChange, cost_of, rounded_ratio, split_lots, total_of, trade_lots
from market.tradables import Future, Instrument, Perpetual
from strategies.views import Holding

__all__ = ["PackageLots", "PackagePosition", "Position", "PositionState", "Traded"]

_ZERO: Final = Decimal(0)
_NOT_TOLD: Final = Decimal("NaN")
# Only averages for the eye divide; what is booked never does.
_DISPLAY: Final = Context(prec=28)
_add, _multiply, _subtract, _fma = EXACT.add, EXACT.multiply, EXACT.subtract, EXACT.fma


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagePosition:
    """What one package holds of one instrument.

    Parameters
    ----------
    package_id, strategy : str
        Whose.
    instrument : Instrument
        What.
    quantity : Decimal
        Positive long, negative short; never 0.
    cost : Decimal
        What the open lots were bought for, account currency; negative of what was sold. NaN where nobody told it.
    """

    package_id: str
    strategy: str
    instrument: Instrument
    quantity: Decimal
    cost: Decimal = _NOT_TOLD


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLots:
    """Open lots of one package in one instrument.

    Parameters
    ----------
    package_id, strategy : str
        Whose.
    lots : tuple of Lot
        Oldest first, all of one sign.
    """

    package_id: str
    strategy: str
    lots: tuple[Lot, ...]

    @property
    def quantity(self) -> Decimal:
        """Sum of the lots."""
        return total_of(lot.quantity for lot in self.lots)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionState:
    """A position as a value.

    Parameters
    ----------
    instrument : Instrument
        What is held.
    size : Decimal
        Quantity x multiplier, from the bookings.
    settled : Decimal
        What its value lacks against size x price, account currency: 0 where premium is paid, else minus the notional
        whose profit has not moved cash.
    price : Decimal
        Mark.
    mark_ns : int
        Instant of the mark, ns since the epoch, UTC.
    packages : tuple of PackageLots
        Open lots.
    """

    instrument: Instrument
    size: Decimal
    settled: Decimal
    price: Decimal
    mark_ns: int
    packages: tuple[PackageLots, ...]


@dataclass(frozen=True, slots=True)
class Traded:
    """What a trade moved, account currency, on both sides.

    Parameters
    ----------
    cash : Decimal
        Paid or received.
    change : LotChange
        What became of the lots.
    """

    cash: Decimal
    change: LotChange


class Position:
    """One instrument; `size` and `settled` follow the money, `lot_size` and `lot_cost` the lots.

    Parameters
    ----------
    instrument : Instrument
        What is held.
    price : Decimal
        First mark, per unit of the underlying.
    mark_ns : int
        Its instant, ns since the epoch, UTC.
    """

    __slots__ = (
        "has_variation",
        "instrument",
        "lot_cost",
        "lot_size",
        "mark_ns",
        "multiplier",
        "packages",
        "price",
        "settled",
        "size",
    )

    def __init__(self, instrument: Instrument, price: Decimal, mark_ns: int) -> None:
        self.instrument = instrument
        self.multiplier = instrument.multiplier
        self.has_variation = isinstance(instrument, Perpetual | Future)
        self.price, self.mark_ns = price, mark_ns
        self.size = self.settled = self.lot_size = self.lot_cost = _ZERO
        self.packages: dict[str, PackageLots] = {}

    @classmethod
    def of(cls, state: PositionState) -> Position:
        """Return the position that a state describes; its lots are summed anew."""
        self = cls(state.instrument, state.price, state.mark_ns)
        self.size, self.settled = state.size, state.settled
        self.packages = {each.package_id: each for each in state.packages}
        self._sum_lots()
        return self

    def state(self) -> PositionState:
        """Return the position as a value."""
        return PositionState(
            instrument=self.instrument,
            size=self.size,
            settled=self.settled,
            price=self.price,
            mark_ns=self.mark_ns,
            packages=tuple(self.packages.values()),
        )

    @property
    def value(self) -> Decimal:
        """What it adds to equity beside cash: premium at the mark, or profit not yet moved to cash."""
        return _fma(self.size, self.price, self.settled)

    @property
    def unrealised(self) -> Decimal:
        """Profit of the open lots at the mark."""
        return _subtract(_multiply(self.lot_size, self.price), self.lot_cost)

    def unrealised_by_lot(self) -> Iterator[tuple[Lot, Decimal]]:
        """Yield each open lot with its profit at the mark, account currency."""
        for package in self.packages.values():
            for lot in package.lots:
                worth = _multiply(_multiply(lot.quantity, self.multiplier), self.price)
                yield lot, _subtract(worth, cost_of((lot,), self.multiplier))

    def trade(self, lot: Lot, package_id: str, strategy: str) -> Traded:
        """Book a trade, given as the lot that it would open, and return what it moved."""
        units = _multiply(lot.quantity, self.multiplier)
        flow = _multiply(units, lot.price).copy_negate()
        held = self.packages.get(package_id)
        change = trade_lots(
            held.lots if held else (),
            lot,
            multiplier=self.multiplier,
            package_id=package_id,
            symbol=self.instrument.symbol,
        )
        self.size = _add(self.size, units)
        self.lot_size = _fma(change.quantity, self.multiplier, self.lot_size)
        self.lot_cost = _add(self.lot_cost, change.cost)
        if change.lots:
            self.packages[package_id] = PackageLots(package_id=package_id, strategy=strategy, lots=change.lots)
        else:
            self.packages.pop(package_id, None)
        if self.has_variation:
            # Value falls by what moves to cash: the sum of both knows nothing of the lots that decided when.
            self.settled = _subtract(_add(self.settled, flow), change.realised)
            return Traded(change.realised, change)
        return Traded(flow, change)

    def after_split(self, numerator: int, denominator: int, instrument: Instrument) -> Position:
        """Return the position after a split: more units at a lower price, the same cost."""
        after = Position(instrument, rounded_ratio(self.price, numerator, denominator), self.mark_ns)
        after.settled = self.settled
        for each in self.packages.values():
            lots = split_lots(each.lots, numerator, denominator, self.multiplier)
            after.packages[each.package_id] = PackageLots(package_id=each.package_id, strategy=each.strategy, lots=lots)
        after.size = EXACT.divide(_multiply(self.size, Decimal(numerator)), Decimal(denominator))
        after._sum_lots()
        return after

    def held(self, package_id: str) -> Decimal:
        """Return what a package holds."""
        package = self.packages.get(package_id)
        return package.quantity if package else _ZERO

    def lots_fit(self) -> bool:
        """Return whether the lots, summed anew, are the running sums and the quantity that was booked."""
        return self._summed_lots() == (self.lot_size, self.lot_cost) and self.size == self.lot_size

    def holding(self) -> Holding | None:
        """Return it as strategies see it; None where the packages cancel out."""
        if not self.size:
            return None
        return Holding(
            instrument=self.instrument,
            quantity=EXACT.divide(self.size, self.multiplier),
            average_price=_DISPLAY.divide(self.lot_cost, self.lot_size),
        )

    def _sum_lots(self) -> None:
        self.lot_size, self.lot_cost = self._summed_lots()

    def _summed_lots(self) -> tuple[Decimal, Decimal]:
        size = cost = _ZERO
        for package in self.packages.values():
            size = _fma(package.quantity, self.multiplier, size)
            cost = _add(cost, cost_of(package.lots, self.multiplier))
        return size, cost

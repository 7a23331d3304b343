"""What a package is worth at expiry: exact and piecewise linear; one definition for all who ask."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from market.errors import DataError
from market.tradables import Instrument, OptionContract

__all__ = ["Payoff", "expiry_payoff"]

_ZERO: Final = Decimal(0)
_UNBOUNDED: Final = Decimal("Infinity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Payoff:
    """A piecewise-linear function of the settlement price, account currency.

    Parameters
    ----------
    nodes : tuple of Decimal
        Prices at which the slope may change: 0 and the strikes, rising.
    values : tuple of Decimal
        Value at each node, less what the package cost.
    final_slope : Decimal
        Change of value per unit of price above the last node.
    """

    nodes: tuple[Decimal, ...]
    values: tuple[Decimal, ...]
    final_slope: Decimal

    def at(self, price: Decimal) -> Decimal:
        """Return the value at a settlement price.

        Parameters
        ----------
        price : Decimal
            Settlement price, >= 0.

        Returns
        -------
        Decimal
            Account currency; exact at nodes and above the last, else to the precision of a quotient.
        """
        place = bisect_right(self.nodes, price) - 1
        if place < 0:
            raise DataError("a settlement price cannot be negative", found=str(price), expected=">= 0")
        start, value = self.nodes[place], self.values[place]
        if price == start:
            return value
        if place + 1 == len(self.nodes):
            return value + self.final_slope * (price - start)
        rise = self.values[place + 1] - value
        return value + rise * (price - start) / (self.nodes[place + 1] - start)

    @property
    def max_profit(self) -> Decimal:
        """Largest value; infinite where it rises without end."""
        return _UNBOUNDED if self.final_slope > 0 else max(self.values)

    @property
    def max_loss(self) -> Decimal:
        """Largest loss as a number >= 0; infinite where it falls without end, 0 where nothing can be lost."""
        return _UNBOUNDED if self.final_slope < 0 else max(-min(self.values), _ZERO)

    @property
    def break_evens(self) -> tuple[Decimal, ...]:
        """Prices at which the value is 0, rising; of a stretch at 0 those of its ends that exist."""
        found: list[Decimal] = []
        for place, (start, value) in enumerate(zip(self.nodes, self.values, strict=True)):
            if value == 0:
                if not (self._is_flat(place - 1) and self._is_flat(place)):
                    found.append(start)
            elif place + 1 < len(self.nodes):
                after = self.values[place + 1]
                if value * after < 0:
                    found.append(start + (self.nodes[place + 1] - start) * value / (value - after))
            elif value * self.final_slope < 0:
                found.append(start - value / self.final_slope)
        return tuple(found)

    def _is_flat(self, place: int) -> bool:
        """Whether the value is 0 from a node to the next; before the first node there is nothing."""
        if place < 0:
            return False
        after = self.final_slope if place + 1 == len(self.nodes) else self.values[place + 1]
        return self.values[place] == 0 and after == 0


def expiry_payoff(positions: Iterable[tuple[Instrument, Decimal]], *, cost: Decimal = _ZERO) -> Payoff:
    """Return what positions on one underlying are worth if all end at one settlement price.

    Parameters
    ----------
    positions : iterable of (Instrument, Decimal)
        Signed units. Shares, perpetuals and futures count at the settlement price itself, so that `cost` holds what
        was paid for them, or their entry price.
    cost : Decimal
        Paid for all of it, account currency; negative where it was received.

    Returns
    -------
    Payoff
        Exact. Contracts of several expirations count as if all ended at once, which bounds nothing: what they can lose
        is told by `risk.book_loss.least_value`.

    Raises
    ------
    DataError
        There is no position, or they have several underlyings.
    """
    held = [(item, quantity * item.multiplier) for item, quantity in positions]
    underlyings = {item.underlying for item, _ in held}
    if len(underlyings) != 1:
        raise DataError(
            "a pay-off is a function of one price",
            found=f"underlyings {sorted(underlyings)}",
            expected="one or more positions on one underlying",
        )
    options = [(item, units) for item, units in held if isinstance(item, OptionContract)]
    linear = sum((units for item, units in held if not isinstance(item, OptionContract)), _ZERO)
    nodes = sorted({_ZERO, *(item.strike for item, _ in options)})
    values = [sum((units * item.intrinsic(node) for item, units in options), linear * node - cost) for node in nodes]
    final_slope = linear + sum((units for item, units in options if item.is_call), _ZERO)
    return Payoff(nodes=tuple(nodes), values=tuple(values), final_slope=final_slope)

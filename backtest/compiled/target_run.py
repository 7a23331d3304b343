"""Target positions over bars: each bar's target is traded at the next bar's open, as orders and fills to be booked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backtest.compiled.bar_ticks import BarTicks
from backtest.compiled.kernels import fill_targets
from market.chains import FloatArray
from market.errors import ConfigError
from market.orders import PositionEffect
from market.trades import Int64Array

__all__ = ["TargetFill", "TargetRun", "run_targets"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetFill:
    """One fill of a compiled run; a reversal is two, as on the event path: one closes, one opens.

    Parameters
    ----------
    bar : int
        Bar at whose open it happened.
    ts_ns : int
        That instant, ns since the epoch, UTC.
    quantity : Decimal
        Positive bought, negative sold.
    price : Decimal
        Per unit, exact.
    effect : PositionEffect
        Open or close.
    """

    bar: int
    ts_ns: int
    quantity: Decimal
    price: Decimal
    effect: PositionEffect


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRun:
    """Orders and profit of a run of target positions.

    Parameters
    ----------
    bars : BarTicks
        What it ran over.
    quantity : Decimal
        Units of a whole position.
    order_bar : ndarray of int64, shape (n_orders,)
        Bar at whose open each change of position was filled.
    change : ndarray of int64, shape (n_orders,)
        Signed change in whole positions: 2 is a reversal from short to long.
    price : ndarray of int64, shape (n_orders,)
        Fill price in ticks.
    profit_ticks : ndarray of int64, shape (n_bars,)
        Profit at each close before costs, in ticks of one whole position.
    """

    bars: BarTicks
    quantity: Decimal
    order_bar: Int64Array
    change: Int64Array
    price: Int64Array
    profit_ticks: Int64Array

    @property
    def n_orders(self) -> int:
        """Changes of the position; a reversal counts once."""
        return int(self.order_bar.shape[0])

    def profit(self, multiplier: Decimal = Decimal(1)) -> FloatArray:
        """Return the profit at each close before costs, quote currency.

        Parameters
        ----------
        multiplier : Decimal, optional
            Of the instrument.

        Returns
        -------
        ndarray, shape (n_bars,)
            Rounded once from an exact number.
        """
        profit: FloatArray = self.profit_ticks * np.float64(self.bars.tick * self.quantity * multiplier)
        return profit

    def executions(self) -> Iterator[TargetFill]:
        """Yield the fills in order, exact."""
        position = 0
        starts = self.bars.start_ns[self.order_bar].tolist()
        rows = zip(self.order_bar.tolist(), starts, self.change.tolist(), self.price.tolist(), strict=True)
        for bar, ts_ns, change, ticks in rows:
            price = ticks * self.bars.tick
            closed = -position if position * change < 0 else 0
            for part, effect in ((closed, PositionEffect.CLOSE), (change - closed, PositionEffect.OPEN)):
                if part:
                    quantity = part * self.quantity
                    yield TargetFill(bar=bar, ts_ns=ts_ns, quantity=quantity, price=price, effect=effect)
            position += change


def run_targets(bars: BarTicks, target: NDArray[np.int8], quantity: Decimal, *, half_spread: int = 0) -> TargetRun:
    """Trade towards the target of each bar at the next bar's open.

    Parameters
    ----------
    bars : BarTicks
        Opens to fill at and closes to mark at.
    target : ndarray of int8, shape (n_bars,)
        Side that is wanted after each bar: -1, 0 or 1.
    quantity : Decimal
        Units of a whole position, > 0.
    half_spread : int, optional
        Ticks beyond the open at which an order fills, >= 0.

    Returns
    -------
    TargetRun
        The target of the last bar is not traded: there is no open after it.

    Raises
    ------
    ConfigError
        Shapes do not fit, a target is none of the three, or the spread is negative.
    """
    if target.shape != bars.close.shape or half_spread < 0 or quantity <= 0:
        raise ConfigError(
            "targets cannot be run",
            found=f"{target.shape[0]} targets, half a spread of {half_spread} ticks, {quantity} units",
            expected=f"{bars.n_bars} targets, a spread >= 0 and a quantity above 0",
        )
    if target.size and int(np.abs(target).max()) > 1:
        raise ConfigError("a target cannot be", found=str(int(np.abs(target).max())), expected="-1, 0 or 1")
    columns: list[Any] = [np.empty(bars.n_bars, dtype=np.int64) for _ in range(4)]
    n = fill_targets(bars.open, bars.close, target, 1, half_spread, *columns)
    order_bar, change, price = (column[:n].copy() for column in columns[:3])
    return TargetRun(
        bars=bars, quantity=quantity, order_bar=order_bar, change=change, price=price, profit_ticks=columns[3]
    )

"""The crossing of two moving averages over a whole recording, and over a grid of windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.compiled.bar_ticks import BarTicks
from backtest.compiled.kernels import crossing_grid, crossing_targets
from backtest.compiled.target_run import TargetRun, run_targets
from market.chains import FloatArray
from market.errors import ConfigError
from market.trades import Int64Array
from strategies.moving_average import MovingAverageCross

__all__ = ["CrossingGrid", "require_room", "run_crossing", "run_crossing_grid"]

# Ticks x window x window must stay below 2 ** 63.
_ROOM: Final = 1 << 62
_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossingGrid:
    """What each pair of windows earned; arrays of shape ``(n_pairs,)``, one unit traded, quote currency.

    Parameters
    ----------
    fast, slow : ndarray of int64
        Windows in bars.
    n_orders : ndarray of int64
        Orders that were filled.
    profit : ndarray
        At the last close, after costs.
    drawdown : ndarray
        Largest fall of the profit from its peak, >= 0.
    deviation : ndarray
        Standard deviation of the change of profit from bar to bar.
    n_bars : int
        Bars that each pair was run over.
    """

    fast: Int64Array
    slow: Int64Array
    n_orders: Int64Array
    profit: FloatArray
    drawdown: FloatArray
    deviation: FloatArray
    n_bars: int


def run_crossing(bars: BarTicks, strategy: MovingAverageCross, *, half_spread: int = 0) -> TargetRun:
    """Run a crossing of averages over a recording.

    Parameters
    ----------
    bars : BarTicks
        Bars of the strategy's instrument.
    strategy : MovingAverageCross
        Its windows, side and quantity.
    half_spread : int, optional
        Ticks beyond the next open at which an order fills, >= 0.

    Returns
    -------
    TargetRun
        Orders, fills and profit; the same as the event path.

    Raises
    ------
    ConfigError
        The bars are not those of the strategy, or the prices are too large for exact sums over such windows.
    """
    if bars.symbol != strategy.instrument.symbol:
        raise ConfigError(
            "bars of another instrument", found=bars.symbol, expected=f"bars of {strategy.instrument.symbol}"
        )
    require_room(bars, strategy.slow)
    target = np.empty(bars.n_bars, dtype=np.int8)
    crossing_targets(bars.close, strategy.fast, strategy.slow, target)
    if not strategy.allows_short:
        np.maximum(target, 0, out=target)
    return run_targets(bars, target, strategy.quantity, half_spread=half_spread)


def run_crossing_grid(
    bars: BarTicks, pairs: Sequence[tuple[int, int]], *, half_spread: int = 0, fee_ticks: float = 0.0
) -> CrossingGrid:
    """Run many pairs of windows over one recording, long and short, one unit.

    Parameters
    ----------
    bars : BarTicks
        Read and summed once for all pairs.
    pairs : sequence of (int, int)
        Fast and slow windows, ``1 <= fast < slow <= n_bars``.
    half_spread : int, optional
        Ticks beyond the next open at which an order fills, >= 0.
    fee_ticks : float, optional
        Charge per unit and fill, in ticks, >= 0; kept to the thousandth.

    Returns
    -------
    CrossingGrid
        One row per pair, in the order given.

    Raises
    ------
    ConfigError
        A pair cannot be, or the prices are too large for exact sums over such windows.
    """
    fast, slow = (np.array([pair[k] for pair in pairs], dtype=np.int64) for k in (0, 1))
    wrong = np.flatnonzero((fast < 1) | (fast >= slow) | (slow > bars.n_bars))
    if wrong.size:
        raise ConfigError(
            "a pair of windows cannot be",
            found=str(pairs[int(wrong[0])]),
            expected=f"1 <= fast < slow <= {bars.n_bars} bars",
        )
    require_room(bars, int(slow.max(initial=1)))
    sums = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(bars.close)])
    result = np.empty((len(pairs), 4))
    crossing_grid(bars.open, bars.close, sums, fast, slow, half_spread, round(fee_ticks * _THOUSAND), result)
    tick = float(bars.tick)
    profit = result[:, 1] * tick
    variance = result[:, 3] * tick * tick / bars.n_bars - (profit / bars.n_bars) ** 2
    return CrossingGrid(
        fast=fast,
        slow=slow,
        n_orders=result[:, 0].astype(np.int64),
        profit=profit,
        drawdown=result[:, 2] * tick,
        deviation=np.sqrt(np.maximum(variance, 0.0)),
        n_bars=bars.n_bars,
    )


def require_room(bars: BarTicks, slow: int) -> None:
    """Raise ConfigError where sums of prices over windows of so many bars would not fit into 64 bits."""
    highest = int(bars.close.max(initial=1))
    if highest * slow * slow > _ROOM or highest * bars.n_bars > _ROOM:
        raise ConfigError(
            "sums of prices would not fit into 64 bits",
            found=f"{highest} ticks over {slow} of {bars.n_bars} bars",
            expected="fewer bars, shorter windows or a coarser tick",
        )

"""Compiled runs against the rule written out in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.compiled.bar_ticks import BarTicks
from backtest.compiled.crossing import run_crossing, run_crossing_grid
from backtest.compiled.target_run import run_targets
from market.errors import ConfigError
from market.orders import PositionEffect
from market.tradables import Share
from strategies.moving_average import MovingAverageCross
from tests.backtest.compiled.series import TICK, random_bars

_SPY = Share(symbol="SPY")
_WINDOWS = st.tuples(st.integers(1, 8), st.integers(1, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def _sides(close: Sequence[int], fast: int, slow: int) -> list[int]:
    """Return the side after each bar, from means of whole windows."""
    found, side = [], 0
    for t in range(len(close)):
        if t >= slow - 1:
            gap = Fraction(sum(close[t + 1 - fast : t + 1]), fast) - Fraction(sum(close[t + 1 - slow : t + 1]), slow)
            side = side if gap == 0 else 1 if gap > 0 else -1
        found.append(side)
    return found


def _profits(bars: BarTicks, sides: Sequence[int], spread: int) -> tuple[list[int], int]:
    """Return the profit at each close in ticks and the number of orders, by walking over the bars."""
    position, cash, orders, found = 0, 0, 0, []
    for t, (opened, close) in enumerate(zip(bars.open.tolist(), bars.close.tolist(), strict=True)):
        wanted = sides[t - 1] if t else 0
        if wanted != position:
            change = wanted - position
            cash -= change * opened + abs(change) * spread
            position, orders = wanted, orders + 1
        found.append(cash + position * close)
    return found, orders


@given(seed=st.integers(0, 10_000), n_bars=st.integers(0, 60), windows=_WINDOWS, spread=st.integers(0, 3))
def test_it_is_the_rule_in_exact_fractions(seed: int, n_bars: int, windows: tuple[int, int], spread: int) -> None:
    """Sides, orders and profit are those of means that are never rounded, ties included."""
    bars = random_bars(seed, n_bars, step=1)
    fast, slow = windows
    run = run_crossing(bars, MovingAverageCross(instrument=_SPY, fast=fast, slow=slow), half_spread=spread)
    profits, orders = _profits(bars, _sides(bars.close.tolist(), fast, slow), spread)
    assert (run.profit_ticks.tolist(), run.n_orders) == (profits, orders)


@given(seed=st.integers(0, 10_000), n_bars=st.integers(25, 80), pairs=st.lists(_WINDOWS, max_size=6))
def test_a_grid_is_its_runs(seed: int, n_bars: int, pairs: list[tuple[int, int]]) -> None:
    """Each row of a grid has the orders, profit, drawdown and deviation of its own run."""
    bars = random_bars(seed, n_bars)
    grid = run_crossing_grid(bars, pairs, half_spread=1)
    for row, (fast, slow) in enumerate(pairs):
        run = run_crossing(bars, MovingAverageCross(instrument=_SPY, fast=fast, slow=slow), half_spread=1)
        profit = run.profit()
        assert grid.n_orders[row] == run.n_orders
        assert grid.profit[row] == pytest.approx(profit[-1], abs=1e-9)
        peaks = np.maximum.accumulate(np.concatenate([[0.0], profit]))[1:]
        assert grid.drawdown[row] == pytest.approx(float((peaks - profit).max()), abs=1e-9)
        assert grid.deviation[row] == pytest.approx(np.diff(profit, prepend=0.0).std(), abs=1e-9)


def test_fees_of_a_grid_are_charged_per_unit_and_fill() -> None:
    """Half a tick for each unit: a reversal pays for two."""
    bars = random_bars(5, 200)
    free, paid = (run_crossing_grid(bars, [(3, 10)], fee_ticks=fee) for fee in (0.0, 0.5))
    units = int(np.abs(run_crossing(bars, MovingAverageCross(instrument=_SPY, fast=3, slow=10)).change).sum())
    assert float(free.profit[0] - paid.profit[0]) == pytest.approx(0.5 * units * 0.01)


@given(seed=st.integers(0, 10_000), targets=st.lists(st.integers(-1, 1), max_size=40), spread=st.integers(0, 2))
def test_executions_add_up_to_the_profit(seed: int, targets: list[int], spread: int) -> None:
    """Cash of the fills plus the marked position is the profit, exactly; no fill closes more than is held."""
    bars = random_bars(seed, len(targets))
    run = run_targets(bars, np.array(targets, dtype=np.int8), Decimal(7), half_spread=spread)
    position, cash = Decimal(0), Decimal(0)
    for fill in run.executions():
        if fill.effect is PositionEffect.CLOSE:
            assert fill.quantity == -position
        cash -= fill.quantity * fill.price
        position += fill.quantity
    if targets:
        last = int(bars.close[-1]) * TICK
        assert cash + position * last == int(run.profit_ticks[-1]) * TICK * 7


def test_a_fill_knows_nothing_of_its_own_bar() -> None:
    """Whatever happens from a bar on, the fills up to its open are the same (no look-ahead)."""
    bars = random_bars(11, 300)
    cross = MovingAverageCross(instrument=_SPY, fast=3, slow=10)
    whole = list(run_crossing(bars, cross).executions())
    for cut in (50, 151, 299):
        close = bars.close.copy()
        close[cut:] += 5_000
        changed = BarTicks(
            symbol="SPY", tick=TICK, start_ns=bars.start_ns, end_ns=bars.end_ns, open=bars.open, close=close
        )
        fills = list(run_crossing(changed, cross).executions())
        assert [fill for fill in fills if fill.bar <= cut] == [fill for fill in whole if fill.bar <= cut]


def test_a_reversal_is_one_order_and_two_fills() -> None:
    """It closes what is held and opens the other side at one price and instant."""
    run = run_crossing(random_bars(3, 500), MovingAverageCross(instrument=_SPY, fast=3, slow=10))
    fills = list(run.executions())
    assert len(fills) == 2 * run.n_orders - 1
    for closed, opened in pairwise(fills[1:]):
        if closed.effect is PositionEffect.CLOSE:
            assert (opened.bar, opened.price, opened.quantity) == (closed.bar, closed.price, closed.quantity)


def test_without_short_sales_it_is_long_or_flat() -> None:
    """The side below the slow average is no position."""
    cross = MovingAverageCross(instrument=_SPY, fast=3, slow=10, allows_short=False)
    position = np.cumsum(run_crossing(random_bars(3, 500), cross).change)
    assert set(position.tolist()) == {0, 1}


@pytest.mark.parametrize("pair", [(0, 5), (5, 5), (9, 5), (5, 101)])
def test_impossible_windows_are_refused(pair: tuple[int, int]) -> None:
    """A grid names the pair that cannot be."""
    with pytest.raises(ConfigError, match="a pair of windows cannot be"):
        run_crossing_grid(random_bars(1, 100), [(3, 10), pair])


def test_bars_of_another_instrument_are_refused() -> None:
    """A strategy runs over its own bars."""
    with pytest.raises(ConfigError, match="bars of another instrument"):
        run_crossing(random_bars(1, 100), MovingAverageCross(instrument=Share(symbol="QQQ")))


@pytest.mark.parametrize(("targets", "spread"), [([0, 2, 0], 0), ([0, 1], 0), ([0, 1, 0], -1)])
def test_impossible_targets_are_refused(targets: list[int], spread: int) -> None:
    """A target is -1, 0 or 1, one for each bar, and a spread never pays us."""
    with pytest.raises(ConfigError, match="target"):
        run_targets(random_bars(1, 3), np.array(targets, dtype=np.int8), Decimal(1), half_spread=spread)

"""Indicators of bars against plain loops of the published definitions, and against their laws."""

from __future__ import annotations

from itertools import pairwise
from math import isnan, log, sqrt
from statistics import stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.indicators import average_close, directional_index, realised_volatility

_MINUTES_5_NS = 300_000_000_000


def bars(seed: int, n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Return high, low and close of a random walk."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n)))
    return np.column_stack((close * (1.0 + 0.01 * rng.random(n)), close * (1.0 - 0.01 * rng.random(n)), close))


def _wilder(rows: list[list[float]], period: int) -> float:
    """Return the index as Wilder's worksheet computes it row by row, its sums begun as the library begins them."""
    moves: list[tuple[float, float, float]] = []
    for (high0, low0, close0), (high, low, _) in pairwise(rows):
        up, down = high - high0, low0 - low
        true_range = max(high - low, abs(high - close0), abs(low - close0))
        moves.append((up if up > down and up > 0 else 0.0, down if down > up and down > 0 else 0.0, true_range))
    plus, minus, spread = (sum(move[place] for move in moves[: period - 1]) for place in range(3))
    index = []
    for up, down, reach in moves[period - 1 :]:
        plus, minus = plus - plus / period + up, minus - minus / period + down
        spread = spread - spread / period + reach
        rise, fall = 100.0 * plus / spread, 100.0 * minus / spread
        index.append(100.0 * abs(rise - fall) / (rise + fall))
    found = sum(index[:period]) / period
    for value in index[period:]:
        found = (found * (period - 1) + value) / period
    return found


@pytest.mark.parametrize("n", [28, 60, 400])
def test_the_directional_index_is_that_of_the_published_steps(n: int) -> None:
    """On random walks of several lengths; the sums begin with 13 values, which the library has and Wilder has not."""
    rows = bars(n, n)
    assert directional_index(*rows.T) == pytest.approx(_wilder(rows.tolist(), 14), rel=1e-12)


@given(st.integers(0, 10_000), st.floats(0.01, 1e4))
def test_the_directional_index_knows_no_unit(seed: int, scale: float) -> None:
    """It lies between 0 and 100, and prices in another currency give the same."""
    rows = bars(seed, 80)
    found = directional_index(*rows.T)
    assert 0.0 <= found <= 100.0
    assert directional_index(*(scale * rows).T) == pytest.approx(found, rel=1e-9)


def test_a_straight_rise_is_all_direction_and_a_flat_line_none() -> None:
    """The two ends of the scale; one bar too few is no index at all."""
    rise = np.arange(1.0, 61.0)
    assert directional_index(rise + 0.5, rise - 0.5, rise) == pytest.approx(100.0)
    flat = np.ones(60)
    assert directional_index(flat, flat, flat) == 0.0
    assert isnan(directional_index(*bars(1, 27).T))


def test_the_average_needs_all_its_closes() -> None:
    """The last two hundred count; with one too few there is none."""
    close = np.arange(1.0, 301.0)
    assert average_close(close) == pytest.approx(sum(range(101, 301)) / 200)
    assert isnan(average_close(close[:199]))


def test_realised_volatility_leaves_the_night_out() -> None:
    """Twenty returns of adjoining bars count; the jump over a gap between two sessions does not."""
    rng = np.random.default_rng(3)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.001, 31)))
    close[15:] *= 1.2
    start = np.arange(31) * _MINUTES_5_NS
    start[15:] += 12 * 3_600_000_000_000
    found = realised_volatility(start, start + _MINUTES_5_NS, close, bars_per_year=252 * 78)
    returns = [log(after / before) for before, after in pairwise(close.tolist())]
    del returns[14]
    assert found == pytest.approx(stdev(returns[-20:]) * sqrt(19_656), rel=1e-12)
    assert isnan(realised_volatility(start[:21], start[:21] + _MINUTES_5_NS, close[:21], bars_per_year=19_656))

"""Laws of the running-peak drawdown and its spells."""

from __future__ import annotations

from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from backtest.metrics.drawdown import (
    deepest_spells,
    drawdown_spells,
    longest_underwater_days,
    max_drawdown,
    underwater,
)
from market.chains import FloatArray
from tests.backtest.metrics.samples import DAY_NS

_WEALTH = arrays(np.float64, st.integers(2, 60), elements=st.floats(0.01, 100.0))


def _days(n: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.arange(n, dtype=np.int64) * DAY_NS


@given(index=_WEALTH, scale=st.floats(0.1, 10.0))
def test_a_drawdown_lies_between_nothing_and_everything_and_ignores_scale(index: FloatArray, scale: float) -> None:
    """0 to 1 for positive wealth, the same in any currency, and never below the loss from start to end."""
    deepest = max_drawdown(index).value
    assert 0.0 <= deepest <= 1.0
    assert max_drawdown(scale * index).value == pytest.approx(deepest, abs=1e-12)
    assert deepest >= 1.0 - index[-1] / index[0] - 1e-12


@given(index=_WEALTH)
def test_spells_cover_exactly_the_marks_under_water(index: FloatArray) -> None:
    """Spells do not overlap, the deepest is the largest drawdown, and only the last may be open."""
    ts_ns = _days(index.size)
    spells = drawdown_spells(ts_ns, index)
    under = sum(int(((ts_ns > s.peak_ns) & (ts_ns < (s.recovered_ns or ts_ns[-1] + 1))).sum()) for s in spells)
    assert under == int((underwater(index) > 0.0).sum())
    assert max((s.depth for s in spells), default=0.0) == max_drawdown(index).value
    assert all(s.recovered_ns for s in spells[:-1])
    longest = max((s.days_under for s in spells), default=0.0)
    assert longest_underwater_days(ts_ns, index).value == pytest.approx(longest)


def test_a_spell_counts_days_down_and_days_up() -> None:
    """100, 80, 60, 90, 100: 40 % deep, two days down, two up."""
    (spell,) = drawdown_spells(_days(5), np.array([100.0, 80.0, 60.0, 90.0, 100.0]))
    assert spell.depth == pytest.approx(0.4)
    assert (spell.days_down, spell.days_up, spell.days_under) == (2.0, 2.0, 4.0)
    assert spell.recovered_ns == 4 * DAY_NS


def test_a_loss_that_is_not_recovered_is_open() -> None:
    """The time up is unknown while the peak is not reached again; the time under water runs to the end."""
    (spell,) = drawdown_spells(_days(4), np.array([100.0, 90.0, 95.0, 99.0]))
    assert spell.recovered_ns == 0
    assert isnan(spell.days_up)
    assert spell.days_under == 3.0


def test_the_drawdown_of_the_roadmap_is_from_the_running_peak() -> None:
    """H85: a later higher peak does not enlarge an earlier fall, as (max - min) / max of all would."""
    assert max_drawdown(np.array([100.0, 50.0, 200.0, 190.0])).value == 0.5
    assert max_drawdown(np.array([100.0, 90.0, 200.0, 190.0])).value == pytest.approx(0.1)


def test_the_deepest_come_first() -> None:
    """Of three falls the two deepest are told in order."""
    index = np.array([1.0, 0.9, 1.0, 0.7, 1.0, 0.8, 1.0])
    assert [round(spell.depth, 2) for spell in deepest_spells(_days(7), index, 2)] == [0.3, 0.2]


def test_one_mark_has_no_drawdown() -> None:
    """There is nothing to fall from."""
    assert max_drawdown(np.array([1.0])).reason == "fewer than two marks"
    assert longest_underwater_days(_days(1), np.array([1.0])).reason == "fewer than two marks"

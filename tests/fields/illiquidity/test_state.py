"""The streaming impact equals the batch, for any split, order within an instant, and restart."""

from __future__ import annotations

import copy
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fields.illiquidity.config import ImpactConfig, ImpactMethod
from fields.illiquidity.impact import ImpactSample, estimate_impact
from fields.illiquidity.intraday import impact_by_time_of_day
from fields.illiquidity.state import ImpactState
from market.chains import FloatArray
from market.errors import DataError
from tests.fields.illiquidity.samples import HORIZON_NS, tape

CONFIG = ImpactConfig(methods=(ImpactMethod.LINEAR,), window_bars=64)
LAMBDA = 2e-9

Rows = tuple[NDArray[np.int64], FloatArray, FloatArray, FloatArray]


def rows(seed: int, n_bars: int = 100) -> Rows:
    """Return trades whose mid follows their cumulative flow, several of them at one instant."""
    rng = np.random.default_rng(seed)
    flow = tape(rng, n_bars=n_bars, per_bar=8)
    ts_ns = flow.bar * HORIZON_NS + np.tile(np.array([0, 1, 1, 5, 7, 7, 7, 9]), n_bars) * 10_000_000_000
    signed = flow.sign * flow.usd
    mid = 100.0 * np.exp(LAMBDA * np.cumsum(signed) + 1e-6 * rng.standard_normal(signed.shape))
    return ts_ns, mid, signed, flow.usd


def cut(data: Rows, part: slice | NDArray[np.int64]) -> Rows:
    """Return some rows."""
    ts_ns, mid, signed, gross = data
    return ts_ns[part], mid[part], signed[part], gross[part]


def by_hand(data: Rows) -> ImpactSample:
    """Return the bars by a plain loop over bars."""
    ts_ns, mid, signed, gross = data
    bar = ts_ns // HORIZON_NS
    columns = []
    close = {int(b): float(mid[ts_ns == ts_ns[bar == b].max()].mean()) for b in np.unique(bar)}
    for b in np.unique(bar)[1:-1]:
        inside = bar == b
        columns.append((np.log(close[int(b)] / close[int(b) - 1]), signed[inside].sum(), gross[inside].sum()))
    table = np.array(columns)[-64:]
    return ImpactSample.of_bars(table[:, 0], table[:, 1], HORIZON_NS, table[:, 2])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.lists(st.integers(0, 800), max_size=6))
def test_any_split_of_the_stream_gives_the_batch(seed: int, cuts: list[int]) -> None:
    """Cut anywhere, the bars are those of a plain loop over the whole tape."""
    data = rows(seed)
    state = ImpactState(CONFIG)
    for start, end in zip([0, *sorted(cuts)], [*sorted(cuts), 800], strict=True):
        state.update(*cut(data, slice(start, end)))
    expected, found = by_hand(data), state.sample()
    np.testing.assert_allclose(found.log_return, expected.log_return, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found.signed_usd, expected.signed_usd, rtol=1e-12, atol=1e-8)
    estimate = state.estimate()
    assert estimate.return_per_usd == pytest.approx(estimate_impact(expected, CONFIG).return_per_usd, rel=1e-10)
    assert estimate.n == 64
    assert (state.bar_starts_ns() // HORIZON_NS).tolist() == list(range(35, 99))


def test_row_by_row_is_the_batch() -> None:
    """The path without arrays keeps the same books, broken and late rows included."""
    ts_ns, mid, signed, gross = rows(7)
    ts_ns[[50, 90]] = (-1, 0)
    gross[300], mid[310], mid[311] = np.nan, np.nan, 0.0
    one, many = ImpactState(CONFIG), ImpactState(CONFIG)
    many.update(ts_ns, mid, signed, gross)
    for k in range(800):
        one.update_one(int(ts_ns[k]), float(mid[k]), float(signed[k]), float(gross[k]))
    np.testing.assert_allclose(one.checkpoint().bars, many.checkpoint().bars, rtol=1e-12, atol=1e-9)
    assert (one.n_late, one.n_unusable, one.n_gaps) == (many.n_late, many.n_unusable, many.n_gaps) == (1, 2, 1)


def test_rows_of_one_instant_may_come_in_any_order() -> None:
    """Permuting them changes no bar."""
    data = rows(1)
    order = np.lexsort((np.random.default_rng(2).random(800), data[0]))
    one, other = ImpactState(CONFIG), ImpactState(CONFIG)
    one.update(*data)
    other.update(*cut(data, order))
    np.testing.assert_allclose(other.checkpoint().bars, one.checkpoint().bars, rtol=1e-13, atol=1e-9)


def test_a_checkpoint_goes_on_as_if_nothing_had_happened() -> None:
    """Saved in the middle of a bar, copied and restored, the estimate is the same to the bit."""
    data = rows(3)
    whole, first = ImpactState(CONFIG), ImpactState(CONFIG)
    for state, part in ((whole, slice(0, 413)), (first, slice(0, 413)), (whole, slice(413, 800))):
        state.update(*cut(data, part))
    second = ImpactState(CONFIG, copy.deepcopy(first.checkpoint()))
    second.update(*cut(data, slice(413, 800)))
    assert np.array_equal(second.checkpoint().bars, whole.checkpoint().bars)
    assert second.estimate() == whole.estimate()


def test_late_and_broken_rows_are_counted_and_change_nothing() -> None:
    """A trade of a closed bar, a negative time and NaN dollars stay out."""
    data = rows(4, n_bars=50)
    state, clean = ImpactState(CONFIG), ImpactState(CONFIG)
    clean.update(*data)
    state.update(*data)
    bad = np.array([HORIZON_NS * 10, -5, HORIZON_NS * 49])
    state.update(bad, np.full(3, 50.0), np.array([1e9, 1.0, np.nan]), np.array([1e9, 1.0, 1.0]))
    assert (state.n_late, state.n_unusable) == (1, 2)
    assert np.array_equal(state.checkpoint().bars, clean.checkpoint().bars)


def test_a_gap_has_no_return_and_a_closed_bar_stays_closed() -> None:
    """Overnight and halts are no five minutes; what comes after `advance` for an older bar is late."""
    state = ImpactState(CONFIG)
    one = np.ones(1)
    for bar in (0, 1, 2, 50, 51):
        state.update(np.array([bar * HORIZON_NS]), (100.0 + bar) * one, one, one)
    assert state.sample().log_return.shape == (2,)
    state.advance(52 * HORIZON_NS)
    assert np.allclose(state.sample().log_return, np.log([101.0 / 100.0, 102.0 / 101.0, 151.0 / 150.0]))
    state.update(np.array([51 * HORIZON_NS]), one, one, one)
    assert (state.n_late, state.n_gaps, state.sample().log_return.shape) == (1, 2, (3,))


def test_memory_is_bounded() -> None:
    """Ten times the window leaves a window."""
    state = ImpactState(CONFIG)
    state.update(*rows(5, n_bars=640))
    assert state.checkpoint().bars.shape == (64, 6)


def test_columns_of_unequal_length_are_refused() -> None:
    """A row is an instant with its price and dollars."""
    with pytest.raises(DataError):
        ImpactState().update(np.zeros(2, dtype=np.int64), np.zeros(2), np.zeros(3), np.zeros(2))


def intraday(differ: float, seed: int = 6) -> tuple[ImpactSample, FloatArray]:
    """Return 60 days of 78 bars; impact after midday is `differ` times that before."""
    rng = np.random.default_rng(seed)
    minute = np.tile(570.0 + 5.0 * np.arange(78), 60)
    signed = np.asarray(rng.standard_normal(minute.shape)) * 1e6
    slope = np.where(minute < 750.0, 1.0, differ) * 1e-10
    noise = np.asarray(rng.standard_normal(minute.shape)) * 3e-4
    return ImpactSample.of_bars(slope * signed + noise, signed, HORIZON_NS), minute


EDGES = np.linspace(570.0, 960.0, 14)


def test_impact_by_time_of_day_follows_a_difference_that_is_there() -> None:
    """A threefold impact after midday is found within errors, and buckets keep most of their own value."""
    sample, minute = intraday(3.0)
    found = impact_by_time_of_day(sample, minute, EDGES, CONFIG)
    assert found.own_weight.min() > 0.9
    assert np.allclose(found.return_per_usd, np.where(EDGES[:-1] < 750.0, 1e-10, 3e-10), atol=6e-11)
    assert found.n.sum() == sample.log_return.shape[0]
    assert found.at(571.0) == found.return_per_usd[0]
    assert found.at(960.0) == found.level.return_per_usd


def test_impact_by_time_of_day_is_the_level_where_there_is_no_difference() -> None:
    """Buckets that differ by chance are pulled together: their spread shrinks by a lot."""
    sample, minute = intraday(1.0)
    found = impact_by_time_of_day(sample, minute, EDGES, CONFIG)
    assert found.return_per_usd.std() < 0.5 * found.own_return_per_usd.std()
    assert found.own_weight.max() < 0.5


def test_a_time_of_day_without_bars_has_the_level() -> None:
    """No bar, no own value; no level, no value at all."""
    sample, minute = intraday(2.0)
    found = impact_by_time_of_day(sample, minute, np.array([0.0, 500.0, 700.0, 960.0]), CONFIG)
    assert isnan(found.own_return_per_usd[0])
    assert found.return_per_usd[0] == found.level.return_per_usd
    with pytest.raises(DataError):
        impact_by_time_of_day(sample, minute[1:], EDGES, CONFIG)
    none = ImpactSample.of_bars(sample.log_return, np.zeros(minute.shape), HORIZON_NS)
    assert np.isnan(impact_by_time_of_day(none, minute, EDGES, CONFIG).return_per_usd).all()

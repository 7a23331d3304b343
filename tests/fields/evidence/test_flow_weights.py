"""Weights of the hedge flow: planted ones are found, absent ones are not claimed, what cannot be told is missing."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest

from fields.evidence import (
    FlowModel,
    FlowSample,
    FlowWeightPlan,
    FlowWeights,
    calibrate_flow_weights,
    flow_weights,
    rehedging_parts,
)
from market.chains import FloatArray
from market.errors import ConfigError, DataError

_IMPACT = 2e-13
_PLAN = FlowWeightPlan(first_train_sessions=100, refit_sessions=20, n_draws=500)
_DAY_NS = 86_400_000_000_000


def _sample(weights: tuple[float, float], seed: int, *, n: int = 1_500, own_vol: float = 0.8) -> FlowSample:
    """Return days on which dealers hedge the move of the day before; volatility falls when spot rises."""
    rng = np.random.default_rng(seed)
    gamma, vanna = 5e9 + 5e9 * rng.standard_normal(n), 4e9 + 3e9 * rng.standard_normal(n)
    move = rng.standard_normal(n)
    vol_move = -0.8 * move + own_vol * rng.standard_normal(n)
    parts = rehedging_parts(gamma, vanna, move, vol_move)
    returns = _IMPACT * (parts @ np.asarray(weights)) + 0.004 * rng.standard_t(5, n)
    return _of(parts, returns)


def _of(parts: FloatArray, returns: FloatArray) -> FlowSample:
    day = np.arange(returns.size, dtype=np.int64)
    return FlowSample(
        names=("gamma", "vanna"),
        parts=parts,
        log_return=returns,
        session=day,
        known_ns=day * _DAY_NS,
        outcome_ns=(day + 1) * _DAY_NS,
    )


def _found(sample: FlowSample, seed: int = 0, impact: float = _IMPACT) -> FlowWeights:
    return calibrate_flow_weights(sample, _PLAN, np.random.default_rng(seed), impact)


def _slopes_by_hand(sample: FlowSample) -> FloatArray:
    design = np.column_stack((np.ones(sample.log_return.size), sample.parts / 1e9))
    return np.asarray(np.linalg.lstsq(design, sample.log_return, rcond=None)[0][1:] / 1e9, dtype=np.float64)


def test_planted_weights_lie_in_their_intervals_as_often_as_told() -> None:
    """Over forty markets a 95 % interval holds the planted weight of gamma and of vanna at least 34 times."""
    told = [_found(_sample((1.0, 0.3), seed)).weights for seed in range(40)]
    assert sum(w[0].low <= 1.0 <= w[0].high for w in told) >= 34
    assert sum(w[1].low <= 0.3 <= w[1].high for w in told) >= 34


def test_planted_weights_are_preferred_to_ones() -> None:
    """Where vanna counts against its sign, calibrated weights foretell better than weights of 1, and say so."""
    found = _found(_sample((1.5, -0.5), 1))
    assert found.preferred is FlowModel.CALIBRATED
    assert found.weights[1].high < 0.0
    assert all(gain.low > 0.0 for gain in found.gains if gain.model is FlowModel.CALIBRATED)


def test_weights_of_one_are_kept_where_they_are_true() -> None:
    """Where dealers trade what was predicted, there is flow, and nothing is gained by calibrating it."""
    found = [_found(_sample((1.0, 1.0), seed)).preferred for seed in range(10)]
    assert found.count(FlowModel.EQUAL) >= 9


def test_no_flow_is_claimed_where_there_is_none() -> None:
    """Where dealers do not trade, no model is preferred to none, in nineteen of twenty markets or more."""
    found = [_found(_sample((0.0, 0.0), seed)).preferred for seed in range(20)]
    assert found.count(FlowModel.NONE) >= 19


def test_slopes_are_those_of_least_squares_of_all_parts_together() -> None:
    """Taking each part apart from the others gives the slopes of one regression on all."""
    sample = _sample((1.0, 0.3), 3)
    slopes = [each.return_per_usd for each in _found(sample).weights]
    np.testing.assert_allclose(slopes, _slopes_by_hand(sample), rtol=1e-9)


def test_units_of_dollars_change_no_weight() -> None:
    """Flow in millions with the impact per million gives the same weights and the same skill."""
    sample = _sample((1.0, 0.3), 4)
    million = _found(replace(sample, parts=sample.parts / 1e6), impact=_IMPACT * 1e6)
    dollars = _found(sample)
    np.testing.assert_allclose([w.weight for w in million.weights], [w.weight for w in dollars.weights], rtol=1e-9)
    np.testing.assert_allclose(
        [g.r_squared for g in million.gains], [g.r_squared for g in dollars.gains], rtol=1e-6, atol=1e-12
    )


def _errors_of(sample: FlowSample, model: FlowModel) -> FloatArray:
    folds = list(flow_weights._folds(sample, sample.usable, _PLAN))
    return np.concatenate([flow_weights._errors(sample, fold, model, nan) for fold in folds])


@pytest.mark.parametrize("model", FlowModel)
def test_no_prediction_depends_on_a_later_return(model: FlowModel) -> None:
    """Returns made wild from some day on change no error of an earlier prediction, and do change later ones."""
    sample = _sample((1.0, 0.3), 5, n=400)
    wild = replace(sample, log_return=np.where(np.arange(400) < 340, sample.log_return, 9.0))
    was, now = _errors_of(sample, model), _errors_of(wild, model)
    np.testing.assert_array_equal(now[:240], was[:240])  # predictions begin on day 100
    assert not np.isclose(now[240:], was[240:]).any()


def test_parts_that_move_together_have_no_weights() -> None:
    """Where volatility only follows spot and both exposures are the same, two weights cannot be told apart."""
    flow = np.random.default_rng(6).standard_normal(300) * 1e9
    sample = _of(np.stack((flow, 0.7 * flow), axis=1), flow * _IMPACT)
    found = _found(sample)
    assert (found.weights, found.gains, found.preferred) == ((), (), FlowModel.NONE)
    assert "cannot be told apart" in found.reason


def test_few_or_unchanging_rows_have_no_weights() -> None:
    """Too few complete rows, or a part that never changes, leave the weights missing with the reason."""
    short = _sample((1.0, 1.0), 7, n=59)
    assert "59 complete rows" in _found(short).reason
    holes = _sample((1.0, 1.0), 7, n=200)
    assert "40 complete rows" in _found(replace(holes, log_return=np.where(np.arange(200) < 40, 0.001, nan))).reason
    still = replace(holes, parts=np.stack((holes.parts[:, 0], np.zeros(200)), axis=1))
    assert "never changes" in _found(still).reason


def test_one_day_does_not_decide_a_weight() -> None:
    """Where a single row carries most of a part, its slope is that day's, and there is no weight."""
    sample = _sample((1.0, 1.0), 12, n=300)
    crash = np.where(np.arange(300) == 150, 40.0, 1.0)
    found = _found(replace(sample, parts=sample.parts * crash[:, None], log_return=sample.log_return * crash))
    assert found.weights == ()
    assert "one row carries" in found.reason


def test_a_short_record_has_weights_but_no_skill() -> None:
    """Rows enough to fit but none to predict: weights with intervals, no gain, and no flow claimed."""
    found = _found(_sample((1.0, 1.0), 8, n=90))
    assert len(found.weights) == 2
    assert (found.gains, found.preferred, found.n_fits) == ((), FlowModel.NONE, 0)
    assert "out of sample" in found.reason


def test_without_an_impact_there_are_slopes_and_no_weights() -> None:
    """A slope is impact times weight: without the impact the weight is missing, and the skill is still judged."""
    found = _found(_sample((1.5, -0.5), 9), impact=nan)
    assert all(isnan(each.weight) and isnan(each.low) for each in found.weights)
    assert found.weights[0].return_per_usd == pytest.approx(1.5 * _IMPACT, rel=0.3)
    assert "impact is unknown" in found.reason
    assert found.preferred is FlowModel.CALIBRATED


def test_an_uncertain_impact_widens_the_weights() -> None:
    """The error of the impact enters the interval of each weight and moves no weight."""
    sample, rng = _sample((1.0, 0.3), 10), np.random.default_rng
    sure = calibrate_flow_weights(sample, _PLAN, rng(0), _IMPACT).weights
    unsure = calibrate_flow_weights(sample, _PLAN, rng(0), _IMPACT, 0.5 * _IMPACT).weights
    for one, other in zip(sure, unsure, strict=True):
        assert one.weight == other.weight
        assert other.low < one.low < one.high < other.high


def test_rehedging_trades_against_a_rise_where_dealers_are_long_gamma() -> None:
    """Long gamma sells what has risen and long vanna sells when volatility has risen, in dollars."""
    parts = rehedging_parts(np.array([5e9]), np.array([2e9]), np.array([1.0]), np.array([-0.5]))
    np.testing.assert_array_equal(parts, [[-5e9, 1e9]])


def test_bad_samples_and_plans_are_refused() -> None:
    """Returns that overlap, rows of other lengths and numbers out of range are told."""
    sample = _sample((1.0, 1.0), 11, n=20)
    with pytest.raises(DataError, match="overlap"):
        replace(sample, outcome_ns=sample.outcome_ns + _DAY_NS)
    with pytest.raises(DataError, match="length"):
        replace(sample, session=sample.session[:-1])
    with pytest.raises(ConfigError, match="plan of flow weights"):
        FlowWeightPlan(most_correlation=1.0)

"""Impact: exact on exact data, honest about noise, corrected for signing, never negative."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.illiquidity.config import ImpactConfig, ImpactMethod
from fields.illiquidity.impact import ImpactEstimate, ImpactSample, estimate_impact, impact_by_method
from fields.illiquidity.regression import ewma_mean, robust_slope
from market.chains import FloatArray
from market.errors import ConfigError, DataError
from tests.fields.illiquidity.samples import HORIZON_NS, misread, tape

LAMBDA = 3e-10


def linear_only(floor: float = 1e-15, cap: float = 1e-6) -> ImpactConfig:
    """Return settings that know no other method."""
    return ImpactConfig(methods=(ImpactMethod.LINEAR,), floor_return_per_usd=floor, cap_return_per_usd=cap)


def root(flow: FloatArray) -> FloatArray:
    """Return the signed square root."""
    return np.sign(flow) * np.sqrt(np.abs(flow))


def test_a_linear_law_is_recovered_exactly() -> None:
    """Returns that are a multiple of flow give that multiple, with no error left."""
    flow = tape(np.random.default_rng(1))
    signed = flow.by_bar(flow.sign * flow.usd)
    found = estimate_impact(flow.sample(2e-5 + LAMBDA * signed), linear_only())
    assert found.return_per_usd == pytest.approx(LAMBDA, rel=1e-12)
    assert found.standard_error < 1e-12 * LAMBDA
    assert (found.method, found.n, found.horizon_ns, found.reason) == (ImpactMethod.LINEAR, 400, HORIZON_NS, "")
    assert isnan(found.flow_usd)


@pytest.mark.parametrize("reference", [1e4, 1e6, 1e8])
def test_a_square_root_law_has_the_slope_of_the_flow_that_is_asked(reference: float) -> None:
    """The effective slope is lambda_sqrt / sqrt(Q), and the estimate names Q."""
    flow = tape(np.random.default_rng(2))
    scale = 4e-7
    sample = flow.sample(scale * root(flow.by_bar(flow.sign * flow.usd)))
    found = estimate_impact(sample, ImpactConfig(reference_flow_usd=reference))
    assert found.method is ImpactMethod.SQUARE_ROOT
    assert found.return_per_usd == pytest.approx(scale / np.sqrt(reference), rel=1e-12)
    assert found.flow_usd == reference
    typical = estimate_impact(sample).flow_usd
    assert typical == pytest.approx(float(np.median(np.abs(sample.signed_usd))))


def test_the_law_by_trade_takes_the_slope_of_a_typical_trade() -> None:
    """With r = L sum s sqrt(v), working a flow in the clips that were seen costs L (sum sqrt v) / (sum v) a dollar."""
    flow = tape(np.random.default_rng(3))
    scale = 5e-8
    sample = flow.sample(scale * flow.by_bar(flow.sign * np.sqrt(flow.usd)))
    found = estimate_impact(sample, ImpactConfig(methods=(ImpactMethod.SQUARE_ROOT_BY_TRADE,)))
    assert found.return_per_usd == pytest.approx(scale * np.sqrt(flow.usd).sum() / flow.usd.sum(), rel=1e-10)


@pytest.mark.parametrize("method", [ImpactMethod.LINEAR, ImpactMethod.SQUARE_ROOT_BY_TRADE, ImpactMethod.SQUARE_ROOT])
@pytest.mark.parametrize("persistence", [0.0, 0.7])
def test_misread_signs_are_corrected_for_whether_or_not_flow_persists(method: ImpactMethod, persistence: float) -> None:
    """At an accuracy of 70 % the raw slope is far off; corrected it is the true one within its error."""
    rng = np.random.default_rng(4)
    flow = tape(rng, n_bars=4000, persistence=persistence)
    net = flow.by_bar(flow.sign * flow.usd)
    sample = flow.sample(LAMBDA * (1e3 * root(net) if method is ImpactMethod.SQUARE_ROOT else net))
    seen = flow.sample(sample.log_return, misread(rng, flow.sign, 0.7))
    config = ImpactConfig(reference_flow_usd=1e5)
    true = impact_by_method(sample, method, config).return_per_usd
    raw = impact_by_method(seen, method, config).return_per_usd
    found = impact_by_method(seen, method, config, signing_accuracy=0.7)
    assert abs(found.return_per_usd - true) < 4.0 * found.standard_error
    if persistence == 0.0:
        assert raw / true == pytest.approx(0.4, abs=0.04)  # 2 p - 1
    else:
        assert raw > 0.9 * true  # what is left of persistent flow is smaller, and seems to move price more


def test_without_sums_of_squares_the_correction_is_that_of_independent_signs() -> None:
    """Bars that tell no trades are divided by 2 p - 1, and the error with them."""
    rng = np.random.default_rng(5)
    signed = rng.standard_normal(200) * 1e6
    sample = ImpactSample.of_bars(LAMBDA * signed + rng.standard_normal(200) * 1e-5, signed, HORIZON_NS)
    plain = impact_by_method(sample, ImpactMethod.LINEAR, ImpactConfig())
    corrected = impact_by_method(sample, ImpactMethod.LINEAR, ImpactConfig(), signing_accuracy=0.75)
    assert corrected.return_per_usd == pytest.approx(2.0 * plain.return_per_usd)
    assert corrected.standard_error == pytest.approx(2.0 * plain.standard_error)


@pytest.mark.parametrize("accuracy", [0.5, 0.52, 0.2, nan])
def test_signs_that_tell_nothing_give_no_slope(accuracy: float) -> None:
    """Near one half the correction would divide by nothing."""
    flow = tape(np.random.default_rng(6))
    sample = flow.sample(LAMBDA * flow.by_bar(flow.sign * flow.usd))
    found = estimate_impact(sample, linear_only(), signing_accuracy=accuracy)
    assert isnan(found.return_per_usd)
    assert "accuracy" in found.reason


def test_no_relation_falls_back_to_amihud_and_says_why() -> None:
    """Returns that ignore flow have no significant slope; |r| per dollar is what remains."""
    rng = np.random.default_rng(7)
    flow = tape(rng)
    found = estimate_impact(flow.sample(rng.standard_normal(400) * 1e-4))
    assert found.method is ImpactMethod.AMIHUD
    assert "square_root: slope of" in found.reason
    assert "linear: slope of" in found.reason


def test_a_negative_slope_is_never_published() -> None:
    """Where price moves against flow there is no impact, and without volume nothing else stands in its place."""
    signed = np.random.default_rng(8).standard_normal(100) * 1e6
    found = estimate_impact(ImpactSample.of_bars(-LAMBDA * signed, signed, HORIZON_NS))
    assert (found.method, isnan(found.return_per_usd)) == (ImpactMethod.NONE, True)
    assert "amihud: 0 bars with dollar volume" in found.reason


@pytest.mark.parametrize(("slope", "expected", "word"), [(1e-17, 1e-12, "floor"), (1e-5, 1e-8, "cap")])
def test_floor_and_cap_hold_the_value_and_say_so(slope: float, expected: float, word: str) -> None:
    """The raw value stays readable beside the bound."""
    signed = np.random.default_rng(9).standard_normal(100) * 1e6
    config = linear_only(floor=1e-12, cap=1e-8)
    found = estimate_impact(ImpactSample.of_bars(slope * signed, signed, HORIZON_NS), config)
    assert found.return_per_usd == expected
    assert found.raw_return_per_usd == pytest.approx(slope)
    assert word in found.reason


def test_missing_bars_are_left_out_and_too_few_give_nothing() -> None:
    """NaN in a return or in flow drops the bar; below the least number there is a reason."""
    flow = tape(np.random.default_rng(10), n_bars=40)
    sample = flow.sample(LAMBDA * flow.by_bar(flow.sign * flow.usd))
    sample.log_return[:8] = nan
    assert estimate_impact(sample, linear_only()).n == 32
    sample.signed_usd[10:20] = nan
    found = estimate_impact(sample, linear_only())
    assert (found.n, found.reason) == (40, "linear: 22 bars of 30 needed")


@pytest.mark.parametrize("signed", [np.zeros(50), np.full(50, 1e6)])
def test_flow_that_does_not_vary_gives_nothing(signed: FloatArray) -> None:
    """There is no slope over one point."""
    returns = np.random.default_rng(11).standard_normal(50)
    found = estimate_impact(ImpactSample.of_bars(returns, signed, HORIZON_NS), linear_only())
    assert "does not vary" in found.reason


def test_amihud_is_the_weighted_mean_of_return_per_dollar() -> None:
    """Against the recursion m <- m + 2/(span+1) (x - m), started long ago."""
    rng = np.random.default_rng(12)
    returns, gross = rng.standard_normal(600) * 1e-4, rng.lognormal(14.0, 0.5, 600)
    gross[::50] = 0.0
    sample = ImpactSample.of_bars(returns, np.full(600, nan), HORIZON_NS, gross)
    expected = nan
    for r, v in zip(returns, gross, strict=True):
        if v > 0.0:
            x = abs(r) / v
            expected = x if isnan(expected) else expected + 2.0 / 21.0 * (x - expected)
    found = estimate_impact(sample, ImpactConfig(methods=(ImpactMethod.AMIHUD,)))
    assert found.return_per_usd == pytest.approx(expected, rel=1e-9)
    assert found.n == 588


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3), st.floats(1e-2, 1e2))
def test_impact_has_the_unit_of_return_per_dollar(seed: int, dollars: float, scale: float) -> None:
    """Flow in other units divides it; returns in other units multiply it; the error goes along."""
    rng = np.random.default_rng(seed)
    flow = tape(rng, n_bars=60, per_bar=4)
    signed = flow.by_bar(flow.sign * flow.usd)
    returns = LAMBDA * signed + rng.standard_normal(60) * 1e-5

    def one(r: FloatArray, q: FloatArray, method: ImpactMethod) -> ImpactEstimate:
        return impact_by_method(ImpactSample.of_bars(r, q, HORIZON_NS, np.abs(q) + 1e-300), method, ImpactConfig())

    for method in (ImpactMethod.LINEAR, ImpactMethod.SQUARE_ROOT, ImpactMethod.AMIHUD):
        base, other = one(returns, signed, method), one(scale * returns, dollars * signed, method)
        assert other.raw_return_per_usd == pytest.approx(base.raw_return_per_usd * scale / dollars, rel=1e-9)
        assert other.standard_error == pytest.approx(base.standard_error * scale / dollars, rel=1e-7)


def test_white_and_newey_west_errors_equal_their_definition() -> None:
    """Against sandwich sums that are written out with matrices."""
    rng = np.random.default_rng(13)
    n, lags = 120, 4
    x, y = rng.standard_normal(n) * 1e7, rng.standard_normal(n) * 1e-4
    design = np.column_stack((np.ones(n), x / 1e7))
    bread = np.linalg.inv(design.T @ design)
    beta = bread @ design.T @ y
    scores = design * (y - design @ beta)[:, None]
    meat = scores.T @ scores
    for k in range(1, lags + 1):
        gamma = scores[k:].T @ scores[:-k]
        meat = meat + (1.0 - k / (lags + 1.0)) * (gamma + gamma.T)
    found = robust_slope(x, y, lags)
    assert found.value == pytest.approx(beta[1] / 1e7, rel=1e-10)
    assert found.standard_error == pytest.approx(np.sqrt((bread @ meat @ bread)[1, 1] * n / (n - 2)) / 1e7, rel=1e-9)
    assert found.lags == lags


def test_the_error_covers_the_truth_at_its_rate_under_unequal_noise() -> None:
    """Where noise grows with flow, two standard errors hold the true slope in about 95 of 100 samples."""
    rng = np.random.default_rng(14)
    inside = 0
    for _ in range(300):
        x = rng.standard_normal(300)
        found = robust_slope(x, 2.0 * x + rng.standard_normal(300) * (0.5 + np.abs(x)), 0)
        inside += abs(found.value - 2.0) < 1.96 * found.standard_error
    assert 0.91 < inside / 300 < 0.985


def test_a_mean_of_nothing_or_of_one_value_says_so() -> None:
    """No value has no mean; one value has no error."""
    assert all(isnan(part) for part in ewma_mean(np.zeros(0), 20.0))
    mean, error = ewma_mean(np.array([3.0]), 20.0)
    assert (mean, isnan(error)) == (3.0, True)


def test_settings_and_samples_that_cannot_be_are_refused() -> None:
    """Bounds, windows and lengths are checked where they are made."""
    with pytest.raises(ConfigError):
        ImpactConfig(floor_return_per_usd=1e-6, cap_return_per_usd=1e-9)
    with pytest.raises(ConfigError):
        ImpactConfig(methods=(ImpactMethod.DEPTH,))
    with pytest.raises(ConfigError):
        ImpactConfig(window_bars=10)
    with pytest.raises(ConfigError):
        ImpactConfig(hac_lags=-2)
    with pytest.raises(DataError):
        ImpactSample.of_bars(np.zeros(3), np.zeros(4), HORIZON_NS)

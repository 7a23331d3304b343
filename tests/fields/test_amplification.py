"""Dealer feedback: sign, units and the states of requirements 2.3."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.amplification import (
    amplification,
    feedback_of,
    feedback_probability,
    feedback_uncertainty,
    feedback_x,
    feedback_x_error,
    regime_reading,
)
from fields.snapshot import Feedback


def test_impact_of_a_tenth_of_a_percent_per_five_billion_damps_by_nine_percent() -> None:
    """Requirements 2.3's plausible index: USD 5 billion per 1 % at 0.1 % per 5 billion is x = 0.1, A = 0.909."""
    x = float(feedback_x(5e9, 0.001 / 5e9))
    assert x == pytest.approx(0.1, rel=1e-14)
    assert float(amplification(x)) == pytest.approx(1.0 / 1.1, rel=1e-15)


def test_long_gamma_damps_and_short_gamma_amplifies() -> None:
    """The sign that the roadmap had the wrong way round."""
    assert float(amplification(0.5)) < 1.0 < float(amplification(-0.5))


@pytest.mark.parametrize(
    ("x", "state"),
    [
        (0.0, Feedback.LONG_DAMPING),
        (3.0, Feedback.LONG_DAMPING),
        (-1e-9, Feedback.SHORT_STABLE),
        (np.nextafter(-1.0 / 3.0, 0.0), Feedback.SHORT_STABLE),
        (-1.0 / 3.0, Feedback.CRITICAL),
        (np.nextafter(-1.0, 0.0), Feedback.CRITICAL),
        (-1.0, Feedback.UNSTABLE),
        (-5.0, Feedback.UNSTABLE),
        (nan, Feedback.UNKNOWN),
    ],
)
def test_each_loop_gain_has_its_state(x: float, state: Feedback) -> None:
    """The bounds belong to the more dangerous side."""
    assert feedback_of(float(x)) is state


def test_an_unstable_feedback_has_no_amplification() -> None:
    """At and below -1 the answer is NaN, never a negative factor; beside it the values are exact."""
    result = amplification(np.array([-2.0, -1.0, -0.5, 0.0, 1.0, nan]))
    np.testing.assert_array_equal(result, [nan, nan, 2.0, 1.0, 0.5, nan])


@pytest.mark.parametrize(("gamma", "impact"), [(1e9, nan), (nan, 1e-12)])
def test_missing_inputs_give_an_unknown_regime(gamma: float, impact: float) -> None:
    """Without impact or gamma nothing is claimed."""
    reading = regime_reading(gamma, impact, "")
    assert reading.feedback is Feedback.UNKNOWN
    assert isnan(reading.amplification)
    assert isnan(reading.feedback_x)


def test_a_reading_carries_what_it_was_made_from() -> None:
    """Short dealers with a strong impact are critical, and the record says which impact that was."""
    reading = regime_reading(-5e9, 1e-12, "settings")
    assert reading.feedback is Feedback.CRITICAL
    assert reading.amplification == pytest.approx(2.0)
    assert (reading.impact_return_per_usd, reading.impact_source) == (1e-12, "settings")


def test_the_error_of_a_product_is_that_of_a_simulation() -> None:
    """Independent errors of gamma and impact give the standard deviation of their product."""
    rng = np.random.default_rng(1)
    gamma, impact = -4e9 + 1e9 * rng.standard_normal(400_000), 3e-13 + 1e-13 * rng.standard_normal(400_000)
    expected = float((100.0 * gamma * impact).std())
    assert feedback_x_error(-4e9, 1e9, 3e-13, 1e-13) == pytest.approx(expected, rel=0.01)
    assert isnan(feedback_x_error(-4e9, nan, 3e-13, 1e-13))


@given(st.floats(-3.0, 3.0), st.floats(0.0, 2.0))
def test_the_states_share_one_probability(x: float, error: float) -> None:
    """The four sum to 1, and a certain gain is in its state."""
    chances = {s: feedback_probability(x, error, s) for s in Feedback if s is not Feedback.UNKNOWN}
    assert sum(chances.values()) == pytest.approx(1.0, abs=1e-12)
    assert min(chances.values()) >= 0.0
    assert feedback_probability(x, 0.0, feedback_of(x)) == 1.0
    assert isnan(feedback_probability(x, error, Feedback.UNKNOWN))
    assert isnan(feedback_probability(nan, error, Feedback.CRITICAL))


@pytest.mark.parametrize(
    ("x", "error", "inside", "met"),
    [(0.0, 0.3, 0.9923, True), (0.1, 0.4, 0.9477, False), (-0.79, 0.0, 1.0, True), (0.8, 0.0, 0.0, False)],
)
def test_the_guard_asks_for_a_small_gain_with_high_probability(
    x: float, error: float, inside: float, *, met: bool
) -> None:
    """|x| below 0.8 with 99 %, by tables of the normal distribution; a reason where it fails."""
    found = feedback_uncertainty(x, error)
    assert found.inside_probability == pytest.approx(inside, abs=1e-4)
    assert (found.is_guarded, bool(found.reason)) == (met, not met)


def test_the_interval_of_the_amplification_is_that_of_the_gain() -> None:
    """A falls as x rises; an interval that reaches -1 has no upper end."""
    found = feedback_uncertainty(-0.2, 0.1, confidence=0.95)
    assert found.amplification_low == pytest.approx(1.0 / (0.8 + 0.1 * 1.959964), rel=1e-6)
    assert found.amplification_high == pytest.approx(1.0 / (0.8 - 0.1 * 1.959964), rel=1e-6)
    assert found.amplification_standard_error == pytest.approx(0.1 / 0.8**2)
    wide = feedback_uncertainty(-0.2, 0.5)
    assert (isnan(wide.amplification_high), wide.amplification_low > 0.0) == (True, True)
    assert isnan(feedback_uncertainty(-2.0, 0.1).amplification_standard_error)


@pytest.mark.parametrize(("x", "error"), [(nan, 0.1), (0.1, nan), (0.1, -1.0)])
def test_without_errors_the_guard_is_not_met(x: float, error: float) -> None:
    """What is not known is not safe."""
    found = feedback_uncertainty(x, error)
    assert not found.is_guarded
    assert found.reason
    assert isnan(found.inside_probability)

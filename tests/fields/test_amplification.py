"""Dealer feedback: sign, units and the states of requirements 2.3."""

from __future__ import annotations

from math import isnan, nan

import numpy as np
import pytest

from fields.amplification import amplification, feedback_of, feedback_x, regime_reading
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

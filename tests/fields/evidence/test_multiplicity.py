"""Adjustment for many tests."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fields.evidence import deflated_probability, expected_maximum, holm_adjusted


def test_holm_steps_down_as_published() -> None:
    """A worked case: each p-value is multiplied by the tests left, and never below its predecessor."""
    adjusted = holm_adjusted(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, 0.06, 0.02])


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12))
def test_holm_lies_between_raw_and_bonferroni(values: list[float]) -> None:
    """Adjusted values keep the order, exceed the raw ones and stay below Bonferroni's."""
    raw = np.array(values)
    adjusted = holm_adjusted(raw)
    assert (adjusted >= raw).all()
    assert (adjusted <= np.minimum(raw * raw.size, 1.0) + 1e-15).all()
    assert (np.diff(adjusted[np.argsort(raw, kind="stable")]) >= 0.0).all()


def test_test_that_could_not_be_made_still_counts() -> None:
    """NaN stays NaN and makes the others stricter."""
    adjusted = holm_adjusted(np.array([0.02, np.nan]))
    assert adjusted[0] == pytest.approx(0.04)
    assert np.isnan(adjusted[1])


def test_holm_keeps_the_familywise_level() -> None:
    """Of 2 000 families of ten true nulls about 5 % have any rejection."""
    rng = np.random.default_rng(1)
    wrong = sum(bool((holm_adjusted(rng.random(10)) < 0.05).any()) for _ in range(2_000))
    assert wrong / 2_000 == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("n", [2, 10, 40, 200])
def test_expected_maximum_is_that_of_drawn_normals(n: int) -> None:
    """The extreme-value figure agrees with simulation within a tenth of an error."""
    drawn = np.random.default_rng(2).standard_normal((4_000, n)).max(axis=1).mean()
    assert expected_maximum(n, 1.0) == pytest.approx(drawn, abs=0.11)


def test_deflation_takes_the_lustre_off_the_best_of_many() -> None:
    """An AUC two errors above chance convinces alone, and no longer as the best of forty."""
    assert deflated_probability(0.54, 0.02, 1, null=0.5) > 0.97
    assert deflated_probability(0.54, 0.02, 40, null=0.5) < 0.5

"""Robust regions: the plateau before the spike, the mean of noise, and never a trial that cannot be chosen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.selection.regions import Regions, robust_regions
from market.chains import FloatArray
from market.errors import ConfigError, DataError


def _plateau(seed: int, n: int = 200, n_dims: int = 2, noise: float = 0.1) -> tuple[FloatArray, FloatArray]:
    """Return points and scores: 1 within 0.25 of 0.65 in every dimension, 0 elsewhere, one spike of 5."""
    rng = np.random.default_rng(seed)
    points = rng.random((n, n_dims))
    scores = (np.abs(points - 0.65).max(axis=1) < 0.25) + noise * rng.standard_normal(n)
    scores[np.argmin(np.abs(points - 0.12).max(axis=1))] = 5.0
    return points, scores


def _centre(found: Regions) -> int:
    assert found.centre is not None, found.reason
    return found.centre


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("n_dims", [1, 2, 3])
def test_the_middle_of_a_wide_plateau_is_chosen_before_a_lonely_higher_spike(seed: int, n_dims: int) -> None:
    """The spike is the peak, is told as one, and is not chosen; the choice lies well inside the plateau."""
    points, scores = _plateau(seed, 300, n_dims)
    found = robust_regions(points, scores)
    assert found.peak == int(np.argmax(scores))
    assert found.peak_excess.value > 20.0
    assert np.abs(points[_centre(found)] - 0.65).max() < 0.2
    assert found.peak not in found.members


@pytest.mark.parametrize("seed", range(6))
def test_a_pile_of_trials_on_a_narrow_spike_is_no_plateau(seed: int) -> None:
    """A sampler that put half of all trials on the spike does not make it wide."""
    rng = np.random.default_rng(seed)
    points = np.concatenate([rng.random((150, 2)), 0.15 + 0.01 * np.clip(rng.standard_normal((150, 2)), -2, 2)])
    scores = (np.abs(points - 0.65).max(axis=1) < 0.25) + 0.1 * rng.standard_normal(300)
    scores[np.abs(points - 0.15).max(axis=1) < 0.025] = 3.0
    found = robust_regions(points, scores)
    assert np.abs(points[_centre(found)] - 0.65).max() < 0.25


def test_a_sampler_that_learned_a_real_summit_is_followed() -> None:
    """Trials gathered about a broad summit lead to a centre near it, in five dimensions."""
    rng = np.random.default_rng(3)
    summit = np.array([0.3, 0.7, 0.5, 0.6, 0.4])
    points = np.clip(np.concatenate([rng.random((40, 5)), summit + 0.12 * rng.standard_normal((160, 5))]), 0, 1)
    scores = 2.0 - 4.0 * ((points - summit) ** 2).sum(axis=1) + 0.1 * rng.standard_normal(200)
    found = robust_regions(points, scores)
    assert np.sqrt(((points[_centre(found)] - summit) ** 2).mean()) < 0.12
    assert found.signal_share > 0.3


def test_scores_of_noise_shrink_to_their_middle() -> None:
    """Neighbourhoods of pure noise say nothing: in most worlds all of their spread is taken away."""
    shares, spreads = [], []
    for seed in range(50):
        rng = np.random.default_rng(seed)
        found = robust_regions(rng.random((120, 3)), rng.standard_normal(120))
        shares.append(found.signal_share)
        spreads.append(float(np.nanstd(found.smoothed)))
    assert np.mean(np.array(shares) == 0.0) >= 0.85
    assert np.mean(spreads) < 0.02


def test_the_centre_of_noise_is_better_on_new_scores_than_its_peak_looked() -> None:
    """What the centre promises is kept: its smoothed score is near 0, where the peak looks like two deviations."""
    rng = np.random.default_rng(1)
    found = robust_regions(rng.random((200, 2)), rng.standard_normal(200))
    assert abs(found.smoothed[_centre(found)]) < 0.3
    assert found.peak_excess.value > 2.0


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), n=st.integers(12, 80), bad=st.floats(0.0, 0.8))
def test_a_trial_without_a_score_or_outside_the_constraints_is_never_chosen(seed: int, n: int, bad: float) -> None:
    """Whatever is missing or infeasible, the centre, the peak and all members have scores and keep the constraints."""
    rng = np.random.default_rng(seed)
    points, scores = rng.random((n, 2)), rng.standard_normal(n)
    feasible = rng.random(n) > bad / 2.0
    scores[rng.random(n) < bad / 2.0] = np.nan
    scores[0] = np.inf
    found = robust_regions(points, np.where(feasible, scores, scores + 100.0), feasible, neighbours=4)
    usable = np.isfinite(scores) & feasible
    assert (found.centre is None) == bool(found.reason)
    assert found.centre is None or (usable[found.centre] and found.centre in found.members)
    assert usable[found.members].all()
    assert found.peak is None or usable[found.peak]
    assert np.isnan(found.smoothed[~usable]).all()


def test_a_place_where_most_fail_is_no_region() -> None:
    """Good scores among trials that break the constraints are left for a place where the neighbours hold."""
    rng = np.random.default_rng(5)
    points = rng.random((400, 2))
    left = points[:, 0] < 0.5
    scores = np.where(left, 2.0, 1.0) + 0.1 * rng.standard_normal(400)
    found = robust_regions(points, scores, ~left | (rng.random(400) < 0.2))
    assert points[_centre(found), 0] > 0.5
    assert found.support[left].mean() < 0.5


def test_scale_and_shift_of_scores_do_not_matter() -> None:
    """A score in other units leads to the same regions."""
    points, scores = _plateau(4)
    one, two = robust_regions(points, scores), robust_regions(points, 8.0 * scores - 3.0)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert one.centre == two.centre
    assert two.noise == pytest.approx(8.0 * one.noise)


def test_a_grid_has_its_summit_in_the_middle_of_the_region() -> None:
    """On a lattice with a symmetric summit the summit itself is the medoid, and the range lies about it."""
    axes = np.meshgrid(*[np.linspace(0.0, 1.0, 9)] * 2)
    points = np.stack([axis.ravel() for axis in axes], axis=1)
    scores = -((points - 0.5) ** 2).sum(axis=1) + 0.01 * np.random.default_rng(0).standard_normal(81)
    found = robust_regions(points, scores)
    np.testing.assert_allclose(points[_centre(found)], 0.5, atol=0.13)
    assert (found.low < 0.5).all()
    assert (found.high > 0.5).all()
    assert 0.0 < found.share < 0.5


def test_two_plateaus_apart_are_two_regions_and_the_wider_one_is_chosen() -> None:
    """Regions of the same height are told apart by their places; the larger one comes first."""
    rng = np.random.default_rng(7)
    points = rng.random((500, 2))
    wide, narrow = np.abs(points - 0.75).max(axis=1) < 0.25, np.abs(points - 0.13).max(axis=1) < 0.13
    scores = 1.0 * (wide | narrow) + 0.05 * rng.standard_normal(500)
    found = robust_regions(points, scores)
    assert found.labels.max() >= 1
    assert wide[_centre(found)]
    assert np.unique(found.labels[narrow & (found.labels >= 0)]).tolist() == [1]


def test_equal_scores_and_equal_places_have_an_answer() -> None:
    """A flat landscape is one region without noise; trials at one place are one place."""
    points = np.random.default_rng(0).random((30, 2))
    flat = robust_regions(points, np.ones(30))
    assert flat.members.size == 30
    assert flat.peak_excess.reason
    same = robust_regions(np.full((20, 3), 0.5), np.arange(20.0))
    assert _centre(same) in range(20)


def test_too_few_trials_have_a_reason_and_wrong_input_is_refused() -> None:
    """A neighbourhood needs its neighbours; shapes, places and sizes that cannot be are errors."""
    points, scores = np.random.default_rng(0).random((8, 2)), np.arange(8.0)
    found = robust_regions(points, scores)
    assert "9 are needed" in found.reason
    assert (found.centre, found.peak) == (None, 7)
    scattered = robust_regions(np.random.default_rng(1).random((90, 2)), np.ones(90), np.arange(90) % 9 == 0)
    assert "half can be chosen" in scattered.reason
    with pytest.raises(DataError, match="do not fit"):
        robust_regions(points, scores[:-1])
    with pytest.raises(DataError, match="not finite"):
        robust_regions(np.full((8, 2), np.nan), scores)
    with pytest.raises(ConfigError, match="so small"):
        robust_regions(points, scores, neighbours=1)

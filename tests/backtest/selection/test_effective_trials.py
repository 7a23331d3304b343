"""The number of different trials: planted clusters are found, and what has none is counted by its eigenvalues."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.selection.effective_trials import effective_trials
from market.chains import FloatArray
from market.errors import DataError


def _clusters(seed: int, n_clusters: int, n_each: int, share: float, n_days: int = 350) -> FloatArray:
    rng = np.random.default_rng(seed)
    common = np.repeat(rng.standard_normal((n_days, n_clusters)), n_each, axis=1)
    own = rng.standard_normal((n_days, n_clusters * n_each))
    returns: FloatArray = 0.01 * (np.sqrt(share) * common + np.sqrt(1.0 - share) * own)
    return returns


@pytest.mark.parametrize(("n_clusters", "n_each", "share"), [(2, 50, 0.95), (5, 20, 0.8), (10, 10, 0.5), (40, 5, 0.7)])
def test_planted_clusters_are_found(n_clusters: int, n_each: int, share: float) -> None:
    """The number is the planted one, and each planted cluster has one label of its own."""
    found = effective_trials(_clusters(1, n_clusters, n_each, share))
    assert found.is_clustered
    assert found.n_effective == found.cluster_sharpes.size == n_clusters
    blocks = found.labels.reshape(n_clusters, n_each)
    assert (blocks == blocks[:, :1]).all()
    assert np.unique(found.labels).size == n_clusters


def test_the_order_and_the_size_of_positions_do_not_matter() -> None:
    """A permutation permutes the labels; another scale changes neither them nor the clusters' ratios."""
    returns, order = _clusters(2, 5, 10, 0.8), np.random.default_rng(0).permutation(50)
    one, two = effective_trials(returns), effective_trials(returns[:, order] * np.linspace(0.1, 30.0, 50))
    assert one.n_effective == two.n_effective
    same = one.labels[order][:, np.newaxis] == one.labels[order]
    np.testing.assert_array_equal(two.labels[:, np.newaxis] == two.labels, same)
    np.testing.assert_allclose(np.sort(one.cluster_sharpes), np.sort(two.cluster_sharpes), rtol=1e-9)


@pytest.mark.parametrize("n_trials", [20, 150])
def test_independent_trials_count_each(n_trials: int) -> None:
    """Noise has no clusters, and the eigenvalues, freed of chance, count nearly all of it."""
    found = effective_trials(_clusters(3, n_trials, 1, 0.0))
    assert not found.is_clustered
    assert 0.9 * n_trials <= found.n_effective <= n_trials
    assert found.by_average_correlation == pytest.approx(n_trials, rel=0.1)
    assert (found.labels == -1).all()


def test_trials_that_share_one_source_count_as_few() -> None:
    """A hundred trials with one common source of 0.9 are about one, by closed form."""
    found = effective_trials(_clusters(4, 1, 100, 0.9))
    assert not found.is_clustered
    assert found.n_effective <= 2
    assert found.by_eigenvalues == pytest.approx(100.0**2 / (100.0 + 9_900.0 * 0.81), rel=0.1)
    assert found.average_correlation == pytest.approx(0.9, abs=0.03)


def test_copies_add_nothing() -> None:
    """A trial that stands ten times is one trial."""
    returns = np.repeat(_clusters(5, 6, 1, 0.0), 10, axis=1)
    found = effective_trials(returns)
    assert found.n_effective == 6
    assert found.silhouette == pytest.approx(1.0, abs=1e-6)


def test_trials_without_returns_that_vary_are_left_out() -> None:
    """Constant and broken columns have no label and are told."""
    returns = _clusters(6, 3, 10, 0.9)
    returns[:, 0], returns[3, 29] = 0.0, np.inf
    found = effective_trials(returns)
    assert (found.n_trials, found.n_left_out, found.n_effective) == (28, 2, 3)
    assert found.labels[0] == found.labels[29] == -1


def test_more_trials_than_can_be_clustered_are_thinned_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit evenly spaced trials are clustered, and the number of clusters is found all the same."""
    monkeypatch.setattr("backtest.selection.effective_trials._MOST_CLUSTERED", 200)
    found = effective_trials(_clusters(7, 3, 70, 0.8))
    assert (found.n_trials, found.n_left_out, found.n_effective) == (200, 10, 3)


def test_one_trial_is_one_and_none_has_a_reason() -> None:
    """A single trial counts as one; a short record or no trial at all says why there is no number."""
    one = effective_trials(_clusters(8, 1, 1, 0.0))
    assert (one.n_effective, one.by_average_correlation) == (1, 1.0)
    assert "at least 20" in effective_trials(_clusters(8, 2, 2, 0.5, n_days=10)).reason
    none = effective_trials(np.zeros((100, 4)))
    assert "no trial" in none.reason
    assert none.n_effective == 0
    with pytest.raises(DataError, match="shape"):
        effective_trials(np.zeros(100))


def test_the_count_by_eigenvalues_is_less_what_chance_adds() -> None:
    """Trials squared over the sum of squared correlations, each pair's less the 1 / (days - 1) of independent ones."""
    rng = np.random.default_rng(3)
    returns = 0.01 * (rng.standard_normal((30, 1)) + rng.standard_normal((30, 8)))
    alike: FloatArray = np.asarray(np.corrcoef(returns, rowvar=False))
    pairs = alike[~np.eye(8, dtype=np.bool_)] ** 2
    expected = 64.0 / (8.0 + (pairs - 1.0 / 29.0).sum())
    assert effective_trials(returns).by_eigenvalues == pytest.approx(expected, rel=1e-9)

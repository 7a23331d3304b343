"""The small regressions against brute-force optimisers and their first-order conditions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from fields.evidence import LinearFit, brier_score, calibration, fit_logistic, fit_quantile, fit_ridge, log_loss
from market.errors import DataError


def drawn(n: int = 300, p: int = 3, seed: int = 1) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Return features of unlike scale, a noisy linear outcome and the generator."""
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((n, p)) * np.array([1.0, 50.0, 1e-3])[:p] + np.array([0.0, 700.0, 1.0])[:p]
    outcome = 0.7 * features[:, 0] - 0.02 * features[:, 1] + rng.standard_t(4, n)
    return features, outcome, rng


def test_logistic_fit_minimises_its_penalised_likelihood() -> None:
    """A general optimiser finds no lower value and the same coefficients."""
    features, outcome, _ = drawn()
    positive = outcome > np.median(outcome)
    fit = fit_logistic(features, positive, ridge=2.0)
    scaled = (features - fit.centre) / fit.scale

    def loss(beta: np.ndarray) -> float:
        index = beta[0] + scaled @ beta[1:]
        return float((np.logaddexp(0.0, index) - positive * index).sum() + (beta[1:] ** 2).sum())

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    np.testing.assert_allclose(np.r_[fit.intercept, fit.slope], best.x, atol=1e-4)


def test_logistic_fit_survives_perfect_separation_and_one_class() -> None:
    """The ridge keeps coefficients finite where likelihood alone would not."""
    features = np.linspace(-1.0, 1.0, 40)[:, None]
    assert np.isfinite(fit_logistic(features, features[:, 0] > 0.0).slope).all()
    lone = fit_logistic(features, np.ones(40, dtype=np.bool_))
    assert lone.probability(features).min() > 0.99


def test_mean_probability_is_the_share_of_positives() -> None:
    """Without a penalty on the intercept a logistic fit is calibrated in the large."""
    features, outcome, _ = drawn()
    positive = outcome > np.quantile(outcome, 0.8)
    fit = fit_logistic(features, positive)
    assert fit.probability(features).mean() == pytest.approx(positive.mean(), abs=1e-6)


@pytest.mark.parametrize("level", [0.2, 0.5, 2.0 / 3.0])
def test_quantile_fit_minimises_the_pinball_loss(level: float) -> None:
    """No perturbation of the coefficients lowers the loss, and the share below is the level."""
    features, outcome, rng = drawn()
    fit = fit_quantile(features, outcome, level=level)
    scaled = (features - fit.centre) / fit.scale

    def loss(beta: np.ndarray) -> float:
        error = outcome - beta[0] - scaled @ beta[1:]
        return float(np.maximum(level * error, (level - 1.0) * error).sum())

    beta = np.r_[fit.intercept, fit.slope]
    for size in (1e-3, 1e-2, 0.1):
        assert all(loss(beta + size * rng.standard_normal(4)) >= loss(beta) - 1e-9 for _ in range(40))
    assert (outcome < fit.index(features)).mean() == pytest.approx(level, abs=4.0 / outcome.size)


def test_median_fit_ignores_the_size_of_outliers() -> None:
    """Moving a far outcome further away changes nothing."""
    features, outcome, _ = drawn()
    worst = int(np.argmax(outcome - fit_quantile(features, outcome).index(features)))
    wild = outcome.copy()
    wild[worst] += 1e6
    np.testing.assert_allclose(
        fit_quantile(features, wild).index(features), fit_quantile(features, outcome).index(features), atol=1e-8
    )


def test_least_squares_fit_leaves_residuals_orthogonal() -> None:
    """Residuals have no mean and no correlation with a feature."""
    features, outcome, _ = drawn()
    residual = outcome - fit_ridge(features, outcome).index(features)
    assert abs(residual.mean()) < 1e-10
    assert np.abs(np.corrcoef(features.T, residual)[-1, :-1]).max() < 1e-7


def made(kind: str, features: np.ndarray, outcome: np.ndarray) -> LinearFit:
    """Return one of the three fits."""
    if kind == "logistic":
        return fit_logistic(features, outcome > 0.0)
    return fit_quantile(features, outcome) if kind == "quantile" else fit_ridge(features, outcome)


@pytest.mark.parametrize("kind", ["logistic", "quantile", "ridge"])
def test_column_that_never_varied_says_nothing_later(kind: str) -> None:
    """The dummy of an event that had not happened leaves the first event's prediction unchanged."""
    features, outcome, _ = drawn()
    padded = np.column_stack([features, np.zeros(300)])
    later = np.column_stack([features[:5], np.ones(5)])
    alone = made(kind, features, outcome).index(features[:5])
    np.testing.assert_allclose(made(kind, padded, outcome).index(later), alone, atol=1e-7)


def test_incomplete_rows_are_refused() -> None:
    """A missing feature is an error here: rows are chosen before, alike for all models."""
    with pytest.raises(DataError, match="missing"):
        fit_ridge(np.array([[np.nan], [1.0]]), np.zeros(2))


def test_scores_of_known_probabilities() -> None:
    """Constant one half has Brier 0.25 and log loss ln 2; certainty has none; a wrong certainty is finite."""
    truth = np.array([True, False, True, False])
    half = np.full(4, 0.5)
    assert brier_score(half, truth) == 0.25
    assert log_loss(half, truth) == pytest.approx(np.log(2.0))
    assert brier_score(truth.astype(float), truth) == 0.0
    assert np.isfinite(log_loss(1.0 - truth, truth))
    with pytest.raises(DataError, match="outside"):
        brier_score(np.array([1.2, 0.0, 0.0, 0.0]), truth)


def test_calibration_error_is_the_bias_of_the_probabilities() -> None:
    """True probabilities have almost no error; the same plus a tenth have a tenth."""
    rng = np.random.default_rng(2)
    chance = rng.uniform(0.1, 0.8, 20_000)
    truth = rng.random(20_000) < chance
    assert calibration(chance, truth).error < 0.02
    table = calibration(chance + 0.1, truth)
    assert table.error == pytest.approx(0.1, abs=0.02)
    assert table.count.sum() == 20_000

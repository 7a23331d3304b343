"""Deflation by count, by clusters and by resampling: what each adds, and how often it is fooled by noise."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.metrics.sharpe_inference import deflated_sharpe
from backtest.selection.deflation import Deflation, deflation
from backtest.selection.effective_trials import effective_trials
from market.chains import FloatArray
from market.errors import ConfigError, DataError


def _alike(seed: int, share: float, n_trials: int = 60, n_days: int = 350) -> FloatArray:
    rng = np.random.default_rng(seed)
    common = rng.standard_normal((n_days, 1))
    returns: FloatArray = 0.01 * (
        np.sqrt(share) * common + np.sqrt(1.0 - share) * rng.standard_normal((n_days, n_trials))
    )
    return returns


def _best(returns: FloatArray, *, n_told: int | None = None, seed: int = 0, n_draws: int = 200) -> Deflation:
    chosen = int(np.argmax(returns.mean(axis=0) / returns.std(axis=0)))
    return deflation(
        returns,
        chosen,
        n_told=returns.shape[1] if n_told is None else n_told,
        effective=effective_trials(returns),
        rng=np.random.default_rng(seed),
        block=1.0,
        n_draws=n_draws,
    )


def test_the_told_figure_is_the_usual_one() -> None:
    """It is `deflated_sharpe` with the count and the trials' own ratios."""
    returns = _alike(1, 0.3)
    sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    found = _best(returns, n_told=500)
    usual = deflated_sharpe(returns[:, int(np.argmax(sharpes))], n_trials=500, trial_sharpes=sharpes)
    assert found.told.value == pytest.approx(usual.value, rel=1e-9)
    assert found.trial_spread == pytest.approx(sharpes.std(ddof=1))


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 35.0, 95.0), (0.5, 5.0, 20.0), (0.95, 1.0, 3.0)])
def test_the_implied_number_falls_as_trials_grow_alike(share: float, low: float, high: float) -> None:
    """Sixty independent trials count as about sixty; sixty that share nearly everything count as one or two."""
    assert low <= _best(_alike(2, share), n_draws=1_000).n_implied <= high


def test_copies_change_the_count_but_not_the_resampled_figure() -> None:
    """Trials that stand three times raise the bar of the count alone."""
    returns = _alike(3, 0.2)
    once, thrice = _best(returns), _best(np.tile(returns, 3))
    assert thrice.lucky_resampled == once.lucky_resampled
    assert thrice.lucky_told > once.lucky_told
    assert thrice.clustered.reason == ""


def test_many_good_trials_raise_the_bar_of_the_count_alone() -> None:
    """True differences count as luck in the spread of the ratios, so the usual figure refuses what resampling keeps."""
    returns = _alike(4, 0.0, n_trials=40)
    returns[:, :20] += 0.01 * 5.0 / np.sqrt(252.0)
    found = _best(returns)
    assert found.lucky_told > 1.3 * found.lucky_resampled
    assert found.resampled.value > found.told.value


@pytest.mark.parametrize("share", [0.0, 0.9])
def test_noise_is_seldom_believed(share: float) -> None:
    """Over 60 worlds of noise the best trial reaches 0.95 in at most one in twelve, by count and by resampling."""
    found = [_best(_alike(seed, share, n_trials=30), seed=seed, n_draws=100) for seed in range(60)]
    assert np.mean([each.told.value >= 0.95 for each in found]) <= 0.08
    assert np.mean([each.resampled.value >= 0.95 for each in found]) <= 0.08


def test_a_good_trial_is_believed() -> None:
    """An annual ratio of 6 among sixty trials stands above luck in each way."""
    returns = _alike(5, 0.3)
    returns[:, 9] += 0.01 * 6.0 / np.sqrt(252.0)
    found = _best(returns)
    assert min(found.told.value, found.resampled.value) > 0.95


def test_more_trials_told_raise_the_bar() -> None:
    """Trials of earlier studies, without returns, count as those with returns do."""
    returns = _alike(6, 0.0)
    few, many = _best(returns), _best(returns, n_told=6_000)
    assert many.n_implied == pytest.approx(100.0 * few.n_implied)
    assert many.lucky_resampled > few.lucky_resampled
    assert many.resampled.value < few.resampled.value


def test_what_is_not_known_is_missing_with_a_reason() -> None:
    """A chosen trial that does not vary has no figure; trials without clusters have none for clusters."""
    returns = _alike(7, 0.0)
    assert "clusters" in _best(returns).clustered.reason
    returns[:, 5] = 0.0
    rng = np.random.default_rng(0)
    found = deflation(returns, 5, n_told=60, effective=effective_trials(returns), rng=rng)
    assert found.resampled.reason
    assert found.told.reason
    assert np.isnan(found.n_implied)


def test_what_cannot_be_counted_is_refused() -> None:
    """Fewer trials told than shown, a column that is none, and a bootstrap of ten draws are errors."""
    returns, rng = _alike(8, 0.0), np.random.default_rng(0)
    effective = effective_trials(returns)
    with pytest.raises(DataError, match="fewer trials"):
        deflation(returns, 0, n_told=59, effective=effective, rng=rng)
    with pytest.raises(DataError, match="none of them"):
        deflation(returns, 60, n_told=60, effective=effective, rng=rng)
    with pytest.raises(ConfigError, match="bootstrap"):
        deflation(returns, 0, n_told=60, effective=effective, rng=rng, n_draws=10)

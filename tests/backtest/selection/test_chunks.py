"""How much is held at a time plays no part in any statistic of selection."""

from __future__ import annotations

import numpy as np
import pytest

from backtest.selection import deflation as deflation_room
from backtest.selection import overfitting as overfitting_room
from backtest.selection import regions as regions_room
from backtest.selection import superiority as superiority_room
from backtest.selection.deflation import deflation
from backtest.selection.effective_trials import effective_trials
from backtest.selection.overfitting import overfitting
from backtest.selection.regions import robust_regions
from backtest.selection.superiority import superiority

_RETURNS = 0.01 * np.random.default_rng(8).standard_normal((160, 23)) + np.linspace(-0.002, 0.002, 23)


@pytest.mark.parametrize("held", [1, 100, 700])
def test_superiority_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """One trial, one, and seven at a time of 23: the p-values and the best are those of all at once."""
    benchmark = _RETURNS[:, 11]
    whole = superiority(_RETURNS, benchmark, rng=np.random.default_rng(0), block=2.0, n_draws=100)
    monkeypatch.setattr(superiority_room, "_CHUNK", held)
    assert superiority(_RETURNS, benchmark, rng=np.random.default_rng(0), block=2.0, n_draws=100) == whole
    assert whole.spa_consistent_p < 1.0


@pytest.mark.parametrize("held", [1, 700])
def test_luck_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """The best of all resampled ratios is looked for among all trials, the last part included."""

    def lucky() -> float:
        told = effective_trials(_RETURNS)
        rng = np.random.default_rng(0)
        found = deflation(_RETURNS, 22, n_told=23, effective=told, rng=rng, block=1.0, n_draws=100)
        return found.lucky_resampled

    whole = lucky()
    monkeypatch.setattr(deflation_room, "_CHUNK", held)
    assert lucky() == pytest.approx(whole, rel=1e-12)


@pytest.mark.parametrize("held", [1, 7 * 23])
def test_overfitting_is_the_same_in_parts(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """Halvings one and seven at a time, of which every third joins the pool whatever part it comes in."""
    monkeypatch.setattr(overfitting_room, "_POOL", 70 * 23 // 3)
    whole = overfitting(_RETURNS, n_slices=8)
    monkeypatch.setattr(overfitting_room, "_CHUNK", held)
    parts = overfitting(_RETURNS, n_slices=8)
    assert np.sort(parts.logits) == pytest.approx(np.sort(whole.logits), rel=1e-9)
    assert parts.pbo == whole.pbo
    assert (parts.slope.value, parts.slope.low) == pytest.approx((whole.slope.value, whole.slope.low), rel=1e-9)


@pytest.mark.parametrize("held", [1, 500])
def test_regions_are_the_same_in_parts(monkeypatch: pytest.MonkeyPatch, held: int) -> None:
    """One and eight trials at a time of sixty: the same centre, members and medians."""
    rng = np.random.default_rng(2)
    points = rng.random((60, 2))
    scores = (np.abs(points - 0.6).max(axis=1) < 0.3) + 0.1 * rng.standard_normal(60)
    whole = robust_regions(points, scores)
    monkeypatch.setattr(regions_room, "_CHUNK", held)
    parts = robust_regions(points, scores)
    assert parts.centre == whole.centre
    assert np.array_equal(parts.members, whole.members)
    assert np.array_equal(parts.labels, whole.labels)
    assert parts.smoothed == pytest.approx(whole.smoothed, rel=1e-12)

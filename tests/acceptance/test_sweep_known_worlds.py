"""A sweep of bars whose truth is known, from configuration to verdict: it finds what is there, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.planted_bars import BEST, TrueSharpes, World, answered, bars_of, sweep_text, windows_of, written
from tuning.studies.answer import StudyAnswer

pytestmark = pytest.mark.slow


def _study(folder: Path, world: World, sampler: str, trials: int) -> StudyAnswer:
    return answered(written(folder, world, sweep_text(world, sampler, trials=trials, seed=1, draws=200), seed=1))


def test_the_planted_pair_is_the_best_that_there_is() -> None:
    """Its Sharpe ratio over a time without end is the planted one; other windows have less, near ones a little less."""
    world = World(sharpe=3.0)
    best, near, far = TrueSharpes(world).at([BEST, (14, 120), (2, 320)])
    assert best == pytest.approx(world.sharpe, rel=0.02)
    assert best > near > far > 0.0


def test_shocks_of_both_kinds_have_the_deviation_that_the_truth_is_told_in() -> None:
    """A strength is a ratio to it; one of GARCH has fat tails and the same variance."""
    for world in (World(n_days=50_000), World(n_days=50_000, shocks="garch")):
        bars = bars_of(world, 3)
        assert float((bars["close"] - bars["open"]).std()) == pytest.approx(25.0, rel=0.05)


def test_a_grid_finds_what_is_planted(tmp_path: Path) -> None:
    """Only the defaults, which earn from the same plant, may not be told from the choice; all else speaks for it."""
    world = World(sharpe=6.0)
    answer = _study(tmp_path, world, "grid", 60)
    assert all("superior ability" in reason for reason in answer.verdict.reasons), answer.verdict.reasons
    truth = TrueSharpes(world)
    assert answer.candidate_point is not None
    chosen = float(truth.at([windows_of(answer.candidate_point)])[0])
    assert chosen > float(truth.at([windows_of(trial.point) for trial in answer.trials]).mean())


def test_noise_is_refused(tmp_path: Path) -> None:
    """No point is better than another, and the verdict says why it believes none."""
    answer = _study(tmp_path, World(), "random", 40)
    assert not answer.verdict.accepted
    assert len(answer.verdict.reasons) >= 2

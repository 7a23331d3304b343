"""What the guards against overfitting do on worlds whose truth is known: ``python -m benchmarks.selection_study``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np

from backtest.selection.deflation import deflation
from backtest.selection.draws import shared_block_length
from backtest.selection.effective_trials import effective_trials
from backtest.selection.overfitting import overfitting
from backtest.selection.superiority import sharpe_contributions, superiority
from market.chains import BoolArray, FloatArray

__all__ = ["WORLDS", "Figures", "World", "figures_of", "main"]

World = Callable[[np.random.Generator, int, int], FloatArray]
"""From a generator, days and trials to daily returns, shape ``(n_days, n_trials)``; the first is the benchmark."""

_SIZE = 0.01  # daily volatility
_COLUMNS = (
    "world",
    "PBO mean",
    "PBO <= 0.2, %",
    "slope",
    "DSR told >= 0.95, %",
    "DSR clustered, %",
    "DSR resampled, %",
    "RC p <= 0.05, %",
    "SPA p <= 0.05, %",
    "SPA of ratios, %",
    "clusters",
    "implied",
    "accepted, told, %",
    "accepted, resampled, %",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What one draw of a world gave; NaN where a guard has no figure."""

    pbo: float
    slope: float
    loss_probability: float
    told: float
    clustered: float
    resampled: float
    reality_check: float
    spa: float
    spa_of_ratios: float
    n_effective: float
    n_implied: float
    is_accepted: float
    is_accepted_resampled: float


def _independent(rng: np.random.Generator, n_days: int, n_trials: int) -> FloatArray:
    return _SIZE * rng.standard_normal((n_days, n_trials))


def _fat(rng: np.random.Generator, n_days: int, n_trials: int) -> FloatArray:
    return _SIZE * rng.standard_t(4, size=(n_days, n_trials)) / sqrt(2.0)


def _alike(share: float) -> World:
    def world(rng: np.random.Generator, n_days: int, n_trials: int) -> FloatArray:
        common = rng.standard_normal((n_days, 1))
        return _SIZE * (sqrt(share) * common + sqrt(1.0 - share) * rng.standard_normal((n_days, n_trials)))

    return world


def _clusters(rng: np.random.Generator, n_days: int, n_trials: int) -> FloatArray:
    common = np.repeat(rng.standard_normal((n_days, 10)), n_trials // 10, axis=1)
    return _SIZE * (sqrt(0.8) * common + sqrt(0.2) * rng.standard_normal((n_days, n_trials)))


def _persistent(rng: np.random.Generator, n_days: int, n_trials: int) -> FloatArray:
    shocks = rng.standard_normal((n_days + 1, n_trials))
    return _SIZE * (shocks[1:] + 0.3 * shocks[:-1]) / sqrt(1.09)


def _planted(annual_sharpe: float, n_good: int) -> World:
    def world(rng: np.random.Generator, n_days: int, n_trials: int) -> FloatArray:
        returns = _alike(0.5)(rng, n_days, n_trials)
        returns[:, n_trials - n_good :] += _SIZE * annual_sharpe / sqrt(252.0)
        return returns

    return world


WORLDS: Mapping[str, World] = {
    "noise, independent": _independent,
    "noise, fat tails": _fat,
    "noise, correlated 0.5": _alike(0.5),
    "noise, correlated 0.9": _alike(0.9),
    "noise, ten clusters": _clusters,
    "noise, days follow each other": _persistent,
    "one good trial, Sharpe 2": _planted(2.0, 1),
    "one good trial, Sharpe 3": _planted(3.0, 1),
    "one good trial, Sharpe 4": _planted(4.0, 1),
    "ten good trials, Sharpe 3": _planted(3.0, 10),
    "ten good trials, Sharpe 4": _planted(4.0, 10),
}


def figures_of(returns: FloatArray, rng: np.random.Generator, *, n_draws: int = 500) -> Figures:
    """Return what the guards say of the trial with the best Sharpe ratio, the first trial being the benchmark."""
    chosen = int(np.argmax(returns.mean(axis=0) / returns.std(axis=0)))
    effective = effective_trials(returns)
    fit = overfitting(returns)
    block = shared_block_length(returns).value
    test = superiority(returns, returns[:, 0], rng=rng, block=block, n_draws=n_draws)
    daily = sharpe_contributions(returns)
    ratios = superiority(daily, daily[:, 0], rng=rng, block=block, n_draws=n_draws)
    luck = deflation(
        returns, chosen, n_told=returns.shape[1], effective=effective, rng=rng, block=block, n_draws=n_draws
    )
    passes = fit.pbo.value <= 0.2 and test.spa_consistent_p <= 0.05
    return Figures(
        pbo=fit.pbo.value,
        slope=fit.slope.value,
        loss_probability=fit.loss_probability.value,
        told=luck.told.value,
        clustered=luck.clustered.value,
        resampled=luck.resampled.value,
        reality_check=test.reality_check_p,
        spa=test.spa_consistent_p,
        spa_of_ratios=ratios.spa_consistent_p,
        n_effective=float(effective.n_effective),
        n_implied=luck.n_implied,
        is_accepted=float(passes and luck.told.value >= 0.95),
        is_accepted_resampled=float(passes and luck.resampled.value >= 0.95),
    )


def _share(values: FloatArray | BoolArray) -> str:
    return "-" if np.isnan(values).any() else f"{100.0 * values.mean():.1f}"


def _line(name: str, found: list[Figures]) -> str:
    of = {key: np.array([getattr(each, key) for each in found]) for key in Figures.__slots__}
    deflated = [np.where(np.isnan(of[key]), np.nan, of[key] >= 0.95) for key in ("told", "clustered", "resampled")]
    tests = [of[key] <= 0.05 for key in ("reality_check", "spa", "spa_of_ratios")]
    cells = [
        f"{of['pbo'].mean():.2f}",
        _share(of["pbo"] <= 0.2),
        f"{of['slope'].mean():.2f}",
        *(_share(each) for each in (*deflated, *tests)),
        f"{np.median(of['n_effective']):.0f}",
        f"{np.median(of['n_implied']):.0f}",
        _share(of["is_accepted"]),
        _share(of["is_accepted_resampled"]),
    ]
    return f"| {name} | " + " | ".join(cells) + " |"


def main(argv: list[str]) -> int:
    """Print one line for each world."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.selection_study", description=__doc__)
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--days", type=int, default=350)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--only", default="", help="worlds whose name begins so")
    asked = parser.parse_args(argv)
    print("| " + " | ".join(_COLUMNS) + " |\n|" + "---|" * len(_COLUMNS))
    for place, (name, world) in enumerate(WORLDS.items()):
        if not name.startswith(asked.only):
            continue
        streams = np.random.default_rng([place, asked.repeats]).spawn(asked.repeats)
        found = [figures_of(world(rng, asked.days, asked.trials), rng) for rng in streams]
        print(_line(name, found), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

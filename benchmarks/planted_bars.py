"""Bars of worlds whose truth is known, and sweeps of them from a configuration to a verdict; all of it is simulated.

The drift of a planted world follows the side of two moving averages: whoever holds the side of that pair of windows
earns the most that can be earned, so the best point and its Sharpe ratio are known by construction. A world of strength
0 is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numba import njit
from scipy.interpolate import RegularGridInterpolator

from cluster.backtests.origins import config_digest
from market.chains import FloatArray
from market.errors import ConfigError
from tuning.evaluation.evaluator import Evaluator
from tuning.lanes.preparing import PreparedSweep, prepare_sweep
from tuning.search.planner import Planner
from tuning.studies.answer import StudyAnswer
from tuning.studies.answering import StudyRecords, TrialsKnown, answer_of
from tuning.work import Point

__all__ = ["BEST", "TrueSharpes", "World", "answered", "bars_of", "sweep_text", "windows_of", "written"]

BEST: Final = (12, 120)
"""Windows of the planted pair, fast and slow, bars."""

PER_DAY: Final = 4
_FIRST: Final = date(2018, 1, 1)
_WARM_UP: Final = 400  # bars: more than the slowest average
_SYMBOL: Final = "SYN/USD:USD"
_START: Final = 20_000.0
_SIZE: Final = 25.0  # of a bar's change, price
_BATCH: Final = 64
_LONG: Final = 400_000  # bars: nearly three centuries
_FAST: Final = (2, 3, 5, 8, 10, 12, 14, 18, 26, 40)
_SLOW: Final = (45, 60, 80, 100, 120, 140, 170, 230, 320)
_PATH: Final = "strategies.cross.parameters"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A market of bars around the clock, four a day.

    Parameters
    ----------
    sharpe : float
        Annual Sharpe ratio of the best point before costs; 0 for noise.
    shocks : str
        ``normal``, or ``garch``: fat tails, and volatility that follows itself.
    half_spread : float
        Of every fill, price.
    n_days : int
        Days of the run.
    """

    sharpe: float = 0.0
    shocks: str = "normal"
    half_spread: float = 0.0
    n_days: int = 1_200


@njit(cache=True)
def _path(shocks: FloatArray, drift: float, fast: int, slow: int) -> FloatArray:
    """Return sums of changes whose mean follows the side of two averages, in units of a bar's deviation."""
    level = np.zeros(shocks.shape[0] + 1)
    short, long, side = 0.0, 0.0, 1.0
    for t in range(shocks.shape[0]):
        short += level[t] - (level[t - fast] if t >= fast else 0.0)
        long += level[t] - (level[t - slow] if t >= slow else 0.0)
        gap = short / fast - long / slow
        if gap != 0.0:
            side = 1.0 if gap > 0.0 else -1.0
        level[t + 1] = level[t] + drift * side + shocks[t]
    return level


def _shocks(world: World, n_bars: int, rng: np.random.Generator) -> FloatArray:
    if world.shocks == "normal":
        return rng.standard_normal(n_bars)
    return _garch(rng.standard_t(5, n_bars) / sqrt(5.0 / 3.0))


@njit(cache=True)
def _garch(draws: FloatArray) -> FloatArray:
    """Return shocks of mean variance 1 of a GARCH(1, 1) with a half-life of 34 bars."""
    out, variance = np.empty_like(draws), 1.0
    for t in range(draws.shape[0]):
        out[t] = sqrt(variance) * draws[t]
        variance = 0.02 + 0.08 * out[t] ** 2 + 0.90 * variance
    return out


def _drift(world: World) -> float:
    return world.sharpe / sqrt(365.0 * PER_DAY)


def bars_of(world: World, seed: int) -> pd.DataFrame:
    """Return the bars of a world as a file of them has them.

    Parameters
    ----------
    world : World
        The world.
    seed : int
        Of its chance.

    Returns
    -------
    pandas.DataFrame
        Columns ``symbol``, ``time`` (begin, UTC), ``open``, ``high``, ``low``, ``close``; prices on ticks of 0.1.
    """
    n_bars = world.n_days * PER_DAY + _WARM_UP
    level = _path(_shocks(world, n_bars, np.random.default_rng(seed)), _drift(world), *BEST)
    price = np.rint(10.0 * (_START + _SIZE * level)) / 10.0
    opened, close = price[:-1], price[1:]
    start = np.datetime64(_FIRST - timedelta(days=_WARM_UP // PER_DAY), "ns")
    return pd.DataFrame(
        {
            "symbol": _SYMBOL,
            "time": pd.DatetimeIndex(start + np.arange(n_bars) * np.timedelta64(24 // PER_DAY, "h")).tz_localize("UTC"),
            "open": opened,
            "high": np.maximum(opened, close),
            "low": np.minimum(opened, close),
            "close": close,
        }
    )


def sweep_text(world: World, sampler: str, *, trials: int, seed: int, rule: str = "region", draws: int = 500) -> str:
    """Return the configuration of a sweep over both windows."""
    last = _FIRST + timedelta(days=world.n_days - 1)
    return f"""
[sweep]
name = "known"
sampler = "{sampler}"
trials = {trials}
startup = {min(20, trials)}
seed = {seed}

[base.run]
name = "known"
calendar = "24/7"
from = {_FIRST}
to = {last}

[base.data.files]
inputs = ["bars.parquet"]
warmup_days = {_WARM_UP // PER_DAY}
perpetuals = [{{ symbol = "{_SYMBOL}", underlying = "SYN", tick = "0.1", lot = "1", currency = "USD" }}]

[base.account]
cash = 1_000_000

[base.fills]
latency_ms = 0.0
prints = {{ name = "fixed", half = {world.half_spread} }}

[base.costs]
model = "none"

[[base.strategies]]
kind = "moving_average"
name = "cross"
parameters = {{ instrument = "{_SYMBOL}", quantity = "10", fast = 2, slow = 300 }}

[space."{_PATH}"]
fast = {_scale(sampler, (2, 40), (2, 3, 5, 8, 12, 18, 27, 40))}
slow = {_scale(sampler, (45, 320), (45, 60, 80, 120, 160, 220, 300))}

[validation]
blocks = 10
scheme = "anchored"
train_blocks = 5

[selection]
rule = "{rule}"
draws = {draws}
"""


def _scale(sampler: str, ends: tuple[int, int], steps: tuple[int, ...]) -> str:
    if sampler == "grid":
        return f"{{ choices = {list(steps)} }}"
    return f"{{ low = {ends[0]}, high = {ends[1]}, log = true }}"


def written(folder: Path, world: World, text: str, seed: int) -> Path:
    """Write a configuration and the bars that it names, and return the configuration."""
    bars_of(world, seed).to_parquet(folder / "bars.parquet")
    config = folder / "sweep.toml"
    config.write_text(text, encoding="utf-8")
    return config


def answered(config: Path) -> StudyAnswer:
    """Run a sweep in this process, as workers run it, and return its answer.

    Parameters
    ----------
    config : pathlib.Path
        As `written` writes it.

    Returns
    -------
    StudyAnswer
        All trials of the study are all that were ever run on its data.
    """
    prepared = prepare_sweep(config)
    planner = prepared.planner()
    evaluator = Evaluator(prepared.base, prepared.space, prepared.history, prepared.blocks)
    while not planner.is_done:
        for outcome in evaluator.run_many(planner.ready(_BATCH)):
            planner.tell(outcome)
    return answer_of(
        prepared.settings,
        prepared.space,
        StudyRecords(blocks=prepared.blocks, splits=prepared.splits, parts=planner.parts, choices=planner.choices),
        provenance=prepared.provenance(prepared.name),
        known=_known(prepared, planner),
        rng=np.random.default_rng(prepared.settings.sweep.seed),
    )


def _known(prepared: PreparedSweep, planner: Planner) -> TrialsKnown:
    """Return what a ledger would know of trials that are the first on their data."""
    ratios = {}
    for part in planner.parts:
        for trial in part.trials:
            try:
                digest = config_digest(prepared.space.settings_at(trial.point, prepared.base))
            except ConfigError:
                continue
            ratios[digest] = trial.scores[0] / sqrt(365.0) if trial.scores else np.nan
    return TrialsKnown(n=len(ratios), sharpes=np.array(list(ratios.values())))


class TrueSharpes:
    """Annual Sharpe ratios of pairs of windows over a time without end.

    Before costs the mean is the planted drift by the share of bars on which a side is the planted one, less that on
    which it is not; so chance is in that share alone, which 400,000 bars tell at some windows, and lines between them.

    Parameters
    ----------
    world : World
        The world.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        if not world.sharpe and not world.half_spread:
            return
        level = _path(_shocks(world, _LONG, np.random.default_rng(0)), _drift(world), *BEST)
        sums = np.concatenate([[0.0], np.cumsum(level)])
        planted = _side(sums, *BEST)
        table = np.array([[self._of(level, planted, _side(sums, f, s)) for s in _SLOW] for f in _FAST])
        self._between = RegularGridInterpolator((np.log(_FAST), np.log(_SLOW)), table)

    def _of(self, level: FloatArray, planted: FloatArray, side: FloatArray) -> float:
        mean = _drift(self._world) * float(np.mean(side * planted))
        mean -= self._world.half_spread / _SIZE * float(np.mean(np.abs(np.diff(side))))
        earned = (side[:-1] * np.diff(level[_WARM_UP:])).reshape(-1)
        days = earned[: earned.size // PER_DAY * PER_DAY].reshape(-1, PER_DAY).sum(axis=1)
        return mean * PER_DAY / float(days.std()) * sqrt(365.0)

    def at(self, windows: Sequence[tuple[int, int]]) -> FloatArray:
        """Return the ratios of pairs, shape ``(n_pairs,)``."""
        if not self._world.sharpe and not self._world.half_spread:
            return np.zeros(len(windows))
        return np.asarray(self._between(np.log(np.array(windows, dtype=np.float64))))


def _side(sums: FloatArray, fast: int, slow: int) -> FloatArray:
    """Return the side of two averages after each bar from the end of the warm-up on."""
    at = np.arange(_WARM_UP, sums.shape[0] - 1) + 1
    gap = (sums[at] - sums[at - fast]) / fast - (sums[at] - sums[at - slow]) / slow
    return np.where(gap > 0.0, 1.0, -1.0)


def windows_of(point: Point) -> tuple[int, int]:
    """Return the windows of a point, fast and slow."""
    values = point.as_dict()
    return int(values[f"{_PATH}.fast"]), int(values[f"{_PATH}.slow"])

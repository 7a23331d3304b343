"""The registered studies: their plans, and where their rows come from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from cluster.studies.recorded import (
    AGGREGATE_NAMES,
    CHAIN_NAMES,
    SAME_DAY_NAMES,
    chain_sample,
    daily_sample,
    morning_sample,
    same_day_sample,
)
from cluster.studies.simulated import FIELD_NAMES, MarketRun, simulated_sample
from fields.evidence import (
    HarWorld,
    Horizon,
    Hypothesis,
    Ranking,
    StudyPlan,
    StudyResult,
    StudySample,
    Target,
    auc_of_correlation,
    block_bootstrap_auc,
    estimate_auc,
    rank_readings,
    run_study,
    simulate_world,
)

__all__ = [
    "Outcome",
    "Study",
    "digest_of",
    "real_studies",
    "record_of",
    "run",
    "simulated_studies",
    "world_table",
]

Load = Callable[[], StudySample]
_HEDGE_RATIO = {"planted": 1.0, "null": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """A registered study and where its rows come from.

    Parameters
    ----------
    plan : StudyPlan
        What to test.
    load : callable
        Returns the rows.
    rank_only : bool
        Whether readings are too few to fit anything to them.
    """

    plan: StudyPlan
    load: Load
    rank_only: bool = False

    @property
    def n_trials(self) -> int:
        """Tests that count: of each reading alone but on the tercile, and of what it adds where that is fitted."""
        alone = self.plan.target is not Target.UPPER_TERCILE
        return (alone + (not self.rank_only)) * sum(not item.placebo for item in self.plan.hypotheses)


def _readings(names: Sequence[str]) -> tuple[Hypothesis, ...]:
    # Long gamma damps and reverses: every reading is high where dealers are long, so all directions are -1.
    return tuple(Hypothesis(name=n, sign=-1, placebo=n.startswith(("shuffled", "lagged"))) for n in names)


def _once(load: Load) -> Load:
    # Three targets share one sample; the loader runs when the first study asks, after all plans were printed.
    kept: list[StudySample] = []

    def cached() -> StudySample:
        if not kept:
            kept.append(load())
        return kept[0]

    return cached


_CALENDAR = ("weekday_1", "weekday_2", "weekday_3", "weekday_4", "expiry_next")
_DAILY = ("daily", "weekly", "monthly", "vix", *_CALENDAR)


_TARGETS = (Target.ABOVE_CONDITIONAL_MEDIAN, Target.UPPER_TERCILE, Target.MOMENTUM)


def _family(base: StudyPlan, variance: Load, momentum: Load | None, *, rank_only: bool = False) -> list[Study]:
    studies = []
    for target in _TARGETS:
        load = momentum if target is Target.MOMENTUM else variance
        if load is not None:
            plan = replace(base, name=f"{base.name}/{target.value[:2]}", target=target)
            studies.append(Study(plan=plan, load=load, rank_only=rank_only))
    return studies


_DAYS = StudyPlan(
    name="spx_totals",
    target=Target.UPPER_TERCILE,
    horizon=Horizon.NEXT_DAY,
    baseline=_DAILY,
    hypotheses=_readings(
        (*AGGREGATE_NAMES, "shuffled_net_call_oi", "lagged_20_net_call_oi", "lagged_20_short_dated_share")
    ),
    first_train_sessions=500,
    refit_sessions=63,
    block_run=10,
)
_MORNINGS = replace(
    _DAYS,
    name="spx_mornings",
    horizon=Horizon.REST_OF_DAY,
    baseline=(*_DAILY, "straddle"),
    hypotheses=_readings(("net_call_oi",)),
    first_train_sessions=100,
    refit_sessions=21,
    block_run=5,
)
_CHAINS = replace(
    _DAYS, name="spx_chains", hypotheses=_readings(CHAIN_NAMES), refit_sessions=21, block_run=1, n_draws=4_000
)
_POOLED = replace(_CHAINS, name="pooled_chains", baseline=(*_DAILY, "is_SPY", "is_QQQ"))
_SAME_DAY = replace(
    _CHAINS,
    name="spx_same_day",
    horizon=Horizon.THIRTY_MINUTES,
    baseline=("half_hour", "session_so_far", "session_before", "time", "time_squared"),
    hypotheses=_readings(SAME_DAY_NAMES),
    first_train_sessions=15,
    refit_sessions=1,
)


def real_studies(data: Path) -> list[Study]:
    """Return the studies of recorded data."""

    def chains(*symbols: str, momentum: bool = False) -> Load:
        return _once(partial(chain_sample, data, symbols, momentum=momentum))

    every, same_day = ("SPX", "SPY", "QQQ"), partial(same_day_sample, data)
    return [
        *_family(_DAYS, _once(partial(daily_sample, data)), _once(partial(daily_sample, data, momentum=True))),
        *_family(_MORNINGS, _once(partial(morning_sample, data)), None),
        *_family(_CHAINS, chains("SPX"), chains("SPX", momentum=True), rank_only=True),
        *_family(_POOLED, chains(*every), chains(*every, momentum=True), rank_only=True),
        *_family(_SAME_DAY, _once(same_day), _once(partial(same_day, momentum=True)), rank_only=True),
    ]


def simulated_studies(
    names: Sequence[str] = ("planted", "null"), *, n_symbols: int = 40, n_sessions: int = 30, seed: int = 11
) -> list[Study]:
    """Return the studies of the simulated market.

    Parameters
    ----------
    names : sequence of str
        ``planted``, where dealers hedge; ``null``, where they do not.
    n_symbols, n_sessions, seed : int
        Size and seed of the market.

    Returns
    -------
    list of Study
        Nothing is simulated before the first of them asks for its rows.
    """
    studies = []
    for name in names:
        ratio = _HEDGE_RATIO[name]
        market = MarketRun(n_symbols=n_symbols, n_sessions=n_sessions, hedge_ratio=ratio, seed=seed)
        played: list[tuple[StudySample, StudySample]] = []

        def load(
            which: int, market: MarketRun = market, played: list[tuple[StudySample, StudySample]] = played
        ) -> StudySample:
            if not played:
                played.append(simulated_sample(market))
            return played[0][which]

        base = StudyPlan(
            name=name,
            target=Target.UPPER_TERCILE,
            horizon=Horizon.THIRTY_MINUTES,
            baseline=("half_hour", "two_hours", "session", "volatility", *(f"slot_{k}" for k in range(1, 12))),
            hypotheses=_readings([item for item in FIELD_NAMES if item != "lagged_20"]),
            first_train_sessions=8,
            refit_sessions=5,
        )
        studies += _family(base, partial(load, 0), partial(load, 1))
        if n_sessions > 25:
            # Alone, because a reading of 20 sessions ago takes the first 20 from every model.
            late = replace(base, name=f"{name}_late", hypotheses=_readings(("lagged_20",)), first_train_sessions=4)
            studies.append(Study(plan=replace(late, target=Target.ABOVE_CONDITIONAL_MEDIAN), load=partial(load, 0)))
    return studies


def world_table(n_sessions: int = 10_000, seed: int = 3) -> list[dict[str, float]]:
    """Return what the harness measures in the world of numbers beside what theory gives."""
    rows = []
    for effect in (0.0, 0.1, 0.2, 0.3, 0.437, 0.5):
        world = HarWorld(n_sessions=n_sessions, effect=effect)
        sample = simulate_world(world, np.random.default_rng(seed))
        pure = simulate_world(replace(world, entanglement=0.0), np.random.default_rng(seed + 1))
        plan = StudyPlan(
            name="world",
            target=Target.ABOVE_CONDITIONAL_MEDIAN,
            horizon=Horizon.NEXT_DAY,
            baseline=("daily", "weekly", "monthly"),
            hypotheses=_readings(("gamma",)),
            first_train_sessions=n_sessions // 4,
            refit_sessions=n_sessions // 4,
            n_draws=200,
        )
        above = sample.outcome > np.median(sample.outcome)
        ranked = np.stack([sample.baseline[:, 3], -sample.field[:, 0]])
        # A regime of volatility lasts months: only runs of days show how far a level can stray.
        rng = np.random.default_rng(seed)
        spread = block_bootstrap_auc(ranked, above, sample.block, n_draws=200, rng=rng, run=250).std(axis=0)
        score = run_study(plan, pure).findings[0].score
        entangled = run_study(plan, sample).findings[0].score
        rows.append(
            {
                "effect": effect,
                "theory": auc_of_correlation(effect),
                "conditional": score.value,
                "conditional_error": score.standard_error,
                "entangled_conditional": entangled.value,
                "unconditional_gamma": estimate_auc(ranked[1], above).auc,
                "gamma_error": float(spread[1]),
                "unconditional_lagged": estimate_auc(ranked[0], above).auc,
                "lagged_error": float(spread[0]),
            }
        )
    return rows


Outcome = StudyResult | tuple[Ranking, ...]


def digest_of(studies: Sequence[Study]) -> str:
    """Return one digest of all plans, to be told before any result."""
    return hashlib.sha256("".join(study.plan.digest() for study in studies).encode()).hexdigest()


def run(study: Study) -> Outcome:
    """Load the rows of a study and run it."""
    return (rank_readings if study.rank_only else run_study)(study.plan, study.load())


def record_of(plan: StudyPlan, outcome: Outcome) -> dict[str, Any]:
    """Return a study and what came of it as JSON-able values, without its rows; NaN is None."""
    if isinstance(outcome, StudyResult):
        found = asdict(outcome)
        for rows in ("row", "positive", "baseline_probability", "plan"):
            found.pop(rows)
    else:
        found = {"rankings": [asdict(item) for item in outcome]}
    plain: dict[str, Any] = _plain({"plan": asdict(plan), "digest": plan.digest(), **found})
    return plain


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value

"""Run every registered study: python -m benchmarks.evidence_studies --data DIR [--only real] [--write FILE.md].

Prints the plans and their digests before any result, then writes the tables between the markers of a Markdown file
and everything as JSON beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.evidence_real import (
    AGGREGATE_NAMES,
    CHAIN_NAMES,
    SAME_DAY_NAMES,
    chain_sample,
    daily_sample,
    morning_sample,
    same_day_sample,
)
from benchmarks.evidence_report import markdown
from benchmarks.evidence_simulated import FIELD_NAMES, MarketRun, simulated_sample
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

__all__ = ["Study", "main", "real_studies", "run_all", "simulated_studies", "world_table"]

Load = Callable[[], StudySample]


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


def _family(base: StudyPlan, variance: Load, momentum: Load | None, *, rank_only: bool = False) -> list[Study]:
    studies = []
    for target in Target:
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


def simulated_studies(*, n_symbols: int = 40, n_sessions: int = 30) -> list[Study]:
    """Return the studies of the simulated market with hedging dealers (planted) and without (null)."""
    studies = []
    for name, ratio in (("planted", 1.0), ("null", 0.0)):
        run = MarketRun(n_symbols=n_symbols, n_sessions=n_sessions, hedge_ratio=ratio)
        played: list[tuple[StudySample, StudySample]] = []

        def load(
            which: int, run: MarketRun = run, played: list[tuple[StudySample, StudySample]] = played
        ) -> StudySample:
            if not played:
                played.append(simulated_sample(run))
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


def run_all(studies: Sequence[Study]) -> list[tuple[StudyPlan, Outcome]]:
    """Run studies in order."""
    outcomes: list[tuple[StudyPlan, Outcome]] = []
    for study in studies:
        run = rank_readings if study.rank_only else run_study
        outcomes.append((study.plan, run(study.plan, study.load())))
        print(f"done {study.plan.name}", flush=True)
    return outcomes


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no place in a report")


def _record(plan: StudyPlan, outcome: Outcome) -> dict[str, object]:
    if isinstance(outcome, StudyResult):
        found = asdict(outcome)
        for rows in ("row", "positive", "baseline_probability", "plan"):
            found.pop(rows)
    else:
        found = {"rankings": [asdict(item) for item in outcome]}
    return {"plan": asdict(plan), "digest": plan.digest(), **found}


_BEGIN, _END = "<!-- figures: benchmarks/evidence_studies.py -->", "<!-- end of figures -->"


def _write(path: Path, tables: str, record: dict[str, object]) -> None:
    text = path.read_text(encoding="utf-8") if path.is_file() else f"{_BEGIN}\n{_END}\n"
    head, _, rest = text.partition(_BEGIN)
    tail = rest.partition(_END)[2]
    path.write_text(f"{head}{_BEGIN}\n\n{tables}\n\n{_END}{tail}", encoding="utf-8")
    path.with_suffix(".json").write_text(json.dumps(record, default=_plain, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of the recorded market data")
    parser.add_argument("--only", choices=("real", "simulated", "world"), help="one part instead of all")
    parser.add_argument("--write", type=Path, help="Markdown file whose figures are replaced; JSON goes beside it")
    chosen = parser.parse_args(arguments)
    real = real_studies(chosen.data) if chosen.only in {None, "real"} else []
    simulated = simulated_studies() if chosen.only in {None, "simulated"} else []
    for study in (*real, *simulated):
        print(f"registered {study.plan.name:18} {study.n_trials:3} trials  {study.plan.digest()}")
    every = hashlib.sha256("".join(study.plan.digest() for study in (*real, *simulated)).encode()).hexdigest()
    print(f"all plans {every}", flush=True)
    found, played = run_all(real), run_all(simulated)
    worlds = world_table() if chosen.only in {None, "world"} else []
    tables = markdown(found, played, worlds, every)
    print(tables)
    if chosen.write:
        record: dict[str, object] = {
            "digest": every,
            "real": [_record(plan, outcome) for plan, outcome in found],
            "simulated": [_record(plan, outcome) for plan, outcome in played],
            "world": worlds,
        }
        _write(chosen.write, tables, record)


if __name__ == "__main__":
    main()

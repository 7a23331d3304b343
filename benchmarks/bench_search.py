"""The search of a sweep: what a proposal, a score and the planning of a trial cost beside what they plan."""

from __future__ import annotations

import statistics
import time
from datetime import date, timedelta

import numpy as np
import optuna
from optuna.samplers import TPESampler
from optuna.trial import Trial

from benchmarks.harness import Row
from tuning.configuration.settings import ConstraintSettings, Objective, SweepSettings
from tuning.search.distributions import distributions_of
from tuning.search.inline import run_inline
from tuning.search.learning import LearningProposer
from tuning.search.planner import Planner
from tuning.search.records import TrialRecord, TrialState
from tuning.search.scoring import judge, sample_of
from tuning.search.windows import outer_splits
from tuning.space.dimensions import Varied
from tuning.space.scales import Uniform
from tuning.space.space import Space
from tuning.work import Block, BlockOutcome, Item, ItemOutcome, Point

__all__ = ["run"]

_DIMS, _TRIALS, _FROM, _LAG = 10, 220, 180, 8
_DAYS, _BLOCKS = 25, 10
_DAY_NS = 86_400_000_000_000
_MOST_SCORE_US = 200.0
_MOST_PROPOSAL = 1.3


def _space() -> Space:
    unit = Uniform(low=0.0, high=1.0)
    return Space(tuple(Varied(name=f"x{at}", targets=((f"x{at}",),), scale=unit, held=0.5) for at in range(_DIMS)))


def _sweep(**told: object) -> SweepSettings:
    sweep = {"name": "search", "base": "base.toml", "trials": _TRIALS, "startup": 20, "lag": _LAG} | told
    return SweepSettings.model_validate({"sweep": sweep, "space": {"x": [0, 1]}, "validation": {"blocks": _BLOCKS}})


def _value(point: Point) -> float:
    return -sum((float(value) - 0.3) ** 2 for _, value in point.values)


def _own_ms() -> list[float]:
    """Return the time of each proposal of ours with what is told before it, ms."""
    proposer, took = LearningProposer(_sweep(sampler="tpe").sweep, _space()), []
    points: list[Point] = []
    for number in range(_TRIALS):
        start = time.thread_time_ns()
        if number >= _LAG:
            done = points[number - _LAG]
            state, scores = TrialState.COMPLETE, (_value(done),)
            proposer.tell(TrialRecord(number=number - _LAG, point=done, state=state, scores=scores))
        points.append(proposer.propose(number) or Point(()))
        took.append((time.thread_time_ns() - start) / 1e6)
    return took[_FROM:]


def _plain_ms() -> list[float]:
    """Return the same of Optuna alone, ms."""
    study = optuna.create_study(
        sampler=TPESampler(seed=0, n_startup_trials=20, multivariate=True), direction="maximize"
    )
    distributions, took = distributions_of(_space()), []
    out: list[Trial] = []
    for number in range(_TRIALS):
        start = time.thread_time_ns()
        if number >= _LAG:
            done = out[number - _LAG]
            study.tell(done, -sum((float(value) - 0.3) ** 2 for value in done.params.values()))
        out.append(study.ask(distributions))
        took.append((time.thread_time_ns() - start) / 1e6)
    return took[_FROM:]


def _outcome(block: int) -> BlockOutcome:
    returns = 0.01 * np.random.default_rng(block).standard_normal(_DAYS)
    end_ns = (block * _DAYS + np.arange(1, _DAYS + 1, dtype=np.int64)) * _DAY_NS - 1
    return BlockOutcome(block=block, end_ns=end_ns, returns=returns, measures={"n_trades": 3.0, "turnover": 0.5})


_OUTCOMES = tuple(_outcome(block) for block in range(_BLOCKS))


def _score_us() -> float:
    bounds = ConstraintSettings.model_validate({"max_drawdown": 0.2, "min_trades": 10, "max_turnover": 50.0})
    took = []
    for _ in range(2_000):
        start = time.thread_time_ns()
        judge(sample_of(_OUTCOMES), (Objective.SHARPE,), bounds, 252)
        took.append(time.thread_time_ns() - start)
    return statistics.median(took) / 1e3


def _evaluate(item: Item) -> ItemOutcome:
    return ItemOutcome(number=item.number, blocks=tuple(_OUTCOMES[block] for block in item.blocks))


def _planning_ms(n_trials: int) -> float:
    """Return the time of a random trial on 10 blocks, all outcomes at hand, with the choices of 5 splits, ms."""
    first = date(2024, 1, 1)
    blocks = tuple(
        Block(
            index=at,
            first=first + timedelta(days=at * _DAYS),
            last=first + timedelta(days=(at + 1) * _DAYS - 1),
            first_ns=at * _DAYS * _DAY_NS,
            last_ns=(at + 1) * _DAYS * _DAY_NS - 1,
            n_days=_DAYS,
        )
        for at in range(_BLOCKS)
    )
    sweep = _sweep(sampler="random", trials=n_trials)
    start = time.thread_time_ns()
    planner = Planner(
        sweep, _space(), blocks, outer_splits(sweep.validation), periods_per_year=252, choose=lambda _candidates: 0
    )
    run_inline(planner, _evaluate)
    return (time.thread_time_ns() - start) / 1e6 / n_trials


def run() -> list[Row]:
    """Run the benchmark."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    own, plain = [], []
    for _ in range(5):
        own.append(statistics.median(_own_ms()))
        plain.append(statistics.median(_plain_ms()))
    ratio = statistics.median(a / b for a, b in zip(own, plain, strict=True))
    score, planning = _score_us(), _planning_ms(2_000)
    dims = f"{_DIMS} dimensions, trials {_FROM} to {_TRIALS}"
    return [
        Row(name="TPE, ask and tell", size=_TRIALS, value=statistics.median(own), unit="ms", note=dims),
        Row(name="the same of Optuna alone", size=_TRIALS, value=statistics.median(plain), unit="ms", note=dims),
        Row(
            name="TPE, over Optuna alone",
            size=_TRIALS,
            value=ratio,
            unit="x",
            reach=f"<= {_MOST_PROPOSAL:g}",
            passed=ratio <= _MOST_PROPOSAL,
        ),
        Row(
            name="score of a look with three bounds",
            size=_DAYS * _BLOCKS,
            value=score,
            unit="us",
            reach=f"<= {_MOST_SCORE_US:g}",
            passed=score <= _MOST_SCORE_US,
        ),
        Row(name="planning of a random trial", size=_BLOCKS, value=planning, unit="ms", note="5 splits, 10 blocks"),
    ]

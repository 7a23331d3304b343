"""Studies of the planted market, from the search to the answer."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from backtest.history import DataSource
from market.provenance import AsOfSource, Provenance
from tests.tuning.search.planted import Market, blocks_of, cube, planner_of, sweep_of
from tuning.search.inline import run_inline
from tuning.search.windows import outer_splits
from tuning.space.space import Space
from tuning.studies.answer import Provenance as StudyProvenance
from tuning.studies.answer import StudyAnswer
from tuning.studies.answering import StudyRecords, TrialsKnown, answer_of
from tuning.studies.choice import chooser
from tuning.work import BlockOutcome, Point

N_BLOCKS = 8
SOURCE = DataSource(
    name="planted",
    provenance=Provenance(source="test", origin="planted", simulated=True, as_of_source=AsOfSource.STAMPED),
    digest="0" * 64,
    rows=1,
    first_ns=0,
    last_ns=1,
)


class Noise(Market):
    """A market in which no point is better than another."""

    def mean(self, point: Point) -> float:  # noqa: ARG002  # the signature is the market's
        """Return nothing, wherever the point lies."""
        return 0.0


class Stopping(Market):
    """A market whose last block stops whoever is at its better half."""

    def block(self, point: Point, at: int) -> BlockOutcome:
        """Return what a point gives; on the last block too little, and why."""
        found = Market.block(self, point, at)
        if at < N_BLOCKS - 1 or float(dict(point.values)["x0"]) > 0.5:
            return found
        return BlockOutcome(block=at, end_ns=found.end_ns[:3], returns=found.returns[:3], stopped="out of money")


def records_of(market: Market, space: Space, **tables: Any) -> tuple[Any, StudyRecords]:
    """Return settings and records of a sweep of a market."""
    validation = {"blocks": N_BLOCKS, "train_blocks": 4} | tables.pop("validation", {})
    sweep = sweep_of(**{"sampler": "random", "trials": 60, "validation": validation} | tables)
    planner = planner_of(sweep, space, chooser(space, sweep.sweep.objectives, sweep.selection))
    run_inline(planner, market)
    splits = outer_splits(sweep.validation)
    blocks = blocks_of(N_BLOCKS, market.n_days)
    return sweep, StudyRecords(blocks=blocks, splits=splits, parts=planner.parts, choices=planner.choices)


def study_of(
    market: Market, *, n_ledger: int = 60, seed: int = 1, held: float | None = 0.9, **tables: Any
) -> StudyAnswer:
    """Return the answer of a sweep of a market over a square."""
    space = cube(2, held)
    sweep, records = records_of(market, space, **tables)
    sharpes = np.array([trial.scores[0] for trial in records.search.trials]) / np.sqrt(365)
    return answer_of(
        sweep,
        space,
        records,
        provenance=StudyProvenance(
            study="planted",
            code_version="0 sources 0",
            base_digest="b" * 64,
            sources=(SOURCE,),
            simulated=True,
            periods_per_year=365,
            seed=sweep.sweep.seed,
            sampler=sweep.sweep.sampler,
            scheme=sweep.validation.scheme,
            assumptions="Fills: none. On simulated data.",
        ),
        known=TrialsKnown(n=n_ledger, sharpes=sharpes),
        rng=np.random.default_rng(seed),
    )


@cache
def hill() -> StudyAnswer:
    """Return a study of a clear hill."""
    return study_of(Market(noise=0.002))


@cache
def noise() -> StudyAnswer:
    """Return a study of a market without any skill."""
    return study_of(Noise(noise=0.01))

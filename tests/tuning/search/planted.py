"""A market with a known optimum: daily returns are a pure function of point and block, with noise by counter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from tuning.configuration.settings import SweepSettings
from tuning.search.planner import Planner
from tuning.search.records import Candidates
from tuning.search.windows import outer_splits
from tuning.space.dimensions import Varied
from tuning.space.scales import Integer, Uniform
from tuning.space.space import Space
from tuning.work import Block, BlockOutcome, Item, ItemOutcome, Point

DAY_NS = 86_400_000_000_000
DAYS = 21


def varied(name: str, scale: Any, held: Any = None) -> Varied:
    """Return a dimension written at a path of its own."""
    return Varied(name=name, targets=((name,),), scale=scale, held=held)


def cube(n_dims: int = 2, held: float | None = 0.9) -> Space:
    """Return a space of numbers between 0 and 1, with the base in a corner or outside."""
    return Space(tuple(varied(f"x{index}", Uniform(low=0.0, high=1.0), held) for index in range(n_dims)))


def lattice(side: int = 3, held: int | None = 0) -> Space:
    """Return a space of a few whole numbers."""
    return Space(tuple(varied(f"n{index}", Integer(low=0, high=side - 1), held) for index in range(2)))


def blocks_of(n_blocks: int, n_days: int = DAYS) -> tuple[Block, ...]:
    """Return adjacent blocks of days around the clock."""
    first = date(2024, 1, 1)
    starts = [first + timedelta(days=index * n_days) for index in range(n_blocks)]
    return tuple(
        Block(
            index=index,
            first=start,
            last=start + timedelta(days=n_days - 1),
            first_ns=index * n_days * DAY_NS,
            last_ns=(index + 1) * n_days * DAY_NS - 1,
            n_days=n_days,
        )
        for index, start in enumerate(starts)
    )


def sweep_of(**tables: Any) -> SweepSettings:
    """Return settings; tables as in a file, with the study's own told by its keys."""
    parts = {name: tables.pop(name) for name in ("constraints", "validation", "pruning") if name in tables}
    sweep = {"name": "planted", "base": "base.toml", "trials": 30, "startup": 8, "lag": 4} | tables
    validation = {"blocks": 5, "train_blocks": 3} | parts.pop("validation", {})
    return SweepSettings.model_validate({"sweep": sweep, "space": {"x": [0, 1]}, "validation": validation} | parts)


def peak_of(candidates: Candidates) -> int | None:
    """Choose the feasible trial of the highest first score."""
    feasible = [trial for trial in candidates.trials if trial.is_feasible]
    return max(feasible, key=lambda trial: (trial.scores[0], -trial.number)).number if feasible else None


def planner_of(sweep: SweepSettings, space: Space, choose: Any = peak_of) -> Planner:
    """Return the plan of a sweep over days of the planted market."""
    return Planner(
        sweep,
        space,
        blocks_of(sweep.validation.blocks),
        outer_splits(sweep.validation),
        periods_per_year=365,
        choose=choose,
    )


@dataclass
class Market:
    """Evaluates items, and remembers what it was asked.

    Parameters
    ----------
    optimum : tuple of float
        Where the daily mean is highest, in the order of the sorted names.
    noise : float
        Standard deviation of a day.
    n_days : int
        Days of a block.
    gifts : mapping of Point to float
        What is added to each day of a point.
    shocks : mapping of int to float
        Standard deviation of what is added to each day of a block, other for each point.
    """

    optimum: Sequence[float] = (0.3, 0.6)
    noise: float = 0.002
    n_days: int = DAYS
    gifts: Mapping[Point, float] = field(default_factory=dict)
    shocks: Mapping[int, float] = field(default_factory=dict)
    asked: list[tuple[Point, int]] = field(default_factory=list)

    def __call__(self, item: Item) -> ItemOutcome:
        """Return what the point gives on the blocks of an item."""
        self.asked += [(item.point, block) for block in item.blocks]
        return ItemOutcome(number=item.number, blocks=tuple(self.block(item.point, at) for at in item.blocks))

    def mean(self, point: Point) -> float:
        """Return the mean of a day: a hill about the optimum, and what the base gives outside the space."""
        values = [float(value) for _, value in point.values]
        wanted = self.optimum[: len(values)]
        far = sum((value - best) ** 2 for value, best in zip(values, wanted, strict=True)) if values else 1.0
        return 0.001 - 0.004 * far

    def block(self, point: Point, at: int) -> BlockOutcome:
        """Return what a point gives on one block, from a counter and not from what was drawn before."""
        rng = np.random.Generator(np.random.Philox(key=[int(point.key[:16], 16), at]))
        mean = self.mean(point) + self.gifts.get(point, 0.0)
        returns = mean + self.noise * rng.standard_normal(self.n_days)
        returns += self.shocks.get(at, 0.0) * rng.standard_normal(self.n_days)
        end_ns = (at * self.n_days + np.arange(1, self.n_days + 1)) * DAY_NS - 1
        return BlockOutcome(
            block=at, end_ns=end_ns, returns=returns, measures={"n_trades": 4.0, "turnover": 0.5, "open_at_end": 0.0}
        )

"""Figures of a study as words, each by its objective and with what belongs beside it."""

from __future__ import annotations

from math import isfinite
from typing import Final

from backtest.metrics.figures import Figure
from backtest.metrics.resampling import BootstrapInterval
from backtest.reports.blocks import Fact, Role
from backtest.reports.wording import MISSING, number, percent
from tuning.configuration.settings import Objective
from tuning.studies.answer import Dimension, StudyAnswer

__all__ = ["by_importance", "figure_fact", "interval_fact", "objective_name", "short_path", "shown_score"]

_PERCENT: Final = frozenset(
    {Objective.MEAN_RETURN, Objective.TOTAL_RETURN, Objective.MAX_DRAWDOWN, Objective.EXPECTED_SHORTFALL}
)


def objective_name(objective: Objective) -> str:
    """Return an objective as a reader calls it."""
    return "Sharpe ratio" if objective is Objective.SHARPE else objective.value.replace("_", " ")


def shown_score(objective: Objective, value: float) -> str:
    """Return a score with its unit; a dash where there is none."""
    return percent(value) if objective in _PERCENT else number(value)


def figure_fact(name: str, found: Figure, *, digits: int = 3, note: str = "", role: Role = Role.PLAIN) -> Fact:
    """Return a figure with its reason where it is missing."""
    return Fact(name=name, text=number(found.value, digits), note=found.reason or note, role=role)


def interval_fact(name: str, objective: Objective, found: BootstrapInterval | None, note: str = "") -> Fact:
    """Return a figure with its interval, or with the reason why it has none."""
    if found is None or not isfinite(found.value):
        return Fact(name=name, text=MISSING, note=note if found is None else found.reason or note)
    if found.reason:
        return Fact(name=name, text=shown_score(objective, found.value), note=found.reason)
    span = f"{shown_score(objective, found.low)} to {shown_score(objective, found.high)} at {found.level:.0%}"
    return Fact(name=name, text=shown_score(objective, found.value), note="; ".join(filter(None, (span, note))))


def short_path(name: str, answer: StudyAnswer) -> str:
    """Return the last part of a dimension's path, with so many before it as tell it from the others."""
    names, steps = [item.name for item in answer.dimensions], name.split(".")
    for n_steps in range(1, len(steps)):
        short = ".".join(steps[-n_steps:])
        if sum(other == short or other.endswith(f".{short}") for other in names) == 1:
            return short
    return name


def by_importance(answer: StudyAnswer) -> tuple[Dimension, ...]:
    """Return the dimensions, those that matter most first; those of unknown importance last, in their own order."""
    return tuple(sorted(answer.dimensions, key=lambda item: 1.0 if item.importance.reason else -item.importance.value))

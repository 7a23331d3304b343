"""The pictures of a study: plateaus, inside against outside, overfitting, fronts and the course of the search."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import Final

import numpy as np

from backtest.reports.blocks import Bars, Role
from backtest.reports.scales import Ticks, value_ticks
from backtest.reports.wording import number, percent
from market.chains import FloatArray
from tuning.configuration.settings import Objective
from tuning.reports.charts import Band, Chart, Dots, Layer, Steps, Strokes, Uprights
from tuning.reports.wording import by_importance, objective_name, short_path, shown_score
from tuning.search.records import TrialState
from tuning.studies.answer import Dimension, StudyAnswer

__all__ = [
    "course_chart",
    "front_chart",
    "importance_bars",
    "inside_outside_chart",
    "logit_chart",
    "parallel_chart",
    "path_chart",
    "plateau_charts",
]

_BINS: Final = 30
_MOST_LINES: Final = 200
_ROOM: Final = 0.08  # of the width, that a number on the lower axis takes
_BEST: Final = 0.1  # share of the trials whose lines are set apart


def plateau_charts(answer: StudyAnswer) -> tuple[Chart, ...]:
    """Return a picture along each dimension, those that matter most first."""
    return tuple(_plateau(answer, item) for item in by_importance(answer))


def _plateau(answer: StudyAnswer, item: Dimension) -> Chart:
    lead = answer.objectives[0]
    weight = "" if item.importance.reason else f", {percent(item.importance.value, 0)} of the spread"
    layers: tuple[Layer, ...] = (
        Band(x=item.grid, low=item.smoothed - item.spread, high=item.smoothed + item.spread, name="spread nearby"),
        Dots(x=item.unit, y=item.score, role=Role.OTHER, name="trials, in sample", size=4.0),
        Strokes(x=item.grid, y=item.smoothed, role=Role.MAIN, name="mean nearby"),
        Uprights(x=np.array(item.splits), role=Role.WARN, name="choices of splits", opacity=0.5),
        Uprights(x=np.array([item.default]), role=Role.PLAIN, name="defaults"),
        Uprights(x=np.array([item.chosen]), role=Role.GOOD, name="choice"),
    )
    return Chart(
        title=f"{short_path(item.name, answer)}{weight}",
        layers=layers,
        x_ticks=_legible(item.labels),
        y_shown=lambda value: shown_score(lead, value),
        x_range=(0.0, 1.0),
    )


def _legible(ticks: Ticks) -> Ticks:
    """Return the words that do not run into the one before."""
    kept: list[tuple[float, str]] = []
    for at, word in ticks:
        if at - (kept[-1][0] if kept else -inf) >= _ROOM:
            kept.append((at, word))
    return tuple(kept)


def importance_bars(answer: StudyAnswer) -> Bars:
    """Return how much of the spread of scores each dimension explains."""
    told = by_importance(answer)
    return Bars(
        title="Share of the scores' spread that each dimension explains (fANOVA), in sample",
        items=tuple((short_path(item.name, answer), item.importance.value) for item in told),
        shown=lambda value: percent(value, 0),
    )


def inside_outside_chart(answer: StudyAnswer) -> Chart:
    """Return inner against outer score of each split's choice; on the diagonal nothing is lost."""
    lead = answer.objectives[0]
    x = np.array([item.inner.value for item in answer.splits])
    y = np.array([item.outer.value for item in answer.splits])
    base_x = np.array([item.defaults_inner.value for item in answer.splits])
    base_y = np.array([item.defaults_outer.value for item in answer.splits])
    every = np.concatenate([x, y, base_x, base_y, [0.0]])
    known = every[np.isfinite(every)]
    has_pair = bool((np.isfinite(x) & np.isfinite(y)).any())
    ends = np.array([known.min(), known.max()] if has_pair else [nan, nan])  # a diagonal alone says nothing
    return Chart(
        title=f"{objective_name(lead)}: training days across, test days upright; the line is where both are equal",
        layers=(
            Strokes(x=ends, y=ends, role=Role.PLAIN),
            Dots(x=base_x, y=base_y, role=Role.OTHER, name="defaults", size=7.0),
            Dots(x=x, y=y, role=Role.MAIN, name="choices of splits", size=9.0),
        ),
        x_ticks=_ticks(ends, lead),
        y_shown=lambda value: shown_score(lead, value),
    )


def logit_chart(answer: StudyAnswer) -> Chart:
    """Return where the best of one half of the days ranked in the other half, over all halves."""
    logits = answer.overfitting.logits
    known = logits[np.isfinite(logits)]
    reach = float(np.abs(known).max()) if known.size else 1.0
    edges = np.linspace(-reach, reach, _BINS + 1)
    heights = np.histogram(known, edges)[0] / max(known.size, 1)
    below = edges[1:] <= 1e-12  # at or below the median
    return Chart(
        title="Rank outside of what was best inside, as a logit: left of 0 lies below the median",
        layers=(
            Steps(edges=edges, heights=np.where(below, heights, 0.0), role=Role.LOSS, name="overfitted"),
            Steps(edges=edges, heights=np.where(below, 0.0, heights), role=Role.MAIN, name="better than the median"),
            Uprights(x=np.zeros(1), role=Role.PLAIN),
        )
        if known.size
        else (),
        x_ticks=tuple((float(value), number(float(value), 1)) for value in value_ticks(-reach, reach, most=6)[1:-1]),
        y_shown=lambda value: percent(value, 0),
    )


def path_chart(answer: StudyAnswer) -> Chart:
    """Return the scores of the paths of a combinatorial scheme."""
    lead, scores = answer.objectives[0], np.sort(answer.outer.path_scores)
    share = (np.arange(scores.size) + 0.5) / max(scores.size, 1)
    return Chart(
        title=f"{objective_name(lead)} of each path, from the worst to the best",
        layers=(Dots(x=share, y=scores, role=Role.MAIN, size=7.0), Strokes(x=share, y=scores, role=Role.MAIN)),
        x_ticks=((0.0, "worst"), (0.5, "median"), (1.0, "best")),
        y_shown=lambda value: shown_score(lead, value),
        x_range=(0.0, 1.0),
    )


def front_chart(answer: StudyAnswer) -> Chart:
    """Return the first two objectives of all trials, with those that nothing dominates set apart."""
    first, second = answer.objectives[:2]
    scored = [item for item in answer.trials if item.state is TrialState.COMPLETE]
    x, y = (np.array([item.scores[place] for item in scored]) for place in (0, 1))
    front = np.isin([item.number for item in scored], answer.candidate.front)
    chosen = np.array([item.number == answer.candidate.number for item in scored])
    return Chart(
        title=f"{objective_name(first)} across, {objective_name(second)} upright, in sample",
        layers=(
            Dots(x=x, y=y, role=Role.OTHER, name="trials", size=4.0),
            Dots(x=x[front], y=y[front], role=Role.MAIN, name="Pareto front", size=7.0),
            Dots(x=x[chosen], y=y[chosen], role=Role.GOOD, name="choice", size=10.0),
        ),
        x_ticks=_ticks(x, first),
        y_shown=lambda value: shown_score(second, value),
        is_tall=True,
    )


def parallel_chart(answer: StudyAnswer) -> Chart:
    """Return trials as lines over all dimensions, the best tenth set apart."""
    lead = answer.objectives[0]
    scored = [item for item in answer.trials if isfinite(item.scores[0]) and np.isfinite(item.unit).all()]
    sign = -1.0 if lead.is_maximised else 1.0
    order = sorted(scored, key=lambda item: (sign * item.scores[0], item.number))
    n_best = max(1, round(_BEST * len(order)))
    rest = order[n_best:]
    step = max(1, len(rest) // _MOST_LINES)
    names = [item.name for item in answer.dimensions]
    groups = (("others", rest[::step], Role.OTHER, 0.35), ("best tenth, in sample", order[:n_best], Role.MAIN, 0.8))
    layers = tuple(
        Strokes(x=x, y=y, role=role, name=name, opacity=opacity)
        for name, members, role, opacity in groups
        if members
        for x, y in [_joined(np.array([item.unit for item in members]))]
    )
    return Chart(
        title="Trials across all dimensions, each from its lowest to its highest value",
        layers=layers,
        x_ticks=tuple((float(place), short_path(name, answer)[-18:]) for place, name in enumerate(names)),
        y_shown=lambda value: percent(value, 0),
        y_range=(0.0, 1.0),
        is_tall=True,
    )


def _joined(units: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return lines one after the other, with a gap behind each."""
    gap = np.full((units.shape[0], 1), np.nan)
    y = np.concatenate([units, gap], axis=1).ravel()
    x = np.tile(np.append(np.arange(units.shape[1], dtype=np.float64), np.nan), units.shape[0])
    return x, y


def course_chart(answer: StudyAnswer) -> Chart:
    """Return scores in the order of the trials, with the best so far."""
    lead = answer.objectives[0]
    numbers = np.array([float(item.number) for item in answer.trials])
    scores = np.array([item.scores[0] if item.scores else np.nan for item in answer.trials])
    usable = np.array([item.is_feasible for item in answer.trials], dtype=np.bool_)
    worst = -np.inf if lead.is_maximised else np.inf
    running = np.where(usable & np.isfinite(scores), scores, worst)
    best = np.maximum.accumulate(running) if lead.is_maximised else np.minimum.accumulate(running)
    return Chart(
        title=f"{objective_name(lead)} of the trials in their order, over all blocks, in sample",
        layers=(
            Dots(x=numbers[~usable], y=scores[~usable], role=Role.LOSS, name="constraint broken", size=4.0),
            Dots(x=numbers[usable], y=scores[usable], role=Role.OTHER, name="trials", size=4.0),
            Strokes(x=numbers, y=np.where(np.isfinite(best), best, np.nan), role=Role.MAIN, name="best so far"),
        ),
        x_ticks=tuple(
            (float(value), number(float(value), 0))
            for value in value_ticks(0.0, max(float(numbers.max()), 1.0), most=6)
            if value <= numbers.max()
        ),
        y_shown=lambda value: shown_score(lead, value),
    )


def _ticks(values: FloatArray, lead: Objective) -> tuple[tuple[float, str], ...]:
    known = values[np.isfinite(values)]
    if not known.size:
        return ()
    low, high = float(known.min()), float(known.max())
    return tuple((float(v), shown_score(lead, float(v))) for v in value_ticks(low, high, most=6) if low <= v <= high)

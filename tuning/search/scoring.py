"""What a trial is worth: objectives and constraints on its daily returns, NaN with a reason where there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Final

import numpy as np

from backtest.metrics.days import wealth_of_days
from backtest.metrics.drawdown import max_drawdown
from backtest.metrics.figures import Figure, figure, missing
from backtest.metrics.performance import (
    calmar_ratio,
    expected_shortfall,
    sharpe_ratio,
    sortino_ratio,
    total_return,
    why_short,
)
from market.chains import FloatArray
from tuning.configuration.settings import ConstraintSettings, Objective
from tuning.search.windows import Window
from tuning.work import BlockOutcome

__all__ = ["Sample", "Scored", "judge", "n_bounds", "sample_of", "score"]

_SUMMED: Final = ("n_trades", "turnover", "open_at_end")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The outcomes of blocks as one series.

    Parameters
    ----------
    returns : ndarray, shape (n_days,)
        Simple daily returns in time order, of the days that count.
    n_days : int
        Days of the blocks, those that do not count among them: the time in which the measures were made.
    measures : mapping of str to float
        Sums over the blocks of ``n_trades``, ``turnover`` and ``open_at_end``; NaN where a block does not tell one.
    stopped : str
        Why the first block that ended early did; empty where none did.
    """

    returns: FloatArray
    n_days: int
    measures: Mapping[str, float]
    stopped: str = ""

    @property
    def has_traded(self) -> bool:
        """Whether anything was held or traded, as far as the measures tell; True where they do not."""
        return not all(self.measures[name] == 0.0 for name in _SUMMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What a sample is worth.

    Parameters
    ----------
    scores : tuple of float
        One for each objective; all NaN where one of them or a constraint cannot be told.
    excesses : tuple of float
        One for each constraint that is told; above 0 it is broken, relative to its bound.
    reason : str
        Why there is no score; empty where there is one.
    """

    scores: tuple[float, ...]
    excesses: tuple[float, ...]
    reason: str = ""


def sample_of(outcomes: Sequence[BlockOutcome], windows: Sequence[Window] | None = None) -> Sample:
    """Return the outcomes of blocks as one series.

    Parameters
    ----------
    outcomes : sequence of BlockOutcome
        Rising by block.
    windows : sequence of Window, optional
        Days that count, one for each outcome; all days without them.

    Returns
    -------
    Sample
        A block that lacks days loses the same number at its ends as one that has all of them, so never too few.
    """
    parts = [item.returns for item in outcomes]
    if windows is not None:
        cuts = zip(parts, windows, strict=True)
        parts = [part[window.head : max(window.head, part.size - window.tail)] for part, window in cuts]
    return Sample(
        returns=np.concatenate(parts) if parts else np.empty(0),
        n_days=sum(item.returns.size for item in outcomes),
        measures={name: float(sum(item.measures.get(name, nan) for item in outcomes)) for name in _SUMMED},
        stopped=next((item.stopped for item in outcomes if item.stopped), ""),
    )


def score(objective: Objective, sample: Sample, periods_per_year: int) -> Figure:
    """Return what a sample is worth by one objective.

    Parameters
    ----------
    objective : Objective
        Its sign is as the name says: a drawdown is positive, and less is better.
    sample : Sample
        Of a trial.
    periods_per_year : int
        Days in a year: 252 for listed markets, 365 for coins.

    Returns
    -------
    Figure
        Missing, with the reason, for a run that stopped, that never traded, whose returns do not vary where they must,
        or that is too short for an annual figure. Nothing is subtracted for a risk-free rate.

    Notes
    -----
    ``profit_to_drawdown`` is the return over all days by the largest drawdown of the same days; ``mean_return`` the
    mean daily return times the days of a year; ``turnover`` the traded value over the mean equity, per year. Wealth is
    compounded over the blocks, each of which began with a fresh account.
    """
    if sample.stopped:
        return missing(f"the run stopped: {sample.stopped}")
    if not sample.has_traded:
        return missing("nothing was traded")
    if not np.isfinite(sample.returns).all():
        return missing("a return is not finite")
    return _SCORES[objective](sample, periods_per_year)


def judge(
    sample: Sample, objectives: Sequence[Objective], constraints: ConstraintSettings, periods_per_year: int
) -> Scored:
    """Return all scores of a sample, and how far it breaks each constraint.

    Parameters
    ----------
    sample : Sample
        Of a trial.
    objectives : sequence of Objective
        At least one.
    constraints : ConstraintSettings
        Bounds; one that is not told makes no excess.
    periods_per_year : int
        As `score`.

    Returns
    -------
    Scored
        Without scores where any figure is missing: what cannot be told can be neither best nor feasible.
    """
    figures = {item.value: score(item, sample, periods_per_year) for item in objectives}
    bounds = _excesses(sample, constraints, periods_per_year)
    reasons = [f"{name}: {item.reason}" for name, item in {**figures, **bounds}.items() if item.reason]
    return Scored(
        scores=tuple(nan if reasons else item.value for item in figures.values()),
        excesses=tuple(item.value for item in bounds.values()),
        reason=reasons[0] if reasons else "",
    )


def n_bounds(constraints: ConstraintSettings) -> int:
    """Return how many constraints are told."""
    return sum(getattr(constraints, name) is not None for name in ConstraintSettings.model_fields)


def _drawdown(sample: Sample, _periods_per_year: int = 0) -> Figure:
    return max_drawdown(wealth_of_days(sample.returns))


def _mean_return(sample: Sample, periods_per_year: int) -> Figure:
    reason = why_short(sample.returns, must_vary=False)
    return missing(reason) if reason else figure(periods_per_year * float(sample.returns.mean()))


def _profit_to_drawdown(sample: Sample, periods_per_year: int) -> Figure:
    gained, deepest = total_return(sample.returns), _drawdown(sample, periods_per_year)
    if gained.reason or deepest.reason:
        return gained if gained.reason else deepest
    return figure(gained.value / deepest.value) if deepest.value > 0.0 else missing("no drawdown")


def _turnover(sample: Sample, periods_per_year: int) -> Figure:
    if isnan(sample.measures["turnover"]):
        return missing("a block does not tell its turnover")
    years = sample.n_days / periods_per_year
    return figure(sample.measures["turnover"] / years) if years > 0.0 else missing("no day")


def _n_trades(sample: Sample) -> Figure:
    return figure(sample.measures["n_trades"], otherwise="a block does not tell its trades")


def _excesses(sample: Sample, bounds: ConstraintSettings, periods_per_year: int) -> dict[str, Figure]:
    """Return the excess over each bound that is told, as a share of the bound, so that they can be added."""
    found: dict[str, Figure] = {}
    if bounds.max_drawdown is not None:
        found["max_drawdown"] = _over(_drawdown(sample), bounds.max_drawdown)
    if bounds.min_trades is not None:
        found["min_trades"] = _under(_n_trades(sample), bounds.min_trades)
    if bounds.max_turnover is not None:
        found["max_turnover"] = _over(_turnover(sample, periods_per_year), bounds.max_turnover)
    return found


def _over(found: Figure, bound: float) -> Figure:
    return found if found.reason else figure(found.value / bound - 1.0)


def _under(found: Figure, bound: float) -> Figure:
    return found if found.reason else figure(1.0 - found.value / bound)


_SCORES: Final[dict[Objective, Callable[[Sample, int], Figure]]] = {
    Objective.SHARPE: lambda sample, year: sharpe_ratio(sample.returns, periods_per_year=year),
    Objective.SORTINO: lambda sample, year: sortino_ratio(sample.returns, periods_per_year=year),
    Objective.CALMAR: lambda sample, year: calmar_ratio(sample.returns, periods_per_year=year),
    Objective.MEAN_RETURN: _mean_return,
    Objective.TOTAL_RETURN: lambda sample, _year: total_return(sample.returns),
    Objective.MAX_DRAWDOWN: _drawdown,
    Objective.EXPECTED_SHORTFALL: lambda sample, _year: expected_shortfall(sample.returns),
    Objective.PROFIT_TO_DRAWDOWN: _profit_to_drawdown,
    Objective.TURNOVER: _turnover,
}

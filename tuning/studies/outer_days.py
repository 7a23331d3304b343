"""Days that no choice has seen, put together from the tests of the splits, beside the defaults on the same days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from backtest.metrics.figures import Figure, missing
from backtest.metrics.sharpe_inference import deflated_sharpe
from backtest.selection.estimate import OuterEstimate, outer_estimate
from backtest.selection.splits import split_paths
from market.chains import FloatArray
from market.trades import Int64Array
from tuning.configuration.settings import Objective, SelectionSettings
from tuning.search.records import ChoiceRecord
from tuning.search.scoring import Sample, score
from tuning.studies.answer import OuterDays
from tuning.work import BlockOutcome, OuterSplit

__all__ = ["is_of_returns", "outer_days"]

_NO_SPLIT: Final = "there is no outer split"
_MEASURES: Final = ("n_trades", "turnover", "open_at_end")


@dataclass(frozen=True, slots=True)
class _Days:
    end_ns: Int64Array
    paths: FloatArray  # (n_paths, n_days)
    defaults: FloatArray


def outer_days(
    splits: Sequence[OuterSplit],
    choices: Mapping[int, ChoiceRecord],
    defaults: Mapping[int, BlockOutcome],
    *,
    objective: Objective,
    selection: SelectionSettings,
    periods_per_year: int,
    n_trials: int,
    rng: np.random.Generator,
) -> OuterDays:
    """Return the outer days with their estimates.

    Parameters
    ----------
    splits : sequence of OuterSplit
        By index.
    choices : mapping of int to ChoiceRecord
        By split.
    defaults : mapping of int to BlockOutcome
        Of the base configuration, by block.
    objective : Objective
        The first one.
    selection : SelectionSettings
        Confidence and draws.
    periods_per_year : int
        Days in a year.
    n_trials : int
        Configurations ever tried on the data.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    OuterDays
        Without days and with a reason where a choice, or the defaults, stopped on a test block: an estimate over the
        rest would leave out the worst.
    """
    found = _days(splits, choices, defaults)
    reason = found if isinstance(found, str) else ""
    days = _Days(np.zeros(0, dtype=np.int64), np.zeros((0, 0)), np.zeros(0)) if isinstance(found, str) else found
    account = days.paths.mean(axis=0) if days.paths.size else np.zeros(0)

    def metric_of(wanted: Objective) -> OuterEstimate:
        found = outer_estimate(
            account,
            periods_per_year=periods_per_year,
            rng=rng,
            metric=lambda returns: _scored(wanted, returns, periods_per_year),
            name=wanted.value,
            baseline=days.defaults,
            n_draws=selection.draws,
            level=selection.confidence,
        )
        return _without(found, reason) if reason else found

    sharpe = metric_of(Objective.SHARPE)
    return OuterDays(
        end_ns=days.end_ns,
        returns=days.paths,
        defaults=days.defaults,
        objective=metric_of(objective) if is_of_returns(objective) and objective is not Objective.SHARPE else sharpe,
        sharpe=sharpe,
        path_scores=np.array([_scored(objective, path, periods_per_year).value for path in days.paths]),
        deflated=missing(reason) if reason else deflated_sharpe(account, n_trials=max(n_trials, 1)),
        reason=reason,
    )


def _without(estimate: OuterEstimate, reason: str) -> OuterEstimate:
    """Return an estimate of no days with the reason why there are none."""
    base, less = estimate.baseline, estimate.difference
    return replace(
        estimate,
        value=replace(estimate.value, reason=reason),
        baseline=None if base is None else replace(base, reason=reason),
        difference=None if less is None else replace(less, reason=reason),
    )


def is_of_returns(objective: Objective) -> bool:
    """Return whether an objective is told by daily returns alone."""
    return objective is not Objective.TURNOVER


def _scored(objective: Objective, returns: FloatArray, periods_per_year: int) -> Figure:
    # What was traded is judged on the blocks; here the days are one series.
    sample = Sample(returns=returns, n_days=returns.size, measures=dict.fromkeys(_MEASURES, float("nan")))
    return score(objective, sample, periods_per_year)


def _days(
    splits: Sequence[OuterSplit], choices: Mapping[int, ChoiceRecord], defaults: Mapping[int, BlockOutcome]
) -> _Days | str:
    """Return the days, or why there are none."""
    testing = split_paths([split.test for split in splits])
    if not testing:
        return _NO_SPLIT
    columns, base, ends = [], [], []
    for block, places in testing.items():
        outcomes = [_of_block(choices.get(splits[place].index), block) for place in places]
        told = [*outcomes, defaults.get(block, f"the defaults have no outcome of block {block}")]
        for item in told:
            if isinstance(item, str):
                return item
            if item.stopped:
                return f"block {block} stopped: {item.stopped}"
        paths = [item for item in told if isinstance(item, BlockOutcome)]
        if any(not np.array_equal(item.end_ns, paths[-1].end_ns) for item in paths):
            return f"the days of block {block} are not the same for the choice and the defaults"
        columns.append(np.stack([item.returns for item in paths[:-1]]))
        base.append(paths[-1].returns)
        ends.append(paths[-1].end_ns)
    return _Days(np.concatenate(ends), np.concatenate(columns, axis=1), np.concatenate(base))


def _of_block(choice: ChoiceRecord | None, block: int) -> BlockOutcome | str:
    if choice is None:
        return "a split has no choice"
    found = next((item for item in choice.blocks if item.block == block), None)
    if found is None:
        return choice.reason or f"the choice of split {choice.split} has no outcome of block {block}"
    return found

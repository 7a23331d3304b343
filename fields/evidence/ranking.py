"""Rank outcomes by readings that exist on few days, with labels from the whole history without them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fields.evidence.auc import block_bootstrap_auc, estimate_auc, minimum_detectable_auc
from fields.evidence.plan import Hypothesis, StudyPlan, StudySample
from fields.evidence.study import Interval, interval_of
from fields.evidence.walkforward import label_fold, walk_forward

__all__ = ["Ranking", "rank_readings"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """How one reading ranks outcomes, without any fit to it.

    Parameters
    ----------
    hypothesis : Hypothesis
        As registered.
    score : Interval
        AUC of the reading in its registered direction.
    n, n_positive, n_blocks : int
        Rows with a reading and a label, positive ones, and bootstrap blocks among them.
    minimum_detectable : float
        Smallest AUC that as many independent rows would have told from 0.5 with 80 % power.
    reason : str
        Why there is no AUC; empty where there is one.
    """

    hypothesis: Hypothesis
    score: Interval
    n: int
    n_positive: int
    n_blocks: int
    minimum_detectable: float
    reason: str = ""


def rank_readings(plan: StudyPlan, sample: StudySample) -> tuple[Ranking, ...]:
    """Label every row walk-forward from the baseline alone, and rank the rows that carry a reading.

    Parameters
    ----------
    plan : StudyPlan
        What to test; its ridge is unused, because nothing is fitted to a reading.
    sample : StudySample
        A long history; readings may be NaN on most rows.

    Returns
    -------
    tuple of Ranking
        In the order of the plan's hypotheses.
    """
    baseline = sample.columns(plan.baseline)
    field = sample.columns(tuple(item.name for item in plan.hypotheses), of_field=True)
    usable = np.isfinite(sample.outcome) & np.isfinite(baseline).all(axis=1)
    positive, labelled = np.zeros(sample.outcome.size, dtype=np.bool_), np.zeros(sample.outcome.size, dtype=np.bool_)
    for fold in walk_forward(plan, sample, usable):
        if np.isfinite(field[fold.test]).any():
            positive[fold.test] = label_fold(plan, fold, sample.outcome, baseline).test
            labelled[fold.test] = True
    rankings = []
    for column, hypothesis in enumerate(plan.hypotheses):
        rows = np.flatnonzero(labelled & np.isfinite(field[:, column]))
        score, truth, block = hypothesis.sign * field[rows, column], positive[rows], sample.block[rows]
        auc = estimate_auc(score, truth)
        rng, n_blocks = np.random.default_rng(plan.seed), np.unique(block).size
        drawn = block_bootstrap_auc(score[None, :], truth, block, n_draws=plan.n_draws, rng=rng, run=plan.block_run)
        rankings.append(
            Ranking(
                hypothesis=hypothesis,
                score=interval_of(auc, drawn[:, 0], n_blocks=n_blocks, alpha=plan.alpha),
                n=auc.n,
                n_positive=auc.n_positive,
                n_blocks=n_blocks,
                minimum_detectable=minimum_detectable_auc(auc.n_positive, auc.n - auc.n_positive, alpha=plan.alpha),
                reason=auc.reason,
            )
        )
    return tuple(rankings)

"""Expanding walk-forward: what each fit may see, and the labels that its past defines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fields.evidence.auc import BoolArray, IntArray
from fields.evidence.fits import fit_quantile
from fields.evidence.plan import StudyPlan, StudySample, Target
from market.chains import FloatArray

__all__ = ["Fold", "Labels", "label_fold", "walk_forward"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Rows of one fit and the rows that it predicts.

    Parameters
    ----------
    train, test : ndarray of int64
        Row numbers; every outcome of `train` is known before the first prediction, with an embargo between.
    """

    train: IntArray
    test: IntArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Labels:
    """Outcomes of a fold, by a threshold that its train rows alone define.

    Parameters
    ----------
    train, test : ndarray of bool
        Whether each row is positive.
    """

    train: BoolArray
    test: BoolArray


def walk_forward(plan: StudyPlan, sample: StudySample, usable: BoolArray) -> Iterator[Fold]:
    """Yield the folds of a plan in time order.

    Parameters
    ----------
    plan : StudyPlan
        Warm-up, refit and embargo in sessions.
    sample : StudySample
        Its sessions and instants.
    usable : ndarray of bool, shape (n,)
        Rows that are complete; the others are in no fold.

    Yields
    ------
    Fold
        Purged: no train row's outcome reaches into the predicted stretch, whatever the horizon.
    """
    sessions = np.unique(sample.session[usable])
    for start in range(plan.first_train_sessions, sessions.size, plan.refit_sessions):
        stretch = sessions[start : start + plan.refit_sessions]
        test = np.flatnonzero(usable & (sample.session >= stretch[0]) & (sample.session <= stretch[-1]))
        first_ns = int(sample.known_ns[test].min())
        # Sessions are counted, not numbered: a gap in the record is no embargo.
        last = start - 1 - plan.embargo_sessions
        if last < 0:
            continue
        train = np.flatnonzero(usable & (sample.session <= sessions[last]) & (sample.outcome_ns <= first_ns))
        if train.size:
            yield Fold(train=train, test=test)


def label_fold(plan: StudyPlan, fold: Fold, outcome: FloatArray, baseline: FloatArray) -> Labels:
    """Return which rows of a fold are positive.

    Parameters
    ----------
    plan : StudyPlan
        Target.
    fold : Fold
        Rows.
    outcome : ndarray, shape (n,)
        Of the whole sample.
    baseline : ndarray, shape (n, n_baseline)
        Of the whole sample; the conditional median is linear in it.

    Returns
    -------
    Labels
        The threshold comes from the train rows alone.
    """
    train, test = outcome[fold.train], outcome[fold.test]
    if plan.target in {Target.MOMENTUM, Target.DIRECTION}:
        return Labels(train=train > 0.0, test=test > 0.0)
    if plan.target is Target.UPPER_TERCILE:
        threshold = float(np.quantile(train, 2.0 / 3.0))
        return Labels(train=train > threshold, test=test > threshold)
    median = fit_quantile(baseline[fold.train], train)
    return Labels(train=train > median.index(baseline[fold.train]), test=test > median.index(baseline[fold.test]))

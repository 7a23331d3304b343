"""Expanding walk-forward: what each fit may see, and the labels that its past defines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from fields.evidence.auc import BoolArray, IntArray
from fields.evidence.fits import fit_quantile
from fields.evidence.plan import StudyPlan, StudySample, Target
from market.chains import FloatArray

__all__ = ["Fold", "Labels", "expanding_folds", "label_fold", "walk_forward"]


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

    Returns
    -------
    iterator of Fold
        Purged: no train row's outcome reaches into the predicted stretch, whatever the horizon.
    """
    spans = (plan.first_train_sessions, plan.refit_sessions, plan.embargo_sessions)
    return expanding_folds(sample.session, sample.known_ns, sample.outcome_ns, usable, spans)


def expanding_folds(
    session: IntArray, known_ns: IntArray, outcome_ns: IntArray, usable: BoolArray, spans: tuple[int, int, int]
) -> Iterator[Fold]:
    """Yield the folds of an expanding walk-forward in time order.

    Parameters
    ----------
    session : ndarray of int64, shape (n,)
        Session of each row.
    known_ns, outcome_ns : ndarray of int64, shape (n,)
        When a row's readings were known, and when its outcome was, ns since the epoch, UTC.
    usable : ndarray of bool, shape (n,)
        Rows that are complete; the others are in no fold.
    spans : tuple of int
        Sessions of the first fit, of each predicted stretch, and left out between the two.

    Yields
    ------
    Fold
        Purged: no train row's outcome reaches into the predicted stretch.
    """
    first, stretch_sessions, embargo = spans
    sessions = np.unique(session[usable])
    for start in range(first, sessions.size, stretch_sessions):
        stretch = sessions[start : start + stretch_sessions]
        test = np.flatnonzero(usable & (session >= stretch[0]) & (session <= stretch[-1]))
        first_ns = int(known_ns[test].min())
        # Sessions are counted, not numbered: a gap in the record is no embargo.
        last = start - 1 - embargo
        if last < 0:
            continue
        train = np.flatnonzero(usable & (session <= sessions[last]) & (outcome_ns <= first_ns))
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

"""Run a registered study: baseline, field, and both, out of sample, with errors, intervals and trials."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan

import numpy as np
from scipy.special import ndtr

from fields.evidence.auc import (
    AucComparison,
    AucEstimate,
    BoolArray,
    IntArray,
    auc_standard_error,
    block_bootstrap_auc,
    compare_auc,
    estimate_auc,
    minimum_detectable_auc,
)
from fields.evidence.fits import fit_logistic
from fields.evidence.plan import Hypothesis, StudyPlan, StudySample
from fields.evidence.quality import Calibration, brier_score, calibration, log_loss
from fields.evidence.walkforward import Fold, label_fold, walk_forward
from market.chains import FloatArray

__all__ = ["MIN_BLOCKS", "Finding", "Interval", "ModelScore", "StudyResult", "interval_of", "run_study"]

MIN_BLOCKS = 10
"""Fewer resampled blocks say nothing about their own spread."""

_TINY = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A figure with the error that resampled blocks give it.

    Parameters
    ----------
    value : float
        The figure on all rows.
    standard_error : float
        The larger of the block bootstrap's and DeLong's.
    low, high : float
        Quantiles of the block bootstrap; NaN with fewer than `MIN_BLOCKS` blocks.
    p_value : float
        Normal, of no effect: two-sided for one AUC, one-sided upwards for a difference, because a reading that lowers
        the AUC adds nothing. NaN as above.
    reason : str
        Why something is missing; empty where nothing is.
    """

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """One model's out-of-sample probabilities, judged.

    Parameters
    ----------
    auc : AucEstimate
        Ranking.
    interval : Interval
        The same with its block bootstrap.
    brier, log_loss : float
        Errors of the probabilities.
    calibration : Calibration
        Stated against observed.
    """

    auc: AucEstimate
    interval: Interval
    brier: float
    log_loss: float
    calibration: Calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one hypothesis came to.

    Parameters
    ----------
    hypothesis : Hypothesis
        As registered.
    score : Interval
        AUC of the reading alone, in its registered direction, without any fit.
    field, combined : ModelScore
        Logistic of the reading, and of baseline and reading.
    delta : Interval
        AUC of the combined model less the baseline's.
    delong_p_value : float
        Two-sided of the same difference, with rows taken as independent.
    adds_p_value : float
        Of the claim that the reading adds: the larger of the p-values of `delta` and of a combined AUC above 0.5.
        Given the conditional median the baseline has nothing left, and may do worse than chance; to mend that is no
        merit of a reading.
    """

    hypothesis: Hypothesis
    score: Interval
    field: ModelScore
    combined: ModelScore
    delta: Interval
    delong_p_value: float
    adds_p_value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyResult:
    """All findings of a study, or the reason why there are none.

    Parameters
    ----------
    plan : StudyPlan
        As registered.
    n_rows, n_used : int
        Rows of the sample, and complete ones.
    n_predicted, n_positive, n_blocks, n_folds : int
        Rows predicted out of sample, positive ones among them, bootstrap blocks, and fits.
    baseline : ModelScore or None
        The model without any field.
    findings : tuple of Finding
        In the order of the plan.
    minimum_detectable : float
        Smallest AUC that this many independent rows would have told from 0.5 with 80 % power.
    row : ndarray of int64, shape (n_predicted,)
        Predicted rows of the sample.
    positive : ndarray of bool, shape (n_predicted,)
        Their outcomes.
    baseline_probability : ndarray, shape (n_predicted,)
        The baseline's prediction of them.
    reason : str
        Why there are no findings; empty where there are some.
    """

    plan: StudyPlan
    n_rows: int
    n_used: int
    n_predicted: int
    n_positive: int
    n_blocks: int
    n_folds: int
    baseline: ModelScore | None
    findings: tuple[Finding, ...]
    minimum_detectable: float
    row: IntArray
    positive: BoolArray
    baseline_probability: FloatArray
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Predictions:
    row: IntArray
    positive: BoolArray
    probability: FloatArray  # (1 + 2 n_hypotheses, n): baseline, then field and combined of each
    n_folds: int


def _usable(sample: StudySample, baseline: FloatArray, field: FloatArray) -> BoolArray:
    # One set of rows for all models: otherwise they would be compared on different days.
    complete: BoolArray = (
        np.isfinite(sample.outcome) & np.isfinite(baseline).all(axis=1) & np.isfinite(field).all(axis=1)
    )
    return complete


def _predict_fold(plan: StudyPlan, fold: Fold, tables: list[FloatArray], labels_of_train: BoolArray) -> FloatArray:
    return np.array(
        [
            fit_logistic(table[fold.train], labels_of_train, ridge=plan.ridge).probability(table[fold.test])
            for table in tables
        ]
    )


def _predict(
    plan: StudyPlan, sample: StudySample, usable: BoolArray, baseline: FloatArray, field: FloatArray
) -> _Predictions | None:
    tables = [baseline]
    for column in range(field.shape[1]):
        reading = field[:, column : column + 1]
        tables += [reading, np.column_stack([baseline, reading])]
    rows, positives, chances = [], [], []
    for fold in walk_forward(plan, sample, usable):
        labels = label_fold(plan, fold, sample.outcome, baseline)
        rows.append(fold.test)
        positives.append(labels.test)
        chances.append(_predict_fold(plan, fold, tables, labels.train))
    if not rows:
        return None
    return _Predictions(
        row=np.concatenate(rows),
        positive=np.concatenate(positives),
        probability=np.concatenate(chances, axis=1),
        n_folds=len(rows),
    )


def interval_of(estimate: AucEstimate | AucComparison, drawn: FloatArray, *, n_blocks: int, alpha: float) -> Interval:
    """Return an AUC, or a difference of two, with its resampled interval.

    Parameters
    ----------
    estimate : AucEstimate or AucComparison
        On all rows, with DeLong's error.
    drawn : ndarray, shape (n_draws,)
        The same on resampled blocks; NaN draws are left out.
    n_blocks : int
        Blocks that were resampled.
    alpha : float
        Share outside the interval.

    Returns
    -------
    Interval
        With the larger error of the two. The test of one AUC takes the error under chance where that is larger still:
        close to 0 or 1 the others shrink with luck.
    """
    if isinstance(estimate, AucEstimate):
        value, null = estimate.auc, 0.5
        chance = auc_standard_error(0.5, estimate.n_positive, estimate.n - estimate.n_positive)
    else:
        value, null, chance = estimate.delta, 0.0, 0.0
    known, delong = drawn[np.isfinite(drawn)], estimate.standard_error
    reason = _missing(value, delong, known.size, n_blocks)
    if reason:
        return Interval(value=value, standard_error=delong, low=nan, high=nan, p_value=nan, reason=reason)
    error = max(float(known.std(ddof=1)), delong)
    low, high = np.quantile(known, [alpha / 2.0, 1.0 - alpha / 2.0])
    z = (value - null) / max(error, chance, _TINY)
    p_value = 2.0 * float(ndtr(-abs(z))) if isinstance(estimate, AucEstimate) else float(ndtr(-z))
    return Interval(value=value, standard_error=error, low=float(low), high=float(high), p_value=p_value)


def _missing(value: float, delong: float, n_draws: int, n_blocks: int) -> str:
    if not isfinite(value):
        return "all outcomes are of one class"
    if n_blocks < MIN_BLOCKS:
        return f"{n_blocks} blocks are too few to resample; {MIN_BLOCKS} are needed"
    return "" if isfinite(delong) and n_draws > 1 else "too few rows of one class"


def _judge(
    probability: FloatArray, positive: BoolArray, drawn: FloatArray, *, n_blocks: int, alpha: float
) -> ModelScore:
    auc = estimate_auc(probability, positive)
    return ModelScore(
        auc=auc,
        interval=interval_of(auc, drawn, n_blocks=n_blocks, alpha=alpha),
        brier=brier_score(probability, positive),
        log_loss=log_loss(probability, positive),
        calibration=calibration(probability, positive),
    )


def _finding(
    place: int, plan: StudyPlan, scores: FloatArray, predictions: _Predictions, drawn: FloatArray, n_blocks: int
) -> Finding:
    positive, chance, alpha = predictions.positive, predictions.probability, plan.alpha
    n_models, field, both = chance.shape[0], 1 + 2 * place, 2 + 2 * place
    alone, added = estimate_auc(scores[place], positive), compare_auc(chance[0], chance[both], positive)
    combined = _judge(chance[both], positive, drawn[:, both], n_blocks=n_blocks, alpha=alpha)
    delta = interval_of(added, drawn[:, both] - drawn[:, 0], n_blocks=n_blocks, alpha=alpha)
    return Finding(
        hypothesis=plan.hypotheses[place],
        score=interval_of(alone, drawn[:, n_models + place], n_blocks=n_blocks, alpha=alpha),
        field=_judge(chance[field], positive, drawn[:, field], n_blocks=n_blocks, alpha=alpha),
        combined=combined,
        delta=delta,
        delong_p_value=added.p_value,
        adds_p_value=float(np.maximum(delta.p_value, _above_half(combined.interval))),
    )


def _above_half(figure: Interval) -> float:
    return figure.p_value / 2.0 if figure.value > 0.5 else 1.0 - figure.p_value / 2.0


def _empty(plan: StudyPlan, sample: StudySample, n_used: int) -> StudyResult:
    return StudyResult(
        plan=plan,
        n_rows=sample.outcome.size,
        n_used=n_used,
        n_predicted=0,
        n_positive=0,
        n_blocks=0,
        n_folds=0,
        baseline=None,
        findings=(),
        minimum_detectable=nan,
        row=np.zeros(0, dtype=np.int64),
        positive=np.zeros(0, dtype=np.bool_),
        baseline_probability=np.zeros(0),
        reason="fewer complete sessions than the warm-up and the embargo need",
    )


def run_study(plan: StudyPlan, sample: StudySample) -> StudyResult:
    """Run a study as registered.

    Parameters
    ----------
    plan : StudyPlan
        What to test.
    sample : StudySample
        The rows; those with a missing column or outcome are left out of every model alike.

    Returns
    -------
    StudyResult
        Everything out of sample. The same plan and sample give the same result; rows of the future change nothing
        in what was predicted before them.

    Notes
    -----
    Threshold of the target, standardisation and coefficients of a fold come from its train rows: sessions before the
    predicted ones less the embargo, with outcomes that were known by then.
    """
    baseline = sample.columns(plan.baseline)
    field = sample.columns(tuple(item.name for item in plan.hypotheses), of_field=True)
    usable = _usable(sample, baseline, field)
    predictions = _predict(plan, sample, usable, baseline, field)
    if predictions is None:
        return _empty(plan, sample, int(usable.sum()))
    positive, block = predictions.positive, sample.block[predictions.row]
    signs = np.array([item.sign for item in plan.hypotheses], dtype=np.float64)
    scores = (field[predictions.row] * signs).T
    everything = np.concatenate([predictions.probability, scores])
    rng = np.random.default_rng(plan.seed)
    drawn = block_bootstrap_auc(everything, positive, block, n_draws=plan.n_draws, rng=rng, run=plan.block_run)
    n_positive, n_blocks = int(positive.sum()), np.unique(block).size
    return StudyResult(
        plan=plan,
        n_rows=sample.outcome.size,
        n_used=int(usable.sum()),
        n_predicted=positive.size,
        n_positive=n_positive,
        n_blocks=n_blocks,
        n_folds=predictions.n_folds,
        baseline=_judge(predictions.probability[0], positive, drawn[:, 0], n_blocks=n_blocks, alpha=plan.alpha),
        findings=tuple(_finding(k, plan, scores, predictions, drawn, n_blocks) for k in range(signs.size)),
        minimum_detectable=minimum_detectable_auc(n_positive, positive.size - n_positive, alpha=plan.alpha),
        row=predictions.row,
        positive=positive,
        baseline_probability=predictions.probability[0],
    )

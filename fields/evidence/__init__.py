"""The evidence harness: does a reading of the field foretell volatility beyond what volatility itself foretells.

A study is registered (`StudyPlan`, hashed), given rows (`StudySample`) and run out of sample (`run_study`).
"""

from __future__ import annotations

from fields.evidence.auc import (
    AucComparison,
    AucEstimate,
    auc_of_correlation,
    auc_standard_error,
    block_bootstrap_auc,
    compare_auc,
    estimate_auc,
    minimum_detectable_auc,
)
from fields.evidence.fits import LinearFit, fit_logistic, fit_quantile, fit_ridge
from fields.evidence.flow_weights import (
    FlowModel,
    FlowSample,
    FlowWeight,
    FlowWeightPlan,
    FlowWeights,
    SkillGain,
    calibrate_flow_weights,
    rehedging_parts,
)
from fields.evidence.measures import (
    garman_klass_variance,
    har_regressors,
    indicator_columns,
    lag_one_product,
    realised_variance,
)
from fields.evidence.multiplicity import deflated_probability, expected_maximum, holm_adjusted
from fields.evidence.placebo import lagged_reading, shuffled_open_interest, shuffled_outcomes
from fields.evidence.plan import Horizon, Hypothesis, StudyPlan, StudySample, Target
from fields.evidence.quality import Calibration, brier_score, calibration, log_loss
from fields.evidence.ranking import Ranking, rank_readings
from fields.evidence.study import Finding, Interval, ModelScore, StudyResult, run_study
from fields.evidence.walkforward import Fold, Labels, label_fold, walk_forward
from fields.evidence.world import HarWorld, simulate_world

__all__ = [
    "AucComparison",
    "AucEstimate",
    "Calibration",
    "Finding",
    "FlowModel",
    "FlowSample",
    "FlowWeight",
    "FlowWeightPlan",
    "FlowWeights",
    "Fold",
    "HarWorld",
    "Horizon",
    "Hypothesis",
    "Interval",
    "Labels",
    "LinearFit",
    "ModelScore",
    "Ranking",
    "SkillGain",
    "StudyPlan",
    "StudyResult",
    "StudySample",
    "Target",
    "auc_of_correlation",
    "auc_standard_error",
    "block_bootstrap_auc",
    "brier_score",
    "calibrate_flow_weights",
    "calibration",
    "compare_auc",
    "deflated_probability",
    "estimate_auc",
    "expected_maximum",
    "fit_logistic",
    "fit_quantile",
    "fit_ridge",
    "garman_klass_variance",
    "har_regressors",
    "holm_adjusted",
    "indicator_columns",
    "label_fold",
    "lag_one_product",
    "lagged_reading",
    "log_loss",
    "minimum_detectable_auc",
    "rank_readings",
    "realised_variance",
    "rehedging_parts",
    "run_study",
    "shuffled_open_interest",
    "shuffled_outcomes",
    "simulate_world",
    "walk_forward",
]

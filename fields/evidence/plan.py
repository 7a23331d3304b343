"""What a study will test, fixed and hashed before any result is seen."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from fields.evidence.auc import IntArray
from market.chains import FloatArray
from market.errors import ConfigError, DataError

__all__ = ["Horizon", "Hypothesis", "StudyPlan", "StudySample", "Target"]


class Target(StrEnum):
    """The outcome that is called positive."""

    ABOVE_CONDITIONAL_MEDIAN = "t1_above_conditional_median"  # of log variance, given the baseline
    UPPER_TERCILE = "t2_upper_tercile"  # of log variance, unconditional
    MOMENTUM = "t3_momentum"  # positive lag-1 autocorrelation; negative is reversal
    DIRECTION = "t4_direction"  # a later return above 0


class Horizon(StrEnum):
    """Over which time the outcome is measured."""

    THIRTY_MINUTES = "30min"
    REST_OF_DAY = "rest_of_day"
    NEXT_DAY = "next_day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One reading of the field and what it is expected to do.

    Parameters
    ----------
    name : str
        Column of the sample's field, such as ``oi_naive``.
    sign : int
        +1: a high reading goes with a positive outcome; -1: with a negative one.
    placebo : bool
        Whether the reading was broken on purpose; it is reported, but is no trial.
    """

    name: str
    sign: int
    placebo: bool = False

    def __post_init__(self) -> None:
        if self.sign not in {-1, 1}:
            raise ConfigError("a hypothesis has a direction", found=str(self.sign), expected="+1 or -1")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """A study, registered before it is run.

    Parameters
    ----------
    name : str
        Unique name.
    target : Target
        Outcome.
    horizon : Horizon
        Time over which it is measured.
    baseline : tuple of str
        Columns of the sample that are known without any field: lagged variance, implied volatility, time, events.
    hypotheses : tuple of Hypothesis
        Readings of the field, each a trial unless it is a placebo.
    first_train_sessions : int
        Sessions seen before the first prediction.
    refit_sessions : int
        Sessions predicted by one fit.
    embargo_sessions : int
        Whole sessions left out between the rows of a fit and the first predicted session.
    block_run : int
        Neighbouring blocks drawn together by the bootstrap.
    n_draws, seed : int
        Resamples, and the seed of all chance in the study.
    ridge : float
        Penalty of the logistic fits.
    alpha : float
        Level of all tests and intervals.
    """

    name: str
    target: Target
    horizon: Horizon
    baseline: tuple[str, ...]
    hypotheses: tuple[Hypothesis, ...]
    first_train_sessions: int
    refit_sessions: int
    embargo_sessions: int = 1
    block_run: int = 1
    n_draws: int = 1_000
    seed: int = 20_261_121
    ridge: float = 1.0
    alpha: float = 0.05

    def __post_init__(self) -> None:
        counts = (self.first_train_sessions, self.refit_sessions, self.block_run)
        if min(counts) < 1 or self.embargo_sessions < 0 or self.n_draws < 2:
            raise ConfigError("a plan counts sessions from 1", found=f"{counts}", expected=">= 1, embargo >= 0")
        names = [item.name for item in self.hypotheses]
        if not names or len(set(names)) != len(names):
            raise ConfigError("hypotheses must be there and differ", found=", ".join(names) or "none")

    def digest(self) -> str:
        """Return the SHA-256 of the plan: two plans with one digest test the same."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySample:
    """The rows of a study, one per instant of prediction.

    Parameters
    ----------
    session : ndarray of int64, shape (n,)
        Number of the trading session, rising.
    known_ns : ndarray of int64, shape (n,)
        Instant from which all columns of the row are known, ns since the epoch, UTC.
    outcome_ns : ndarray of int64, shape (n,)
        Instant at which its outcome is known, later than `known_ns`.
    block : ndarray of int64, shape (n,)
        What the bootstrap draws as one: the session, or the session of one symbol where symbols are independent.
    outcome : ndarray, shape (n,)
        Log variance over the horizon, the lag-1 product for `Target.MOMENTUM`, or the return for `Target.DIRECTION`;
        NaN where unknown.
    baseline : ndarray, shape (n, n_baseline)
        Columns known without any field; NaN where unknown.
    baseline_names : tuple of str
        Their names.
    field : ndarray, shape (n, n_field)
        Readings of the field; NaN where unknown.
    field_names : tuple of str
        Their names.
    """

    session: IntArray
    known_ns: IntArray
    outcome_ns: IntArray
    block: IntArray
    outcome: FloatArray
    baseline: FloatArray
    baseline_names: tuple[str, ...]
    field: FloatArray
    field_names: tuple[str, ...]

    def __post_init__(self) -> None:
        n = self.outcome.size
        shapes = {item.shape for item in (self.session, self.known_ns, self.outcome_ns, self.block, self.outcome)}
        if shapes != {(n,)}:
            raise DataError("the columns of a sample differ in length", found=str(sorted(shapes)), expected=f"({n},)")
        if self.baseline.shape != (n, len(self.baseline_names)) or self.field.shape != (n, len(self.field_names)):
            raise DataError("a table of the sample does not fit its names", found=str(self.baseline.shape))
        if (np.diff(self.session) < 0).any():
            raise DataError("sessions must rise", found="a row before its predecessor", expected="rows in time order")
        if (self.outcome_ns <= self.known_ns).any():
            raise DataError(
                "an outcome is known before its prediction",
                found=f"row {int(np.argmax(self.outcome_ns <= self.known_ns))}",
                expected="outcome_ns > known_ns: the target lies strictly in the future",
            )

    def columns(self, names: tuple[str, ...], *, of_field: bool = False) -> FloatArray:
        """Return named columns, shape (n, n_names)."""
        table, known = (self.field, self.field_names) if of_field else (self.baseline, self.baseline_names)
        missing = [name for name in names if name not in known]
        if missing:
            raise ConfigError("the sample lacks a column", found=", ".join(missing), expected=", ".join(known))
        return table[:, [known.index(name) for name in names]]

"""A market of numbers only, for the harness's own test: log variance with long memory, and gamma that may matter."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np

from fields.evidence.measures import har_regressors
from fields.evidence.plan import StudySample
from market.errors import ConfigError

__all__ = ["HarWorld", "simulate_world"]

_DAY_NS = 86_400_000_000_000
_MONTH = 22


@dataclass(frozen=True, slots=True, kw_only=True)
class HarWorld:
    """A heterogeneous autoregression of daily log variance with a gamma reading beside it.

    Parameters
    ----------
    n_sessions : int
        Sessions delivered, after a warm-up.
    daily, weekly, monthly : float
        Weights of yesterday's, the week's and the month's mean log variance, sum below 1. The defaults give
        a correlation of 0.61 between neighbouring days, by which the last day alone has an AUC of 0.785 for the median.
    effect : float
        Planted: correlation of ``-gamma`` with the next innovation of log variance, 0 (nothing) to below 1.
    entanglement : float
        Correlation of ``-gamma`` with the current log variance, which makes gamma look useful where nothing is planted:
        by default an AUC of 0.554 for the unconditional median.
    """

    n_sessions: int
    daily: float = 0.38
    weekly: float = 0.29
    monthly: float = 0.17
    effect: float = 0.0
    entanglement: float = 0.196

    def __post_init__(self) -> None:
        if self.daily + self.weekly + self.monthly >= 1.0 or self.effect**2 + self.entanglement**2 >= 1.0:
            raise ConfigError(
                "such a world does not exist",
                found=f"weights {self.daily}, {self.weekly}, {self.monthly}; {self.effect}, {self.entanglement}",
                expected="weights below 1 in sum; effect^2 + entanglement^2 < 1",
            )


def simulate_world(world: HarWorld, rng: np.random.Generator) -> StudySample:
    """Draw a world.

    Parameters
    ----------
    world : HarWorld
        Its parameters.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    StudySample
        Row t is known at the end of session t and predicts session t + 1. Baseline ``daily``, ``weekly``, ``monthly``
        and ``lagged`` (the last day alone); field ``gamma``, and ``noise``, which is nothing.
    """
    warm_up = 10 * _MONTH
    n = world.n_sessions + warm_up + 1
    hidden, shock = rng.standard_normal(n), rng.standard_normal(n)
    # The innovation of session t + 1 leans on what gamma at t has apart from variance.
    shock[1:] = -world.effect * hidden[:-1] + sqrt(1.0 - world.effect**2) * shock[1:]
    log_variance = np.zeros(n)
    for t in range(_MONTH, n):
        past = log_variance[t - _MONTH : t]
        mean = world.daily * past[-1] + world.weekly * past[-5:].mean() + world.monthly * past.mean()
        log_variance[t] = mean + shock[t]
    level = log_variance / log_variance[warm_up:].std()
    gamma = -world.entanglement * level + sqrt(1.0 - world.entanglement**2) * hidden
    table = har_regressors(log_variance)
    keep = slice(warm_up, n - 1)
    session = np.arange(world.n_sessions, dtype=np.int64)
    return StudySample(
        session=session,
        known_ns=session * _DAY_NS,
        outcome_ns=(session + 1) * _DAY_NS,
        block=session,
        outcome=log_variance[warm_up + 1 :],
        baseline=np.column_stack([table[keep], log_variance[keep]]),
        baseline_names=("daily", "weekly", "monthly", "lagged"),
        field=np.column_stack([gamma[keep], rng.standard_normal(world.n_sessions)]),
        field_names=("gamma", "noise"),
    )

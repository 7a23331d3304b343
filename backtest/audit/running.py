"""All guards over one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from backtest.audit.baselines import random_entry_baseline, shuffled_label_baseline
from backtest.audit.findings import AuditFinding, WayToRun
from backtest.audit.invariance import (
    audit_instants,
    determinism,
    look_ahead_canary,
    row_order_invariance,
    truncation_invariance,
)
from backtest.audit.quality import data_quality
from backtest.audit.stress import cost_stress
from backtest.history import History
from backtest.results import RunResult

__all__ = ["AuditPlan", "AuditReport", "audit_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """How much an audit asks.

    Parameters
    ----------
    n_instants : int
        Instants at which the future is spoiled, and at which the data are cut: two runs each, over all or part.
    n_shuffles : int
        Runs on shuffled returns.
    n_draws : int
        Draws of random entries.
    worst_share : float
        Largest share of bad rows.
    """

    n_instants: int = 3
    n_shuffles: int = 20
    n_draws: int = 1000
    worst_share: float = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditReport:
    """What all guards found.

    Parameters
    ----------
    findings : tuple of AuditFinding
        In the order in which they were asked.
    """

    findings: tuple[AuditFinding, ...]

    @property
    def passed(self) -> bool:
        """Whether no guard failed; one that could not be asked has not failed, and its text says why."""
        return all(finding.passed is not False for finding in self.findings)


def audit_run(
    run: WayToRun,
    history: History,
    baseline: RunResult,
    generator: np.random.Generator,
    *,
    plan: AuditPlan | None = None,
    stresses: Mapping[str, Callable[[], RunResult]] | None = None,
    elsewhere: Callable[[], str] | None = None,
) -> AuditReport:
    """Ask every guard.

    Parameters
    ----------
    run : WayToRun
        The run; it builds everything that depends on data from the history that it is given.
    history : History
        Its data.
    baseline : RunResult
        What it gave on them.
    generator : numpy.random.Generator
        Draws garbage, orders, coins and entries.
    plan : AuditPlan, optional
        How much is asked.
    stresses : mapping of str to callable, optional
        By name: the run under dearer costs, as `backtest.audit.stress.stressed_configs` and
        `backtest.audit.rewrites.widened` make them.
    elsewhere : callable, optional
        Runs the same in another process and returns its `backtest.audit.invariance.result_digest`.

    Returns
    -------
    AuditReport
        About thirty runs with the usual plan.
    """
    asked = plan or AuditPlan()
    instants = audit_instants(baseline, asked.n_instants)
    findings = [
        _completed(baseline),
        data_quality(history, bound=asked.worst_share),
        determinism(run, history, baseline, elsewhere),
        row_order_invariance(run, history, baseline, generator),
        truncation_invariance(run, history, baseline, instants),
        look_ahead_canary(run, history, baseline, instants, generator),
        shuffled_label_baseline(run, history, generator, n_runs=asked.n_shuffles),
        random_entry_baseline(baseline, history, generator, n_draws=asked.n_draws),
    ]
    findings += [cost_stress(baseline, name, stressed()) for name, stressed in (stresses or {}).items()]
    return AuditReport(findings=tuple(findings))


def _completed(baseline: RunResult) -> AuditFinding:
    """Tell a run that stopped early: what the other guards say of it ends there."""
    return AuditFinding(
        name="run_completed",
        passed=not baseline.stopped,
        value=float(bool(baseline.stopped)),
        bound=0.0,
        text=baseline.stopped or f"{baseline.n_views} views to the end of the data",
    )

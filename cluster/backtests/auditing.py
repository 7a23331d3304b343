"""The guards over a run: the same configuration on histories that differ in one respect, and under dearer costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from backtest.audit.invariance import result_digest
from backtest.audit.rewrites import widened
from backtest.audit.running import AuditReport, audit_run
from backtest.audit.stress import stressed_configs
from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from backtest.results import RunDescription, RunResult
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.running import Prepared, prepare
from cluster.backtests.wiring import engine_config, shared_fields, strategies_of

__all__ = ["SameRun", "audited"]

_WIDER = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SameRun:
    """Runs a configuration over any history, built anew from that history alone.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.
    description : RunDescription
        What the run is.
    """

    settings: BacktestSettings
    description: RunDescription

    def __call__(self, history: History) -> RunResult:
        """Return what the run gives on a history."""
        strategies = strategies_of(self.settings, history)
        config = engine_config(self.settings, strategies, history)
        return run_backtest(config, history, strategies, self.description, fields=shared_fields(self.settings))


def audited(prepared: Prepared, baseline: RunResult) -> AuditReport:
    """Ask all guards of a run.

    Parameters
    ----------
    prepared : Prepared
        Its configuration and data.
    baseline : RunResult
        What it gave.

    Returns
    -------
    AuditReport
        About thirty runs; draws come from the run's own seed.
    """
    settings, history = prepared.settings, prepared.history
    run = SameRun(settings=settings, description=baseline.description)
    return audit_run(
        run,
        history,
        baseline,
        np.random.default_rng(settings.run.seed),
        stresses=_stresses(run, history),
        elsewhere=partial(_digest_elsewhere, prepared, baseline.description),
    )


def _digest_elsewhere(prepared: Prepared, description: RunDescription) -> str:
    # Data travel badly and are part of what is asked: the other process reads them itself. Started afresh and not
    # forked, because a copy of this process would share what is to be told apart.
    with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_digest_of_run, prepared.text, prepared.base, prepared.folder, description).result()


def _digest_of_run(text: str, base: Path, folder: Path, description: RunDescription) -> str:
    again = prepare(text, "the configuration", base, folder)
    return result_digest(SameRun(settings=again.settings, description=description)(again.history))


def _stresses(run: SameRun, history: History) -> Mapping[str, Callable[[], RunResult]]:
    strategies = strategies_of(run.settings, history)
    configs = stressed_configs(engine_config(run.settings, strategies, history), bar_ns=_step_ns(history))
    wider = widened(history, _WIDER)
    return {name: partial(_stressed, run, wider if name == "spread" else history, c) for name, c in configs.items()}


def _stressed(run: SameRun, history: History, config: EngineConfig) -> RunResult:
    strategies = strategies_of(run.settings, history)
    return run_backtest(config, history, strategies, replace(run.description), fields=shared_fields(run.settings))


def _step_ns(history: History) -> int:
    """Return the usual distance of two chains, else the usual width of a bar, ns."""
    steps = [np.diff(chains.available_ns) for chains in history.chains]
    steps += [] if steps else [batch.end_ns - batch.start_ns for batch in history.bars]
    known = [int(np.median(step)) for step in steps if step.size]
    return min(known, default=60_000_000_000)

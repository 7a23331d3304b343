"""A configuration tried in memory, for the tests of a strategy: no folder is written and no trial is counted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np

from backtest.audit.findings import AuditFinding
from backtest.audit.invariance import audit_instants, look_ahead_canary, truncation_invariance
from backtest.results import RunResult
from cluster.backtest_settings import RunSettings
from cluster.backtests.auditing import SameRun
from cluster.backtests.reading import settings_of, text_of
from cluster.backtests.running import Prepared, description_of, prepared_of
from market.errors import ConfigError

__all__ = ["Tried", "look_ahead_findings", "tried"]

_INSTANTS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A configuration and what it gave.

    Parameters
    ----------
    prepared : Prepared
        Settings, data and strategies.
    run : SameRun
        Runs it again, over any history.
    result : RunResult
        What it gave over its own.
    """

    prepared: Prepared
    run: SameRun
    result: RunResult


def tried(config: Path, *, days: int | None = None) -> Tried:
    """Run a configuration over its first days.

    Parameters
    ----------
    config : pathlib.Path
        TOML; own strategies and relative paths are looked for in its folder.
    days : int, optional
        Calendar days from the first on, >= 1; all of them without it. It needs a first day in the configuration.

    Returns
    -------
    Tried
        Also of a run that stopped: `RunResult.stopped` says why.

    Raises
    ------
    ConfigError, DataError
        What cannot be, before anything runs.
    """
    text, folder = text_of(config), config.parent
    settings = settings_of(text, str(config), folder)
    if days is not None:
        settings = settings.model_copy(update={"run": _first_days(settings.run, days)})
    prepared = prepared_of(settings, text, folder, folder)
    run = SameRun(settings=settings, description=description_of(settings, n_trials=1))
    return Tried(prepared=prepared, run=run, result=run(prepared.history))


def _first_days(run: RunSettings, days: int) -> RunSettings:
    if run.first is None or run.last is None or days < 1:
        raise ConfigError(
            "the first days of a run cannot be told",
            found=f"from {run.first} to {run.last}, {days} days",
            expected="[run] from and to, and 1 day or more",
        )
    return run.model_copy(update={"last": min(run.last, run.first + timedelta(days=days - 1))})


def look_ahead_findings(tried: Tried) -> tuple[AuditFinding, AuditFinding]:
    """Spoil, and then cut off, all that became known after some instants; what happened before must not change.

    Parameters
    ----------
    tried : Tried
        A run with decisions.

    Returns
    -------
    tuple of AuditFinding
        `look_ahead_canary` and `truncation_invariance`; `AuditFinding.passed` is None where there was no decision to
        compare.
    """
    history, instants = tried.prepared.history, audit_instants(tried.result, _INSTANTS)
    draws = np.random.default_rng(tried.prepared.settings.run.seed)
    return (
        look_ahead_canary(tried.run, history, tried.result, instants, draws),
        truncation_invariance(tried.run, history, tried.result, instants),
    )

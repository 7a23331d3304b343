"""One run from its configuration to its folder; what cannot be is refused before anything is written."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.sql.trial_messages import Trial
from backtest.audit.running import AuditReport
from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from backtest.metrics.days import calendar_of, daily_returns
from backtest.reports.analysis import Analysis, AnalysisSettings, analyse
from backtest.reports.folder import RunFolder
from backtest.reports.writing import write_run
from backtest.results import RunDescription, RunResult
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.counting import CountedRun, begun, concluded
from cluster.backtests.origins import code_version, config_digest, environment, strategy_sources
from cluster.backtests.pulse import Pulse, pulse_of
from cluster.backtests.reading import settings_of
from cluster.backtests.wiring import (
    engine_config,
    history_of,
    periods_per_year,
    rate_source,
    shared_fields,
    strategies_of,
)
from market.clock import iso_of_ns
from market.errors import ConfigError, DataError
from strategies.views import Strategy

__all__ = [
    "CONFIG_NAME",
    "Finished",
    "Prepared",
    "description_of",
    "execute",
    "prepare",
    "prepared_of",
    "run_to_folder",
    "unused_folder",
]

CONFIG_NAME: Final = "config.toml"
"""Name of the configuration in the run folder, as it was run."""

_ATTEMPTS: Final = 20  # other runs may take a free name meanwhile
_YEAR_NS: Final = 365.0 * 86_400e9
_BASE_NAME: Final = "data_folder"
_FOLDER_NAME: Final = "strategy_folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A run that can begin.

    Parameters
    ----------
    text : str
        The configuration as it was written.
    settings : BacktestSettings
        The same, checked.
    base : pathlib.Path
        Folder that its relative paths are looked for in.
    folder : pathlib.Path
        Folder that the user's own strategies are looked for in.
    history : History
        Data.
    strategies : tuple of Strategy
        In the order in which they are asked.
    config : EngineConfig
        Settings of the engine.
    """

    text: str
    settings: BacktestSettings
    base: Path
    folder: Path
    history: History
    strategies: tuple[Strategy, ...]
    config: EngineConfig

    @property
    def span_ns(self) -> tuple[int, int]:
        """First and last instant of the run, ns since the epoch, UTC."""
        sources = self.history.sources
        first = self.config.start_ns or min((source.first_ns for source in sources), default=0)
        last = self.config.end_ns or max((source.last_ns for source in sources), default=0)
        return first, last


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A run that has ended, in its folder.

    Parameters
    ----------
    folder : pathlib.Path
        Run folder.
    result : RunResult
        What it left, also where it stopped early.
    analysis : Analysis
        Its figures.
    is_interrupted : bool
        Whether Ctrl-C stopped it.
    audit : AuditReport or None
        What the guards found; None where they were not asked.
    """

    folder: Path
    result: RunResult
    analysis: Analysis
    is_interrupted: bool = False
    audit: AuditReport | None = None


def prepare(text: str, name: str, base: Path, folder: Path | None = None) -> Prepared:
    """Check a configuration and read its data.

    Parameters
    ----------
    text : str
        Configuration, TOML.
    name : str
        What it is called in an error.
    base : pathlib.Path
        Folder that its relative paths are looked for in.
    folder : pathlib.Path, optional
        Folder that the user's own strategies are looked for in; else `base`.

    Returns
    -------
    Prepared
        Nothing has been written yet.

    Raises
    ------
    ConfigError, DataError
        What cannot be, before anything runs.
    """
    folder = base if folder is None else folder
    return prepared_of(settings_of(text, name, folder), text, base, folder)


def prepared_of(settings: BacktestSettings, text: str, base: Path, folder: Path) -> Prepared:
    """Read the data of checked settings.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration, checked.
    text : str
        The same as it was written.
    base, folder : pathlib.Path
        As `prepare`.

    Returns
    -------
    Prepared
        Nothing has been written yet.

    Raises
    ------
    ConfigError, DataError
        What cannot be, before anything runs.
    """
    history = history_of(settings, base)
    if not history.sources:
        raise DataError("the run has no data", found="no source")
    strategies = strategies_of(settings, history)
    config = engine_config(settings, strategies, history)
    return Prepared(
        text=text,
        settings=settings,
        base=base,
        folder=folder,
        history=history,
        strategies=strategies,
        config=config,
    )


def execute(prepared: Prepared, n_trials: int, pulse: Pulse) -> RunResult:
    """Run the engine.

    Parameters
    ----------
    prepared : Prepared
        The run.
    n_trials : int
        Configurations tried on its data, this one included.
    pulse : Pulse
        Follows it.

    Returns
    -------
    RunResult
        Also of a run that stopped.
    """
    return run_backtest(
        prepared.config,
        prepared.history,
        prepared.strategies,
        description_of(prepared.settings, n_trials),
        fields=shared_fields(prepared.settings),
        pulse=pulse,
    )


def description_of(settings: BacktestSettings, n_trials: int) -> RunDescription:
    """Return what a run is, as far as its settings tell; the engine names its models, data and currency itself.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.
    n_trials : int
        Configurations tried on its data, this one included.

    Returns
    -------
    RunDescription
        For the engine.
    """
    return RunDescription(
        name=settings.run.name,
        config_digest=config_digest(settings),
        code_version=code_version(),
        seed=settings.run.seed,
        fill_model="",
        slippage_model="",
        cost_model="",
        sources=(),
        simulated=False,
        n_trials=n_trials,
        currency=settings.account.currency,
        periods_per_year=periods_per_year(settings),
        provenance=tuple(settings.provenance.items()),
    )


def unused_folder(settings: BacktestSettings, out: Path | None) -> Path:
    """Return where a run goes: what is named, else ``reports/NAME`` with a number where that is taken."""
    if out is not None:
        return out
    wanted = Path("reports") / settings.run.name
    for number in range(1, 10_000):
        path = wanted if number == 1 else wanted.with_name(f"{wanted.name}-{number}")
        if not path.exists():
            return path
    raise ConfigError("every name of a run folder is taken", found=str(wanted), action="name one with --out")


def _begun_folder(settings: BacktestSettings, out: Path | None) -> RunFolder:
    for _ in range(_ATTEMPTS):
        folder = RunFolder(unused_folder(settings, out))
        try:
            folder.begin()
        except ConfigError:
            if out is not None or not folder.path.is_dir():
                raise
        else:
            return folder
    raise ConfigError("the names of run folders are taken as fast as they are found", action="name one with --out")


def run_to_folder(
    prepared: Prepared,
    out: Path | None,
    home: Path,
    *,
    quiet: bool,
    guards: Callable[[Prepared, RunResult], AuditReport] | None = None,
) -> Finished:
    """Run, reckon, and write everything into a folder.

    Parameters
    ----------
    prepared : Prepared
        The run.
    out : pathlib.Path or None
        Folder; see `unused_folder`.
    home : pathlib.Path
        State folder, where trials are counted.
    quiet : bool
        Whether no progress is shown.
    guards : callable, optional
        Asked of a run that did not stop, such as `cluster.backtests.auditing.audited`, which takes thirty runs more.

    Returns
    -------
    Finished
        Everything is on disk.
    """
    with pulse_of(*prepared.span_ns, quiet=quiet) as pulse:
        folder, counted, result, ran_s = _ran(prepared, out, home, pulse)
    audit, is_interrupted = _asked(guards, prepared, result)
    with pulse_of(0, 0, quiet=True) as writing:  # a whole folder is worth the seconds that it takes
        analysis = analyse(result, concluded(counted, result, _analysis_settings(prepared, result)))
        provenance = _provenance(prepared, counted.trial, ran_s)
        write_run(folder, result, analysis, provenance, audit=audit, with_pdf=prepared.settings.report.pdf)
    is_interrupted = is_interrupted or pulse.is_interrupted or writing.is_interrupted
    return Finished(folder=folder.path, result=result, analysis=analysis, is_interrupted=is_interrupted, audit=audit)


def _ran(
    prepared: Prepared, out: Path | None, home: Path, pulse: Pulse
) -> tuple[RunFolder, CountedRun, RunResult, float]:
    settings = prepared.settings
    folder = _begun_folder(settings, out)
    folder.put(CONFIG_NAME, prepared.text.encode())
    clock = time.perf_counter()
    counted = begun(settings, prepared.history, home)
    result = execute(prepared, counted.n_trials, pulse)
    return folder, counted, result, time.perf_counter() - clock


def _asked(
    guards: Callable[[Prepared, RunResult], AuditReport] | None, prepared: Prepared, result: RunResult
) -> tuple[AuditReport | None, bool]:
    """Return what the guards found, and whether Ctrl-C ended them: what the run itself gave is kept then."""
    if guards is None or result.stopped:
        return None, False
    try:
        return guards(prepared, result), False
    except KeyboardInterrupt:
        return None, True


def _provenance(prepared: Prepared, trial: Trial, ran_s: float) -> dict[str, Any]:
    settings = prepared.settings
    return {
        "data_digest": trial.data_digest,
        _BASE_NAME: str(prepared.base.resolve()),
        _FOLDER_NAME: str(prepared.folder.resolve()),
        "strategy_sources": strategy_sources(settings),
        "configuration": settings.model_dump(mode="json", by_alias=True),
        "began": iso_of_ns(trial.ts_event_ns),
        "run_seconds": round(ran_s, 3),
        "environment": environment(),
    }


def _analysis_settings(prepared: Prepared, result: RunResult) -> AnalysisSettings:
    report = prepared.settings.report
    return AnalysisSettings(
        risk_free=_risk_free(prepared, result), n_draws=report.bootstrap_samples, level=report.confidence
    )


def _risk_free(prepared: Prepared, result: RunResult) -> float | tuple[float, ...] | None:
    """Return the rate that ratios subtract: what is given, else what cash could earn without spread."""
    costs = prepared.settings.costs
    if costs.risk_free is not None or costs.interest is None:
        return costs.risk_free
    if costs.interest.rate is not None:
        return float(costs.interest.rate)
    source = rate_source(costs.interest, prepared.history)
    daily = daily_returns(result.curve, calendar_of(result.description.periods_per_year))
    # Known when the return began, as the interest itself is.
    began = daily.end_ns - np.rint(daily.elapsed_years * _YEAR_NS).astype(np.int64)
    return tuple(float(source.at(instant)) for instant in began.tolist())

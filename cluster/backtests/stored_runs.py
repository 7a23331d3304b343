"""Runs that lie in folders: checked, drawn again, compared, and searched for a decision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from backtest.comparison import Comparison, compare
from backtest.reports.analysis import Analysis, analyse
from backtest.reports.blocks import Report
from backtest.reports.codec import as_json, read_json
from backtest.reports.comparing import comparison_report
from backtest.reports.folder import INCOMPLETE, RunFolder
from backtest.reports.record import RECORD, read_result
from backtest.reports.writing import read_analysis_settings, read_audit, report_files
from backtest.results import RunResult
from cluster.backtests.origins import code_version
from cluster.backtests.running import CONFIG_NAME
from execution.ledger import Ledger
from market.errors import DataError, NumericsError

__all__ = ["StoredRun", "compared_runs", "draw_again", "opened_run", "provenance_of", "run_folders"]

_PROVENANCE = "provenance.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """A run read from its folder.

    Parameters
    ----------
    folder : pathlib.Path
        Run folder.
    result : RunResult
        What it left.
    analysis : Analysis
        Its figures, reckoned anew.
    """

    folder: Path
    result: RunResult
    analysis: Analysis


def run_folders(below: Path) -> Iterator[Path]:
    """Yield the folders of finished runs in a folder, that folder too, by name."""
    for path in sorted((below, *(p for p in below.rglob("*") if p.is_dir() and p.name != RECORD))):
        if (path / RECORD / "run.json").is_file() and not (path / INCOMPLETE).exists():
            yield path


def provenance_of(folder: Path) -> dict[str, Any]:
    """Return what a run's folder says of its origin, or raise DataError."""
    path = folder / _PROVENANCE
    told = read_json(path, "the origin of a run")
    if not isinstance(told, dict):
        raise DataError("the origin of a run cannot be read", path=str(path), found=type(told).__name__)
    return told


def opened_run(folder: Path) -> StoredRun:
    """Read a run, and check that its record is what was written.

    Parameters
    ----------
    folder : pathlib.Path
        Run folder.

    Returns
    -------
    StoredRun
        With its figures.

    Raises
    ------
    DataError
        The folder is none of a finished run, or its record was changed.
    NumericsError
        The ledger, booked anew, does not end where the run's did.
    """
    RunFolder(folder).require_complete()
    _check_record(folder, provenance_of(folder))
    result = read_result(folder)
    _check_ledger(result)
    return StoredRun(folder=folder, result=result, analysis=analyse(result, read_analysis_settings(folder)))


def _check_record(folder: Path, told: dict[str, Any]) -> None:
    for name, digest in told.get("files", {}).items():
        if not name.startswith(f"{RECORD}/") and name != CONFIG_NAME:
            continue
        try:
            found = sha256((folder / name).read_bytes()).hexdigest()
        except OSError as error:
            raise DataError("a file of the run is missing", path=str(folder / name), found=str(error)) from error
        if found != digest:
            raise DataError(
                "a file of the run was changed since it was written",
                path=str(folder / name),
                found=f"SHA-256 {found[:16]}",
                expected=str(digest)[:16],
                action="run it again, or bring the file back",
            )


def _check_ledger(result: RunResult) -> None:
    ledger = Ledger(result.description.currency)
    for event in result.ledger:
        ledger.book(event)
    if ledger.digest != result.ledger_digest:
        raise NumericsError(
            "the ledger, booked anew, does not end where the run's did",
            found=ledger.digest[:16],
            expected=result.ledger_digest[:16],
            action="run it again",
        )


def draw_again(run: StoredRun) -> Path:
    """Write all reports of a run anew from its record, and return its folder."""
    told = provenance_of(run.folder)
    folder = RunFolder(run.folder)
    folder.reopen()
    with_pdf = "report.pdf" in told.get("files", {})
    for name, content in report_files(run.result, run.analysis, audit=read_audit(run.folder), with_pdf=with_pdf):
        folder.put(name, content)
    told["files"] = dict(sorted((told.get("files", {}) | folder.digests).items()))
    told["drawn_by"] = code_version()
    folder.put(_PROVENANCE, as_json(told))
    folder.complete()
    return run.folder


def compared_runs(first: StoredRun, second: StoredRun) -> tuple[Comparison, Report]:
    """Compare two runs over the same data.

    Parameters
    ----------
    first, second : StoredRun
        The runs; differences are second less first.

    Returns
    -------
    tuple of (Comparison, Report)
        Figures, and the same as a report.

    Raises
    ------
    DataError
        They read other data or cover other days.
    """
    settings = first.analysis.settings
    found = compare(
        first.result,
        second.result,
        rng=np.random.default_rng(first.result.description.seed),
        risk_free=settings.rate,
        n_draws=max(settings.n_draws, 100),
        level=settings.level,
    )
    runs, figures = (first.result, second.result), (first.analysis, second.analysis)
    return found, comparison_report(_names(first, second), runs, figures, found)


def _names(first: StoredRun, second: StoredRun) -> tuple[str, str]:
    names = first.result.description.name, second.result.description.name
    if names[0] != names[1]:
        return names
    return f"{names[0]} ({first.folder.name})", f"{names[1]} ({second.folder.name})"

"""All files of a run's folder, each under the name that users and programs look for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from backtest.audit.running import AuditReport
from backtest.reports.analysis import Analysis, AnalysisSettings
from backtest.reports.codec import as_json, decoded, encoded, read_json
from backtest.reports.contents import report_of
from backtest.reports.figures import baseline_json, factors_csv, metrics_json
from backtest.reports.folder import RunFolder
from backtest.reports.lives import trade_lives_lines
from backtest.reports.page import report_as_html
from backtest.reports.paper import report_as_pdf, report_as_picture
from backtest.reports.record import RECORD, record_files
from backtest.reports.tables import decisions_log, fills_csv, trades_csv
from backtest.results import RunResult
from market.errors import DataError

__all__ = ["REPORT_FILES", "read_analysis_settings", "read_audit", "report_files", "write_run"]

REPORT_FILES: Final = (
    "trade_decisions.log",
    "trades_v2.csv",
    "fills.csv",
    "trade_lives.jsonl",
    "factor_attribution.csv",
    "metrics.json",
    "baseline_metrics.json",
    "backtest_v2_result.png",
    "tear_sheet.html",
    "report.pdf",
)
"""What is made of a run's record, and can be made of it again."""

_SETTINGS: Final = f"{RECORD}/analysis.json"
_AUDIT: Final = f"{RECORD}/audit.json"


def report_files(
    result: RunResult, analysis: Analysis, *, audit: AuditReport | None = None, with_pdf: bool = True
) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each report of a run, in the order of `REPORT_FILES`.

    Parameters
    ----------
    result : RunResult
        The run.
    analysis : Analysis
        Its figures.
    audit : AuditReport, optional
        What the guards found, where they were asked.
    with_pdf : bool
        Whether the PDF is made, which takes longest.

    Yields
    ------
    tuple of (str, bytes)
        The same run gives the same bytes.
    """
    yield "trade_decisions.log", decisions_log(result)
    yield "trades_v2.csv", trades_csv(result.trades)
    yield "fills.csv", fills_csv(result.fills)
    yield "trade_lives.jsonl", trade_lives_lines(result)
    yield "factor_attribution.csv", factors_csv(analysis.factors)
    yield "metrics.json", metrics_json(analysis)
    yield "baseline_metrics.json", baseline_json(analysis)
    report = report_of(result, analysis, audit)
    yield "backtest_v2_result.png", report_as_picture(report)
    yield "tear_sheet.html", report_as_html(report)
    if with_pdf:
        yield "report.pdf", report_as_pdf(report)


def write_run(
    folder: RunFolder,
    result: RunResult,
    analysis: Analysis,
    provenance: Mapping[str, Any],
    *,
    audit: AuditReport | None = None,
    with_pdf: bool = True,
) -> None:
    """Write the record of a run, its reports and where it came from, and take the mark of the folder away.

    Parameters
    ----------
    folder : RunFolder
        It has begun.
    result : RunResult
        The run, also one that stopped early.
    analysis : Analysis
        Its figures.
    provenance : mapping of str to Any
        What only the caller knows: versions, machine, times.
    audit, with_pdf : AuditReport, bool
        As `report_files`.
    """
    for name, content in record_files(result):
        folder.put(name, content)
    folder.put(_SETTINGS, as_json(encoded(analysis.settings)))
    if audit is not None:
        folder.put(_AUDIT, as_json(encoded(audit)))
    for name, content in report_files(result, analysis, audit=audit, with_pdf=with_pdf):
        folder.put(name, content)
    told = {
        **encoded(result.description),
        "ledger_digest": result.ledger_digest,
        "stopped": result.stopped,
        **provenance,
        "files": dict(sorted(folder.digests.items())),
    }
    folder.put("provenance.json", as_json(told))
    folder.complete()


def read_audit(folder: Path) -> AuditReport | None:
    """Return what the guards found in the run of a folder, or None where they were not asked."""
    path = folder / _AUDIT
    if not path.is_file():
        return None
    return decoded(AuditReport, read_json(path, "the audit of a run"), {})


def read_analysis_settings(folder: Path) -> AnalysisSettings:
    """Return what the figures of a run stood on.

    Parameters
    ----------
    folder : pathlib.Path
        Run folder.

    Returns
    -------
    AnalysisSettings
        As the run was analysed.

    Raises
    ------
    DataError
        The file is missing, or is not what this version wrote.
    """
    path = folder / _SETTINGS
    told = read_json(path, "the settings of a run's figures")
    try:
        rate, known = told.pop("risk_free"), tuple(told.pop("trial_sharpes", ()))
        return AnalysisSettings(risk_free=tuple(rate) if isinstance(rate, list) else rate, trial_sharpes=known, **told)
    except (AttributeError, TypeError, KeyError) as error:
        raise DataError("the settings of a run's figures cannot be read", path=str(path), found=str(error)) from error

"""The report of a run: its sections in the order in which a reader asks."""

from __future__ import annotations

from backtest.audit.running import AuditReport
from backtest.reports.account_sections import costs_section, drawdown_section, months_section, regimes_section
from backtest.reports.analysis import Analysis
from backtest.reports.attribution_sections import factors_section, greeks_section
from backtest.reports.audit_section import audit_section, audit_warnings
from backtest.reports.blocks import Report
from backtest.reports.execution_sections import alarms_section, execution_section, lives_section
from backtest.reports.origin_section import assumptions_line, origin_section
from backtest.reports.steadiness import steadiness_section
from backtest.reports.strategy_section import strategies_section
from backtest.reports.summary_section import summary_section, warnings_of
from backtest.reports.trade_sections import funnel_section, trades_section
from backtest.results import RunResult

__all__ = ["report_of"]


def report_of(result: RunResult, analysis: Analysis, audit: AuditReport | None = None) -> Report:
    """Return the report of a run.

    Parameters
    ----------
    result : RunResult
        The run.
    analysis : Analysis
        Its figures.
    audit : AuditReport, optional
        What the guards found, where they were asked.

    Returns
    -------
    Report
        For `page`, `paper` and the terminal alike.
    """
    sections = (
        summary_section(result, analysis),
        drawdown_section(result, analysis),
        months_section(analysis),
        steadiness_section(result, analysis),
        strategies_section(result, analysis),
        trades_section(result, analysis),
        lives_section(result),
        greeks_section(result, analysis),
        factors_section(analysis),
        regimes_section(result, analysis),
        execution_section(result),
        costs_section(result),
        funnel_section(result),
        alarms_section(result),
        audit_section(audit),
        origin_section(result),
    )
    return Report(
        title=result.description.name,
        assumptions=assumptions_line(result),
        is_simulated=result.description.simulated,
        warnings=(*warnings_of(result, analysis.metrics), *audit_warnings(audit)),
        sections=tuple(section for section in sections if section is not None),
    )

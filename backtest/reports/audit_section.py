"""The page of the guards: what was asked of the run, and what it answered."""

from __future__ import annotations

from backtest.audit.findings import AuditFinding
from backtest.audit.running import AuditReport
from backtest.reports.blocks import Grid, Note, Role, Section
from backtest.reports.wording import number

__all__ = ["audit_grid", "audit_section", "audit_warnings"]


def audit_section(audit: AuditReport | None) -> Section:
    """Return what the guards found, or that they were not asked."""
    if audit is None:
        return Section(title="Audit", blocks=(Note(text="The guards were not asked: run it with --audit."),))
    failed = tuple(
        Note(text=f"{finding.name} failed: {finding.text}", role=Role.WARN)
        for finding in audit.findings
        if finding.passed is False
    )
    return Section(title="Audit", blocks=(*failed, audit_grid(audit)))


def audit_grid(audit: AuditReport) -> Grid:
    """Return the guards as a table."""
    rows = tuple(
        (item.name.replace("_", " "), _verdict(item), number(item.value, 4), number(item.bound, 4), item.text)
        for item in audit.findings
    )
    return Grid(title="Audit", heads=("guard", "verdict", "value>", "bound>", "what it says"), rows=rows)


def _verdict(item: AuditFinding) -> str:
    return "told" if item.passed is None else "passed" if item.passed else "FAILED"


def audit_warnings(audit: AuditReport | None) -> tuple[str, ...]:
    """Return the guards that failed, for the head of the report."""
    failed = [] if audit is None else [item.name.replace("_", " ") for item in audit.findings if item.passed is False]
    return (f"The audit failed: {', '.join(failed)}.",) if failed else ()

"""The quality report as JSON, and as one HTML file that needs nothing from the network."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from pathlib import Path

import msgspec

from adapters.quality.findings import Finding, PartitionQuality, QualityReport, Severity
from adapters.quality.page_style import STYLE
from adapters.quality.summary import SeriesQuality, summed_findings, summed_series
from adapters.store.files import file_errors
from market.clock import iso_of_ns

__all__ = ["report_as_html", "report_as_json", "write_report"]


def report_as_json(report: QualityReport) -> bytes:
    """Return the report as JSON; shares are added to the counts."""
    partitions = [
        {
            **msgspec.to_builtins(partition),
            "findings": [{**msgspec.to_builtins(item), "share": item.share} for item in partition.findings],
        }
        for partition in report.partitions
    ]
    content = {"checked": iso_of_ns(report.ts_event_ns), "score": report.score, "partitions": partitions}
    return msgspec.json.format(msgspec.json.encode(content), indent=1)


def report_as_html(report: QualityReport) -> str:
    """Return the report as a page: totals first, then what was found, then where, the worst series first."""
    series = sorted(summed_series(report.partitions), key=lambda item: (item.score, item.kind, item.symbol))
    found = [item for item in series if item.findings]
    clean = [item for item in series if not item.findings]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Data quality</title><style>{STYLE}</style></head><body><main>",
            "<h1>Data quality</h1>",
            f"<p class=dim>Checked {escape(iso_of_ns(report.ts_event_ns)[:19])} UTC</p>",
            _totals(report, series),
            "<h2>What was found</h2>" if found else "<p>Nothing was found.</p>",
            _findings(summed_findings(item for partition in report.partitions for item in partition.findings)),
            "<h2>Where</h2>" if found else "",
            *map(_series, found),
            _clean(clean),
            "</main></body></html>",
        ]
    )


def _totals(report: QualityReport, series: list[SeriesQuality]) -> str:
    errors, warnings = (sum(item.count(severity) for item in series) for severity in (Severity.ERROR, Severity.WARNING))
    facts = [
        ("score", _score(report.score), ""),
        ("rows", f"{sum(item.n_rows for item in series):,}", ""),
        ("files", f"{sum(item.n_files for item in series):,}", ""),
        ("series", f"{len(series):,}", ""),
        ("errors", f"{errors:,}", "error" if errors else ""),
        ("warnings", f"{warnings:,}", "warning" if warnings else ""),
    ]
    simulated = sum(item.simulated for item in series)
    facts += [("simulated series", f"{simulated:,}", "warning")] if simulated else []
    cells = (f'<div><dd class="{mark}">{value}</dd><dt>{name}</dt></div>' for name, value, mark in facts)
    return f'<dl class="totals">{"".join(cells)}</dl>'


def _score(score: float) -> str:
    # Four digits, cut and not rounded: only what is perfect reads 1.
    return f"{int(score * 10_000.0) / 10_000.0:.4f}"


def _findings(findings: Iterable[Finding]) -> str:
    lines = "".join(
        f'<li><span class="pill {item.severity}">{item.severity}</span><b>{escape(item.check)}</b>'
        f'<span class="n">{item.count:,} <i>of {item.n_checked:,}, {_share(item.share)}</i></span>'
        f"<span class=reason>{escape(item.reason)}{_examples(item)}</span></li>"
        for item in findings
    )
    return f"<ul class=findings>{lines}</ul>" if lines else ""


def _share(share: float) -> str:
    return f"{share:.2%}" if share >= 5e-5 or not share else "below 0.01%"


def _examples(item: Finding) -> str:
    lines = "".join(f"<li>{escape(words)}</li>" for words in item.examples)
    return f"<details class=examples><summary>examples</summary><ul>{lines}</ul></details>" if lines else ""


def _series(series: SeriesQuality) -> str:
    counts = "".join(
        f'<span class="pill {severity}">{series.count(severity):,} {severity}s</span>'
        for severity in (Severity.ERROR, Severity.WARNING)
        if series.count(severity)
    )
    mark = '<span class="pill warning">simulated</span>' if series.simulated else ""
    places = "".join(map(_place, series.partitions))
    n_places = len(series.partitions)
    where = f"<details class=places><summary>{n_places:,} places</summary><ul>{places}</ul></details>"
    return (
        f"<details class=series><summary><span class=name><b>{escape(series.symbol)}</b> {escape(series.kind)} "
        f"<i>{escape(series.source)}</i>{mark}</span><span class=counts>{counts}</span>"
        f'<meter min=0 max=1 low=.9 high=.99 optimum=1 value="{series.score:.6f}"></meter>'
        f"<span class=score>{_score(series.score)}</span></summary>"
        f"<p class=dim>{series.n_rows:,} rows in {series.n_files:,} files</p>"
        f"{_findings(series.findings)}{where if n_places > 1 else ''}</details>"
    )


def _place(partition: PartitionQuality) -> str:
    told = ", ".join(f"{item.check} {item.count:,}" for item in partition.findings)
    period = partition.period.partition("=")[2] or "whole series"
    return f"<li><b>{escape(period)}</b> <span class=n>{_score(partition.score)}</span> {escape(told)}</li>"


def _clean(series: list[SeriesQuality]) -> str:
    if not series:
        return ""
    names = "".join(f"<li><b>{escape(s.symbol)}</b> {escape(s.kind)} <i>{escape(s.source)}</i></li>" for s in series)
    head = f"{len(series):,} series in which nothing was found"
    return f"<details class=clean><summary>{head}</summary><ul>{names}</ul></details>"


def write_report(report: QualityReport, folder: Path) -> tuple[Path, Path]:
    """Write ``quality.html`` and ``quality.json`` into a folder.

    Parameters
    ----------
    report : QualityReport
        The report.
    folder : Path
        Made where it is missing.

    Returns
    -------
    tuple of Path
        Both files; neither names anything outside of itself.
    """
    page, data = folder / "quality.html", folder / "quality.json"
    with file_errors(str(folder)):
        folder.mkdir(parents=True, exist_ok=True)
        page.write_text(report_as_html(report), encoding="utf-8")
        data.write_bytes(report_as_json(report))
    return page, data

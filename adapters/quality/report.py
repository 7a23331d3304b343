"""The quality report as JSON, and as one HTML file that needs nothing from the network."""

from __future__ import annotations

from html import escape
from pathlib import Path

import msgspec

from adapters.quality.findings import Finding, PartitionQuality, QualityReport, Severity
from adapters.store.files import file_errors
from market.clock import iso_of_ns

__all__ = ["report_as_html", "report_as_json", "write_report"]

_STYLE = """
:root { color-scheme: light dark; --line: #8885; --bad: #c0392b; --warn: #b9770e; --info: #5d6d7e; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .6rem; text-align: left; vertical-align: top; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.error { color: var(--bad); } .warning { color: var(--warn); } .info { color: var(--info); }
details { margin: .2rem 0; } summary { cursor: pointer; } code { font-size: .85em; overflow-wrap: anywhere; }
"""


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
    """Return the report as a page: totals first, then what was found where, worst first."""
    rows = sum(p.n_rows for p in report.partitions if p.path)
    files = sum(1 for p in report.partitions if p.path)
    found = [p for p in report.partitions if p.findings]
    head = f"Checked {iso_of_ns(report.ts_event_ns)}: {files:,} files, {rows:,} rows, score {report.score:.3f}."
    worst = sorted(found, key=lambda p: (p.score, p.kind, p.symbol, p.period))
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>Data quality</title><style>{_STYLE}</style></head><body>",
            "<h1>Data quality</h1>",
            f"<p>{escape(head)}</p>",
            _totals(report),
            "<h2>Where</h2>" if worst else "<p>Nothing was found.</p>",
            *(_partition(partition) for partition in worst),
            "</body></html>",
        ]
    )


def _totals(report: QualityReport) -> str:
    order = list(Severity)[::-1]
    items = sorted(report.counts().items(), key=lambda item: (order.index(item[0][1]), -item[1]))
    lines = [
        f'<tr><td>{check}</td><td class="{severity}">{severity}</td><td class="n">{count:,}</td></tr>'
        for (check, severity), count in items
    ]
    head = '<tr><th>check</th><th>severity</th><th class="n">found</th></tr>'
    return f"<table>{head}{''.join(lines)}</table>" if lines else ""


def _partition(partition: PartitionQuality) -> str:
    title = f"{partition.kind} {partition.symbol} {partition.period} ({partition.source})"
    mark = ", simulated" if partition.simulated else ""
    head = '<tr><th>check</th><th class="n">count</th><th class="n">share</th><th>reason</th></tr>'
    lines = "".join(_line(item) for item in partition.findings)
    return (
        f"<details><summary>{escape(title)}: score {partition.score:.3f}, {partition.n_rows:,} rows{mark}</summary>"
        f"<table>{head}{lines}</table></details>"
    )


def _line(item: Finding) -> str:
    examples = "".join(f"<br><code>{escape(words)}</code>" for words in item.examples)
    return (
        f'<tr><td class="{item.severity}">{item.check}</td><td class="n">{item.count:,}</td>'
        f'<td class="n">{item.share:.2%}</td><td>{escape(item.reason)}{examples}</td></tr>'
    )


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

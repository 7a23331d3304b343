"""A report as one HTML file: it opens without a network, and runs nothing but its own few lines."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from html import escape

from backtest.reports.blocks import Report, Section
from backtest.reports.page_blocks import block_as_html
from backtest.reports.page_look import ICON, SCRIPT, STYLE

__all__ = ["report_as_html"]


def report_as_html(report: Report) -> bytes:
    """Return a report as a page.

    Parameters
    ----------
    report : Report
        The report.

    Returns
    -------
    bytes
        UTF-8. Its policy lets nothing be loaded, sent or run that does not stand in it.
    """
    mark = '<span class="sim">SIMULATED</span>' if report.is_simulated else ""
    title = f"{'SIMULATED · ' if report.is_simulated else ''}{report.title}"
    allowed = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{allowed}'"
    alerts = "".join(f'<div class="alert" role="note">{escape(text)}</div>' for text in report.warnings)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<link rel="icon" href="{ICON}"><title>{escape(title)}</title><style>{STYLE}</style></head><body>',
        f'<div class="assume">{escape(report.assumptions)}</div>',
        f"<main><header><h1>{escape(report.title)}</h1>{mark}</header>{alerts}",
        *map(_section, report.sections),
        "<footer>A backtest tells what would have happened under its assumptions. It promises nothing.</footer>",
        f"</main><script>{SCRIPT}</script></body></html>\n",
    ]
    return "\n".join(parts).encode()


def _section(section: Section) -> str:
    blocks = "".join(map(block_as_html, section.blocks))
    return f"<section><h2>{escape(section.title)}</h2>{blocks}</section>"

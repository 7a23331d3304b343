"""A report as one HTML file: it opens without a network, and runs nothing but its own few lines."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256
from html import escape

from backtest.reports.blocks import Report
from backtest.reports.page_blocks import block_as_html
from backtest.reports.page_look import ICON, SCRIPT, STYLE

__all__ = ["page_of", "report_as_html"]


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
    return page_of(
        report, [(section.title, "".join(map(block_as_html, section.blocks))) for section in report.sections]
    )


def page_of(report: Report, sections: Iterable[tuple[str, str]]) -> bytes:
    """Return a page with the head of a report and sections that are HTML already.

    Parameters
    ----------
    report : Report
        Title, assumptions, warnings and mark; its own sections are left out.
    sections : iterable of (str, str)
        Title and HTML of each.

    Returns
    -------
    bytes
        As `report_as_html`.
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
        *(f"<section><h2>{escape(heading)}</h2>{body}</section>" for heading, body in sections),
        "<footer>A backtest tells what would have happened under its assumptions. It promises nothing.</footer>",
        f"</main><script>{SCRIPT}</script></body></html>\n",
    ]
    return "\n".join(parts).encode()

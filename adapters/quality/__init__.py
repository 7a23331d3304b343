"""Quality gates: what is wrong with stored data, how often and why, and how far they can be trusted.

Examples
--------
>>> from pathlib import Path
>>> from adapters.quality import check_store, write_report
>>> from adapters.store import open_store
>>> report = check_store(open_store("data/store"))  # doctest: +SKIP
>>> page, data = write_report(report, Path("report"))  # doctest: +SKIP
"""

from __future__ import annotations

from adapters.quality.announcement_checks import check_events, check_news
from adapters.quality.book_checks import check_books
from adapters.quality.chain_checks import check_chain, check_open_interest
from adapters.quality.checker import check_segment, check_store, quality_of
from adapters.quality.findings import Check, Finding, PartitionQuality, QualityReport, Severity, score_of
from adapters.quality.report import report_as_html, report_as_json, write_report
from adapters.quality.series_checks import SessionFacts, check_series
from adapters.quality.table_checks import check_table
from adapters.quality.tick_checks import check_quotes, check_trades

__all__ = [
    "Check",
    "Finding",
    "PartitionQuality",
    "QualityReport",
    "SessionFacts",
    "Severity",
    "check_books",
    "check_chain",
    "check_events",
    "check_news",
    "check_open_interest",
    "check_quotes",
    "check_segment",
    "check_series",
    "check_store",
    "check_table",
    "check_trades",
    "quality_of",
    "report_as_html",
    "report_as_json",
    "score_of",
    "write_report",
]

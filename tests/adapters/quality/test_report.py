"""The page of the quality report: worst first, every finding with its reason, nothing that a name could inject."""

from __future__ import annotations

from dataclasses import replace

import pytest

from adapters.quality import Check, Finding, PartitionQuality, QualityReport, Severity, report_as_html, score_of
from adapters.quality.summary import summed_series

_BAD = Finding(
    check=Check.OHLC, severity=Severity.ERROR, count=3, n_checked=100, reason="high < low", examples=("<b>12:00</b>",)
)
_ODD = Finding(check=Check.WICK, severity=Severity.WARNING, count=1, n_checked=100, reason="far off")


def _part(symbol: str, period: str, *findings: Finding, simulated: bool = False) -> PartitionQuality:
    return PartitionQuality(
        kind="bars",
        symbol=symbol,
        source="vendor",
        period=period,
        path="" if period == "series" else f"{symbol}/{period}",
        n_rows=100,
        score=score_of(findings),
        simulated=simulated,
        findings=findings,
    )


def report() -> QualityReport:
    """Return three series: one clean, one with a warning, one with errors in two files."""
    parts = (
        _part("GOOD", "day=2024-01-02"),
        _part("ODD", "day=2024-01-02", _ODD, simulated=True),
        _part("BAD<script>", "day=2024-01-02", _BAD),
        _part("BAD<script>", "day=2024-01-03", replace(_BAD, count=7), _ODD),
        _part("BAD<script>", "series", _ODD),
    )
    return QualityReport(ts_event_ns=1_704_240_000_000_000_000, partitions=parts)


def test_findings_of_the_files_of_a_series_are_summed() -> None:
    """Counts add up, the score is that of the rows, and what spans files has no rows of its own."""
    bad, good, odd = summed_series(report().partitions)
    assert [(item.symbol, item.n_files, item.n_rows) for item in (bad, good, odd)] == [
        ("BAD<script>", 2, 200),
        ("GOOD", 1, 100),
        ("ODD", 1, 100),
    ]
    assert [(item.check, item.count, item.n_checked) for item in bad.findings] == [
        (Check.OHLC, 10, 200),
        (Check.WICK, 2, 200),
    ]
    assert (bad.count(Severity.ERROR), good.findings, good.score, odd.simulated) == (10, (), 1.0, True)
    assert bad.score == pytest.approx((0.97 + 0.93 * 0.995) / 2)
    assert [partition.period for partition in bad.partitions] == ["day=2024-01-03", "day=2024-01-02", "series"]


def test_the_page_names_the_worst_first_and_the_clean_last() -> None:
    """A simulated series says so."""
    page = report_as_html(report())
    places = [page.index(f"<b>{name}</b>") for name in ("BAD&lt;script&gt;", "ODD", "GOOD")]
    assert places == sorted(places)
    assert page.count('<span class="pill warning">simulated</span>') == 1
    assert "10 errors" in page
    assert "1 series in which nothing was found" in page


def test_no_name_or_example_becomes_markup() -> None:
    """They come from files of strangers."""
    page = report_as_html(report())
    assert "<script>" not in page
    assert "<b>12:00</b>" not in page
    assert "high &lt; low" in page


def test_a_report_without_findings_says_so() -> None:
    """And without data too."""
    assert "Nothing was found." in report_as_html(QualityReport(ts_event_ns=0, partitions=()))

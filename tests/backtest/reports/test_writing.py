"""All reports of a run: their names, their marks, nothing from elsewhere, and no score that stands alone."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser

import pytest

from backtest.reports.analysis import Analysis, AnalysisSettings, analyse
from backtest.reports.blocks import Facts, Report
from backtest.reports.contents import report_of
from backtest.reports.folder import INCOMPLETE, RunFolder
from backtest.reports.page import report_as_html
from backtest.reports.paper import pages_of
from backtest.reports.record import read_result
from backtest.reports.writing import REPORT_FILES, read_analysis_settings, report_files, write_run
from backtest.results import RunResult
from tests.backtest.reports.samples import named, sample_run

_SETTINGS = AnalysisSettings(risk_free=0.05, n_draws=200)


@cache
def _analysis() -> Analysis:
    return analyse(sample_run(), _SETTINGS)


def _report(result: RunResult) -> Report:
    return report_of(result, _analysis())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Write one run; tests only read what it left."""
    written = RunFolder(tmp_path_factory.mktemp("reports") / "run")
    written.begin()
    write_run(written, sample_run(), _analysis(), {"machine": "a test"})
    return written


def test_a_run_leaves_these_files(folder: RunFolder) -> None:
    """Programs of users look for these names, and the mark of an unfinished run is gone."""
    found = {path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file()}
    record = {"run.json", "analysis.json", "instruments.jsonl", "curve.parquet", "greeks.parquet"}
    record |= {"package_greeks.parquet", "views.parquet", "fill_quotes.jsonl"}
    record |= {f"{name}.jsonl" for name in ("ledger", "orders", "trades", "decisions")}
    assert found == {*REPORT_FILES, "provenance.json", *(f"record/{name}" for name in record)}
    assert INCOMPLETE not in found
    told = json.loads((folder.path / "provenance.json").read_bytes())
    assert (told["n_trials"], told["simulated"], told["machine"]) == (3, True, "a test")
    assert set(told["files"]) == found - {"provenance.json"}


def test_reports_are_made_again_byte_by_byte(folder: RunFolder) -> None:
    """What is drawn from the record is what was drawn from the run."""
    result = read_result(folder.path)
    again = dict(report_files(result, analyse(result, read_analysis_settings(folder.path))))
    assert [name for name in REPORT_FILES if (folder.path / name).read_bytes() != again[name]] == []


class _Loads(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.found += [str(told[name]) for name in ("src", "href", "data", "action") if name in told]
        self.found += [name for name in told if name.startswith("on")]
        assert tag not in {"iframe", "object", "embed", "base", "form", "img"}


def test_the_page_loads_nothing() -> None:
    """It opens without a network: its one link is the icon that stands in it."""
    page = report_as_html(_report(sample_run())).decode()
    reader = _Loads()
    reader.feed(page)
    assert [text[:19] for text in reader.found] == ["data:image/svg+xml,"]
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'" in page


def test_no_name_becomes_markup() -> None:
    """Names of runs, strategies and files are words, whatever stands in them."""
    evil = "<script>alert(1)</script>\"'&"
    result = named(sample_run(stopped=evil), evil)
    trade = replace(result.trades[0], strategy=evil, exit_reason=evil)
    result = replace(result, trades=(trade,), funnel={evil: {evil: (2, 1)}}, regimes={evil: ((0, evil),)})
    page = report_as_html(report_of(result, analyse(result, _SETTINGS))).decode()
    assert page.count("<script") == 1
    assert "alert(1)</script>" not in page


def test_every_page_carries_assumptions_and_the_mark() -> None:
    """Whoever tears out a page still holds how it was filled, and that it is simulated."""
    for simulated in (True, False):
        report = _report(sample_run(simulated=simulated))
        pages = pages_of(report)
        words = [[text.get_text() for text in page.texts] for page in pages]
        told = {text.removeprefix("SIMULATED  ·  ") for each in words for text in each}
        heads = {text.removeprefix(f"{report.title}  ·  ") for text in told}
        assert {section.title for section in report.sections} <= heads
        assert all(told[0].startswith("Fills: cross the spread. Slippage: none.") for told in words)
        assert all(told[1].startswith("SIMULATED") is simulated for told in words)
        assert ("SIMULATED" in report_as_html(report).decode()) is simulated


def test_no_score_stands_alone() -> None:
    """A share of wins has pay-off and worst loss in the same fact; a ratio its trials; a missing one its reason."""
    blocks = _report(sample_run()).sections[0].blocks
    facts = next(block for block in blocks if isinstance(block, Facts)).items
    (wins,) = [fact for fact in facts if "Win rate" in fact.name]
    assert wins.name == "Win rate, pay-off, worst loss"
    assert "95" in wins.note
    (sharpe,) = [fact for fact in facts if fact.name.startswith("Sharpe")]
    assert (sharpe.text, "returns" in sharpe.note) == ("–", True)


def test_a_stopped_run_says_so_first() -> None:
    """The reason stands above every figure, and in the log."""
    result = sample_run(stopped="a strategy raised")
    assert "a strategy raised" in _report(result).warnings[0]
    assert (
        b"# stopped: a strategy raised"
        in dict(report_files(result, _analysis(), with_pdf=False))["trade_decisions.log"]
    )


def test_metrics_tell_null_with_a_reason() -> None:
    """A program reads null where a person reads a dash, and why."""
    files = dict(report_files(sample_run(), _analysis(), with_pdf=False))
    told = json.loads(files["metrics.json"])
    assert told["metrics"]["sharpe"] is None
    assert "returns" in told["metrics"]["reasons"]["sharpe"]
    base = json.loads(files["baseline_metrics.json"])
    assert (base["n_trades"], base["win_rate"], base["sharpe"]) == (1, 1.0, None)
    assert set(base["reasons"]) == {name for name, value in base.items() if value is None}

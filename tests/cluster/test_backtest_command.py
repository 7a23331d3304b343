"""A backtest as a user sees it: from a file to a folder, drawn again, compared, and each decision made again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from backtest.audit.running import AuditReport
from backtest.reports.analysis import Analysis, analyse
from backtest.reports.folder import INCOMPLETE
from backtest.reports.writing import REPORT_FILES
from backtest.results import RunResult
from cluster.backtests.explaining import find_decision
from cluster.backtests.origins import same_code, sources_that_differ
from cluster.backtests.running import Finished, Prepared, prepare, run_to_folder
from cluster.backtests.stored_runs import opened_run
from market.errors import ConfigError, DataError
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.reports.samples import description
from tests.cluster.run_numbers import check_numbers
from tests.cluster.stores import ROOT, called, run

_CONFIG = """\
[run]
name = "small"
from = 2025-06-02
to = 2025-06-02

[data.simulated]
market = "demo"
symbols = ["SIM.SPX"]
step_min = 30

[[strategies]]
kind = "zero_dte_condor"
parameters = { underlying = "SIM.SPX", max_chain_age_s = 3600.0, order_life_s = 7200.0 }

[benchmark]
symbol = "SIM.SPX"

[report]
bootstrap_samples = 100
"""


# The same run without its PDF, which takes longest, where it is not what a test is about.
_PLAIN = f"{_CONFIG}pdf = false\n"

_Told = tuple[int, str, str]
_Command = Callable[..., _Told]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bench:
    """One run of the command, and the home whose cache holds its market."""

    home: Path
    config: Path
    folder: Path
    told: dict[str, object]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> _Bench:
    """Run the command once; every test reads what it left."""
    place = tmp_path_factory.mktemp("bench")
    config = place / "small.toml"
    config.write_text(_CONFIG, encoding="utf-8")
    done = run(place / "home", "backtest", str(config), "--out", str(place / "run"), "--json")
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return _Bench(home=place / "home", config=config, folder=place / "run", told=json.loads(done.stdout))


@pytest.fixture
def command(bench: _Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> _Command:
    """Return the command in this process, another than that of the run: exit code, output, complaint."""
    return partial(called, monkeypatch, capsys, bench.home)


@pytest.fixture
def prepared(bench: _Bench, monkeypatch: pytest.MonkeyPatch) -> Prepared:
    """Return the same run, ready to begin in this process."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(bench.home))
    return prepare(_PLAIN, "small.toml", bench.config.parent)


def test_the_folder_holds_the_files_that_users_look_for(bench: _Bench) -> None:
    """Names are a contract; each data file says that it is simulated."""
    found = {path.name for path in bench.folder.iterdir()}
    assert found == {*REPORT_FILES, "config.toml", "provenance.json", "record"}
    assert (bench.folder / "config.toml").read_text(encoding="utf-8") == _CONFIG
    told = json.loads((bench.folder / "provenance.json").read_bytes())
    assert (told["simulated"], told["n_trials"], told["seed"]) == (True, 1, 7)
    assert {source["name"] for source in told["sources"]} == {"SIM.SPX chains", "SIM.SPX bars"}
    assert (bench.folder / "trade_decisions.log").read_text(encoding="utf-8").startswith("# SIMULATED DATA  run small")


def test_the_json_object_is_a_contract(bench: _Bench) -> None:
    """Programs read these keys, and a missing figure is null with its reason."""
    told = bench.told
    names = {
        "run",
        "name",
        "simulated",
        "stopped",
        "currency",
        "n_views",
        "n_decisions",
        "n_fills",
        "n_trades",
        "n_open",
    }
    names |= {"n_trials", "ledger_digest", "config_digest", "code_version", "audit", "metrics"}
    assert told.keys() == names | {"fill_model", "slippage_model", "cost_model"}
    metrics = told["metrics"]
    assert isinstance(metrics, dict)
    assert metrics["sharpe"] is None
    assert "sharpe" in metrics["reasons"]
    assert told["n_views"] == 14


def test_reports_are_drawn_again_byte_by_byte(bench: _Bench, command: _Command) -> None:
    """The record is enough: whatever was drawn from the run is drawn from its folder."""
    before = {name: (bench.folder / name).read_bytes() for name in REPORT_FILES}
    (bench.folder / "tear_sheet.html").unlink()
    code, told, complaint = command("report", str(bench.folder))
    assert (code, complaint) == (0, "")
    assert "booked anew to the same digest" in told
    assert [name for name in REPORT_FILES if (bench.folder / name).read_bytes() != before[name]] == []


def test_a_decision_is_made_again_bit_for_bit(bench: _Bench, command: _Command) -> None:
    """The run's own configuration, up to the instant, gives the same bytes; a part of the id is enough."""
    line = (bench.folder / "record" / "decisions.jsonl").read_text(encoding="utf-8").splitlines()[0]
    recorded = json.loads(line)
    code, told, complaint = command("explain", recorded["decision_id"][:10], "--runs", str(bench.folder.parent))
    assert code == 0, complaint
    assert f"bit for bit equal (SHA-256 {recorded['digest']})" in told
    assert "size_at_least_one" in told


def test_of_several_runs_that_made_a_decision_the_newest_is_explained(bench: _Bench, tmp_path: Path) -> None:
    """A run made anew has the code that stands; the older one's may be gone."""
    line = (bench.folder / "record" / "decisions.jsonl").read_text(encoding="utf-8").splitlines()[0]
    for name, age_s in (("a", 100), ("b", 0), ("c", 200)):
        shutil.copytree(bench.folder, tmp_path / name)
        os.utime(tmp_path / name, times=(1e9 - age_s, 1e9 - age_s))
    assert find_decision(json.loads(line)["decision_id"], tmp_path).folder == tmp_path / "b"


def test_the_numbers_of_all_files_agree(bench: _Bench) -> None:
    """Options that were settled too: CSV files, ledger, page and terminal tell one story."""
    done = run(bench.home, "report", str(bench.folder))
    check_numbers(bench.folder, done.stdout)


def _interrupted(_prepared: Prepared, _result: RunResult) -> AuditReport:
    signal.raise_signal(signal.SIGINT)
    pytest.fail("the signal was lost")


def test_ctrl_c_while_guards_are_asked_keeps_the_run(prepared: Prepared, bench: _Bench, tmp_path: Path) -> None:
    """The run itself had ended: its folder is whole, without an audit."""
    found = run_to_folder(
        prepared,
        tmp_path / "run",
        bench.home,
        quiet=True,
        guards=_interrupted,
    )
    assert (found.is_interrupted, found.audit, found.result.stopped) == (True, None, "")
    assert not (tmp_path / "run" / INCOMPLETE).exists()
    assert opened_run(tmp_path / "run").result.ledger_digest == found.result.ledger_digest


def test_ctrl_c_while_files_are_written_leaves_them_whole(
    prepared: Prepared, bench: _Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is worth the seconds that its files take; the exit code tells of the signal all the same."""
    from cluster.backtests import running

    def analysed(*arguments: Any) -> Analysis:
        signal.raise_signal(signal.SIGINT)
        return analyse(*arguments)

    monkeypatch.setattr(running, "analyse", analysed)
    found = run_to_folder(prepared, tmp_path / "run", bench.home, quiet=True)
    assert (found.is_interrupted, found.result.stopped) == (True, "")
    assert not (tmp_path / "run" / INCOMPLETE).exists()


def test_two_runs_are_held_against_each_other(bench: _Bench, command: _Command, tmp_path: Path) -> None:
    """A run against its like differs by nothing, and the page stands where it is asked for."""
    page = tmp_path / "page.html"
    code, out, complaint = command("report", str(bench.folder), str(bench.folder), "--out", str(page), "--json")
    assert (code, complaint) == (0, "")
    told = json.loads(out)
    assert (told["n_days"], told["difference"], told["simulated"]) == (1, [0.0], True)
    assert "SIMULATED" in page.read_text(encoding="utf-8")


def test_a_changed_record_is_refused_with_its_name(bench: _Bench, command: _Command, tmp_path: Path) -> None:
    """What was written is what is drawn, or nothing is."""
    copy = tmp_path / "copy"
    shutil.copytree(bench.folder, copy)
    ledger = copy / "record" / "ledger.jsonl"
    ledger.write_text(
        ledger.read_text(encoding="utf-8").replace("1E+5", "2E+5").replace("100000", "200000"), encoding="utf-8"
    )
    code, _, complaint = command("report", str(copy))
    assert code == 1
    assert "ledger.jsonl: a file of the run was changed" in complaint


class _Raises:
    name = "raises"

    def __init__(self, at: int, act: object = None) -> None:
        self._left, self._act = at, act

    def decide(self, view: View) -> Decision:
        self._left -= 1
        if self._left == 0:
            if callable(self._act):
                self._act()
            else:
                raise ZeroDivisionError(f"at {view.now_ns}")
        return HOLD


def _finished(prepared: Prepared, bench: _Bench, out: Path, strategy: _Raises) -> Finished:
    return run_to_folder(replace(prepared, strategies=(strategy,)), out, bench.home, quiet=True)


def test_a_raising_strategy_leaves_what_happened_until_then(prepared: Prepared, bench: _Bench, tmp_path: Path) -> None:
    """The folder is whole, says first why it stopped, and can be opened."""
    found = _finished(prepared, bench, tmp_path / "run", _Raises(5))
    assert "strategy raises raised" in found.result.stopped
    assert "(test_backtest_command.py, line " in found.result.stopped
    assert found.result.n_views == 5
    assert "ZeroDivisionError" in (tmp_path / "run" / "tear_sheet.html").read_text(encoding="utf-8")
    assert opened_run(tmp_path / "run").result.stopped == found.result.stopped


def test_ctrl_c_stops_between_two_instants(prepared: Prepared, bench: _Bench, tmp_path: Path) -> None:
    """The signal is taken, the instant ends, the folder is whole, and the old handler stands again."""
    before = signal.getsignal(signal.SIGINT)
    found = _finished(prepared, bench, tmp_path / "run", _Raises(5, lambda: signal.raise_signal(signal.SIGINT)))
    assert (found.is_interrupted, found.result.n_views) == (True, 5)
    assert found.result.stopped.startswith("interrupted behind 2025-06-02T")
    assert not (tmp_path / "run" / INCOMPLETE).exists()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_killed_run_says_that_it_is_incomplete(bench: _Bench, tmp_path: Path) -> None:
    """After kill -9 the mark stands in the folder, and nothing is drawn of it."""
    script = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom dataclasses import replace\n"
        "from cluster.backtests.running import prepare, run_to_folder\n"
        "from tests.cluster.test_backtest_command import _PLAIN, _Raises\n"
        "kill = _Raises(5, lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "ready = replace(prepare(_PLAIN, 'small.toml', Path('.')), strategies=(kill,))\n"
        "run_to_folder(ready, Path(sys.argv[1]), Path(sys.argv[2]), quiet=True)\n"
    )
    environment = os.environ | {"HEDGEFIELD_HOME": str(bench.home)}
    words = [sys.executable, "-c", script, str(tmp_path / "run"), str(bench.home)]
    killed = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, timeout=280, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert (tmp_path / "run" / INCOMPLETE).is_file()
    with pytest.raises(DataError, match="did not end, or was killed"):
        opened_run(tmp_path / "run")


def test_a_bad_configuration_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A message with place, found and expected; exit code 2, no folder, no trial."""
    config, home = tmp_path / "bad.toml", tmp_path / "home"
    config.write_text(_CONFIG.replace("market =", "markt ="), encoding="utf-8")
    code, told, complaint = called(
        monkeypatch, capsys, home, "backtest", str(config), "--out", str(tmp_path / "run"), "--json"
    )
    assert (code, told) == (2, "")
    assert "line 7: there is no [data.simulated] markt; found markt; expected market?" in complaint
    assert not (tmp_path / "run").exists()
    assert not (home / "trials.sqlite").exists()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('symbols = ["SIM.SPX"]', 'symbols = ["SPX"]', "the simulated market has no such symbol; found SPX"),
        ('symbol = "SIM.SPX"\n', 'symbol = "SPY"\n', "the benchmark is not in the data; found SPY"),
        ("to = 2025-06-02", "", "a run has one of its dates"),
        ('market = "demo"', 'market = "demos"', "there is no such simulated market; found demos"),
        ("[report]", '[costs]\ninterest = { series = "X" }\n[report]', "series of the interest is not in the data"),
    ],
)
def test_what_the_data_do_not_have_is_refused(
    bench: _Bench, monkeypatch: pytest.MonkeyPatch, old: str, new: str, words: str
) -> None:
    """Symbols, dates, markets and series are held against the data before anything runs."""
    assert old in _CONFIG
    monkeypatch.setenv("HEDGEFIELD_HOME", str(bench.home))
    with pytest.raises(ConfigError, match=words):
        prepare(_CONFIG.replace(old, new, 1), "bad.toml", bench.config.parent)


def test_an_occupied_folder_and_a_missing_id_are_refused(bench: _Bench, command: _Command, tmp_path: Path) -> None:
    """An earlier run is never overwritten; a decision that is nowhere is told where it was looked for."""
    code, _, complaint = command("backtest", str(bench.config), "--out", str(bench.folder), "--json")
    assert (code, "the run folder is not empty" in complaint) == (2, True)
    code, _, complaint = command("explain", "0123456789", "--runs", str(tmp_path))
    assert (code, "there is no such decision" in complaint) == (1, True)


def test_other_code_and_other_data_are_named() -> None:
    """A decision is compared only where both stand as they stood."""
    assert same_code("0.1.0 commit a sources 12", "0.1.0 commit b sources 12")
    assert not same_code("0.1.0 commit a sources 12", "0.1.0 commit a sources 13")
    (source,) = description().sources
    assert sources_that_differ((source,), (source,)) == []
    assert sources_that_differ((source,), (replace(source, digest="00" * 32),)) == [
        f"SPX chains: {'ab' * 8} then, {'00' * 8} now"
    ]
    assert sources_that_differ((source,), ()) == ["SPX chains: it is not read now"]


@pytest.mark.slow
def test_the_guards_pass_an_honest_run(prepared: Prepared, bench: _Bench, tmp_path: Path) -> None:
    """Look-ahead, truncation, order of rows and another process change nothing; the report has a page of it."""
    from cluster.backtests.auditing import audited

    found = run_to_folder(prepared, tmp_path / "run", bench.home, quiet=True, guards=audited)
    assert found.audit is not None
    verdicts = {finding.name: finding.passed for finding in found.audit.findings}
    guards = ("determinism", "row_order_invariance", "truncation_invariance", "look_ahead_canary")
    assert {verdicts[name] for name in guards} == {True}
    assert found.audit.passed
    assert "look ahead canary" in (tmp_path / "run" / "tear_sheet.html").read_text(encoding="utf-8")

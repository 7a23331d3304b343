"""`hedgefield data get` as a user sees it, against emulated vendors: summary, cuts, dates, keys, JSON."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

pytest.importorskip("alpaca")
pytest.importorskip("massive")

from adapters.emulated import Fault, FaultKind
from adapters.store import DataKind, open_store
from tests.adapters.downloads.venues import KEYS, SYMBOL, coins, shares
from tests.cluster.stores import called, content, ended_after, run

_SLOW = Fault(kind=FaultKind.SLOW, path="/api/v3/klines", delay_s=0.25, times=0)
_BARS = ["data", "get", "ccxt:binance", "--kind", "bars", "--symbol", "BTC/USDT"]


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("venue", "kind", "symbol", "n_rows"),
    [
        ("alpaca", "bars", SYMBOL, 4),
        ("polygon", "trades", SYMBOL, 148),
        ("thetadata", "chains", SYMBOL, 480),
    ],
)
def test_a_vendor_s_days_come_in_with_a_summary_of_gaps(
    tmp_path: Path, venue: str, kind: str, symbol: str, n_rows: int
) -> None:
    """The second call finds all of it done; a weekend is no gap, a session without rows is."""
    with shares(venue) as server:
        arguments = ["data", "get", venue, "--kind", kind, "--symbol", symbol, "--from", "2025-05-31", "--to"]
        arguments += ["2025-06-03", "--base-url", server.url, "--requests-per-min", "100000"]
        done = run(tmp_path, *arguments, "--json")
        assert done.returncode == 0, done.stderr
        first, second, total = map(json.loads, done.stdout.splitlines())
        again = run(tmp_path, *arguments)
    assert (first["status"], first["rows"], first["from"]) == ("written", n_rows, "2025-06-02")
    assert (second["status"], second["rows"]) == ("empty", 0)
    assert (total["rows"], total["status"]) == (n_rows, {"written": 1, "empty": 1})
    assert total["requests"] >= 2
    assert total["days_without_rows"] == {f"{kind} {symbol}": ["2025-06-03"]}
    assert "2 tasks (2 present): 0 rows" in again.stdout
    assert f"gaps: {kind} {symbol} has no rows on 2025-06-03" in again.stdout
    listed = run(tmp_path, "data", "ls", "--json")
    assert json.loads(listed.stdout.splitlines()[0])["simulated"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_download_that_is_cut_goes_on_to_the_same_store(tmp_path: Path, how: signal.Signals) -> None:
    """Finished days stay and are not asked for again; both ways end in the uninterrupted store."""
    span = ["--from", "2024-01-01", "--to", "2024-01-08", "--jobs", "2"]
    with coins(faults=(_SLOW,)) as server:
        arguments = [*_BARS, *span, "--base-url", server.url]
        code, _, complaint = ended_after(tmp_path, 2, how, [*arguments, "--store", str(tmp_path / "cut")])
        if how is signal.SIGINT:
            assert code == 1
            assert "the same command goes on with the rest" in complaint
            assert "Traceback" not in complaint
        done = {c.source_sha256 for c in open_store(tmp_path / "cut").state(DataKind.BARS).commits}
        assert 2 <= len(done) < 8
        resumed = run(tmp_path, *arguments, "--store", str(tmp_path / "cut"), "--json")
        assert resumed.returncode == 0, resumed.stderr
        status = json.loads(resumed.stdout.splitlines()[-1])["status"]
        assert status == {"present": len(done), "written": 8 - len(done)}
        whole = run(tmp_path, *arguments, "--store", str(tmp_path / "whole"))
        assert whole.returncode == 0
    assert content(tmp_path / "cut") == content(tmp_path / "whole")
    assert len(content(tmp_path / "cut")[DataKind.BARS, "BTC/USDT"]) == 8 * 1440


def test_a_day_that_fails_is_named_and_the_rest_is_in(tmp_path: Path) -> None:
    """The exit code is 1, the reason stands beside the day, and no key in it."""
    fault = Fault(kind=FaultKind.REVOKED_KEY, path="/v3/trades/*", first=1, times=1)
    with shares("polygon", faults=(fault,)) as server:
        arguments = ["data", "get", "polygon", "--kind", "trades", "--symbol", SYMBOL, "--from", "2025-06-02", "--to"]
        arguments += ["2025-06-04", "--base-url", server.url, "--requests-per-min", "100000", "--jobs", "1"]
        done = run(tmp_path, *arguments)
    assert done.returncode == 1
    assert "3 tasks (2 empty, 1 failed)" in done.stdout
    assert "HTTP 4" in done.stdout
    assert KEYS["POLYGON_API_KEY"] not in done.stdout + done.stderr


@pytest.mark.parametrize("venue", ["polygon", "alpaca"])
def test_a_dry_run_lists_tasks_and_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, venue: str) -> None:
    """A half day is a session; nobody is asked, so that no key is needed, and no store is made."""
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HEDGEFIELD_CREDENTIALS", str(tmp_path / "none.toml"))
    arguments = ["data", "get", venue, "--kind", "bars", "--symbol", "SPY", "--dry-run"]
    done = run(tmp_path, *arguments, "--from", "2024-07-03", "--to", "2024-07-05")
    assert done.returncode == 0, done.stderr
    assert "2 tasks (2 dry run): 0 rows" in done.stdout
    assert "2024-07-03" in done.stdout
    assert "2024-07-04" not in done.stdout
    assert not (tmp_path / "store").exists()


def test_a_weekend_has_nothing_to_do(tmp_path: Path) -> None:
    """It is said, and is no failure."""
    arguments = ["data", "get", "polygon", "--kind", "bars", "--symbol", "SPY", "--from", "2024-07-06", "--to"]
    done = run(tmp_path, *arguments, "2024-07-07")
    assert done.returncode == 0
    assert "there is no session" in done.stderr
    assert "0 tasks" in done.stdout


_SPY = ["polygon", "--kind", "bars", "--symbol", "SPY"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["robinhood", "--kind", "bars", "--symbol", "SPY"], "there is no such venue"),
        (["ccxt:nowhere", "--kind", "bars", "--symbol", "BTC/USDT"], "an exchange is not known"),
        (["polygon", "--kind", "gossip", "--symbol", "SPY"], "there is no such kind of data"),
        (["polygon", "--kind", "funding", "--symbol", "SPY"], "polygon offers no funding here"),
        ([*_SPY, "--from", "yesterday"], "is no day"),
        ([*_SPY, "--from", "2024-02-30"], "is no day"),
        ([*_SPY, "--from", "2999-01-01"], "the first day lies in the future"),
        ([*_SPY, "--from", "2024-02-02", "--to", "2024-02-01"], "the days run backwards"),
        ([*_SPY, "--timeframe", "1w"], "there are no bars of this length"),
        ([*_SPY, "--base-url", "nowhere"], "an address cannot be asked"),
        (["polygon", "--kind", "chains", "--symbol", "SPY", "--from", "2024-02-01"], "keeps no history of chains"),
        (["polygon", "--kind", "bars"], "Missing option"),
    ],
)
def test_bad_usage_is_exit_code_2_and_says_why(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    words: str,
) -> None:
    """Before anybody is asked."""
    code, _, complaint = called(monkeypatch, capsys, tmp_path, "data", "get", *arguments)
    assert (code, "Traceback" in complaint) == (2, False), complaint
    assert words in complaint


def test_a_missing_key_is_told_with_its_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And where else it may stand."""
    monkeypatch.delenv("POLYGON_API_KEY")
    monkeypatch.setenv("HEDGEFIELD_CREDENTIALS", str(tmp_path / "none.toml"))
    done = run(tmp_path, "data", "get", *_SPY)
    assert done.returncode == 2
    assert "there is no key for polygon" in done.stderr
    assert "POLYGON_API_KEY" in done.stderr


def test_a_venue_that_is_not_there_fails_the_task_and_not_the_command(tmp_path: Path) -> None:
    """The terminal that does not run is named with its address."""
    arguments = ["data", "get", "thetadata", "--kind", "open_interest", "--symbol", "SPY", "--from", "2025-06-02"]
    done = run(tmp_path, *arguments, "--to", "2025-06-02", "--base-url", "http://127.0.0.1:9")
    assert done.returncode == 1
    assert "check that the terminal runs at http://127.0.0.1:9" in done.stdout
    assert "Traceback" not in done.stderr

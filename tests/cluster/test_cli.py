"""The command as a user sees it: exit codes, messages, JSON, pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.adapters.ticks.samples import trade_bars

_ROOT = Path(__file__).resolve().parents[2]


def _run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"HEDGEFIELD_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "cluster", *arguments]
    return subprocess.run(command, cwd=_ROOT, env=environment, capture_output=True, text=True, timeout=200, check=False)


def test_help_imports_nothing_heavy() -> None:
    """`--help` must be quick: no Ray, no NumPy, no web framework is loaded for it."""
    heavy = ("ray", "numpy", "pandas", "numba", "fastapi", "plotly", "pydantic", "sqlalchemy", "matplotlib")
    script = (
        "import sys\nimport cluster.cli\nsys.argv = ['hedgefield', '--help']\n"
        "try:\n    cluster.cli.main()\nexcept SystemExit:\n    pass\n"
        f"sys.stderr.write(' '.join(n for n in {heavy!r} if n in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=_ROOT, capture_output=True, text=True, check=True)
    assert found.stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--json"],
        ["up", "--feed", "simulated", "--path", "x.csv"],
        ["up", "--speed", "2", "--interval", "1"],
        ["up", "--feed", "replay"],
        ["up", "--port", "70000"],
        ["up", "--venue", "alpaca", "--feed", "replay"],
        ["up", "--venue", "emulated", "--fault", "nonsense"],
        ["up", "--venue", "nowhere", "--symbol", "SPY"],
        ["up", "--feed", "simulated", "--symbol", "SPY"],
        ["up", "--from", "2024-01-02"],
        ["fields"],
        ["fields", "x.csv", "--positions", "user"],
        ["fields", "x.csv", "--plot", "x.pdf"],
        ["fields", "x.csv", "--session", "yesterday"],
        ["nonsense"],
    ],
)
def test_bad_usage_is_exit_code_2_without_a_traceback(tmp_path: Path, arguments: list[str]) -> None:
    """Whoever types something impossible is told so at once."""
    result = _run(tmp_path, *arguments)
    assert result.returncode == 2
    assert result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("content", [b"", b"\x00" * 4096, b"a;b\n1;2\n", b"PK\x03\x04garbage", b"PAR1garbage"])
def test_a_file_that_is_no_chain_is_exit_code_1_with_its_name(tmp_path: Path, content: bytes) -> None:
    """Garbage is answered by a message that names the file."""
    path = tmp_path / "garbage.csv"
    path.write_bytes(content)
    result = _run(tmp_path, "fields", str(path), "--json")
    assert result.returncode == 1
    assert "garbage.csv" in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_missing_file_and_a_folder_are_exit_code_1(tmp_path: Path, name: str) -> None:
    """Neither is a crash."""
    result = _run(tmp_path, "fields", str(tmp_path / name))
    assert result.returncode == 1
    assert "Traceback" not in result.stderr


def test_a_state_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """A sentence with what to do; a traceback with --debug alone."""
    (tmp_path / "home").write_text("")
    result = _run(tmp_path, "up", "--once")
    assert result.returncode == 2
    assert "the state folder cannot be used" in result.stderr
    assert "HEDGEFIELD_HOME" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in _run(tmp_path, "--debug", "up", "--once").stderr


@pytest.mark.data
def test_fields_prints_one_object_a_line_and_goes_on_after_a_wrong_file(tmp_path: Path, data_root: Path) -> None:
    """A wrong file among several is reported, the others are computed, and the exit code tells."""
    good = data_root / "raw_formats" / "cboe_spx_quotedata_20230523_en.csv.gz"
    picture = tmp_path / "out.png"
    result = _run(tmp_path, "fields", str(tmp_path / "no.csv"), str(good), "--json", "--plot", str(picture))
    assert result.returncode == 1
    assert "no.csv" in result.stderr
    (line,) = result.stdout.splitlines()
    found = json.loads(line)
    assert (found["symbol"], found["session"], found["simulated"]) == ("SPX", "2023-05-23", False)
    counts = found["contracts"]
    assert counts["read"] == counts["used"] + sum(counts["dropped"].values())
    assert found["regime"]["impact_source"].startswith("assumed")
    assert "0.1 % per 5 bn USD" in found["reasons"]["amplification"]
    assert picture.read_bytes().startswith(b"\x89PNG")


@pytest.mark.data
def test_fields_follows_the_settings_where_no_option_is_given(tmp_path: Path, data_root: Path) -> None:
    """An option goes before the settings, the settings before the default."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(
        'fields.dynamics = "sticky_moneyness"\nfields.time_basis = "trading"\n', encoding="utf-8"
    )
    good = data_root / "raw_formats" / "cboe_spy_delayed_quotes_20220712.json.gz"
    found = json.loads(_run(tmp_path, "fields", str(good), "--json", "--clock", "calendar").stdout)
    assert (found["dynamics"], found["clock"]) == ("sticky_moneyness", "calendar")


@pytest.mark.data
def test_a_picture_that_has_no_folder_is_refused_before_the_work(tmp_path: Path, data_root: Path) -> None:
    """Nothing is computed that could not be written."""
    good = data_root / "raw_formats" / "cboe_spy_delayed_quotes_20220712.json.gz"
    result = _run(tmp_path, "fields", str(good), "--plot", str(tmp_path / "nowhere" / "x.png"))
    assert (result.returncode, result.stdout) == (1, "")
    assert "nowhere" in result.stderr


@pytest.mark.data
def test_a_reader_that_leaves_causes_no_traceback(tmp_path: Path, data_root: Path) -> None:
    """As in `hedgefield fields ... | head -1`."""
    good = str(data_root / "raw_formats" / "cboe_spy_delayed_quotes_20220712.json.gz")
    command = [sys.executable, "-m", "cluster", "fields", good, "--json"]
    environment = os.environ | {"HEDGEFIELD_HOME": str(tmp_path / "home")}
    with subprocess.Popen(
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
        assert process.wait(timeout=200) == 1
    assert complaint == ""


@pytest.mark.data
def test_each_snapshot_has_its_own_picture(tmp_path: Path, data_root: Path) -> None:
    """Three times the same session: none replaces another but the one with the very same instant."""
    good = str(data_root / "raw_formats" / "cboe_spy_delayed_quotes_20220712.json.gz")
    result = _run(tmp_path, "fields", good, good, good, "--plot", str(tmp_path / "x.png"))
    assert result.returncode == 0
    found = {path.name for path in tmp_path.glob("*.png")}
    assert found == {"x.png", "x-SPY-2022-07-12.png", "x-SPY-2022-07-12T225733Z.png"}


@pytest.mark.data
def test_fields_prints_a_table_and_writes_a_page(tmp_path: Path, data_root: Path) -> None:
    """For a human: units in words; the page opens without a network."""
    good = data_root / "raw_formats" / "cboe_spy_delayed_quotes_20220712.json.gz"
    page = tmp_path / "out.html"
    result = _run(tmp_path, "fields", str(good), "--plot", str(page), "--impact", "1e-12", "--range", "0.05")
    assert result.returncode == 0, result.stderr
    assert "per vol point" in result.stdout
    assert "command line" in result.stdout
    assert "https://cdn" not in page.read_text(encoding="utf-8").split("plotly.js", 1)[0]


@pytest.mark.data
def test_data_ls_lists_chains(tmp_path: Path, data_root: Path) -> None:
    """Each readable file with its symbols and sessions."""
    result = _run(tmp_path, "data", "ls", str(data_root / "raw_formats"), "--json")
    found = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.returncode == 0
    assert {"SPX", "SPY"} <= {symbol for item in found for symbol in item["symbols"]}


def test_doctor_reports_as_json(tmp_path: Path) -> None:
    """The findings are data; everything essential is well on a machine that runs these tests."""
    result = _run(tmp_path, "doctor", "--json", "--no-ray")
    found = json.loads(result.stdout)
    failed = [check for check in found["checks"] if check["essential"] and not check["ok"]]
    assert result.returncode == 0, failed
    assert {"python", "kernels", "calendars", "disk"} <= {check["name"] for check in found["checks"]}


@pytest.mark.ray
@pytest.mark.slow
def test_up_once_prints_one_complete_set(tmp_path: Path) -> None:
    """For scripts: one JSON object on standard output, nothing else, exit code 0, nothing left behind."""
    result = _run(tmp_path, "up", "--once", "--json", "--interval", "0.2")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["simulated"] is True
    assert found["symbols"] == len(found["fields"]) == 4
    assert found["failed"] == {}
    assert not list((tmp_path / "home" / "runs").iterdir())


@pytest.mark.ray
@pytest.mark.slow
def test_ctrl_c_stops_a_starting_system_cleanly(tmp_path: Path) -> None:
    """An interrupt in the middle of the start leaves no process and no run behind, and is not an error."""
    environment = os.environ | {"HEDGEFIELD_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "cluster", "up"]
    with subprocess.Popen(command, cwd=_ROOT, env=environment, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60.0
        while not list((tmp_path / "home" / "runs").glob("*/ray_token")):
            assert time.monotonic() < deadline
            os.sched_yield()
        process.send_signal(2)
        assert process.wait(60.0) == 0, process.stderr.read() if process.stderr else ""
    assert not list((tmp_path / "home" / "runs").iterdir())


@pytest.mark.ray
@pytest.mark.slow
def test_a_recording_without_chains_ends_with_the_reason(tmp_path: Path) -> None:
    """Trades alone give no field: whoever waits for one is told so at once, and what would help."""
    trades = trade_bars(tmp_path / "lean_spy_minute_trade_20131008.parquet", [0, 1, 2])
    result = _run(tmp_path, "up", "--once", "--ticks", str(trades), "--interval", "0.1")
    assert result.returncode == 1
    assert "delivers no chains" in result.stderr
    assert "--path" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list((tmp_path / "home" / "runs").iterdir())


@pytest.mark.ray
@pytest.mark.slow
def test_a_venue_that_refuses_the_key_ends_the_start_with_its_reason(tmp_path: Path) -> None:
    """Nothing gets better by waiting, and the key stands in no text."""
    pytest.importorskip("alpaca")
    result = _run(tmp_path, "up", "--once", "--venue", "emulated", "--fault", "revoked_key:/v1beta1/*@1+")
    assert result.returncode == 1
    assert "Alpaca refuses the key" in result.stderr
    assert "EMULATED" not in result.stderr
    assert "Traceback" not in result.stderr

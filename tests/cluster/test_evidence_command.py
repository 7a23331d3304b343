"""`hedgefield evidence`: plans first, figures with their errors and power, simulated data marked."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.cli import main
from cluster.studies.catalogue import digest_of, simulated_studies

Command = Callable[..., tuple[int, str, str]]
_SMALL = ("--symbols", "2", "--sessions", "10", "--seed", "3")


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    """Return the command without a process of its own: exit code, standard output, standard error."""
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hedgefield", "evidence", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        return int(ended.value.code or 0), found.out, found.err

    return run


def test_plans_are_told_before_figures_and_figures_say_how_sure_they_are(command: Command) -> None:
    """Rows, blocks, errors, power, trials and the simulated mark stand in the one JSON object; the plans go ahead."""
    code, told, noted = command("--simulated", "null", *_SMALL, "--json")
    found = json.loads(told)
    assert code == 0
    assert noted.index("registered null/t3") < noted.index("done null/t1")
    assert found["simulated"] is True
    assert found["digest"] == digest_of(simulated_studies(("null",), n_symbols=2, n_sessions=10, seed=3))
    assert found["trials"] == 15
    for study in found["studies"]:
        assert study["n_predicted"] > 0
        assert all(0.0 < finding["combined"]["auc"]["auc"] < 1.0 for finding in study["findings"])
        assert {"value", "standard_error", "low", "high"} <= set(study["findings"][0]["delta"])


def test_tables_of_a_simulated_market_say_so(command: Command) -> None:
    """Only the market that was asked for has a table, and its head tells what it is."""
    code, told, _ = command("--simulated", "planted", *_SMALL)
    assert code == 0
    assert told.startswith("SIMULATED market")
    assert "detectable" in told
    assert "Planted: dealers hedge" in told
    assert "Null" not in told


@pytest.mark.parametrize(
    "arguments",
    [(), ("--data", "x", "--simulated", "null"), ("--simulated", "both"), ("--simulated", "null", "--symbols", "1")],
)
def test_bad_usage_of_evidence_is_exit_code_2(command: Command, arguments: tuple[str, ...]) -> None:
    """One source of rows, and sizes that make a study."""
    code, told, complaint = command(*arguments)
    assert (code, told) == (2, "")
    assert complaint


def test_a_folder_without_the_data_is_exit_code_1(command: Command, tmp_path: Path) -> None:
    """The message names what is missing."""
    code, told, complaint = command("--data", str(tmp_path))
    assert (code, told) == (1, "")
    assert "cboe_vol_indices" in complaint

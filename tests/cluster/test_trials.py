"""The ledger of trials: what was tried stays counted, over processes and crashes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.trials import Trial, TrialLedger, digest_of_data
from market.errors import DataError
from tests.backtest.reports.samples import description

_ROOT = Path(__file__).resolve().parents[2]
_TRIAL = Trial(ts_event_ns=0, name="a", data_digest="data", config_digest="one", code_version="1")


def test_configurations_count_once_and_by_their_data(tmp_path: Path) -> None:
    """The same configuration again is the same trial; other data have their own count."""
    ledger = TrialLedger(tmp_path)
    assert ledger.count("data") == 0
    assert [ledger.record(_TRIAL), ledger.record(_TRIAL)] == [1, 1]
    assert ledger.record(replace(_TRIAL, config_digest="two")) == 2
    assert ledger.record(replace(_TRIAL, data_digest="other")) == 1
    assert (ledger.count("data"), ledger.count("other")) == (2, 1)


def test_a_line_cut_by_a_crash_spoils_no_other(tmp_path: Path) -> None:
    """Half a line at the end is passed over, and the next record stands on a line of its own."""
    ledger = TrialLedger(tmp_path)
    ledger.record(_TRIAL)
    with (tmp_path / "trials.jsonl").open("ab") as file:
        file.write(b'{"data_digest": "da')
    assert ledger.record(replace(_TRIAL, config_digest="two")) == 2
    assert len((tmp_path / "trials.jsonl").read_bytes().splitlines()) == 3


def test_processes_do_not_lose_each_other(tmp_path: Path) -> None:
    """Many runs at a time are all counted."""
    script = (
        "import sys\nfrom pathlib import Path\nfrom cluster.trials import Trial, TrialLedger\n"
        "for place in range(20):\n"
        "    TrialLedger(Path(sys.argv[1])).record(Trial(ts_event_ns=0, name='a', data_digest='data',\n"
        "        config_digest=f'{sys.argv[2]}-{place}', code_version='1'))\n"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path), str(n)], cwd=_ROOT) for n in range(3)]
    assert [process.wait(60) for process in running] == [0, 0, 0]
    assert TrialLedger(tmp_path).count("data") == 60


def test_a_run_that_cannot_be_counted_is_refused(tmp_path: Path) -> None:
    """An uncounted run would look better than it is."""
    (tmp_path / "trials.jsonl").mkdir()
    with pytest.raises(DataError, match="ledger of trials cannot be written"):
        TrialLedger(tmp_path).record(_TRIAL)


def test_the_digest_of_data_follows_content_and_not_places() -> None:
    """Order and origin of the sources do not matter, their content does."""
    (source,) = description().sources
    moved = replace(source, provenance=replace(source.provenance, origin="elsewhere"))
    other = replace(source, name="rates", digest="00" * 32)
    assert digest_of_data([source, other]) == digest_of_data([other, moved])
    assert digest_of_data([source]) != digest_of_data([replace(source, digest="ba" * 32)])

"""The command of a sweep as a user sees it: broken off at any instant it goes on, repeats nothing and ends the same."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.tuning.lanes.small_sweeps import started, swept, written_sweep
from tests.tuning.lanes.watched import n_kept, processes_with, until

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc"),
]

_SOON_S = 280.0
_ENOUGH = 8
_TRIALS = {"random": 60, "grid": 60, "tpe": 20}


def _written(folder: Path, sampler: str) -> Path:
    """Write a sweep of a sampler; a grid needs steps."""
    config = written_sweep(folder, sampler=sampler, trials=_TRIALS[sampler])
    text = config.read_text(encoding="utf-8")
    if sampler == "grid":
        text = text.replace("high = 15 }", "high = 12, step = 2 }").replace("high = 80 }", "high = 80, step = 8 }")
    config.write_text(text, encoding="utf-8")
    return config


def _broken_off(home: Path, how: signal.Signals, config: Path) -> tuple[subprocess.Popen[str], int]:
    """Start a sweep, send it a signal once some outcomes are kept, and return how many it left."""
    process = started(home, str(config), "--workers", "2")
    assert until(lambda: n_kept(home) >= _ENOUGH or process.poll() is not None, _SOON_S)
    assert process.poll() is None, process.communicate()[1]
    os.kill(process.pid, how)
    process.wait(_SOON_S)
    return process, n_kept(home)


def _resumed(home: Path, config: Path, out: Path) -> tuple[int, int]:
    """Go on with a sweep, and return how many blocks were run, and how often one was found."""
    process = started(home, str(config), "--workers", "2", "--resume", "--out", str(out))
    told, err = process.communicate(timeout=_SOON_S)
    assert process.returncode == 0, err
    counts = re.search(r"blocks: ([\d,]+) run, ([\d,]+) found", told)
    assert counts is not None, told
    run, found = (int(count.replace(",", "")) for count in counts.groups())
    return run, found


@pytest.mark.parametrize(
    ("sampler", "how"), [("random", signal.SIGKILL), ("grid", signal.SIGINT), ("tpe", signal.SIGTERM)]
)
def test_a_sweep_that_was_broken_off_ends_as_one_that_was_not(
    tmp_path: Path, sampler: str, how: signal.Signals
) -> None:
    """Two workers, killed and resumed, run each block once and tell what one worker tells without a break."""
    config, home, quiet_home = _written(tmp_path, sampler), tmp_path / "home", tmp_path / "other"
    broken, n_left = _broken_off(home, how, config)
    _hold_end(broken, how, home)
    run, found = _resumed(home, config, tmp_path / "resumed")
    swept(quiet_home, str(config), "--workers", "1", "--out", str(tmp_path / "whole"))
    assert n_left >= _ENOUGH
    assert found >= n_left
    assert run + n_left == n_kept(home) == n_kept(quiet_home)
    _hold_same(_answer(tmp_path / "resumed"), _answer(tmp_path / "whole"))
    for name in ("trials.csv", "outer_days.csv"):
        assert (tmp_path / "resumed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert until(lambda: not processes_with("HEDGEFIELD_HOME", str(home)), _SOON_S)
    assert not list((home / "runs").iterdir())


def _answer(study: Path) -> Any:
    return json.loads((study / "study.json").read_text(encoding="utf-8"))


def _hold_same(one: Any, other: Any) -> None:
    """Require the same answer; the last bits of a fit over many trials are those of the linear algebra."""
    if isinstance(one, dict | list):
        pairs = one.items() if isinstance(one, dict) else enumerate(one)
        assert len(one) == len(other)
        for key, value in pairs:
            _hold_same(value, other[key])
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-9, abs=1e-12, nan_ok=True)
    else:
        assert one == other


def _hold_end(process: subprocess.Popen[str], how: signal.Signals, home: Path) -> None:
    """Require an exit code as a shell tells of it, the way to go on, and no process left behind by Ctrl-C."""
    if how is signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
        return
    told = process.communicate()[1]
    assert process.returncode == 128 + how, told
    assert "--resume" in told
    assert "Traceback" not in told
    assert until(lambda: not processes_with("HEDGEFIELD_HOME", str(home)), _SOON_S)

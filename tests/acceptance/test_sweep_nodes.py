"""A sweep on two nodes of a cluster, one of which is killed meanwhile."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.stores import ROOT
from tests.tuning.lanes.small_sweeps import environment, started, swept, written_sweep
from tests.tuning.lanes.two_nodes import environment_of_nodes
from tests.tuning.lanes.watched import n_kept

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1200)]

_LONG_S = 280.0
_SHORT = "/tmp"  # noqa: S108  # socket paths end at 107 characters


@pytest.fixture
def nodes() -> Iterator[tuple[dict[str, Any], dict[str, str]]]:
    """Start two nodes, and yield where they are and the environment of a driver that joins them."""
    folder = Path(tempfile.mkdtemp(prefix="hf-", dir=_SHORT))
    command = [sys.executable, "-m", "tests.tuning.lanes.two_nodes", str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(folder), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            told = next((line for line in process.stdout if line.startswith("{")), "")
            assert told, "the cluster did not start"
            yield json.loads(told), environment_of_nodes(folder)
        finally:
            process.stdin.close()
            process.wait(_LONG_S)
            shutil.rmtree(folder, ignore_errors=True)


def _lines_until(process: subprocess.Popen[str], words: str) -> str:
    """Return the first line of a sweep that says something; it speaks every few seconds until it ends."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if words in line:
            return line
    pytest.fail(f"the sweep ended before it said {words!r}: {''.join(told)}")


def test_a_node_that_is_killed_costs_what_ran_on_it_alone(
    tmp_path: Path, nodes: tuple[dict[str, Any], dict[str, str]]
) -> None:
    """With a worker on each of two nodes, the sweep ends on the one that is left, with the records of one worker."""
    cluster, variables = nodes
    config, home = written_sweep(tmp_path, sampler="random", trials=200), tmp_path / "home"
    process = started(home, str(config), "--address", cluster["address"], "--out", str(tmp_path / "two"), **variables)
    _lines_until(process, "lanes 2 alive")
    n_before = n_kept(home)
    os.kill(cluster["second"], signal.SIGKILL)
    lost = re.search(r"lanes 1 alive, (\d+) batches lost", _lines_until(process, "lanes 1 alive"))
    told, err = process.communicate(timeout=_LONG_S)
    assert process.returncode == 0, err
    assert lost is not None
    assert int(lost.group(1)) <= 1, "no more than the batch that it held"
    swept(tmp_path / "other", str(config), "--workers", "1", "--out", str(tmp_path / "one"))
    assert n_before < n_kept(home) == n_kept(tmp_path / "other")
    assert f"blocks: {n_kept(home):,} run" in told
    assert "raylet" not in told + err
    for name in ("trials.csv", "outer_days.csv"):
        assert (tmp_path / "two" / name).read_bytes() == (tmp_path / "one" / name).read_bytes()

"""What all tests share: the real data beside the project, one Ray cluster a session, and no network by accident."""

from __future__ import annotations

import os

# Before any import that starts an OpenMP runtime: busy-waiting threads starve two cores.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background jobs ignore Ctrl-C, and so would every program that a test stops with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _data_root() -> Path:
    return Path(os.environ.get("HEDGEFIELD_DATA", str(_ROOT.parent / "shared" / "data")))


@pytest.fixture(scope="session")
def data_root() -> Path:
    """Return the folder of the real market data, or skip where it is absent."""
    root = _data_root()
    if not root.is_dir():
        pytest.skip(f"no market data at {root}; set HEDGEFIELD_DATA")
    return root


@pytest.fixture(autouse=True)
def _no_accidental_cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block ray.init in tests that do not carry the `ray` or `e2e` marker."""
    if request.node.get_closest_marker("ray") or request.node.get_closest_marker("e2e"):
        return
    import sys

    if "ray" not in sys.modules:
        return
    import ray

    def refuse(*_args: object, **_kwargs: object) -> None:
        pytest.fail("this test starts a Ray cluster; mark it with @pytest.mark.ray")

    monkeypatch.setattr(ray, "init", refuse)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """Start one private local cluster for the whole session and yield its address."""
    scratch = tempfile.mkdtemp(prefix="hf-", dir="/tmp")  # socket paths must stay below 108 characters
    os.environ["RAY_TMPDIR"] = scratch
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112  # Ray's own name
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ.pop("RAY_ADDRESS", None)
    import ray

    ray.init("local", num_cpus=4, include_dashboard=False, log_to_driver=False, configure_logging=False)
    yield str(ray.get_runtime_context().gcs_address)
    ray.shutdown()
    shutil.rmtree(scratch, ignore_errors=True)

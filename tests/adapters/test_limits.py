"""The budget of a key: kept by all processes together."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from market.errors import ConfigError, VenueError

pytest.importorskip("pyrate_limiter")

_ROOT = Path(__file__).resolve().parents[2]
_CHILD = """
import sys, time
from pathlib import Path
from adapters.limits import SharedLimiter
limiter = SharedLimiter("alpaca", "one-key", per_min=200, per_s=5, folder=Path(sys.argv[1]))
for _ in range(5):
    limiter.take(30.0)
    print(time.time())
limiter.close()
"""


def test_processes_with_one_key_share_its_budget(tmp_path: Path) -> None:
    """Three processes take fifteen requests; no sliding second holds more than five."""
    children = [
        subprocess.Popen([sys.executable, "-c", _CHILD, str(tmp_path)], cwd=_ROOT, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    taken = sorted(float(line) for child in children for line in child.communicate(timeout=60)[0].split())
    assert len(taken) == 15
    # The stamps are taken after the grant, each late by its process's own delay.
    assert min(late - early for early, late in zip(taken, taken[5:], strict=False)) > 0.9


def test_another_key_has_a_budget_of_its_own_and_no_file_bears_a_key(tmp_path: Path) -> None:
    """The file's name holds a digest."""
    from adapters.limits import SharedLimiter

    first = SharedLimiter("alpaca", "key-one", per_min=1, folder=tmp_path)
    second = SharedLimiter("alpaca", "key-two", per_min=1, folder=tmp_path)
    first.take(0.1)
    second.take(0.1)
    assert first.path != second.path
    assert not any("key" in path.name for path in tmp_path.iterdir())
    assert not any(b"key-one" in path.read_bytes() for path in tmp_path.iterdir())
    first.close()
    second.close()


def test_a_used_up_budget_is_a_retryable_error_in_time(tmp_path: Path) -> None:
    """Who may wait for a tenth of a second waits no minute."""
    from adapters.limits import SharedLimiter

    limiter = SharedLimiter("alpaca", "k", per_min=2, folder=tmp_path)
    limiter.take(0.1)
    limiter.take(0.1)
    begun = time.monotonic()
    with pytest.raises(VenueError, match="budget of alpaca") as caught:
        limiter.take(0.1)
    assert caught.value.retryable
    assert time.monotonic() - begun < 5.0
    limiter.close()


def test_a_budget_that_cannot_bind_is_refused(tmp_path: Path) -> None:
    """A second's budget under which the minute's can never be used up is a mistake of units."""
    from adapters.limits import SharedLimiter

    with pytest.raises(ConfigError, match="do not fit"):
        SharedLimiter("alpaca", "k", per_min=1_000, per_s=5, folder=tmp_path)

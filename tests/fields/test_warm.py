"""After the kernels are warm no request waits for a compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

from fields import jit

_SCRIPT = """
import json, sys
from dataclasses import fields, replace

import numba
import numpy as np
from numba.core import event

from tests.generators import synthetic_chain
from fields.warm import warm_kernels

chain = synthetic_chain(half_spread=0.2, noise=0.02)
warm_kernels()
loaded = set(sys.modules)
from fields.compute import compute_field
from fields.config import Dynamics, FieldConfig

columns = {item.name: getattr(chain, item.name) for item in fields(chain)}
for column in columns.values():
    if isinstance(column, np.ndarray):
        column.setflags(write=False)
writable = {name: value.copy() for name, value in columns.items() if isinstance(value, np.ndarray)}
with event.install_recorder("numba:compile") as heard:
    for dynamics in Dynamics:
        for each in (chain, replace(chain, **writable)):
            compute_field(each, FieldConfig(dynamics=dynamics, impact_return_per_usd=2e-13, impact_source="assumed"))
in_requests = len(heard.buffer)
late = sorted(name for name in set(sys.modules) - loaded if name.startswith(("fields", "numba", "scipy")))
with event.install_recorder("numba:compile") as heard:
    numba.njit(lambda x: x + 1)(1)
print(json.dumps({"in_requests": in_requests, "control": len(heard.buffer), "late": late}))
"""


def test_nothing_compiles_in_a_request() -> None:
    """A fresh process warms up, then computes fields of read-only and writable chains; the listener does hear numba."""
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["control"] > 0
    assert found["in_requests"] == 0
    assert found["late"] == []


def test_a_kernel_that_another_process_has_taken_is_not_compiled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first that asks compiles and saves; without sharing everyone compiles, and a full cache is no fresh work."""

    def double(x: np.ndarray, out: np.ndarray) -> None:
        for i in range(x.shape[0]):
            out[i] = 2.0 * x[i]

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "claims").mkdir()
    monkeypatch.setattr(jit, "_claims", [])
    jit.compile_share(tmp_path / "claims")
    each: list[Any] = [jit.kernel(jit.F64, jit.OUT)(double) for _ in range(2)]
    monkeypatch.setattr(jit, "_claims", [])
    each.append(jit.kernel(jit.F64, jit.OUT)(double))
    out = np.empty(2)
    each[2](np.array([1.0, 4.0]), out)
    assert out.tolist() == [2.0, 8.0]
    assert [len(found.signatures) for found in each] == [1, 0, 1]
    assert [jit.is_fresh(found) for found in each] == [True, False, False]


_FROM_EMPTY = """
import json
from numba.core import event
from fields.warm import warm_kernels
with event.install_recorder("numba:compile") as heard:
    warm_kernels()
print(json.dumps(len(heard.buffer)))
"""


@pytest.mark.slow
def test_processes_fill_an_empty_cache_and_this_one_loads_it(tmp_path: Path) -> None:
    """With two cores or more a process with an empty cache compiles next to nothing itself, the next one nothing."""
    compiled = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", _FROM_EMPTY],
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        assert done.returncode == 0, done.stderr
        compiled.append(json.loads(done.stdout.splitlines()[-1]))
    alone = len(os.sched_getaffinity(0)) == 1
    assert compiled[1] == 0
    assert alone or compiled[0] < 60

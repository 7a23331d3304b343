"""After the kernels are warm no request waits for a compiler."""

from __future__ import annotations

import json
import subprocess
import sys

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

"""Implied volatility: the compiled kernel against a loop over QuantLib's LiRS solver.

Run ``python -m benchmarks.bench_implied_vol``. py_vollib_vectorized, where it is installed and works, runs in a process
of its own, because importing it patches other libraries; the two are tied by what the kernel takes in each process.
"""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import sys
import time
from functools import partial

import numpy as np
import QuantLib as ql  # noqa: N813  # its own documents call it so

from benchmarks.bench_greeks import index_book
from benchmarks.harness import Row, interleaved_ns, print_rows, ratio_row, ratios, time_row
from fields.greeks import greeks
from fields.implied_vol import implied_volatility
from market.chains import BoolArray, FloatArray

__all__ = ["run"]

_Quotes = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]


def quotes(n: int) -> _Quotes:
    """Return (price, forward, strike, tau, discount, is_call), out of the money."""
    S, K, tau, r, q, sigma, _ = index_book(n)
    forward = S * np.exp((r - q) * tau)
    is_call = forward < K
    return greeks(S, K, tau, r, q, sigma, is_call).price, forward, K, tau, np.exp(-r * tau), is_call


def quantlib_volatility(columns: _Quotes) -> list[float]:
    """Return QuantLib's volatilities, NaN where its solver gives up."""
    found = []
    for price, F, K, t, D, is_call in zip(*(column.tolist() for column in columns), strict=True):
        kind = ql.Option.Call if is_call else ql.Option.Put
        try:
            s = ql.blackFormulaImpliedStdDevLiRS(kind, K, F, price, D, 0.0, ql.nullDouble(), 1.0, 1e-12, 100)
        except RuntimeError:
            s = math.nan
        found.append(s / math.sqrt(t))
    return found


_VOLLIB = """
import json, sys, warnings
warnings.simplefilter("ignore")
from functools import partial
from benchmarks.bench_implied_vol import quotes
from benchmarks.harness import interleaved_ns
from fields.implied_vol import implied_volatility
q = quotes(int(sys.argv[1]))
import numpy as np
from py_vollib_vectorized import vectorized_implied_volatility_black as peer
p, F, K, t, D, c = q
call = partial(peer, p, F, K, -np.log(D) / t, t, np.where(c, "c", "p"), return_as="numpy")
print(json.dumps(interleaved_ns({"kernel": partial(implied_volatility, *q), "peer": call})))
"""


def _against_vollib(n: int) -> list[Row]:
    name = "IV: kernel against py_vollib_vectorized"
    done = subprocess.run(  # noqa: S603  # our own interpreter and script
        [sys.executable, "-c", _VOLLIB, str(n)], capture_output=True, text=True, check=False, timeout=300
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1][:60] if done.stderr.strip() else "failed"
        return [Row(name=name, size=n, value=math.nan, unit="x", note=f"not measured: {reason}")]
    times = json.loads(done.stdout.strip().splitlines()[-1])
    value = statistics.median(ratios(times["peer"], times["kernel"]))
    return [Row(name=name, size=n, value=value, unit="x", reach=">= 6", passed=value >= 6.0)]


def run(sizes: tuple[int, ...] = (1_000, 10_000, 100_000)) -> list[Row]:
    """Return the rows of the result table."""
    rows: list[Row] = []
    for n in sizes:
        columns = quotes(n)
        times = interleaved_ns({"kernel": partial(implied_volatility, *columns)}, rounds=41, clock=time.thread_time_ns)
        rows.append(time_row("IV, kernel", n, times["kernel"]))
    columns = quotes(10_000)
    times = interleaved_ns(
        {"kernel": partial(implied_volatility, *columns), "lirs": partial(quantlib_volatility, columns)},
        clock=time.thread_time_ns,
    )
    rows += [
        time_row("IV, QuantLib LiRS loop", 10_000, times["lirs"]),
        ratio_row("IV: kernel against QuantLib LiRS loop", 10_000, times["lirs"], times["kernel"], reach=15.0),
    ]
    return rows + _against_vollib(10_000)


if __name__ == "__main__":
    print_rows(run())

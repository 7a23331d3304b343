"""Price and Greeks: the compiled kernel against vectorised NumPy/SciPy and against a loop over QuantLib.

Run ``python -m benchmarks.bench_greeks``.
"""

from __future__ import annotations

import math
import time
from functools import partial

import numpy as np
import QuantLib as ql  # noqa: N813  # its own documents call it so
from scipy.special import ndtr

from benchmarks.harness import Row, instruction_set, interleaved_ns, print_rows, ratio_row, time_row
from fields.greeks import Greeks, exposure_greeks, greeks
from market.chains import BoolArray, FloatArray

__all__ = ["run"]

_Columns = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, BoolArray]
_INV_SQRT_2PI = 1.0 / math.sqrt(2.0 * math.pi)


def index_book(n: int, seed: int = 1) -> _Columns:
    """Return (spot, strike, tau, rate, dividend_yield, volatility, is_call) like an index option book."""
    rng = np.random.default_rng(seed)
    spot = np.full(n, 5_000.0)
    tau = np.exp(rng.uniform(np.log(1 / 365), np.log(3.0), n))
    sigma = rng.uniform(0.08, 0.6, n)
    strike = spot * np.exp(rng.uniform(-3, 2, n) * sigma * np.sqrt(tau))
    return spot, strike, tau, np.full(n, 0.045), np.full(n, 0.013), sigma, rng.random(n) < 0.5


def numpy_greeks(
    S: FloatArray, K: FloatArray, t: FloatArray, r: FloatArray, q: FloatArray, sigma: FloatArray, is_call: BoolArray
) -> tuple[FloatArray, ...]:
    """Return what `fields.greeks.greeks` returns, with whole-array operations, common terms shared."""
    eta = np.where(is_call, 1.0, -1.0)
    root, b = np.sqrt(t), r - q
    a = sigma * root
    d1 = (np.log(S / K) + b * t) / a + 0.5 * a
    d2 = d1 - a
    Dq = np.exp(-q * t)
    n = Dq * np.exp(-0.5 * d1 * d1) * _INV_SQRT_2PI
    delta = eta * Dq * ndtr(eta * d1)
    leg = eta * K * np.exp(-r * t) * ndtr(eta * d2)
    h = 0.5 / t
    m, d12, gamma, vega = b / a - d2 * h, d1 * d2, n / (S * a), S * n * root
    return (
        S * delta - leg,
        delta,
        gamma,
        vega,
        q * S * delta - r * leg - vega * sigma * h,
        t * leg,
        -n * d2 / sigma,
        q * delta - n * m,
        vega * d12 / sigma,
        vega * (q - h + d1 * m),
        -gamma / S * (d1 / a + 1.0),
        gamma * (q + h + d1 * m),
        gamma * (d12 - 1.0) / sigma,
        -t * S * delta,
        -vega / sigma**2 * (d12 * (1.0 - d12) + d1 * d1 + d2 * d2),
        n / sigma * (b / a - d1 * h - d2 * (q + d1 * m)),
    )


def quantlib_greeks(columns: _Columns) -> list[tuple[float, ...]]:
    """Return 13 Greeks and psi from one BlackCalculator a contract, by central differences where it has no formula."""
    rows: list[tuple[float, ...]] = []
    for S, K, t, r, q, v, is_call in zip(*(column.tolist() for column in columns), strict=True):
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if is_call else ql.Option.Put, K)
        at = partial(_calculator, payoff, r - q, r)
        one = at(S, t, v)
        dt, dv, dS = 1e-4 * t, 1e-4 * v, 1e-4 * S * min(1.0, v * math.sqrt(t))
        later, sooner, calmer, wilder = at(S, t + dt, v), at(S, t - dt, v), at(S, t, v - dv), at(S, t, v + dv)
        rows.append(
            (
                one.value(),
                one.delta(S),
                one.gamma(S),
                one.vega(t),
                one.theta(S, t),
                one.rho(t),
                one.vanna(S, t),
                (sooner.delta(S) - later.delta(S)) / (2 * dt),
                one.volga(t) * math.sqrt(t),
                (sooner.vega(t - dt) - later.vega(t + dt)) / (2 * dt),
                (at(S + dS, t, v).gamma(S + dS) - at(S - dS, t, v).gamma(S - dS)) / (2 * dS),
                (sooner.gamma(S) - later.gamma(S)) / (2 * dt),
                (wilder.gamma(S) - calmer.gamma(S)) / (2 * dv),
                one.dividendRho(t),
            )
        )
    return rows


def _calculator(payoff: ql.PlainVanillaPayoff, b: float, r: float, S: float, t: float, v: float) -> ql.BlackCalculator:
    return ql.BlackCalculator(payoff, S * math.exp(b * t), v * math.sqrt(t), math.exp(-r * t))


def run(sizes: tuple[int, ...] = (1_000, 10_000, 100_000)) -> list[Row]:
    """Return the rows of the result table."""
    reach = {"avx512": 4.0, "avx2": 2.5}.get(instruction_set(), 1.0)
    rows: list[Row] = []
    for n in sizes:
        columns = index_book(n)
        out = Greeks.empty(n)
        times = interleaved_ns(
            {
                "kernel": partial(greeks, *columns),
                "out": partial(greeks, *columns, out=out),
                "exposure": partial(exposure_greeks, *columns),
                "numpy": partial(numpy_greeks, *columns),
            },
            rounds=41,
            clock=time.thread_time_ns,
        )
        rows += [
            time_row("15 Greeks + price, kernel", n, times["kernel"]),
            time_row("15 Greeks + price, kernel, preallocated", n, times["out"]),
            time_row("4 exposure Greeks, kernel", n, times["exposure"]),
            time_row("15 Greeks + price, NumPy/SciPy", n, times["numpy"]),
            ratio_row(
                "Greeks: kernel against NumPy/SciPy",
                n,
                times["numpy"],
                times["kernel"],
                reach=reach if n == 10_000 else None,
            ),
        ]
    return rows + _against_quantlib(10_000)


def _against_quantlib(n: int) -> list[Row]:
    columns = index_book(n)
    times = interleaved_ns(
        {"kernel": partial(greeks, *columns), "quantlib": partial(quantlib_greeks, columns)}, clock=time.thread_time_ns
    )
    return [
        time_row("13 Greeks + price, QuantLib BlackCalculator loop", n, times["quantlib"]),
        ratio_row("Greeks: kernel against QuantLib loop", n, times["quantlib"], times["kernel"], reach=500.0),
    ]


if __name__ == "__main__":
    print_rows(run())

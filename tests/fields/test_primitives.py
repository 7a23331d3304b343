"""The primitives against forty digits, and the kernels' promise of SIMD code on one thread."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest
from mpmath import erfc, exp, log, mpf, pi, sqrt, workdps

from benchmarks.harness import instruction_set
from benchmarks.regenerate_constants import coefficients
from fields import greeks as greeks_module
from fields import implied_vol as implied_vol_module
from fields import jit, primitives
from fields.greeks import greeks
from fields.jit import F64, OUT, kernel
from fields.primitives import exp_, half_power, log_ratio, mills, mills_pair, normal_density, tail_factor
from tests.fields.reference import random_cases


@kernel(F64, OUT)
def fill_exp(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = exp_(x[i])


@kernel(F64, OUT)
def fill_half_power(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = half_power(x[i])


@kernel(F64, F64, OUT)
def fill_log_ratio(x: np.ndarray, y: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = log_ratio(x[i], y[i])


@kernel(F64, OUT)
def fill_mills(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = mills(x[i])


@kernel(F64, OUT)
def fill_tail(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = half_power(0.7213475204444817 * x[i] * x[i]) * tail_factor(x[i])


@kernel(F64, F64, OUT, OUT)
def fill_mills_pair(x: np.ndarray, y: np.ndarray, first: np.ndarray, second: np.ndarray) -> None:
    for i in range(x.shape[0]):
        first[i], second[i] = mills_pair(x[i], y[i])


@kernel(F64, OUT)
def fill_density(x: np.ndarray, out: np.ndarray) -> None:
    for i in range(x.shape[0]):
        out[i] = normal_density(x[i])


def applied(fill: Callable[..., Any], *columns: np.ndarray) -> np.ndarray:
    out = np.empty(columns[0].shape[0])
    fill(*columns, out)
    return out


def exact_mills(y: Any) -> Any:
    return sqrt(pi / 2) * exp(y * y / 2) * erfc(y / sqrt(2))


def largest_relative_error(found: np.ndarray, exact: Callable[..., Any], *columns: np.ndarray) -> float:
    with workdps(40):
        pairs = zip(found, *columns, strict=True)
        expected = [(mpf(float(x)), exact(*(mpf(float(v)) for v in row))) for x, *row in pairs]
        return float(max(abs(x / y - 1) if y else abs(x) for x, y in expected))


def test_exp_is_exact_to_two_units_of_the_last_place() -> None:
    """Over the whole range of float64 exponents."""
    rng = np.random.default_rng(1)
    x = np.r_[rng.uniform(-708, 709, 2_000), rng.uniform(-1, 1, 2_000), -708.0, 709.0, 0.0]
    assert largest_relative_error(applied(fill_exp, x), exp, x) < 3e-16


def test_exp_is_clamped_and_keeps_nan() -> None:
    """Arguments beyond the range give the range's ends, NaN gives NaN."""
    low, high, missing = applied(fill_exp, np.array([-np.inf, np.inf, np.nan]))
    assert low == pytest.approx(np.exp(-708.0), rel=1e-15)
    assert high == pytest.approx(np.exp(709.0), rel=1e-15)
    assert np.isnan(missing)


def test_power_of_a_half_keeps_thirteen_digits_and_is_clamped() -> None:
    """Over the range of the ladder's bells; what is smaller than the smallest normal number stays there."""
    x = np.r_[np.random.default_rng(1).uniform(0, 1_020, 2_000), np.arange(0.0, 60.0, 0.5)]
    assert largest_relative_error(applied(fill_half_power, x), lambda v: mpf(2) ** -v, x) < 2e-14
    assert applied(fill_half_power, np.array([1e300, np.inf])).max() < 1e-307


def test_log_ratio_is_exact_also_where_the_arguments_almost_agree() -> None:
    """One unit of the last place apart the logarithm still has all its digits; equal arguments give 0."""
    rng = np.random.default_rng(2)
    x = rng.uniform(0.1, 1e5, 1_500)
    a = np.r_[x, x, x, x, 1e150]
    b = np.r_[
        x * np.exp(4 * rng.normal(size=1_500)),
        np.nextafter(x, np.inf),
        x * (1 + 1e-9 * rng.normal(size=1_500)),
        x,
        1e-150,
    ]
    found = applied(fill_log_ratio, a, b)
    assert largest_relative_error(found, lambda u, v: log(u / v), a, b) < 1e-15
    assert not found[4_500:6_000].any()


def test_log_ratio_keeps_nan_from_either_side() -> None:
    """A missing price is not a number afterwards."""
    found = applied(fill_log_ratio, np.array([np.nan, 2.0]), np.array([2.0, np.nan]))
    assert np.isnan(found).all()


def test_mills_ratio_keeps_its_relative_accuracy_far_out() -> None:
    """From 0 to 1000, alone and in pairs; the far end is 1/y."""
    rng = np.random.default_rng(3)
    y = np.r_[rng.uniform(0, 40, 2_000), 10 ** rng.uniform(-8, 3, 1_000), 0.0]
    assert largest_relative_error(applied(fill_mills, y), exact_mills, y) < 1e-15
    first, second = np.empty_like(y), np.empty_like(y)
    fill_mills_pair(y, y[::-1].copy(), first, second)
    assert largest_relative_error(first, exact_mills, y) < 1.5e-15
    assert np.allclose(second, first[::-1], rtol=1e-15, atol=0)
    assert applied(fill_mills, np.array([1e20]))[0] == pytest.approx(1e-20, rel=1e-15)


def test_tail_beside_whole_contracts_is_good_to_fourteen_digits_of_one() -> None:
    """From 0 outwards, also where the square of the argument overflows."""
    y = np.r_[np.random.default_rng(4).uniform(0, 12, 2_000), 0.0]
    with workdps(40):
        exact = np.array([float(erfc(mpf(float(v)) / sqrt(2)) / 2) for v in y])
    assert np.abs(applied(fill_tail, y) - exact).max() < 8e-15
    assert np.abs(applied(fill_tail, np.array([1e300, np.inf]))).max() < 1e-300


def test_density_is_flushed_to_zero_where_it_would_be_subnormal() -> None:
    """Zero from 37.5 on, both sides."""
    near, far, left = applied(fill_density, np.array([37.4, 37.6, -1e9]))
    assert near == pytest.approx(np.exp(-0.5 * 37.4**2) / np.sqrt(2 * np.pi), rel=1e-12)
    assert far == left == 0.0


def test_constants_in_the_source_are_the_regenerated_ones() -> None:
    """Every coefficient that sixty digits give stands in the module."""
    source = Path(primitives.__file__).read_text(encoding="utf-8")
    bounds = {"exp": 4e-18, "half_power": 2e-14, "log_ratio": 5e-20, "mills": 4e-17, "tail_factor": 6e-15}
    for name, (values, error) in coefficients().items():
        assert error < bounds[name]
        for value in values:
            assert repr(abs(value)) in source, (name, value)


@pytest.mark.parametrize("function", [greeks_module._fill_greeks, implied_vol_module._fill_volatility])
def test_hot_kernels_are_simd_code(function: Any) -> None:
    """The machine code of the loop works on whole vector registers, because the compiler knows of no overlap."""
    fresh = numba.njit(pipeline_class=jit._NoAliasCompiler, error_model="numpy", fastmath=jit._FASTMATH)
    compiled = fresh(function.py_func)
    compiled.compile(function.signatures[0])
    (assembly,) = compiled.inspect_asm().values()
    register = {"avx512": "zmm", "avx2": "ymm", "other": "mulpd"}[instruction_set()]
    assert assembly.count(register) > (800 if register != "mulpd" else 100)


def test_kernels_start_no_thread_pool() -> None:
    """numba's parallel back end, which two Python threads may not enter at once, stays asleep."""
    script = (
        "import os; before = len(os.listdir('/proc/self/task'))\n"
        "import numpy; import fields.warm as w; base = len(os.listdir('/proc/self/task'))\n"
        "w.warm_kernels(); from numba.np.ufunc import parallel\n"
        "assert not parallel._is_initialized; assert len(os.listdir('/proc/self/task')) == base"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)


def test_concurrent_calls_from_many_threads_agree() -> None:
    """Kernels release the interpreter lock and share nothing."""
    columns = random_cases(5_000, seed=21)
    expected = greeks(*columns).zomma
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: greeks(*columns).zomma, range(64)):
            assert np.array_equal(result, expected)


def test_cache_key_covers_constants_and_primitives_of_other_files() -> None:
    """A kernel's key changes with what is inlined into it, not only with its own file."""

    def digest(namespace: dict[str, Any]) -> str:
        exec("def f(x):\n    return helper(x) * SCALE", namespace)  # noqa: S102
        found = hashlib.sha256()
        jit._digest_function(namespace["f"], found, set())
        return found.hexdigest()

    keys = {digest({"helper": helper, "SCALE": scale}) for helper in (exp_, normal_density) for scale in (1.0, 2.0)}
    assert len(keys) == 4
    assert digest({"helper": exp_, "SCALE": 1.0}) in keys

"""Green's operator against FFT convolution and LAPACK's banded Cholesky, on one thread and the same source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from scipy.linalg import solveh_banded
from scipy.signal import fftconvolve

from benchmarks.harness import Row, interleaved_ns, ratio_row, time_row
from fields.green import GreenOperator, factors
from market.chains import FloatArray

__all__ = ["run"]

_SIZES = (1_000, 10_000, 100_000, 1_000_000)
_HALF_WIDTH = 20.0
_GATED = 100_000


def _source(n: int) -> FloatArray:
    middle = np.linspace(-1.0, 1.0, n)
    return np.asarray(np.exp(-100.0 * middle * middle))


def _banded(operator: GreenOperator) -> FloatArray:
    conductance = operator.screening / np.sqrt(operator.illiquidity)
    upper = -conductance / np.sinh(operator.cell_depth)
    diagonal = np.zeros(operator.nodes.shape[0])
    diagonal[:-1] += conductance / np.tanh(operator.cell_depth)
    diagonal[1:] += conductance / np.tanh(operator.cell_depth)
    diagonal[[0, -1]] += conductance[[0, -1]]
    return np.vstack((np.concatenate(([0.0], upper)), diagonal))


def _eliminated(operator: GreenOperator, coupling: FloatArray, mass: FloatArray) -> FloatArray:
    ends = (operator.screening, operator.screening)
    ratio, inverse_pivot = factors(coupling, operator.ground, ends)
    return replace(operator, ratio=ratio, inverse_pivot=inverse_pivot).solve(mass)


def _alternatives(n: int) -> dict[str, Callable[[], object]]:
    nodes = np.linspace(-_HALF_WIDTH, _HALF_WIDTH, n)
    illiquidity, mass = np.ones(n - 1), _source(n)
    operator = GreenOperator.build(nodes, illiquidity, 1.0)
    offsets = (np.arange(2 * n - 1) - (n - 1)) * (nodes[1] - nodes[0])
    kernel, matrix = 0.5 * np.exp(-np.abs(offsets)), _banded(operator)
    coupling = -matrix[0, 1:]
    convolved = fftconvolve(mass, kernel, mode="valid")
    assert np.abs(convolved / operator.solve(mass) - 1.0).max() < 1e-4, "the alternatives solve different problems"
    return {
        "fitted": lambda: operator.solve(mass),
        "eliminated": lambda: _eliminated(operator, coupling, mass),
        "built": lambda: GreenOperator.build(nodes, illiquidity, 1.0).solve(mass),
        "fftconvolve": lambda: fftconvolve(mass, kernel, mode="valid"),
        "solveh_banded": lambda: solveh_banded(matrix, mass),
    }


def run() -> list[Row]:
    """Return time per node of each alternative and the ratios to the fitted solve.

    ``fitted`` reuses a factorisation, as the ladder does; ``eliminated`` makes it from ready conductances, as LAPACK
    does from a ready matrix; ``built`` starts from liquidity. FFT gets its kernel ready made too, which it can use at
    constant liquidity only.
    """
    rows = []
    for n in _SIZES:
        times = interleaved_ns(_alternatives(n), rounds=15)
        rows += [time_row(f"green: {name}", n, times[name]) for name in times]
        for name, reach in (("fftconvolve", 4.0), ("solveh_banded", 1.2)):
            for ours in ("fitted", "eliminated", "built"):
                gate = reach if n == _GATED and ours == "eliminated" else None
                rows.append(ratio_row(f"green: {name} over {ours}", n, times[name], times[ours], reach=gate))
    return rows

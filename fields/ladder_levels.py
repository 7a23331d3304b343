"""Where the ladder values a contract: on few Chebyshev nodes where its bell is wide, on the ladder's own where not.

A bell of width ``a = sigma sqrt(tau)`` is a smooth function of log price: over a half width L it is its own polynomial
of degree N - 1 to rounding once N exceeds a bound that grows with ``L / a``. All contracts that need the same N are
summed on its N Chebyshev nodes, and one matrix product carries each sum to the ladder. Most of a chain needs 24 to 64
values instead of 401, whatever the quantity, and nothing is approximated that double precision could tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.grid import LogGrid
from fields.jit import F64_2D, I64, OUT_2D, kernel
from fields.ladder_kernels import LANES
from market.chains import FloatArray

__all__ = ["LadderLevels", "levels_of"]

# Nodes: the largest L / a at which a bell times a cubic, or its integral, is interpolated to 2e-15 of its maximum.
# Found by bisection over all centres; each further node of the larger ones buys 0.12.
_REACH = {24: 1.35, 32: 2.3, 48: 4.2, 64: 6.2, 96: 10.0, 128: 13.8}
# A level with more nodes than this share of the ladder's would save nothing.
_WORTH = 0.7


@kernel(F64_2D, I64, F64_2D, OUT_2D)
def _carry(values: FloatArray, offset: NDArray[np.int64], carry_over: FloatArray, total: FloatArray) -> None:
    """Fill the ladder's own values plus what each level that holds anything carries over, four nodes at a time."""
    n_rows, n, own = values.shape[0], total.shape[1], offset[offset.shape[0] - 1]
    for r in range(n_rows):
        for j in range(n):
            total[r, j] = values[r, own + j]
    for level in range(offset.shape[0] - 1):
        held = False
        for r in range(n_rows):
            for p in range(offset[level], offset[level + 1]):
                held |= values[r, p] != 0.0
        # Every level has a multiple of four nodes; each row of the matrix is read once for all rows of values.
        for p in range(offset[level], offset[level + 1] if held else offset[level], 4):
            for r in range(n_rows):
                v0, v1, v2, v3 = values[r, p], values[r, p + 1], values[r, p + 2], values[r, p + 3]
                for j in range(n):
                    low = v0 * carry_over[p, j] + v1 * carry_over[p + 1, j]
                    total[r, j] += low + (v2 * carry_over[p + 2, j] + v3 * carry_over[p + 3, j])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LadderLevels:
    """Nodes of all levels end to end, the ladder's own last.

    Parameters
    ----------
    grid : LogGrid
        The ladder.
    x : ndarray, shape (n_places,)
        ln(price / spot) at every node of every level; the ladder's nodes are padded to whole SIMD registers.
    offset : ndarray of int64, shape (n_levels + 1,)
        Where each level begins; the last entry is where the ladder's own nodes begin.
    least_width : ndarray, shape (n_levels,)
        Smallest ``sigma sqrt(tau)`` that each level is fit for, falling.
    ratio : ndarray, shape (n_nodes,)
        Price over spot at the ladder's nodes.
    carry_over : ndarray, shape (nodes of all levels but the ladder's own, n_nodes)
        From the values of the levels to the ladder's.
    """

    grid: LogGrid
    x: FloatArray
    offset: NDArray[np.int64]
    least_width: FloatArray
    ratio: FloatArray
    carry_over: FloatArray

    def on_ladder(self, values: FloatArray) -> FloatArray:
        """Return what stands at the levels' nodes as values on the ladder.

        Parameters
        ----------
        values : ndarray, shape (..., n_places)
            Sums at every node of every level.

        Returns
        -------
        ndarray, shape (..., n_nodes)
            Their sum over the levels.
        """
        rows = values.reshape(-1, values.shape[-1])
        total = np.empty((rows.shape[0], self.grid.n_nodes))
        _carry(rows, self.offset, self.carry_over, total)
        return total.reshape(*values.shape[:-1], self.grid.n_nodes)


@lru_cache(maxsize=32)
def levels_of(grid: LogGrid) -> LadderLevels:
    """Return the levels of a ladder; they are kept for the next call.

    Parameters
    ----------
    grid : LogGrid
        The ladder.

    Returns
    -------
    LadderLevels
        Read-only.
    """
    half_width = 0.5 * (grid.n_nodes - 1) * grid.spacing
    middle = grid.start + half_width
    ladder = grid.start + np.arange(-(-grid.n_nodes // LANES) * LANES) * grid.spacing
    sizes = [size for size in _REACH if size <= _WORTH * grid.n_nodes]
    places, matrices = [], []
    for size in sizes:
        unit = np.sin(np.pi * (np.arange(size) - 0.5 * (size - 1)) / size)
        places.append(middle + half_width * unit)
        matrices.append(_interpolation(unit, (grid.nodes - middle) / half_width))
    x, least = np.concatenate((*places, ladder)), half_width / np.array([_REACH[size] for size in sizes])
    offset = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes, dtype=np.int64)))
    ratio = np.exp(grid.nodes)
    carry_over = np.concatenate(matrices) if matrices else np.empty((0, grid.n_nodes))
    for array in (x, least, offset, ratio, carry_over):
        array.setflags(write=False)
    return LadderLevels(
        grid=grid,
        x=x,
        offset=offset,
        least_width=least,
        ratio=ratio,
        carry_over=carry_over,
    )


def _interpolation(nodes: FloatArray, at: FloatArray) -> FloatArray:
    """Return the barycentric matrix from Chebyshev's first nodes to places in [-1, 1], shape (n_nodes, n_places)."""
    n = nodes.shape[0]
    weight = np.where(np.arange(n) % 2 == 0, 1.0, -1.0) * np.sin((2.0 * np.arange(n) + 1.0) * np.pi / (2.0 * n))
    distance = at[None, :] - nodes[:, None]
    meets = distance == 0.0
    share = weight[:, None] / np.where(meets, 1.0, distance)
    share = np.where(meets.any(axis=0), meets, share)
    return np.ascontiguousarray(share / share.sum(axis=0))

"""How illiquid each stretch of price is, relative to spot."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from fields.conventions import LiquiditySource
from fields.jit import F64, OUT, kernel
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["LiquidityProfile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityProfile:
    """Relative illiquidity by cell of log price: 1 at normal liquidity, 4 where the same flow moves price four times.

    Parameters
    ----------
    edges : ndarray, shape (n_cells + 1,)
        Cell edges, ln(price / spot), rising.
    illiquidity : ndarray, shape (n_cells,)
        Relative illiquidity of each cell, > 0; the end cells reach to infinity.
    source : LiquiditySource, optional
        What it stands on.
    reason : str, optional
        What the reader should know, such as how far a book was seen, or why the profile is constant.
    """

    edges: FloatArray
    illiquidity: FloatArray
    source: LiquiditySource = LiquiditySource.GIVEN
    reason: str = ""

    def __post_init__(self) -> None:
        if self.illiquidity.shape[0] < 1 or self.edges.shape != (self.illiquidity.shape[0] + 1,):
            raise DataError(
                "the liquidity profile's edges do not fit its cells",
                found=f"{self.edges.shape[0]} edges, {self.illiquidity.shape[0]} cells",
                expected="one edge more than cells",
            )
        # What rises throughout is finite between finite ends; a missing edge does not rise.
        ends = isfinite(self.edges[0]) and isfinite(self.edges[-1])
        if not (ends and (self.edges[1:] > self.edges[:-1]).all()):
            raise DataError("the liquidity profile's edges must rise", found="edges that do not", expected="rising")
        if not (self.illiquidity.min() > 0.0 and self.illiquidity.max() < np.inf):
            raise DataError("relative illiquidity must be positive", found="a cell that is not", expected="> 0, finite")

    def on_cells(self, nodes: FloatArray) -> FloatArray:
        """Return the illiquidity of the cells between nodes.

        Parameters
        ----------
        nodes : ndarray, shape (n_nodes,)
            ln(price / spot), rising.

        Returns
        -------
        ndarray, shape (n_nodes - 1,)
            Mean illiquidity over each cell: a series of resistances adds up.
        """
        found = np.empty(nodes.shape[0] - 1)
        _average(np.ascontiguousarray(self.edges), np.ascontiguousarray(self.illiquidity), nodes, found)
        return found


@kernel(F64, F64, F64, OUT)
def _average(edges: FloatArray, illiquidity: FloatArray, nodes: FloatArray, found: FloatArray) -> None:
    """Fill the mean over each cell between nodes of what stands between edges; the end values reach to infinity."""
    cell, last = 0, illiquidity.shape[0] - 1
    for i in range(found.shape[0]):
        at, until, total = nodes[i], nodes[i + 1], 0.0
        while cell < last and edges[cell + 1] <= at:
            cell += 1
        while cell < last and edges[cell + 1] < until:
            total += illiquidity[cell] * (edges[cell + 1] - at)
            at = edges[cell + 1]
            cell += 1
        found[i] = (total + illiquidity[cell] * (until - at)) / (until - nodes[i])

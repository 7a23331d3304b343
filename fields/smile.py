"""Smiles that ride with spot: each expiry's volatility over log-moneyness, tabulated on the ladder's own spacing."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.grid import LogGrid
from market.chains import BoolArray, FloatArray, IntArray
from market.errors import DataError

__all__ = ["SmileTable"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SmileTable:
    """Where each contract reads its volatility when spot moves and the smile stays at its moneyness.

    Parameters
    ----------
    volatility : ndarray, shape (n_table,)
        The smiles of all series end to end, against falling moneyness (rising spot), linear in between.
    start : ndarray of int64, shape (n_contracts,)
        Place of each contract's reading at the first node of the grid.
    fraction : ndarray, shape (n_contracts,)
        How far that reading lies towards the next place, 0 to 1; the same at every node.
    scale : ndarray, shape (n_contracts,)
        Contract's own volatility over the smile at its own moneyness.
    ceiling : ndarray, shape (n_contracts,)
        Highest volatility that the contract can read.
    grid : LogGrid
        The ladder that the table was made for.

    Notes
    -----
    The volatility of contract i at log spot x is ``sigma_i smile(k_i - x) / smile(k_i)``: spec 2.7's
    ``sigma_surface(k_i - x)`` where the contract lies on its smile, and in any case its own volatility at spot, so that
    both dynamics agree there. The table has the ladder's spacing; along the ladder a contract reads neighbours in turn.
    """

    volatility: FloatArray
    start: NDArray[np.int64]
    fraction: FloatArray
    scale: FloatArray
    ceiling: FloatArray
    grid: LogGrid

    @classmethod
    def build(
        cls,
        grid: LogGrid,
        series_index: IntArray | NDArray[np.int64],
        log_moneyness: FloatArray,
        volatility: FloatArray,
        is_knot: BoolArray,
    ) -> SmileTable:
        """Return the table of a chain.

        Parameters
        ----------
        grid : LogGrid
            Ladder.
        series_index : ndarray of int, shape (n_contracts,)
            Series of each contract.
        log_moneyness : ndarray, shape (n_contracts,)
            ln(strike / forward of its series).
        volatility : ndarray, shape (n_contracts,)
            Implied volatilities, > 0.
        is_knot : ndarray of bool, shape (n_contracts,)
            Contracts that define their smile, usually the out-of-the-money ones; a series without one takes them all.
            Equal moneyness is averaged; the smile is flat beyond its outermost knots.

        Returns
        -------
        SmileTable
            For these contracts in this order.
        """
        n = log_moneyness.shape[0]
        if not (np.isfinite(log_moneyness).all() and np.isfinite(volatility).all() and (volatility > 0.0).all()):
            raise DataError(
                "a smile needs finite volatilities", found="a missing volatility", expected="> 0 everywhere"
            )
        start, fraction, ceiling = np.zeros(n, dtype=np.int64), np.zeros(n), np.zeros(n)
        tables: list[FloatArray] = []
        offset = 0
        order = np.argsort(series_index, kind="stable")
        bounds = np.flatnonzero(np.diff(series_index[order], prepend=-1, append=-2))
        for first, last in pairwise(bounds):
            members = order[first:last]
            table, place = _one_smile(grid, log_moneyness[members], volatility[members], is_knot[members])
            whole = np.floor(place)
            start[members], fraction[members] = offset + whole.astype(np.int64), place - whole
            ceiling[members] = table.max()
            tables.append(table)
            offset += table.shape[0]
        joined = np.concatenate(tables) if tables else np.zeros(0)
        scale = volatility / _read_at(joined, start, fraction, grid, 0.0)
        return cls(volatility=joined, start=start, fraction=fraction, scale=scale, ceiling=scale * ceiling, grid=grid)

    def at(self, x: float) -> FloatArray:
        """Return every contract's volatility at one log spot inside the grid.

        Parameters
        ----------
        x : float
            ln(price / spot).

        Returns
        -------
        ndarray, shape (n_contracts,)
            Annualised volatilities.
        """
        return self.scale * _read_at(self.volatility, self.start, self.fraction, self.grid, x)

    def slope_at(self, x: float) -> FloatArray:
        """Return the derivative of `at` with respect to log spot, the one towards higher spot at a kink.

        Parameters
        ----------
        x : float
            ln(price / spot).

        Returns
        -------
        ndarray, shape (n_contracts,)
            Volatility per unit of log spot.
        """
        place, _ = _place(self.start, self.fraction, self.grid, x)
        rise = self.volatility[place + 1] - self.volatility[place]
        return np.asarray(self.scale * rise / self.grid.spacing)


def _place(
    start: NDArray[np.int64], fraction: FloatArray, grid: LogGrid, x: float
) -> tuple[NDArray[np.int64], FloatArray]:
    along = fraction + (x - grid.start) / grid.spacing
    whole = np.floor(along)
    return start + whole.astype(np.int64), along - whole


def _read_at(table: FloatArray, start: NDArray[np.int64], fraction: FloatArray, grid: LogGrid, x: float) -> FloatArray:
    place, upper = _place(start, fraction, grid, x)
    return np.asarray(table[place] + upper * (table[place + 1] - table[place]))


def _one_smile(
    grid: LogGrid, log_moneyness: FloatArray, volatility: FloatArray, is_knot: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Return one series' table and the place of each contract in it at the grid's first node."""
    chosen = is_knot if is_knot.any() else np.ones_like(is_knot)
    knots, where = np.unique(log_moneyness[chosen], return_inverse=True)
    heights = np.bincount(where, volatility[chosen]) / np.bincount(where)
    first = grid.start - float(log_moneyness.max()) - grid.spacing
    last = grid.start + (grid.n_nodes - 1) * grid.spacing - float(log_moneyness.min())
    # Two places of margin, so that rounding never reads past the end.
    n_table = int(np.ceil((last - first) / grid.spacing)) + 3
    table = np.interp(-(first + np.arange(n_table) * grid.spacing), knots, heights)
    return table, (grid.start - log_moneyness - first) / grid.spacing

"""Smiles that ride with spot: each expiry's volatility over log-moneyness, tabulated on the ladder's own spacing."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, sqrt
from typing import final

import numpy as np
from numba import types
from numpy.typing import NDArray

from fields.grid import LogGrid
from fields.jit import BOOL, F64, F64_2D, I64, INT, OUT, OUT_2D, REAL, kernel, primitive
from fields.ladder_kernels import LANES
from fields.surface.essvi import variance_at
from fields.surface.message import SliceSource, VolSurface
from market.chains import BoolArray, FloatArray, IntArray
from market.errors import DataError

__all__ = ["SmileTable"]

_MISSING, _UNSORTED = -1, -2
_PLACES = types.Array(types.int64, 1, "C")


@primitive
def _gather_knots(k: FloatArray, sigma: FloatArray, chosen: BoolArray, knots: FloatArray) -> int:
    """Copy one smile's knots, rising, into two rows, and return how many there are; equal moneyness is averaged."""
    everyone = not chosen.any()
    count, same = 0, 0
    for i in range(k.shape[0]):
        if not (everyone or chosen[i]):
            continue
        if count > 0 and k[i] == knots[0, count - 1]:
            same += 1
            knots[1, count - 1] += (sigma[i] - knots[1, count - 1]) / same
            continue
        knots[0, count], knots[1, count] = k[i], sigma[i]
        count, same = count + 1, 1
    return count


@kernel(I64, F64, F64, REAL, REAL, REAL, _PLACES, OUT, _PLACES, returns=INT)
def _measure(
    series: NDArray[np.int64],
    k: FloatArray,
    sigma: FloatArray,
    first_x: float,
    last_x: float,
    spacing: float,
    bounds: NDArray[np.int64],
    lowest: FloatArray,
    offset: NDArray[np.int64],
) -> int:
    """Fill where each smile's contracts and table begin, and return how many smiles there are.

    Returns `_MISSING` where a value cannot be used, `_UNSORTED` where the book is not sorted.
    """
    n, count = k.shape[0], 0
    for i in range(n):
        if not (abs(k[i]) < np.inf and 0.0 < sigma[i] < np.inf):
            return _MISSING
        if i == 0 or series[i] != series[i - 1]:
            if i > 0 and series[i] < series[i - 1]:
                return _UNSORTED
            bounds[count] = i
            count += 1
        elif k[i] < k[i - 1]:
            return _UNSORTED
    bounds[count], offset[0] = n, 0
    for smile in range(count):
        # One place of margin below and two above, so that rounding never reads outside; a ladder is valued in whole
        # groups of nodes.
        lowest[smile] = first_x - k[bounds[smile + 1] - 1] - spacing
        width = ceil((last_x - k[bounds[smile]] - lowest[smile]) / spacing) + 3 + LANES
        offset[smile + 1] = offset[smile] + width
    return count


@primitive
def _fill_table(knots: FloatArray, count: int, lowest: float, spacing: float, table: FloatArray) -> float:
    """Fill one smile's table, against falling moneyness, and return its highest value."""
    at, top = count - 1, 0.0
    for m in range(table.shape[0]):
        here = -(lowest + m * spacing)
        while at > 0 and knots[0, at] > here:
            at -= 1
        # `at` is the last knot not above the place, or the first knot.
        value = knots[1, at]
        if at + 1 < count and here > knots[0, at]:
            share = (here - knots[0, at]) / (knots[0, at + 1] - knots[0, at])
            value += share * (knots[1, at + 1] - knots[1, at])
        table[m] = value
        top = max(top, value)
    return top


@primitive
def _fill_from_slice(numbers: FloatArray, lowest: float, spacing: float, table: FloatArray) -> float:
    """Fill one smile's table from a fitted slice, flat beyond its quotes, and return its highest value."""
    theta, rho, psi, inv_tau, low, high = numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]
    top = 0.0
    for m in range(table.shape[0]):
        here = min(max(-(lowest + m * spacing), low), high)
        table[m] = sqrt(variance_at(theta, rho, psi, here) * inv_tau)
        top = max(top, table[m])
    return top


@kernel(F64, F64, BOOL, I64, F64, I64, F64_2D, REAL, REAL, OUT_2D, OUT, _PLACES, OUT, OUT, OUT)
def _tabulate(
    k: FloatArray,
    sigma: FloatArray,
    is_knot: BoolArray,
    bounds: NDArray[np.int64],
    lowest: FloatArray,
    offset: NDArray[np.int64],
    numbers: FloatArray,
    first_x: float,
    spacing: float,
    knots: FloatArray,
    table: FloatArray,
    start: NDArray[np.int64],
    fraction: FloatArray,
    scale: FloatArray,
    ceiling: FloatArray,
) -> None:
    """Fill each smile's table, and where each contract reads it."""
    for smile in range(lowest.shape[0]):
        first, last = bounds[smile], bounds[smile + 1]
        begin, low = offset[smile], lowest[smile]
        part = table[begin : offset[smile + 1]]
        if numbers[smile, 0] > 0.0:
            top = _fill_from_slice(numbers[smile], low, spacing, part)
        else:
            count = _gather_knots(k[first:last], sigma[first:last], is_knot[first:last], knots)
            top = _fill_table(knots, count, low, spacing, part)
        for i in range(first, last):
            place = (first_x - k[i] - low) / spacing
            whole = floor(place)
            start[i], fraction[i] = begin + int(whole), place - whole
            along = fraction[i] - first_x / spacing
            whole = floor(along)
            at = start[i] + int(whole)
            scale[i] = sigma[i] / (table[at] + (along - whole) * (table[at + 1] - table[at]))
            ceiling[i] = scale[i] * top


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
    both dynamics agree there. What a contract's quote differs from the smile rides along as a ratio: a difference could
    make a volatility negative where the smile is low. The smile is the fitted slice of a surface where there is one,
    else the quotes themselves. The table has the ladder's spacing; along the ladder a contract reads neighbours in
    turn.
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
        surface: VolSurface | None = None,
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
        surface : VolSurface, optional
            Surface whose fitted slices take the place of the knots; slice s belongs to series s. Flat beyond the quotes
            of the slice.

        Returns
        -------
        SmileTable
            For these contracts in this order.
        """
        n, h, first_x = log_moneyness.shape[0], grid.spacing, grid.start
        series = np.ascontiguousarray(series_index, dtype=np.int64)
        k, sigma = np.ascontiguousarray(log_moneyness), np.ascontiguousarray(volatility)
        knot, order = np.ascontiguousarray(is_knot), None
        bounds, lowest, offset = np.empty(n + 1, dtype=np.int64), np.empty(n), np.empty(n + 1, dtype=np.int64)
        span = (first_x, first_x + (grid.n_nodes - 1) * h, h)
        count = _measure(series, k, sigma, *span, bounds, lowest, offset)
        if count == _UNSORTED:
            order = _by_series_and_moneyness(series, k)
            series, k, sigma, knot = series[order], k[order], sigma[order], knot[order]
            count = _measure(series, k, sigma, *span, bounds, lowest, offset)
        if count < 0:
            raise DataError(
                "a smile needs finite volatilities", found="a missing volatility", expected="> 0 everywhere"
            )
        numbers = _numbers(surface, series[bounds[:count]])
        table, start, readings = np.empty(offset[count]), np.empty(n, dtype=np.int64), np.empty((3, n))
        smiles = (k, sigma, knot, bounds, lowest[:count], offset, numbers)
        _tabulate(*smiles, first_x, h, np.empty((2, n)), table, start, *readings)
        fraction, scale, ceiling = readings
        if order is not None:
            back = np.argsort(order)
            start, fraction, scale, ceiling = start[back], fraction[back], scale[back], ceiling[back]
        return cls(volatility=table, start=start, fraction=fraction, scale=scale, ceiling=ceiling, grid=grid)

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


def _numbers(surface: VolSurface | None, series: NDArray[np.int64]) -> FloatArray:
    """Return (theta, rho, psi, 1 / tau, lowest, highest moneyness) of each smile, 0 where there is no fitted slice."""
    numbers = np.zeros((series.shape[0], 6))
    if surface is not None:
        chosen = (surface.source[series] == int(SliceSource.FITTED)).nonzero()[0]
        s = series[chosen]
        columns = (surface.theta, surface.rho, surface.psi, 1.0 / surface.tau)
        for place, column in enumerate((*columns, surface.moneyness_low, surface.moneyness_high)):
            numbers[chosen, place] = column[s]
    return numbers


def _place(
    start: NDArray[np.int64], fraction: FloatArray, grid: LogGrid, x: float
) -> tuple[NDArray[np.int64], FloatArray]:
    along = fraction + (x - grid.start) / grid.spacing
    whole = np.floor(along)
    return start + whole.astype(np.int64), along - whole


def _read_at(table: FloatArray, start: NDArray[np.int64], fraction: FloatArray, grid: LogGrid, x: float) -> FloatArray:
    place, upper = _place(start, fraction, grid, x)
    return np.asarray(table[place] + upper * (table[place + 1] - table[place]))


def _by_series_and_moneyness(series: NDArray[np.int64], log_moneyness: FloatArray) -> NDArray[np.int64]:
    by_moneyness = np.argsort(log_moneyness)
    # The stable sort of 16-bit keys is a radix sort.
    return by_moneyness[np.argsort(series[by_moneyness].astype(np.uint16), kind="stable")]

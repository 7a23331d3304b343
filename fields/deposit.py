"""Cloud-in-cell deposit of contracts onto a uniform grid of log price: mass and first moment are conserved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from fields.grid import LogGrid
from fields.jit import F64, F64_2D, I32, OUT, OUT_2D, REAL, kernel
from market.chains import FloatArray, IntArray
from market.errors import DataError

__all__ = ["Deposit", "deposit", "deposit_by_expiry"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Deposit:
    """Mass at the nodes, and what fell beside them.

    Parameters
    ----------
    mass : ndarray, shape (n_rows, n_nodes)
        Point masses, unit of the weights; one row per field or per expiry.
    outside : ndarray, shape (n_rows,)
        Signed mass outside the grid (or at no finite price); ``mass.sum(1) + outside`` is the sum of the weights.
    outside_absolute : ndarray, shape (n_rows,)
        The same without netting.
    """

    mass: FloatArray
    outside: FloatArray
    outside_absolute: FloatArray


@kernel(F64, F64_2D, REAL, REAL, OUT_2D, OUT, OUT)
def _deposit(
    position: FloatArray,
    weight: FloatArray,
    start: float,
    per_spacing: float,
    mass: FloatArray,
    outside: FloatArray,
    outside_absolute: FloatArray,
) -> None:
    last = mass.shape[1] - 1
    for i in range(position.shape[0]):
        u = (position[i] - start) * per_spacing
        if u >= 0.0 and u <= last:
            j = min(int(u), last - 1)
            upper = u - j
            for row in range(weight.shape[0]):
                share = weight[row, i] * upper
                mass[row, j + 1] += share
                mass[row, j] += weight[row, i] - share
        else:
            for row in range(weight.shape[0]):
                outside[row] += weight[row, i]
                outside_absolute[row] += abs(weight[row, i])


@kernel(F64, F64, I32, REAL, REAL, OUT_2D, OUT, OUT)
def _deposit_by_row(
    position: FloatArray,
    weight: FloatArray,
    row_of: IntArray,
    start: float,
    per_spacing: float,
    mass: FloatArray,
    outside: FloatArray,
    outside_absolute: FloatArray,
) -> None:
    last = mass.shape[1] - 1
    for i in range(position.shape[0]):
        row = row_of[i]
        if row < 0 or row >= mass.shape[0]:
            continue
        u = (position[i] - start) * per_spacing
        if u >= 0.0 and u <= last:
            j = min(int(u), last - 1)
            share = weight[i] * (u - j)
            mass[row, j + 1] += share
            mass[row, j] += weight[i] - share
        else:
            outside[row] += weight[i]
            outside_absolute[row] += abs(weight[i])


def deposit(grid: LogGrid, log_moneyness: FloatArray, weight: FloatArray) -> Deposit:
    """Deposit several fields of the contracts at once.

    Parameters
    ----------
    grid : LogGrid
        Nodes.
    log_moneyness : ndarray, shape (n_contracts,)
        ln(strike / spot); a value that is not finite counts as outside.
    weight : ndarray, shape (n_fields, n_contracts)
        What each contract carries, such as its signed dollar gamma.

    Returns
    -------
    Deposit
        One row per field.
    """
    if weight.ndim != 2 or weight.shape[1:] != log_moneyness.shape:
        raise DataError(
            "weights do not fit the contracts", found=str(weight.shape), expected=f"(n, {len(log_moneyness)})"
        )
    rows = weight.shape[0]
    result = _empty(rows, grid.n_nodes)
    position = np.ascontiguousarray(log_moneyness, dtype=np.float64)
    carried = np.ascontiguousarray(weight, dtype=np.float64)
    _deposit(position, carried, grid.start, 1.0 / grid.spacing, result.mass, result.outside, result.outside_absolute)
    return result


def deposit_by_expiry(
    grid: LogGrid, log_moneyness: FloatArray, weight: FloatArray, expiry_index: IntArray, n_expiries: int
) -> Deposit:
    """Deposit one field by expiration and price.

    Parameters
    ----------
    grid : LogGrid
        Price buckets; a bucket's centre is a node.
    log_moneyness, weight : ndarray, shape (n_contracts,)
        ln(strike / spot) and what each contract carries.
    expiry_index : ndarray of int32, shape (n_contracts,)
        Row of each contract; one outside ``[0, n_expiries)`` is of an expiration that is not asked for.
    n_expiries : int
        Rows.

    Returns
    -------
    Deposit
        One row per expiration.
    """
    if not weight.shape == log_moneyness.shape == expiry_index.shape:
        found = f"{log_moneyness.shape}, {weight.shape}, {expiry_index.shape}"
        raise DataError("deposit needs equal lengths", found=found, expected="one value per contract")
    result = _empty(n_expiries, grid.n_nodes)
    _deposit_by_row(
        np.ascontiguousarray(log_moneyness, dtype=np.float64),
        np.ascontiguousarray(weight, dtype=np.float64),
        np.ascontiguousarray(expiry_index, dtype=np.int32),
        grid.start,
        1.0 / grid.spacing,
        result.mass,
        result.outside,
        result.outside_absolute,
    )
    return result


def _empty(rows: int, columns: int) -> Deposit:
    return Deposit(mass=np.zeros((rows, columns)), outside=np.zeros(rows), outside_absolute=np.zeros(rows))

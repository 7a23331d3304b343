"""Contract symbols as the Options Clearing Corporation writes them: root, yymmdd, C or P, strike in thousandths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from market.chains import FloatArray

__all__ = ["OccSymbols", "parse_occ"]

_TAIL = 15  # yymmdd, right, 8 digits of strike
_DATE_DIGITS = np.array([0, 1, 2, 3, 4, 5])
_STRIKE_DIGITS = np.arange(7, 15)
_MAX_WIDTH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class OccSymbols:
    """What a column of contract symbols says.

    Parameters
    ----------
    root : ndarray of bytes, shape (n_contracts,)
        Roots without padding.
    expiration : ndarray of datetime64[D], shape (n_contracts,)
        Expiration dates; NaT where the symbol is not one.
    right : ndarray of int8, shape (n_contracts,)
        1 call, 0 put, -1 neither.
    strike : ndarray, shape (n_contracts,)
        Strikes; NaN where the symbol is not one.
    valid : ndarray of bool, shape (n_contracts,)
        Whether the symbol could be read.
    """

    root: NDArray[np.bytes_]
    expiration: NDArray[np.datetime64]
    right: NDArray[np.int8]
    strike: FloatArray
    valid: NDArray[np.bool_]


def parse_occ(symbols: NDArray[np.bytes_]) -> OccSymbols:
    """Read contract symbols, all at once.

    Parameters
    ----------
    symbols : ndarray of bytes, shape (n_contracts,)
        Padded (``b"SPX   240119C04500000"``), compact (``b"SPX240119C04500000"``), with one blank after the root, or
        with the prefix ``O:``.

    Returns
    -------
    OccSymbols
        Arrays of shape (n_contracts,). Strikes are exact: the integer of thousandths, divided once.
    """
    n = symbols.shape[0]
    width = max(min(symbols.dtype.itemsize, _MAX_WIDTH), _TAIL + 1)
    fixed = np.char.strip(symbols.astype(f"S{width}"))
    fixed = np.where(np.char.startswith(fixed, b"O:"), np.strings.slice(fixed, 2, None), fixed).astype(f"S{width}")
    letters = np.ascontiguousarray(fixed).view(np.uint8).reshape(n, width)
    length = np.char.str_len(fixed)
    start = np.maximum(length - _TAIL, 0)
    tail = np.take_along_axis(letters, np.minimum(start[:, None] + np.arange(_TAIL), width - 1), axis=1)
    digits = tail.astype(np.int64) - ord("0")
    numeric = (digits >= 0) & (digits <= 9)
    call, put = tail[:, 6] == ord("C"), tail[:, 6] == ord("P")
    valid = (length > _TAIL) & numeric[:, _DATE_DIGITS].all(axis=1) & numeric[:, _STRIKE_DIGITS].all(axis=1)
    valid &= call | put
    expiration = _dates(digits[:, :6], valid)
    thousandths = digits[:, 7:] @ 10 ** np.arange(7, -1, -1)
    root = _roots(letters, start)
    valid &= ~np.isnat(expiration) & (np.char.str_len(root) > 0)
    return OccSymbols(
        root=root,
        expiration=expiration,
        right=np.where(valid, call.astype(np.int8), np.int8(-1)).astype(np.int8),
        strike=np.where(valid, thousandths / 1000.0, np.nan),
        valid=valid,
    )


def _dates(digits: NDArray[np.int64], valid: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    year = 2000 + digits[:, 0] * 10 + digits[:, 1]
    month = digits[:, 2] * 10 + digits[:, 3]
    day = digits[:, 4] * 10 + digits[:, 5]
    possible = valid & (month >= 1) & (month <= 12) & (day >= 1)
    first = ((np.where(possible, year, 2000) - 1970) * 12 + np.where(possible, month, 1) - 1).astype("datetime64[M]")
    dates = first.astype("datetime64[D]") + (np.where(possible, day, 1) - 1).astype("timedelta64[D]")
    # 31 February rolls into March: a date that left its month was never one.
    possible &= dates.astype("datetime64[M]") == first
    return np.where(possible, dates, np.datetime64("NaT", "D"))


def _roots(letters: NDArray[np.uint8], start: NDArray[np.int64]) -> NDArray[np.bytes_]:
    inside = np.arange(letters.shape[1]) < start[:, None]
    kept = np.where(inside, letters, 0).astype(np.uint8)
    return np.char.strip(np.ascontiguousarray(kept).view(f"S{letters.shape[1]}").reshape(-1))

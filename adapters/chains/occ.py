"""Contract symbols as the Options Clearing Corporation writes them: root, yymmdd, C or P, strike in thousandths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from adapters.chains.columns import distinct
from market.chains import FloatArray

__all__ = ["OccSymbols", "parse_occ"]

_TAIL = 15  # yymmdd, right, 8 digits of strike
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
    letters, length = _letters(symbols)
    start = np.maximum(length - _TAIL, 0)
    tail = _tails(letters, length)
    digits = tail - np.uint8(ord("0"))  # what is no digit wraps to more than 9
    call, put = tail[6] == ord("C"), tail[6] == ord("P")
    numeric = (digits[:6].max(axis=0) <= 9) & (digits[7:].max(axis=0) <= 9)
    valid = (length > _TAIL) & numeric & (call | put)
    expiration = _dates(_integers(digits[:6]), valid)
    thousandths = _integers(digits[7:])
    root = _roots(letters, start)
    valid &= ~np.isnat(expiration) & (np.char.str_len(root) > 0)
    return OccSymbols(
        root=root,
        expiration=expiration,
        right=np.where(valid, call.astype(np.int8), np.int8(-1)).astype(np.int8),
        strike=np.where(valid, thousandths / 1000.0, np.nan),
        valid=valid,
    )


def _letters(symbols: NDArray[np.bytes_]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return the symbols as letters, shape (n_contracts, width), without blanks around or a prefix, and the lengths."""
    n = symbols.shape[0]
    width = max(min(symbols.dtype.itemsize, _MAX_WIDTH), _TAIL + 1)
    fixed = np.ascontiguousarray(symbols.astype(f"S{width}"))
    letters = fixed.view(np.uint8).reshape(n, width)
    # Compact symbols, as nearly all vendors write them, need none of the slower work on strings.
    if bool(((letters - np.uint8(1)) < 32).any()) or bool((letters == ord(":")).any()):
        fixed = np.char.strip(fixed)
        fixed = np.where(np.char.startswith(fixed, b"O:"), np.strings.slice(fixed, 2, None), fixed).astype(f"S{width}")
        letters = np.ascontiguousarray(fixed).view(np.uint8).reshape(n, width)
    return letters, np.char.str_len(fixed)


def _tails(letters: NDArray[np.uint8], length: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the last letters of each symbol, shape (15, n_contracts): a place in the symbol is a row of its own."""
    places = np.ascontiguousarray(letters.T)
    tail = np.zeros((_TAIL, letters.shape[0]), dtype=np.uint8)
    for size in np.flatnonzero(np.bincount(length, minlength=1)):
        if size >= _TAIL:
            tail = np.where(length == size, places[size - _TAIL : size], tail)
    return tail


def _integers(digits: NDArray[np.uint8]) -> NDArray[np.int64]:
    value = np.zeros(digits.shape[1], dtype=np.int64)
    for row in digits:
        value *= 10
        value += row
    return value


def _dates(yymmdd: NDArray[np.int64], valid: NDArray[np.bool_]) -> NDArray[np.datetime64]:
    found, codes = distinct(np.where(valid, yymmdd, 0))
    year, month, day = 2000 + found // 10_000, found // 100 % 100, found % 100
    possible = (month >= 1) & (month <= 12) & (day >= 1)
    first = ((year - 1970) * 12 + np.where(possible, month, 1) - 1).astype("datetime64[M]")
    dates = first.astype("datetime64[D]") + (np.where(possible, day, 1) - 1).astype("timedelta64[D]")
    # 31 February rolls into March: a date that left its month was never one.
    possible &= dates.astype("datetime64[M]") == first
    return np.where(possible, dates, np.datetime64("NaT", "D"))[codes]


def _roots(letters: NDArray[np.uint8], start: NDArray[np.int64]) -> NDArray[np.bytes_]:
    width = max(int(start.max(initial=0)), 1)
    inside = np.arange(width) < start[:, None]
    kept = np.where(inside, letters[:, :width], 0).astype(np.uint8)
    roots = np.ascontiguousarray(kept).view(f"S{width}").reshape(-1)
    return np.char.strip(roots) if bool(((kept - np.uint8(1)) < 32).any()) else roots

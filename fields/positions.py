"""Dealer contracts per option: the conventions, and a user's own vector (+ dealer long)."""

from __future__ import annotations

import numpy as np

from fields.config import PositionSource
from market.chains import BoolArray, FloatArray
from market.errors import ConfigError, DataError

__all__ = ["dealer_contracts", "user_contracts"]


def dealer_contracts(source: PositionSource, open_interest: FloatArray, is_call: BoolArray) -> FloatArray:
    """Return signed dealer contracts under a convention on open interest.

    Parameters
    ----------
    source : PositionSource
        ``oi_naive`` (dealers long calls and short puts), ``all_short`` or ``all_long``.
    open_interest : ndarray, shape (n_contracts,)
        Contracts; NaN where missing.
    is_call : ndarray of bool, shape (n_contracts,)
        True for calls.

    Returns
    -------
    ndarray, shape (n_contracts,)
        Contracts, + dealer long; NaN where the open interest is missing.
    """
    if source is PositionSource.OI_NAIVE:
        return np.where(is_call, open_interest, -open_interest)
    if source is PositionSource.ALL_SHORT:
        return -open_interest
    if source is PositionSource.ALL_LONG:
        return open_interest.copy()
    of_book = source in {PositionSource.FLOW, PositionSource.HYBRID}
    raise ConfigError(
        "this position source needs a vector of dealer contracts",
        found=source.value,
        expected="oi_naive, all_short or all_long without a vector",
        action="pass the contracts of a dealer book" if of_book else "pass user_position",
    )


def user_contracts(user_position: FloatArray, n_contracts: int) -> FloatArray:
    """Check a user's vector of dealer contracts.

    Parameters
    ----------
    user_position : ndarray, shape (n_contracts,)
        Signed contracts in the order of the chain, + dealer long; NaN where unknown.
    n_contracts : int
        Contracts of the chain.

    Returns
    -------
    ndarray, shape (n_contracts,)
        The vector as float64; an infinite position is an error.
    """
    vector = np.ascontiguousarray(user_position, dtype=np.float64)
    if vector.shape != (n_contracts,):
        raise DataError(
            "the position vector does not fit the chain",
            found=f"shape {vector.shape}",
            expected=f"shape ({n_contracts},)",
            action="align it with the chain's contracts",
        )
    if np.isinf(vector).any():
        raise DataError("the position vector has an infinite entry", found="inf", expected="contracts, or NaN")
    return vector

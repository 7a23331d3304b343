"""Which columns of a table of returns can be judged at all."""

from __future__ import annotations

import numpy as np

from backtest.metrics.performance import is_constant
from market.chains import BoolArray, FloatArray

__all__ = ["varying_columns"]


def varying_columns(columns: FloatArray) -> BoolArray:
    """Return which columns are finite throughout and not constant.

    Parameters
    ----------
    columns : ndarray, shape (n_days, n_trials)
        Returns, or differences of returns.

    Returns
    -------
    ndarray of bool, shape (n_trials,)
        All false where there is no day.
    """
    if not columns.shape[0]:
        return np.zeros(columns.shape[1], dtype=np.bool_)
    return np.array(
        [bool(np.isfinite(column).all()) and not is_constant(column) for column in columns.T], dtype=np.bool_
    )

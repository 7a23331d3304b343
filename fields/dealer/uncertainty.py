"""How far the error of dealer positions carries into sums of exposures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["ExposureErrors", "exposure_errors"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureErrors:
    """Error of exposure sums; arrays of shape ``(n_groups,)``, in the exposure's unit.

    Parameters
    ----------
    independent : ndarray
        Standard error where the contracts' errors are independent: sqrt(sum (g_i se_i)^2).
    bound : ndarray
        Standard error where all errors push the sum the same way: sum |g_i| se_i. No correlation gives more.
    unknown : ndarray of int64
        Contracts left out because their exposure or error is NaN.
    """

    independent: FloatArray
    bound: FloatArray
    unknown: Int64Array


def exposure_errors(
    exposure_per_contract: FloatArray,
    standard_error: FloatArray,
    group: Int64Array | None = None,
    n_groups: int = 1,
) -> ExposureErrors:
    """Return the error of a sum of exposures, in total or by group, such as by strike.

    Parameters
    ----------
    exposure_per_contract : ndarray, shape (n_contracts,)
        Exposure of one long contract, such as USD of gamma per 1 %.
    standard_error : ndarray, shape (n_contracts,)
        Of each contract's dealer position, contracts.
    group : ndarray of int64, shape (n_contracts,), optional
        Group of each contract, 0 to ``n_groups - 1``; all in group 0 without it.
    n_groups : int, optional
        Number of groups.

    Returns
    -------
    ExposureErrors
        Per group.

    Notes
    -----
    Errors of misclassified trades are close to independent between contracts. The error of an opening convention is
    not: where dealers are not long calls, they are not long calls at all strikes. `bound` covers that.
    """
    if exposure_per_contract.shape != standard_error.shape:
        raise DataError(
            "exposures and standard errors differ in length",
            found=f"shape {standard_error.shape}",
            expected=f"shape {exposure_per_contract.shape}",
        )
    place = np.zeros(standard_error.shape, dtype=np.int64) if group is None else group
    size = np.abs(exposure_per_contract) * standard_error
    unknown = np.isnan(size)
    if unknown.any():
        size = np.where(unknown, 0.0, size)
    return ExposureErrors(
        independent=np.sqrt(np.bincount(place, size * size, n_groups)),
        bound=np.bincount(place, size, n_groups).astype(np.float64),
        unknown=np.bincount(place[unknown], minlength=n_groups),
    )

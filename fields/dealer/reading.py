"""The position that a book's values amount to: level, error, cap, and why where it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan, sqrt
from typing import Final

import numpy as np
from numba import types
from numpy.typing import NDArray

from fields.dealer.kernels import Row
from fields.dealer.messages import DealerPosition, PositionReason
from fields.jit import BOOL, F64, F64_2D, OUT, OUT_2D, kernel, primitive
from market.chains import BoolArray, FloatArray

__all__ = ["PositionTally", "read_position", "tally_of"]


# An array that is compared with a member of an enumeration asks its class for a dozen names first.
_UNSEEN, _EXPIRED, _NO_INTEREST, _CARRIED, _SPLIT, _USER_UNKNOWN = (
    int(reason)
    for reason in (
        PositionReason.UNSEEN,
        PositionReason.EXPIRED,
        PositionReason.NO_OPEN_INTEREST,
        PositionReason.CARRIED,
        PositionReason.SPLIT,
        PositionReason.USER_UNKNOWN,
    )
)


_REASONS: Final = tuple(PositionReason)
_OUT_BOOL: Final = types.Array(types.boolean, 1, "C")
_U8: Final = types.Array(types.uint8, 1, "C", readonly=True)
_OUT_U8: Final = types.Array(types.uint8, 1, "C")


@primitive
def _reason_of(values: FloatArray, i: int, volume: float, status: int, expired: bool) -> int:  # noqa: FBT001  # of a kernel
    # From the strongest to the weakest.
    no_interest = np.isnan(values[Row.OPEN_INTEREST, i])
    if status == _SPLIT:
        return _SPLIT
    if expired:
        return _EXPIRED
    if no_interest and not volume > 0.0:
        return _UNSEEN
    if np.isnan(values[Row.OPENING, i]):
        return _USER_UNKNOWN
    if no_interest:
        return _NO_INTEREST
    return _CARRIED if status == _CARRIED else 0


@kernel(F64_2D, _U8, BOOL, types.boolean, OUT_2D, _OUT_BOOL, _OUT_U8)
def _read(
    values: FloatArray,
    status: NDArray[np.uint8],
    expired: BoolArray,
    moved: bool,  # noqa: FBT001  # of a kernel
    found: FloatArray,
    capped: BoolArray,
    reason: NDArray[np.uint8],
) -> None:
    """Fill contracts, standard error, flow, opening and cap, whether the cap holds, and why something is missing."""
    for i in range(status.shape[0]):
        late = values[Row.NEXT_SIGNED_VOLUME, i] + values[Row.NEXT_UNSIGNED_VOLUME, i]
        volume = values[Row.SIGNED_VOLUME, i] + values[Row.UNSIGNED_VOLUME, i] + late
        why = _reason_of(values, i, volume, status[i], expired[i])
        interest, opening, variance = (
            values[Row.OPEN_INTEREST, i],
            values[Row.OPENING, i],
            values[Row.OPENING_VARIANCE, i],
        )
        cap = volume + (0.0 if np.isnan(interest) else max(interest, 0.0))
        flow, raw = values[Row.FLOW, i] + values[Row.NEXT_FLOW, i], opening
        if moved:
            raw = opening + flow
            variance = variance + values[Row.FLOW_VARIANCE, i] + values[Row.NEXT_FLOW_VARIANCE, i]
        contracts = raw if np.isnan(raw) else min(max(raw, -cap), cap)
        # Whatever the noise, truth and estimate both lie within the cap.
        most = (cap + abs(contracts)) ** 2
        error = np.nan if np.isnan(variance) or np.isnan(most) else sqrt(min(variance, most))
        is_capped = abs(raw) > cap
        # Of these nothing at all is known; of a hole in a user's vector the cap is.
        absent = why in (_UNSEEN, _SPLIT)
        if absent or why == _USER_UNKNOWN or (why == _NO_INTEREST and not moved):
            contracts, error, opening, is_capped = np.nan, np.nan, np.nan, False
        elif why == _EXPIRED:
            contracts, error, opening, is_capped, flow, cap = 0.0, 0.0, 0.0, False, 0.0, 0.0
        found[0, i], found[1, i], found[2, i], found[3, i] = contracts, error, flow, opening
        found[4, i], capped[i], reason[i] = np.nan if absent else cap, is_capped, why


def read_position(
    values: FloatArray, status: NDArray[np.uint8], expired: BoolArray, ts_ns: int, *, moved: bool
) -> DealerPosition:
    """Read positions from a book's values.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_contracts)
        Of the contracts asked for.
    status : ndarray of uint8, shape (n_contracts,)
        Reason that sticks to each contract.
    expired : ndarray of bool, shape (n_contracts,)
        Whether the expiry instant has passed.
    ts_ns : int
        Instant of the reading.
    moved : bool
        Whether trades move the position.

    Returns
    -------
    DealerPosition
        See there.
    """
    n = status.shape[0]
    found, capped, reason = np.empty((5, n)), np.empty(n, dtype=np.bool_), np.empty(n, dtype=np.uint8)
    _read(
        np.ascontiguousarray(values),
        np.ascontiguousarray(status, dtype=np.uint8),
        expired,
        moved,
        found,
        capped,
        reason,
    )
    contracts, error, flow, opening, cap = found
    return DealerPosition(
        ts_ns=ts_ns,
        contracts=contracts,
        standard_error=error,
        flow=flow,
        opening=opening,
        cap=cap,
        capped=capped,
        reason=reason,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionTally:
    """Sums over the contracts of a position.

    Parameters
    ----------
    net_flow, gross_flow : float
        Contracts of flow, signed and unsigned; what is missing counts as none.
    mean_standard_error : float
        Of the contracts whose error is known; NaN where none is.
    capped, unknown : int
        Contracts held by their cap, and those without a position.
    reasons : dict of PositionReason to int
        Contracts under each reason but ``KNOWN``.
    """

    net_flow: float
    gross_flow: float
    mean_standard_error: float
    capped: int
    unknown: int
    reasons: dict[PositionReason, int]


@kernel(F64, F64, F64, BOOL, _U8, OUT)
def _tally(
    contracts: FloatArray,
    error: FloatArray,
    flow: FloatArray,
    capped: BoolArray,
    reason: NDArray[np.uint8],
    sums: FloatArray,
) -> None:
    for i in range(contracts.shape[0]):
        if not np.isnan(flow[i]):
            sums[0] += flow[i]
            sums[1] += abs(flow[i])
        if np.isfinite(error[i]):
            sums[2] += error[i]
            sums[3] += 1.0
        sums[4] += capped[i]
        sums[5] += np.isnan(contracts[i])
        sums[6 + reason[i]] += 1.0


def tally_of(position: DealerPosition) -> PositionTally:
    """Add up a position for its reader.

    Parameters
    ----------
    position : DealerPosition
        As `read_position` gives it.

    Returns
    -------
    PositionTally
        See there.
    """
    sums = np.zeros(6 + len(_REASONS))
    p = position
    _tally(p.contracts, p.standard_error, p.flow, p.capped, p.reason, sums)
    net, gross, errors, known, capped, unknown, _, *counts = sums.tolist()
    return PositionTally(
        net_flow=net,
        gross_flow=gross,
        mean_standard_error=errors / known if known else nan,
        capped=int(capped),
        unknown=int(unknown),
        reasons={reason: int(count) for reason, count in zip(_REASONS[1:], counts, strict=True) if count},
    )

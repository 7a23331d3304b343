"""The position that a book's values amount to: level, error, cap, and why where it is missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fields.dealer.anchoring import volume_of
from fields.dealer.kernels import Row
from fields.dealer.messages import DealerPosition, PositionReason
from market.chains import BoolArray, FloatArray

__all__ = ["read_position"]


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


def _reasons(
    values: FloatArray, volume: FloatArray, status: NDArray[np.uint8], expired: BoolArray
) -> NDArray[np.uint8]:
    no_interest = np.isnan(values[Row.OPEN_INTEREST])
    chosen = np.zeros(status.shape, dtype=np.uint8)
    # From the weakest to the strongest: the last that holds stands.
    if status.any():
        chosen[status == _CARRIED] = _CARRIED
    chosen[no_interest] = _NO_INTEREST
    chosen[np.isnan(values[Row.OPENING])] = _USER_UNKNOWN
    chosen[no_interest & ~(volume > 0.0)] = _UNSEEN
    chosen[expired] = _EXPIRED
    if status.any():
        chosen[status == _SPLIT] = _SPLIT
    return chosen


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
    volume = volume_of(values)
    reason = _reasons(values, volume, status, expired)
    cap = np.fmax(values[Row.OPEN_INTEREST], 0.0) + volume
    flow = values[Row.FLOW] + values[Row.NEXT_FLOW]
    opening, variance = values[Row.OPENING], values[Row.OPENING_VARIANCE]
    raw = opening
    if moved:
        raw = opening + flow
        variance = variance + values[Row.FLOW_VARIANCE] + values[Row.NEXT_FLOW_VARIANCE]
    contracts = np.minimum(np.maximum(raw, -cap), cap)
    # Whatever the noise, truth and estimate both lie within the cap.
    error = np.sqrt(np.minimum(variance, np.square(cap + np.abs(contracts))))
    # Of these nothing at all is known; of a hole in a user's vector the cap is.
    capped = np.abs(raw) > cap
    if reason.any():
        absent = (reason == _UNSEEN) | (reason == _SPLIT)
        unknown = absent | (reason == _USER_UNKNOWN)
        if not moved:
            unknown |= reason == _NO_INTEREST
        dead = reason == _EXPIRED
        contracts, error, opening = (
            np.where(unknown, np.nan, np.where(dead, 0.0, column)) for column in (contracts, error, opening)
        )
        flow, cap = np.where(dead, 0.0, flow), np.where(absent, np.nan, np.where(dead, 0.0, cap))
        capped = capped & ~unknown & ~dead
    return DealerPosition(
        ts_ns=ts_ns,
        contracts=contracts,
        standard_error=error,
        flow=flow,
        opening=opening.copy() if opening.base is not None else opening,
        cap=cap,
        capped=np.asarray(capped),
        reason=reason,
    )

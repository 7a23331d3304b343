"""The position that a book's values amount to: level, error, cap, and why where it is missing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fields.dealer.anchoring import volume_of
from fields.dealer.kernels import Row
from fields.dealer.messages import DealerPosition, PositionReason
from market.chains import BoolArray, FloatArray

__all__ = ["read_position"]


def _reasons(values: FloatArray, status: NDArray[np.uint8], expired: BoolArray) -> NDArray[np.uint8]:
    no_interest = np.isnan(values[Row.OPEN_INTEREST])
    nothing = no_interest & ~(volume_of(values) > 0.0)
    chosen = np.zeros(status.shape, dtype=np.uint8)
    # From the weakest to the strongest: the last that holds stands.
    chosen[status == PositionReason.CARRIED] = PositionReason.CARRIED
    chosen[no_interest] = PositionReason.NO_OPEN_INTEREST
    chosen[np.isnan(values[Row.OPENING])] = PositionReason.USER_UNKNOWN
    chosen[nothing] = PositionReason.UNSEEN
    chosen[expired] = PositionReason.EXPIRED
    chosen[status == PositionReason.SPLIT] = PositionReason.SPLIT
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
    reason = _reasons(values, status, expired)
    cap = np.fmax(values[Row.OPEN_INTEREST], 0.0) + volume_of(values)
    flow = values[Row.FLOW] + values[Row.NEXT_FLOW]
    opening, variance = values[Row.OPENING], values[Row.OPENING_VARIANCE]
    raw = opening
    if moved:
        raw = opening + flow
        variance = variance + values[Row.FLOW_VARIANCE] + values[Row.NEXT_FLOW_VARIANCE]
    contracts = np.clip(raw, -cap, cap)
    # Whatever the noise, truth and estimate both lie within the cap.
    error = np.sqrt(np.minimum(variance, np.square(cap + np.abs(contracts))))
    # Of these nothing at all is known; of a hole in a user's vector the cap is.
    absent = (reason == PositionReason.UNSEEN) | (reason == PositionReason.SPLIT)
    unknown = absent | (reason == PositionReason.USER_UNKNOWN)
    if not moved:
        unknown |= reason == PositionReason.NO_OPEN_INTEREST
    dead = reason == PositionReason.EXPIRED

    def _masked(column: FloatArray) -> FloatArray:
        return np.where(unknown, np.nan, np.where(dead, 0.0, column))

    return DealerPosition(
        ts_ns=ts_ns,
        contracts=_masked(contracts),
        standard_error=_masked(error),
        flow=np.where(dead, 0.0, flow),
        opening=_masked(opening),
        cap=np.where(absent, np.nan, np.where(dead, 0.0, cap)),
        capped=np.asarray((np.abs(raw) > cap) & ~unknown & ~dead),
        reason=reason,
    )

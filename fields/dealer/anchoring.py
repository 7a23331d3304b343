"""How a book meets a newly published open interest: what it assumes, what it carries over, and what it refuses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from fields.config import PositionSource
from fields.dealer.config import DealerConfig, OpeningMode
from fields.dealer.kernels import BUCKET_ROWS, N_ROWS, Row
from fields.dealer.messages import ContractSplit, OpenInterest
from fields.positions import dealer_contracts
from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["anchored", "blank", "refuse_foreign", "refuse_half_split", "split_values", "volume_of"]

_MODES = {
    PositionSource.OI_NAIVE: OpeningMode.OI_NAIVE,
    PositionSource.ALL_SHORT: OpeningMode.ALL_SHORT,
    PositionSource.ALL_LONG: OpeningMode.ALL_LONG,
    PositionSource.USER: OpeningMode.USER,
}
_CONVENTIONS = {
    OpeningMode.OI_NAIVE: PositionSource.OI_NAIVE,
    OpeningMode.ALL_SHORT: PositionSource.ALL_SHORT,
    OpeningMode.ALL_LONG: PositionSource.ALL_LONG,
}


class Estimate(NamedTuple):
    """Signed contracts and the variance of their error, one entry per contract number."""

    contracts: FloatArray
    variance: FloatArray


def blank(n: int) -> FloatArray:
    """Return the values of contracts that nothing is known of, shape (n_rows, n)."""
    values = np.zeros((N_ROWS, n))
    values[Row.OPEN_INTEREST] = np.nan
    return values


def volume_of(values: FloatArray) -> FloatArray:
    """Return all contracts traded since the last open interest."""
    late = values[Row.NEXT_SIGNED_VOLUME] + values[Row.NEXT_UNSIGNED_VOLUME]
    return np.asarray(values[Row.SIGNED_VOLUME] + values[Row.UNSIGNED_VOLUME] + late)


def _seen(values: FloatArray) -> BoolArray:
    return np.asarray(np.isfinite(values[Row.OPEN_INTEREST]) | (volume_of(values) > 0.0))


def _published(config: DealerConfig, record: OpenInterest) -> FloatArray:
    # A vector of the user speaks for itself where no open interest was published.
    if _mode(config) is not OpeningMode.USER or not record.user.shape[0]:
        return record.open_interest
    return np.where(np.isnan(record.open_interest), np.abs(record.user), record.open_interest)


def _mode(config: DealerConfig) -> OpeningMode | None:
    return config.opening if config.source is PositionSource.HYBRID else _MODES.get(config.source)


def _assumed(config: DealerConfig, record: OpenInterest) -> Estimate:
    n, mode = record.numbers.shape[0], _mode(config)
    if mode is None:  # what has been taken on since the opening is exactly nothing
        return Estimate(np.zeros(n), np.zeros(n))
    if mode is OpeningMode.USER:
        return Estimate(record.user if record.user.shape[0] else np.full(n, np.nan), np.zeros(n))
    error = config.opening_error_share * record.open_interest
    if mode is OpeningMode.FLAT:
        return Estimate(np.zeros(n), error * error)
    return Estimate(dealer_contracts(_CONVENTIONS[mode], record.open_interest, record.is_call), error * error)


def _carried(values: FloatArray, published: FloatArray, *, moved: bool) -> Estimate:
    # Sides that opened less sides that closed are twice the change of open interest and their sum is twice the volume,
    # so a change beyond the volume is trades (or exercises) that were not seen: either side, like an unsigned trade.
    before = np.fmax(values[Row.OPEN_INTEREST], 0.0)
    traded = values[Row.SIGNED_VOLUME] + values[Row.UNSIGNED_VOLUME]
    listed = np.isfinite(published)
    bound = np.where(listed, published, before + traded)
    contracts, variance = values[Row.OPENING], values[Row.OPENING_VARIANCE]
    if moved:
        unseen = np.where(listed, np.maximum(np.abs(published - before) - traded, 0.0), 0.0)
        contracts = contracts + values[Row.FLOW]
        variance = variance + values[Row.FLOW_VARIANCE] + unseen * unseen
    # Moving an estimate onto an interval that holds the truth never takes it further away.
    contracts = np.clip(contracts, -bound, bound)
    return Estimate(contracts, np.minimum(variance, np.square(bound + np.abs(contracts))))


def _trusted(values: FloatArray, config: DealerConfig, assumed: FloatArray, *, opened: bool) -> BoolArray:
    # Whether an assumption replaces what the book knows of a contract that it has seen.
    if _mode(config) is OpeningMode.USER:
        told = np.isfinite(assumed)
        never = ~np.isfinite(values[Row.OPEN_INTEREST])
        return np.asarray(told | (never if config.source is PositionSource.USER else not opened))
    if config.source is PositionSource.HYBRID:
        # A convention speaks of the close; a book that was open before knows more of what it has seen.
        return np.full(assumed.shape, not opened)
    return np.full(assumed.shape, config.source is not PositionSource.FLOW)


def anchored(
    values: FloatArray, config: DealerConfig, record: OpenInterest, *, opened: bool
) -> tuple[FloatArray, BoolArray]:
    """Return the values after an open interest, and which contracts were carried over without one.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_contracts)
        Before; not changed.
    config : DealerConfig
        Settings.
    record : OpenInterest
        The open interest.
    opened : bool
        Whether the book stood on an open interest before.

    Returns
    -------
    tuple of ndarray
        Values, of the same shape, whose second bucket of flow became the first; and a mask of shape (n_contracts,).
    """
    published, assumed = np.full((2, values.shape[1]), np.nan)
    variance = np.zeros(values.shape[1])
    published[record.numbers] = _published(config, record)
    assumed[record.numbers], variance[record.numbers] = _assumed(config, record)
    listed, seen = np.isfinite(published), _seen(values)
    assume = listed & (_trusted(values, config, assumed, opened=opened) | ~seen)
    kept = listed | seen
    carried = _carried(values, published, moved=config.moved_by_flow)
    after = np.zeros_like(values)
    after[:BUCKET_ROWS] = values[BUCKET_ROWS : 2 * BUCKET_ROWS]
    after[Row.OPENING] = np.where(assume, assumed, np.where(kept, carried.contracts, 0.0))
    after[Row.OPENING_VARIANCE] = np.where(assume, variance, np.where(kept, carried.variance, 0.0))
    bound = np.fmax(values[Row.OPEN_INTEREST], 0.0) + values[Row.SIGNED_VOLUME] + values[Row.UNSIGNED_VOLUME]
    after[Row.OPEN_INTEREST] = np.where(listed, published, np.where(kept, bound, np.nan))
    return after, kept & ~listed


def refuse_foreign(values: FloatArray, living: BoolArray, config: DealerConfig, record: OpenInterest) -> None:
    """Refuse an open interest that lacks most of the contracts that are open.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_contracts)
        The book.
    living : ndarray of bool, shape (n_contracts,)
        Contracts that have not expired.
    config : DealerConfig
        With the share that may be missing.
    record : OpenInterest
        The open interest.
    """
    interest = np.nan_to_num(np.where(living, values[Row.OPEN_INTEREST], 0.0))
    total = float(interest.sum())
    missing = total - float(interest[record.numbers[np.isfinite(record.open_interest)]].sum())
    if missing > config.max_missing_share * total:
        raise DataError(
            "open interest speaks of other contracts than the book",
            found=f"{missing:.0f} of {total:.0f} contracts of the last close are not in it",
            expected=f"at most {config.max_missing_share:.0%}",
            action="after a split, call on_split first; else open a new book",
        )


def refuse_half_split(values: FloatArray, living: BoolArray, split: ContractSplit) -> None:
    """Refuse a split that leaves a position in the old terms, or that would land on one in the new.

    Parameters
    ----------
    values : ndarray, shape (n_rows, n_contracts)
        The book.
    living : ndarray of bool, shape (n_contracts,)
        Contracts that have not expired.
    split : ContractSplit
        The split.
    """
    untold = living & _seen(values)
    untold[split.old] = False
    taken = untold[split.new]
    if taken.any():
        raise DataError(
            "contracts in the new terms hold a position already",
            found=f"{int(taken.sum())} contracts",
            expected="none",
            action="tell the book of the split before the first trade after it",
        )
    if untold.any():
        raise DataError(
            "a split leaves living contracts in the old terms",
            found=f"{int(untold.sum())} contracts without a new number",
            expected="a new number for each living contract",
        )


def split_values(values: FloatArray, numbers: Int64Array, ratio: int) -> FloatArray:
    """Return the values of contracts in the terms after a split, shape (n_rows, n_numbers)."""
    moved = values[:, numbers] * float(ratio)
    for row in (Row.FLOW_VARIANCE, Row.NEXT_FLOW_VARIANCE, Row.OPENING_VARIANCE):
        moved[row] *= float(ratio)
    return np.asarray(moved)

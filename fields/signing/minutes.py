"""Signed volume by minute and contract, and how much of the volume each step has signed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fields.signing.messages import SignedTrades, SigningStatus
from fields.signing.steps import SigningStep
from market.chains import FloatArray, IntArray
from market.trades import Int64Array

__all__ = ["MinuteVolumes", "SigningCoverage", "minute_volumes", "signing_coverage"]

_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteVolumes:
    """Signed volume of each minute and contract with a trade; arrays of shape ``(n_rows,)``, by minute, then contract.

    Parameters
    ----------
    minute_ns : ndarray of int64
        Start of the minute, ns since the epoch, UTC; it covers [start, start + 60 s) and is known at its end.
    contract : ndarray of int32
        Number of the contract, which stands for its expiry, strike and right.
    buy_volume, sell_volume, unknown_volume : ndarray
        By the side of the aggressor, contracts or units of the underlying.
    dealer_net : ndarray
        Sold less bought by aggressors, which is what dealers bought, net: a dealer's side.
    """

    minute_ns: Int64Array
    contract: IntArray
    buy_volume: FloatArray
    sell_volume: FloatArray
    unknown_volume: FloatArray
    dealer_net: FloatArray


def minute_volumes(signed: SignedTrades) -> MinuteVolumes:
    """Return the volume by minute, contract and side; excluded and repeated prints do not count.

    Parameters
    ----------
    signed : SignedTrades
        In any order: rows of equal size and side may change places freely.

    Returns
    -------
    MinuteVolumes
        One row for each minute and contract with a trade.
    """
    rows = np.flatnonzero(_counts(signed))
    minute = signed.ts_ns[rows] // _MINUTE_NS
    order = np.lexsort((signed.contract[rows], minute))
    rows, minute = rows[order], minute[order]
    contract, size, side = signed.contract[rows], signed.size[rows], signed.aggressor[rows]
    starts = np.ones(rows.shape[0], dtype=np.bool_)
    starts[1:] = (minute[1:] != minute[:-1]) | (contract[1:] != contract[:-1])
    group = np.cumsum(starts) - 1
    n = int(starts.sum())
    buy, sell, unknown = (
        np.bincount(group, weights=size * (side == s), minlength=n).astype(np.float64) for s in (1, -1, 0)
    )
    return MinuteVolumes(
        minute_ns=minute[starts] * _MINUTE_NS,
        contract=contract[starts],
        buy_volume=buy,
        sell_volume=sell,
        unknown_volume=unknown,
        dealer_net=sell - buy,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningCoverage:
    """Share of the trades and of the volume that each step has signed; arrays of shape ``(12,)``, by `SigningStep`.

    Parameters
    ----------
    trades : ndarray
        Shares of the number of trades; the first is what is unknown. NaN without trades.
    volume : ndarray
        The same of the volume.
    """

    trades: FloatArray
    volume: FloatArray


def signing_coverage(signed: SignedTrades) -> SigningCoverage:
    """Return which step has signed how much; excluded and repeated prints do not count.

    Parameters
    ----------
    signed : SignedTrades
        Trades with their aggressor.

    Returns
    -------
    SigningCoverage
        Shares that add up to 1.
    """
    counts = _counts(signed)
    source, size = signed.source[counts], signed.size[counts]
    n = len(SigningStep)
    by_trade = np.bincount(source, minlength=n).astype(np.float64)
    by_volume = np.bincount(source, weights=size, minlength=n).astype(np.float64)
    return SigningCoverage(trades=by_trade / _or_nan(by_trade), volume=by_volume / _or_nan(by_volume))


def _counts(signed: SignedTrades) -> np.ndarray:
    no_print = SigningStatus.EXCLUDED | SigningStatus.DUPLICATE
    return np.asarray((signed.status & np.uint16(no_print)) == 0)


def _or_nan(parts: FloatArray) -> float:
    total = float(parts.sum())
    return total if total > 0.0 else float("nan")

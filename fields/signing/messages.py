"""What signing tells: the aggressor with a probability, and what follows from it for dealers and for net flow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntFlag

import numpy as np
from numpy.typing import NDArray

from market.chains import FloatArray, IntArray
from market.errors import DataError
from market.trades import Int8Array, Int64Array

__all__ = ["DealerSide", "SignedTrades", "SigningStatus", "UnbiasedFlow", "dealer_side", "unbiased_flow"]


class SigningStatus(IntFlag):
    """What stood in the way of a sign; the quote is the national one. `reasons` of `SignedTrades` has the words."""

    NONE = 0
    NO_QUOTE = 1
    OLD_QUOTE = 2
    ONE_SIDED = 4
    LOCKED = 8
    CROSSED = 16
    LOST_QUOTE = 32  # a late trade asked for a quote that a stream no longer holds
    EXCLUDED = 64
    DUPLICATE = 128
    LATE = 256  # arrived after a newer trade of its contract
    UNRESOLVED = 512  # no other price came in time for the reverse tick


_WORDS: dict[SigningStatus, str] = {
    SigningStatus.NO_QUOTE: "no quote before the trade",
    SigningStatus.OLD_QUOTE: "the quote is older than the limit",
    SigningStatus.ONE_SIDED: "the quote has one side",
    SigningStatus.LOCKED: "bid and ask are equal",
    SigningStatus.CROSSED: "the bid is above the ask",
    SigningStatus.LOST_QUOTE: "the quote of that instant is no longer held",
    SigningStatus.EXCLUDED: "prints of this kind are excluded",
    SigningStatus.DUPLICATE: "the print has been told before",
    SigningStatus.LATE: "arrived after a newer trade of the contract",
    SigningStatus.UNRESOLVED: "no other price followed in time",
}
_EDGE = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTrades:
    """Trades with the side that took the initiative; arrays of shape ``(n_trades,)``, in rising order of `row`.

    Parameters
    ----------
    row : ndarray of int64
        Running number of the trade in its stream, from 0.
    contract : ndarray of int32
        Number of the contract in the signer's `ContractIndex`; `market.trades.UNDERLYING` for the underlying.
    ts_ns : ndarray of int64
        Instant of the trade, ns since the epoch, UTC.
    price : ndarray
        Per unit of the underlying.
    size : ndarray
        Contracts, or units of the underlying.
    flags : ndarray of uint8
        `TradeFlag`; late trades carry `OUT_OF_SEQUENCE` too.
    aggressor : ndarray of int8
        +1 buyer, -1 seller, 0 unknown; never the dealer's side, for which see `dealer_side`.
    probability : ndarray
        That the sign is right, 0.5 where it is unknown.
    source : ndarray of uint8
        `SigningStep` that decided.
    status : ndarray of uint16
        `SigningStatus`.
    """

    row: Int64Array
    contract: IntArray
    ts_ns: Int64Array
    price: FloatArray
    size: FloatArray
    flags: NDArray[np.uint8]
    aggressor: Int8Array
    probability: FloatArray
    source: NDArray[np.uint8]
    status: NDArray[np.uint16]

    def __post_init__(self) -> None:
        n = self.row.shape[0]
        for name in self.__slots__:
            shape = getattr(self, name).shape
            if shape != (n,):
                raise DataError(
                    f"signed trades array {name} has another length", found=f"shape {shape}", expected=f"shape ({n},)"
                )

    @property
    def n_trades(self) -> int:
        """Number of trades."""
        return int(self.row.shape[0])

    def reasons(self, place: int) -> str:
        """Return in words what stood in the way of one trade's sign, empty where nothing did.

        Parameters
        ----------
        place : int
            Place in the arrays.

        Returns
        -------
        str
            The reasons, separated by semicolons.
        """
        status = int(self.status[place])
        return "; ".join(words for flag, words in _WORDS.items() if status & flag)

    @staticmethod
    def join(parts: list[SignedTrades]) -> SignedTrades:
        """Return the trades of several releases in rising order of `row`.

        Parameters
        ----------
        parts : list of SignedTrades
            At least one.

        Returns
        -------
        SignedTrades
            All of them.
        """
        order = np.argsort(np.concatenate([part.row for part in parts]), kind="stable")
        return SignedTrades(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts])[order]
                for item in fields(SignedTrades)
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerSide:
    """The dealers' side of trades, of a type of its own so that it cannot be taken for the aggressor.

    Parameters
    ----------
    dealer_side : ndarray of int8, shape (n_trades,)
        +1 where dealers buy, -1 where they sell, 0 unknown.
    """

    dealer_side: Int8Array


def dealer_side(signed: SignedTrades) -> DealerSide:
    """Return the side of the dealers, who are taken to be the passive party of each trade.

    Parameters
    ----------
    signed : SignedTrades
        Trades with their aggressor.

    Returns
    -------
    DealerSide
        The opposite of the aggressor.
    """
    return DealerSide(dealer_side=np.negative(signed.aggressor))


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbiasedFlow:
    """Signed sizes whose sum is right on average; arrays of shape ``(n_trades,)``.

    Parameters
    ----------
    aggressor_size : ndarray
        Signed size, + bought by aggressors, contracts or units of the underlying.
    variance : ndarray
        Of `aggressor_size`, in its unit squared.
    """

    aggressor_size: FloatArray
    variance: FloatArray


def unbiased_flow(signed: SignedTrades, *, min_edge: float = _EDGE) -> UnbiasedFlow:
    """Return the signed size of each trade, corrected for the signs that are expected to be wrong.

    Parameters
    ----------
    signed : SignedTrades
        Trades with their aggressor.
    min_edge : float, optional
        Signs with a probability of at most 0.5 + `min_edge` are taken as unknown.

    Returns
    -------
    UnbiasedFlow
        0 with variance size**2 where the sign is unknown; 0 with variance 0 for excluded and repeated prints.

    Notes
    -----
    With probability p of being right the observed sign has the expectation (2p - 1) times the true one, hence

        aggressor_size = sign size / (2p - 1),   variance = size**2 4p(1-p) / (2p - 1)**2.
    """
    known = (signed.aggressor != 0) & (signed.probability > 0.5 + min_edge)
    p = np.where(known, signed.probability, 1.0)
    shrink = 2.0 * p - 1.0
    flow = np.where(known, signed.aggressor * signed.size / shrink, 0.0)
    variance = np.where(known, 4.0 * p * (1.0 - p) / (shrink * shrink), 1.0) * signed.size * signed.size
    no_print = (signed.status & (SigningStatus.EXCLUDED | SigningStatus.DUPLICATE)) != 0
    return UnbiasedFlow(aggressor_size=flow, variance=np.where(no_print, 0.0, variance))

"""What a trade has to know of its contract: right, multiplier and expiry, kept by contract number."""

from __future__ import annotations

from typing import final

import numpy as np

from market.chains import BoolArray, FloatArray, OptionChain
from market.contracts import ContractIndex
from market.trades import ContractTable, Int64Array

__all__ = ["ContractTerms"]

_NOT_KNOWN = np.iinfo(np.int64).max


@final
class ContractTerms:
    """Terms of every contract that an index has numbered.

    Parameters
    ----------
    index : ContractIndex
        Gives the numbers.
    """

    def __init__(self, index: ContractIndex) -> None:
        self._index = index
        self._seen: ContractTable | None = None
        self._unknown = 0  # numbers without terms
        self.is_call: BoolArray = np.zeros(0, dtype=np.bool_)
        """True for calls, by number."""
        self.multiplier: FloatArray = np.zeros(0)
        """Units of the underlying per contract, by number."""
        self.expiry_ns: Int64Array = np.zeros(0, dtype=np.int64)
        """Expiry instant, ns since the epoch, UTC, by number."""

    def learn(self, contracts: OptionChain | ContractTable) -> Int64Array:
        """Note the terms of contracts and return the numbers of those that are new, shape (n_new,).

        Parameters
        ----------
        contracts : OptionChain or ContractTable
            What a message speaks of; a table that comes again costs nothing.
        """
        if contracts is self._seen or not contracts.strike.shape[0]:
            return np.zeros(0, dtype=np.int64)
        numbers = self._index.register(contracts)
        self._grow(len(self._index))
        if not self._unknown:
            return np.zeros(0, dtype=np.int64)
        fresh = np.flatnonzero(np.isnan(self.multiplier[numbers]))
        if isinstance(contracts, ContractTable):
            self._seen = contracts
        if fresh.size:
            series = contracts.series_index[fresh]
            new = numbers[fresh]
            self.is_call[new] = contracts.is_call[fresh]
            self.multiplier[new] = np.array([s.product.multiplier for s in contracts.series])[series]
            self.expiry_ns[new] = np.array([s.expiry_ns for s in contracts.series], dtype=np.int64)[series]
            fresh = np.unique(new)
            self._unknown -= fresh.shape[0]
        return fresh

    def _grow(self, count: int) -> None:
        more = count - self.multiplier.shape[0]
        if more > 0:
            self._unknown += more
            self.is_call = np.concatenate((self.is_call, np.zeros(more, dtype=np.bool_)))
            self.multiplier = np.concatenate((self.multiplier, np.full(more, np.nan)))
            self.expiry_ns = np.concatenate((self.expiry_ns, np.full(more, _NOT_KNOWN)))

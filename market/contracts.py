"""Stable numbers for option contracts, whatever order the messages name them in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from market.chains import OptionChain
from market.errors import DataError
from market.instruments import ExpirySeries
from market.trades import ContractTable, Int64Array

__all__ = ["ContractIndex", "ContractNumbers"]

# One key of 63 bits: strike in thousandths, expiration day, root, right.
_RIGHT_BITS: Final = 1
_ROOT_BITS: Final = 8
_DAY_BITS: Final = 17
_MAX_STRIKE: Final = 2.0**36 / 1000.0
_NONE: Final = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractNumbers:
    """What a `ContractIndex` has given out.

    Parameters
    ----------
    roots : tuple of str
        Option roots in the order of their codes.
    keys : ndarray of int64, shape (n_contracts,)
        Keys of the contracts, rising.
    numbers : ndarray of int64, shape (n_contracts,)
        Their numbers.
    """

    roots: tuple[str, ...]
    keys: Int64Array
    numbers: Int64Array


@final
class ContractIndex:
    """Numbers the contracts of one underlying in the order in which they are first seen.

    A number never changes and is never given twice, so that arrays of state can be kept by it.

    Parameters
    ----------
    given : ContractNumbers, optional
        To go on from.
    """

    def __init__(self, given: ContractNumbers | None = None) -> None:
        self._roots = {root: code for code, root in enumerate(given.roots)} if given else {}
        self._series: dict[ExpirySeries, int] = {}
        # A message is asked for by everyone who keeps state of it, and a source sends the same table again and again.
        self._last: dict[type, tuple[OptionChain | ContractTable, Int64Array]] = {}
        self._known: tuple[tuple[ExpirySeries, ...], Int64Array] = ((), np.zeros(0, dtype=np.int64))
        self._keys = given.keys if given else np.zeros(0, dtype=np.int64)  # rising
        self._numbers = given.numbers if given else np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return int(self._keys.shape[0])

    def given(self) -> ContractNumbers:
        """Return all numbers so far, from which another index continues."""
        return ContractNumbers(roots=tuple(self._roots), keys=self._keys, numbers=self._numbers)

    def register(self, contracts: OptionChain | ContractTable) -> Int64Array:
        """Return the number of each contract; new ones get the next numbers in their order.

        Parameters
        ----------
        contracts : OptionChain or ContractTable
            What to number.

        Returns
        -------
        ndarray of int64, shape (n_contracts,)
            Numbers from 0.
        """
        last = self._last.get(type(contracts))
        if last is not None and (last[0] is contracts or _same(last[0], contracts)):
            self._last[type(contracts)] = contracts, last[1]
            return last[1]
        if not contracts.strike.shape[0]:
            return _NONE  # as of trades in the underlying alone; the last table stays known
        keys = self._key(contracts)
        found = self._find(keys)
        if found.min() < 0:
            fresh, first = np.unique(keys[found < 0], return_index=True)
            order = np.empty(fresh.shape[0], dtype=np.int64)
            order[np.argsort(first, kind="stable")] = np.arange(fresh.shape[0])
            self._insert(fresh, len(self) + order)
            found = self._find(keys)
        found.setflags(write=False)
        self._last[type(contracts)] = contracts, found
        return found

    def find(self, contracts: OptionChain | ContractTable) -> Int64Array:
        """Return the number of each contract, -1 where it has none yet.

        Parameters
        ----------
        contracts : OptionChain or ContractTable
            What to look up.

        Returns
        -------
        ndarray of int64, shape (n_contracts,)
            Numbers from 0; -1 for unknown contracts.
        """
        return self._find(self._key(contracts))

    def _insert(self, keys: Int64Array, numbers: Int64Array) -> None:
        keys, numbers = np.concatenate((self._keys, keys)), np.concatenate((self._numbers, numbers))
        order = np.argsort(keys, kind="stable")
        self._keys, self._numbers = keys[order], numbers[order]

    def _find(self, keys: Int64Array) -> Int64Array:
        if not len(self):
            return np.full(keys.shape, -1, dtype=np.int64)
        place = np.minimum(self._keys.searchsorted(keys), len(self) - 1)
        return np.where(self._keys[place] == keys, self._numbers[place], -1)

    def _key(self, contracts: OptionChain | ContractTable) -> Int64Array:
        if not contracts.strike.shape[0]:
            return np.zeros(0, dtype=np.int64)
        if not contracts.strike.max() < _MAX_STRIKE:  # nor where one is missing
            raise DataError(
                "a strike is too large to number",
                found=f"{float(np.nanmax(contracts.strike)):g}",
                expected=f"below {_MAX_STRIKE:g}",
            )
        by_series = self._series_keys(contracts.series)
        thousandths = np.rint(contracts.strike * 1000.0).astype(np.int64)
        right = contracts.is_call.astype(np.int64)
        return (thousandths << (_DAY_BITS + _ROOT_BITS + _RIGHT_BITS)) | by_series[contracts.series_index] | right

    def _series_keys(self, series: tuple[ExpirySeries, ...]) -> Int64Array:
        # A source names the same expirations again and again; to look them up costs more than to number strikes.
        if self._known[0] is not series:
            self._known = series, np.array([self._series_key(each) for each in series], dtype=np.int64)
        return self._known[1]

    def _series_key(self, series: ExpirySeries) -> int:
        known = self._series.get(series)
        if known is None:
            root = self._roots.setdefault(series.product.root, len(self._roots))
            if root >= 1 << _ROOT_BITS:
                raise DataError(
                    "too many option roots for one underlying",
                    found=str(root + 1),
                    expected=f"at most {1 << _ROOT_BITS}",
                )
            day = series.expiration.toordinal() & ((1 << _DAY_BITS) - 1)
            known = self._series[series] = ((day << _ROOT_BITS) | root) << _RIGHT_BITS
        return known


def _same(one: OptionChain | ContractTable, other: OptionChain | ContractTable) -> bool:
    """Return whether two messages speak of the same contracts in the same order; told cheaper than their numbers."""
    return (
        one.series is other.series
        and one.strike.shape == other.strike.shape
        and bool((one.strike == other.strike).all())
        and bool((one.is_call == other.is_call).all())
        and bool((one.series_index == other.series_index).all())
    )

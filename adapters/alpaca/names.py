"""Names as numbers: what streams call instruments, and which contract of which underlying that is."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final, final

import numpy as np

from adapters.alpaca.rows import contract_table
from market.chains import IntArray
from market.trades import ContractTable

__all__ = ["FOREIGN", "Directory", "Names"]

FOREIGN: Final = -1
"""Place of an underlying that is not ours."""

_LEFT_OUT: Final = -2  # place of a name that is no standard contract


@final
class Names:
    """Numbers from 0 for texts, in the order in which they were first met; may be used from any thread."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._texts: list[str] = []
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._texts)

    def numbers(self, texts: Sequence[str]) -> IntArray:
        """Return the number of each text, shape (n_texts,)."""
        known = self._numbers
        try:
            return np.fromiter([known[text] for text in texts], dtype=np.int32, count=len(texts))
        except KeyError:
            return np.fromiter([self._number(text) for text in texts], dtype=np.int32, count=len(texts))

    def texts(self, first: int = 0) -> list[str]:
        """Return the texts from a number on."""
        return self._texts[first:]

    def _number(self, text: str) -> int:
        with self._lock:
            number = self._numbers.get(text)
            if number is None:
                number = len(self._texts)
                self._texts.append(text)  # before its number can be found, so that no number lacks its text
                self._numbers[text] = number
            return number


@final
class Directory:
    """Underlyings and the contracts that their chains have listed; one thread uses it.

    Parameters
    ----------
    symbols : tuple of str
        Underlyings.
    names : Names
        Numbers of the names, with which the streams' threads work as well.
    """

    def __init__(self, symbols: tuple[str, ...], names: Names) -> None:
        self._symbols, self._names = symbols, names
        self._listed: dict[str, tuple[str, ...]] = dict.fromkeys(symbols, ())
        self._tables = dict.fromkeys(symbols, ContractTable.empty())
        self._owner = self._place = np.zeros(0, dtype=np.int32)
        for symbol in symbols:
            self.add(symbol, ())

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings, in the order of `owner`."""
        return self._symbols

    def listed(self, symbol: str) -> tuple[str, ...]:
        """Return the contracts of an underlying in the order in which they were first listed."""
        return self._listed[symbol]

    def table(self, symbol: str) -> ContractTable:
        """Return the contracts of an underlying; `place` points into it."""
        return self._tables[symbol]

    def add(self, symbol: str, names: Iterable[str]) -> list[str]:
        """Note the contracts of a chain, and return those that are new.

        An expired contract stays: its last prints may come late, and it costs a name.
        """
        known = self._listed[symbol]
        fresh = sorted(set(names) - set(known))
        self._listed[symbol] = (*known, *fresh)
        self._tables[symbol], place = contract_table(symbol, self._listed[symbol])
        numbers = self._names.numbers([symbol, *self._listed[symbol]])
        self._reach()
        self._owner[numbers] = self._symbols.index(symbol)
        self._place[numbers] = [place.get(name, _LEFT_OUT) for name in (symbol, *self._listed[symbol])]
        return fresh

    def owner(self, numbers: IntArray) -> IntArray:
        """Return for each name the place of its underlying among ours, or `FOREIGN`."""
        self._reach()
        return self._owner[numbers]

    def place(self, numbers: IntArray) -> IntArray:
        """Return for each name its place in the table of its underlying; -1 for that itself, less for no contract."""
        self._reach()
        return self._place[numbers]

    def _reach(self) -> None:
        missing = len(self._names) - self._owner.shape[0]
        if missing > 0:
            self._owner = np.append(self._owner, np.full(missing, FOREIGN, dtype=np.int32))
            self._place = np.append(self._place, np.full(missing, _LEFT_OUT, dtype=np.int32))

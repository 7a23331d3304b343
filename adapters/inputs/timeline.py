"""Rows of context in the order in which they became known, cut to messages of what is new at an instant."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, cast, final

import numpy as np

from adapters.encoded.messages import known_ns_of, picked
from market.bars import BarBatch
from market.errors import DataError
from market.funding import FundingBatch
from market.ports import ContextMessage
from market.series import EventBatch
from market.trades import Int64Array

__all__ = ["Timeline", "ToldRows"]

_FIRST: Final[int] = int(np.iinfo(np.int64).min)
_DAY_NS: Final = 86_400_000_000_000
_HISTORY_NS: Final = 700 * _DAY_NS  # four hundred daily bars, which is what an input remembers, and their holidays


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ToldRows:
    """A message with the instant from which each of its rows was known.

    Parameters
    ----------
    message : ContextMessage
        All of its rows.
    known_ns : ndarray of int64, shape (n_rows,)
        ns since the epoch, UTC; never before the row's own stamp.
    """

    message: ContextMessage
    known_ns: Int64Array

    def __post_init__(self) -> None:
        own = known_ns_of(self.message)
        if self.known_ns.shape != own.shape or (self.known_ns < own).any():
            raise DataError(
                "rows would be known before they can be",
                found=f"{self.known_ns.shape[0]} instants for {own.shape[0]} rows",
                expected="one instant a row, at its own stamp or later",
            )

    @classmethod
    def of(cls, message: ContextMessage) -> ToldRows:
        """Return a message whose rows were known as they say themselves."""
        return cls(message=message, known_ns=known_ns_of(message))


@final
class Timeline:
    """All rows of context that a feed will ever tell.

    Parameters
    ----------
    told : iterable of ToldRows
        Messages in any order.
    history_ns : int, optional
        How far back the beginning reaches, ns; announced events always count, however long ago they were announced.
    """

    def __init__(self, told: Iterable[ToldRows], *, history_ns: int = _HISTORY_NS) -> None:
        self._history_ns = history_ns
        self._told = tuple(rows for rows in told if rows.known_ns.size)
        self._orders = tuple(np.argsort(rows.known_ns, kind="stable") for rows in self._told)
        self._sorted = tuple(rows.known_ns[order] for rows, order in zip(self._told, self._orders, strict=True))
        self._ends = np.unique(np.array([known[-1] for known in self._sorted], dtype=np.int64))
        self._instants = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self._sorted]))

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return sum(rows.known_ns.size for rows in self._told)

    def between(self, after_ns: int | None, until_ns: int) -> tuple[ContextMessage, ...]:
        """Return the rows that became known after one instant and by another.

        Parameters
        ----------
        after_ns : int or None
            ns since the epoch, UTC; None for the beginning.
        until_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        tuple of ContextMessage
            Each with the instant at which its newest row was known; none where nothing is new.
        """
        if after_ns is not None:
            low, high = np.searchsorted(self._instants, (after_ns, until_ns), side="right")
            if low >= high:
                return ()
        found = []
        for rows, order, known in zip(self._told, self._orders, self._sorted, strict=True):
            edge = self._edge(rows.message, until_ns) if after_ns is None else after_ns
            ends = [edge, *self._cuts(rows.message, edge, until_ns), until_ns]
            for first, last in pairwise(np.searchsorted(known, ends, side="right").tolist()):
                if first < last:
                    part = cast("ContextMessage", picked(rows.message, np.sort(order[first:last])))
                    found.append(replace(part, ts_event_ns=int(known[last - 1])))
        return tuple(sorted(found, key=lambda part: part.ts_event_ns))

    def _cuts(self, message: ContextMessage, after_ns: int, until_ns: int) -> list[int]:
        """Return where a message must be cut: of two rows of one bar or payment that of the later message counts.

        A year of bars that ends today must not hide what corrected one of them in March.
        """
        if not isinstance(message, BarBatch | FundingBatch):
            return []  # a row of these says itself when it was known
        low, high = np.searchsorted(self._ends, (after_ns, until_ns), side="right")
        cuts: list[int] = self._ends[low:high].tolist()
        return cuts

    def _edge(self, message: ContextMessage, until_ns: int) -> int:
        return _FIRST if isinstance(message, EventBatch) else until_ns - self._history_ns

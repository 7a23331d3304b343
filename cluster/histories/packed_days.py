"""Chains of many sessions, a session in memory at a time: read once, packed, and found packed by the next run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from adapters.encoded.packed_chains import PackedChains, pack_chains
from market.chains import OptionChain
from market.errors import DataError
from market.ports import BlobStore
from market.trades import Int64Array

__all__ = ["ChainDay", "PackedDays"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainDay:
    """The chains of one session before they are read.

    Parameters
    ----------
    key : str
        Digest of what they are.
    available_ns : ndarray of int64, shape (n_chains,)
        Instant from which each could be known, ns since the epoch, UTC, rising.
    read : callable
        Reads them all, in that order; may return them packed.
    """

    key: str
    available_ns: Int64Array
    read: Callable[[], Sequence[OptionChain] | PackedChains]


@final
class PackedDays:
    """Chains of one underlying, as a `backtest.history.ChainSequence`.

    Parameters
    ----------
    symbol : str
        Underlying.
    days : sequence of ChainDay
        In order of time, none empty.
    blobs : BlobStore, optional
        Where packed sessions lie between runs; without it each run reads them anew.
    """

    def __init__(self, symbol: str, days: Sequence[ChainDay], blobs: BlobStore | None = None) -> None:
        self._symbol, self._days, self._blobs = symbol, days, blobs
        self._start = np.concatenate(([0], np.cumsum([day.available_ns.shape[0] for day in days]))).astype(np.int64)
        self._available_ns = np.concatenate([np.zeros(0, dtype=np.int64), *(day.available_ns for day in days)])
        self._available_ns.setflags(write=False)
        self._held: tuple[int, PackedChains] | None = None
        if (np.diff(self._available_ns) < 0).any():
            raise DataError(f"the sessions of {symbol} are not in order of time", expected="rising instants")

    def __reduce__(self) -> tuple[type[PackedDays], tuple[str, Sequence[ChainDay], BlobStore | None]]:
        return type(self), (self._symbol, self._days, self._blobs)  # the session that is held stays here

    def __len__(self) -> int:
        return int(self._available_ns.shape[0])

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self._symbol

    @property
    def available_ns(self) -> Int64Array:
        """Instant from which each could be known, ns since the epoch, UTC, rising."""
        return self._available_ns

    @property
    def days(self) -> tuple[ChainDay, ...]:
        """The sessions, in order of time."""
        return tuple(self._days)

    def packed(self, day: int) -> bytes:
        """Return a session as `adapters.encoded.packed_chains.pack_chains` packs it."""
        return bytes(self._load(self._days[day]).content)

    def chain(self, place: int) -> OptionChain:
        """Return one; its session is held until another is asked for."""
        day = int(self._start.searchsorted(place, side="right")) - 1
        if self._held is None or self._held[0] != day:
            self._held = None  # the old session goes before the new one comes
            self._held = day, self._load(self._days[day])
        return self._held[1].chain(place - int(self._start[day]))

    def _load(self, day: ChainDay) -> PackedChains:
        content = None if self._blobs is None else self._blobs.get(day.key)
        if content is not None:
            try:
                return PackedChains(content)
            except DataError:
                content = None  # written by another version: read and packed anew
        read = day.read()
        if isinstance(read, PackedChains):
            return read
        content = pack_chains(read)
        if self._blobs is not None:
            self._blobs.put(day.key, content)
        return PackedChains(content)

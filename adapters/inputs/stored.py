"""Inputs from the point-in-time store, with every version of a row at the instant from which it was known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, cast, final

import numpy as np

from adapters.encoded.messages import known_ns_of
from adapters.inputs.timeline import ToldRows
from adapters.store import DataKind, PointInTimeStore, open_store
from adapters.store.pieces import PieceReader, in_order
from adapters.store.segments import open_segment
from market.ports import ContextMessage
from market.trades import Int64Array

__all__ = ["StoredInputs"]

_FOREVER: Final[int] = int(np.iinfo(np.int64).max)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StoredInputs:
    """What a store holds that feeds inputs; a picklable recipe.

    Parameters
    ----------
    where : str
        The store: a folder or an address.
    series : tuple of str
        Series by name, such as ``VIX`` or ``DFF``; imported rates and index levels count, too.
    bars : tuple of str
        Symbols whose bars are read.
    perpetuals : tuple of str
        Perpetuals whose funding is read.
    events, news : bool
        Whether announced events and news are read, where the store has them.
    """

    where: str
    series: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    perpetuals: tuple[str, ...] = ()
    events: bool = True
    news: bool = True

    def read(self) -> tuple[ToldRows, ...]:
        """Read everything.

        Returns
        -------
        tuple of ToldRows
            Raises DataError where a series that is named is not there.
        """
        store = open_store(self.where)
        found = [ToldRows.of(store.series(name, known_ns=_FOREVER)) for name in self.series]
        for kind, symbols in ((DataKind.BARS, self.bars), (DataKind.FUNDING, self.perpetuals)):
            found += [rows for symbol in symbols for rows in _versions(store, kind, symbol)]
        if self.events and store.segments(DataKind.EVENTS):
            found.append(ToldRows.of(store.events(known_ns=_FOREVER)))
        if self.news and store.segments(DataKind.NEWS):
            found.append(ToldRows.of(store.news(known_ns=_FOREVER)))
        return tuple(found)


def _versions(store: PointInTimeStore, kind: DataKind, symbol: str) -> Iterator[ToldRows]:
    """Yield the messages of a symbol with every row that was ever recorded, corrected ones included."""
    for segment in in_order(store.segments(kind, symbol)):
        with open_segment(store.files, segment) as opened:
            reader = PieceReader(kind, opened)
            for piece in reader.pieces():
                loaded = reader.load(piece)
                message = cast("ContextMessage", loaded.message)
                known: Int64Array = np.maximum(loaded.known_ns, known_ns_of(message))
                yield ToldRows(message=message, known_ns=known)

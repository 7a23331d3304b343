"""Histories that many processes of a node read in one place: arrays travel beside the pickle, and are not copied."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial
from itertools import groupby
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from adapters.encoded.packed_chains import PackedChains, pack_chains
from backtest.chain_table import ChainTable
from backtest.history import ChainSequence, History
from cluster.histories.packed_days import ChainDay, PackedDays
from execution.identity import digest_of

__all__ = ["SharedHistory", "shared_history"]

_DAY_NS: Final = 86_400_000_000_000
_BATCHES: Final = ("bars", "quotes", "trades", "funding", "series", "events")

Bytes = NDArray[np.uint8]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SharedHistory(History):
    """A history whose batches cross column by column, and not packed as messages are: nothing is unpacked again."""

    def __reduce__(self) -> tuple[Any, ...]:
        parts = {item.name: getattr(self, item.name) for item in fields(self)}
        return _taken, (parts | {name: [_columns_of(each) for each in parts[name]] for name in _BATCHES},)


def shared_history(history: History) -> SharedHistory:
    """Return a history that crosses to another process by its arrays alone.

    Parameters
    ----------
    history : History
        Of any kind: files, tables of mids, the store, or simulated.

    Returns
    -------
    SharedHistory
        Its chains read no file and no store any more. Pickled with protocol 5, as by Ray, all of its columns travel
        out of band: who takes it from an object store reads them where they lie, and they are read-only there.

    Raises
    ------
    DataError
        A chain cannot be read.

    Notes
    -----
    Chains are read once, here. A table of chains stays what it is; other chains are packed by the day, about 23 bytes a
    contract, and a process unpacks one chain at a time.
    """
    parts = {item.name: getattr(history, item.name) for item in fields(History)}
    return SharedHistory(**parts | {"chains": tuple(_shared(chains) for chains in history.chains)})


def _taken(parts: dict[str, Any]) -> SharedHistory:
    batches = {name: tuple(kind(**columns) for kind, columns in parts[name]) for name in _BATCHES}
    return SharedHistory(**parts | batches)


def _columns_of(batch: Any) -> tuple[type[Any], dict[str, Any]]:
    """Return the parts of a batch; a column of a wider table is copied, or it would be copied into the pickle."""
    parts = {item.name: getattr(batch, item.name) for item in fields(batch)}
    columns = {name: np.ascontiguousarray(part) for name, part in parts.items() if isinstance(part, np.ndarray)}
    return type(batch), parts | columns


def _shared(chains: ChainSequence) -> ChainSequence:
    if isinstance(chains, ChainTable):
        return chains
    if isinstance(chains, PackedDays):
        days = [(day.available_ns, chains.packed(place)) for place, day in enumerate(chains.days)]
    else:
        days = list(_packed_days(chains))
    made = [_day(chains.symbol, available_ns, content) for available_ns, content in days]
    return PackedDays(chains.symbol, made)


def _packed_days(chains: ChainSequence) -> Iterator[tuple[NDArray[np.int64], bytes]]:
    """Give the chains of each UTC day: a pack is held whole while one of its chains is read."""
    available_ns = chains.available_ns
    for _, group in groupby(range(available_ns.shape[0]), key=lambda place: int(available_ns[place]) // _DAY_NS):
        places = list(group)
        yield available_ns[places], pack_chains([chains.chain(place) for place in places])


def _day(symbol: str, available_ns: NDArray[np.int64], content: bytes) -> ChainDay:
    held: Bytes = np.frombuffer(content, dtype=np.uint8)
    key = digest_of((symbol, available_ns, held))
    return ChainDay(key=key, available_ns=available_ns, read=partial(_unpacked, held))


def _unpacked(content: Bytes) -> PackedChains:
    return PackedChains(content.data)

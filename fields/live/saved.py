"""What a restart needs of a chain and of the contracts' Greeks: columns packed into one block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Self

import numpy as np

from fields.flow.messages import GreeksTable
from market.chains import DropReason, OptionChain
from market.instruments import ExpirySeries
from market.packing import PackedColumn, pack_columns, unpack_columns
from market.provenance import Provenance

__all__ = ["SavedChain", "SavedGreeks"]

_HEAD = (
    "symbol", "session", "ts_event_ns", "cause_id", "provenance", "series", "spot_last", "spot_bid", "spot_ask",
    "spot_ts_ns", "n_read",
)  # fmt: skip
# No field reads the contracts' symbols.
_COLUMNS = tuple(
    item.name for item in fields(OptionChain) if item.name not in {*_HEAD, "dropped", "symbols"}
)  # all others are arrays
_GREEKS = tuple(item.name for item in fields(GreeksTable) if item.name != "spot")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedChain:
    """A chain without the symbols of its contracts; the heads are those of `OptionChain`.

    Parameters
    ----------
    symbol, session, ts_event_ns, cause_id, provenance, series, spot_last, spot_bid, spot_ask, spot_ts_ns, n_read
        As in `OptionChain`.
    dropped : mapping of str to int
        Contracts that were left out, by reason.
    forms : tuple of PackedColumn
        How to read each array.
    block : bytes
        The arrays.
    """

    symbol: str
    session: date
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    series: tuple[ExpirySeries, ...]
    spot_last: float
    spot_bid: float
    spot_ask: float
    spot_ts_ns: int
    n_read: int
    dropped: Mapping[str, int]
    forms: tuple[PackedColumn, ...]
    block: bytes

    @classmethod
    def of(cls, chain: OptionChain) -> Self:
        """Return a chain as a restart keeps it."""
        forms, block = pack_columns([getattr(chain, name) for name in _COLUMNS])
        head: dict[str, Any] = {name: getattr(chain, name) for name in _HEAD}
        dropped = {reason.value: count for reason, count in chain.dropped.items()}
        return cls(**head, dropped=dropped, forms=forms, block=block)

    def chain(self) -> OptionChain:
        """Return the chain."""
        columns: dict[str, Any] = dict(zip(_COLUMNS, unpack_columns(self.forms, self.block), strict=True))
        head: dict[str, Any] = {name: getattr(self, name) for name in _HEAD}
        dropped = {DropReason(reason): count for reason, count in self.dropped.items()}
        return OptionChain(**head, **columns, dropped=dropped, symbols=np.zeros(0, dtype="S1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedGreeks:
    """A `GreeksTable` in one block.

    Parameters
    ----------
    spot : float
        USD.
    forms : tuple of PackedColumn
        How to read each array.
    block : bytes
        The arrays.
    """

    spot: float
    forms: tuple[PackedColumn, ...]
    block: bytes

    @classmethod
    def of(cls, table: GreeksTable) -> Self:
        """Return a table as a restart keeps it."""
        forms, block = pack_columns([np.ascontiguousarray(getattr(table, name)) for name in _GREEKS])
        return cls(spot=table.spot, forms=forms, block=block)

    def table(self) -> GreeksTable:
        """Return the table."""
        columns: dict[str, Any] = dict(zip(_GREEKS, unpack_columns(self.forms, self.block), strict=True))
        return GreeksTable(**columns, spot=self.spot)

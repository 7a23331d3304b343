"""The chains of a session in one block of bytes, taken out one at a time: what a backtest reads again and again.

A table in the store is made for a search by column; to read 400 chains of it costs half a second. Here a chain costs
the decoding of its own columns, and chains of one listing share the arrays of their contracts.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, final

import msgspec

from market.chains import DropReason, OptionChain
from market.errors import DataError
from market.instruments import ExpirySeries
from market.packing import PackedColumn, pack_columns, unpack_columns
from market.provenance import Provenance

__all__ = ["PackedChains", "pack_chains"]

_CONTRACTS: Final = ("series_index", "strike", "is_call", "symbols")
_QUOTES: Final = (
    *("bid", "ask", "last", "open_interest", "volume", "bid_size", "ask_size"),
    *("vendor_iv", "vendor_delta", "vendor_gamma", "quote_ts_ns", "vendor_forward"),
)


class _Plain(msgspec.Struct, array_like=True):
    symbol: str
    session: date
    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    spot_last: float
    spot_bid: float
    spot_ask: float
    spot_ts_ns: int
    n_read: int
    dropped: dict[DropReason, int]


class _Table(msgspec.Struct, array_like=True):
    series: tuple[ExpirySeries, ...]
    forms: tuple[PackedColumn, ...]
    block: memoryview  # a part of the content: a session is not held twice


class _Chain(msgspec.Struct, array_like=True):
    table: int
    plain: _Plain
    forms: tuple[PackedColumn, ...]
    block: memoryview  # a part of the content: a session is not held twice


class _Day(msgspec.Struct, array_like=True):
    tables: list[_Table]
    chains: list[_Chain]


_PLAIN: Final = _Plain.__struct_fields__
_decoder: Final = msgspec.msgpack.Decoder(_Day)


def pack_chains(chains: Sequence[OptionChain]) -> bytes:
    """Return chains as bytes.

    Parameters
    ----------
    chains : sequence of OptionChain
        In the order in which they are to be read.

    Returns
    -------
    bytes
        About 23 bytes a contract where quotes are whole ticks.
    """
    day = _Day(tables=[], chains=[])
    known: list[OptionChain] = []  # the first chain of each table
    for chain in chains:
        table = next((place for place, other in enumerate(known) if _same_contracts(other, chain)), len(known))
        if table == len(known):
            known.append(chain)
            forms, block = pack_columns([getattr(chain, name) for name in _CONTRACTS])
            day.tables.append(_Table(series=chain.series, forms=forms, block=memoryview(block)))
        plain = _Plain(
            **{name: getattr(chain, name) for name in _PLAIN if name != "dropped"}, dropped=dict(chain.dropped)
        )
        forms, block = pack_columns([getattr(chain, name) for name in _QUOTES])
        day.chains.append(_Chain(table=table, plain=plain, forms=forms, block=memoryview(block)))
    return msgspec.msgpack.encode(day)


def _same_contracts(one: OptionChain, other: OptionChain) -> bool:
    if one.strike.shape != other.strike.shape or one.symbols.shape != other.symbols.shape or one.series != other.series:
        return False
    return all(bool((getattr(one, name) == getattr(other, name)).all()) for name in _CONTRACTS)


@final
class PackedChains:
    """Chains as `pack_chains` packed them; one is made when it is asked for.

    Parameters
    ----------
    content : bytes or memoryview
        What `pack_chains` returned; it is kept, and nothing of it is copied before a chain is asked for.

    Raises
    ------
    DataError
        The bytes are none of these.
    """

    def __init__(self, content: bytes | memoryview) -> None:
        self.content = content
        """What was given."""
        try:
            self._day = _decoder.decode(content)
        except (msgspec.MsgspecError, ValueError) as error:
            raise DataError(
                "bytes are no packed chains",
                found=str(error)[:120],
                expected="bytes written by this version",
                action="remove the cache",
            ) from error
        self._templates: dict[int, OptionChain] = {}

    def __len__(self) -> int:
        return len(self._day.chains)

    def chain(self, place: int) -> OptionChain:
        """Return one chain, equal to the one that was packed to the last bit; its arrays are read-only or its own."""
        packed = self._day.chains[place]
        # Copied, because a part of the content begins anywhere, and kernels refuse arrays that are not aligned.
        values: dict[str, Any] = dict(zip(_QUOTES, unpack_columns(packed.forms, bytes(packed.block)), strict=True))
        values |= {name: getattr(packed.plain, name) for name in _PLAIN}
        template = self._templates.get(packed.table)
        if template is not None:
            return template.updated(values)
        table = self._day.tables[packed.table]
        contracts: dict[str, Any] = dict(zip(_CONTRACTS, unpack_columns(table.forms, bytes(table.block)), strict=True))
        made = self._templates[packed.table] = OptionChain(**values, **contracts, series=table.series)
        return made

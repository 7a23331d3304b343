"""Messages of `market` as rows of a table and a head, and back, bit for bit."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from market.chains import OptionChain
from market.errors import DataError
from market.instruments import ExpirySeries
from market.trades import UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = ["CONTRACT_COLUMNS", "Head", "Message", "head_of", "message_of", "rows_of"]

Message = OptionChain | TradeBatch | QuoteBatch

CONTRACT_COLUMNS = ("expiry_ns", "root")
"""Columns beside those of the message, by which a search finds contracts without opening the heads."""

_KINDS: dict[str, type[Message]] = {kind.__name__: kind for kind in (OptionChain, TradeBatch, QuoteBatch)}
_SIDE = ("vendor_forward",)  # arrays that are not one value per row
_TABLE = ("contracts", "series", "symbols", *_SIDE)


class Head(msgspec.Struct):
    """What a message holds beside its rows.

    Parameters
    ----------
    kind : str
        Name of the message's class.
    symbol : str
        Underlying.
    event_ns, known_ns : int
        Instant of the message, and from when it was known; ns since the epoch, UTC.
    first_row, n_rows : int
        Its rows in the file.
    digest : str
        Hash of the whole content.
    content : bytes
        The rest of the message.
    """

    kind: str
    symbol: str
    event_ns: int
    known_ns: int
    first_row: int
    n_rows: int
    digest: str
    content: bytes


class _Array(msgspec.Struct, array_like=True):
    dtype: str
    data: bytes

    @classmethod
    def of(cls, array: NDArray[Any]) -> _Array:
        return cls(dtype=array.dtype.str, data=array.tobytes())

    def array(self) -> NDArray[Any]:
        return np.frombuffer(self.data, dtype=np.dtype(self.dtype))


class _Content(msgspec.Struct):
    plain: dict[str, msgspec.Raw]
    arrays: dict[str, _Array]
    series: tuple[ExpirySeries, ...]
    symbols: str | None


def _columns(kind: type[Message]) -> list[str]:
    return [item.name for item in fields(kind) if "Array" in str(item.type) and item.name not in _TABLE]


def _plain(kind: type[Message]) -> list[Any]:
    left_out = {*_columns(kind), *_TABLE}
    return [item for item in fields(kind) if item.name not in left_out]


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    # Arrow's own conversion imports pandas, a fifth of a second in a process that needs it for nothing else.
    whole = column.combine_chunks()
    if not len(whole):
        return np.zeros(0, dtype=whole.type.to_pandas_dtype())
    if pa.types.is_boolean(whole.type):
        return np.from_dlpack(whole.cast(pa.uint8())).view(np.bool_)
    return np.from_dlpack(whole)


_TYPES: dict[type[Message], dict[str, Any]] = {}


def _types(kind: type[Message]) -> dict[str, Any]:
    if kind not in _TYPES:
        from typing import get_type_hints

        _TYPES[kind] = get_type_hints(kind)
    return _TYPES[kind]


def _contract_table(message: Message) -> tuple[tuple[ExpirySeries, ...], NDArray[Any]]:
    """Return the series of a message and the place of each row's series; -1 for the underlying."""
    if isinstance(message, OptionChain):
        return message.series, message.series_index
    table = message.contracts
    padded = np.append(table.series_index, np.int32(UNDERLYING))
    return table.series, padded[message.contract]


def rows_of(message: Message, known_ns: Int64Array) -> pa.Table:
    """Return the rows of a message.

    Parameters
    ----------
    message : OptionChain, TradeBatch or QuoteBatch
        The message.
    known_ns : ndarray of int64, shape (n_rows,)
        From when each row was known.

    Returns
    -------
    pyarrow.Table
        ``event_ns``, ``known_ns``, the contracts' ``expiry_ns`` and ``root`` (null for the underlying), and the
        message's columns by their names; of a batch ``strike`` and ``is_call`` too.
    """
    series, index = _contract_table(message)
    columns: dict[str, pa.Array] = {"known_ns": pa.array(known_ns)}
    event = message.ts_ns if not isinstance(message, OptionChain) else np.full(index.shape, message.ts_event_ns)
    columns["event_ns"] = pa.array(event.astype(np.int64))
    options = index >= 0
    expiry = np.append(np.array([s.expiry_ns for s in series], dtype=np.int64), np.int64(0))[index]
    columns["expiry_ns"] = pa.array(expiry, mask=~options)
    roots = pa.array([s.product.root for s in series], type=pa.string())
    codes = pa.array(index.astype(np.int32), mask=~options)
    columns["root"] = pa.DictionaryArray.from_arrays(codes, roots).cast(pa.string())
    for name in _columns(type(message)):
        columns[name] = pa.array(getattr(message, name))
    if isinstance(message, OptionChain):
        words = message.symbols.tolist() if message.symbols.size else [None] * index.size
        columns["symbols"] = pa.array(words, type=pa.binary())
    else:
        table, place = message.contracts, message.contract
        columns["strike"] = pa.array(np.append(table.strike, np.nan)[place], mask=~options)
        columns["is_call"] = pa.array(np.append(table.is_call, False)[place], mask=~options)
    return pa.table(columns)


def head_of(message: Message, known_ns: int, first_row: int) -> Head:
    """Return the head of a message whose rows begin at a place of a file."""
    kind = type(message)
    arrays: dict[str, NDArray[Any]] = {}
    if isinstance(message, OptionChain):
        arrays = {name: getattr(message, name) for name in _SIDE}
        n_rows, symbols = message.n_contracts, message.symbols.dtype.str if message.symbols.size else None
    else:
        table, symbols, n_rows = message.contracts, None, int(message.contract.shape[0])
        arrays = {name: getattr(table, name) for name in ("series_index", "strike", "is_call")}
    content = msgspec.msgpack.encode(
        _Content(
            plain={f.name: msgspec.Raw(msgspec.msgpack.encode(getattr(message, f.name))) for f in _plain(kind)},
            arrays={name: _Array.of(array) for name, array in arrays.items()},
            series=_contract_table(message)[0],
            symbols=symbols,
        )
    )
    digest = hashlib.sha256(content)
    for name in _columns(kind):
        digest.update(np.ascontiguousarray(getattr(message, name)).tobytes())
    if isinstance(message, OptionChain):
        digest.update(message.symbols.tobytes())
    return Head(
        kind=kind.__name__,
        symbol=message.symbol,
        event_ns=message.ts_event_ns,
        known_ns=known_ns,
        first_row=first_row,
        n_rows=n_rows,
        digest=digest.hexdigest(),
        content=content,
    )


def message_of(head: Head, rows: pa.Table) -> Message:
    """Return the message that `head_of` and `rows_of` took apart.

    Parameters
    ----------
    head : Head
        Its head.
    rows : pyarrow.Table
        All its rows in their order, or for a batch any of them: the contracts stay whole.

    Returns
    -------
    OptionChain, TradeBatch or QuoteBatch
        Equal to the one that was written, to the last bit.
    """
    kind = _KINDS[head.kind]
    if kind is OptionChain and rows.num_rows != head.n_rows:
        raise DataError(
            "a stored chain has lost rows",
            found=f"{rows.num_rows} rows",
            expected=f"{head.n_rows} rows",
            action="restore the file from a copy, or import its source again",
        )
    content = msgspec.msgpack.decode(head.content, type=_Content)
    hints = _types(kind)
    values: dict[str, Any] = {
        name: msgspec.msgpack.decode(raw, type=hints[name]) for name, raw in content.plain.items()
    }
    for name in _columns(kind):
        values[name] = _values(rows[name])
    arrays = {name: item.array() for name, item in content.arrays.items()}
    if kind is OptionChain:
        values |= arrays
        values["series"] = content.series
        values["symbols"] = (
            np.array([], dtype="S1")
            if content.symbols is None
            else np.array(rows["symbols"].to_pylist(), dtype=np.dtype(content.symbols))
        )
        return OptionChain(**values)
    values["contracts"] = ContractTable(series=content.series, **arrays)
    return kind(**values)

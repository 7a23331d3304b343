"""Messages of `market` as rows of a table and a head, and back, bit for bit."""

from __future__ import annotations

import hashlib
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any, Final, get_args, get_type_hints

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from market.bars import BarBatch
from market.books import BookSnapshot
from market.chains import OptionChain
from market.errors import DataError
from market.funding import FundingBatch
from market.instruments import ExpirySeries
from market.news import NewsBatch
from market.series import EventBatch, SeriesBatch
from market.trades import UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = [
    "CONTRACT_COLUMNS",
    "EVERYONE",
    "Head",
    "Message",
    "event_ns_of",
    "head_of",
    "known_ns_of",
    "message_of",
    "n_rows_of",
    "picked",
    "rows_of",
    "symbol_of",
    "told_of",
]

Message = (
    OptionChain
    | TradeBatch
    | QuoteBatch
    | BarBatch
    | FundingBatch
    | SeriesBatch
    | EventBatch
    | NewsBatch
    | BookSnapshot
)

CONTRACT_COLUMNS = ("expiry_ns", "root")
"""Columns beside those of the message, by which a search finds contracts without opening the heads."""

EVERYONE: Final = "MARKET"
"""Partition of events and news: their rows name their symbols themselves."""

# Who told it, and what a check thought of it: the same chain out of two files is the same chain.
_NO_CONTENT: Final = frozenset({"cause_id", "provenance"})

_KINDS: Final[tuple[type[Message], ...]] = get_args(Message)
_CLASSES: Final[dict[str, type[Message]]] = {kind.__name__: kind for kind in _KINDS}
_SIDE = ("vendor_forward",)  # arrays that are not one value per row
_TABLE = ("contracts", "series", "symbols", *_SIDE)
_CONTRACTS: Final = ("series_index", "strike", "is_call")
_WORDS: Final[dict[type[Message], tuple[str, ...]]] = {
    EventBatch: ("event_id", "kind", "symbol", "name"),
    NewsBatch: ("article_id", "headline", "source", "symbols"),
}
# An event is announced before it happens: its row happened when it was announced.
_EVENT: Final[dict[type[Message], str]] = {
    TradeBatch: "ts_ns",
    QuoteBatch: "ts_ns",
    BarBatch: "start_ns",
    FundingBatch: "ts_ns",
    SeriesBatch: "event_ns",
    EventBatch: "available_ns",
    NewsBatch: "published_ns",
}
_KNOWN: Final[dict[type[Message], str]] = {
    **_EVENT,
    BarBatch: "end_ns",
    SeriesBatch: "available_ns",
    NewsBatch: "available_ns",
}
_RENAMED: Final[dict[type[Message], dict[str, str]]] = {EventBatch: {"event_ns": "scheduled_ns"}}


class Head(msgspec.Struct):
    """What a message holds beside its rows.

    Parameters
    ----------
    kind : str
        Name of the message's class.
    symbol : str
        Underlying, series, or `EVERYONE`.
    event_ns : int
        Instant of the message, ns since the epoch, UTC.
    first_known_ns, known_ns : int
        From when its first row and all its rows were known, ns since the epoch, UTC.
    first_row, n_rows : int
        Its rows in the file.
    digest : str
        Hash of what the message says; where it was read and what a check thought of it do not count.
    content : bytes
        The rest of the message.
    contracts : bytes
        Its table of contracts; a file holds equal ones once.
    """

    kind: str
    symbol: str
    event_ns: int
    first_known_ns: int
    known_ns: int
    first_row: int
    n_rows: int
    digest: str
    content: bytes
    contracts: bytes = b""


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


class _Contracts(msgspec.Struct):
    arrays: dict[str, _Array]
    series: tuple[ExpirySeries, ...]


def symbol_of(message: Message) -> str:
    """Return the symbol under which a message is kept: its own, its series, or `EVERYONE`."""
    if isinstance(message, SeriesBatch):
        return message.series
    return EVERYONE if isinstance(message, EventBatch | NewsBatch) else message.symbol


def n_rows_of(message: Message) -> int:
    """Return how many rows a message has in a table."""
    if isinstance(message, OptionChain):
        return message.n_contracts
    if isinstance(message, BookSnapshot):
        return int(message.bid_price.size + message.ask_price.size)
    return int(getattr(message, _EVENT[type(message)]).size)


def event_ns_of(message: Message) -> Int64Array:
    """Return when each row of a message happened, ns since the epoch, UTC, shape (n_rows,)."""
    return _instants(message, _EVENT)


def known_ns_of(message: Message) -> Int64Array:
    """Return from when each row of a message was known at the earliest, ns since the epoch, UTC, shape (n_rows,)."""
    return _instants(message, _KNOWN)


def _instants(message: Message, names: dict[type[Message], str]) -> Int64Array:
    name = names.get(type(message))
    if name is None:
        return np.full(n_rows_of(message), message.ts_event_ns, dtype=np.int64)
    return np.asarray(getattr(message, name), dtype=np.int64)


def picked(message: Message, rows: NDArray[Any] | slice) -> Message:
    """Return some rows of a message, with its whole table of contracts.

    Parameters
    ----------
    message : Message
        Neither a chain nor a book: they are whole or not at all.
    rows : ndarray of int or bool, or slice
        Which rows.

    Returns
    -------
    Message
        With the same head.
    """
    kind = type(message)
    if kind not in _EVENT:
        raise DataError("a chain or a book has no parts", found=kind.__name__, expected="a batch of rows")
    columns: dict[str, Any] = {name: getattr(message, name)[rows] for name in _COLUMNS[kind]}
    chosen = np.arange(n_rows_of(message))[rows] if kind in _WORDS else np.zeros(0, dtype=np.int64)
    for name in _WORDS.get(kind, ()):
        column = getattr(message, name)
        columns[name] = tuple(column[row] for row in chosen.tolist())
    return replace(message, **columns)


def _columns_of(kind: type[Message]) -> tuple[str, ...]:
    if kind is BookSnapshot:
        return ()
    return tuple(item.name for item in fields(kind) if "Array" in str(item.type) and item.name not in _TABLE)


def _plain_of(kind: type[Message]) -> tuple[str, ...]:
    left_out = {*_columns_of(kind), *_WORDS.get(kind, ()), *(_TABLE if kind is not SeriesBatch else ())}
    return tuple(f.name for f in fields(kind) if f.name not in left_out and "FloatArray" not in str(f.type))


_COLUMNS: Final[dict[type[Message], tuple[str, ...]]] = {kind: _columns_of(kind) for kind in _KINDS}
_PLAIN: Final[dict[type[Message], tuple[str, ...]]] = {kind: _plain_of(kind) for kind in _KINDS}
_TYPES: Final[dict[type[Message], dict[str, Any]]] = {}


def _types(kind: type[Message]) -> dict[str, Any]:
    if kind not in _TYPES:
        _TYPES[kind] = get_type_hints(kind)
    return _TYPES[kind]


def _values(column: pa.ChunkedArray) -> NDArray[Any]:
    # Arrow's own conversion imports pandas, a fifth of a second in a process that needs it for nothing else.
    whole = column.combine_chunks()
    if not len(whole):
        return np.zeros(0, dtype=whole.type.to_pandas_dtype())
    if pa.types.is_boolean(whole.type):
        return np.from_dlpack(whole.cast(pa.uint8())).view(np.bool_)
    return np.from_dlpack(whole)


def _contract_table(message: OptionChain | TradeBatch | QuoteBatch | BarBatch) -> tuple[tuple[ExpirySeries, ...], Any]:
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
    message : Message
        The message.
    known_ns : ndarray of int64, shape (n_rows,)
        From when each row was known.

    Returns
    -------
    pyarrow.Table
        ``event_ns``, ``known_ns``, and the message's columns by their names. Of options also ``expiry_ns`` and ``root``
        (null for the underlying), of a batch ``strike`` and ``is_call``, of bars ``length_ns``. A book has a row per
        level, bids first: ``is_bid``, ``price``, ``size``.
    """
    columns: dict[str, Any] = {"known_ns": pa.array(known_ns), "event_ns": pa.array(event_ns_of(message))}
    if isinstance(message, BarBatch):
        columns["length_ns"] = pa.array(message.end_ns - message.start_ns)
    if isinstance(message, OptionChain | TradeBatch | QuoteBatch | BarBatch):
        columns |= _contract_columns(message)
    if isinstance(message, BookSnapshot):
        columns["is_bid"] = pa.array(np.repeat([True, False], [message.bid_price.size, message.ask_price.size]))
        for name in ("price", "size"):
            columns[name] = pa.array(np.concatenate([getattr(message, f"{side}_{name}") for side in ("bid", "ask")]))
    renamed = _RENAMED.get(type(message), {})
    for name in _COLUMNS[type(message)]:
        columns[renamed.get(name, name)] = pa.array(getattr(message, name))
    for name in _WORDS.get(type(message), ()):
        kind = pa.list_(pa.string()) if name == "symbols" else pa.string()
        columns[name] = pa.array([_word(cell) for cell in getattr(message, name)], type=kind)
    return pa.table(columns)


def _word(cell: Any) -> Any:
    return list(cell) if isinstance(cell, tuple) else str(cell)


def _contract_columns(message: OptionChain | TradeBatch | QuoteBatch | BarBatch) -> dict[str, Any]:
    series, index = _contract_table(message)
    options = index >= 0
    expiry = np.append(np.array([s.expiry_ns for s in series], dtype=np.int64), np.int64(0))[index]
    roots = pa.array([s.product.root for s in series], type=pa.string())
    codes = pa.array(index.astype(np.int32), mask=~options)
    columns: dict[str, Any] = {
        "expiry_ns": pa.array(expiry, mask=~options),
        "root": pa.DictionaryArray.from_arrays(codes, roots).cast(pa.string()),
    }
    if isinstance(message, OptionChain):
        words = message.symbols.tolist() if message.symbols.size else [None] * index.size
        return columns | {"symbols": pa.array(words, type=pa.binary())}
    table, place = message.contracts, message.contract
    columns["strike"] = pa.array(np.append(table.strike, np.nan)[place], mask=~options)
    columns["is_call"] = pa.array(np.append(table.is_call, False)[place], mask=~options)
    return columns


def head_of(message: Message, known_ns: Int64Array | int, first_row: int) -> Head:
    """Return the head of a message whose rows begin at a place of a file."""
    kind, known = type(message), np.atleast_1d(np.asarray(known_ns, dtype=np.int64))
    whole, contracts = _content(message)
    digest = hashlib.sha256(msgspec.msgpack.encode(_said(whole, message)) + contracts)
    for name in _COLUMNS[kind]:
        digest.update(np.ascontiguousarray(getattr(message, name)).tobytes())
    if isinstance(message, OptionChain):
        digest.update(message.symbols.tobytes())
    elif isinstance(message, BookSnapshot):
        for name in ("bid_price", "bid_size", "ask_price", "ask_size"):
            digest.update(getattr(message, name).tobytes())
    for name in _WORDS.get(kind, ()):
        digest.update(msgspec.msgpack.encode(getattr(message, name)))
    return Head(
        kind=kind.__name__,
        symbol=symbol_of(message),
        event_ns=message.ts_event_ns,
        first_known_ns=int(known.min(initial=np.iinfo(np.int64).max)) if known.size else message.ts_event_ns,
        known_ns=int(known.max()) if known.size else message.ts_event_ns,
        first_row=first_row,
        n_rows=n_rows_of(message),
        digest=digest.hexdigest(),
        content=msgspec.msgpack.encode(whole),
        contracts=contracts,
    )


def _content(message: Message) -> tuple[_Content, bytes]:
    kind, symbols, contracts = type(message), None, b""
    arrays: dict[str, NDArray[Any]] = {}
    series: tuple[ExpirySeries, ...] = ()
    if isinstance(message, OptionChain):
        arrays, series = {name: getattr(message, name) for name in _SIDE}, message.series
        symbols = message.symbols.dtype.str if message.symbols.size else None
    elif isinstance(message, TradeBatch | QuoteBatch | BarBatch):
        table = message.contracts
        packed = {name: _Array.of(getattr(table, name)) for name in _CONTRACTS}
        contracts = msgspec.msgpack.encode(_Contracts(arrays=packed, series=table.series))
    plain = {name: msgspec.Raw(msgspec.msgpack.encode(getattr(message, name))) for name in _PLAIN[kind]}
    whole = _Content(
        plain=plain, arrays={name: _Array.of(array) for name, array in arrays.items()}, series=series, symbols=symbols
    )
    return whole, contracts


def _said(whole: _Content, message: Message) -> _Content:
    plain = {name: raw for name, raw in whole.plain.items() if name not in _NO_CONTENT}
    origin = message.provenance
    plain["as_of"] = msgspec.Raw(msgspec.msgpack.encode((origin.source, origin.simulated, origin.as_of_source)))
    return msgspec.structs.replace(whole, plain=plain)


def told_of(head: Head, *names: str) -> dict[str, Any]:
    """Return fields of a message that its head holds, by name, without its rows."""
    content = msgspec.msgpack.decode(head.content, type=_Content)
    hints = _types(_CLASSES[head.kind])
    return {name: msgspec.msgpack.decode(content.plain[name], type=hints[name]) for name in names}


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
    Message
        Equal to the one that was written, to the last bit.
    """
    kind = _CLASSES[head.kind]
    if kind not in _EVENT and rows.num_rows != head.n_rows:
        raise DataError(
            "a stored chain or book has lost rows",
            found=f"{rows.num_rows} rows",
            expected=f"{head.n_rows} rows",
            action="restore the file from a copy, or import its source again",
        )
    content = msgspec.msgpack.decode(head.content, type=_Content)
    hints, renamed = _types(kind), _RENAMED.get(kind, {})
    values: dict[str, Any] = {
        name: msgspec.msgpack.decode(raw, type=hints[name]) for name, raw in content.plain.items()
    }
    for name in _COLUMNS[kind]:
        values[name] = _values(rows[renamed.get(name, name)])
    values |= _words_of(kind, rows)
    if kind is OptionChain:
        values |= {name: item.array() for name, item in content.arrays.items()}
        values |= {"series": content.series, "symbols": _symbols(content, rows)}
    elif kind is BookSnapshot:
        values |= _levels(rows)
    elif head.contracts:
        values["contracts"] = _decoded_contracts(head.contracts)
    return kind(**values)


def _words_of(kind: type[Message], rows: pa.Table) -> dict[str, Any]:
    hints, found = _types(kind), {}
    for name in _WORDS.get(kind, ()):
        found[name] = msgspec.convert(rows[name].to_pylist(), type=hints[name])
    return found


def _symbols(content: _Content, rows: pa.Table) -> NDArray[np.bytes_]:
    if content.symbols is None:
        return np.array([], dtype="S1")
    return np.array(rows["symbols"].to_pylist(), dtype=np.dtype(content.symbols))


def _levels(rows: pa.Table) -> dict[str, NDArray[Any]]:
    n_bids = int(np.count_nonzero(_values(rows["is_bid"])))
    found = {}
    for name in ("price", "size"):
        column = _values(rows[name])
        found[f"bid_{name}"], found[f"ask_{name}"] = column[:n_bids], column[n_bids:]
    return found


@lru_cache(maxsize=64)
def _decoded_contracts(content: bytes) -> ContractTable:
    found = msgspec.msgpack.decode(content, type=_Contracts)
    return ContractTable(series=found.series, **{name: item.array() for name, item in found.arrays.items()})

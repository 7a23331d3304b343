"""Alpaca's records as rows, and rows as the messages of `market`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from adapters.chains.assemble import listed_product
from adapters.chains.occ import parse_occ
from market.calendars import expiry_series
from market.chains import IntArray
from market.instruments import ExpirySeries
from market.provenance import AsOfSource, Provenance
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch, TradeBatch, TradeFlag

__all__ = [
    "QuoteRow",
    "TradeRow",
    "contract_table",
    "origin",
    "quote_batch",
    "quote_row",
    "stamp_ns",
    "trade_batch",
    "trade_row",
]

# Letters of the consolidated tapes' and of OPRA's sale conditions.
_STOCK_FLAGS = {
    **dict.fromkeys("O56QM", TradeFlag.AUCTION),
    **dict.fromkeys("ZULP", TradeFlag.OUT_OF_SEQUENCE),
}
_OPTION_FLAGS = {
    **dict.fromkeys("ACEG", TradeFlag.CANCELLED),
    **dict.fromkeys("BD", TradeFlag.OUT_OF_SEQUENCE),
    **dict.fromkeys("abcd", TradeFlag.AUCTION),
    **dict.fromkeys("fhijlmnop", TradeFlag.COMPLEX),
    **dict.fromkeys("gk", TradeFlag.COMPLEX | TradeFlag.AUCTION),
}
_OFF_EXCHANGE = "D"  # the trade reporting facility, of stocks


class TradeRow(NamedTuple):
    """One print; two rows that are equal are one print told twice, as stamps are in nanoseconds."""

    name: str
    ts_ns: int
    price: float
    size: float
    number: int
    venue: str
    conditions: str


class QuoteRow(NamedTuple):
    """One best quote."""

    name: str
    ts_ns: int
    bid: float
    ask: float
    bid_size: float
    ask_size: float


def stamp_ns(stamp: Any) -> int:
    """Return a record's stamp, text of REST or msgpack's timestamp of a stream, as ns since the epoch, UTC."""
    if isinstance(stamp, str):
        return int(np.datetime64(stamp.removesuffix("Z"), "ns").astype(np.int64))
    return int(stamp.to_unix_nano())


def trade_row(name: str, record: Mapping[str, Any]) -> TradeRow | None:
    """Return a record as a row, or None where it cannot be a trade."""
    try:
        price, size = float(record["p"]), float(record["s"])
        conditions = "".join(record.get("c") or ())
        row = TradeRow(
            name, stamp_ns(record["t"]), price, size, int(record.get("i", -1)), str(record.get("x") or ""), conditions
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return row if 0.0 < price < math.inf and 0.0 < size < math.inf else None


def quote_row(name: str, record: Mapping[str, Any]) -> QuoteRow | None:
    """Return a record as a row, or None where it cannot be a quote."""
    try:
        sides = [float(record[key]) for key in ("bp", "ap", "bs", "as")]
        row = QuoteRow(name, stamp_ns(record["t"]), *sides)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return row if all(0.0 <= side < math.inf for side in sides) else None


def origin(path: str, *, simulated: bool) -> Provenance:
    """Return the provenance of what was received."""
    return Provenance(source="alpaca", origin=path, simulated=simulated, as_of_source=AsOfSource.RECEIVED)


def contract_table(symbol: str, names: Sequence[str]) -> tuple[ContractTable, dict[str, int]]:
    """Return the contracts that names speak of, and the place of each known name; that of the underlying is -1.

    Parameters
    ----------
    symbol : str
        Underlying.
    names : sequence of str
        The underlying's or contracts' symbols; repeated ones count once.

    Returns
    -------
    ContractTable
        Standard contracts of the underlying.
    dict of str to int
        An adjusted or foreign contract, or what is none, is left out.
    """
    distinct = [name for name in dict.fromkeys(names) if name != symbol]
    parsed = parse_occ(np.array([name.encode() for name in distinct], dtype=np.bytes_).reshape(len(distinct)))
    series: dict[ExpirySeries, int] = {}
    place: dict[str, int] = {symbol: UNDERLYING}
    index: list[int] = []
    kept: list[int] = []
    for row, name in enumerate(distinct):
        product = listed_product(parsed.root[row].decode(), symbol) if parsed.valid[row] else None
        if product is not None:
            place[name] = len(kept)
            kept.append(row)
            one = expiry_series(product, parsed.expiration[row].item())
            index.append(series.setdefault(one, len(series)))
    table = ContractTable(
        series=tuple(series),
        series_index=np.array(index, dtype=np.int32),
        strike=parsed.strike[kept],
        is_call=parsed.right[kept] == 1,
    )
    return table, place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Common:
    """What trades and quotes have in common: the rows that are known, and their contracts."""

    rows: list[Any]
    table: ContractTable
    contract: IntArray


def _common(symbol: str, rows: Sequence[Any]) -> _Common:
    table, place = contract_table(symbol, [row.name for row in rows])
    known = sorted((row for row in rows if row.name in place), key=lambda row: row.ts_ns)
    contract = np.array([place[row.name] for row in known], dtype=np.int32)
    return _Common(rows=known, table=table, contract=contract)


def trade_batch(symbol: str, rows: Sequence[TradeRow], ts_event_ns: int, provenance: Provenance) -> TradeBatch:
    """Return trades of an underlying and its options in the order of their stamps.

    Parameters
    ----------
    symbol : str
        Underlying.
    rows : sequence of TradeRow
        In any order; those of contracts that are not the underlying's own standard ones are left out.
    ts_event_ns : int
        Instant of the batch; it is moved to the newest trade where that is later.
    provenance : Provenance
        Where they come from.

    Returns
    -------
    TradeBatch
        With the exchange's letter as its number, 65 for ``A``.
    """
    common = _common(symbol, rows)
    known: list[TradeRow] = common.rows
    ts_ns = np.array([row.ts_ns for row in known], dtype=np.int64)
    return TradeBatch(
        symbol=symbol,
        ts_event_ns=max(ts_event_ns, int(ts_ns.max(initial=0))),
        cause_id=f"alpaca:{symbol}:{ts_event_ns}",
        provenance=provenance,
        contracts=common.table,
        contract=common.contract,
        ts_ns=ts_ns,
        trade_id=np.array([row.number for row in known], dtype=np.int64),
        price=np.array([row.price for row in known], dtype=np.float64),
        size=np.array([row.size for row in known], dtype=np.float64),
        flags=np.array([_flags(row, row.name == symbol) for row in known], dtype=np.uint8),
        venue=np.array([ord(row.venue[0]) if row.venue else CONSOLIDATED for row in known], dtype=np.int16),
        aggressor=np.zeros(len(known), dtype=np.int8),
    )


def quote_batch(symbol: str, rows: Sequence[QuoteRow], ts_event_ns: int, provenance: Provenance) -> QuoteBatch:
    """Return quotes of an underlying and its options in the order of their stamps; see `trade_batch`."""
    common = _common(symbol, rows)
    known: list[QuoteRow] = common.rows
    columns = np.array([row[1:] for row in known], dtype=np.float64).reshape(len(known), 5)
    ts_ns = np.array([row.ts_ns for row in known], dtype=np.int64)
    return QuoteBatch(
        symbol=symbol,
        ts_event_ns=max(ts_event_ns, int(ts_ns.max(initial=0))),
        cause_id=f"alpaca:{symbol}:{ts_event_ns}",
        provenance=provenance,
        contracts=common.table,
        contract=common.contract,
        ts_ns=ts_ns,
        bid=columns[:, 1].copy(),
        ask=columns[:, 2].copy(),
        bid_size=columns[:, 3].copy(),
        ask_size=columns[:, 4].copy(),
        venue=np.full(len(known), CONSOLIDATED, dtype=np.int16),
    )


def _flags(row: TradeRow, stock: bool) -> int:  # noqa: FBT001  # two tables, one name
    flags = TradeFlag.NONE
    for letter in row.conditions:
        flags |= (_STOCK_FLAGS if stock else _OPTION_FLAGS).get(letter, TradeFlag.NONE)
    return int(flags | (TradeFlag.OFF_EXCHANGE if stock and row.venue == _OFF_EXCHANGE else TradeFlag.NONE))

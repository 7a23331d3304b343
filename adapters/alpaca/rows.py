"""Alpaca's records as rows, their letters as flags, and their names as contracts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from adapters.chains.assemble import listed_product
from adapters.chains.occ import parse_occ
from market.calendars import expiry_series
from market.chains import BoolArray, IntArray
from market.instruments import ExpirySeries
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, TradeFlag

__all__ = [
    "TAKERS",
    "QuoteRow",
    "TradeRow",
    "contract_table",
    "origin",
    "quote_row",
    "stamp_ns",
    "trade_flags",
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
TAKERS: Final = {"B": 1, "S": -1}
"""Letters of the side that took, of coins."""

_MOST_NUMBER = 1 << 63
_LETTERS = (_STOCK_FLAGS, _OPTION_FLAGS)
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
    aggressor: int = 0  # +1 buyer, -1 seller, 0 where the venue does not tell: it does for coins only


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
        number, venue, taker = int(record.get("i", -1)), str(record.get("x") or ""), str(record.get("tks") or "")
        row = TradeRow(name, stamp_ns(record["t"]), price, size, number, venue, conditions, TAKERS.get(taker, 0))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    sound = 0.0 < price < math.inf and 0.0 < size < math.inf and abs(row.number) < _MOST_NUMBER
    return row if sound else None


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


def trade_flags(
    conditions: Sequence[str], condition: IntArray, venue: NDArray[np.int16], is_stock: BoolArray
) -> NDArray[np.uint8]:
    """Return the flags of prints.

    Parameters
    ----------
    conditions : sequence of str
        Sale conditions, all letters of a print as one text.
    condition : ndarray of int32, shape (n_trades,)
        Which of them each print has.
    venue : ndarray of int16, shape (n_trades,)
        The exchange's letter as a number.
    is_stock : ndarray of bool, shape (n_trades,)
        Whether the print is one of the underlying.

    Returns
    -------
    ndarray of uint8, shape (n_trades,)
        `TradeFlag`.
    """
    tables = [np.array([_flags(text, letters) for text in conditions], np.uint8) for letters in _LETTERS]
    off_exchange = is_stock & (venue == ord(_OFF_EXCHANGE))
    flags = np.where(is_stock, tables[0][condition], tables[1][condition])
    return np.asarray(flags | np.where(off_exchange, TradeFlag.OFF_EXCHANGE, 0), dtype=np.uint8)


def _flags(text: str, letters: Mapping[str, TradeFlag]) -> int:
    flags = TradeFlag.NONE
    for letter in text:
        flags |= letters.get(letter, TradeFlag.NONE)
    return int(flags)

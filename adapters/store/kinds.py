"""What a store holds: the kinds of data, their columns, their keys, and how they fall into partitions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from urllib.parse import quote

import numpy as np
import pyarrow as pa

from adapters.encoded.messages import Message
from market.bars import BarBatch
from market.books import BookSnapshot
from market.chains import IntArray, OptionChain
from market.clock import datetime_of_ns
from market.errors import DataError
from market.funding import FundingBatch
from market.news import NewsBatch
from market.series import EventBatch, SeriesBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = [
    "KINDS",
    "DataKind",
    "Grain",
    "KindSpec",
    "folder_of",
    "kind_of",
    "period_codes",
    "source_of",
    "symbol_in_path",
]

_DAY_NS = 86_400_000_000_000
_HOUR_NS = 3_600_000_000_000


class DataKind(StrEnum):
    """One data set of a store; each has a manifest of its own."""

    CHAINS = "chains"
    TRADES = "trades"
    QUOTES = "quotes"
    BARS = "bars"
    QUOTE_BARS = "quote_bars"
    OPEN_INTEREST = "open_interest"
    FUNDING = "funding"
    RATES = "rates"
    INDEX_LEVELS = "index_levels"
    SERIES = "series"  # values of one number with stamps of publication: a `SeriesBatch`
    EVENTS = "events"
    NEWS = "news"
    BOOKS = "books"
    TABLES = "tables"  # anything else that has an instant: kept column by column as published


class Grain(StrEnum):
    """How long a partition is."""

    DAY = "day"
    YEAR = "year"  # sparse series: a file per day would hold one row


@dataclass(frozen=True, slots=True, kw_only=True)
class KindSpec:
    """The columns that a kind must have beside ``event_ns`` and ``known_ns``; further ones are kept as they are.

    Parameters
    ----------
    required : tuple of str
        Columns of numbers.
    keys : tuple of str
        Those of these columns that a table has tell its rows apart; none where equal rows are different facts.
    grain : Grain
        Length of a partition, where the rows are not an hour or more apart.
    messages : bool
        Whether the rows always belong to messages of `market`; rows of other kinds may.
    """

    required: tuple[str, ...]
    keys: tuple[str, ...]
    grain: Grain
    messages: bool = False


_OF_CLASS: dict[type[Message], DataKind] = {
    OptionChain: DataKind.CHAINS,
    TradeBatch: DataKind.TRADES,
    QuoteBatch: DataKind.QUOTES,
    BarBatch: DataKind.BARS,
    FundingBatch: DataKind.FUNDING,
    SeriesBatch: DataKind.SERIES,
    EventBatch: DataKind.EVENTS,
    NewsBatch: DataKind.NEWS,
    BookSnapshot: DataKind.BOOKS,
}
_CONTRACT = ("root", "ticker", "expiration", "strike", "right")
KINDS: dict[DataKind, KindSpec] = {
    DataKind.CHAINS: KindSpec(required=("strike",), keys=("event_ns",), grain=Grain.DAY, messages=True),
    DataKind.TRADES: KindSpec(required=("price", "size"), keys=(), grain=Grain.DAY, messages=True),
    DataKind.QUOTES: KindSpec(required=("bid", "ask"), keys=(), grain=Grain.DAY, messages=True),
    DataKind.BARS: KindSpec(
        required=("length_ns", "open", "high", "low", "close"),
        keys=("event_ns", "length_ns", "bar_idx", *_CONTRACT, "expiry_ns", "is_call"),
        grain=Grain.DAY,
    ),
    DataKind.QUOTE_BARS: KindSpec(
        required=("length_ns", "close_bid", "close_ask"), keys=("event_ns", "length_ns", *_CONTRACT), grain=Grain.DAY
    ),
    DataKind.OPEN_INTEREST: KindSpec(required=("open_interest",), keys=("event_ns", *_CONTRACT), grain=Grain.YEAR),
    DataKind.FUNDING: KindSpec(
        required=("funding_rate",), keys=("event_ns", "funding_ns", "is_settled", "venue"), grain=Grain.YEAR
    ),
    DataKind.RATES: KindSpec(required=("rate_pct",), keys=("event_ns",), grain=Grain.YEAR),
    DataKind.INDEX_LEVELS: KindSpec(required=("close",), keys=("event_ns",), grain=Grain.YEAR),
    DataKind.SERIES: KindSpec(required=("value",), keys=("event_ns", "available_ns"), grain=Grain.YEAR, messages=True),
    DataKind.EVENTS: KindSpec(required=(), keys=("event_id", "available_ns"), grain=Grain.YEAR, messages=True),
    DataKind.NEWS: KindSpec(required=(), keys=("article_id", "available_ns"), grain=Grain.DAY, messages=True),
    DataKind.BOOKS: KindSpec(required=("price", "size"), keys=(), grain=Grain.DAY, messages=True),
    DataKind.TABLES: KindSpec(required=(), keys=(), grain=Grain.YEAR),
}


def kind_of(message: Message) -> DataKind:
    """Return the data set to which a message belongs."""
    return _OF_CLASS[type(message)]


def period_codes(kind: DataKind, table: pa.Table) -> tuple[IntArray, list[str]]:
    """Return the partition of each row of a table.

    Parameters
    ----------
    kind : DataKind
        Kind of the table.
    table : pyarrow.Table
        With ``event_ns``, and ``length_ns`` where the kind has it.

    Returns
    -------
    ndarray of int32, shape (n_rows,)
        Place in the list.
    list of str
        Partitions, such as ``day=2023-05-23`` (UTC) or ``year=2023``.
    """
    event = table["event_ns"].to_numpy()
    sparse = np.zeros(event.shape, dtype=np.bool_) | (KINDS[kind].grain is Grain.YEAR)
    if "length_ns" in table.column_names:
        sparse |= table["length_ns"].to_numpy() >= _HOUR_NS
    days = event // _DAY_NS
    labels = np.where(sparse, -1 - event.astype("datetime64[ns]").astype("datetime64[Y]").astype(np.int64), days)
    found, codes = np.unique(labels, return_inverse=True)
    return codes.reshape(-1).astype(np.int32), [_period(int(label)) for label in found]


def _period(label: int) -> str:
    if label < 0:
        return f"{Grain.YEAR}={1969 - label}"
    return f"{Grain.DAY}={datetime_of_ns(label * _DAY_NS).date().isoformat()}"


def day_period(day: date) -> str:
    """Return the partition of a day."""
    return f"{Grain.DAY}={day.isoformat()}"


def symbol_in_path(symbol: str) -> str:
    """Return a symbol as a folder may be called: letters, digits and ``-_.~``, the rest as per cent codes."""
    if not symbol or symbol.startswith("."):
        raise DataError(
            "data need a symbol",
            found=repr(symbol),
            expected="a name such as SPX or BTCUSDT-PERP",
            action="name it with symbol=",
        )
    return quote(symbol, safe="")


def source_of(name: str, *, simulated: bool) -> str:
    """Return the source under which rows stand: the simulated must not correct the real, nor the real the simulated."""
    return name if not simulated or "simulated" in name else f"{name}-simulated"


def folder_of(kind: DataKind, symbol: str, period: str) -> str:
    """Return the folder of a partition, hive style."""
    return f"kind={kind}/symbol={symbol_in_path(symbol)}/{period}"

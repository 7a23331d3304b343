"""Option trades of a crypto venue as text: prices in coin, the aggressor told."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, final

import numpy as np

from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.rows import RowWriter, Tally, TickDrop, TradeRows
from adapters.ticks.tables import contract_rows
from market.clock import ns_of_datetime
from market.errors import DataError
from market.trades import TradeBatch

__all__ = ["COLUMNS", "CoinTrades", "coins"]

COLUMNS: Final = frozenset({"trade_id", "timestamp", "price", "instrument_name", "index_price", "direction", "amount"})
_INSTRUMENT = re.compile(r"([A-Z]+)-(\d{1,2}[A-Z]{3}\d{2})-(\d+(?:\.\d+)?)-([CP])")
_SIDE = {"buy": 1, "sell": -1}


@dataclass(frozen=True, slots=True)
class _Trade:
    ts_ns: int
    trade_id: int
    coin: str
    expiration: str
    strike: float
    right: str
    price: float
    size: float
    aggressor: int


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CoinTrades:
    """Trades in the options of one coin.

    Parameters
    ----------
    source : SourceFile
        The file, read at once.
    symbol : str
        Coin.
    """

    source: SourceFile
    symbol: str

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "deribit-option-trades"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[TradeBatch, ...]]:
        """Read the trades, sorted by time; a price in coin becomes USD at the trade's own index price.

        Parameters
        ----------
        tally : Tally
            Counts what is read and what is left out.

        Yields
        ------
        tuple of TradeBatch
            All of them.
        """
        trades: list[_Trade] = []
        for row in _table(self.source):
            trade = _trade(row)
            if trade is None or trade.coin == self.symbol:
                tally.read += trade is None
                tally.drop(TickDrop.BAD_ROW, int(trade is None))
                trades += [] if trade is None else [trade]
        if not trades:
            return
        trades.sort(key=lambda trade: (trade.ts_ns, trade.trade_id))
        ts_ns = np.array([trade.ts_ns for trade in trades], dtype=np.int64)
        table, contract, bad = contract_rows(
            root=np.array([f"{trade.coin}@DERIBIT" for trade in trades]),
            expiration=np.array([trade.expiration for trade in trades], dtype="datetime64[D]"),
            strike=np.array([trade.strike for trade in trades]),
            right=np.array([trade.right for trade in trades]),
            ts_ns=ts_ns,
            path=self.path,
        )
        rows = TradeRows(
            contract=contract,
            ts_ns=ts_ns,
            trade_id=np.array([trade.trade_id for trade in trades], dtype=np.int64),
            price=np.array([trade.price for trade in trades]),
            size=np.array([trade.size for trade in trades]),
            aggressor=np.array([trade.aggressor for trade in trades], dtype=np.int8),
        )
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path)
        yield (writer.trades(rows, table, tally, {TickDrop.BAD_ROW: bad}),)


def coins(source: SourceFile) -> list[str]:
    """Return the coins whose options a file of trades holds, in alphabetical order."""
    return sorted({trade.coin for trade in map(_trade, _table(source)) if trade is not None})


def _table(source: SourceFile) -> Iterator[dict[str, str]]:
    with foreign_errors(source.path, what="the table cannot be read"):
        text = source.read().decode("utf-8-sig", "replace")
    try:
        yield from csv.DictReader(io.StringIO(text))
    except csv.Error as error:
        raise DataError("the table cannot be read", path=str(source.path), found=str(error)) from error


def _trade(row: dict[str, str]) -> _Trade | None:
    try:
        found = _INSTRUMENT.fullmatch(row["instrument_name"])
        stamp = datetime.fromisoformat(row["timestamp"])
        if found is None:
            return None
        return _Trade(
            ts_ns=ns_of_datetime(stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)),
            trade_id=int(row["trade_id"]),
            coin=found[1],
            expiration=datetime.strptime(found[2], "%d%b%y").replace(tzinfo=UTC).date().isoformat(),
            strike=float(found[3]),
            right=found[4],
            price=float(row["price"]) * float(row["index_price"]),
            size=float(row["amount"]),
            aggressor=_SIDE[row["direction"]],
        )
    except (ValueError, KeyError, TypeError, OverflowError):
        return None

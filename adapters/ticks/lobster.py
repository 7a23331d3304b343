"""Order-book messages of one share with the book after each: executions are trades, each row's book is a quote."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa
import pyarrow.csv
from numpy.typing import NDArray

from adapters.chains.source import MAX_BYTES, SourceFile, foreign_errors
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TickDrop, TradeRows, underlying
from adapters.ticks.tables import CHUNK_ROWS, column_names, eastern_midnight_ns, numbers, pieces
from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import ContractTable, Int64Array, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["BookMessages"]

_VISIBLE, _HIDDEN, _CROSS = 4.0, 5.0, 6.0
_DAY_S: Final = 86_400.0
_SCALE: Final = 10_000.0  # prices are integers of 1/10000 dollar in the archive
_NO_PRICE: Final = 900_000.0  # a side without orders has a dummy price of 999 999.9999
_MESSAGE = ("time_s", "event_type", "size", "price", "direction")
_SIDES = ("ask_price", "ask_size", "bid_price", "bid_size")  # in the order of a level's columns in the archive
_BOOK = ("ask_price_1", "ask_size_1", "bid_price_1", "bid_size_1")
_WIDTHS: Final = (6, 4)  # columns of a message, and of each level of a book
_LARGEST_MEMBER: Final = 16 * MAX_BYTES  # read in pieces, so more than fits at once; a bomb is larger still


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BookMessages:
    """Messages and books of one share on one day: a zip archive as delivered, or one Parquet table.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        The share.
    day : datetime.date
        Trading day.
    members : tuple of str or None
        Message and order-book file inside the archive; None for Parquet.
    """

    source: SourceFile
    symbol: str
    day: date
    members: tuple[str, str] | None = None

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "order-book-messages"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the rows as they stand; the quote before an execution is that of the row before."""
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path)
        midnight = eastern_midnight_ns(self.day)
        for columns in self._pieces():
            with foreign_errors(self.path, what="the messages cannot be read"):
                seconds = columns["time_s"]
                in_day = (seconds >= 0.0) & (seconds < _DAY_S)
                ns = np.rint(np.where(in_day, seconds, 0.0) * 1e9).astype(np.int64)
                ts_ns = np.where(in_day, midnight + ns, 0)
                trades = np.isin(columns["event_type"], (_VISIBLE, _HIDDEN, _CROSS))
                yield _quotes(columns, ts_ns, writer, tally), _trades(columns, ts_ns, trades, writer, tally)

    def levels(self, depth: int) -> Iterator[tuple[Int64Array, dict[str, FloatArray]]]:
        """Read the books after the messages.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0; the file may hold fewer.

        Yields
        ------
        ts_ns : ndarray of int64, shape (n_messages,)
            Instants, ns since the epoch, UTC; a message without one of the day is left out.
        sides : dict of str to ndarray, shape (n_messages, n_levels)
            ``bid_price``, ``bid_size``, ``ask_price`` and ``ask_size``, USD and shares; a level without orders has a
            dummy price.
        """
        midnight = eastern_midnight_ns(self.day)
        for seconds, sides in self._book_pieces(depth):
            in_day = (seconds >= 0.0) & (seconds < _DAY_S)
            ts_ns = midnight + np.rint(seconds[in_day] * 1e9).astype(np.int64)
            yield ts_ns, {name: side[in_day] for name, side in sides.items()}

    def stamps(self) -> Iterator[FloatArray]:
        """Yield the seconds since midnight of the messages."""
        if self.members is None:
            for piece in pieces(self.source, ("time_s",)):
                yield numbers(piece, "time_s")
            return
        for columns in self._pieces():
            yield columns["time_s"]

    def _book_pieces(self, depth: int) -> Iterator[tuple[FloatArray, dict[str, FloatArray]]]:
        if self.members is not None:
            for message, book in self._member_pieces(depth):
                scaled = {name: book[:, place::4] for place, name in enumerate(_SIDES)}
                yield message[:, 0], {n: side / _SCALE if "price" in n else side for n, side in scaled.items()}
            return
        listed = set(column_names(self.source))
        n_levels = next((n for n in range(depth) if f"bid_price_{n + 1}" not in listed), depth)
        names = {side: [f"{side}_{level + 1}" for level in range(n_levels)] for side in _SIDES}
        for piece in pieces(self.source, ["time_s", *(name for columns in names.values() for name in columns)]):
            table = {side: np.column_stack([numbers(piece, name) for name in names[side]]) for side in _SIDES}
            yield numbers(piece, "time_s"), table
        self.source.check_unchanged()

    def _pieces(self) -> Iterator[dict[str, FloatArray]]:
        if self.members is None:
            for piece in pieces(self.source, (*_MESSAGE, *_BOOK)):
                yield {name: numbers(piece, name) for name in (*_MESSAGE, *_BOOK)}
            return
        for message, book in self._member_pieces(1):
            yield _named(message, book)

    def _member_pieces(self, depth: int) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        members = self.members or ()
        with foreign_errors(self.path, what="the archive cannot be read"), zipfile.ZipFile(self.path) as archive:
            for name in members:
                if archive.getinfo(name).file_size > _LARGEST_MEMBER:
                    raise DataError(
                        "a file in the archive is too large",
                        path=str(self.path),
                        found=f"{name}: {archive.getinfo(name).file_size} bytes",
                        expected=f"at most {_LARGEST_MEMBER} bytes",
                        action="split it by time",
                    )
            widths = (_WIDTHS[0], _WIDTHS[1] * depth)
            rows = [_rows(archive, name, self.path, width) for name, width in zip(members, widths, strict=True)]
            yield from _side_by_side(rows[0], rows[1], self.path)
        self.source.check_unchanged()


def _named(message: NDArray[np.float64], book: NDArray[np.float64]) -> dict[str, FloatArray]:
    places = {"time_s": 0, "event_type": 1, "size": 3, "price": 4, "direction": 5}
    columns = {name: message[:, place] for name, place in places.items()}
    columns["price"] = columns["price"] / _SCALE
    for place, name in enumerate(_BOOK):
        columns[name] = book[:, place] / _SCALE if "price" in name else book[:, place]
    return columns


def _rows(archive: zipfile.ZipFile, name: str, path: Path, width: int) -> Iterator[NDArray[np.float64]]:
    with archive.open(name) as stream:
        options = pa.csv.ReadOptions(autogenerate_column_names=True, block_size=4 * 1024 * 1024)
        with pa.csv.open_csv(stream, read_options=options) as reader:
            for batch in reader:
                if batch.num_columns < len(_BOOK):
                    raise DataError(
                        "a file of the archive has other columns",
                        path=str(path),
                        found=f"{name}: {batch.num_columns} columns",
                        expected="6 columns of messages, and 4 of a book for each level",
                        action="fetch the archive again",
                    )
                yield np.column_stack(
                    [column.cast(pa.float64()).to_numpy(zero_copy_only=False) for column in batch.columns[:width]]
                )


def _side_by_side(
    left: Iterator[NDArray[np.float64]], right: Iterator[NDArray[np.float64]], path: Path
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    sides, held = (left, right), [np.zeros((0, 0)), np.zeros((0, 0))]
    while True:
        for n, side in enumerate(sides):
            if not held[n].shape[0]:
                held[n] = next(side, np.zeros((0, 0)))
        rows = min(CHUNK_ROWS, *(block.shape[0] for block in held))
        if not rows:
            break
        yield held[0][:rows], held[1][:rows]
        held = [block[rows:] for block in held]
    if any(block.shape[0] for block in held):
        raise DataError(
            "messages and books do not belong together",
            path=str(path),
            found=f"{held[0].shape[0]} messages and {held[1].shape[0]} books left over",
            expected="one book for each message",
            action="fetch the archive again; it may be truncated",
        )


def _quotes(columns: dict[str, FloatArray], ts_ns: Int64Array, writer: RowWriter, tally: Tally) -> QuoteBatch:
    def side(name: str) -> FloatArray:
        return np.where(np.abs(columns[name]) >= _NO_PRICE, np.nan, columns[name])

    rows = QuoteRows(
        contract=underlying(ts_ns.size),
        ts_ns=ts_ns,
        bid=side("bid_price_1"),
        ask=side("ask_price_1"),
        bid_size=columns["bid_size_1"],
        ask_size=columns["ask_size_1"],
    )
    return writer.quotes(rows, ContractTable.empty(), tally, {})


def _trades(
    columns: dict[str, FloatArray], ts_ns: Int64Array, which: BoolArray, writer: RowWriter, tally: Tally
) -> TradeBatch:
    kind = columns["event_type"][which]
    direction = columns["direction"][which]
    crossed = kind == _CROSS
    flags = np.where(kind == _HIDDEN, int(TradeFlag.OFF_EXCHANGE), 0) | np.where(crossed, int(TradeFlag.AUCTION), 0)
    rows = TradeRows(
        contract=underlying(kind.size),
        ts_ns=ts_ns[which],
        price=columns["price"][which],
        size=columns["size"][which],
        flags=flags.astype(np.uint8),
        # The direction is that of the resting order; an auction has no aggressor.
        aggressor=np.where(crossed, 0, -np.sign(np.nan_to_num(direction))).astype(np.int8),
    )
    return writer.trades(rows, ContractTable.empty(), tally, {TickDrop.BAD_ROW: ~(np.abs(direction) == 1.0)})

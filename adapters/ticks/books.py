"""Order books out of recordings: Binance's depth with its snapshots, and LOBSTER's books after each message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Protocol, final

import msgspec
import numpy as np
import pyarrow as pa

from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.binance import StreamRecording
from adapters.ticks.book_builder import BookBuilder, DepthChange
from adapters.ticks.lobster import BookMessages
from adapters.ticks.rows import TickFile
from adapters.ticks.tables import column_names, eastern_midnight_ns, numbers, pieces
from market.books import BookSnapshot
from market.errors import DataError
from market.provenance import AsOfSource, Provenance

__all__ = ["BookFile", "DepthRecording", "DepthTable", "MessageBooks", "book_file", "sampled"]

_DEPTH_COLUMNS: Final = ("local_ts_ns", "update_id", "side", "price", "qty", "is_snapshot")
_NO_PRICE: Final = 900_000.0  # a side without orders has a dummy price in LOBSTER


class BookFile(Protocol):
    """A recording of the books of one market."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def symbol(self) -> str:
        """Underlying."""

    def books(self, depth: int) -> Iterator[BookSnapshot]:
        """Yield the book after each update, best levels first, in order of time."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DepthTable:
    """Changes of a book in Parquet, one row per level, with the snapshot that they start from.

    The table holds the last number of each update only, so that a lost update does not show.

    Parameters
    ----------
    source : SourceFile
        The file, stamped by the recorder.
    symbol : str
        Pair.
    """

    source: SourceFile
    symbol: str

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def books(self, depth: int) -> Iterator[BookSnapshot]:
        """Yield the book after each update since the snapshot.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0.

        Yields
        ------
        BookSnapshot
            Stamped with the instant of receipt.
        """
        origin = _origin("crypto-depth", self.path, AsOfSource.RECEIVED)
        builder = BookBuilder(self.symbol, self.symbol, origin, depth=depth)
        for change, is_whole in _updates(self.source):
            if is_whole:
                builder.snapshot(change)
            elif not builder.change(change):
                continue
            yield builder.at(change.ts_ns)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class DepthRecording:
    """The depth of a recording of streams, whose lines carry the numbers of all updates.

    Parameters
    ----------
    recording : StreamRecording
        The file.
    """

    recording: StreamRecording

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.recording.path

    @property
    def symbol(self) -> str:
        """Pair."""
        return self.recording.symbol

    def books(self, depth: int) -> Iterator[BookSnapshot]:
        """Yield the book after each update since a snapshot; a hole in the numbers ends it until the next one.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0.

        Yields
        ------
        BookSnapshot
            Stamped with the instant of receipt.
        """
        origin = _origin("crypto-streams", self.path, AsOfSource.RECEIVED)
        builder = BookBuilder(self.symbol, self.symbol, origin, depth=depth)
        for line in self.recording.lines():
            found = _line(line)
            if found is None:
                continue
            change, is_whole = found
            if is_whole:
                builder.snapshot(change)
            elif not builder.change(change):
                continue
            yield builder.at(change.ts_ns)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBooks:
    """The book after each message of a share's day, as LOBSTER delivers it, from Parquet.

    Parameters
    ----------
    source : SourceFile
        The file.
    symbol : str
        The share.
    day : datetime.date
        Trading day.
    """

    source: SourceFile
    symbol: str
    day: date

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def books(self, depth: int) -> Iterator[BookSnapshot]:
        """Yield the book after each message that changed it.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0; the file may hold fewer.

        Yields
        ------
        BookSnapshot
            Stamped by the exchange.
        """
        listed = set(column_names(self.source))
        levels = next((n for n in range(depth) if f"bid_price_{n + 1}" not in listed), depth)
        names = {
            f"{side}_{kind}": [f"{side}_{kind}_{level + 1}" for level in range(levels)]
            for side in ("bid", "ask")
            for kind in ("price", "size")
        }
        origin, midnight = _origin("order-book-messages", self.path, AsOfSource.STAMPED), eastern_midnight_ns(self.day)
        last = np.full((1, 4 * levels), np.inf)
        for piece in pieces(self.source, ["time_s", *(name for columns in names.values() for name in columns)]):
            ts_ns = midnight + np.rint(numbers(piece, "time_s") * 1e9).astype(np.int64)
            table = {key: np.column_stack([numbers(piece, name) for name in names[key]]) for key in names}
            rows = np.vstack([last, np.hstack([table[key] for key in names])])
            last = rows[-1:]
            for row in np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)).tolist():
                sides = {key: table[key][row] for key in names}
                yield _message_book(self.symbol, origin, int(ts_ns[row]), sides)
        self.source.check_unchanged()


def book_file(file: TickFile) -> BookFile | None:
    """Return the books that a file of ticks holds as well; None where it holds none.

    Parameters
    ----------
    file : TickFile
        As opened: a recording of streams, or LOBSTER's messages in Parquet.
    """
    if isinstance(file, StreamRecording):
        return DepthRecording(recording=file)
    if isinstance(file, BookMessages) and file.members is None:
        return MessageBooks(source=file.source, symbol=file.symbol, day=file.day)
    return None


def sampled(books: Iterable[BookSnapshot], every_ns: int) -> Iterator[BookSnapshot]:
    """Yield the newest book of each stretch of time in which there was one, so that a replay keeps its pace.

    Parameters
    ----------
    books : iterable of BookSnapshot
        In order of time.
    every_ns : int
        Length of a stretch, ns, > 0; a stretch that ends at an instant includes it.

    Yields
    ------
    BookSnapshot
        With its own instant, which is at most the end of its stretch.
    """
    held: BookSnapshot | None = None
    for book in books:
        if held is not None and -(-book.ts_event_ns // every_ns) > -(-held.ts_event_ns // every_ns):
            yield held
        held = book
    if held is not None:
        yield held


def _origin(source: str, path: Path, as_of: AsOfSource) -> Provenance:
    return Provenance(source=source, origin=path.name, simulated=False, as_of_source=as_of)


def _updates(source: SourceFile) -> Iterator[tuple[DepthChange, bool]]:
    """Yield updates, and whether each is a whole book; one may go on in the next piece of the table."""
    held: tuple[Any, ...] = ()
    for piece in pieces(source, _DEPTH_COLUMNS):
        with foreign_errors(source.path, what="the depth cannot be read"):
            columns = _columns(piece)
        columns = tuple(np.concatenate(pair) for pair in zip(held, columns, strict=True)) if held else columns
        ts_ns, number, _, _, _, whole = columns
        is_new = (np.diff(ts_ns) != 0) | (np.diff(number) != 0) | (np.diff(whole) != 0)
        starts = [0, *(np.flatnonzero(is_new) + 1).tolist()]
        for start, end in pairwise(starts):
            yield _update(columns, start, end)
        held = tuple(column[starts[-1] :] for column in columns)
    if held and held[0].size:
        yield _update(held, 0, held[0].size)
    source.check_unchanged()


def _columns(piece: pa.Table) -> tuple[Any, ...]:
    whole = [piece[name].cast(pa.int64()).fill_null(-1).to_numpy() for name in ("local_ts_ns", "update_id")]
    side, price, size = (numbers(piece, name) for name in ("side", "price", "qty"))
    return (*whole, side, price, size, piece["is_snapshot"].cast(pa.int8()).fill_null(0).to_numpy())


def _update(columns: tuple[Any, ...], start: int, end: int) -> tuple[DepthChange, bool]:
    ts_ns, number, side, price, size, whole = (column[start:end] for column in columns)
    levels = [
        tuple(zip(price[side == sign].tolist(), size[side == sign].tolist(), strict=True)) for sign in (1.0, -1.0)
    ]
    change = DepthChange(ts_ns=int(ts_ns[0]), first=-1, last=int(number[0]), before=-1, bids=levels[0], asks=levels[1])
    return change, bool(whole[0])


class _Depth(msgspec.Struct):
    e: str = ""
    U: int = -1
    u: int = -1
    pu: int = -1
    b: list[tuple[str, str]] = []
    a: list[tuple[str, str]] = []
    lastUpdateId: int = -1  # noqa: N815  # as Binance writes it
    bids: list[tuple[str, str]] = []
    asks: list[tuple[str, str]] = []


class _Line(msgspec.Struct):
    stream: str = ""
    data: _Depth | None = None


_LINE: Final = msgspec.json.Decoder(_Line)
_SNAPSHOT: Final = msgspec.json.Decoder(_Depth)


def _line(line: bytes) -> tuple[DepthChange, bool] | None:
    stamp, _, body = line.partition(b" ")
    if b'"lastUpdateId"' not in body[:200] and b"@depth" not in body[:80]:
        return None
    try:
        is_whole = b"@depth" not in body[:80]
        data = _SNAPSHOT.decode(body) if is_whole else _LINE.decode(body).data
        if data is None:
            return None
        bids, asks = (_levels(side) for side in ((data.bids, data.asks) if is_whole else (data.b, data.a)))
        last = data.lastUpdateId if is_whole else data.u
        change = DepthChange(ts_ns=int(stamp), first=data.U, last=last, before=data.pu, bids=bids, asks=asks)
    except (ValueError, msgspec.MsgspecError) as error:
        raise DataError(
            "a line of depth cannot be read",
            found=f"{type(error).__name__} in {line[:80]!r}",
            expected="prices and sizes with the numbers of their updates",
            action="fetch the recording again",
        ) from None
    return change, is_whole


def _levels(side: list[tuple[str, str]]) -> tuple[tuple[float, float], ...]:
    return tuple((float(price), float(size)) for price, size in side)


def _message_book(symbol: str, origin: Provenance, ts_ns: int, sides: dict[str, Any]) -> BookSnapshot:
    kept: dict[str, Any] = {}
    for side in ("bid", "ask"):
        price, size = sides[f"{side}_price"], sides[f"{side}_size"]
        there = (np.abs(price) < _NO_PRICE) & (size > 0.0)
        kept |= {f"{side}_price": price[there], f"{side}_size": size[there]}
    return BookSnapshot(
        symbol=symbol,
        market=symbol,
        ts_event_ns=ts_ns,
        cause_id=f"{origin.origin}:{ts_ns}",
        provenance=origin,
        **kept,
    )

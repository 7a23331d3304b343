"""Order books out of recordings: Binance's depth with its snapshots, and LOBSTER's books after each message."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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
from adapters.ticks.tables import eastern_midnight_ns, numbers, pieces
from market.books import BookSnapshot
from market.chains import FloatArray
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from market.trades import Int64Array

__all__ = ["BookFile", "DepthRecording", "DepthTable", "MessageBooks", "book_file", "sampled"]

_DEPTH_COLUMNS: Final = ("local_ts_ns", "update_id", "side", "price", "qty", "is_snapshot")
_DAY_S: Final = 86_400.0
_NO_PRICE: Final = 900_000.0  # a side without orders has a dummy price in LOBSTER


class BookFile(Protocol):
    """A recording of the books of one market."""

    @property
    def format(self) -> str:
        """Publisher and layout."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def symbol(self) -> str:
        """Underlying."""

    def stamps(self) -> Iterator[Int64Array]:
        """Yield the instants of the updates, ns since the epoch, UTC, without building a book."""

    def books(self, depth: int, every_ns: int = 0) -> Iterator[BookSnapshot]:
        """Yield the book after each update, best levels first, in order of time.

        One that a newer one of the same stretch of `every_ns` nanoseconds replaces may be left out, see `sampled`.
        """


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
    def format(self) -> str:
        """Publisher and layout."""
        return "crypto-depth"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def stamps(self) -> Iterator[Int64Array]:
        """Yield the instants of receipt of the rows."""
        for piece in pieces(self.source, ("local_ts_ns",)):
            with foreign_errors(self.path, what="the depth cannot be read"):
                yield piece["local_ts_ns"].cast(pa.int64()).fill_null(0).to_numpy()

    def books(self, depth: int, every_ns: int = 0) -> Iterator[BookSnapshot]:  # noqa: ARG002  # the port's
        """Yield the book after each update since the snapshot.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0.
        every_ns : int, optional
            Not used: an update costs little beside the levels that it changes.

        Yields
        ------
        BookSnapshot
            Stamped with the instant of receipt.
        """
        origin = _origin(self.format, self.path, AsOfSource.RECEIVED)
        builder = BookBuilder(self.symbol, self.symbol, origin, depth=depth)
        yield from _built(builder, _updates(self.source))


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
    def format(self) -> str:
        """Publisher and layout."""
        return self.recording.format

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.recording.path

    @property
    def symbol(self) -> str:
        """Pair."""
        return self.recording.symbol

    def stamps(self) -> Iterator[Int64Array]:
        """Yield the instants of receipt of the lines of depth.

        Yields
        ------
        ndarray of int64
            All at once, ns since the epoch, UTC.
        """
        found = [line.partition(b" ")[0] for line in self.recording.lines() if _is_depth(line)]
        yield np.array([int(stamp) for stamp in found if stamp.isdigit()], dtype=np.int64)

    def books(self, depth: int, every_ns: int = 0) -> Iterator[BookSnapshot]:  # noqa: ARG002  # the port's
        """Yield the book after each update since a snapshot; a hole in the numbers ends it until the next one.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0.
        every_ns : int, optional
            Not used: an update costs little beside the levels that it changes.

        Yields
        ------
        BookSnapshot
            Stamped with the instant of receipt.
        """
        origin = _origin(self.format, self.path, AsOfSource.RECEIVED)
        builder = BookBuilder(self.symbol, self.symbol, origin, depth=depth)
        yield from _built(builder, filter(None, map(_line, self.recording.lines())))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBooks:
    """The book after each message of a share's day, as LOBSTER delivers it.

    Parameters
    ----------
    file : BookMessages
        Messages and books, in an archive or in Parquet.
    """

    file: BookMessages

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return self.file.format

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.file.path

    @property
    def symbol(self) -> str:
        """The share."""
        return self.file.symbol

    def stamps(self) -> Iterator[Int64Array]:
        """Yield the instants of the messages."""
        midnight = eastern_midnight_ns(self.file.day)
        for seconds in self.file.stamps():
            yield midnight + np.rint(seconds[(seconds >= 0.0) & (seconds < _DAY_S)] * 1e9).astype(np.int64)

    def books(self, depth: int, every_ns: int = 0) -> Iterator[BookSnapshot]:
        """Yield the book after each message that changed it.

        Parameters
        ----------
        depth : int
            Levels of a side, > 0; the file may hold fewer.
        every_ns : int, optional
            Of the changes of so many ns only the newest is built, which is most of the work; 0 for all.

        Yields
        ------
        BookSnapshot
            Stamped by the exchange.
        """
        origin = _origin(self.format, self.path, AsOfSource.STAMPED)
        last: FloatArray | None = None
        for ts_ns, sides in self.file.levels(depth):
            rows = np.hstack([sides[name] for name in sides])
            before = np.vstack([np.full((1, rows.shape[1]), np.inf) if last is None else last, rows[:-1]])
            last = rows[-1:] if rows.size else last
            changed = np.flatnonzero((rows != before[: rows.shape[0]]).any(axis=1))
            for row in _newest(changed, ts_ns[changed], every_ns).tolist():
                yield _message_book(self.symbol, origin, int(ts_ns[row]), {n: side[row] for n, side in sides.items()})


def book_file(file: TickFile) -> BookFile | None:
    """Return the books that a file of ticks holds as well; None where it holds none.

    Parameters
    ----------
    file : TickFile
        As opened: a recording of streams, or LOBSTER's messages.
    """
    if isinstance(file, StreamRecording):
        return DepthRecording(recording=file)
    if isinstance(file, BookMessages):
        return MessageBooks(file=file)
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


def _newest(rows: Int64Array, ts_ns: Int64Array, every_ns: int) -> Int64Array:
    if not every_ns or not rows.size:
        return rows
    stretch = -(-ts_ns // every_ns)
    newest: Int64Array = rows[np.append(stretch[1:] != stretch[:-1], True)]
    return newest


def _built(builder: BookBuilder, changes: Iterable[tuple[DepthChange, bool]]) -> Iterator[BookSnapshot]:
    """Yield the book after each change that continues it; a change with True is a whole book."""
    for change, is_whole in changes:
        if is_whole:
            builder.snapshot(change)
        elif not builder.change(change):
            continue
        yield builder.at(change.ts_ns)


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


def _is_depth(line: bytes) -> bool:
    body = line.partition(b" ")[2]
    return b'"lastUpdateId"' in body[:200] or b"@depth" in body[:80]


def _line(line: bytes) -> tuple[DepthChange, bool] | None:
    if not _is_depth(line):
        return None
    stamp, _, body = line.partition(b" ")
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

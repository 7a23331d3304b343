"""Pieces of a segment that are read at once: a message that was written, or a row group of an imported table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, final

import msgspec
import numpy as np
import pyarrow as pa

from adapters.encoded.messages import Head, Message, message_of
from adapters.store.files import StoreFiles
from adapters.store.kinds import DataKind
from adapters.store.manifest import Segment
from adapters.store.published import READABLE, published, usable
from adapters.store.segments import Opened
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["QUALITY_NOTE", "Loaded", "Piece", "PieceReader", "Scored", "in_order", "judged", "scored"]

QUALITY_NOTE: Final = "quality"
"""Name of the note in which the checks leave the quality of a segment."""


class _Finding(msgspec.Struct):
    reason: str


class _Quality(msgspec.Struct):
    score: float
    findings: list[_Finding]


class _Note(msgspec.Struct):
    checked_ns: int
    quality: _Quality


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """What is read at once.

    Parameters
    ----------
    first_row, n_rows : int
        Its rows in the file.
    first_known_ns, last_known_ns : int
        From when its first row and all its rows were known, ns since the epoch, UTC.
    head : Head, optional
        Of a message.
    group : int
        Row group, where there is no head.
    """

    first_row: int
    n_rows: int
    first_known_ns: int
    last_known_ns: int
    head: Head | None = None
    group: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A piece that was read.

    Parameters
    ----------
    message : Message
        With the quality of its segment.
    event_ns, known_ns : ndarray of int64, shape (n_rows,)
        When each row of the message happened, and from when it was known, ns since the epoch, UTC.
    place : ndarray of int64, shape (n_rows,)
        Its place among the rows of the piece.
    """

    message: Message
    event_ns: Int64Array
    known_ns: Int64Array
    place: Int64Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the checks say of a segment: score in [0, 1], and what costs most of it."""

    score: float
    reason: str


def scored(files: StoreFiles, segment: Segment, known_ns: int) -> Scored | None:
    """Return the quality of a segment as it was known at an instant, or None where nobody had looked by then.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.
    segment : Segment
        Which file.
    known_ns : int
        Instant of the read, ns since the epoch, UTC: a check looks at all rows of a file, later ones included, so that
        what it found is known from the check on.

    Returns
    -------
    Scored or None
        As the newest note says it; of a merged segment that nobody has checked, the lowest of the files that it merges.
        `adapters.quality`, which writes the notes, is not imported here: it reads the store.
    """
    own = _noted(files, segment.path, known_ns)
    if own is not None or not segment.merges:
        return own
    parts = [found for path in segment.replaces if (found := _noted(files, path, known_ns)) is not None]
    return min(parts, key=lambda part: part.score, default=None)


def _noted(files: StoreFiles, segment: str, known_ns: int) -> Scored | None:
    path = f"{segment.removesuffix('.parquet')}.{QUALITY_NOTE}.json"
    try:
        note = msgspec.json.decode(files.read(path), type=_Note)
    except (DataError, msgspec.MsgspecError):
        return None
    if note.checked_ns > known_ns:
        return None
    quality = note.quality
    reason = quality.findings[0].reason if quality.findings and quality.score < 1.0 else ""
    return Scored(score=quality.score, reason=reason)


def judged(message: Message, quality: Scored | None) -> Any:
    """Return a message with the quality of its segment; where a gate judged the stream already, the lower stands."""
    own = message.provenance.quality
    if quality is None or (own is not None and own <= quality.score):
        return message
    provenance: Any = replace(message.provenance, quality=quality.score, quality_reason=quality.reason)
    return replace(message, provenance=provenance)


@final
class PieceReader:
    """Reads an opened segment piece by piece; one piece, and the row groups that it shares, are in memory.

    Parameters
    ----------
    kind : DataKind
        Data set.
    opened : Opened
        The segment.
    quality : Scored, optional
        Its quality, which goes into the provenance of what is read.
    """

    def __init__(self, kind: DataKind, opened: Opened, quality: Scored | None = None) -> None:
        self._kind, self._opened, self._quality = kind, opened, quality

    def pieces(self) -> list[Piece]:
        """Return the pieces in the order in which they were written; none of a table that no message can tell."""
        heads = self._opened.heads()
        if heads:
            return [
                Piece(
                    first_row=head.first_row,
                    n_rows=head.n_rows,
                    first_known_ns=head.first_known_ns,
                    last_known_ns=head.known_ns,
                    head=head,
                )
                for head in heads
            ]
        return self._row_groups() if self._kind in READABLE else []

    def load(self, piece: Piece) -> Loaded:
        """Return a piece."""
        if piece.head is not None:
            rows = self._opened.rows_of(piece.head)
            message, place = message_of(piece.head, rows), np.arange(rows.num_rows)
        else:
            rows = self._opened.read([piece.group])
            message, place = published(self._kind, self._opened.segment, rows), usable(self._kind, rows)
        return Loaded(
            message=judged(message, self._quality),
            event_ns=_column(rows, "event_ns")[place],
            known_ns=_column(rows, "known_ns")[place],
            place=place,
        )

    def _row_groups(self) -> list[Piece]:
        return [
            Piece(first_row=first, n_rows=n, first_known_ns=known[0], last_known_ns=known[1], group=group)
            for group, (first, n, known) in enumerate(self._opened.spans("known_ns"))
        ]


def _column(rows: pa.Table, name: str) -> Int64Array:
    return np.asarray(rows[name].to_numpy(), dtype=np.int64)


def in_order(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments by partition, source and event time: the order in which a read tells them."""
    return sorted(segments, key=lambda s: (s.period.partition("=")[2], s.source, s.first_event_ns))

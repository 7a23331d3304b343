"""Upkeep of a store: small segments become one, what no commit names goes, and damage is found."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from typing import Final

import numpy as np
import pyarrow as pa
from pyarrow import fs

from adapters.store.asof import standing
from adapters.store.files import LocalFiles, StoreFiles, file_errors
from adapters.store.kinds import KINDS, DataKind
from adapters.store.manifest import Manifest, Segment
from adapters.store.segments import Facts, SegmentFile, key_codes, open_segment, revised
from market.errors import DataError

__all__ = ["clean", "compact", "damaged"]

_FOREVER: Final = np.iinfo(np.int64).max
_BEFORE: Final = np.iinfo(np.int64).min
_PARTIAL: Final = ".partial"


def compact(
    files: StoreFiles,
    kind: DataKind,
    *,
    recorded_ns: int,
    symbols: frozenset[str] = frozenset(),
    most_rows: int = 50_000_000,
) -> int:
    """Make one segment of the several that a stream left in a partition.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.
    kind : DataKind
        Data set.
    recorded_ns : int
        Now, ns since the epoch, UTC.
    symbols : frozenset of str, optional
        Whose partitions; all where none are named.
    most_rows : int, optional
        Partitions with more rows stay as they are.

    Returns
    -------
    int
        Segments that were replaced. Each partition is replaced by one commit: a reader sees the old files or the new
        one. The old ones stay for reads of an older ``version``. Imported tables are left alone: their files are
        large, and which of them came later says which stands. A rival that touched the partition makes it a
        retryable `VenueError`.
    """
    state = Manifest(files, kind).state()
    stand = standing(state.segments, _FOREVER, _BEFORE, _FOREVER)
    count = 0
    for _, group in groupby(sorted(stand, key=_place), key=_place):
        parts = list(group)  # in the order in which they came
        chosen = not symbols or parts[0].symbol in symbols
        if len(parts) < 2 or not chosen or sum(s.n_rows for s in parts) > most_rows:
            continue
        if any(part.replaces and not part.merges for part in parts):
            continue  # which of them stands depends on the instant of the read
        if not _are_messages(files, parts) or _hide_each_other(files, kind, parts):
            continue
        merged = _merged(files, kind, parts)
        Manifest(files, kind).commit((merged,), recorded_ns=recorded_ns, kinds=(kind,), after=state.sequence)
        state = Manifest(files, kind).state()
        count += len(parts)
    return count


def _place(segment: Segment) -> tuple[str, str, str]:
    return segment.symbol, segment.period, segment.source


def _are_messages(files: StoreFiles, parts: Sequence[Segment]) -> bool:
    for segment in parts:
        with open_segment(files, segment) as opened:
            if not opened.heads():
                return False
    return True


def _hide_each_other(files: StoreFiles, kind: DataKind, parts: Sequence[Segment]) -> bool:
    """Return whether a row hides one of another segment that was known from the same instant: there order decides."""
    tables = list(_keys(files, kind, parts))
    codes = [] if kind is DataKind.CHAINS else key_codes(kind, tables)
    if not codes:
        return False
    known = np.concatenate([table["known_ns"].to_numpy() for table in tables])
    return bool(np.unique(np.stack([np.concatenate(codes), known]), axis=1).shape[1] < known.size)


def _keys(files: StoreFiles, kind: DataKind, parts: Sequence[Segment]) -> Iterator[pa.Table]:
    names = {"known_ns", *KINDS[kind].keys}
    for segment in parts:
        with open_segment(files, segment) as opened:
            yield opened.read(opened.groups(), [name for name in opened.names if name in names])


def _merged(files: StoreFiles, kind: DataKind, parts: Sequence[Segment]) -> Segment:
    with open_segment(files, parts[0]) as opened:
        schema = opened.schema
    facts = Facts(
        symbol=parts[0].symbol,
        period=parts[0].period,
        source=parts[0].source,
        origin=parts[-1].origin,
        simulated=any(segment.simulated for segment in parts),
        replaces=tuple(segment.path for segment in parts),
        merges=True,
    )
    file = SegmentFile(files, kind, schema, facts)
    try:
        for segment in parts:
            with open_segment(files, segment) as opened:
                for head in opened.heads():
                    file.add(opened.rows_of(head), head)
        keyed = bool(KINDS[kind].keys) and kind is not DataKind.CHAINS
        return file.finish(revises=keyed and revised(kind, pa.concat_tables(_keys(files, kind, parts))))
    finally:
        file.abandon()


def clean(files: StoreFiles, *, now_ns: int, older_ns: int) -> tuple[str, ...]:
    """Remove what no commit names: files of writers that died, and notes beside them.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.
    now_ns : int
        Now, ns since the epoch, UTC.
    older_ns : int
        Only files that were last written longer ago; a living writer commits within that time.

    Returns
    -------
    tuple of str
        Paths that were removed. What any commit ever named stays, also where newer files replaced it.
    """
    with file_errors("the store"):
        found = files.arrow.get_file_info(fs.FileSelector("", recursive=True))
    # The listing comes first: a file that is committed after it is named by the manifests that are read now.
    named = {s.path for kind in DataKind for s in Manifest(files, kind).state().named}
    kept = {path.removesuffix(".parquet") for path in named}
    removed = []
    for info in found:
        old = info.is_file and info.mtime_ns is not None and info.mtime_ns < now_ns - older_ns
        path = info.path.lstrip("/")
        if old and _is_orphan(path, kept, partial=isinstance(files, LocalFiles)):
            with file_errors(path):
                files.arrow.delete_file(info.path)
            removed.append(path)
    return tuple(sorted(removed))


def _is_orphan(path: str, kept: set[str], *, partial: bool) -> bool:
    parts = path.split("/")
    if parts[0] == _PARTIAL:
        return partial
    if not parts[0].startswith("kind=") or len(parts) != 4 or not parts[1].startswith("symbol="):
        return False
    stem = parts[3].split(".", maxsplit=1)[0]
    return "/".join((*parts[:3], stem)) not in kept


def damaged(segments: Sequence[Segment], read: Callable[[str], bytes]) -> tuple[str, ...]:
    """Return the paths of segments whose content no longer has the hash of the manifest.

    Parameters
    ----------
    segments : sequence of Segment
        What is looked at.
    read : callable
        Returns the content of a path.

    Returns
    -------
    tuple of str
        A file that is gone counts as damaged.
    """
    found = []
    for segment in segments:
        try:
            digest = hashlib.sha256(read(segment.path)).hexdigest()
        except DataError:
            digest = ""
        if digest != segment.sha256:
            found.append(segment.path)
    return tuple(found)

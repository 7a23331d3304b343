"""Bytes of one input file: opened once, bounded, decompressed on the way, and checked for change."""

from __future__ import annotations

import errno
import gzip
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, final

import msgspec
import pyarrow as pa

from market.errors import DataError

__all__ = ["MAX_BYTES", "SourceFile", "UnknownFormatError", "file_entries", "foreign_errors", "refuse_special"]

# The largest known vendor text file (a month of one symbol) has about 100 MB; four times its parsed size fits a laptop.
MAX_BYTES = 256 * 1024 * 1024
_HEAD_BYTES = 64 * 1024
_CHUNK = 1024 * 1024
_MAX_MEMBERS = 100_000
_FOREIGN = (
    pa.ArrowException,
    msgspec.MsgspecError,
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    OSError,
    OverflowError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    KeyError,
)


class UnknownFormatError(DataError):
    """A file whose content no reader knows, unlike one that is known and damaged."""


def file_entries(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the entries of an archive that are files; an entry whose name is damaged away is none."""
    return [entry for entry in archive.infolist() if entry.filename and not entry.filename.endswith("/")]


@contextmanager
def foreign_errors(path: Path, *, what: str = "the file cannot be decoded") -> Iterator[None]:
    """Turn what the decoding libraries raise into `DataError`: the one place that knows their exceptions."""
    try:
        yield
    except DataError:
        raise
    except _FOREIGN as error:
        raise _data_error(path, what, error) from error
    except MemoryError as error:
        raise DataError(
            "the file claims more than fits into memory",
            path=str(path),
            found="a size that cannot be allocated",
            expected=f"at most {MAX_BYTES} bytes after decompression",
            action="the file is damaged; fetch it again",
        ) from error


def _data_error(path: Path, what: str, error: Exception) -> DataError:
    if isinstance(error, OSError) and error.errno in {errno.ENOENT, errno.ENOTDIR}:
        return DataError(
            "there is no such file",
            path=str(path),
            found="nothing at this path" if not path.is_symlink() else "a link that leads nowhere",
            expected="a readable file",
            action="check the path and its spelling",
        )
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM}:
        return DataError(
            "the file may not be read",
            path=str(path),
            found="permission denied",
            expected="read permission",
            action=f"run chmod u+r {path.name} or start as another user",
        )
    if isinstance(error, OSError) and error.errno is not None:
        return DataError(
            "the operating system cannot open or read the file",
            path=str(path),
            found=os.strerror(error.errno).lower(),
            expected="a regular file at a path that can be followed",
            action="check the path, its links and the disk",
        )
    lines = str(error).splitlines()
    return DataError(
        what,
        path=str(path),
        found=f"{type(error).__name__}: {lines[0][:200] if lines else 'no detail'}",
        expected="a complete, undamaged file",
        action="fetch the file again; it may be truncated or damaged",
    )


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file, its identity when it was opened, and the first bytes of its content.

    Parameters
    ----------
    path : Path
        Where it lies.
    identity : tuple of int
        Device, inode, size and modification instant, ns, at opening.
    head : bytes
        The first 64 KiB after gzip decompression.
    compressed : bool
        Whether the file is gzip-compressed.
    member : str or None
        The file inside a zip archive that is meant; None for the file itself.
    """

    path: Path
    identity: tuple[int, int, int, int]
    head: bytes = field(repr=False)
    compressed: bool
    member: str | None = None

    @classmethod
    def open(cls, path: Path, *, member: str | None = None) -> SourceFile:
        """Look at a file, or at one member of a zip archive, without reading more than its head."""
        with foreign_errors(path):
            found = refuse_special(path)
            with path.open("rb") as raw:
                compressed = raw.read(2) == b"\x1f\x8b"
                raw.seek(0)
                with _content(raw, compressed=compressed, member=member) as stream:
                    head = stream.read(_HEAD_BYTES)
        if not head.strip():
            raise DataError(
                "the file is empty",
                path=str(path),
                found=f"{found.st_size} bytes without content",
                expected="an option chain",
                action="fetch the file again",
            )
        return cls(path=path, identity=_identity(found), head=head, compressed=compressed, member=member)

    def check_unchanged(self) -> None:
        """Raise where the file is no longer the one that was opened."""
        with foreign_errors(self.path):
            now = _identity(self.path.stat())
        if now != self.identity:
            raise DataError(
                "the file changed while it was read",
                path=str(self.path),
                found=f"size {now[2]} bytes, modified at {now[3]} ns",
                expected=f"size {self.identity[2]} bytes, modified at {self.identity[3]} ns",
                action="wait until its writer has finished and read it again",
            )

    def read(self) -> bytes:
        """Return the whole content, decompressed, or raise where it is larger than `MAX_BYTES`."""
        if not self.compressed and self.identity[2] > MAX_BYTES:
            raise self._too_large(f"{self.identity[2]} bytes")
        with (
            foreign_errors(self.path, what="the file cannot be decompressed"),
            self.path.open("rb") as raw,
            _content(raw, compressed=self.compressed, member=self.member) as stream,
        ):
            content = self._bounded(stream)
        self.check_unchanged()
        return content

    def members(self) -> dict[str, bytes]:
        """Return the files inside a zip archive by name, together at most `MAX_BYTES`."""
        with foreign_errors(self.path, what="the zip archive cannot be opened"), zipfile.ZipFile(self.path) as archive:
            entries = file_entries(archive)
            size = sum(entry.file_size for entry in entries)
            if size > MAX_BYTES or len(entries) > _MAX_MEMBERS:
                raise self._too_large(f"{size} bytes in {len(entries)} members")
            content: dict[str, bytes] = {}
            left = MAX_BYTES
            for entry in entries:
                with archive.open(entry) as stream:
                    # The directory of an archive may lie about sizes, so the stream is bounded too.
                    content[entry.filename] = stream.read(left + 1)
                left -= len(content[entry.filename])
                if left < 0:
                    raise self._too_large(f"more than {MAX_BYTES} bytes")
        self.check_unchanged()
        return content

    def _bounded(self, stream: BinaryIO) -> bytes:
        parts: list[bytes] = []
        left = MAX_BYTES
        # A plain file comes in one piece, which is then not copied again.
        size = _CHUNK if self.compressed or self.member is not None else self.identity[2] + 1
        while chunk := stream.read(size):
            left -= len(chunk)
            if left < 0:
                raise self._too_large(f"more than {MAX_BYTES} bytes")
            parts.append(chunk)
        return b"".join(parts)

    def _too_large(self, found: str) -> DataError:
        return DataError(
            "the file is too large to read at once",
            path=str(self.path),
            found=found,
            expected=f"at most {MAX_BYTES} bytes of content",
            action="split it by session, or convert it to Parquet, which is read in pieces",
        )


def _identity(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


@contextmanager
def _content(raw: BinaryIO, *, compressed: bool, member: str | None) -> Iterator[BinaryIO]:
    if member is not None:
        with zipfile.ZipFile(raw) as archive, archive.open(member) as inside:
            yield inside  # type: ignore[misc]  # a member reads like a binary file
    elif compressed:
        with gzip.GzipFile(fileobj=raw) as unpacked:
            yield unpacked  # type: ignore[misc]  # GzipFile reads like a binary file
    else:
        yield raw


def refuse_special(path: Path) -> os.stat_result:
    """Return what the operating system says of a file; raise `DataError` where it is a folder, a pipe or a device."""
    found = path.stat()
    if stat.S_ISREG(found.st_mode):
        return found
    kind = "a directory" if stat.S_ISDIR(found.st_mode) else "not a regular file"
    raise DataError(
        "only files can be read",
        path=str(path),
        found=kind,
        expected="a file",
        action="name the files inside it, or list them with: hedgefield data ls",
    )

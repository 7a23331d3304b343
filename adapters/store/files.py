"""Where a store's bytes lie: a local folder, or any file system that pyarrow knows by its address."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import threading
import uuid
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol, final

import pyarrow as pa
from pyarrow import fs

from market.errors import ConfigError, DataError, VenueError

__all__ = ["AlreadyThereError", "LocalFiles", "RemoteFiles", "StoreFiles", "file_errors", "open_files"]

_CHUNK = 1 << 20
_SYNCS = 8  # waits for the disk at once


class AlreadyThereError(Exception):
    """Another writer made the same file first."""


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Turn what file systems raise into `DataError` (damaged content) or `VenueError` (no access)."""
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(
            "a file of the store is missing",
            path=path,
            found="nothing at this path",
            expected="a file that the manifest names",
            action="restore it from a copy, or import its source again",
        ) from error
    except pa.ArrowException as error:
        raise DataError(
            "a file of the store cannot be decoded",
            path=path,
            found=str(error).splitlines()[0][:200] if str(error) else type(error).__name__,
            expected="a complete, undamaged file",
            action="restore it from a copy, or import its source again",
        ) from error
    except OSError as error:
        raise VenueError(
            f"the store failed at {path}",
            retryable=True,
            found=str(error)[:200],
            expected="a file system that can be read and written",
            action="check the disk, the rights and the connection, then try again",
        ) from error


class StoreFiles(Protocol):
    """The few operations that a store needs; paths are relative to its root, with slashes."""

    @property
    def arrow(self) -> fs.FileSystem:
        """The file system, rooted at the store."""

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, in alphabetical order; none where there is no folder."""

    def read(self, path: str) -> bytes:
        """Return a whole small file."""

    def create(self, path: str, content: bytes) -> None:
        """Make a small file durable under a name that nobody has, or raise `AlreadyThereError`."""

    def replace(self, path: str, content: bytes) -> None:
        """Write a small file, whatever stood there before."""

    def scratch(self) -> Path:
        """Return a local path to write a file aside."""

    def adopt(self, scratch: Path, folder: str, suffix: str) -> tuple[str, str, int]:
        """Take a finished file in under its hash; return its path, SHA-256 and size in bytes.

        It is durable at the latest when the next `create` returns.
        """


def _sha256(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


def _name(digest: str, suffix: str) -> str:
    return f"{digest[:32]}{suffix}"


def _sync(path: Path) -> None:
    # A folder is synced as a file is: without it the name may be lost though the content is not.
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_all(paths: Collection[Path]) -> None:
    # The disk takes many waits at once; one by one those of a large import add up to most of its time.
    if len(paths) > _SYNCS:
        try:
            with ThreadPoolExecutor(_SYNCS) as pool:
                list(pool.map(_sync, paths))
        except RuntimeError:
            pass  # the interpreter ends, and starts no thread any more
        else:
            return
    for path in paths:
        _sync(path)


@final
class LocalFiles:
    """A folder on this machine: written aside, renamed, and synced before a commit names it.

    Parameters
    ----------
    root : Path
        Folder of the store; made where it is missing.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        with file_errors(str(root)):
            root.mkdir(parents=True, exist_ok=True)
        self._arrow = fs.SubTreeFileSystem(str(root), fs.LocalFileSystem(use_mmap=False))
        self._unsettled: list[Path] = []
        self._settling = threading.Lock()

    def __reduce__(self) -> tuple[type[LocalFiles], tuple[Path]]:
        return LocalFiles, (self._root,)

    @property
    def arrow(self) -> fs.FileSystem:
        """The file system, rooted at the store."""
        return self._arrow

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, in alphabetical order."""
        try:
            with file_errors(folder), os.scandir(self._root / folder) as entries:
                return sorted(entry.name for entry in entries if not entry.name.startswith("."))
        except DataError:
            return []

    def read(self, path: str) -> bytes:
        """Return a whole small file."""
        with file_errors(path):
            return (self._root / path).read_bytes()

    def create(self, path: str, content: bytes) -> None:
        """Make a small file durable under a name that nobody has, or raise `AlreadyThereError`.

        All that was taken in before is durable first: a commit never names what a power cut could take away.
        """
        target = self._root / path
        with file_errors(path):
            self._settle()
            aside = self._aside(target, content)
            try:
                # A link fails where the name is taken, in one step on every POSIX file system; a rename would win.
                os.link(aside, target)
            except FileExistsError as error:
                raise AlreadyThereError(path) from error
            finally:
                aside.unlink(missing_ok=True)
            _sync(target.parent)

    def replace(self, path: str, content: bytes) -> None:
        """Write a small file, whatever stood there before."""
        target = self._root / path
        with file_errors(path):
            self._aside(target, content).replace(target)
            _sync(target.parent)

    def scratch(self) -> Path:
        """Return a path in the store's own folder, so that a rename stays on one disk."""
        folder = self._root / ".partial"
        folder.mkdir(exist_ok=True)
        return folder / uuid.uuid4().hex

    def adopt(self, scratch: Path, folder: str, suffix: str) -> tuple[str, str, int]:
        """Take a finished file in under its hash; it is durable after the next `create`."""
        with file_errors(folder):
            digest, size = _sha256(scratch)
            target = self._root / folder / _name(digest, suffix)
            target.parent.mkdir(parents=True, exist_ok=True)
            scratch.replace(target)
            with self._settling:
                self._unsettled.append(target)
        return f"{folder}/{target.name}", digest, size

    def hold(self, path: str) -> BinaryIO:
        """Keep a name for this process, or raise `AlreadyThereError` where another one has it.

        Parameters
        ----------
        path : str
            A file that holds nothing; it stays when the name is free again.

        Returns
        -------
        binary file
            The name is free when it is closed, or when the process dies however it does.
        """
        with file_errors(path):
            target = self._root / path
            target.parent.mkdir(parents=True, exist_ok=True)
            handle = target.open("ab")
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                handle.close()
                raise AlreadyThereError(path) from error
        return handle

    def _settle(self) -> None:
        # One waits for the other: a commit must not pass while the syncing of its files goes on in another thread.
        with self._settling:
            if not self._unsettled:
                return
            folders = {
                folder for file in self._unsettled for folder in file.parents if folder.is_relative_to(self._root)
            }
            # Files before the folders that name them; an orphan may be gone.
            for paths in ({file for file in self._unsettled if file.exists()}, folders):
                _sync_all(paths)
            self._unsettled.clear()

    def _aside(self, target: Path, content: bytes) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = self.scratch()
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        return aside


@final
class RemoteFiles:
    """Any other file system of pyarrow's: unique names, and a second look after each exclusive creation.

    Parameters
    ----------
    arrow : pyarrow.fs.FileSystem
        Rooted at the store.
    """

    def __init__(self, arrow: fs.FileSystem) -> None:
        self._arrow = arrow

    @property
    def arrow(self) -> fs.FileSystem:
        """The file system, rooted at the store."""
        return self._arrow

    def names(self, folder: str) -> list[str]:
        """Return the names of the files in a folder, in alphabetical order."""
        with file_errors(folder):
            found = self._arrow.get_file_info(fs.FileSelector(folder, allow_not_found=True))
        return sorted(info.base_name for info in found if info.type == fs.FileType.File)

    def read(self, path: str) -> bytes:
        """Return a whole small file."""
        with file_errors(path), self._arrow.open_input_stream(path) as file:
            return bytes(file.read())

    def create(self, path: str, content: bytes) -> None:
        """Write a small file unless its name is taken, and look whether a rival wrote it at once."""
        with file_errors(path):
            if self._arrow.get_file_info(path).type != fs.FileType.NotFound:
                raise AlreadyThereError(path)
        self.replace(path, content)
        # Object stores have no exclusive creation here: whoever wrote last stands, and the other one notices.
        if self.read(path) != content:
            raise AlreadyThereError(path)

    def replace(self, path: str, content: bytes) -> None:
        """Write a small file, whatever stood there before."""
        with file_errors(path):
            self._arrow.create_dir(str(PurePosixPath(path).parent), recursive=True)
            with self._arrow.open_output_stream(path) as file:
                file.write(content)

    def scratch(self) -> Path:
        """Return a local path to write a file aside."""
        return Path(tempfile.gettempdir()) / f"hedgefield-{uuid.uuid4().hex}"

    def adopt(self, scratch: Path, folder: str, suffix: str) -> tuple[str, str, int]:
        """Copy a finished file in under its hash."""
        digest, size = _sha256(scratch)
        path = f"{folder}/{_name(digest, suffix)}"
        with file_errors(path):
            self._arrow.create_dir(folder, recursive=True)
            with scratch.open("rb") as source, self._arrow.open_output_stream(path) as target:
                _copy(source, target)
        scratch.unlink()
        return path, digest, size


def _copy(source: BinaryIO, target: pa.NativeFile) -> None:
    shutil.copyfileobj(source, target, _CHUNK)


def open_files(where: str | Path | fs.FileSystem) -> StoreFiles:
    """Open the place of a store.

    Parameters
    ----------
    where : str, Path or pyarrow.fs.FileSystem
        A folder; an address such as ``file:///data/store`` or ``s3://bucket/store``; or a file system whose root is
        the store.

    Returns
    -------
    StoreFiles
        A local folder is made where it is missing.
    """
    if isinstance(where, fs.FileSystem):
        return RemoteFiles(where)
    if isinstance(where, Path) or "://" not in where:
        return LocalFiles(Path(where).expanduser().resolve())
    try:
        found, path = fs.FileSystem.from_uri(where)
    except (pa.ArrowException, ValueError, OSError) as error:
        raise ConfigError(
            "the address of the store cannot be opened",
            found=re.sub(r"//[^/@]*@", "//...@", where.split("?", maxsplit=1)[0]),
            expected="a folder, or an address such as file:///data/store or s3://bucket/store",
            action="check the address and the credentials of its file system",
        ) from error
    if isinstance(found, fs.LocalFileSystem):
        return LocalFiles(Path(path))
    return RemoteFiles(fs.SubTreeFileSystem(path, found))

"""A folder of bytes by key, bounded in size: a cache that several processes may share."""

from __future__ import annotations

import hashlib
import os
import threading
import uuid
from pathlib import Path
from typing import Final, final

from adapters.store.files import file_errors
from market.errors import ConfigError

__all__ = ["BlobFolder"]

_HASH_BYTES: Final = 32
_SHORTEST_KEY: Final = 16
_KEPT: Final = 0.9  # share of the bound that stays when the oldest entries go
_SPARE: Final = 1 << 20  # a process tells the folder's size anew before it removes anything


@final
class BlobFolder:
    """Entries of one cache, a file each, as a `market.ports.BlobStore`.

    Parameters
    ----------
    root : Path
        Folder; made where it is missing.
    most_bytes : int
        Bound of all entries together; the ones longest unused go first.

    Notes
    -----
    A file is written aside and renamed, so that a reader sees all of it or nothing, and it begins with the hash of its
    content, so that what a power cut has torn is found. Entries are not synced: one that is lost is computed anew. Two
    processes may write and remove at once; whoever misses a file computes it.
    """

    def __init__(self, root: Path, *, most_bytes: int = 8 << 30) -> None:
        if most_bytes < _SPARE:
            raise ConfigError("a cache is too small", found=f"{most_bytes} bytes", expected=f">= {_SPARE} bytes")
        self._root, self._most_bytes = root, most_bytes
        self._lock = threading.Lock()
        self.n_damaged = 0
        with file_errors(str(root)):
            (root / ".partial").mkdir(parents=True, exist_ok=True)
            self._size = sum(size for _, size, _ in self._entries())

    def get(self, key: str) -> bytes | None:
        """Return the bytes of a key; None where there are none, or where they are damaged."""
        path = self._path(key)
        with file_errors(str(path)):
            try:
                content = path.read_bytes()
                os.utime(path)  # the newest use, by which the oldest entries are known
            except FileNotFoundError:
                return None
        stored, body = content[:_HASH_BYTES], content[_HASH_BYTES:]
        if hashlib.sha256(body).digest() == stored:
            return body
        self.n_damaged += 1
        return None

    def put(self, key: str, content: bytes) -> None:
        """Keep the bytes of a key; what stood there before goes."""
        path = self._path(key)
        aside = self._root / ".partial" / uuid.uuid4().hex
        with file_errors(str(path)):
            path.parent.mkdir(exist_ok=True)
            aside.write_bytes(hashlib.sha256(content).digest() + content)
            aside.replace(path)
        with self._lock:
            self._size += len(content) + _HASH_BYTES
            if self._size > self._most_bytes:
                self._shrink()

    @property
    def n_bytes(self) -> int:
        """Bytes of all entries, as this process knows them."""
        return self._size

    def _path(self, key: str) -> Path:
        if len(key) < _SHORTEST_KEY or not key.isalnum():
            raise ConfigError(
                "a key of the cache cannot be a file name", found=key[:80], expected="a hash in hexadecimal"
            )
        return self._root / key[:2] / key

    def _entries(self) -> list[tuple[int, int, Path]]:
        """Return last use, size and path of each entry, the longest unused first."""
        found = []
        for folder in self._root.iterdir():
            if folder.name.startswith(".") or not folder.is_dir():
                continue
            for entry in os.scandir(folder):
                try:
                    told = entry.stat()
                except FileNotFoundError:  # another process removed it
                    continue
                found.append((told.st_mtime_ns, told.st_size, Path(entry.path)))
        return sorted(found)

    def _shrink(self) -> None:
        """Remove the entries longest unused until the rest is well below the bound."""
        entries = self._entries()
        self._size = sum(size for _, size, _ in entries)
        for _, size, path in entries:
            if self._size <= self._most_bytes * _KEPT:
                break
            path.unlink(missing_ok=True)
            self._size -= size

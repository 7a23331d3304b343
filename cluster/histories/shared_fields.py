"""Fields that processes of a node share: packed once into a few arrays, which are read where they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from market.ports import BlobStore

__all__ = ["LayeredBlobs", "PackedBlobs", "RecordedBlobs", "packed_blobs"]

_KEY: Final = "S64"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBlobs:
    """Entries one behind the other, with where each lies; no entry is copied when it is read.

    Parameters
    ----------
    keys : ndarray of S64, shape (n_entries,)
        Hashes in hexadecimal, rising.
    starts : ndarray of int64, shape (n_entries + 1,)
        First byte of each entry; the last number is the length of `content`.
    content : ndarray of uint8, shape (n_bytes,)
        The entries.

    Notes
    -----
    Pickled with protocol 5, as by Ray, all three travel out of band: in an object store they lie once on each node.
    """

    keys: NDArray[np.bytes_]
    starts: NDArray[np.int64]
    content: NDArray[np.uint8]

    @property
    def n_bytes(self) -> int:
        """Bytes of keys, places and entries."""
        return self.keys.nbytes + self.starts.nbytes + self.content.nbytes

    def __len__(self) -> int:
        return int(self.keys.shape[0])

    def get(self, key: str) -> memoryview | None:
        """Return the bytes of a key where they lie, read-only; None where there are none."""
        wanted = key.encode()
        place = int(np.searchsorted(self.keys, np.bytes_(wanted)))
        if place == len(self) or self.keys[place] != wanted:
            return None
        return self.content[self.starts[place] : self.starts[place + 1]].data.toreadonly()


def packed_blobs(entries: Mapping[str, bytes | memoryview]) -> PackedBlobs:
    """Return entries packed into one array.

    Parameters
    ----------
    entries : mapping of str to bytes
        By key: SHA-256 in hexadecimal.

    Returns
    -------
    PackedBlobs
        With all of them.
    """
    keys = sorted(entries)
    lengths = [len(entries[key]) for key in keys]
    content = np.frombuffer(b"".join(entries[key] for key in keys), dtype=np.uint8)
    starts = np.concatenate(([0], np.cumsum(np.array(lengths, dtype=np.int64)))).astype(np.int64)
    return PackedBlobs(keys=np.array(keys, dtype=_KEY), starts=starts, content=content)


@final
class LayeredBlobs:
    """Shared entries before those of a store of one's own, as a `market.ports.BlobStore`.

    Parameters
    ----------
    shared : sequence of PackedBlobs
        Looked into first, in order.
    below : BlobStore
        Looked into for the rest, and written to.
    """

    def __init__(self, shared: Sequence[PackedBlobs], below: BlobStore) -> None:
        self._shared, self._below = tuple(shared), below

    def get(self, key: str) -> bytes | memoryview | None:
        """Return the bytes of a key; None where neither has them."""
        for each in self._shared:
            found = each.get(key)
            if found is not None:
                return found
        return self._below.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Keep the bytes of a key below."""
        self._below.put(key, content)


@final
class RecordedBlobs:
    """A store that also keeps every entry that is read or written, as a `market.ports.BlobStore`.

    Parameters
    ----------
    below : BlobStore
        Where entries lie.
    """

    def __init__(self, below: BlobStore) -> None:
        self._below = below
        self._seen: dict[str, bytes | memoryview] = {}

    def get(self, key: str) -> bytes | memoryview | None:
        """Return the bytes of a key; None where there are none."""
        found = self._below.get(key)
        if found is not None:
            self._seen[key] = found
        return found

    def put(self, key: str, content: bytes) -> None:
        """Keep the bytes of a key."""
        self._seen[key] = content
        self._below.put(key, content)

    @property
    def seen(self) -> Mapping[str, bytes | memoryview]:
        """Every entry that was read or written, by key."""
        return self._seen

"""Fields of a run: the cache that runs share, keyed by settings and by the very code that computes them."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Final, final

from actors.codec import decode, encode
from adapters.store.blobs import BlobFolder
from backtest.field_cache import FieldCache
from fields.config import FieldConfig
from fields.snapshot import FieldSnapshot
from market.ports import BlobStore

__all__ = ["FieldsInMemory", "field_cache", "fields_code"]

_PACKAGES: Final = ("fields", "market")
# Their numbers are part of the result: another release may round otherwise.
_LIBRARIES: Final = ("numba", "numpy", "pandas_market_calendars", "scipy")


@lru_cache(maxsize=1)
def fields_code() -> str:
    """Return the version of the code that computes fields.

    Returns
    -------
    str
        SHA-256 of the sources of `fields` and `market` and of the releases of the libraries below them. A version
        number that somebody must remember to raise would one day keep fields of older code alive.
    """
    found = hashlib.sha256()
    for name in _PACKAGES:
        root = Path(str(import_module(name).__file__)).parent
        for path in sorted(root.rglob("*.py")):
            found.update(f"{name}/{path.relative_to(root).as_posix()}\n".encode())
            found.update(path.read_bytes())
    for library in _LIBRARIES:
        found.update(f"{library}=={version(library)}\n".encode())
    return found.hexdigest()


@final
class FieldsInMemory:
    """Entries of one process, for a run without a cache folder: two strategies that ask twice compute once.

    Parameters
    ----------
    most : int
        Entries that are kept; the oldest go first.
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._entries: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        """Return the bytes of a key; None where there are none."""
        return self._entries.get(key)

    def put(self, key: str, content: bytes) -> None:
        """Keep the bytes of a key."""
        self._entries[key] = content
        while len(self._entries) > self._most:
            del self._entries[next(iter(self._entries))]


def field_cache(config: FieldConfig, folder: Path | None = None, *, most_bytes: int = 8 << 30) -> FieldCache:
    """Return where the fields of a run come from.

    Parameters
    ----------
    config : FieldConfig
        Settings of the fields.
    folder : Path, optional
        Where entries lie, such as ``fields`` in the cache of the store; in memory alone without it.
    most_bytes : int
        Bound of that folder.

    Returns
    -------
    FieldCache
        Also the engine's source of fields.
    """
    store: BlobStore = FieldsInMemory() if folder is None else BlobFolder(folder, most_bytes=most_bytes)
    return FieldCache(config, code=fields_code(), store=store, encode=encode, decode=partial(decode, FieldSnapshot))

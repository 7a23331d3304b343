"""Fields of a run: the cache that runs share, keyed by settings and by the very code that computes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Final, final

from actors.codec import decode, encode
from adapters.store.blobs import BlobFolder
from backtest.field_cache import FieldCache
from cluster.histories.digests import digest_of_code
from fields.config import FieldConfig
from fields.snapshot import FieldSnapshot
from market.chains import OptionChain
from market.ports import BlobStore

__all__ = ["BlobsInMemory", "FieldsOnDemand", "field_cache", "fields_code"]

_PACKAGES: Final = ("fields", "market")
_LIBRARIES: Final = ("numba", "numpy", "pandas_market_calendars", "scipy")


def fields_code() -> str:
    """Return the version of the code that computes fields, as `cluster.histories.digests.digest_of_code`."""
    return digest_of_code(_PACKAGES, _LIBRARIES)


@final
class BlobsInMemory:
    """Entries of one process, for a run without a cache folder, as a `market.ports.BlobStore`.

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


def field_cache(
    config: FieldConfig,
    folder: Path | None = None,
    *,
    most_bytes: int = 8 << 30,
    layered: Callable[[BlobStore], BlobStore] | None = None,
) -> FieldCache:
    """Return where the fields of a run come from.

    Parameters
    ----------
    config : FieldConfig
        Settings of the fields.
    folder : Path, optional
        Where entries lie, such as ``fields`` in the cache of the store; in memory alone without it.
    most_bytes : int
        Bound of that folder.
    layered : callable, optional
        Puts a store before that of the folder, such as one that several processes share.

    Returns
    -------
    FieldCache
        Also the engine's source of fields.
    """
    store: BlobStore = BlobsInMemory() if folder is None else BlobFolder(folder, most_bytes=most_bytes)
    store = store if layered is None else layered(store)
    return FieldCache(config, code=fields_code(), store=store, encode=encode, decode=partial(decode, FieldSnapshot))


@final
class FieldsOnDemand:
    """The engine's source of fields that opens its cache when the first strategy asks; most never do.

    Parameters
    ----------
    folder : Path
        Where entries lie.
    config : FieldConfig, optional
        Settings of the fields; those of the code by default, so that a run does not depend on who runs it.
    named : mapping of str to FieldConfig, optional
        Settings of single symbols, as where a price impact is told.
    layered : callable, optional
        Puts a store before that of the folder, such as one that several processes share.
    """

    def __init__(
        self,
        folder: Path,
        config: FieldConfig | None = None,
        named: Mapping[str, FieldConfig] | None = None,
        layered: Callable[[BlobStore], BlobStore] | None = None,
    ) -> None:
        self._folder, self._config, self._named = folder, config or FieldConfig(), dict(named or {})
        self._layered = layered
        self._caches: dict[FieldConfig, FieldCache] = {}

    def __call__(self, chain: OptionChain) -> FieldSnapshot | None:
        """Return the field of a chain; None where it holds no contract."""
        config = self._named.get(chain.symbol, self._config)
        if config not in self._caches:
            self._caches[config] = field_cache(config, self._folder, layered=self._layered)
        return self._caches[config](chain)

    @property
    def counts(self) -> Mapping[str, int]:
        """How many fields were found, computed, and computed because their entry was damaged, as of `FieldCache`."""
        return sum((Counter(cache.counts) for cache in self._caches.values()), start=Counter())

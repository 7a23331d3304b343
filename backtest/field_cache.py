"""Fields computed once per chain and settings, and found again by the hash of both: many runs share them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from execution.identity import canonical, digest_of
from fields.compute import compute_field
from fields.config import FieldConfig
from fields.snapshot import FieldSnapshot
from market.chains import OptionChain
from market.errors import DataError
from market.instruments import ExpirySeries
from market.ports import BlobStore

__all__ = ["FieldCache", "chain_digest"]

_CONTRACTS: Final = ("series_index", "strike", "is_call")
_QUOTES: Final = (
    *("bid", "ask", "last", "open_interest", "volume", "bid_size", "ask_size"),
    *("vendor_iv", "vendor_delta", "vendor_gamma", "quote_ts_ns", "vendor_forward"),
)
_PLAIN: Final = ("symbol", "session", "ts_event_ns", "spot_last", "spot_bid", "spot_ask", "spot_ts_ns", "n_read")


@final
class _ContractsDigest:
    """The digest of a chain's contracts; chains of one table share it, because they share its arrays."""

    def __init__(self) -> None:
        self._of: tuple[OptionChain, bytes] | None = None
        self._series: dict[tuple[ExpirySeries, ...], bytes] = {}

    def __call__(self, chain: OptionChain) -> bytes:
        if self._of is not None and _same_arrays(self._of[0], chain):
            return self._of[1]
        if chain.series not in self._series:
            self._series = {chain.series: canonical(chain.series)}
        found = hashlib.sha256(self._series[chain.series])
        for name in _CONTRACTS:
            found.update(np.ascontiguousarray(getattr(chain, name)).view(np.uint8).data)
        self._of = chain, found.digest()
        return self._of[1]


def _same_arrays(one: OptionChain, other: OptionChain) -> bool:
    return one.series is other.series and all(getattr(one, name) is getattr(other, name) for name in _CONTRACTS)


def chain_digest(chain: OptionChain, *, contracts: Callable[[OptionChain], bytes] | None = None) -> str:
    """Return the SHA-256 of what a chain says; who told it, and under which id, does not count.

    Parameters
    ----------
    chain : OptionChain
        Any.
    contracts : callable, optional
        Digest of its contracts, where it is known already.

    Returns
    -------
    str
        64 hexadecimal digits: of contracts, quotes, instants, the printed underlying and the counts of what was left
        out. Symbols of contracts only repeat their terms.
    """
    found = hashlib.sha256((contracts or _ContractsDigest())(chain))
    found.update(canonical([getattr(chain, name) for name in _PLAIN]))
    found.update(canonical({reason.value: count for reason, count in chain.dropped.items()}))
    for name in _QUOTES:
        _add(found, name, np.ascontiguousarray(getattr(chain, name)))
    return found.hexdigest()


def _add(found: hashlib._Hash, name: str, column: NDArray[Any]) -> None:
    """Hash a column; one that is the same throughout, as what a source does not tell, by its value and length alone."""
    words = column.view(np.int64)
    if words.shape[0] and bool((words == words[0]).all()):
        found.update(f"{name}: {words.shape[0]} times {int(words[0])}".encode())
        return
    found.update(f"{name}: {words.shape[0]}".encode())
    found.update(column.view(np.uint8).data)


@final
class FieldCache:
    """Where a run's fields come from; a `strategies.market_state.FieldSource`.

    Parameters
    ----------
    config : FieldConfig
        Settings of the fields.
    code : str
        Version of the code that computes them: entries of another version are never found.
    store : BlobStore
        Where entries lie.
    encode, decode : callable
        From a snapshot to bytes and back, bit for bit; `decode` raises `DataError` for bytes that are none.

    Notes
    -----
    Only fields that stand on one chain are kept: the dealers' book and the liquidity of a live shard come from the
    history of the market, which is not in the key. An entry says by its key what it was computed from, and keeps no
    chain id: the snapshot that is returned carries the id and the provenance of the chain that was asked for.
    """

    def __init__(
        self,
        config: FieldConfig,
        *,
        code: str,
        store: BlobStore,
        encode: Callable[[FieldSnapshot], bytes],
        decode: Callable[[bytes | memoryview], FieldSnapshot],
    ) -> None:
        self._config = config
        self._settings = digest_of((code, config))
        self._store = store
        self._encode, self._decode = encode, decode
        self._contracts = _ContractsDigest()
        self._counts = dict.fromkeys(("fields_found", "fields_computed", "fields_damaged"), 0)

    @property
    def settings(self) -> str:
        """Digest of the settings and of the code's version."""
        return self._settings

    @property
    def counts(self) -> Mapping[str, int]:
        """How many fields were found, computed, and computed because their entry was damaged."""
        return self._counts

    def key(self, chain: OptionChain) -> str:
        """Return the key of a chain's field: 64 hexadecimal digits."""
        digest = chain_digest(chain, contracts=self._contracts)
        return hashlib.sha256(f"{self._settings}:{digest}".encode()).hexdigest()

    def __call__(self, chain: OptionChain) -> FieldSnapshot | None:
        """Return the field of a chain; None where it holds no contract."""
        return self.field(chain) if chain.n_contracts else None

    def field(self, chain: OptionChain) -> FieldSnapshot:
        """Return the field of a chain, computed or found.

        Parameters
        ----------
        chain : OptionChain
            With one contract or more.

        Returns
        -------
        FieldSnapshot
            The same to the last bit, whether it was found or computed.
        """
        key = self.key(chain)
        found = self._found(key)
        if found is None:
            found = compute_field(chain, self._config)
            self._store.put(key, self._encode(found))
            self._counts["fields_computed"] += 1
        else:
            self._counts["fields_found"] += 1
        return _of_chain(found, chain)

    def _found(self, key: str) -> FieldSnapshot | None:
        content = self._store.get(key)
        if content is None:
            return None
        try:
            return self._decode(content)
        except DataError:
            # A cache may not stop a run, and a damaged entry may not pass for a field: it is computed anew and counted.
            self._counts["fields_damaged"] += 1
            return None


def _of_chain(field: FieldSnapshot, chain: OptionChain) -> FieldSnapshot:
    if field.cause_id == chain.cause_id and field.provenance == chain.provenance:
        return field
    surface = replace(field.surface, cause_id=chain.cause_id)
    return replace(field, cause_id=chain.cause_id, provenance=chain.provenance, surface=surface)

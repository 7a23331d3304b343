"""Which shard owns which symbol: rendezvous hashing, so that a changed number of shards moves the fewest symbols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import blake2b

__all__ = ["assign", "owner"]


def _weight(symbol: str, shard: str) -> bytes:
    return blake2b(f"{shard}\x00{symbol}".encode(), digest_size=8).digest()


def owner(symbol: str, shards: Sequence[str]) -> str:
    """Return the shard that owns a symbol.

    Parameters
    ----------
    symbol : str
        Underlying.
    shards : sequence of str
        Names of all shards, in any order; at least one.

    Returns
    -------
    str
        The shard with the highest hash of the pair, the same in every process and on every machine.
    """
    return max(shards, key=lambda shard: (_weight(symbol, shard), shard))


def assign(symbols: Iterable[str], shards: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the symbols of each shard.

    Parameters
    ----------
    symbols : iterable of str
        Underlyings.
    shards : sequence of str
        Names of all shards; at least one.

    Returns
    -------
    dict of str to tuple of str
        One entry per shard, symbols in the order given; a shard may own none.
    """
    owned: dict[str, list[str]] = {shard: [] for shard in shards}
    for symbol in symbols:
        owned[owner(symbol, shards)].append(symbol)
    return {shard: tuple(names) for shard, names in owned.items()}

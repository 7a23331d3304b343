"""The heads of the messages of a Parquet file, in its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from adapters.encoded.messages import Head

__all__ = ["HEADS_MARK", "heads_from", "packed_heads"]

HEADS_MARK: Final = b"hedgefield.heads"
"""Key of the metadata under which the heads stand."""


class _Footer(msgspec.Struct):
    heads: list[Head]
    contracts: list[bytes]
    place: list[int]


def packed_heads(heads: Sequence[Head]) -> bytes:
    """Return heads as bytes; a table of contracts that many messages share stands in them once."""
    known: dict[bytes, int] = {}
    place = [known.setdefault(head.contracts, len(known)) for head in heads]
    bare = [msgspec.structs.replace(head, contracts=b"") for head in heads]
    return msgspec.msgpack.encode(_Footer(heads=bare, contracts=list(known), place=place))


def heads_from(packed: bytes) -> list[Head]:
    """Return the heads that `packed_heads` packed; msgspec's error where the bytes are damaged."""
    footer = msgspec.msgpack.decode(packed, type=_Footer)
    for head, place in zip(footer.heads, footer.place, strict=True):
        head.contracts = footer.contracts[place]
    return footer.heads

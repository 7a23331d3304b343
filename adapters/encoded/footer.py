"""The heads of the messages of a Parquet file, in its metadata."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from adapters.encoded.format import FORMAT, other_format
from adapters.encoded.messages import Head
from market.errors import DataError

__all__ = ["HEADS_MARK", "heads_from", "packed_heads"]

HEADS_MARK: Final = b"hedgefield.heads"
"""Key of the metadata under which the heads stand."""


class _Written(msgspec.Struct):
    format: int = 0


class _Footer(msgspec.Struct):
    heads: list[Head]
    contracts: list[bytes]
    place: list[int]
    format: int = 0


def packed_heads(heads: Sequence[Head]) -> bytes:
    """Return heads as bytes; a table of contracts that many messages share stands in them once."""
    known: dict[bytes, int] = {}
    place = [known.setdefault(head.contracts, len(known)) for head in heads]
    bare = [msgspec.structs.replace(head, contracts=b"") for head in heads]
    return msgspec.msgpack.encode(_Footer(heads=bare, contracts=list(known), place=place, format=FORMAT))


def heads_from(packed: bytes, *, path: str) -> list[Head]:
    """Return the heads that `packed_heads` packed.

    Parameters
    ----------
    packed : bytes
        As it packed them.
    path : str
        The file, for errors: bytes that are damaged or of another format raise `DataError`.

    Returns
    -------
    list of Head
        In the order of their rows.
    """
    try:
        footer = msgspec.msgpack.decode(packed, type=_Footer)
    except msgspec.MsgspecError as error:
        raise _unreadable(packed, path, error) from error
    if footer.format != FORMAT:
        raise other_format(path, footer.format)
    for head, place in zip(footer.heads, footer.place, strict=True):
        head.contracts = footer.contracts[place]
    return footer.heads


def _unreadable(packed: bytes, path: str, error: msgspec.MsgspecError) -> DataError:
    try:
        written = msgspec.msgpack.decode(packed, type=_Written).format
    except msgspec.MsgspecError:
        written = FORMAT
    if written != FORMAT:
        return other_format(path, written)
    return DataError(
        "the list of messages in the file is damaged",
        path=path,
        found=str(error)[:200],
        expected="the heads of its messages",
        action="restore it from a copy, or import its source again",
    )

"""Messages as bytes: MessagePack with arrays as raw blocks; no pickle, so a checkpoint cannot carry code."""

from __future__ import annotations

from collections.abc import Hashable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec
import numpy as np

from market.errors import DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

__all__ = ["decode", "encode"]

_T = TypeVar("_T")


def _array_out(value: object) -> object:
    if isinstance(value, np.ndarray):
        return (value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"messages carry no {type(value).__name__}")


def _array_in(_kind: object, value: Any) -> object:
    dtype, shape, block = value
    return np.ndarray(shape, _dtype(dtype), block)


_dtype: Final = lru_cache(maxsize=256)(np.dtype)
_encoder = msgspec.msgpack.Encoder(enc_hook=_array_out)


@lru_cache(maxsize=64)
def _decoder(kind: Hashable) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(cast("Any", kind), dec_hook=_array_in)


def encode(message: DataclassInstance) -> bytes:
    """Return a message dataclass as bytes.

    Parameters
    ----------
    message : dataclass
        A message of `actors.messages`, `fields.snapshot` or `market`; its arrays may be of any NumPy number type.

    Returns
    -------
    bytes
        MessagePack; NaN and infinities survive.
    """
    return _encoder.encode(message)


def decode(kind: type[_T], payload: bytes | memoryview) -> _T:
    """Return the message that `encode` made bytes of.

    Parameters
    ----------
    kind : type
        Class of the message.
    payload : bytes or memoryview
        What `encode` returned.

    Returns
    -------
    instance of `kind`
        Equal to the original; arrays are read-only.
    """
    try:
        return cast("_T", _decoder(cast("Hashable", kind)).decode(payload))
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise DataError(
            f"bytes are not a {kind.__name__}",
            found=str(error),
            expected="bytes written by this version",
            action="delete the file if it comes from another version",
        ) from error

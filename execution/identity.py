"""One encoding of values, and the ids made from it: the same in every process, and the same in every run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from enum import Enum
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from market.errors import DataError
from market.tradables import Future, OptionContract, Perpetual, Share

__all__ = ["MAX_CLIENT_ID", "canonical", "client_order_id", "decision_id", "digest_of", "intent_id", "package_id"]

MAX_CLIENT_ID: Final = 32
"""Length of a client order id: OKX takes 32 letters and digits, Binance and Bybit 36, Deribit 64, Alpaca 128."""

# Normalising rounds to the context's precision, and a value must never lose a digit on its way into an id.
_EXACT: Final = Context(prec=4096, Emax=MAX_EMAX, Emin=MIN_EMIN)
_ID_LENGTH: Final = 32
_INSTRUMENTS: Final = (Share, OptionContract, Perpetual, Future)

_Encoder = Callable[[Any], str]


def canonical(value: object) -> bytes:
    """Return the one encoding of a value.

    Parameters
    ----------
    value : object
        None, bool, int, float, str, bytes, Decimal, enum member, date, NumPy array or number, a tuple, list, set or
        mapping of such, or a dataclass whose fields are such.

    Returns
    -------
    bytes
        Equal for equal values of one type, unlike for all others: every part carries its type and its length.

    Raises
    ------
    DataError
        A part has a type without an encoding.

    Notes
    -----
    Decimals are encoded by value (1.0 as 1.00), floats bit by bit (-0.0 differs from 0.0; every NaN is the same),
    arrays by type, shape and the hash of their bytes, sets and mappings sorted. A dataclass is encoded by its name
    and its fields, so that a new field changes the digest.
    """
    return _text(value).encode()


def digest_of(value: object) -> str:
    """Return the SHA-256 of a value's encoding.

    Parameters
    ----------
    value : object
        As `canonical`.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    DataError
        As `canonical`.
    """
    return sha256(_text(value).encode()).hexdigest()


def decision_id(strategy: str, parameters: str, ts_ns: int, inputs: Iterable[tuple[str, str]]) -> str:
    """Return the id of a decision: the same strategy with the same parameters at the same inputs.

    Parameters
    ----------
    strategy : str
        Name of the strategy.
    parameters : str
        Digest of its parameters (`digest_of`).
    ts_ns : int
        Instant of the decision, ns since the epoch, UTC.
    inputs : iterable of (str, str)
        Name and id of each input.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    words = [strategy, parameters, str(ts_ns)]
    for name, cause in inputs:
        words += (name, cause)
    return _id_of("decision", words)


def intent_id(decision: str, place: int) -> str:
    """Return the id of one proposal of a decision.

    Parameters
    ----------
    decision : str
        Id of the decision.
    place : int
        Place of the proposal among the decision's.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return _id_of("intent", [decision, str(place)])


def package_id(decision: str, place: int) -> str:
    """Return the id of the package that a proposal opens.

    Parameters
    ----------
    decision, place : str, int
        As `intent_id`.

    Returns
    -------
    str
        32 hexadecimal digits.
    """
    return _id_of("package", [decision, str(place)])


def client_order_id(strategy: str, decision: str, group: str, attempt: int = 0) -> str:
    """Return the id under which an order is sent: asked twice, it is the same order, and the venue refuses the second.

    Parameters
    ----------
    strategy : str
        Name of the strategy.
    decision : str
        Id of the decision.
    group : str
        Id of the intent; of linked orders each group has its own.
    attempt : int
        0 for the first order of the group; a new number only where the order before is known to have ended.

    Returns
    -------
    str
        ``hf`` and 30 hexadecimal digits: small letters and digits alone, because OKX takes nothing else.
    """
    return "hf" + _id_of("order", [strategy, decision, group, str(attempt)])[: MAX_CLIENT_ID - 2]


def _id_of(kind: str, words: list[str]) -> str:
    # Lengths first: without them ("a", "bc") and ("ab", "c") would be one decision.
    text = f"{kind}{list(map(len, words))}{''.join(words)}"
    return sha256(text.encode()).hexdigest()[:_ID_LENGTH]


def _text(value: object) -> str:
    return (_ENCODERS.get(type(value)) or _found(type(value)))(value)


def _found(kind: type) -> _Encoder:
    """Find the encoder of a type, and remember it, because values are encoded at every booking."""
    encoder = _ENCODERS[kind] = _built(kind)
    return encoder


def _built(kind: type) -> _Encoder:
    if kind in _INSTRUMENTS:
        # The terms of a contract nest three deep and stand in every fill, so each is spelled out once.
        return lru_cache(maxsize=1 << 16)(_dataclass(kind))
    if is_dataclass(kind):
        return _dataclass(kind)
    for base, encoder in _BY_BASE:
        if issubclass(kind, base):
            return encoder
    raise DataError(
        "a value cannot be written into an id",
        found=f"{kind.__module__}.{kind.__qualname__}",
        expected="numbers, texts, enums, dates, arrays, or tuples, mappings and dataclasses of them",
    )


def _dataclass(kind: type) -> _Encoder:
    names = [field.name for field in fields(kind)]
    head = f"o{kind.__qualname__}({','.join(names)})"
    if not names:
        return lambda _value: head
    if len(names) == 1:
        only = attrgetter(names[0])
        return lambda value: head + _text(only(value))
    parts = attrgetter(*names)
    return lambda value: head + _joined(parts(value))


def _joined(values: Iterable[object]) -> str:
    return "".join([(_ENCODERS.get(type(value)) or _found(type(value)))(value) for value in values])


def _decimal(value: Decimal) -> str:
    text = str(value.normalize(_EXACT)) if value else "0"
    return f"d{len(text)}:{text}"


def _float(value: float) -> str:
    text = value.hex()
    return f"f{len(text)}:{text}"


def _words(mark: str, text: str) -> str:
    return f"{mark}{len(text)}:{text}"


def _sequence(value: tuple[object, ...] | list[object]) -> str:
    return f"t{len(value)}:{_joined(value)}"


def _set(value: frozenset[object] | set[object]) -> str:
    return f"u{len(value)}:{''.join(sorted(map(_text, value)))}"


def _mapping(value: Mapping[object, object]) -> str:
    pairs = sorted((_text(key), _text(item)) for key, item in value.items())
    return f"m{len(value)}:{''.join(key + item for key, item in pairs)}"


# Typed, because members of two string enums with one value are equal to each other.
@lru_cache(maxsize=4096, typed=True)
def _enum(value: Enum) -> str:
    return _words("e", f"{type(value).__qualname__}.{value.name}")


def _array(value: NDArray[Any]) -> str:
    if value.dtype.hasobject:
        raise DataError("an array of objects cannot be written into an id", found=str(value.dtype), expected="numbers")
    # Byte order and memory layout belong to the machine, not to the value.
    plain = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    digest = sha256(plain.tobytes()).hexdigest()
    return _words("a", f"{plain.dtype.str}{value.shape}{digest}")


# Grows by a type at a time, as they are met; what a type's encoder is never depends on what was met before.
_ENCODERS: Final[dict[type, _Encoder]] = {
    type(None): lambda _value: "n",
    bool: lambda value: "b1" if value else "b0",
    int: lambda value: f"i{value};",
    str: lambda value: f"s{len(value)}:{value}",
    float: _float,
    Decimal: _decimal,
    bytes: lambda value: _words("y", value.hex()),
    tuple: _sequence,
    list: _sequence,
}
_BY_BASE: Final[tuple[tuple[Any, _Encoder], ...]] = (
    (Enum, _enum),
    (date, lambda value: _words("c", f"{type(value).__name__} {value.isoformat()}")),
    (np.ndarray, _array),
    (np.generic, lambda value: _text(value.item())),
    (tuple, _sequence),
    ((frozenset, set), _set),
    (Mapping, _mapping),
)

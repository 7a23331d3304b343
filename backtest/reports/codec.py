"""Messages as plain values of JSON and back: exact decimals, missing numbers as words, instruments by their symbol."""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

import numpy as np

from execution.events import Bust, CashMovement, Settlement, Split
from market.errors import DataError
from market.fills import Fill
from market.tradables import Future, Instrument, OptionContract, Perpetual, Share

__all__ = ["Instruments", "as_json", "decoded", "encoded", "encoded_instrument", "instrument_of", "read_json"]

Instruments = Mapping[str, Instrument]
"""Instruments by symbol."""

_Message = TypeVar("_Message")

_TRADABLES: Final = (Share, OptionContract, Perpetual, Future)
_TRADABLE_NAMES: Final = {kind.__name__: kind for kind in _TRADABLES}
_BOOKINGS: Final = {kind.__name__: kind for kind in (Fill, CashMovement, Settlement, Split, Bust)}
_TAG: Final = "event"
_LATER: Final = frozenset({"provenance"})  # of a run's description; records of before 2026-11 do not have it


def as_json(told: object) -> bytes:
    """Return plain values as the text of a file, UTF-8; a number that is not finite is refused."""
    return (json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def read_json(path: Path, what: str) -> Any:
    """Return the values of a file, or raise DataError with what it should hold."""
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise DataError(f"{what} cannot be read", path=str(path), found=str(error)) from error


def encoded(value: object) -> Any:  # noqa: C901, PLR0911  # one line per kind of value
    """Return a message as values that JSON knows.

    Parameters
    ----------
    value : object
        A dataclass of messages, or what may stand in one. An array becomes a list, which is read as no array again.

    Returns
    -------
    Any
        Dicts, lists, strings, numbers, booleans and None. A Decimal is a string, so is a float that is not finite
        (``nan``, ``inf``); an instrument is its symbol; a booking says in ``event`` which it is.
    """
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | str():
            return value
        case np.generic():
            return encoded(value.item())
        case np.ndarray():
            return [encoded(item) for item in value.tolist()]
        case float():
            return value if math.isfinite(value) else str(value)
        case Decimal():
            return str(value)
        case date():
            return value.isoformat()
        case Share() | OptionContract() | Perpetual() | Future():
            return value.symbol
        case Mapping():
            return {str(key): encoded(item) for key, item in value.items()}
        case frozenset() | set():
            return sorted(encoded(item) for item in value)
        case tuple() | list():
            return [encoded(item) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _encoded_fields(value)
    raise DataError("a value has no form on disk", found=type(value).__name__, expected="a message of values")


def _encoded_fields(value: Any) -> dict[str, Any]:
    told = {field.name: encoded(getattr(value, field.name)) for field in fields(value)}
    name = type(value).__name__
    return {_TAG: name, **told} if name in _BOOKINGS else told


def encoded_instrument(instrument: Instrument) -> dict[str, Any]:
    """Return all terms of an instrument as values that JSON knows; ``instrument`` names its class."""
    return {"instrument": type(instrument).__name__, **_encoded_fields(instrument)}


def instrument_of(told: Mapping[str, Any]) -> Instrument:
    """Return the instrument of its terms.

    Parameters
    ----------
    told : mapping
        As `encoded_instrument` gives it.

    Returns
    -------
    Instrument
        Equal to the one that was encoded.

    Raises
    ------
    DataError
        It names no class of instruments, or lacks terms.
    """
    kind = _TRADABLE_NAMES.get(str(told.get("instrument", "")))
    if kind is None:
        raise DataError("an instrument is of no known class", found=repr(told.get("instrument")))
    found: Instrument = _record(kind, told, {})
    return found


def decoded(kind: type[_Message], value: Any, instruments: Instruments) -> _Message:
    """Return a message of its plain values.

    Parameters
    ----------
    kind : type
        Class or annotation of the message, such as `Trade` or ``LedgerEvent``.
    value : Any
        As `encoded` gives it.
    instruments : mapping of str to Instrument
        What the symbols mean.

    Returns
    -------
    message
        Equal to the one that was encoded, but for NaN, which equals nothing.

    Raises
    ------
    DataError
        The values are not those of such a message.
    """
    try:
        return _of(kind, value, instruments)  # type: ignore[no-any-return]  # by its annotation
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        name = getattr(kind, "__name__", str(kind))
        raise DataError(
            f"a record is no {name}", found=str(error)[:200], expected="a record of this version of the program"
        ) from error


def _of(kind: Any, value: Any, instruments: Instruments) -> Any:  # noqa: PLR0911  # one line per kind of value
    origin = get_origin(kind)
    if origin in {types.UnionType, Union}:
        return _of_union(get_args(kind), value, instruments)
    if origin is tuple:
        inner = get_args(kind)
        if len(inner) == 2 and inner[1] is Ellipsis:
            return tuple(_of(inner[0], item, instruments) for item in value)
        return tuple(_of(part, item, instruments) for part, item in zip(inner, value, strict=True))
    if origin is frozenset:
        return frozenset(_of(get_args(kind)[0], item, instruments) for item in value)
    if origin is not None and issubclass(origin, Mapping):
        inner = get_args(kind)[1]
        return {key: _of(inner, item, instruments) for key, item in value.items()}
    if kind in _TRADABLES:
        return instruments[value]
    if is_dataclass(kind):
        return _record(kind, value, instruments)
    if kind is date:
        return date.fromisoformat(value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return _of_scalar(kind, value)


def _of_union(kinds: tuple[Any, ...], value: Any, instruments: Instruments) -> Any:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return _record(_BOOKINGS[value[_TAG]], value, instruments)
    chosen = [kind for kind in kinds if kind is not types.NoneType]
    return _of(chosen[0], value, instruments)


def _of_scalar(kind: Any, value: Any) -> Any:
    if kind is float:
        return float(value)
    if kind is Decimal:
        return Decimal(value)
    if kind in {int, str, bool} and isinstance(value, kind):
        return value
    raise TypeError(f"{value!r} is no {getattr(kind, '__name__', kind)}")


@lru_cache(maxsize=256)
def _hints(kind: type) -> dict[str, Any]:
    found = get_type_hints(kind)
    return {field.name: found[field.name] for field in fields(kind)}


def _record(kind: Any, value: Mapping[str, Any], instruments: Instruments) -> Any:
    told = {name: hint for name, hint in _hints(kind).items() if name in value or name not in _LATER}
    return kind(**{name: _of(hint, value[name], instruments) for name, hint in told.items()})

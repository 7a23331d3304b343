"""Frozen classes from plain data: each value by the annotation of its field, tables within tables by their path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass, replace
from datetime import time
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from types import NoneType, UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from market.errors import ConfigError
from market.tradables import Future, Perpetual, Share

__all__ = ["Parameter", "Tradable", "made_of", "parameter_rows", "parameters_of_class", "unknown"]

Tradable = Share | Perpetual | Future
_Tradables = Mapping[str, Tradable] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a strategy or of a table in it, as a configuration writes it.

    Parameters
    ----------
    name : str
        Key.
    kind : str
        ``float``, ``int``, ``bool``, ``str``, ``Decimal``, ``time``, ``choice`` for one of some texts, ``list`` for
        several values, ``table`` for parameters of its own, or ``instrument`` for the symbol of one; the name of the
        type where a configuration cannot give it.
    default : object
        What it is where it is left out; None where it must be given.
    is_required : bool
        Whether it must be given.
    choices : tuple of str
        The texts of a choice.
    parameters : tuple of Parameter
        Those of a table. Where the table has a default they say what it holds, and what is given replaces single
        ones.
    """

    name: str
    kind: str
    default: object
    is_required: bool
    choices: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an annotation asks for."""

    kind: str
    expected: str
    of: Any = None
    items: tuple[_Shape, ...] = ()
    is_optional: bool = False


def parameters_of_class(kind: Any, held: object = None) -> tuple[Parameter, ...]:
    """Return what a frozen class takes.

    Parameters
    ----------
    kind : class
        A dataclass.
    held : object, optional
        An instance whose values are the defaults, instead of those of the class.

    Returns
    -------
    tuple of Parameter
        In the order of its fields.
    """
    return tuple(_parameter(item, shape, held) for item, shape in _fields_of(kind))


def parameter_rows(parameters: Iterable[Parameter], *, depth: int = 2, path: str = "") -> tuple[str, ...]:
    """Return parameters as rows of a Markdown table: path, kind, and default where there is one number of it.

    Parameters
    ----------
    parameters : iterable of Parameter
        What to tell.
    depth : int, optional
        How many tables deep, >= 1; what lies deeper is told as a table.
    path : str, optional
        Keys that lead here.

    Returns
    -------
    tuple of str
        One row for each number, text or deeper table.
    """
    rows: list[str] = []
    for each in parameters:
        where = f"{path}.{each.name}" if path else each.name
        if each.parameters and depth > 1:
            rows += parameter_rows(each.parameters, depth=depth - 1, path=where)
        else:
            kind = " or ".join(each.choices) if each.choices else each.kind
            default = "must be given" if each.is_required else "none" if each.default is None else _told(each.default)
            rows.append(f"| `{where}` | {kind} | {'' if each.kind == 'table' and each.default else default} |")
    return tuple(rows)


def _told(default: object) -> str:
    return str(default).lower() if isinstance(default, bool) else str(default)


def _parameter(item: Field[Any], shape: _Shape, held: object) -> Parameter:
    default = _default(item) if held is None else getattr(held, item.name)
    nested: tuple[Parameter, ...] = ()
    if shape.kind == "table":
        nested = parameters_of_class(shape.of, None if default is MISSING else default)
    return Parameter(
        name=item.name,
        kind=shape.kind,
        default=None if default is MISSING else default,
        is_required=default is MISSING,
        choices=tuple(each.value for each in shape.of) if shape.kind == "choice" else (),
        parameters=nested,
    )


def _default(item: Field[Any]) -> Any:
    if item.default is not MISSING:
        return item.default
    return item.default_factory() if item.default_factory is not MISSING else MISSING


@lru_cache(maxsize=256)
def _fields_of(kind: Any) -> tuple[tuple[Field[Any], _Shape], ...]:
    try:
        hints: Mapping[str, Any] = get_type_hints(kind)
    except NameError:  # an annotation that only a type checker can resolve: told by its name
        hints = {}
    found = [item for item in fields(kind) if item.init]
    return tuple((item, _shape(item.name, hints.get(item.name, item.type))) for item in found)


def _shape(name: str, annotation: Any) -> _Shape:
    if name == "instrument":
        return _Shape("instrument", "the symbol of an instrument of the data")
    inner = [each for each in get_args(annotation) if each is not NoneType]
    if get_origin(annotation) in {Union, UnionType} and len(inner) == 1:
        found = _shape(name, inner[0])
        return _Shape(found.kind, found.expected, found.of, found.items, is_optional=True)
    if get_origin(annotation) is tuple:
        return _list(get_args(annotation))
    return _class_shape(annotation) if isinstance(annotation, type) else _named_shape(str(annotation))


def _class_shape(annotation: type) -> _Shape:
    if issubclass(annotation, Enum):
        return _Shape("choice", f"one of {', '.join(str(each.value) for each in annotation)}", annotation)
    if is_dataclass(annotation) and annotation.__dataclass_params__.frozen:  # type: ignore[attr-defined]  # not typed
        return _Shape("table", "a table", annotation)
    return _named_shape(annotation.__name__)


def _named_shape(told: str) -> _Shape:
    plain = told.removesuffix(" | None")
    return _Shape(plain, _EXPECTED.get(plain, ""), is_optional=plain != told)


def _list(arguments: tuple[Any, ...]) -> _Shape:
    if arguments[-1] is Ellipsis:
        return _Shape("list", "a list", items=(_shape("", arguments[0]),))
    items = tuple(_shape("", each) for each in arguments)
    return _Shape("list", f"a list of {len(items)}", of=len(items), items=items)


def made_of(
    kind: Any, values: Mapping[str, object], owner: str, instruments: _Tradables, *, path: str = "", held: object = None
) -> Any:
    """Return an instance of a frozen class from plain data.

    Parameters
    ----------
    kind : class
        A dataclass.
    values : mapping of str to object
        Plain values by key; a table within for a field that is such a class itself.
    owner : str
        Who asks, such as ``strategy iron_condor``; errors begin with it.
    instruments : mapping of str to Share, Perpetual or Future, or None
        What may be named; None takes a symbol for a share of cents and dollars.
    path : str, optional
        Keys that lead here, with points between.
    held : object, optional
        An instance of which the values replace single fields.

    Returns
    -------
    object
        Checked: each value by its annotation, then all of them together by the class.

    Raises
    ------
    ConfigError
        A key is unknown or missing, or a value cannot be; it tells the path, what was found and what was expected.
    """
    shapes = {item.name: (item, shape) for item, shape in _fields_of(kind)}
    where = f"{owner}: {path}" if path else owner
    for key in values:
        if key not in shapes:
            raise unknown(f"{where} has no parameter", str(key), list(shapes))
    missing = [key for key, (item, _) in shapes.items() if _default(item) is MISSING and key not in values]
    if missing and held is None:
        raise ConfigError(f"{where} lacks a parameter", found=str(sorted(values)), expected=missing[0])
    made: dict[str, object] = {}
    for key, value in values.items():
        item, shape = shapes[key]
        before = _default(item) if held is None else getattr(held, key)
        inner = f"{path}.{key}" if path else key
        made[key] = _read(shape, value, owner, instruments, inner, None if before is MISSING else before)
    try:
        return kind(**made) if held is None else replace(held, **made)  # type: ignore[type-var]  # a dataclass
    except ConfigError as error:
        if not path:
            raise
        said = error.what.removeprefix(f"{path.rpartition('.')[2]}: ")  # a table that names itself is named by its path
        what = f"{where}: {said}"
        raise ConfigError(what, found=error.found, expected=error.expected, action=error.action) from error


def unknown(what: str, found: str, known: list[str]) -> ConfigError:
    """Return the error for a name that does not exist, with the nearest that does.

    Parameters
    ----------
    what : str
        What was looked for, in a clause.
    found : str
        The name.
    known : list of str
        Those that exist.

    Returns
    -------
    ConfigError
        To be raised.
    """
    near = get_close_matches(found, known, n=1)
    action = f"did you mean {near[0]}?" if near else ""
    return ConfigError(what, found=found, expected=f"one of {', '.join(sorted(known))}", action=action)


def _read(shape: _Shape, value: object, owner: str, instruments: _Tradables, path: str, held: object) -> object:
    if value is None and shape.is_optional:
        return None
    if shape.kind == "table":
        if isinstance(value, Mapping):
            return made_of(shape.of, value, owner, instruments, path=path, held=held)
        if isinstance(value, shape.of):
            return value
        raise _refused(owner, path, value, shape, f"with {', '.join(item.name for item, _ in _fields_of(shape.of))}")
    if shape.kind == "choice":
        found = next((each for each in shape.of if value == each.value), None)
        if found is None:
            raise _refused(owner, path, value, shape)
        return found
    if shape.kind == "list":
        return _read_list(shape, value, owner, instruments, path)
    if shape.kind not in _KINDS:
        raise ConfigError(
            f"{owner}: {path} cannot be given in a configuration",
            found=f"a parameter of type {shape.kind}",
            expected=f"one of {', '.join((*_KINDS, 'choice', 'list', 'table'))}",
        )
    try:
        return _KINDS[shape.kind](value, instruments)
    except (TypeError, ValueError, InvalidOperation) as error:
        raise _refused(owner, path, value, shape, str(error) if isinstance(error, ValueError) else "") from error


def _read_list(shape: _Shape, value: object, owner: str, instruments: _Tradables, path: str) -> tuple[object, ...]:
    if not isinstance(value, list | tuple) or (shape.of is not None and len(value) != shape.of):
        raise _refused(owner, path, value, shape)
    items = shape.items if shape.of is not None else shape.items * len(value)
    return tuple(
        _read(item, each, owner, instruments, f"{path}[{place}]", None)
        for place, (item, each) in enumerate(zip(items, value, strict=True))
    )


def _refused(owner: str, path: str, value: object, shape: _Shape, action: str = "") -> ConfigError:
    return ConfigError(f"{owner}: {path} cannot be", found=repr(value), expected=shape.expected, action=action)


def _instrument(value: object, instruments: _Tradables) -> Tradable:
    symbol = _text(value, instruments)
    if instruments is None:
        return Share(symbol=symbol)
    if symbol not in instruments:
        raise ValueError(f"of the data may be traded: {', '.join(sorted(instruments)) or 'options only'}")
    return instruments[symbol]


def _number(value: object, _instruments: _Tradables) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124  # NaN
        raise TypeError
    return float(value)


def _whole(value: object, _instruments: _Tradables) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _flag(value: object, _instruments: _Tradables) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object, _instruments: _Tradables) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value


def _exact(value: object, _instruments: _Tradables) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError
    found = Decimal(value)
    if not found.is_finite():
        raise TypeError
    return found


def _wall_time(value: object, _instruments: _Tradables) -> time:
    return value if isinstance(value, time) else time.fromisoformat(_text(value, _instruments))


_KINDS: Final[Mapping[str, Callable[[object, _Tradables], Any]]] = {
    "float": _number,
    "int": _whole,
    "bool": _flag,
    "str": _text,
    "Decimal": _exact,
    "time": _wall_time,
    "instrument": _instrument,
}
_EXPECTED: Final[Mapping[str, str]] = {
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "str": "a text",
    "Decimal": "a whole number, or an exact one as text",
    "time": 'a wall time such as "10:00"',
    "instrument": "the symbol of an instrument of the data",
}

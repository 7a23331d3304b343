"""From the table [space] of a sweep to a space: each path against the configuration, each form against its kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import time
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any, Final

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import nearest_name
from market.errors import ConfigError
from tuning.space.checking import refused_end
from tuning.space.dimensions import Condition, Dimension, Varied
from tuning.space.presets import preset_forms
from tuning.space.scales import Choice, Integer, Scale, Stepped, Uniform
from tuning.space.simplexes import simplex_of
from tuning.space.space import Space
from tuning.space.targets import Target, plain, target_of
from tuning.work import Value

__all__ = ["FORM_KEYS", "space_of"]

FORM_KEYS: Final = ("low", "high", "log", "step", "points", "choices", "simplex", "members", "also", "when")
"""What a dimension is declared with."""

_NUMBERS: Final = {"float", "int", "Decimal", "any"}
_NO_FORM: Final = "a table such as { low = 0.1, high = 0.3 }, a list of choices, or { simplex = true }"


def space_of(
    told: Mapping[str, Any], base: BacktestSettings, place: Callable[[tuple[str, ...]], str] = lambda _: ""
) -> Space:
    """Return the space that a sweep declares.

    Parameters
    ----------
    told : mapping of str to object
        The table ``[space]``: dimensions by path, with points in the key or in tables within tables, and ``presets``.
        What is declared by its path stands for what a preset says of it.
    base : BacktestSettings
        The configuration that is varied.
    place : callable, optional
        What an error begins with, such as file and line, by the keys from the root of the sweep.

    Returns
    -------
    Space
        Each dimension leads to a value, has a form of its kind, and is accepted at both ends by the classes.

    Raises
    ------
    ConfigError
        A path is unknown, a form contradicts itself or its kind, a preset is unknown or finds nothing to vary.
    """
    found: dict[str, tuple[Dimension, Any]] = {}
    for preset in _presets(told, place):
        with _placed(place, "presets"):
            for path, form in preset_forms(preset, base):
                dimension = _dimension(path, form, base)
                found.setdefault(dimension.name, (dimension, form))
    declared: dict[str, str] = {}
    for path, form in _forms(told, "", place):
        with _placed(place, path):
            dimension = _dimension(path, form, base)
            if dimension.name in declared:
                raise ConfigError("it stands twice", found=f"also as {declared[dimension.name]}", action="remove one")
        declared[dimension.name] = path
        found[dimension.name] = (dimension, form)
    dimensions = {name: each for name, (each, _) in found.items()}
    for name, (dimension, form) in found.items():
        with _placed(place, declared.get(name, "presets")):
            dimensions[name] = _under(dimension, form, dimensions, base)
    with _placed(place):
        space = Space(tuple(dimensions.values()))
    refused = refused_end(space, base, frozenset(declared))
    if refused is not None:
        dimension, value, error = refused
        with _placed(place, declared[dimension.name]):
            what = f"{value} cannot be, at any of eleven places of the rest: {error.what}"
            raise ConfigError(what, found=error.found, expected=error.expected, action=error.action)
    return space


@contextmanager
def _placed(place: Callable[[tuple[str, ...]], str], *steps: str) -> Iterator[None]:
    """Let what is raised begin with its place."""
    try:
        yield
    except ConfigError as error:
        what = f"{place(('space', *steps))}{' '.join(('[space]', *steps))}: {error.what}"
        raise ConfigError(what, found=error.found, expected=error.expected, action=error.action) from error


def _presets(told: Mapping[str, Any], place: Callable[[tuple[str, ...]], str]) -> tuple[str, ...]:
    names = told.get("presets", [])
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ConfigError(
            f"{place(('space', 'presets'))}[space] presets cannot be", found=repr(names), expected="names"
        )
    return tuple(dict.fromkeys(names))


def _forms(told: Mapping[str, Any], path: str, place: Callable[[tuple[str, ...]], str]) -> Iterator[tuple[str, Any]]:
    """Yield paths with their forms; a table that is no form leads deeper."""
    for key, form in told.items():
        deeper = f"{path}.{key}" if path else str(key)
        if deeper == "presets":
            continue
        if isinstance(form, Mapping) and not _is_form(form):
            if not form:
                raise ConfigError(f"{place(('space', deeper))}[space] {deeper} is empty", expected=_NO_FORM)
            yield from _forms(form, deeper, place)
        else:
            yield deeper, form


def _is_form(table: Mapping[str, Any]) -> bool:
    """Tell a form from a table of paths: a parameter may itself be called low or high, and has a form of its own."""
    told = any(key in table and not isinstance(table[key], Mapping | list) for key in FORM_KEYS)
    return told or isinstance(table.get("choices"), list)


def _under(dimension: Dimension, form: Any, found: Mapping[str, Dimension], base: BacktestSettings) -> Dimension:
    """Return the dimension with its condition, if it has one."""
    if not isinstance(form, Mapping) or "when" not in form:
        return dimension
    when = form["when"]
    if not isinstance(when, Mapping) or len(when) != 1:
        raise ConfigError("when cannot be", found=repr(when), expected='one path and its value: { "path" = value }')
    ((path, wanted),) = when.items()
    name = target_of(str(path), base).name
    other = found.get(name)
    if not isinstance(other, Varied):
        raise ConfigError("when names no dimension", found=str(path), expected=nearest_name(name, list(found)))
    values = wanted if isinstance(wanted, list) else [wanted]
    return replace(
        dimension, when=Condition(name=name, values=tuple(other.scale.taken(plain(each)) for each in values))
    )


def _dimension(path: str, form: Any, base: BacktestSettings) -> Dimension:
    if isinstance(form, list):
        form = {"choices": form}
    if not isinstance(form, Mapping):
        raise ConfigError("this is no dimension", found=repr(form), expected=_NO_FORM)
    for key in form:
        if key not in FORM_KEYS:
            raise ConfigError(f"a dimension has no {key}", found=key, expected=nearest_name(key, FORM_KEYS))
    if "simplex" in form:
        return simplex_of(path, form, base)
    target = target_of(path, base)
    others = tuple(_same_kind(target_of(each, base), target) for each in _also(form))
    if target.kind in {"table", "mapping"}:
        raise ConfigError(
            "a table is no value", found=target.name, expected=f"one of {', '.join(target.inner)} behind it"
        )
    scale = _scale(form, target)
    steps = (target.steps, *(each.steps for each in others))
    return Varied(name=target.name, targets=steps, scale=scale, held=_held(target, scale))


def _also(form: Mapping[str, Any]) -> tuple[str, ...]:
    found = form.get("also", [])
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ConfigError("also cannot be", found=repr(found), expected="a list of further paths")
    return tuple(found)


def _same_kind(other: Target, target: Target) -> Target:
    if other.kind != target.kind:
        raise ConfigError(
            "also leads to another kind of value", found=f"{other.name}: {other.kind}", expected=target.kind
        )
    return other


def _held(target: Target, scale: Scale) -> Value | None:
    if target.held is None:
        return None
    value = _as_value(target.held, target)
    try:
        return scale.taken(value)
    except ConfigError:
        return None


def _scale(form: Mapping[str, Any], target: Target) -> Scale:
    if "choices" in form:
        _require_alone(form, {"choices"})
        return _choice(form["choices"], target)
    missing = [key for key in ("low", "high") if key not in form]
    if missing:
        raise ConfigError(f"a range lacks {missing[0]}", found=", ".join(form), expected=_NO_FORM)
    if target.kind not in _NUMBERS:
        words = ", ".join(f'"{text}"' for _, text in target.choices) or "a list of choices"
        raise ConfigError(f"a {target.kind} has no range", found=_shown(form), expected=words)
    _require_alone(form, {"low", "high", "log", "step", "points"})
    return _range(form, target)


def _require_alone(form: Mapping[str, Any], own: set[str]) -> None:
    other = [key for key in form if key not in own | {"also", "when"}]
    if other:
        raise ConfigError(f"{other[0]} has no meaning here", found=_shown(form), action="remove it")


def _range(form: Mapping[str, Any], target: Target) -> Scale:
    low, high = _exact(form, "low"), _exact(form, "high")
    is_log, points, is_exact = form.get("log", False), form.get("points"), target.kind == "Decimal"
    if not isinstance(is_log, bool):
        raise ConfigError("log cannot be", found=repr(is_log), expected="true or false")
    if points is not None and (isinstance(points, bool) or not isinstance(points, int) or points < 1):
        raise ConfigError("points cannot be", found=repr(points), expected="a whole number from 1")
    whole = all(isinstance(form[key], int) for key in ("low", "high") if key in form)
    if target.kind == "int" or (target.kind == "any" and whole and isinstance(form.get("step", 1), int)):
        step = _exact(form, "step") if "step" in form else Decimal(1)
        if any(each != int(each) for each in (low, high, step)):
            raise ConfigError(
                "a whole number has whole bounds", found=_shown(form), expected="whole low, high and step"
            )
        return Integer(low=int(low), high=int(high), step=int(step), log=is_log, points=points)
    if "step" in form:
        if is_log or points is not None:
            raise ConfigError("step stands alone", found=_shown(form), expected="neither log nor points beside it")
        return Stepped(low=low, high=high, step=_exact(form, "step"), is_exact=is_exact)
    return Uniform(low=float(low), high=float(high), log=is_log, is_exact=is_exact, points=points)


def _exact(form: Mapping[str, Any], key: str) -> Decimal:
    told = form[key]
    if isinstance(told, bool) or not isinstance(told, int | float | str):
        raise ConfigError(f"{key} cannot be", found=repr(told), expected="a number")
    try:
        found = Decimal(str(told))
    except InvalidOperation:
        found = Decimal("nan")
    if not found.is_finite():
        raise ConfigError(f"{key} cannot be", found=repr(told), expected="a finite number")
    return found


def _choice(told: Any, target: Target) -> Choice:
    if not isinstance(told, list) or not told:
        raise ConfigError("choices cannot be", found=repr(told), expected="a list with at least one value")
    values = tuple(_as_value(each, target) for each in told)
    if len({(type(each), each) for each in values}) != len(values):
        raise ConfigError("a choice stands twice", found=repr(told), action="remove one")
    return Choice(values=values, tells=tuple(_tell(each, value) for each, value in zip(told, values, strict=True)))


def _tell(told: Any, value: Value) -> Any:
    return plain(told) if isinstance(told, list | tuple | Mapping) else value


def _as_value(told: Any, target: Target) -> Value:
    """Return what a point holds for a value of the file, or raise ConfigError where its kind is another."""
    kind = target.kind
    found: Value | None = None
    if isinstance(told, list | tuple | Mapping) and kind in {"list", "any"}:
        found = json.dumps(plain(told), sort_keys=True, default=str)
    elif isinstance(told, str):
        found = _text(told, target)
    elif isinstance(told, time) and kind == "time":
        found = _clock(told)
    elif isinstance(told, bool):
        found = told if kind in {"bool", "any"} else None
    elif isinstance(told, int | float):
        found = _number(told, kind)
    if found is None:
        raise _other_kind(told, target)
    return found


def _number(told: float, kind: str) -> Value | None:
    whole = isfinite(told) and told == int(told)
    if kind == "int":
        return int(told) if whole else None
    if kind == "Decimal":
        return _written(Decimal(str(told))) if isfinite(told) else None
    return {"float": float(told), "any": told}.get(kind)


def _text(told: str, target: Target) -> Value:
    if target.kind == "choice":
        for name, text in target.choices:
            if told in {name, text}:
                return text
        raise _other_kind(told, target)
    if target.kind == "Decimal":
        return _written(_exact({"a choice": told}, "a choice"))
    if target.kind in {"str", "instrument", "any"}:
        return told
    try:
        if target.kind == "time":
            return _clock(time.fromisoformat(told))
    except ValueError:
        pass  # it is told like any other value that is no time
    raise _other_kind(told, target)


def _written(number: Decimal) -> str:
    """Return the one text of an exact number: 15, 15.0 and 1.5e1 are the same choice."""
    return format(number.normalize(), "f")


def _clock(told: time) -> str:
    """Return the one text of a wall time: 10:00 and 10:00:00 are the same choice."""
    return told.isoformat("auto" if told.second or told.microsecond else "minutes")


def _other_kind(told: Any, target: Target) -> ConfigError:
    words = ", ".join(text for _, text in target.choices) or f"a value of the kind {target.kind}"
    return ConfigError("a choice is of another kind", found=repr(told), expected=words)


def _shown(form: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in form.items() if not isinstance(value, Sequence))

"""Where in a backtest's configuration a path leads: what kind of value stands there, and which value does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from datetime import time
from decimal import Decimal
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from cluster.backtest_settings import BacktestSettings, StrategySettings
from cluster.backtests.reading import nearest_name
from fields.config import FieldConfig
from market.errors import ConfigError
from strategies.plain_values import Parameter, parameters_of_class

__all__ = ["Steps", "Target", "plain", "target_of"]

Steps = tuple[str | int, ...]
"""Keys from the root of the configuration to a value; a strategy by its place."""

_FIXED: Final = {
    "run": "dates and seed are those of the base: [validation] of the sweep splits the days",
    "data": "all points are run on the same data",
    "report": "it changes no result",
    "benchmark": "it changes no result",
    "provenance": "it changes no result",
}
_FIELD: Final = "readings.field"  # a table of a frozen class, within settings
_KINDS: Final = {bool: "bool", int: "int", float: "float", Decimal: "Decimal", str: "str", time: "time"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A place in the configuration.

    Parameters
    ----------
    name : str
        Its full path, such as ``strategies.condor.parameters.exits.profit_target``.
    steps : Steps
        The same by keys.
    kind : str
        ``float``, ``int``, ``bool``, ``str``, ``Decimal``, ``time``, ``choice``, ``list``, ``instrument``, ``table``,
        ``mapping`` for a table whose keys are free, or ``any`` where nothing is known.
    choices : tuple of (str, str)
        Names and texts of a choice.
    held : object
        What the base has there, or what stands there where it says nothing; plain data, None for none.
    inner : tuple of str
        Keys of a table or mapping.
    is_told : bool
        Whether the base tells it.
    exists : bool
        Whether it stands in a table that there is, told or by default; with a value in another it begins to be.
    """

    name: str
    steps: Steps
    kind: str
    choices: tuple[tuple[str, str], ...] = ()
    held: Any = None
    inner: tuple[str, ...] = ()
    is_told: bool = True
    exists: bool = True


def target_of(path: str, base: BacktestSettings) -> Target:
    """Return where a path leads.

    Parameters
    ----------
    path : str
        Such as ``strategies.condor.exits.profit_target``, ``risk.risk_share`` or ``margin.leverage``; ``strategy``
        stands for the only strategy, and ``parameters`` may be left out.
    base : BacktestSettings
        The configuration that is varied.

    Returns
    -------
    Target
        As found.

    Raises
    ------
    ConfigError
        There is no such path, or what stands there is the same for all points.
    """
    head, _, rest = path.partition(".")
    if head in _FIXED:
        raise ConfigError(f"{path} cannot be varied", expected=_FIXED[head], action="remove it")
    if head in {"strategies", "strategy"}:
        return _in_strategy(path, head, rest, base)
    if path.startswith(f"{_FIELD}."):
        told = _Table(parameters_of_class(FieldConfig), base.readings.field, ("readings", "field"), _FIELD)
        return _in_table(path, path[len(_FIELD) + 1 :], told)
    names = [name for name in BacktestSettings.model_fields if name not in _FIXED]
    return _in_settings(path, path, _Place(BacktestSettings, base, (), ""), names)


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a walk has come."""

    annotation: Any
    held: Any
    steps: Steps
    name: str

    def into(self, key: str, annotation: Any, held: Any) -> _Place:
        return _Place(annotation, held, (*self.steps, key), f"{self.name}.{key}" if self.name else key)


def _in_strategy(path: str, head: str, rest: str, base: BacktestSettings) -> Target:
    names = [item.called for item in base.strategies]
    if head == "strategy":
        if len(names) != 1:
            expected = f"strategies.NAME, of {', '.join(names)}"
            raise ConfigError(f"{path} names no strategy", found=f"{len(names)} strategies", expected=expected)
        name = names[0]
    else:
        name, rest = _first(path, rest, names)
    place = names.index(name)
    item, steps, called = base.strategies[place], ("strategies", place), f"strategies.{name}"
    takes = tuple(each for each in item.takes if each.name != "name")  # it is what the account calls it
    table = _Table(takes, item.parameters, (*steps, "parameters"), f"{called}.parameters")
    key = rest.partition(".")[0]
    if key == "parameters":
        return _in_table(path, rest.partition(".")[2], table)
    if key in {"weight", "at"} and key not in {each.name for each in takes}:
        known = _Place(StrategySettings, item, steps, called)
        return _in_settings(path, rest, known, ["weight", "at"])
    return _in_table(path, rest, table)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of parameters, with what the base tells of it."""

    parameters: tuple[Parameter, ...]
    told: Any
    steps: Steps
    name: str
    exists: bool = True


def _in_table(path: str, rest: str, table: _Table) -> Target:
    known = {each.name: each for each in table.parameters}
    key, rest = _first(path, rest, known)
    found = known[key]
    told = table.told.get(key) if isinstance(table.told, Mapping) else None
    is_told = told is not None
    exists = table.exists and (is_told or found.default is not None)
    steps, name = (*table.steps, key), f"{table.name}.{key}"
    if found.kind == "table" and rest:
        return _in_table(path, rest, _Table(found.parameters, told, steps, name, exists))
    if rest:
        raise ConfigError(f"{path} leads nowhere", found=f"{name} is a {found.kind}", expected="no key in it")
    return Target(
        name=name,
        steps=steps,
        kind=found.kind,
        choices=tuple((each, each) for each in found.choices),
        held=told if is_told else plain(found.default) if exists else None,
        inner=tuple(each.name for each in found.parameters),
        is_told=is_told,
        exists=table.exists,
    )


def _in_settings(path: str, rest: str, here: _Place, names: Iterable[str]) -> Target:
    """Walk through models of settings and their free tables."""
    key, rest = _first(path, rest, list(names))
    info = here.annotation.model_fields[key]
    found = here.into(key, info.annotation, None if here.held is None else getattr(here.held, key))
    return _in_value(path, rest, found, is_told=here.held is not None and key in here.held.model_fields_set)


def _in_value(path: str, rest: str, here: _Place, *, is_told: bool) -> Target:
    kind, inner, choices = _kind_of(here.annotation)
    if not rest:
        keys = here.held if isinstance(here.held, Mapping) else inner.model_fields if kind == "table" else ()
        held = plain(here.held)
        return Target(
            name=here.name,
            steps=here.steps,
            kind=kind,
            choices=choices,
            held=held,
            inner=tuple(keys),
            is_told=is_told,
            exists=here.held is not None,
        )
    if kind == "table":
        return _in_settings(path, rest, _Place(inner, here.held, here.steps, here.name), inner.model_fields)
    if kind == "mapping" or isinstance(here.held, Mapping):
        keys = here.held or {}
        key, rest = _longest(rest, keys) or (rest.partition(".")[0], rest.partition(".")[2])
        deeper = here.into(key, inner if kind == "mapping" else Any, keys.get(key))
        return _in_value(path, rest, deeper, is_told=key in keys)
    raise ConfigError(f"{path} leads nowhere", found=f"{here.name} is {plain(here.held)!r}", expected="no key in it")


def _kind_of(annotation: Any) -> tuple[str, Any, tuple[tuple[str, str], ...]]:
    """Return the kind of an annotation, what lies within it, and the names of a choice."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated or origin in {Union, UnionType}:
        parts = [part for part in (arguments[:1] if origin is Annotated else arguments) if part is not type(None)]
        return _kind_of(parts[0]) if len(parts) == 1 else ("any", Any, ())
    if origin is Literal:
        return "choice", None, tuple((str(each), str(each)) for each in arguments)
    if origin in {dict, tuple}:
        return ("mapping", arguments[1], ()) if origin is dict else ("list", None, ())
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table", annotation, ()
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "choice", None, tuple((each.name.lower(), str(each.value)) for each in annotation)
    return _KINDS.get(annotation, "any"), None, ()


def _first(path: str, rest: str, known: Iterable[str]) -> tuple[str, str]:
    """Return the name that a path begins with, and what follows it; the longest, for names may have points."""
    names = list(known)
    found = _longest(rest, names)
    if found is None:
        step = rest.partition(".")[0]
        if not step:
            raise ConfigError(f"{path} ends too early", expected=f"one of {', '.join(sorted(names))} behind it")
        raise ConfigError(f"there is no {path}", found=step, expected=nearest_name(step, names), action="correct it")
    return found


def _longest(rest: str, names: Iterable[str]) -> tuple[str, str] | None:
    fitting = [name for name in names if rest == name or rest.startswith(f"{name}.")]
    if not fitting:
        return None
    name = max(fitting, key=len)
    return name, rest[len(name) + 1 :]


def plain(value: Any) -> Any:
    """Return a value of the configuration as a file writes it; None for what no file can write."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, time):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return None if is_dataclass(value) else value

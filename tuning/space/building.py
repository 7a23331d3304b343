"""Settings with some values replaced: only the parts that are touched are built again, by the classes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, TypeAdapter, ValidationError

from cluster.backtest_settings import BacktestSettings, StrategySettings
from cluster.backtests.reading import problem_of
from market.errors import ConfigError
from tuning.space.dimensions import Write
from tuning.space.targets import Steps

__all__ = ["settings_with", "tables_with"]

_POINT = "at this point"


def settings_with(base: BacktestSettings, writes: Iterable[Write]) -> BacktestSettings:
    """Return the settings of a base with other values, as a file with these values would give them.

    Parameters
    ----------
    base : BacktestSettings
        It stays as it is.
    writes : iterable of Write
        Values by keys.

    Returns
    -------
    BacktestSettings
        Checked, each part and all of them together.

    Raises
    ------
    ConfigError
        The classes refuse the values, in their own words.
    """
    by_section: dict[str, list[Write]] = {}
    for steps, told in writes:
        by_section.setdefault(str(steps[0]), []).append((steps[1:], told))
    parts: dict[str, Any] = {name: getattr(base, name) for name in base.model_fields_set}
    try:
        for section, inner in by_section.items():
            if section == "strategies":
                parts[section] = _strategies(base.strategies, inner)
            else:
                parts[section] = _part(parts.get(section), inner)
        return BacktestSettings.model_validate(parts)
    except ValidationError as error:
        raise problem_of(error, _POINT) from error


def tables_with(tables: Mapping[str, Any], writes: Iterable[Write]) -> dict[str, Any]:
    """Return the tables of a configuration file with other values.

    Parameters
    ----------
    tables : mapping of str to object
        As TOML reads them; ``[strategy]`` is taken for a list of one.
    writes : iterable of Write
        Values by keys.

    Returns
    -------
    dict
        New; what is not touched is shared with `tables`.
    """
    found: Any = dict(tables)
    if "strategy" in found and "strategies" not in found:
        found["strategies"] = [found.pop("strategy")]
    for steps, told in writes:
        found = _with(found, steps, told)
    return dict(found)


def _with(held: Any, steps: Steps, told: Any) -> Any:
    """Return tables with another value; those on the way to it are made anew, and all others are shared."""
    if not steps:
        return told
    if isinstance(steps[0], int):
        return [_with(each, steps[1:], told) if place == steps[0] else each for place, each in enumerate(held)]
    tables = held or {}
    return {**tables, steps[0]: _with(tables.get(steps[0]), steps[1:], told)}


def _part(held: BaseModel | None, writes: Iterable[Write]) -> Any:
    """Return the plain tables of a section with other values; the settings of all check them."""
    tables: Any = {} if held is None else held.model_dump(by_alias=True, exclude_unset=True)
    for steps, told in writes:
        tables = _with(tables, steps, told)
    return tables


def _strategies(held: tuple[StrategySettings, ...], writes: Iterable[Write]) -> tuple[StrategySettings, ...]:
    found = list(held)
    touched: dict[int, list[Write]] = {}
    for steps, told in writes:
        touched.setdefault(int(steps[0]), []).append((steps[1:], told))
    for index, inner in touched.items():
        found[index] = _strategy(held[index], inner)
    return tuple(found)


def _strategy(held: StrategySettings, writes: Iterable[Write]) -> StrategySettings:
    """Return a strategy with other values; its class is not looked for again, which for a user's own takes files."""
    changed: dict[str, Any] = {}
    for steps, told in writes:
        key = str(steps[0])
        if key == "parameters":
            changed[key] = _with(changed.get(key, held.parameters), steps[1:], told)
        else:
            changed[key] = _ADAPTERS[key].validate_python(told)
    made = held.model_copy(update=changed)
    if "parameters" in changed:
        _require_built(made)
    return made


def _require_built(item: StrategySettings) -> None:
    try:
        item.build()
    except ConfigError as error:
        what = error.what if item.called in error.what or item.called == item.kind else f"{item.called}: {error.what}"
        raise ConfigError(what, found=error.found, expected=error.expected, action=error.action) from error


def _adapter(name: str) -> TypeAdapter[Any]:
    field: Any = StrategySettings.model_fields[name]
    return TypeAdapter(Annotated[field.annotation, field])


_ADAPTERS = {name: _adapter(name) for name in ("weight", "at")}

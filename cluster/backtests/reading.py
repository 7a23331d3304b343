"""A configuration file read and checked; what is wrong is told with its place and the nearest name that is known."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from cluster.backtest_settings import BacktestSettings
from market.errors import ConfigError

__all__ = ["line_of", "nearest_name", "problem_of", "read_settings", "settings_of", "tables_of", "text_of"]


def read_settings(path: Path) -> BacktestSettings:
    """Return the settings of a file.

    Parameters
    ----------
    path : pathlib.Path
        TOML.

    Returns
    -------
    BacktestSettings
        Checked, also across fields.

    Raises
    ------
    ConfigError
        The file is missing, is no TOML, or says what cannot be: with file, line, table, key, what was found, what
        was expected and the nearest known name.
    """
    return settings_of(text_of(path), str(path), path.parent)


def text_of(path: Path) -> str:
    """Return the text of a configuration file, or raise ConfigError with its name."""
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors put a mark before the text
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            "the configuration cannot be read", found=f"{path}: {error}", expected="a file of TOML"
        ) from error


def settings_of(text: str, name: str, folder: Path = Path()) -> BacktestSettings:
    """Return the settings of a configuration's text.

    Parameters
    ----------
    text : str
        TOML.
    name : str
        What the text is called in an error, such as its path.
    folder : pathlib.Path, optional
        Where strategies of the user's own are looked for.

    Returns
    -------
    BacktestSettings
        As `read_settings`.
    """
    told = tables_of(text, name)
    try:
        return BacktestSettings.model_validate(told, context={"folder": folder})
    except ValidationError as error:
        raise problem_of(error, name, text) from error


def tables_of(text: str, name: str) -> dict[str, Any]:
    """Return the tables of a configuration's text, or raise ConfigError with its name and the line."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: this is no TOML", found=str(error), action="correct the line") from error


def nearest_name(name: str, known: Sequence[str]) -> str:
    """Return what to say of an unknown name: the nearest known one, or all where none is near."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f"{near[0]}?" if near else f"one of {', '.join(sorted(known))}"


def problem_of(
    error: ValidationError,
    name: str,
    text: str = "",
    model: type[BaseModel] = BacktestSettings,
    within: tuple[str, ...] = (),
) -> ConfigError:
    """Return the first problem of a configuration as an error that tells its place.

    Parameters
    ----------
    error : ValidationError
        What the settings said.
    name : str
        What the configuration is called.
    text : str, optional
        Its text, to find the line.
    model : class, optional
        Settings that were read.
    within : tuple of str, optional
        Table of the text that they stand in, such as ``base``.

    Returns
    -------
    ConfigError
        With place, what was found, what was expected, and the nearest known name.
    """
    problems = error.errors()
    first = next((each for each in problems if _misspells(each, problems[0])), problems[0])
    inner = tuple(step for step in first["loc"] if step not in {"function-after", "function-before"})
    steps = (*within, *inner)
    place = _place(steps)
    line = line_of(text, steps)
    where = f"{name}{f', line {line}' if line else ''}"
    others = sum(not _follows(problem, first) for problem in problems if problem is not first)
    more = f"; {others} more after it" if others else ""
    if first["type"] == "extra_forbidden":
        known = _names_at(model, inner[:-1])
        return ConfigError(
            f"{where}: there is no {place}",
            found=str(steps[-1]),
            expected=nearest_name(str(steps[-1]), known),
            action=f"correct or remove it{more}",
        )
    if first["type"] == "value_error":  # our own checks say what they found and expected
        said = first["msg"].removeprefix("Value error, ")
        return ConfigError(f"{where}: {place} cannot be used: {said}", action=f"correct it{more}")
    missing = first["type"] == "missing"
    return ConfigError(
        f"{where}: {place} {'is missing' if missing else 'cannot be used'}",
        found="" if missing else _shown(first.get("input")),
        expected="a value" if missing else first["msg"].removeprefix("Input should be "),
        action=f"correct it{more}",
    )


def _misspells(problem: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Tell whether a key is missing because another of its table, which is unknown, was meant for it."""
    beside = problem["type"] == "extra_forbidden" and problem["loc"][:-1] == first["loc"][:-1]
    wanted = str(first["loc"][-1]) if first["loc"] else ""
    return bool(beside and first["type"] == "missing" and get_close_matches(str(problem["loc"][-1]), [wanted]))


def _follows(problem: Mapping[str, Any], first: Mapping[str, Any]) -> bool:
    """Tell whether a list lacks items only because the first problem left one out of it."""
    return bool(problem["type"] == "too_short" and problem["loc"] == first["loc"][: len(problem["loc"])])


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _place(steps: tuple[Any, ...]) -> str:
    """Return a key as the file writes it: ``[table] key`` or ``[[strategies]] 2, key``."""
    if not steps:
        return "the configuration"
    names = [f"{step + 1}" if isinstance(step, int) else str(step) for step in steps]
    if len(steps) == 1:
        return f"table [{names[0]}]"
    nth = next((place for place, step in enumerate(steps) if isinstance(step, int)), 0)
    if nth and steps[nth - 1] == "strategies":
        return f"[[{'.'.join(names[:nth])}]] {names[nth]}" + (
            f" {'.'.join(names[nth + 1 :])}" if names[nth + 1 :] else ""
        )
    return f"[{'.'.join(names[:-1])}] {names[-1]}"


def _names_at(root: type[BaseModel], steps: tuple[Any, ...]) -> list[str]:
    """Return the names that a table knows."""
    model: Any = root
    for step in steps:
        if isinstance(step, int):
            continue
        field = next((f for n, f in model.model_fields.items() if step in {n, f.alias}), None)
        model = None if field is None else _model_of(field.annotation)
        if model is None:
            return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_of(part)) is not None), None)


def line_of(text: str, steps: tuple[Any, ...]) -> int | None:
    """Return the line in which a key stands, or its table.

    Parameters
    ----------
    text : str
        TOML.
    steps : tuple of str or int
        Keys from the root; numbers for places in a list of tables. A key may have points.

    Returns
    -------
    int or None
        From 1; None where neither is found.
    """
    names = _parts(".".join(str(step) for step in steps if not isinstance(step, int)))
    nth = next((step for step in steps if isinstance(step, int)), 0)
    table: list[str] = []
    seen: dict[str, int] = {}
    best = None
    for number, line in enumerate(text.splitlines(), start=1):
        head = re.match(r"\s*\[(\[?)\s*([^\]#]+?)\s*\]", line)
        if head:
            table = _parts(head[2])
            if head[1]:
                seen[".".join(table)] = seen.get(".".join(table), -1) + 1
        key = re.match(r"\s*([A-Za-z0-9_.\"'*-]+)\s*=", line)
        here = table if head else [*table, *_parts(key[1])] if key else None
        if here is None or here != names[: len(here)]:
            continue
        if any(seen.get(".".join(table[:end]), nth) != nth for end in range(1, len(table) + 1)):
            continue
        best = number
        if here == names:
            return number
    return best


def _parts(key: str) -> list[str]:
    """Return the parts of a key as TOML writes it; ``strategy`` stands for a list of one."""
    parts = [part.strip().strip("\"'") for part in key.split(".")]
    return ["strategies" if part == "strategy" and place <= 1 else part for place, part in enumerate(parts)]

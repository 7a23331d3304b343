"""Tables as the text of a TOML file that reads back as the same tables."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Final

from market.errors import ConfigError

__all__ = ["toml_of"]

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def toml_of(tables: Mapping[str, Any]) -> str:
    """Return the text of tables.

    Parameters
    ----------
    tables : mapping of str to Any
        As `tomllib` reads them: texts, numbers, truths, dates, times, lists and tables; a key whose value is None is
        left out, because TOML has no word for it.

    Returns
    -------
    str
        Values of a table before its tables; lists of tables of the first level as ``[[name]]``.

    Raises
    ------
    ConfigError
        A value has no form in TOML.
    """
    return "\n".join(_table(tables, ())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    kept = {str(key): value for key, value in table.items() if value is not None}
    nested = {key: value for key, value in kept.items() if _is_nested(value, path)}
    if path and (len(nested) < len(kept) or not kept):
        yield f"[{_dotted(path)}]"
    yield from (f"{_key(key)} = {_value(value)}" for key, value in kept.items() if key not in nested)
    if len(nested) < len(kept) or not kept:
        yield ""
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _table(value, (*path, key))
            continue
        for item in value:
            yield f"[[{_dotted((*path, key))}]]"
            yield from (f"{_key(name)} = {_value(inner)}" for name, inner in item.items() if inner is not None)
            yield ""


def _is_nested(value: Any, path: tuple[str, ...]) -> bool:
    if isinstance(value, Mapping):
        return True
    is_list = isinstance(value, Sequence) and not isinstance(value, str) and bool(value)
    return not path and is_list and all(isinstance(item, Mapping) for item in value)


def _dotted(path: tuple[str, ...]) -> str:
    return ".".join(map(_key, path))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(words: str) -> str:
    # JSON escapes as TOML does, but for the one control character that it lets stand.
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:  # noqa: PLR0911  # one line per kind of value
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return _text(value)
        case datetime() | date() | time():
            return value.isoformat()
        case Mapping():
            inner = (f"{_key(str(key))} = {_value(item)}" for key, item in value.items() if item is not None)
            return f"{{ {', '.join(inner)} }}" if value else "{}"
        case Sequence():
            return f"[{', '.join(map(_value, value))}]"
    raise ConfigError("a value has no form in TOML", found=f"{type(value).__name__} {value!r}")


def _number(value: float) -> str:
    if not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0.0 else "-inf"
    shown = repr(value)  # the shortest text that reads back as the same number
    return shown if any(sign in shown for sign in ".e") else f"{shown}.0"

"""Faults as a user writes them: on the command line, or in a TOML file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

from adapters.emulated.faults import Fault, FaultKind, Where
from market.errors import ConfigError

__all__ = ["parse_fault", "read_faults"]

_FORM: Final = re.compile(r"(?P<kind>[a-z_0-9-]+)(\.(?P<where>[a-z]+))?(:(?P<path>[^@]+))?(@(?P<turn>\d+(\+|x\d+)?))?")
# Where a kind is meant to happen when nobody says.
_USUAL: Final = {
    FaultKind.DISCONNECT: Where.MESSAGE,
    FaultKind.DUPLICATE: Where.MESSAGE,
    FaultKind.OUT_OF_ORDER: Where.MESSAGE,
    FaultKind.MUTE: Where.MESSAGE,
}
_SHORT: Final = {"429": FaultKind.RATE_LIMITED, "5xx": FaultKind.SERVER_ERROR, "503": FaultKind.SERVER_ERROR}
_NUMBERS: Final = {"first": int, "times": int, "status": int, "delay_s": float, "shift_s": float}


def parse_fault(text: str) -> tuple[Fault, ...]:
    """Return the faults of one word of the command line.

    Parameters
    ----------
    text : str
        ``KIND[.WHERE][:PATH][@TURN]``, such as ``429``, ``disconnect@20``, ``slow.message``, ``server_error:/v2/*@3+``;
        or the path of a TOML file, as `read_faults` takes it. ``TURN`` is the first request or message that goes
        wrong, counted from 1: ``@3`` the third alone, ``@3+`` all from it, ``@3x5`` five from it; without it the first.

    Returns
    -------
    tuple of Fault
        Raises ConfigError where the text says none.
    """
    if text.endswith(".toml"):
        return read_faults(Path(text))
    found = _FORM.fullmatch(text)
    if found is None:
        raise _refused(text)
    kind = _kind(found["kind"])
    first, times = _turn(found["turn"] or "1")
    where = _where(found["where"]) if found["where"] else _USUAL.get(kind, Where.REQUEST)
    return (Fault(kind=kind, where=where, path=found["path"] or "*", first=first, times=times),)


def read_faults(path: Path) -> tuple[Fault, ...]:
    """Return the faults of a TOML file.

    Parameters
    ----------
    path : Path
        A table ``[[fault]]`` for each: ``kind``, and as wanted ``where``, ``path``, ``first``, ``times`` (0 for all),
        ``status``, ``delay_s`` and ``shift_s``; see `adapters.emulated.faults.Fault`.

    Returns
    -------
    tuple of Fault
        Raises ConfigError where the file is none.
    """
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError("a script of faults cannot be read", found=f"{path}: {error}", expected="TOML") from error
    lines = told.get("fault")
    if set(told) != {"fault"} or not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines):
        raise ConfigError("a script of faults has no faults", found=str(path), expected="tables [[fault]]")
    return tuple(_line(line, path) for line in lines)


def _line(line: dict[str, Any], path: Path) -> Fault:
    kind = _kind(str(line.get("kind")))
    unknown = set(line) - {"kind", "where", "path", *_NUMBERS}
    if unknown:
        raise ConfigError(
            f"{path}: a fault has no {min(unknown)}", expected=f"kind, where, path, {', '.join(_NUMBERS)}"
        )
    try:
        numbers: dict[str, Any] = {name: cast(line[name]) for name, cast in _NUMBERS.items() if name in line}
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{path}: a number of a fault is none", found=str(error)) from error
    if "shift_s" in numbers:
        numbers["shift_ns"] = round(numbers.pop("shift_s") * 1e9)
    where = _where(str(line["where"])) if "where" in line else _USUAL.get(kind, Where.REQUEST)
    return Fault(kind=kind, where=where, path=str(line.get("path", "*")), **numbers)


def _kind(text: str) -> FaultKind:
    name = text.replace("-", "_")
    if name in _SHORT:
        return _SHORT[name]
    try:
        return FaultKind(name)
    except ValueError:
        raise _refused(text) from None


def _where(text: str) -> Where:
    try:
        return Where(text)
    except ValueError:
        raise ConfigError("a fault cannot happen there", found=text, expected=", ".join(Where)) from None


def _turn(text: str) -> tuple[int, int]:
    if text.endswith("+"):
        return int(text[:-1]), 0
    first, _, times = text.partition("x")
    return int(first), int(times or "1")


def _refused(text: str) -> ConfigError:
    kinds = ", ".join((*_SHORT, *FaultKind))
    return ConfigError(
        "a fault is not understood", found=text, expected=f"KIND[.WHERE][:PATH][@TURN] or a .toml file; kinds: {kinds}"
    )

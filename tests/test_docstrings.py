"""Documented parameters against real signatures, which a linter of source text cannot see for dataclasses."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from pathlib import Path

import pytest
from numpydoc.validate import validate

_ROOT = Path(__file__).resolve().parents[1]
_WHEEL = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
# Undocumented, unknown and misordered parameters.
_CODES = {"PR01", "PR02", "PR03"}


def _problems(name: str) -> list[str]:
    report = validate(name)
    if "Parameters\n---" not in report["docstring"]:
        return []  # a one-line docstring whose arguments speak for themselves
    return [f"{name}: {text}" for code, text in report["errors"] if code in _CODES]


@pytest.mark.parametrize("package", _WHEEL["wheel"]["packages"])
def test_documented_parameters_are_those_of_the_signature(package: str) -> None:
    """A Parameters section names all parameters, in order, and no other."""
    problems: list[str] = []
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        module = importlib.import_module(found.name)
        own = [name for name in getattr(module, "__all__", ()) if callable(getattr(module, name))]
        problems += [text for name in own for text in _problems(f"{found.name}.{name}")]
    assert not problems

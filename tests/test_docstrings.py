"""Documented parameters against real signatures, which a linter of source text cannot see for dataclasses."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from pathlib import Path

import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import Validator

_ROOT = Path(__file__).resolve().parents[1]
_WHEEL = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]


def _public(names: set[str]) -> set[str]:
    return {name for name in names if not name.startswith(("_", "*"))}


def _difference(item: object) -> set[str]:
    """Return the parameters on one side only; a docstring without the section leaves them to their names."""
    text = Validator(get_doc_object(item))
    documented = _public(set(text.doc_all_parameters))
    return documented ^ _public(set(text.signature_parameters)) if documented else set()


@pytest.mark.parametrize("package", _WHEEL["wheel"]["packages"])
def test_documented_parameters_are_those_of_the_signature(package: str) -> None:
    """A Parameters section names every public parameter and no other."""
    problems: dict[str, set[str]] = {}
    for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
        if found.name.endswith(".__main__"):
            continue  # importing it would run the command
        module = importlib.import_module(found.name)
        # An alias such as `FloatArray` has the docstring of what it stands for.
        items = [getattr(module, name) for name in getattr(module, "__all__", ())]
        own = [item for item in items if callable(item) and getattr(item, "__module__", "") == found.name]
        problems |= {f"{found.name}.{item.__name__}": _difference(item) for item in own}
    assert not {name: parameters for name, parameters in problems.items() if parameters}

"""The size budgets of the house, so that a file stays readable without opening another."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_FOLDERS = (
    "market",
    "fields",
    "risk",
    "strategies",
    "execution",
    "backtest",
    "adapters",
    "actors",
    "cluster",
    "serve",
    "tuning",
    "tests",
    "benchmarks",
    "examples",
)
_FILES = tuple(sorted(p for folder in _FOLDERS for p in (_ROOT / folder).rglob("*.py")))

_Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def _name(path: Path) -> str:
    return path.relative_to(_ROOT).as_posix()


@cache
def _nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def _n_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def _body_lines(node: _Definition) -> int:
    """Return the lines of a definition without its docstring."""
    lines = (node.end_lineno or node.lineno) - node.lineno + 1
    first = node.body[0]
    if ast.get_docstring(node) is not None:
        lines -= (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


def _definitions(*kinds: type[_Definition]) -> Iterator[tuple[Path, _Definition]]:
    for path in _FILES:
        for node in _nodes(path):
            if isinstance(node, kinds):
                yield path, node


def test_a_docstring_does_not_count_as_body() -> None:
    """The budget measures code: the lines of a docstring are not charged."""
    source = 'def area(side):\n    """Return it.\n\n    Twice told.\n    """\n    return side * side\n'
    (node,) = ast.parse(source).body
    assert isinstance(node, ast.FunctionDef)
    assert _body_lines(node) == 2


def test_no_file_is_longer_than_500_lines() -> None:
    """A file that grows past the limit is split by idea."""
    assert not {_name(p): _n_lines(p) for p in _FILES if _n_lines(p) > 500}


def test_no_function_is_longer_than_50_lines() -> None:
    """A function without its docstring fits on one screen."""
    found = _definitions(ast.FunctionDef, ast.AsyncFunctionDef)
    assert not {f"{_name(p)}:{n.name}": _body_lines(n) for p, n in found if _body_lines(n) > 50}


def test_no_class_is_longer_than_300_lines() -> None:
    """A class keeps one job."""
    assert not {f"{_name(p)}:{n.name}": _body_lines(n) for p, n in _definitions(ast.ClassDef) if _body_lines(n) > 300}


def test_no_test_is_longer_than_35_lines() -> None:
    """A test shows one behaviour."""
    found = [(p, n) for p, n in _definitions(ast.FunctionDef, ast.AsyncFunctionDef) if n.name.startswith("test_")]
    assert not {f"{_name(p)}:{n.name}": _body_lines(n) for p, n in found if _body_lines(n) > 35}


def _imports_ray(path: Path) -> bool:
    plain = {alias.name for n in _nodes(path) if isinstance(n, ast.Import) for alias in n.names}
    return "ray" in plain | {n.module for n in _nodes(path) if isinstance(n, ast.ImportFrom)}


def test_no_actor_module_is_longer_than_200_lines() -> None:
    """Actors are thin: what is long belongs to plain classes that know no Ray."""
    actors = [p for p in _FILES if p.is_relative_to(_ROOT / "actors") and _imports_ray(p)]
    assert not {_name(p): _n_lines(p) for p in actors if _n_lines(p) > 200}


@pytest.mark.parametrize("folder", sorted({p.parent for p in _FILES if p.is_relative_to(_ROOT / "tests")}))
def test_a_folder_of_tests_is_a_package(folder: Path) -> None:
    """A folder without `__init__.py` could shadow the package that it tests."""
    assert (folder / "__init__.py").is_file()


def test_every_test_says_its_behaviour_in_a_sentence() -> None:
    """A test carries a one-sentence docstring."""
    found = [(p, n) for p, n in _definitions(ast.FunctionDef, ast.AsyncFunctionDef) if n.name.startswith("test_")]
    assert not [f"{_name(p)}:{n.name}" for p, n in found if not (ast.get_docstring(n) or "").endswith(".")]

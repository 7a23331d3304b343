"""Writes the files of a new strategy: all of them or none, and never over another."""

from __future__ import annotations

import keyword
import re
import tomllib
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from string import Template as Text
from typing import Final

from cluster.scaffolds.templates import TEMPLATES, Template
from market.errors import ConfigError
from strategies.catalogue import CATALOGUE

__all__ = ["NewStrategy", "begun_strategy"]

_FOLDER: Final = Path(__file__).parent
_NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStrategy:
    """Files that were written.

    Parameters
    ----------
    strategy, test, config : pathlib.Path
        The class, its tests, and a configuration that runs it.
    """

    strategy: Path
    test: Path
    config: Path


def begun_strategy(name: str, template: str, into: Path | None = None) -> NewStrategy:
    """Write a strategy that runs, its tests and its configuration.

    Parameters
    ----------
    name : str
        Name of module and strategy, in small letters and underscores.
    template : str
        Name of `cluster.scaffolds.templates.TEMPLATES`.
    into : pathlib.Path, optional
        Folder of all three files. Without it: in a checkout of Hedgefield ``examples/``, with the tests under
        ``tests/examples/``; elsewhere the folder that one stands in.

    Returns
    -------
    NewStrategy
        Where they stand.

    Raises
    ------
    ConfigError
        The name cannot be one, there is no such template, or a file stands there already; nothing was written.
    """
    chosen = _template(template)
    _require_name(name)
    places, tests_root = _places(name, into)
    texts = _texts(name, chosen, places)
    taken = [str(path) for path in texts if path.exists()]
    if taken:
        raise ConfigError(
            "a new strategy overwrites nothing",
            found=", ".join(taken),
            expected="no such file",
            action="choose another name, or move it away",
        )
    _write(texts, tests_root)
    return places


def _template(wanted: str) -> Template:
    found = TEMPLATES.get(wanted)
    if found is None:
        near = get_close_matches(wanted, TEMPLATES, n=1)
        raise ConfigError(
            "there is no template",
            found=wanted,
            expected=f"one of {', '.join(TEMPLATES)}",
            action=f"did you mean {near[0]}?" if near else "",
        )
    return found


def _require_name(name: str) -> None:
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        raise ConfigError(
            "a strategy cannot be called so",
            found=repr(name),
            expected="small letters, digits and _, a letter first, at most 30, no word of Python, such as dip_buyer",
        )
    if name in CATALOGUE:
        raise ConfigError("a strategy of the project has that name", found=name, action="choose another one")
    known = find_spec(name)
    if known is not None:
        # The folder of a configuration comes last on the path, so the file would never be found.
        raise ConfigError(
            "a module of that name is installed", found=str(known.origin or name), action="choose another name"
        )


def _places(name: str, into: Path | None) -> tuple[NewStrategy, Path | None]:
    """Return where the files go, and the folder of tests that must be a package."""
    if into is None and _is_checkout(Path()):
        tests = Path("tests", "examples")
        made = NewStrategy(
            strategy=Path("examples", f"{name}.py"),
            test=tests / f"test_{name}.py",
            config=Path("examples", f"{name}.toml"),
        )
        return made, tests
    folder = into or Path()
    made = NewStrategy(strategy=folder / f"{name}.py", test=folder / f"test_{name}.py", config=folder / f"{name}.toml")
    return made, None


def _is_checkout(folder: Path) -> bool:
    try:
        told = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return False
    project = told.get("project")
    return isinstance(project, dict) and project.get("name") == "hedgefield"


def _texts(name: str, template: Template, places: NewStrategy) -> dict[Path, str]:
    together = places.test.parent == places.config.parent
    values = {
        "name": name,
        "class": "".join(part.capitalize() for part in name.split("_")),
        "config": places.config.as_posix(),
        "config_path": (
            f'Path(__file__).with_name("{name}.toml")'
            if together
            else f'Path(__file__).resolve().parents[2] / "examples" / "{name}.toml"'
        ),
        "needs": template.needs,
        "parameters": "".join(f", {key} = {value}" for key, value in template.parameters),
        "impossible": "[" + ", ".join(f'("{key}", {value!r})' for key, value in template.impossible) + "]",
        "n_days": str(template.n_days),
        "step_min": str(template.step_min),
        "days": "day" if template.n_days == 1 else f"{template.n_days} days",
    }
    files = {places.strategy: template.strategy, places.test: "test.py.txt", places.config: template.config}
    return {
        path: Text((_FOLDER / source).read_text(encoding="utf-8")).substitute(values) for path, source in files.items()
    }


def _write(texts: dict[Path, str], tests: Path | None) -> None:
    written: list[Path] = []
    if tests is not None and not (tests / "__init__.py").exists():
        texts = {tests / "__init__.py": '"""Tests of the examples."""\n', **texts}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                written.append(path)
                file.write(text)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        raise ConfigError(
            "the files of the strategy cannot be written",
            found=f"{error.filename}: {error.strerror}",
            expected="a folder that may be written to",
            action="nothing was left behind; choose another folder with --into",
        ) from error

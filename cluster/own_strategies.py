"""A strategy that a user wrote: a class in a file beside the configuration, found by ``module:Class``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from difflib import get_close_matches
from hashlib import sha256
from importlib import import_module, invalidate_caches
from pathlib import Path
from types import ModuleType
from typing import cast

from market.errors import ConfigError
from strategies.views import Strategy

__all__ = ["carry_by_value", "digest_of_module", "module_files", "own_strategy"]


def own_strategy(wanted: str, folder: Path) -> Callable[..., Strategy]:
    """Import the class of a user's strategy. The file runs with the rights of whoever starts the run.

    Parameters
    ----------
    wanted : str
        ``module:Class``, or ``package.module:Class``.
    folder : pathlib.Path
        Where the file stands: the folder of the configuration. What is installed is found too.

    Returns
    -------
    class
        A frozen dataclass with a `name` and a method ``decide(view)``.

    Raises
    ------
    ConfigError
        There is no such file or class, its import raises, or the class is no strategy.
    """
    place, _, name = wanted.partition(":")
    module = _imported(place, folder)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        known = [key for key, value in vars(module).items() if isinstance(value, type) and value.__module__ == place]
        near = get_close_matches(name, known, n=1)
        raise ConfigError(
            f"{module.__file__} has no class {name}",
            found=", ".join(sorted(known)) or "no class",
            expected=f"{near[0]}?" if near else name,
        )
    _require_strategy(wanted, found)
    return cast("Callable[..., Strategy]", found)


def _imported(place: str, folder: Path) -> ModuleType:
    stands = _file_of(place, folder)
    if str(folder.resolve()) not in sys.path:
        sys.path.append(str(folder.resolve()))  # behind all else: a file of a user never hides a library
    invalidate_caches()
    try:
        module = import_module(place)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{place}.".startswith(f"{error.name}."):
            raise _failed(place, error) from error
        others = ", ".join(sorted(path.name for path in folder.glob("*.py"))) or "no file of Python"
        raise ConfigError(
            f"there is no module {place}",
            found=f"{others} in {folder}",
            expected=f"{place.replace('.', '/')}.py beside the configuration",
        ) from error
    except Exception as error:
        raise _failed(place, error) from error
    if stands is not None and module.__file__ is not None and Path(module.__file__).resolve() != stands.resolve():
        raise ConfigError(
            f"the name {place} belongs to another module",
            found=module.__file__,
            expected=str(stands),
            action="give the file another name",
        )
    return module


def _failed(place: str, error: BaseException) -> ConfigError:
    frame, line = error.__traceback__, ""
    while frame is not None:  # the last line of it is where it raised
        line = f", {Path(frame.tb_frame.f_code.co_filename).name} line {frame.tb_lineno}"
        frame = frame.tb_next
    if isinstance(error, SyntaxError):
        line = f", line {error.lineno}"
    return ConfigError(f"the import of {place} raised", found=f"{type(error).__name__}: {error}{line}")


def _require_strategy(wanted: str, found: type) -> None:
    frozen = is_dataclass(found) and found.__dataclass_params__.frozen  # type: ignore[attr-defined]  # no stub tells
    named = is_dataclass(found) and "name" in found.__dataclass_fields__
    for holds, what in (
        (frozen, "a frozen dataclass: it remembers nothing"),
        (named, "a field name: str, which tells strategies of one account apart"),
        (callable(getattr(found, "decide", None)), "a method decide(self, view) -> Decision"),
    ):
        if not holds:
            raise ConfigError(f"{wanted} is no strategy", expected=what, action="see docs/guides/own-strategy.md")


def digest_of_module(wanted: str, folder: Path) -> str:
    """Return a digest of what a user's strategy is made of: its file, and files of the folder that it imports.

    Parameters
    ----------
    wanted : str
        As `own_strategy` takes it.
    folder : pathlib.Path
        As there.

    Returns
    -------
    str
        SHA-256 of names and contents; of an installed module its file alone.
    """
    place = wanted.partition(":")[0]
    files: dict[str, bytes] = {}
    _gather(place, folder, files)
    if not files:
        path = sys.modules[place].__file__
        files[place] = Path(path).read_bytes() if path else b""
    found = sha256()
    for name in sorted(files):
        found.update(f"{name}\n{len(files[name])}\n".encode() + files[name])
    return found.hexdigest()


def module_files(wanted: str, folder: Path) -> tuple[str, ...]:
    """Return the files that a user's strategy is made of, as far as they stand in the folder.

    Parameters
    ----------
    wanted : str
        As `own_strategy` takes it.
    folder : pathlib.Path
        As there.

    Returns
    -------
    tuple of str
        Paths relative to the folder, sorted; empty for an installed module.
    """
    files: dict[str, bytes] = {}
    _gather(wanted.partition(":")[0], folder, files)
    found = (_file_of(name, folder) for name in files)
    return tuple(sorted(path.relative_to(folder).as_posix() for path in found if path is not None))


def carry_by_value(wanted: str, folder: Path) -> None:
    """Let Ray carry the code of a user's strategy to its workers, whose machines may not have the file.

    Parameters
    ----------
    wanted : str
        As `own_strategy` took it; a name of the catalogue carries nothing.
    folder : pathlib.Path
        As there. What is installed is not carried: it is installed on the other machines too.
    """
    from ray import cloudpickle

    place, is_own, _ = wanted.partition(":")
    files: dict[str, bytes] = {}
    if is_own:
        _gather(place, folder, files)
    for name in files:
        if name in sys.modules:
            cloudpickle.register_pickle_by_value(sys.modules[name])  # type: ignore[no-untyped-call]


def _gather(place: str, folder: Path, files: dict[str, bytes]) -> None:
    """Add a module, the packages around it, and what they import, as far as it stands in the folder."""
    parts = place.split(".")
    for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
        path = _file_of(name, folder)
        if path is None or name in files:
            continue
        files[name] = path.read_bytes()
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        for node in ast.walk(ast.parse(files[name])):
            for wanted in _imports_of(node, package):
                _gather(wanted, folder, files)


def _imports_of(node: ast.AST, package: str) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
    start = ".".join(filter(None, (*above, node.module)))
    return [start, *(f"{start}.{alias.name}" if start else alias.name for alias in node.names)]


def _file_of(place: str, folder: Path) -> Path | None:
    base = folder.joinpath(*place.split("."))
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

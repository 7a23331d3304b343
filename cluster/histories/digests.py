"""Digests of what a run has read, and of the code that computed what it found."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

from adapters.chains.source import foreign_errors

__all__ = ["digest_of_code", "digest_of_files"]


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of some files' bytes.

    Parameters
    ----------
    paths : iterable of Path
        Files, in any order.

    Returns
    -------
    str
        Of one file that of its bytes; of several that of their digests in alphabetical order, so that neither their
        order nor their names count.
    """
    found = sorted(_of_file(path) for path in set(paths))
    return found[0] if len(found) == 1 else hashlib.sha256("".join(found).encode()).hexdigest()


@lru_cache(maxsize=16)
def digest_of_code(packages: tuple[str, ...], libraries: tuple[str, ...]) -> str:
    """Return the version of some code.

    Parameters
    ----------
    packages : tuple of str
        Packages of this project.
    libraries : tuple of str
        Distributions below them: another release may round otherwise.

    Returns
    -------
    str
        SHA-256 of the sources and of the releases. A version number that somebody must remember to raise would one day
        keep results of older code alive.
    """
    found = hashlib.sha256()
    for name in packages:
        root = Path(str(import_module(name).__file__)).parent
        for path in sorted(root.rglob("*.py")):
            found.update(f"{name}/{path.relative_to(root).as_posix()}\n".encode())
            found.update(path.read_bytes())
    for library in libraries:
        found.update(f"{library}=={version(library)}\n".encode())
    return found.hexdigest()


def _of_file(path: Path) -> str:
    with foreign_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

"""Digests of what a run has read."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from adapters.chains.source import foreign_errors

__all__ = ["digest_of_files"]


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


def _of_file(path: Path) -> str:
    with foreign_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

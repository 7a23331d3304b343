"""What option chains lie in a folder, and why a file is not one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from adapters.chains import ChainSource, open_source
from adapters.chains.source import foreign_errors
from market.errors import DataError

__all__ = ["FileSummary", "files_below", "list_chain_files"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSummary:
    """One file of a listing.

    Parameters
    ----------
    path : Path
        Where it lies.
    format : str
        Vendor and layout; empty where it cannot be read.
    symbols : tuple of str
        Underlyings, in alphabetical order.
    n_snapshots : int
        Chains in it.
    first_session, last_session : datetime.date or None
        Trading sessions of the first and last chain.
    n_contracts : int
        Contracts of all chains together, readable or not.
    simulated : bool
        Whether any of its chains comes from a simulation.
    problem : str
        Why it cannot be read; empty where it can.
    """

    path: Path
    format: str = ""
    symbols: tuple[str, ...] = ()
    n_snapshots: int = 0
    first_session: date | None = None
    last_session: date | None = None
    n_contracts: int = 0
    simulated: bool = False
    problem: str = ""


def files_below(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return files, and all files below folders, each once, in order of the path within each name that was given.

    Parameters
    ----------
    paths : iterable of Path
        Files and folders; hidden files below a folder are passed over.

    Returns
    -------
    tuple of Path
        Not empty.

    Raises
    ------
    DataError
        A path leads nowhere, or there is no file.
    """
    found: dict[Path, None] = {}
    given = tuple(paths)
    for path in given:
        with foreign_errors(path):
            path.lstat()
            found |= dict.fromkeys(sorted(_visible(path)) if path.is_dir() else [path])
    if not found:
        raise DataError(
            "the folder holds no files",
            path=", ".join(str(path) for path in given),
            found="an empty folder",
            expected="one file or more",
            action="name another folder",
        )
    return tuple(found)


def _visible(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = any(part.startswith(".") for part in file.relative_to(folder).parts)
        if not hidden and not file.is_dir():
            yield file


def list_chain_files(path: Path) -> Iterator[FileSummary]:
    """Describe a file, or all files below a folder, without reading the chains of Parquet files.

    Parameters
    ----------
    path : Path
        A file or a folder.

    Yields
    ------
    FileSummary
        One per file, in order of the path; hidden files are passed over.
    """
    with foreign_errors(path):
        files = files_below([path]) if path.is_dir() else (path,)
    yield from map(_summary, files)


def _summary(path: Path) -> FileSummary:
    try:
        return _described(open_source(path))
    except DataError as error:
        return FileSummary(path=path, problem=str(error).removeprefix(f"{path}: "))


def _described(source: ChainSource) -> FileSummary:
    snapshots = source.snapshots
    sessions = [key.session for key in snapshots]
    return FileSummary(
        path=source.path,
        format=source.format,
        symbols=tuple(sorted({key.symbol for key in snapshots})),
        n_snapshots=len(snapshots),
        first_session=min(sessions, default=None),
        last_session=max(sessions, default=None),
        n_contracts=sum(key.n_contracts for key in snapshots),
        simulated=any(key.simulated for key in snapshots),
    )

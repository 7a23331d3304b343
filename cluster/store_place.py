"""Which store a command means, and whether it can be read or written, before any work is done."""

from __future__ import annotations

import atexit
import re
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from market.errors import DataError, VenueError

if TYPE_CHECKING:
    from adapters.store import PointInTimeStore

__all__ = [
    "is_absent",
    "is_writable",
    "opened_store",
    "place_of_store",
    "require_writable",
    "scratch_place",
    "shown_place",
]


def place_of_store(given: str | None) -> str:
    """Return the folder or address of the store: the one that is given, else that of the settings.

    Parameters
    ----------
    given : str or None
        As the user named it.

    Returns
    -------
    str
        It may hold a key: show it with `shown_place`.
    """
    if given:
        return given
    from cluster.settings import load_settings

    return load_settings().store_url()


def shown_place(place: str) -> str:
    """Return a folder or address without the key that may stand in it."""
    if "://" not in place:
        return str(Path(place).expanduser())
    return re.sub(r"//[^/@]*@", "//...@", place.split("?", maxsplit=1)[0])


def is_absent(place: str) -> bool:
    """Return whether a local folder is named that is not there."""
    return "://" not in place and not Path(place).expanduser().is_dir()


def scratch_place() -> str:
    """Return an empty folder that goes with the process: a store for what is not to be kept."""
    folder = tempfile.mkdtemp(prefix="hedgefield-store-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def opened_store(place: str, *, must_exist: bool) -> PointInTimeStore:
    """Open a store.

    Parameters
    ----------
    place : str
        Folder or address.
    must_exist : bool
        Whether it is an error where nothing lies there; otherwise a local folder is made.

    Returns
    -------
    PointInTimeStore
        Nothing is read of it yet.

    Raises
    ------
    DataError
        There is no such store.
    """
    if must_exist and is_absent(place):
        raise DataError(
            "there is no store",
            path=shown_place(place),
            found="a file" if Path(place).expanduser().exists() else "nothing at this path",
            expected="the folder of a store",
            action="name it with --store, or import data first",
        )
    from adapters.store import open_store

    return open_store(place)


def require_writable(store: PointInTimeStore, place: str) -> None:
    """Refuse a store into which nothing can be written, before hours of work end at its door.

    Parameters
    ----------
    store : PointInTimeStore
        The store.
    place : str
        Folder or address, for the error.

    Raises
    ------
    VenueError
        It cannot be written.
    """
    from adapters.store.files import LocalFiles

    if not isinstance(store.files, LocalFiles):
        return  # an object store tells only when it is asked to write
    try:
        aside = store.files.scratch()
        aside.write_bytes(b"")
        aside.unlink()
    except OSError as error:
        raise VenueError(
            f"the store {shown_place(place)} cannot be written",
            retryable=False,
            found=error.strerror or type(error).__name__,
            expected="a folder with the right to write",
            action="change its rights, free its disk, or name another one with --store",
        ) from error


def is_writable(store: PointInTimeStore, place: str) -> bool:
    """Return whether something can be written into a store."""
    try:
        require_writable(store, place)
    except VenueError:
        return False
    return True

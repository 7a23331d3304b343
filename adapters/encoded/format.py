"""The number of the layout in which messages and manifests are written; a reader of another one says so."""

from __future__ import annotations

from typing import Final

from market.errors import DataError

__all__ = ["FORMAT", "other_format"]

FORMAT: Final = 1
"""Raised with each change after which a file can no longer be read by the code before, or the other way round."""


def other_format(path: str, found: int) -> DataError:
    """Return the error of a file that another release has written.

    Parameters
    ----------
    path : str
        The file.
    found : int
        Its number; 0 of files from before there was one.

    Returns
    -------
    DataError
        Says which way out there is.
    """
    newer = found > FORMAT
    return DataError(
        f"the file was written by {'a newer' if newer else 'an older'} release",
        path=path,
        found=f"format {found}",
        expected=f"format {FORMAT}",
        action="install the newer release" if newer else "import or download the sources again into a new folder",
    )

"""The folder of a run: each file is written whole or not at all, and an unfinished folder says so."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from market.errors import ConfigError, DataError

__all__ = ["INCOMPLETE", "RunFolder"]

INCOMPLETE: Final = "INCOMPLETE"
"""Name of the file that stands in a folder from its beginning until everything in it is written."""

_MARK: Final = (
    "This run has not ended, or was killed before its files were written.\n"
    "What lies here may be missing parts; do not rely on it. Run it again.\n"
)


@final
class RunFolder:
    """A folder that is being written.

    Parameters
    ----------
    path : pathlib.Path
        The folder; `begin` makes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digests: dict[str, str] = {}
        """SHA-256 of each file that was written, by its name in the folder."""

    def begin(self) -> None:
        """Make the folder and mark it as incomplete.

        Raises
        ------
        ConfigError
            Something stands there already, another run has just begun there, or the folder cannot be made.
        """
        try:
            is_free = not self.path.is_dir() or not any(self.path.iterdir())
            if is_free:
                self.path.mkdir(parents=True, exist_ok=True)
                with (self.path / INCOMPLETE).open("xb") as file:  # of two runs at once only one makes it
                    file.write(_MARK.encode())
        except FileExistsError as error:
            if not self.path.is_dir():
                raise self._unwritable(error) from error
            is_free = False
        except OSError as error:
            raise self._unwritable(error) from error
        if not is_free:
            raise ConfigError(
                "the run folder is not empty",
                found=str(self.path),
                expected="a new or an empty folder: an earlier run is never overwritten",
                action="name another one with --out, or remove it",
            )

    def _unwritable(self, error: OSError) -> ConfigError:
        return ConfigError(
            "the run folder cannot be written",
            found=f"{self.path}: {error.strerror or error}",
            action="name a folder that may be written with --out",
        )

    def reopen(self) -> None:
        """Mark the folder as incomplete while its reports are written anew, or raise DataError."""
        self.put(INCOMPLETE, _MARK.encode())
        del self.digests[INCOMPLETE]

    def put(self, name: str, content: bytes) -> Path:
        """Write a file so that it is there as a whole or not at all, also after a power cut.

        Parameters
        ----------
        name : str
            Name, with the folders below the run's own.
        content : bytes
            All of it.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        DataError
            The disk is full, or the folder may not be written; the mark of the folder stays.
        """
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside = path.with_name(f".{path.name}.part")
            with aside.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError as error:
            raise DataError(
                "a file of the run cannot be written",
                path=str(path),
                found=error.strerror or str(error),
                action="free its disk, or name another folder, and run it again",
            ) from error
        self.digests[name] = sha256(content).hexdigest()
        return path

    def complete(self) -> None:
        """Take the mark away: every file is written."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(descriptor)  # the names of the files before the mark goes
        finally:
            os.close(descriptor)
        (self.path / INCOMPLETE).unlink(missing_ok=True)

    def require_complete(self) -> None:
        """Refuse a folder that is none of a finished run.

        Raises
        ------
        DataError
            There is no such folder, or its run did not end.
        """
        if not self.path.is_dir():
            raise DataError("there is no run folder", path=str(self.path), action="name the folder of a run")
        if (self.path / INCOMPLETE).exists():
            raise DataError(
                "the run did not end, or was killed while its files were written",
                path=str(self.path),
                found=f"the mark {INCOMPLETE}",
                action="run it again",
            )

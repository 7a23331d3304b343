"""A name that one process holds at a time, in the database that others could write to; a kill sets it free."""

from __future__ import annotations

import fcntl
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, final

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import failed, make_folder, opened_engine, parsed_url
from market.errors import VenueError

__all__ = ["Claim"]

_KEY_BYTES: Final = 8


@final
class Claim:
    """Holds a name until it is released or its process ends.

    Parameters
    ----------
    url : str
        Database that those who claim names share; SQLite or PostgreSQL. It may hold a password.
    name : str
        What is claimed.
    what : str
        What it is called in an error, such as ``study``.
    waits : bool, optional
        Whether to wait until the name is free; else it is refused while another process holds it.

    Raises
    ------
    VenueError
        Another process holds it and nobody waits, or the place cannot be written.

    Notes
    -----
    PostgreSQL keeps it as an advisory lock of one connection. Beside a SQLite file a lock file is held, in a folder
    named after it; a database in memory is seen by one process alone.
    """

    def __init__(self, url: str, name: str, what: str, *, waits: bool = False) -> None:
        parsed = parsed_url(url, what)
        self._file: IO[bytes] | None = None
        self._connection: Connection | None = None
        if parsed.get_backend_name() == "postgresql":
            is_held = self._hold_connection(url, name, what, waits=waits)
        else:
            is_held = not parsed.database or self._hold_file(Path(f"{parsed.database}.locks"), name, what, waits=waits)
        if not is_held:
            self.release()
            raise VenueError(
                f"another process runs this {what}",
                retryable=True,
                found=name,
                action="wait until it has ended, or take another name",
            )

    def release(self) -> None:
        """Set the name free."""
        if self._file is not None:
            self._file.close()
        if self._connection is not None:
            self._connection.close()
            self._connection.engine.dispose()
        self._file = self._connection = None

    def _hold_file(self, folder: Path, name: str, what: str, *, waits: bool) -> bool:
        make_folder(folder, what)
        path = folder / sha256(name.encode()).hexdigest()[:32]
        try:
            self._file = path.open("ab")
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        except OSError as error:
            raise VenueError(
                f"the {what} cannot be claimed",
                retryable=False,
                found=f"{path}: {error.strerror or error}",
                action="make its folder writable, or name another place",
            ) from error
        return True

    def _hold_connection(self, url: str, name: str, what: str, *, waits: bool) -> bool:
        key = int.from_bytes(sha256(name.encode()).digest()[:_KEY_BYTES], "big", signed=True)
        try:
            self._connection = opened_engine(url, what).connect().execution_options(isolation_level="AUTOCOMMIT")
            if waits:
                self._connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
                return True
            query = text("SELECT pg_try_advisory_lock(:key)")
            return bool(self._connection.execute(query, {"key": key}).scalar_one())
        except SQLAlchemyError as error:
            raise failed(f"the {what} cannot be claimed", error, action="check its URL and its server") from error

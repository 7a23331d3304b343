"""How every store of this package is opened: durable commits, tables made once, and errors that hold no statement."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, insert, make_url, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from market.errors import ConfigError, VenueError

__all__ = [
    "failed",
    "harden",
    "insert_into",
    "make_folder",
    "opened_engine",
    "parsed_url",
    "prepare",
    "sqlite_url",
    "take_turn",
]

_WAIT_MS: Final = 30_000  # a batch of another writer takes milliseconds; a slow disk may take seconds
_OPENING: Final = 0x48454447  # one lock for all that make tables in a database of PostgreSQL


def parsed_url(url: str, what: str) -> URL:
    """Return an address of a database that can be used.

    Parameters
    ----------
    url : str
        SQLAlchemy URL; it may hold a password, so no error repeats it.
    what : str
        Whose address it is, such as ``ledger``.

    Returns
    -------
    sqlalchemy.engine.URL
        Of SQLite or PostgreSQL.

    Raises
    ------
    ConfigError
        It cannot be read, or is of another kind of database.
    """
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise ConfigError(
            f"the {what} URL cannot be read", expected="sqlite:///FILE or postgresql+psycopg://HOST/DB"
        ) from error
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")  # the one that the extra `postgres` installs
    if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
        raise ConfigError(
            f"no {what} for this kind of database", found=parsed.get_backend_name(), expected="sqlite or postgresql"
        )
    return parsed


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file, whatever signs its path has."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def opened_engine(url: str, what: str) -> Engine:
    """Return an engine whose commits are durable when they return.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, such as ``sqlite:////home/me/.hedgefield/ledger.sqlite`` or ``postgresql+psycopg://host/db``.
    what : str
        Whose address it is, such as ``ledger``.

    Returns
    -------
    sqlalchemy.Engine
        The folder of a SQLite file is made; nothing is connected yet.

    Raises
    ------
    ConfigError
        As `parsed_url`; or the driver of PostgreSQL is not installed.
    VenueError
        The folder of a SQLite file cannot be made.
    """
    parsed = parsed_url(url, what)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed, what)
    if parsed.database:
        make_folder(Path(parsed.database).parent, what)
    # One connection per use: threads never share one. In memory that would lose the tables.
    engine = create_engine(parsed, poolclass=NullPool if parsed.database else None)
    harden(engine)
    return engine


def harden(engine: Engine) -> None:
    """Make commits of SQLite durable and its writers patient, on every connection from now on; no other is changed."""
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _harden_sqlite)
        engine.dispose()


def _postgresql(parsed: URL, what: str) -> Engine:
    try:
        return create_engine(parsed, pool_pre_ping=True)
    except (ImportError, SQLAlchemyError) as error:
        raise ConfigError(
            f"the {what} cannot use this driver",
            found=parsed.drivername,
            expected="postgresql+psycopg",
            action="install psycopg[binary]",
        ) from error


def make_folder(folder: Path, what: str) -> None:
    """Make the folder of a store where it is missing.

    Parameters
    ----------
    folder : pathlib.Path
        Where.
    what : str
        Whose it is, such as ``ledger``.

    Raises
    ------
    VenueError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise VenueError(
            f"the folder of the {what} cannot be made",
            retryable=False,
            found=f"{folder}: {error.strerror or error}",
            action="free the place, or name another",
        ) from error


def _harden_sqlite(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_WAIT_MS}")
    cursor.execute("PRAGMA journal_mode=WAL")
    # In WAL mode the default does not sync a commit; an acknowledged record could be lost.
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def take_turn(connection: Connection) -> None:
    """Wait until no other program writes, or makes tables, and keep all others waiting until the transaction ends.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Inside a transaction, as its first statement.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _OPENING})
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins only at the first change, which is too late


def prepare(connection: Connection, metadata: MetaData, versions: Table, version: int, what: str) -> None:
    """Create the tables where they are missing, and refuse a store of another version.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Inside a transaction, as its first statement: of several programs that open an empty store at a time one makes
        the tables and the others wait.
    metadata : sqlalchemy.MetaData
        The tables.
    versions : sqlalchemy.Table
        The one with the version.
    version : int
        Of this program.
    what : str
        Whose tables they are, such as ``event log``.

    Raises
    ------
    ConfigError
        The tables are those of another version.
    """
    take_turn(connection)
    metadata.create_all(connection)
    found = connection.execute(select(versions.c.version)).scalars().all()
    if not found:
        connection.execute(insert(versions).values(version=version))
    elif list(found) != [version]:
        newer = max(found) > version
        raise ConfigError(
            f"the {what} has another schema version",
            found=", ".join(map(str, found)),
            expected=str(version),
            action=f"use {'the newer' if newer else 'the'} version of the program that wrote it, or another URL",
        )


def insert_into(engine: Engine, table: Table) -> Any:
    """Return an insert that can say what happens where a row stands already, in the dialect of the engine."""
    return (postgresql if engine.dialect.name == "postgresql" else sqlite).insert(table)


def failed(what: str, error: SQLAlchemyError, *, action: str) -> VenueError:
    """Return the error of a store with the driver's text alone: SQLAlchemy's own carries the statement and its values.

    Parameters
    ----------
    what : str
        What could not be done.
    error : SQLAlchemyError
        Why.
    action : str
        What to do.

    Returns
    -------
    VenueError
        Retryable where the database said no.
    """
    reason = str(error.orig).strip() if isinstance(error, DBAPIError) else type(error).__name__
    return VenueError(what, retryable=isinstance(error, DBAPIError), found=reason, action=action)

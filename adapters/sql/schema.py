"""Tables of the event log, and the version that says which program may write them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    insert,
    select,
)

from market.errors import ConfigError

__all__ = ["EVENTS", "METADATA", "SCHEMA_VERSION", "VERSIONS", "prepare"]

SCHEMA_VERSION: Final = 1
METADATA: Final = MetaData()
VERSIONS: Final = Table("schema_version", METADATA, Column("version", Integer, primary_key=True))
EVENTS: Final = Table(
    "events",
    METADATA,
    # SQLite numbers rows by itself only for a column of type INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("run_id", String(64), nullable=False),
    Column("stream", String(32), nullable=False),
    Column("key", String(64), nullable=False),
    Column("ts_event_ns", BigInteger, nullable=False),
    Column("cause_id", String(256), nullable=False),
    Column("simulated", Boolean, nullable=False),
    Column("payload", Text, nullable=False),
    # A writer that is restarted may bring an event again; the second one is refused by this.
    UniqueConstraint("run_id", "stream", "key", "cause_id", "ts_event_ns", name="one_event_once"),
    Index("events_by_stream", "stream", "key", "id"),
)


def prepare(connection: Connection) -> None:
    """Create the tables where they are missing, and refuse a store of another version.

    Parameters
    ----------
    connection : sqlalchemy.Connection
        Inside a transaction.
    """
    METADATA.create_all(connection)
    found = connection.execute(select(VERSIONS.c.version)).scalars().all()
    if not found:
        connection.execute(insert(VERSIONS).values(version=SCHEMA_VERSION))
    elif list(found) != [SCHEMA_VERSION]:
        raise ConfigError(
            "the event log has another schema version",
            found=", ".join(map(str, found)),
            expected=str(SCHEMA_VERSION),
            action="use the version of the program that wrote it, or another ledger URL",
        )

"""Tables of the event log, and the version that says which program may write them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = ["EVENTS", "METADATA", "SCHEMA_VERSION", "VERSIONS"]

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

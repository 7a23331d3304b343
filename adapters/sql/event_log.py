"""Append-only event log; a record is durable before it is acknowledged."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import msgspec
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from adapters.sql.engine import failed, insert_into, opened_engine, prepare
from adapters.sql.schema import EVENTS, METADATA, SCHEMA_VERSION, VERSIONS
from market.ports import LogRecord, Stream

__all__ = ["SqlEventLog", "SqlLogFactory", "StoredRecord"]

_ACTION: Final = "check the ledger URL and disk"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A record as it stands in the store.

    Parameters
    ----------
    id : int
        Rises with each record.
    run_id : str
        Run that wrote it.
    record : LogRecord
        The event.
    """

    id: int
    run_id: str
    record: LogRecord


@final
class SqlEventLog:
    """Event log in SQLite or PostgreSQL.

    Parameters
    ----------
    url : str
        SQLAlchemy URL, such as ``sqlite:////home/me/.hedgefield/ledger.sqlite`` or ``postgresql+psycopg://host/db``.
    run_id : str
        Identity of the run that writes; the same event may be recorded once per run.
    """

    def __init__(self, url: str, run_id: str) -> None:
        self._run_id = run_id
        self._engine = opened_engine(url, "ledger")
        self._insert = insert_into(self._engine, EVENTS).on_conflict_do_nothing()
        try:
            with self._engine.begin() as connection:
                prepare(connection, METADATA, VERSIONS, SCHEMA_VERSION, "event log")
        except SQLAlchemyError as error:
            raise failed("the event log cannot be opened", error, action=_ACTION) from error

    def append(self, records: Iterable[LogRecord]) -> int:
        """Make records durable in one transaction and return the id of the last one in the store.

        Parameters
        ----------
        records : iterable of LogRecord
            Events; one that this run has recorded before is left out.

        Returns
        -------
        int
            Highest id; 0 in an empty store. When this returns, a power cut loses nothing of it.
        """
        rows = [_row(self._run_id, record) for record in records]
        try:
            with self._engine.begin() as connection:
                if rows:
                    connection.execute(self._insert, rows)
                return int(connection.execute(select(func.coalesce(func.max(EVENTS.c.id), 0))).scalar_one())
        except SQLAlchemyError as error:
            raise failed("events could not be appended", error, action=_ACTION) from error

    def read(self, *, after: int = 0, stream: Stream | None = None, limit: int = 1000) -> Iterator[StoredRecord]:
        """Yield records in the order of their ids.

        Parameters
        ----------
        after : int, optional
            Only those with a higher id.
        stream : Stream, optional
            Only those of one stream.
        limit : int, optional
            At most so many.

        Yields
        ------
        StoredRecord
            One record.
        """
        query = select(EVENTS).where(EVENTS.c.id > after).order_by(EVENTS.c.id).limit(limit)
        if stream is not None:
            query = query.where(EVENTS.c.stream == stream.value)
        with self._engine.connect() as connection:
            for row in connection.execute(query).mappings():
                yield _stored(dict(row))

    def count(self) -> int:
        """Return the number of records in the store."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(EVENTS)).scalar_one())

    def close(self) -> None:
        """Release the store."""
        self._engine.dispose()


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlLogFactory:
    """A picklable recipe for a `SqlEventLog`.

    Parameters
    ----------
    url : str
        See `SqlEventLog`; it may carry a password, so it is left out of the text form.
    run_id : str
        Identity of the run.
    """

    url: str
    run_id: str

    def __call__(self) -> SqlEventLog:
        """Open the log."""
        return SqlEventLog(self.url, self.run_id)

    def __repr__(self) -> str:
        return f"SqlLogFactory(run_id={self.run_id!r})"


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, float):  # a number of NumPy
        return float(value)
    if isinstance(value, str):
        return str(value)
    raise NotImplementedError(f"records carry no {type(value).__name__}")


# JSON has no NaN; the reader gets null, as everywhere at the edges.
_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def _row(run_id: str, record: LogRecord) -> dict[str, object]:
    return {
        "run_id": run_id,
        "stream": record.stream.value,
        "key": record.key,
        "ts_event_ns": record.ts_event_ns,
        "cause_id": record.cause_id,
        "simulated": record.simulated,
        "payload": _encode(record.payload).decode(),
    }


def _stored(row: Mapping[str, Any]) -> StoredRecord:
    record = LogRecord(
        stream=Stream(row["stream"]),
        key=row["key"],
        ts_event_ns=row["ts_event_ns"],
        cause_id=row["cause_id"],
        simulated=row["simulated"],
        payload=json.loads(row["payload"]),
    )
    return StoredRecord(id=row["id"], run_id=row["run_id"], record=record)

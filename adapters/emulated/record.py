"""What an emulated venue was asked, for assertions."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from adapters.emulated.faults import Fault, Where

__all__ = ["Record", "RequestLog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One request, stream connection or message from a client.

    Parameters
    ----------
    where : Where
        `Where.MESSAGE` is one that the client sent on a stream.
    method : str
        HTTP method; empty on a stream.
    path : str
        Path without query.
    query : mapping
        Query parameters.
    headers : mapping
        Headers in lower case; left out of the text form, as they hold keys.
    body : bytes
        Body or message; left out of the text form, as it may hold keys.
    ts_ns : int
        Instant of the venue's virtual clock, ns since the epoch, UTC.
    elapsed_s : float
        Seconds of the machine's monotonic clock since the server started.
    fault : Fault or None
        What went wrong with it on purpose.
    """

    where: Where
    path: str
    ts_ns: int
    elapsed_s: float
    method: str = ""
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    fault: Fault | None = None


@final
class RequestLog:
    """Keeps the newest records; may be read and written from any thread.

    Parameters
    ----------
    keep : int
        How many records are kept, > 0.
    """

    def __init__(self, keep: int = 100_000) -> None:
        self._records: deque[Record] = deque(maxlen=keep)
        self._lock = threading.Lock()

    def add(self, record: Record) -> None:
        """Keep a record."""
        with self._lock:
            self._records.append(record)

    def of(self, path: str = "", where: Where = Where.REQUEST) -> tuple[Record, ...]:
        """Return the records whose path begins so, oldest first."""
        with self._lock:
            return tuple(item for item in self._records if item.where is where and item.path.startswith(path))

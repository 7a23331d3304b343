"""The fault script of an emulated venue: which request or stream message goes wrong, and how."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import final

from market.errors import ConfigError

__all__ = ["Fault", "FaultKind", "FaultScript", "Where"]


class Where(StrEnum):
    """What a fault happens to."""

    REQUEST = "request"  # an HTTP request
    CONNECT = "connect"  # the opening of a stream
    MESSAGE = "message"  # a frame of market data on a stream


class FaultKind(StrEnum):
    """How a venue misbehaves; in brackets where it can."""

    RATE_LIMITED = "rate_limited"  # 429 with Retry-After [request, connect: too many connections]
    SERVER_ERROR = "server_error"  # a 5xx with the venue's error body [request]
    HTML_ERROR = "html_error"  # a 5xx with a page of HTML, as a proxy sends it [request]
    SLOW = "slow"  # the answer comes late [request, message]
    TRUNCATED = "truncated"  # the body ends early, though HTTP calls it complete [request]
    DISCONNECT = "disconnect"  # the connection is reset [request, connect, message: after half of the records]
    REVOKED_KEY = "revoked_key"  # the key is not known any more [request, connect]
    STALE = "stale"  # what was true some time ago is told [request, message: the frame before comes again instead]
    WRONG_CLOCK = "wrong_clock"  # the venue tells a wrong time of day [request]
    DUPLICATE = "duplicate"  # every record comes twice [message]
    OUT_OF_ORDER = "out_of_order"  # the records come in reverse [message]
    MUTE = "mute"  # the frame is never sent, the connection lives [message]


_PLACES = {
    FaultKind.RATE_LIMITED: {Where.REQUEST, Where.CONNECT},
    FaultKind.SERVER_ERROR: {Where.REQUEST},
    FaultKind.HTML_ERROR: {Where.REQUEST},
    FaultKind.SLOW: {Where.REQUEST, Where.MESSAGE},
    FaultKind.TRUNCATED: {Where.REQUEST},
    FaultKind.DISCONNECT: {Where.REQUEST, Where.CONNECT, Where.MESSAGE},
    FaultKind.REVOKED_KEY: {Where.REQUEST, Where.CONNECT},
    FaultKind.STALE: {Where.REQUEST, Where.MESSAGE},
    FaultKind.WRONG_CLOCK: {Where.REQUEST},
    FaultKind.DUPLICATE: {Where.MESSAGE},
    FaultKind.OUT_OF_ORDER: {Where.MESSAGE},
    FaultKind.MUTE: {Where.MESSAGE},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One line of a fault script.

    Parameters
    ----------
    kind : FaultKind
        What goes wrong.
    where : Where
        What it happens to.
    path : str
        Which paths it concerns, as a shell pattern such as ``/v2/stocks/*``.
    first : int
        The first of the matching requests or messages that it concerns, counted from 1 since the line was added.
    times : int
        How many it concerns; 0 for all from the first on.
    status : int
        HTTP status of a `FaultKind.SERVER_ERROR` or `FaultKind.HTML_ERROR`.
    delay_s : float
        ``Retry-After`` of a `FaultKind.RATE_LIMITED`, or how late a `FaultKind.SLOW` answer comes, seconds.
    shift_ns : int
        How far a `FaultKind.WRONG_CLOCK` is ahead, or how old a `FaultKind.STALE` answer is.
    """

    kind: FaultKind
    where: Where = Where.REQUEST
    path: str = "*"
    first: int = 1
    times: int = 1
    status: int = 503
    delay_s: float = 0.05
    shift_ns: int = 60_000_000_000

    def __post_init__(self) -> None:
        if self.where not in _PLACES[self.kind]:
            places = ", ".join(sorted(_PLACES[self.kind]))
            raise ConfigError(f"a fault {self.kind.value} cannot happen there", found=self.where, expected=places)
        if self.first < 1 or self.times < 0 or not self.delay_s >= 0.0:
            raise ConfigError("a fault cannot happen then", expected="first >= 1, times >= 0, delay_s >= 0")


@final
class FaultScript:
    """Decides, one request or message at a time, what goes wrong; may be used from any thread.

    Parameters
    ----------
    faults : iterable of Fault
        The lines; of several that concern one request the first decides.
    """

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._lock = threading.Lock()
        self._lines: list[tuple[Fault, list[int]]] = [(fault, [0]) for fault in faults]
        self._fired: Counter[FaultKind] = Counter()

    def add(self, *faults: Fault) -> None:
        """Append lines; their counts begin now."""
        with self._lock:
            self._lines.extend((fault, [0]) for fault in faults)

    def clear(self) -> None:
        """Take all lines away; what has happened stays counted."""
        with self._lock:
            self._lines.clear()

    def fired(self, kind: FaultKind) -> int:
        """Return how often a kind of fault has happened."""
        with self._lock:
            return self._fired[kind]

    def due(self, where: Where, path: str) -> Fault | None:
        """Return what goes wrong with the next request, connection or message of a path, or None; it is counted."""
        chosen: Fault | None = None
        with self._lock:
            for fault, seen in self._lines:
                if fault.where is not where or not fnmatchcase(path, fault.path):
                    continue
                seen[0] += 1
                in_turn = seen[0] >= fault.first and (not fault.times or seen[0] < fault.first + fault.times)
                if chosen is None and in_turn:
                    chosen = fault
            if chosen is not None:
                self._fired[chosen.kind] += 1
        return chosen

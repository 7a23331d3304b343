"""Frames of the vendor's streams, read at once into columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

__all__ = ["Bar", "Frame", "Quote", "Status", "Trade", "read_frame"]


class Trade(msgspec.Struct, tag_field="ev", tag="T", gc=False):
    """A print; `t` in milliseconds."""

    sym: str
    t: int
    p: float
    s: float
    q: int = -1
    x: int = -1
    c: list[int] | None = None


class Quote(msgspec.Struct, tag_field="ev", tag="Q", gc=False):
    """A best quote; `t` in milliseconds, a side that is not there is absent or 0."""

    sym: str
    t: int
    bp: float = 0.0
    ap: float = 0.0
    bs: float = 0.0
    as_: float = msgspec.field(name="as", default=0.0)


class Bar(msgspec.Struct, tag_field="ev", tag="AM", gc=False):
    """A minute; `s` and `e` are its start and end in milliseconds."""

    sym: str
    s: int
    e: int
    o: float
    h: float
    l: float
    c: float
    v: float
    vw: float = float("nan")


class Status(msgspec.Struct, tag_field="ev", tag="status", gc=False):
    """What the vendor says of the connection."""

    status: str
    message: str = ""


_Record = Trade | Quote | Bar | Status
_whole: Final = msgspec.json.Decoder(list[_Record])
_each: Final = msgspec.json.Decoder(list[msgspec.Raw])
_one: Final = msgspec.json.Decoder(_Record)


@dataclass(slots=True)
class Frame:
    """The records of a frame by kind, and how many of them could not be read."""

    trades: list[Trade] = field(default_factory=list)
    quotes: list[Quote] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    rejected: int = 0


def read_frame(data: str | bytes) -> Frame:
    """Return the records of a frame.

    Parameters
    ----------
    data : str or bytes
        JSON as it came.

    Returns
    -------
    Frame
        A record that cannot be read is counted; its neighbours stand. DataError never: a frame that is no list at all
        raises `ValueError`, as a connection that is broken does.
    """
    try:
        return _sorted(_whole.decode(data))
    except msgspec.ValidationError:
        return _picked(data)


def _picked(data: str | bytes) -> Frame:
    found: list[_Record] = []
    rejected = 0
    for raw in _each.decode(data):
        try:
            found.append(_one.decode(raw))
        except msgspec.ValidationError:
            rejected += 1
    frame = _sorted(found)
    frame.rejected = rejected
    return frame


def _sorted(records: Iterable[_Record]) -> Frame:
    frame = Frame()
    for record in records:
        match record:
            case Trade():
                frame.trades.append(record)
            case Quote():
                frame.quotes.append(record)
            case Bar():
                frame.bars.append(record)
            case _:
                frame.statuses.append(record)
    return frame

"""Venues as real local servers for the unmodified vendor clients: a virtual clock, any feed, and a fault script."""

from adapters.emulated.clock import VirtualClock
from adapters.emulated.faults import Fault, FaultKind, FaultScript, Where
from adapters.emulated.market import Bars, EmulatedMarket
from adapters.emulated.record import Record, RequestLog
from adapters.emulated.server import Desk, EmulatedServer, FrontEnd, View, view_of
from adapters.emulated.streams import ClientMessage, StreamHub, StreamSession

__all__ = [
    "Bars",
    "ClientMessage",
    "Desk",
    "EmulatedMarket",
    "EmulatedServer",
    "Fault",
    "FaultKind",
    "FaultScript",
    "FrontEnd",
    "Record",
    "RequestLog",
    "StreamHub",
    "StreamSession",
    "View",
    "VirtualClock",
    "Where",
    "view_of",
]

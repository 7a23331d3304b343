"""The options of ``hedgefield up``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from cluster.feed_kind import FeedKind

__all__ = [
    "AddressOption",
    "AsJsonOption",
    "ConfigOption",
    "FaultOption",
    "FeedOption",
    "FirstOption",
    "HostOption",
    "InputsOption",
    "IntervalOption",
    "LastOption",
    "LightOption",
    "LoopOption",
    "OnceOption",
    "PathOption",
    "PortOption",
    "ProtocolOption",
    "RecordOption",
    "RegularHoursOption",
    "ScenarioOption",
    "ShardsOption",
    "SpeedOption",
    "StoreOption",
    "SymbolOption",
    "TicksOption",
    "VenueOption",
]

FeedOption = Annotated[
    FeedKind | None, typer.Option(help="Simulated market (default), recorded files, the store, or a venue.")
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(help="Configuration of a backtest, such as the winner of a sweep; its readings are taken over."),
]
VenueOption = Annotated[
    str | None, typer.Option(help="A vendor, an exchange as ccxt names it, or `emulated`: one on this machine.")
]
SymbolOption = Annotated[list[str] | None, typer.Option(help="Underlying of the venue or store; may be repeated.")]
StoreOption = Annotated[str | None, typer.Option(help="Folder or address of the store that is played, or read from.")]
FirstOption = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day of the store.")]
LastOption = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day of the store.")]
RecordOption = Annotated[str | None, typer.Option(help="Record what is fed into the store at this folder or address.")]
InputsOption = Annotated[
    list[Path] | None, typer.Option(help="File of rates, indices, events, news or bars; may be repeated.")
]
ProtocolOption = Annotated[str | None, typer.Option(help="Whose protocol an emulated venue speaks.")]
FaultOption = Annotated[
    list[str] | None,
    typer.Option(help="What an emulated venue does wrong: KIND[.WHERE][:PATH]\\[@TURN] or a TOML file; repeatable."),
]
ScenarioOption = Annotated[
    str | None,
    typer.Option(help="Simulated market: demo, calm, feb-2018, mar-2020, flash-crash, same-day-squeeze."),
]
PathOption = Annotated[list[Path] | None, typer.Option(help="Recorded chains to replay; may be repeated.")]
TicksOption = Annotated[
    list[Path] | None, typer.Option(help="Recorded trades, quotes or open interest to replay; may be repeated.")
]
RegularHoursOption = Annotated[
    bool, typer.Option("--regular-hours", help="Of recorded ticks only those of the regular session.")
]
IntervalOption = Annotated[
    float | None, typer.Option(min=0.0, help="Seconds between batches (default 1; of a venue 0.1).")
]
SpeedOption = Annotated[float | None, typer.Option(min=0.001, help="Recorded or simulated seconds per second.")]
LoopOption = Annotated[bool, typer.Option("--loop", help="Begin a replay again at its end.")]
LightOption = Annotated[int | None, typer.Option(min=1, help="Simulate so many small symbols instead.")]
PortOption = Annotated[int | None, typer.Option(min=1, max=65535, help="HTTP port; else 8000 or the next free one.")]
HostOption = Annotated[
    str | None, typer.Option(help="Interface; other than 127.0.0.1 lets other machines in (with the token).")
]
AddressOption = Annotated[str | None, typer.Option(help="Join the Ray cluster at this address.")]
ShardsOption = Annotated[int | None, typer.Option(min=1, max=64, help="Symbol shards; else one per core.")]
OnceOption = Annotated[bool, typer.Option("--once", help="Stop after one complete set of fields.")]
AsJsonOption = Annotated[bool, typer.Option("--json", help="With --once: print one JSON summary.")]

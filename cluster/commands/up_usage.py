"""From the command line of ``hedgefield up`` to settings, and what cannot be meant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import typer

from cluster.feed_kind import FeedKind

__all__ = ["check_usage", "overrides"]

Given = Mapping[str, Any]
"""The options by name, as they were given."""


def check_usage(given: Given) -> None:
    """Refuse options that do not go together.

    Parameters
    ----------
    given : mapping
        The options; ``typer.BadParameter`` says what does not fit.
    """
    kind, files = _kind(given), [*(given["path"] or ()), *(given["ticks"] or ())]
    refused = {
        "the simulated market reads no files; use `--feed replay` with --path or --ticks": (
            kind is FeedKind.SIMULATED and files
        ),
        "a venue reads no files; leave --path and --ticks out": kind is FeedKind.VENUE and files,
        "the store is played without --path and --ticks": kind is FeedKind.STORE and files,
        "--venue goes with `--feed venue`, which it implies": given["venue"] and kind is not FeedKind.VENUE,
        "--from and --to go with `--feed store`": (given["first"] or given["last"]) and kind is not FeedKind.STORE,
        "--symbol goes with --venue, or with `--feed store`; --light N simulates small ones": (
            given["symbol"] and kind in {FeedKind.SIMULATED, FeedKind.REPLAY}
        ),
        "--speed and --interval exclude each other": given["speed"] is not None and given["interval"] is not None,
        "--json goes with --once": given["as_json"] and not given["once"],
    }
    for reason, is_so in refused.items():
        if is_so:
            raise typer.BadParameter(reason)


def overrides(given: Given) -> dict[str, Any]:
    """Return the settings that the command line names; None where it says nothing."""
    kind, symbols, faults = _kind(given), _tuple(given["symbol"]), given["fault"]
    is_stored, is_live = kind is FeedKind.STORE, kind is FeedKind.VENUE
    feed = {
        "kind": kind,
        "interval_s": None if is_live else given["interval"],
        "paths": _whole(given["path"]),
        "ticks": _whole(given["ticks"]),
        "regular_hours": given["regular_hours"] or None,
        "loop": given["loop"] or None,
        "light_symbols": given["light"],
        "symbols": symbols if is_stored else None,
        "first": _day(given["first"]),
        "last": _day(given["last"]),
        **{name: given[name] for name in ("scenario", "speed")},
    }
    return {
        "feed": feed,
        "venue": {
            "name": given["venue"],
            "symbols": None if is_stored else symbols,
            "interval_s": given["interval"] if is_live else None,
        },
        "emulated": {"protocol": given["protocol"], "faults": _tuple(map(_whole_path, faults or ()))},
        "inputs": {"files": _whole(given["inputs"])},
        "store": {"url": given["store"], "record": given["record"]},
        "http": {name: given[name] for name in ("host", "port")},
        "cluster": {name: given[name] for name in ("address", "shards")},
    }


def _kind(given: Given) -> FeedKind | None:
    if given["feed"] is not None:
        kind: FeedKind = given["feed"]
        return kind
    return FeedKind.VENUE if given["venue"] else FeedKind.REPLAY if given["path"] or given["ticks"] else None


def _tuple(values: Any) -> tuple[Any, ...] | None:
    return tuple(values or ()) or None


def _whole(files: list[Path] | None) -> tuple[Path, ...] | None:
    return _tuple(file.resolve() for file in files or ())


def _whole_path(fault: str) -> str:
    return str(Path(fault).resolve()) if fault.endswith(".toml") else fault


def _day(given: datetime | None) -> Any:
    return None if given is None else given.date()

"""``hedgefield up``: start everything on this machine, or on a cluster, and stop it cleanly."""

from __future__ import annotations

import math
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from cluster.commands.up_options import (
    AddressOption,
    AsJsonOption,
    ConfigOption,
    FaultOption,
    FeedOption,
    FirstOption,
    HostOption,
    InputsOption,
    IntervalOption,
    LastOption,
    LightOption,
    LoopOption,
    OnceOption,
    PathOption,
    PortOption,
    ProtocolOption,
    RecordOption,
    RegularHoursOption,
    ScenarioOption,
    ShardsOption,
    SpeedOption,
    StoreOption,
    SymbolOption,
    TicksOption,
    VenueOption,
)
from cluster.commands.up_usage import check_usage, overrides
from cluster.feed_kind import FeedKind

if TYPE_CHECKING:
    from actors.messages import FeedHealth, Publication, ShardHealth
    from cluster.settings import Settings
    from cluster.system import System

__all__ = ["up"]

_COMPLETE_S: Final = 120.0
_CHAINLESS_S: Final = 45.0
_LATE_S: Final = 5.0
_SILENT_S: Final = 30.0
_READY_S: Final = 60.0
_STATUS_S: Final = 1.0
_PLAIN_STATUS_S: Final = 30.0


def up(
    config: ConfigOption = None,
    feed: FeedOption = None,
    venue: VenueOption = None,
    symbol: SymbolOption = None,
    protocol: ProtocolOption = None,
    fault: FaultOption = None,
    scenario: ScenarioOption = None,
    store: StoreOption = None,
    first: FirstOption = None,
    last: LastOption = None,
    record: RecordOption = None,
    inputs: InputsOption = None,
    path: PathOption = None,
    ticks: TicksOption = None,
    regular_hours: RegularHoursOption = False,  # noqa: FBT002
    interval: IntervalOption = None,
    speed: SpeedOption = None,
    loop: LoopOption = False,  # noqa: FBT002
    light: LightOption = None,
    port: PortOption = None,
    host: HostOption = None,
    address: AddressOption = None,
    shards: ShardsOption = None,
    once: OnceOption = False,  # noqa: FBT002
    as_json: AsJsonOption = False,  # noqa: FBT002
) -> None:
    """Start feed, shards, gateway and page; print where they answer; Ctrl-C stops all of it."""
    given = locals().copy()
    check_usage(given)
    began = time.monotonic()
    told = overrides(given)
    settings = _load(told if config is None else _with_config(config, told))
    raise typer.Exit(_run(settings, began, once=once, as_json=as_json))


def _with_config(config: Path, told: dict[str, Any]) -> dict[str, Any]:
    from cluster.commands.up_config import config_overrides, merged

    below, lines = config_overrides(config)
    for line in lines:
        typer.echo(line, err=True)
    return merged(below, told)


def _load(overrides: dict[str, Any]) -> Settings:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    from cluster.settings import load_settings

    settings = load_settings(overrides)
    _open_log(settings)
    return settings


def _open_log(settings: Settings) -> None:
    from cluster.logs import configure_logging
    from market.errors import ConfigError

    try:
        configure_logging(settings.folder / "logs")
    except OSError as error:
        raise ConfigError(
            "the state folder cannot be used",
            found=str(error),
            expected="a folder that may be written",
            action="name another by HEDGEFIELD_HOME",
        ) from error


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM while the system starts."""


class _Signals:
    """First signal: stop in order; second: leave at once and take Ray's processes along."""

    def __init__(self, abandon: Callable[[], None]) -> None:
        self._abandon = abandon
        self.asked = threading.Event()
        self.starting = True

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: object) -> None:
        if self.asked.is_set():
            sys.stderr.write("forced\n")
            self._abandon()
            os._exit(130)
        self.asked.set()
        if self.starting:
            raise _Interrupted


def _run(settings: Settings, began: float, *, once: bool, as_json: bool) -> int:
    from cluster.completion import wait_complete
    from cluster.system import System

    system = System(settings, gateway=not once)
    signals = _Signals(system.abandon)
    signals.install()
    try:
        system.start()
        signals.starting = False
        signals.install()  # ray.init puts its own in place
        chainless_s = _CHAINLESS_S if settings.feed.kind is FeedKind.VENUE else math.inf
        found = wait_complete(system, _COMPLETE_S, signals.asked.is_set, chainless_s=chainless_s)
        if not signals.asked.is_set() and not once:
            system.wait_ready(_READY_S)
        ready_s = time.monotonic() - began
        if once:
            _print_once(system, found, ready_s, as_json=as_json)
        elif not signals.asked.is_set():
            _announce(system, ready_s)
            _follow(system, signals.asked)
    except _Interrupted:
        pass
    finally:
        signals.starting = False
        if sys.stderr.isatty():
            sys.stderr.write("\nstopping\n")
        system.stop()
    return 0


def _print_once(system: System, found: Mapping[str, Publication], ready_s: float, *, as_json: bool) -> None:
    if not as_json:
        from cluster.tables import print_field

        for symbol in sorted(found):
            print_field(found[symbol].snapshot, found[symbol].live)
        return
    import json

    from cluster.field_json import field_summary

    seen = system.observation
    reasons: dict[str, str] = {}
    for health in seen.shards.values() if seen is not None else ():
        reasons |= dict(health.reasons) if health is not None else {}
    summary: dict[str, Any] = {
        "complete_after_s": round(ready_s, 3),
        "simulated": any(p.snapshot.provenance.simulated for p in found.values()),
        "symbols": len(found),
        "failed": reasons,
        "fields": [field_summary(found[symbol].snapshot, found[symbol].live) for symbol in sorted(found)],
    }
    typer.echo(json.dumps(summary, allow_nan=False))


def _announce(system: System, ready_s: float) -> None:
    urls = system.urls
    mark = "SIMULATED " if system.simulated else ""
    typer.echo(f"ready in {ready_s:.1f} s, {mark}{system.title}: {urls.page}")
    typer.echo(f"api {urls.api}  docs {urls.docs}" + (f"  metrics {urls.metrics}" if urls.metrics else ""))
    if system.is_open_to_others:
        typer.echo("warning: other machines can reach this address; the token is its only lock", err=True)
    sys.stdout.flush()


def _follow(system: System, asked: threading.Event) -> None:
    live = sys.stderr.isatty()
    while not asked.wait(_STATUS_S if live else _PLAIN_STATUS_S):
        line = _status(system)
        sys.stderr.write(f"\r\x1b[2K{line}" if live else f"{line}\n")
        sys.stderr.flush()


def _status(system: System) -> str:
    seen = system.observation
    if seen is None or seen.feed is None:
        return "the feed does not answer"
    shards = [health for health in seen.shards.values() if health is not None]
    feed, mark = seen.feed, "SIMULATED " if system.simulated else ""
    parts = [
        f"{mark}{system.title}: batch {feed.sequence}" + (" (feed ended)" if feed.ended else ""),
        f"{sum(h.updates for h in shards):,} fields",
        _freshness(feed, shards),
        f"{feed.queued} waiting, {feed.coalesced} coalesced",
    ]
    parts += [f"{len(shards)} of {len(seen.shards)} shards answer"] if len(shards) < len(seen.shards) else []
    parts += [f"{system.restarts} restarts"] if system.restarts else []
    parts += ["the emulated venue has ended"] if system.venue_ended else []
    parts += [f"feed: {feed.error}"] if feed.error else []
    return " | ".join(parts)


def _freshness(feed: FeedHealth, shards: list[ShardHealth]) -> str:
    """Return how many symbols are stale, that their markets are closed, or which streams are late."""
    from actors.lag import lagging

    n_stale, n_symbols = sum(h.stale for h in shards), sum(h.symbols for h in shards)
    if feed.streams and all(item.market_closed for item in feed.streams):
        return f"{n_symbols} symbols, market closed"
    late = lagging(feed.streams, lag_s=_LATE_S, silent_s=_SILENT_S)
    return ", ".join([f"{n_stale} of {n_symbols} symbols stale", *late[:2]])

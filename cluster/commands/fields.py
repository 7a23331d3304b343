"""``hedgefield fields``: the dealer-hedging fields of recorded option chains, and of the trades after them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fields.conventions import Dynamics, PositionSource, TimeBasis

if TYPE_CHECKING:
    from adapters.inputs import Timeline
    from cluster.playing import PlayedField, Player
    from cluster.settings import Settings
    from fields.live.config import LiveConfig
    from fields.live.state import SymbolState
    from market.chains import OptionChain

__all__ = ["fields"]

_NS_PER_MINUTE = 60_000_000_000
_MAX_ADX = 100.0
_MEANT = {
    "vix": "a positive number of points",
    "vix9d": "a positive number of points",
    "adx": "a number from 0 to 100",
    "sma": "a positive price in USD",
}


Files = Annotated[list[Path] | None, typer.Argument(help="Files of option chains, in any known format.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object per session and symbol.")]
Full = Annotated[bool, typer.Option("--full", help="JSON with every array, not the summary alone.")]
Plot = Annotated[Path | None, typer.Option(help="Write a picture: OUT.png or OUT.html.")]
Positions = Annotated[
    PositionSource | None,
    typer.Option(help="Dealer convention; else that of the settings: oi_naive, with --ticks hybrid."),
]
PositionFile = Annotated[
    Path | None, typer.Option(help="For `--positions user`: CSV of `contract,contracts` (+ dealers long).")
]
LadderDynamics = Annotated[
    Dynamics | None,
    typer.Option(help="Volatility dynamics of the ladder; else that of the settings, sticky_strike."),
]
Clock = Annotated[
    TimeBasis | None, typer.Option(help="Clock of time to expiry and charm; else that of the settings, calendar.")
]
Symbol = Annotated[str | None, typer.Option(help="Only this underlying.")]
Session = Annotated[str | None, typer.Option(help="Only this session, YYYY-MM-DD.")]
HalfRange = Annotated[
    float | None,
    typer.Option("--range", min=0.001, max=1.0, help="Half width of the ladder, log price; 0.12 is 12 %."),
]
Impact = Annotated[float | None, typer.Option(min=0.0, help="Price impact, return per USD; else that of the settings.")]
Ticks = Annotated[list[Path] | None, typer.Option(help="Trades, quotes or open interest to play; may be repeated.")]
Until = Annotated[str | None, typer.Option(help="With --ticks: stop at this instant, such as 2015-12-24T15:30:00Z.")]
Every = Annotated[int | None, typer.Option(min=1, help="With --ticks: a line of JSON every so many minutes.")]
Vix = Annotated[float | None, typer.Option("--vix", help="VIX, points, for the regimes of the market.")]
Vix9d = Annotated[float | None, typer.Option("--vix9d", help="VIX9D, points.")]
Adx = Annotated[float | None, typer.Option("--adx", help="Average directional index of the underlying, 0 to 100.")]
Sma = Annotated[float | None, typer.Option("--sma", help="Average close of the underlying over 200 days, USD.")]
Inputs = Annotated[
    list[Path] | None,
    typer.Option("--inputs", help="Rates, indices, bars, funding, events or news, as known then; may be repeated."),
]
RegularHours = Annotated[bool, typer.Option("--regular-hours", help="With --ticks: only those of the regular session.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    files: tuple[Path, ...]
    ticks: tuple[Path, ...]
    symbol: str | None
    session: date | None
    until_ns: int | None
    every_min: int | None
    regular_hours: bool
    impact: float | None
    position_file: Path | None
    market: Mapping[str, float]
    inputs: tuple[Path, ...]


def fields(
    files: Files = None,
    as_json: AsJson = False,  # noqa: FBT002
    full: Full = False,  # noqa: FBT002
    plot: Plot = None,
    positions: Positions = None,
    position_file: PositionFile = None,
    dynamics: LadderDynamics = None,
    clock: Clock = None,
    symbol: Symbol = None,
    session: Session = None,
    half_range: HalfRange = None,
    impact: Impact = None,
    ticks: Ticks = None,
    until: Until = None,
    every: Every = None,
    regular_hours: RegularHours = False,  # noqa: FBT002
    vix: Vix = None,
    vix9d: Vix9d = None,
    adx: Adx = None,
    sma: Sma = None,
    inputs: Inputs = None,
) -> None:
    """Read option chains, play trades and quotes after them, and print the field of each session and symbol."""
    request = _Request(
        files=tuple(files or ()),
        ticks=tuple(ticks or ()),
        symbol=symbol,
        session=_date(session),
        until_ns=_instant(until),
        every_min=every,
        regular_hours=regular_hours,
        impact=impact,
        position_file=position_file,
        market=_market(vix=vix, vix9d=vix9d, adx=adx, sma=sma),
        inputs=tuple(inputs or ()),
    )
    _check_usage(request, plot)
    from cluster.commands.field_output import FieldOutput
    from cluster.settings import load_settings

    settings = load_settings({"fields": {"position_source": positions, "dynamics": dynamics, "time_basis": clock}})
    config = _config(settings, request, half_range)
    output = FieldOutput(as_json=as_json or full or every is not None, full=full, plot=plot)
    for result in _results(request, config, settings):
        output.show(result)
    if not output.shown and not output.failed:
        output.complain_nothing(request.symbol, request.session)
    raise typer.Exit(1 if output.failed else 0)


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError as error:
        raise typer.BadParameter(f"--session is a date such as 2023-05-23; found {text}") from error


def _instant(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"--until is an instant such as 2015-12-24T15:30:00Z; found {text}") from error
    if moment.tzinfo is None:
        raise typer.BadParameter(f"--until needs its zone, such as {text}Z or {text}-05:00; found {text}")
    from market.clock import ns_of_datetime

    return ns_of_datetime(moment)


def _market(**given: float | None) -> dict[str, float]:
    found = {name: value for name, value in given.items() if value is not None}
    for name, value in found.items():
        if not (0.0 <= value <= _MAX_ADX if name == "adx" else 0.0 < value < math.inf):
            raise typer.BadParameter(f"--{name} is {_MEANT[name]}; found {value:g}")
    return found


def _check_usage(request: _Request, plot: Path | None) -> None:
    if not request.files and not request.ticks:
        raise typer.BadParameter("name a file of option chains, or --ticks with option quotes")
    needs_ticks = {
        "--until": request.until_ns is not None,
        "--every": request.every_min is not None,
        "--regular-hours": request.regular_hours,
    }
    lonely = [name for name, given in needs_ticks.items() if given and not request.ticks]
    if lonely:
        raise typer.BadParameter(f"{' and '.join(lonely)} go with --ticks: a chain alone is one instant")
    if plot is None:
        return
    if request.every_min is not None:
        raise typer.BadParameter("--plot draws the end of a replay; it does not go with --every")
    if plot.suffix.lower() not in {".png", ".html"}:
        raise typer.BadParameter(f"--plot writes .png or .html; found {plot.name}")
    if not os.access(plot.parent, os.W_OK):
        from market.errors import DataError

        # Before the first field, not after it: the work would be lost.
        raise DataError(
            "the picture cannot be written", path=str(plot), found=f"{plot.parent} is missing or not writable"
        )


def _config(settings: Settings, request: _Request, half_range: float | None) -> LiveConfig:
    live = settings.live(flow_is_told=bool(request.ticks))
    config = live.fields
    if (config.position_source is PositionSource.USER) != (request.position_file is not None):
        raise typer.BadParameter("`--positions user` and `--position-file` go together")
    if config.position_source is PositionSource.FLOW and not request.ticks:
        raise typer.BadParameter(
            "`--positions flow` knows what dealers took on in trades, and there are none; add --ticks FILE, "
            "or take another convention"
        )
    if half_range is None:
        return live
    roots_window = min(config.roots_window, half_range)
    return replace(live, fields=replace(config, ladder_half_width=half_range, roots_window=roots_window))


def _state(request: _Request, config: LiveConfig, settings: Settings, symbol: str) -> SymbolState:
    import time

    from fields.live.market import MarketInputs
    from fields.live.state import SymbolState

    known, fields = settings.impacts().get(symbol), config.fields
    if request.impact is not None:
        fields = replace(fields, impact_return_per_usd=request.impact, impact_source="command line")
    elif known is not None:
        fields = replace(fields, impact_return_per_usd=known.return_per_usd, impact_source=known.source)
    state = SymbolState(replace(config, fields=fields), perf_ns=time.perf_counter_ns)
    state.on_market(MarketInputs.of(request.market))
    return state


def _player(request: _Request, config: LiveConfig, settings: Settings) -> Player:
    from cluster.playing import Player

    positions = None
    if request.position_file is not None:
        from cluster.positions import read_positions

        positions = partial(read_positions, path=request.position_file)
    return Player(partial(_state, request, config, settings), positions, request.symbol, config.context)


def _results(request: _Request, config: LiveConfig, settings: Settings) -> Iterator[PlayedField | Exception]:
    if request.ticks:
        yield from _of_ticks(request, config, settings)
        return
    from market.errors import TradingError

    timeline = _timeline(request)
    for path in request.files:
        for chain in _chains(path, request):
            if isinstance(chain, Exception):
                yield chain
                continue
            player = _player(request, config, settings)  # a recorded chain stands alone, in whatever order they come
            try:
                player.apply_chain(chain, () if timeline is None else timeline.between(None, chain.ts_event_ns))
                yield from player.fields()
            except (TradingError, OSError) as error:
                yield error


def _timeline(request: _Request) -> Timeline | None:
    """Return what the files of inputs and the announced meetings tell, or None without such files."""
    if not request.inputs:
        return None
    from adapters.inputs import Timeline, ToldRows, announced_meetings, read_inputs

    told = [rows for path in request.inputs for rows in read_inputs(path)]
    return Timeline([ToldRows.of(announced_meetings()), *told])


def _chains(path: Path, request: _Request) -> Iterator[OptionChain | Exception]:
    """Yield the chains of one file; an error takes the place of what it spoiled, and the rest goes on."""
    from adapters.chains import open_source
    from market.errors import TradingError

    try:
        source = open_source(path)
    except (TradingError, OSError) as error:
        yield error
        return
    for place, key in enumerate(source.snapshots):
        if request.symbol in {None, key.symbol} and request.session in {None, key.session}:
            try:
                yield source.read(place)
            except (TradingError, OSError) as error:
                yield error


def _of_ticks(request: _Request, config: LiveConfig, settings: Settings) -> Iterator[PlayedField | Exception]:
    """Yield the fields of a replay; chains and ticks belong together, so that any fault ends it."""
    from adapters.chains import open_source
    from adapters.inputs import ContextFeed
    from adapters.replay import ReplayFeed
    from adapters.ticks import open_ticks
    from cluster.playing import choose_chains, play, require_chain

    ticks = open_ticks(*request.ticks, regular_hours=request.regular_hours)
    chains = choose_chains([open_source(path) for path in request.files], ticks)
    player = _player(request, config, settings)
    replay, timeline = ReplayFeed(chains, ticks=ticks, interval_s=0.0), _timeline(request)
    feed = replay if timeline is None else ContextFeed(replay, timeline)
    every_ns = None if request.every_min is None else request.every_min * _NS_PER_MINUTE
    found = False
    for result in play(feed, player, until_ns=request.until_ns, every_ns=every_ns, session=request.session):
        found = True
        yield result
    if not found:
        require_chain(player)

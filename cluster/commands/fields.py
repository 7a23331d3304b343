"""``hedgefield fields``: the dealer-hedging fields of recorded option chains."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fields.config import Dynamics, PositionSource, TimeBasis

if TYPE_CHECKING:
    from cluster.settings import Settings
    from fields.config import FieldConfig
    from fields.snapshot import FieldSnapshot
    from market.chains import FloatArray, OptionChain

__all__ = ["fields"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Request:
    symbol: str | None
    session: str | None
    impact: float | None
    position_file: Path | None


def fields(
    files: Annotated[list[Path], typer.Argument(help="Files of option chains, in any known format.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per session and symbol.")] = False,  # noqa: FBT002
    plot: Annotated[Path | None, typer.Option(help="Write a picture: OUT.png or OUT.html.")] = None,
    positions: Annotated[
        PositionSource | None, typer.Option(help="Dealer convention; else that of the settings, oi_naive.")
    ] = None,
    position_file: Annotated[
        Path | None, typer.Option(help="For `--positions user`: CSV of `contract,contracts` (+ dealers long).")
    ] = None,
    dynamics: Annotated[
        Dynamics | None,
        typer.Option(help="Volatility dynamics of the ladder; else that of the settings, sticky_strike."),
    ] = None,
    clock: Annotated[
        TimeBasis | None, typer.Option(help="Clock of time to expiry and charm; else that of the settings, calendar.")
    ] = None,
    symbol: Annotated[str | None, typer.Option(help="Only this underlying.")] = None,
    session: Annotated[str | None, typer.Option(help="Only this session, YYYY-MM-DD.")] = None,
    half_range: Annotated[
        float | None,
        typer.Option("--range", min=0.001, max=1.0, help="Half width of the ladder, log price; 0.12 is 12 %."),
    ] = None,
    impact: Annotated[
        float | None, typer.Option(min=0.0, help="Price impact, return per USD; else that of the settings.")
    ] = None,
) -> None:
    """Read option chains and print the field of each session and symbol."""
    _check_usage(session, plot)
    from cluster.settings import load_settings

    request = _Request(symbol=symbol, session=session, impact=impact, position_file=position_file)
    settings = load_settings({"fields": {"position_source": positions, "dynamics": dynamics, "time_basis": clock}})
    config = _config(settings, position_file, half_range)
    written, failed = 0, 0
    pictures: set[Path] = set()
    for path in files:
        for result in _of_file(path, request, config, settings):
            if isinstance(result, Exception):
                failed += 1
                _complain(result)
                continue
            _show(result, as_json=as_json)
            if plot is not None:
                _plot(result, plot, pictures)
            written += 1
    if written == 0 and failed == 0:
        _complain_nothing(request)
        failed = 1
    raise typer.Exit(1 if failed else 0)


def _check_usage(session: str | None, plot: Path | None) -> None:
    if plot is not None and plot.suffix.lower() not in {".png", ".html"}:
        raise typer.BadParameter(f"--plot writes .png or .html; found {plot.name}")
    if plot is not None and not os.access(plot.parent, os.W_OK):
        from market.errors import DataError

        # Before the first field, not after it: the work would be lost.
        raise DataError(
            "the picture cannot be written", path=str(plot), found=f"{plot.parent} is missing or not writable"
        )
    if session is not None:
        try:
            datetime.strptime(session, "%Y-%m-%d")  # noqa: DTZ007  # a date has no zone
        except ValueError as error:
            raise typer.BadParameter(f"--session is a date such as 2023-05-23; found {session}") from error


def _config(settings: Settings, position_file: Path | None, half_range: float | None) -> FieldConfig:
    config = settings.fields.config()
    if (config.position_source is PositionSource.USER) != (position_file is not None):
        raise typer.BadParameter("`--positions user` and `--position-file` go together")
    if half_range is None:
        return config
    return replace(config, ladder_half_width=half_range, roots_window=min(config.roots_window, half_range))


def _of_file(
    path: Path, request: _Request, config: FieldConfig, settings: Settings
) -> Iterator[FieldSnapshot | Exception]:
    """Yield the fields of one file; an error takes the place of what it spoiled, and the rest goes on."""
    from adapters.chains import open_source
    from market.errors import TradingError

    try:
        source = open_source(path)
    except (TradingError, OSError) as error:
        yield error
        return
    for place, key in enumerate(source.snapshots):
        wanted = request.symbol in {None, key.symbol} and request.session in {None, key.session.isoformat()}
        if wanted:
            try:
                yield _field(source.read(place), request, config, settings)
            except (TradingError, OSError) as error:
                yield error


def _field(chain: OptionChain, request: _Request, config: FieldConfig, settings: Settings) -> FieldSnapshot:
    import time

    from fields.compute import compute_field
    from fields.context import FieldContext

    known = settings.impacts().get(chain.symbol)
    if request.impact is not None:
        config = replace(config, impact_return_per_usd=request.impact, impact_source="command line")
    elif known is not None:
        config = replace(config, impact_return_per_usd=known.return_per_usd, impact_source=known.source)
    held = None if request.position_file is None else _user_position(chain, request.position_file)
    return compute_field(chain, config, FieldContext(contracts=held), perf_ns=time.perf_counter_ns)


def _user_position(chain: OptionChain, path: Path) -> FloatArray:
    from cluster.positions import read_positions

    return read_positions(chain, path)


def _show(snapshot: FieldSnapshot, *, as_json: bool) -> None:
    from fields.summary import summarize

    if as_json:
        import json

        typer.echo(json.dumps(summarize(snapshot), allow_nan=False))
        return
    from cluster.tables import print_field

    print_field(snapshot)


def _plot(snapshot: FieldSnapshot, out: Path, pictures: set[Path]) -> None:
    from cluster.plots import write_picture
    from market.clock import datetime_of_ns

    path = out
    if pictures:
        path = out.with_stem(f"{out.stem}-{snapshot.symbol}-{snapshot.session.isoformat()}")
    if path in pictures:  # several snapshots of a session
        path = path.with_stem(f"{path.stem}T{datetime_of_ns(snapshot.ts_event_ns):%H%M%S}Z")
    write_picture(snapshot, path)
    pictures.add(path)
    typer.echo(f"wrote {path}", err=True)


def _complain(error: Exception) -> None:
    from rich.console import Console
    from rich.text import Text

    Console(stderr=True, soft_wrap=True).print(Text.assemble(("error: ", "bold red"), str(error)))


def _complain_nothing(request: _Request) -> None:
    from market.errors import DataError

    wanted = " and ".join(filter(None, (request.symbol, request.session))) or "any chain"
    _complain(DataError(f"the files hold nothing for {wanted}", action="see what they hold with `hedgefield data ls`"))

"""``hedgefield stress``: what a book loses in scenarios, on a map of price and volatility, and in its tail."""

from __future__ import annotations

import json
import math
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from cluster.stress.running import StressReport

__all__ = ["stress"]

Book = Annotated[Path, typer.Argument(help="Positions as TOML, CSV or JSON; or the folder of a run.")]
Chains = Annotated[
    list[Path] | None, typer.Option("--chain", help="Option chains of the underlyings; may be repeated.")
]
History = Annotated[
    list[Path] | None, typer.Option("--history", help="Daily prices and VIX, for value at risk; may be repeated.")
]
Scenarios = Annotated[Path | None, typer.Option(help="TOML: own scenarios, and numbers of the standard ones.")]
Session = Annotated[str | None, typer.Option(help="Session of the chains, YYYY-MM-DD; else the newest.")]
Vix = Annotated[float | None, typer.Option(help="VIX now, points; else the last that the history knew.")]
VolatilityIndex = Annotated[str, typer.Option("--vol-index", help="Series that moves the volatility of options.")]
Benchmark = Annotated[str, typer.Option(help="What betas refer to; else the only underlying.")]
Betas = Annotated[list[str] | None, typer.Option("--beta", help="SYMBOL=NUMBER; else from the history. Repeatable.")]
MaxAge = Annotated[float, typer.Option(min=0.0, help="Oldest chain or quote, hours before the newest chain.")]
Confidence = Annotated[float, typer.Option(help="Of value at risk, 0.5 to 1.")]
Horizon = Annotated[int, typer.Option(min=1, help="Of value at risk, sessions.")]
Window = Annotated[int, typer.Option(min=1, help="Past sessions that are looked back upon.")]
Method = Annotated[
    Literal["historical", "filtered"], typer.Option(help="Past moves as they were, or scaled to the volatility of now.")
]
Bound = Annotated[bool, typer.Option("--bound-unknown", help="Count an option that cannot be valued at its worst.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object instead of tables.")]
Plot = Annotated[Path | None, typer.Option(help="Write the map of price and volatility: OUT.png or OUT.html.")]


def stress(
    book: Book,
    chain: Chains = None,
    history: History = None,
    scenarios: Scenarios = None,
    session: Session = None,
    vix: Vix = None,
    vol_index: VolatilityIndex = "VIX",
    benchmark: Benchmark = "",
    beta: Betas = None,
    max_age: MaxAge = 24.0,
    confidence: Confidence = 0.99,
    horizon: Horizon = 1,
    window: Window = 1000,
    method: Method = "historical",
    bound_unknown: Bound = False,  # noqa: FBT002
    as_json: AsJson = False,  # noqa: FBT002
    plot: Plot = None,
) -> None:
    """Revalue every position of a book in named scenarios, over price and volatility, and on past days.

    What cannot be valued is told and makes its sums unknown; nothing is left out. Exit code 1 where a scenario is so.
    """
    if vix is not None and not 0.0 < vix < math.inf:
        raise typer.BadParameter(f"--vix is a positive number of points; found {vix:g}")
    if plot is not None and plot.suffix.lower() not in {".png", ".html"}:
        raise typer.BadParameter(f"--plot writes .png or .html; found {plot.name}")
    from cluster.stress.running import StressRequest, run_stress
    from risk.stress.value_at_risk import VarConfig, VarMethod

    var = VarConfig(confidence=confidence, horizon_days=horizon, window_days=window, method=VarMethod(method))
    report = run_stress(
        StressRequest(
            book=book,
            chains=tuple(chain or ()),
            history=tuple(history or ()),
            scenarios=scenarios,
            session=_date(session),
            volatility_index=math.nan if vix is None else vix,
            volatility_name=vol_index,
            benchmark=benchmark,
            betas=_betas(beta or []),
            max_age_h=max_age,
            var=var,
            bounds_unknown=bound_unknown,
        )
    )
    _show(report, plot, as_json=as_json)
    if any(math.isnan(each.pnl) for each in report.results):
        raise typer.Exit(1)


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007  # a date has no zone
    except ValueError as error:
        raise typer.BadParameter(f"--session is a date such as 2025-08-29; found {text}") from error


def _betas(told: list[str]) -> dict[str, float]:
    betas = {}
    for each in told:
        symbol, _, number = each.partition("=")
        try:
            betas[symbol] = float(number)
        except ValueError as error:
            raise typer.BadParameter(f"--beta is SYMBOL=NUMBER such as QQQ=1.2; found {each}") from error
        if not symbol or not math.isfinite(betas[symbol]):
            raise typer.BadParameter(f"--beta is SYMBOL=NUMBER such as QQQ=1.2; found {each}")
    return betas


def _show(report: StressReport, plot: Path | None, *, as_json: bool) -> None:
    from cluster.stress.telling import print_stress, stress_record

    if as_json:
        typer.echo(json.dumps(stress_record(report), allow_nan=False))
    else:
        print_stress(report)
    if plot is not None:
        from cluster.pictures.stress_map import write_stress_map
        from market.clock import iso_of_ns

        positions = report.positions
        mark = "SIMULATED  ·  " if positions.simulated else ""
        title = f"{mark}{positions.book.n_legs} positions  ·  {iso_of_ns(positions.book.ts_event_ns)}"
        write_stress_map(report.grid, title, plot)
        typer.echo(f"wrote {plot}", err=True)

"""A field as a table for the terminal."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table

from cluster.pictures.figures import short_usd
from fields.live.market import INPUT_UNITS
from fields.surface.message import SliceSource
from market.clock import iso_of_ns

if TYPE_CHECKING:
    from fields.live.market import MarketInputs
    from fields.live.readings import LiveReadings, StreamReading
    from fields.regime import AxisReading
    from fields.signals import Signal
    from fields.snapshot import FieldSnapshot, RegimeReading, Wall

__all__ = ["print_field"]

Rows = list[tuple[str, str]]

_PIPE_WIDTH: Final = 200


def print_field(snapshot: FieldSnapshot, live: LiveReadings, console: Console | None = None) -> None:
    """Print every reading of a field, with its unit, and why a reading is missing.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    live : LiveReadings
        What history adds to it.
    console : rich.console.Console, optional
        Where to; standard output without it.
    """
    # A pipe has no width: nothing is folded there.
    console = console or (
        Console(soft_wrap=True) if sys.stdout.isatty() else Console(soft_wrap=True, width=_PIPE_WIDTH)
    )
    table = Table(box=None, show_header=False, pad_edge=False, title_justify="left")
    mark = " [SIMULATED]" if snapshot.provenance.simulated else ""
    title = f"{snapshot.symbol} {snapshot.session.isoformat()}{mark}"
    console.print(title, style="bold", markup=False, highlight=False)
    rows = (*_input_rows(snapshot), *_exposure_rows(snapshot), *_level_rows(snapshot), *_surface_rows(snapshot))
    for name, value in (*rows, *_live_rows(live)):
        table.add_row(f"  {name}", value)
    console.print(table, markup=False, highlight=False)
    for name, reason in (*snapshot.reasons.items(), *_live_reasons(live)):
        console.print(f"  {name}: {reason}", style="dim", markup=False, highlight=False)
    console.print()


def _input_rows(snapshot: FieldSnapshot) -> Rows:
    counts = snapshot.counts
    dropped = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.dropped.items()) if n)
    convention = (snapshot.position_source.value, snapshot.dynamics.value, f"{snapshot.time_basis.value} clock")
    return [
        ("as of", iso_of_ns(snapshot.ts_event_ns)),
        ("spot", f"{_number(snapshot.spot)} ({snapshot.spot_source})"),
        ("contracts", f"{counts.read:,} read, {counts.used:,} used"),
        ("  dropped", dropped or "none"),
        ("convention", ", ".join(convention)),
    ]


def _exposure_rows(snapshot: FieldSnapshot) -> Rows:
    flow = snapshot.hedge_flow
    here = flow.price.shape[0] // 2
    to_close = f"{short_usd(float(flow.buy_to_close_usd[here]))} to the close ({_time_left(snapshot)})"
    return [
        ("delta", _with_error(snapshot, "dex_usd", "")),
        ("gamma", _with_error(snapshot, "gamma_usd_per_pct", " per 1 %")),
        ("  effective", f"{short_usd(snapshot.effective_gamma_usd_per_pct)} per 1 %, volatility moving with spot"),
        ("vanna", _with_error(snapshot, "vanna_usd_per_volpt", " per vol point")),
        ("charm", _with_error(snapshot, "charm_usd_per_min", " per minute")),
        ("dealers buy", f"{short_usd(float(flow.buy_for_vol_point_usd[here]))} if volatility rises one point"),
        ("", to_close),
    ]


def _time_left(snapshot: FieldSnapshot) -> str:
    minutes = snapshot.hedge_flow.minutes_to_close
    return "unknown" if math.isnan(minutes) else f"{minutes:,.0f} min" if minutes > 0.0 else "closed"


def _level_rows(snapshot: FieldSnapshot) -> Rows:
    regime = snapshot.regime
    return [
        ("zero gamma", ", ".join(_number(root.level) for root in snapshot.zero_gamma) or "none"),
        ("  other views", _spread(snapshot)),
        ("zero delta", ", ".join(_number(root.level) for root in snapshot.zero_delta) or "none"),
        ("walls", f"call {_wall(snapshot.walls.call)}, put {_wall(snapshot.walls.put)}"),
        ("amplification", f"{_number(regime.amplification)} ({_feedback(regime)})"),
    ]


def _surface_rows(snapshot: FieldSnapshot) -> Rows:
    surface = snapshot.surface
    fitted = surface.source == SliceSource.FITTED
    quotes = surface.n_quotes[fitted]
    n = int(quotes.sum())
    rows = [("surface", f"{int(fitted.sum())} of {len(surface.reasons)} expirations fitted to {n:,} quotes")]
    if n:
        rmse = math.sqrt(float((quotes * surface.rmse_vol[fitted] ** 2).sum()) / n)
        inside = float((quotes * surface.inside_share[fitted]).sum()) / n
        rows.append(("  fit", f"RMSE {100 * rmse:.2f} vol points, {inside:.0%} of quotes inside bid and ask"))
    rows.append(("  confidence", _trust(surface.overall_confidence, surface.overall_reason)))
    return rows


def _live_rows(live: LiveReadings) -> Rows:
    dealer, impact, stream = live.dealer, live.impact, live.stream
    rows = [(f"regime {reading.axis.value}", _regime(reading)) for reading in live.regimes]
    rows += [(f"signal {signal.kind.value}", _signal(signal)) for signal in live.signals]
    rows.append(("dealers' book", f"opened by {dealer.opened_by}; {dealer.trades:,} trades, {dealer.signed:,} signed"))
    net, gross, error = dealer.net_flow_contracts, dealer.gross_flow_contracts, dealer.mean_standard_error
    rows.append(
        ("  flow", f"net {net:+,.0f} of {gross:,.0f} contracts; mean standard error {_number(error)} per option")
    )
    known = not math.isnan(impact.return_per_usd)
    size = f"{impact.return_per_usd:.3g} ± {impact.standard_error:.2g} return per USD" if known else "not estimated"
    rows.append(("own impact", f"{size} ({impact.method.value}, {impact.n} bars)"))
    rows += _market_rows(live.market)
    if live.book is not None and live.book.market:
        use = "used for the liquidity by price" if live.book.is_used else f"not used: {live.book.reason}"
        rows.append(("order book", f"{live.book.market}, {live.book.age_s:.3g} s old, {use}"))
    if stream.quotes or stream.trades or stream.before_chain:
        rows.append(("stream", _stream(stream)))
    rows.append(("confidence", _trust(live.confidence, live.confidence_reason)))
    return rows


def _market_rows(market: MarketInputs) -> Rows:
    known = {name: value for name, value in market.numbers().items() if not math.isnan(value)}
    rows = [(name.replace("_", " "), f"{value:.5g} {INPUT_UNITS[name]}") for name, value in known.items()]
    return rows + [
        (cross.symbol, f"{cross.close:.5g}, {cross.log_return:+.2%} since the daily bar before")
        for cross in market.cross
        if not math.isnan(cross.log_return)
    ]


def _live_reasons(live: LiveReadings) -> Rows:
    found = [(f"regime {reading.axis.value}", reading.reason) for reading in live.regimes]
    found += [(f"signal {signal.kind.value}", signal.reason) for signal in live.signals]
    found += [("own impact", live.impact.reason), ("dealers' book", live.dealer.note)]
    found += [("dealers' book", f"{n:,} contracts: {why}") for why, n in live.dealer.reasons.items() if n]
    return [(name, reason) for name, reason in found if reason]


def _regime(reading: AxisReading) -> str:
    if reading.margin_input is None or math.isnan(reading.margin):
        return reading.state
    held = ", held" if reading.is_held else ""
    return f"{reading.state}{held} ({reading.margin:.3g} of {reading.margin_input.value} to {reading.margin_to})"


def _signal(signal: Signal) -> str:
    strength = "" if math.isnan(signal.strength_z) else f", z {signal.strength_z:+.2f}"
    chance = f", right with {signal.confidence:.0%}" if signal.is_calibrated else ", uncalibrated"
    return f"{signal.direction.name}{strength}{chance}"


def _stream(stream: StreamReading) -> str:
    left = {
        "quotes late": stream.quotes_late,
        "quotes of contracts not in the chain": stream.quotes_unlisted,
        "trades unsigned": stream.trades_unsigned,
        "trades late": stream.trades_late,
        "trades repeated": stream.trades_repeated,
        "before the chain": stream.before_chain,
    }
    told = "".join(f", {n:,} {name}" for name, n in left.items() if n)
    return f"{stream.quotes:,} option quotes, {stream.trades:,} trades{told}"


def _trust(confidence: float, reason: str) -> str:
    return f"{_number(confidence)}" + (f" ({reason})" if reason else "")


def _with_error(snapshot: FieldSnapshot, member: str, unit: str) -> str:
    """Return a total with its errors: independent between contracts, to all the same way."""
    low, high = (float(getattr(errors, member)) for errors in (snapshot.totals_error, snapshot.totals_error_bound))
    errors = "" if math.isnan(low) else f" ± {short_usd(low)} to {short_usd(high)}"
    return short_usd(getattr(snapshot.totals, member)) + errors + unit


def _feedback(regime: RegimeReading) -> str:
    impact = regime.impact_source.partition(":")[0] or "unknown"
    return f"{regime.feedback.value.replace('_', ' ').lower()}; impact {impact}"


def _spread(snapshot: FieldSnapshot) -> str:
    levels = [root.level for root in snapshot.zero_gamma_sensitivity]
    return f"{_number(min(levels))} to {_number(max(levels))} over {len(levels)}" if levels else "none"


def _wall(wall: Wall) -> str:
    return "none" if math.isnan(wall.strike) else f"{wall.strike:,.6g} ({wall.share:.0%})"


def _number(value: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:,.6g}" if abs(value) < 1e4 else f"{value:,.1f}"

"""A field as a table for the terminal."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from cluster.figures import short_usd
from market.clock import iso_of_ns

if TYPE_CHECKING:
    from fields.snapshot import FieldSnapshot, RegimeReading, Wall

__all__ = ["print_field"]


def print_field(snapshot: FieldSnapshot, console: Console | None = None) -> None:
    """Print every reading of a field, with its unit, and why a reading is missing.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.
    console : rich.console.Console, optional
        Where to; standard output without it.
    """
    console = console or Console(soft_wrap=True)
    table = Table(box=None, show_header=False, pad_edge=False, title_justify="left")
    mark = " [SIMULATED]" if snapshot.provenance.simulated else ""
    title = f"{snapshot.symbol} {snapshot.session.isoformat()}{mark}"
    console.print(title, style="bold", markup=False, highlight=False)
    for name, value in _rows(snapshot):
        table.add_row(f"  {name}", value)
    console.print(table, markup=False, highlight=False)
    for name, reason in snapshot.reasons.items():
        console.print(f"  {name}: {reason}", style="dim", markup=False, highlight=False)
    console.print()


def _rows(snapshot: FieldSnapshot) -> list[tuple[str, str]]:
    counts, totals, regime = snapshot.counts, snapshot.totals, snapshot.regime
    dropped = ", ".join(f"{reason} {n:,}" for reason, n in sorted(counts.dropped.items()) if n)
    return [
        ("as of", iso_of_ns(snapshot.ts_event_ns)),
        ("spot", f"{_number(snapshot.spot)} ({snapshot.spot_source})"),
        ("contracts", f"{counts.read:,} read, {counts.used:,} used"),
        ("  dropped", dropped or "none"),
        (
            "convention",
            f"{snapshot.position_source.value}, {snapshot.dynamics.value}, {snapshot.time_basis.value} clock",
        ),
        ("delta", short_usd(totals.dex_usd)),
        ("gamma", f"{short_usd(totals.gamma_usd_per_pct)} per 1 %"),
        ("vanna", f"{short_usd(totals.vanna_usd_per_volpt)} per vol point"),
        ("charm", f"{short_usd(totals.charm_usd_per_min)} per minute"),
        ("zero gamma", ", ".join(_number(root.level) for root in snapshot.zero_gamma) or "none"),
        ("  other views", _spread(snapshot)),
        ("walls", f"call {_wall(snapshot.walls.call)}, put {_wall(snapshot.walls.put)}"),
        ("amplification", f"{_number(regime.amplification)} ({_feedback(regime)})"),
    ]


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

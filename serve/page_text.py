"""What the page says in words and tables: pure functions of a snapshot."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape

from cluster.pictures.figures import LONG_COLOUR, SHORT_COLOUR, short_usd
from fields.live.readings import LiveReadings
from fields.snapshot import Feedback, FieldSnapshot, Wall, ZeroGamma
from market.clock import iso_of_ns
from market.provenance import Provenance

__all__ = [
    "Tile",
    "age_text",
    "confidence_text",
    "contracts_table",
    "conventions",
    "keys",
    "price_text",
    "reasons_table",
    "roots_table",
    "settings_table",
    "tiles",
]

_FEEDBACK = {
    Feedback.LONG_DAMPING: "dealers long, damping moves",
    Feedback.SHORT_STABLE: "dealers short, stable",
    Feedback.CRITICAL: "dealers short, critical",
    Feedback.UNSTABLE: "dealers short, unstable",
    Feedback.UNKNOWN: "unknown",
}
_SECONDS_A_MINUTE = 60.0
_MISSING = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One number with its name and a line below it.

    Parameters
    ----------
    name : str
        What it is, with its unit.
    value : str
        The number.
    note : str
        What to know about it, or why it is missing.
    side : str
        ``long``, ``short`` or empty: which colour it takes.
    """

    name: str
    value: str
    note: str
    side: str = ""


def price_text(price: float) -> str:
    """Return a price with thousands and two decimals; a dash where it is missing."""
    return f"{price:,.2f}" if price == price else _MISSING  # noqa: PLR0124  # NaN


def age_text(age_s: float) -> str:
    """Return an age in the unit that suits it; a dash where there is none."""
    if age_s != age_s:  # noqa: PLR0124  # NaN
        return _MISSING
    if age_s < _SECONDS_A_MINUTE:
        return f"{age_s:.0f} s"
    minutes = age_s / _SECONDS_A_MINUTE
    return f"{minutes:.0f} min" if minutes < _SECONDS_A_MINUTE else f"{minutes / _SECONDS_A_MINUTE:.1f} h"


def confidence_text(live: LiveReadings) -> str:
    """Return how far a field can be trusted, and what holds that down."""
    if live.confidence != live.confidence:  # NaN
        return f"confidence {_MISSING} {live.confidence_reason}".rstrip()
    limit = f", limited by {live.confidence_reason}" if live.confidence_reason else ""
    return f"confidence {live.confidence:.0%}{limit}"


def tiles(snapshot: FieldSnapshot) -> tuple[Tile, ...]:
    """Return the key numbers of a field, the most asked for first.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    tuple of Tile
        Always the same number of tiles in the same order, so that a page can write them in place.
    """
    totals, walls = snapshot.totals, snapshot.walls
    clock = snapshot.time_basis.value
    return (
        _exposure(snapshot, "gamma, $ per 1 %", "gamma_usd_per_pct", _gamma_note(totals.gamma_usd_per_pct)),
        _zero_gamma(snapshot),
        _regime(snapshot),
        _exposure(snapshot, "delta (DEX), $", "dex_usd", "dealer delta"),
        _exposure(snapshot, "vanna, $ per vol point", "vanna_usd_per_volpt", "delta change as vol rises"),
        _exposure(snapshot, "charm, $ per minute", "charm_usd_per_min", f"delta change in time, {clock} clock"),
        _wall("call wall", walls.call, snapshot),
        _wall("put wall", walls.put, snapshot),
    )


def conventions(snapshot: FieldSnapshot) -> str:
    """Return position source, dynamics and clock as one caption, with the simulated mark."""
    parts = [
        f"positions {_words(snapshot.position_source.value)}",
        _words(snapshot.dynamics.value),
        f"{snapshot.time_basis.value} clock",
    ]
    return " · ".join([*parts, "SIMULATED"] if snapshot.provenance.simulated else parts)


def keys() -> str:
    """Return the legend of the charts as HTML."""
    entries = ((LONG_COLOUR, "dealers long gamma: they damp"), (SHORT_COLOUR, "dealers short gamma: they amplify"))
    return "".join(f'<span><i style="background:{colour}"></i>{text}</span>' for colour, text in entries)


def roots_table(snapshot: FieldSnapshot) -> str:
    """Return all zero-gamma levels, and the nearest under each other convention, as an HTML table."""
    rows = [_root_row(root, snapshot.spot) for root in (*snapshot.zero_gamma, *snapshot.zero_gamma_sensitivity)]
    if not rows:
        return f'<p class="c">none: {escape(_reason(snapshot, "zero_gamma"))}</p>'
    names = ("level", "from spot", "slope, $ per (1 %)²", "convention")
    head = "<tr>" + "".join(f"<th>{name}</th>" for name in names) + "</tr>"
    return f'<table class="hf-table">{head}{"".join(rows)}</table>'


def contracts_table(snapshot: FieldSnapshot) -> str:
    """Return how many contracts were read, used and dropped, and where volatilities came from, as an HTML table."""
    counts = snapshot.counts
    rows = [("read", f"{counts.read:,}"), ("used", f"{counts.used:,}")]
    rows += [(f"dropped: {_words(name)}", f"{n:,}") for name, n in sorted(counts.dropped.items()) if n]
    rows += [(f"volatility from {_words(name)}", f"{n:,}") for name, n in counts.iv_sources.items() if n]
    rows.append(("open interest used", f"{counts.open_interest_used:,.0f} of {counts.open_interest_read:,.0f}"))
    return _pairs(rows)


def settings_table(snapshot: FieldSnapshot) -> str:
    """Return conventions, sources and timings as an HTML table."""
    regime = snapshot.regime
    total = snapshot.timings_ms.get("total", sum(snapshot.timings_ms.values()))
    impact = f"{regime.impact_return_per_usd:.3g} per $ ({regime.impact_source or 'not stated'})"
    return _pairs(
        [
            ("positions", _words(snapshot.position_source.value)),
            ("volatility dynamics", _words(snapshot.dynamics.value)),
            ("clock", snapshot.time_basis.value),
            ("spot", f"{price_text(snapshot.spot)}, {snapshot.spot_source}"),
            ("as of", f"{iso_of_ns(snapshot.ts_event_ns)} ({_words(snapshot.provenance.as_of_source.value)})"),
            ("source", f"{snapshot.provenance.source}, {snapshot.provenance.origin}"),
            ("quality of the chain", _quality(snapshot.provenance)),
            ("price impact", impact if impact[:3] != "nan" else "unknown"),
            ("computed in", f"{total:.1f} ms"),
        ]
    )


def _quality(provenance: Provenance) -> str:
    quality, reason = provenance.quality, provenance.quality_reason
    if quality is None:
        return "not checked"
    if not 0.0 <= quality <= 1.0:
        return f"{quality:g}, which is no share"
    # Rounded down, so that only a chain without a fault has 100 %.
    return f"{math.floor(quality * 100.0)} %" + (f": {reason}" if reason else "")


def reasons_table(snapshot: FieldSnapshot) -> str:
    """Return why each missing reading is missing, as an HTML table; empty where nothing is missing."""
    return _pairs([(_words(name), text) for name, text in snapshot.reasons.items()]) if snapshot.reasons else ""


def _pairs(rows: list[tuple[str, str]]) -> str:
    cells = (f'<tr><th scope="row">{escape(name)}</th><td class="r">{escape(text)}</td></tr>' for name, text in rows)
    return f'<table class="hf-table">{"".join(cells)}</table>'


def _root_row(root: ZeroGamma, spot: float) -> str:
    cells = (
        price_text(root.level),
        _distance(root.level, spot),
        short_usd(root.slope),
        f"{_words(root.position_source.value)}, {_words(root.dynamics.value)}",
    )
    return "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in cells) + "</tr>"


def _exposure(snapshot: FieldSnapshot, name: str, member: str, note: str) -> Tile:
    value = getattr(snapshot.totals, member)
    if value != value:  # noqa: PLR0124  # NaN
        return Tile(name=name, value=_MISSING, note=_reason(snapshot, member))
    error = getattr(snapshot.totals_error, member)
    if error == error:  # noqa: PLR0124  # NaN
        # Errors that are independent between contracts, to errors that all go the same way.
        note = f"± {short_usd(error)} to {short_usd(getattr(snapshot.totals_error_bound, member))}; {note}"
    return Tile(name=name, value=short_usd(value), note=note, side="long" if value > 0.0 else "short")


def _gamma_note(gamma: float) -> str:
    return "dealers sell rises, buy falls" if gamma > 0.0 else "dealers buy rises, sell falls"


def _zero_gamma(snapshot: FieldSnapshot) -> Tile:
    name = "zero gamma"
    if not snapshot.zero_gamma:
        return Tile(name=name, value="none", note=_reason(snapshot, "zero_gamma"))
    nearest = snapshot.zero_gamma[0].level
    levels = [nearest, *(root.level for root in snapshot.zero_gamma_sensitivity)]
    note = f"{_distance(nearest, snapshot.spot)} from spot"
    if len(levels) > 1:
        note += f"; {price_text(min(levels))} to {price_text(max(levels))} over conventions"
    return Tile(name=name, value=price_text(nearest), note=note)


def _regime(snapshot: FieldSnapshot) -> Tile:
    regime = snapshot.regime
    impact = f"impact {regime.impact_source.partition(':')[0]}" if regime.impact_source else "impact not stated"
    note = f"{_FEEDBACK[regime.feedback]}; {impact}"
    if regime.amplification != regime.amplification:  # NaN
        reason = _reason(snapshot, "amplification")
        return Tile(name="amplification A", value=_MISSING, note=f"{_FEEDBACK[regime.feedback]}: {reason}")
    return Tile(name="amplification A", value=f"{regime.amplification:.3f}", note=note)


def _wall(name: str, wall: Wall, snapshot: FieldSnapshot) -> Tile:
    if wall.strike != wall.strike:  # NaN
        return Tile(name=name, value="none", note=_reason(snapshot, f"walls.{name.split(maxsplit=1)[0]}", "walls"))
    return Tile(name=name, value=price_text(wall.strike), note=f"{100.0 * wall.share:.0f} % of gamma in the window")


def _distance(level: float, spot: float) -> str:
    return f"{100.0 * (level / spot - 1.0):+.2f}\N{NO-BREAK SPACE}%".replace("-", "−")


def _reason(snapshot: FieldSnapshot, *members: str) -> str:
    return next((snapshot.reasons[name] for name in members if name in snapshot.reasons), "no reason given")


def _words(name: str) -> str:
    return {"oi_naive": "OI naive"}.get(name, name.replace("_", " "))

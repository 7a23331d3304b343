"""A snapshot as JSON-able values: the summary that the command prints, and the full description that the API serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite

import numpy as np

from fields.snapshot import FieldSnapshot, RegimeReading, Totals, Wall, Walls, ZeroGamma
from market.chains import FloatArray
from market.clock import iso_of_ns

__all__ = ["describe", "summarize"]


def _number(value: float) -> float | None:
    return float(value) if isfinite(value) else None


def _numbers(values: FloatArray) -> list[float | None]:
    listed: list[float | None] = values.tolist()
    if np.isfinite(values).all():  # the usual case costs a tenth
        return listed
    return [v if v is not None and isfinite(v) else None for v in listed]


def _rows(table: FloatArray) -> list[list[float | None]]:
    listed: list[list[float | None]] = table.tolist()
    return listed if np.isfinite(table).all() else [_numbers(row) for row in table]


def _zero_gamma(root: ZeroGamma) -> dict[str, object]:
    return {
        "level": _number(root.level),
        "slope": _number(root.slope),
        "position_source": root.position_source.value,
        "dynamics": root.dynamics.value,
    }


def _wall(wall: Wall) -> dict[str, float | None]:
    return {
        "strike": _number(wall.strike),
        "gamma_usd_per_pct": _number(wall.gamma_usd_per_pct),
        "share": _number(wall.share),
    }


def _walls(walls: Walls) -> dict[str, object]:
    return {"call": _wall(walls.call), "put": _wall(walls.put), "absolute": _wall(walls.absolute)}


def _totals(totals: Totals) -> dict[str, object]:
    return {item.name: _number(getattr(totals, item.name)) for item in fields(totals)}


def _regime(regime: RegimeReading) -> dict[str, object]:
    return {
        "feedback": regime.feedback.value,
        "feedback_x": _number(regime.feedback_x),
        "impact_return_per_usd": _number(regime.impact_return_per_usd),
        "impact_source": regime.impact_source,
    }


def _spread(snapshot: FieldSnapshot) -> dict[str, object]:
    """Return how far the nearest zero-gamma levels of all conventions and dynamics lie apart."""
    levels = [root.level for root in (*snapshot.zero_gamma[:1], *snapshot.zero_gamma_sensitivity)]
    if not levels:
        return {"low": None, "high": None, "n": 0}
    return {"low": min(levels), "high": max(levels), "n": len(levels)}


def summarize(snapshot: FieldSnapshot) -> dict[str, object]:
    """Return the summary of a snapshot.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        JSON-able; units are in the names, NaN is None and `reasons` says why.
    """
    counts, totals = snapshot.counts, snapshot.totals
    return {
        "symbol": snapshot.symbol,
        "session": snapshot.session.isoformat(),
        "as_of": iso_of_ns(snapshot.ts_event_ns),
        "valued_at": iso_of_ns(snapshot.ts_valuation_ns),
        "spot": _number(snapshot.spot),
        "spot_source": snapshot.spot_source,
        "contracts": {
            "read": counts.read,
            "used": counts.used,
            "dropped": dict(counts.dropped),
            "iv_sources": dict(counts.iv_sources),
        },
        "open_interest": {
            "read": _number(counts.open_interest_read),
            "used": _number(counts.open_interest_used),
        },
        "position_source": snapshot.position_source.value,
        "dynamics": snapshot.dynamics.value,
        "clock": snapshot.time_basis.value,
        "dex_usd": _number(totals.dex_usd),
        "gamma_usd_per_pct": _number(totals.gamma_usd_per_pct),
        "vanna_usd_per_volpt": _number(totals.vanna_usd_per_volpt),
        "charm_usd_per_min": _number(totals.charm_usd_per_min),
        "totals_error": _totals(snapshot.totals_error),
        "totals_error_bound": _totals(snapshot.totals_error_bound),
        "zero_gamma": [_zero_gamma(root) for root in snapshot.zero_gamma],
        "zero_gamma_reason": snapshot.reasons.get("zero_gamma"),
        "zero_gamma_sensitivity": [_zero_gamma(root) for root in snapshot.zero_gamma_sensitivity],
        "zero_gamma_spread": _spread(snapshot),
        "walls": _walls(snapshot.walls),
        "amplification": _number(snapshot.regime.amplification),
        "regime": _regime(snapshot.regime),
        "source": snapshot.provenance.source,
        "origin": snapshot.provenance.origin,
        "as_of_source": snapshot.provenance.as_of_source.value,
        "simulated": snapshot.provenance.simulated,
        "cause_id": snapshot.cause_id,
        "reasons": dict(snapshot.reasons),
        "timings_ms": _rounded(snapshot.timings_ms),
    }


def _rounded(timings_ms: Mapping[str, float]) -> dict[str, float]:
    return {stage: round(spent, 4) for stage, spent in timings_ms.items()}


def describe(snapshot: FieldSnapshot) -> dict[str, object]:
    """Return everything that a snapshot holds.

    Parameters
    ----------
    snapshot : FieldSnapshot
        The field.

    Returns
    -------
    dict
        The summary with `ladder`, `profile` and `heatmap` as lists, NaN as None.
    """
    heatmap = snapshot.heatmap
    return {
        **summarize(snapshot),
        "ladder": {item.name: _numbers(getattr(snapshot.ladder, item.name)) for item in fields(snapshot.ladder)},
        "profile": {item.name: _numbers(getattr(snapshot.profile, item.name)) for item in fields(snapshot.profile)},
        "heatmap": {
            "expiry": [iso_of_ns(int(instant)) for instant in heatmap.expiry_ns],
            "price": _numbers(heatmap.price),
            "gamma_usd_per_pct": _rows(heatmap.gamma_usd_per_pct),
            "outside_usd_per_pct": _numbers(heatmap.outside_usd_per_pct),
        },
    }

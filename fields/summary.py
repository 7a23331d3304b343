"""A snapshot as JSON-able values: the summary that the command prints, and the full description that the API serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from math import isfinite

import numpy as np

from fields.snapshot import FieldSnapshot, RegimeReading, Totals, Wall, Walls, ZeroDelta, ZeroGamma
from fields.surface.message import QUOTE_DROPS, SliceSource, VolSurface
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


def _zero_delta(root: ZeroDelta) -> dict[str, object]:
    return {
        "level": _number(root.level),
        "slope_usd_per_pct": _number(root.slope_usd_per_pct),
        "position_source": root.position_source.value,
        "dynamics": root.dynamics.value,
    }


def _hedge_flow_at_spot(snapshot: FieldSnapshot) -> dict[str, object]:
    flow, here = snapshot.hedge_flow, snapshot.hedge_flow.price.shape[0] // 2
    return {
        "buy_for_vol_point_usd": _number(float(flow.buy_for_vol_point_usd[here])),
        "buy_to_close_usd": _number(float(flow.buy_to_close_usd[here])),
        "minutes_to_close": _number(flow.minutes_to_close),
    }


def _surface(surface: VolSurface) -> dict[str, object]:
    fitted = surface.source == SliceSource.FITTED
    weight = surface.n_quotes[fitted]
    squares = weight * surface.rmse_vol[fitted] ** 2
    return {
        "confidence": _number(surface.overall_confidence),
        "stale_share": _number(surface.stale_share),
        "expirations": len(surface.reasons),
        "fitted": int(fitted.sum()),
        "quotes": int(weight.sum()),
        "rmse_vol": _number(float(np.sqrt(squares.sum() / weight.sum()))) if weight.size else None,
        "inside_share": _number(float(np.average(surface.inside_share[fitted], weights=weight)))
        if weight.size
        else None,
    }


def _slices(surface: VolSurface) -> dict[str, object]:
    columns = ("tau", "forward", "theta", "rho", "psi", "rmse_vol", "max_vol", "inside_share", "confidence")
    return {
        "expiry": [iso_of_ns(int(instant)) for instant in surface.expiry_ns],
        "source": [SliceSource(code).name.lower() for code in surface.source.tolist()],
        "atm_vol": _numbers(surface.atm_vol),
        "atm_skew": _numbers(surface.atm_skew),
        **{name: _numbers(getattr(surface, name)) for name in columns},
        "quotes": surface.n_quotes.tolist(),
        "dropped": {reason.value: surface.n_dropped[:, place].tolist() for place, reason in enumerate(QUOTE_DROPS)},
        "reason": list(surface.reasons),
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


def _origin(snapshot: FieldSnapshot) -> dict[str, object]:
    return {
        "source": snapshot.provenance.source,
        "origin": snapshot.provenance.origin,
        "as_of_source": snapshot.provenance.as_of_source.value,
        "simulated": snapshot.provenance.simulated,
        "cause_id": snapshot.cause_id,
    }


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
        "book_greeks": {
            item.name: _number(getattr(snapshot.book_greeks, item.name)) for item in fields(snapshot.book_greeks)
        },
        "totals_error": _totals(snapshot.totals_error),
        "totals_error_bound": _totals(snapshot.totals_error_bound),
        "zero_gamma": [_zero_gamma(root) for root in snapshot.zero_gamma],
        "zero_gamma_reason": snapshot.reasons.get("zero_gamma"),
        "zero_gamma_sensitivity": [_zero_gamma(root) for root in snapshot.zero_gamma_sensitivity],
        "zero_gamma_spread": _spread(snapshot),
        "zero_delta": [_zero_delta(root) for root in snapshot.zero_delta],
        "effective_gamma_usd_per_pct": _number(snapshot.effective_gamma_usd_per_pct),
        "hedge_flow_at_spot": _hedge_flow_at_spot(snapshot),
        "walls": _walls(snapshot.walls),
        "amplification": _number(snapshot.regime.amplification),
        "regime": _regime(snapshot.regime),
        "liquidity_source": snapshot.liquidity_source.value,
        "surface": _surface(snapshot.surface),
        **_origin(snapshot),
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
        The summary with `ladder`, `profile`, `hedge_flow`, `slices` and `heatmap` as lists, NaN as None.
    """
    heatmap = snapshot.heatmap
    return {
        **summarize(snapshot),
        "ladder": {item.name: _numbers(getattr(snapshot.ladder, item.name)) for item in fields(snapshot.ladder)},
        "profile": {item.name: _numbers(getattr(snapshot.profile, item.name)) for item in fields(snapshot.profile)},
        "hedge_flow": {
            name: _numbers(getattr(snapshot.hedge_flow, name))
            for name in ("price", "buy_for_spot_move_usd", "buy_for_vol_point_usd", "buy_to_close_usd")
        },
        "slices": _slices(snapshot.surface),
        "heatmap": {
            "expiry": [iso_of_ns(int(instant)) for instant in heatmap.expiry_ns],
            "price": _numbers(heatmap.price),
            "gamma_usd_per_pct": _rows(heatmap.gamma_usd_per_pct),
            "outside_usd_per_pct": _numbers(heatmap.outside_usd_per_pct),
        },
    }

"""Why a reading is missing, or stands on less than quotes: one sentence by the name of the reading."""

from __future__ import annotations

from math import isnan

import numpy as np

from fields.amplification import feedback_x
from fields.config import FieldConfig
from fields.forwards import Forwards, ForwardSource
from fields.landscape import Landscape
from fields.snapshot import ContractCounts, Totals, Walls
from fields.surface.message import SliceSource, VolSurface
from fields.timebase import TimeToExpiry
from market.chains import DropReason, OptionChain
from market.instruments import ExerciseStyle

__all__ = ["reasons_of"]

_NOTHING_USED = (
    "ladder",
    "hedge_flow",
    "effective_gamma_usd_per_pct",
    "book_greeks",
    "potential",
    "walls",
    "profile",
    "heatmap",
    "open_interest.used",
)
_TOTALS = ("dex_usd", "gamma_usd_per_pct", "vanna_usd_per_volpt", "charm_usd_per_min")


def _forward_reasons(chain: OptionChain, forwards: Forwards, time: TimeToExpiry) -> dict[str, str]:
    alive = ~time.expired
    n = int(np.count_nonzero(alive))
    kinds = np.bincount(forwards.source[alive], minlength=len(ForwardSource)).tolist()
    reasons = {}
    if kinds[ForwardSource.CARRY_CURVE]:
        reasons["forward.carry_curve"] = (
            f"{kinds[ForwardSource.CARRY_CURVE]} of {n} expirations have too few two-sided pairs; "
            "forward from spot and the carry of the others"
        )
    if kinds[ForwardSource.PRINTED_SPOT]:
        reasons["forward.printed_spot"] = (
            f"{kinds[ForwardSource.PRINTED_SPOT]} of {n} expirations have no forward; spot without carry and discount"
        )
    if kinds[ForwardSource.VENUE_DELTA]:
        reasons["forward.venue_delta"] = (
            f"{kinds[ForwardSource.VENUE_DELTA]} of {n} expirations have no price; forward read from published deltas"
        )
    if kinds[ForwardSource.NONE]:
        reasons["forward"] = f"{kinds[ForwardSource.NONE]} of {n} expirations have no forward, and there is no spot"
    american = any(s.product.exercise is ExerciseStyle.AMERICAN for s in chain.series)
    if american and (kinds[ForwardSource.PARITY] or kinds[ForwardSource.PARITY_CURVE]):
        reasons["forward.american"] = (
            "american exercise: parity near the money only, and European formulas approximate the Greeks"
        )
    floored = int(np.count_nonzero(time.floored))
    if floored:
        reasons["tau"] = f"{floored} expirations are nearer than 60 s on the field's clock; time is held at 60 s"
    return reasons


def _why_nothing_is_used(chain: OptionChain, forwards: Forwards, counts: ContractCounts) -> str:
    if isnan(forwards.spot.price):
        return f"no spot: {forwards.spot.reason}"
    if counts.dropped.get(DropReason.NO_POSITION.value, 0) and isnan(counts.open_interest_read):
        return "the source has no open interest; pass a vector of dealer contracts"
    most = max(counts.dropped, key=lambda reason: counts.dropped[reason], default="")
    return f"none of {chain.n_read} contracts is used; most were dropped as {most}"


def _impact_note(config: FieldConfig) -> str:
    return f"impact {config.impact_source}" if config.impact_source.startswith("assumed") else ""


def _amplification_reasons(config: FieldConfig, totals: Totals, landscape: Landscape) -> dict[str, str]:
    if isnan(config.impact_return_per_usd):
        why = "the price impact per USD is unknown; set impact_return_per_usd, by impact.SYMBOL or --impact"
        return {"amplification": why}
    if isnan(totals.gamma_usd_per_pct):
        return {"amplification": "there is no gamma to feed back"}
    note = _impact_note(config)
    reasons = {"amplification": note} if note else {}
    unstable = "unstable: the loop gain is at or below -1, so the linear feedback has no solution"
    gain_per_gamma = float(feedback_x(1.0, config.impact_return_per_usd))
    if gain_per_gamma * totals.gamma_usd_per_pct <= -1.0:
        reasons["amplification"] = f"{unstable}; {note}" if note else unstable
    if gain_per_gamma * float(landscape.gamma_usd_per_pct.min()) <= -1.0:
        reasons["ladder.amplification"] = f"where it is missing, {unstable}"
    return reasons


def _surface_reasons(surface: VolSurface) -> dict[str, str]:
    without = int(np.count_nonzero(surface.source == int(SliceSource.NONE)))
    between = int(np.count_nonzero(surface.source == int(SliceSource.INTERPOLATED)))
    parts = [surface.overall_reason] if surface.overall_reason else []
    if without:
        parts.append(f"{without} of {len(surface.reasons)} expirations have no fit")
    if between:
        parts.append(f"{between} stand between their neighbours")
    return {"surface": "; ".join(parts)} if parts else {}


def reasons_of(
    chain: OptionChain,
    config: FieldConfig,
    forwards: Forwards,
    time: TimeToExpiry,
    counts: ContractCounts,
    totals: Totals,
    walls: Walls,
    landscape: Landscape,
    surface: VolSurface,
) -> dict[str, str]:
    """Collect why readings are NaN, empty or stand on a fallback.

    Parameters
    ----------
    chain : OptionChain
        The chain.
    config : FieldConfig
        Settings.
    forwards : Forwards
        Forwards and spot.
    time : TimeToExpiry
        Time to expiry.
    counts : ContractCounts
        What happened to the contracts.
    totals : Totals
        Exposures at spot.
    walls : Walls
        Walls.
    landscape : Landscape
        Ladder readings.
    surface : VolSurface
        Volatility surface.

    Returns
    -------
    dict of str to str
        By the name of the reading, as in the summary.
    """
    reasons = _forward_reasons(chain, forwards, time)
    if forwards.spot.reason:
        reasons["spot"] = forwards.spot.reason
    if not counts.used:
        why = _why_nothing_is_used(chain, forwards, counts)
        reasons.update(dict.fromkeys((*_TOTALS, *_NOTHING_USED), why))
    elif isnan(walls.absolute.strike):
        reasons["walls"] = f"no dealer gamma within {config.wall_window:g} of spot (log)"
    else:
        for side, wall in (("call", walls.call), ("put", walls.put)):
            if isnan(wall.strike):
                reasons[f"walls.{side}"] = f"no {side} gamma within {config.wall_window:g} of spot (log)"
    if isnan(counts.open_interest_read):
        reasons["open_interest"] = "the source has none"
    elif counts.used and isnan(counts.open_interest_used):
        reasons["open_interest.used"] = "no contract that is used has any"
    if landscape.zero_gamma_reason:
        reasons["zero_gamma"] = landscape.zero_gamma_reason
    if landscape.zero_delta_reason:
        reasons["zero_delta"] = landscape.zero_delta_reason
    if landscape.hedge_flow.to_close_reason:
        reasons["hedge_flow.buy_to_close_usd"] = landscape.hedge_flow.to_close_reason
    for name, why in landscape.sensitivity_reasons.items():
        reasons[f"zero_gamma_sensitivity.{name}"] = why
    return reasons | _surface_reasons(surface) | _amplification_reasons(config, totals, landscape)

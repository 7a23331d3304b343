"""The rule of each axis: inputs and what stood before in, a candidate state out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import inf, isfinite, nan

import numpy as np

from fields.regime.axes import (
    AxisInput,
    AxisState,
    Funding,
    GexEnvironment,
    Ltv,
    Market,
    RegimeInputs,
    TermStructure,
)
from fields.regime.config import RegimeConfig
from fields.regime.hysteresis import Candidate, Edge, distances, interval_probability, is_above, place_on_line
from fields.snapshot import Feedback
from market.chains import FloatArray

__all__ = [
    "feedback_rule",
    "funding_rule",
    "gex_rule",
    "ltv_rule",
    "market_rule",
    "quintile_cuts",
    "term_structure_rule",
]

Inputs = tuple[tuple[str, float], ...]

_FEEDBACK = (Feedback.UNSTABLE, Feedback.CRITICAL, Feedback.SHORT_STABLE, Feedback.LONG_DAMPING)
_TERM = (TermStructure.CONTANGO, TermStructure.FLAT, TermStructure.INVERTED)
_FUNDING = tuple(state for state in Funding if state is not Funding.UNKNOWN)
_LTV = tuple(state for state in Ltv if state is not Ltv.UNKNOWN)
_HOURS_8 = 8.0


@lru_cache(maxsize=256)  # what is not configured is missing at every field
def unknown(state: AxisState, inputs: Inputs, reason: str = "") -> Candidate:
    """Return the candidate of an axis whose inputs are missing."""
    missing = ", ".join(name for name, value in inputs if not isfinite(value))
    return Candidate(
        state=state,
        unheld=state,
        margin=nan,
        margin_input=None,
        margin_to=None,
        held_margin=nan,
        probability=nan,
        inputs=inputs,
        reason=reason or f"missing: {missing}",
    )


def _on_line(
    value: float,
    edges: Sequence[Edge],
    states: Sequence[AxisState],
    known: AxisState | None,
    margin_input: AxisInput,
    inputs: Inputs,
    error: float = nan,
) -> Candidate:
    previous = states.index(known) if known in states else None
    place = place_on_line(edges, value, previous)
    return Candidate(
        state=states[place.position],
        unheld=states[place.unbanded],
        margin=place.margin,
        margin_input=margin_input,
        margin_to=states[place.neighbour] if place.neighbour >= 0 else None,
        held_margin=nan if previous is None else min(distances(edges, value, previous)),
        probability=interval_probability(edges, value, error, place.unbanded),
        inputs=inputs,
    )


def feedback_rule(given: RegimeInputs, config: RegimeConfig, known: AxisState | None) -> Candidate:
    """Return the dealer-feedback state; the more dangerous side owns -1 and -1/3, and a worse state needs no band."""
    inputs = (("feedback_x", given.feedback_x),)
    if not isfinite(given.feedback_x):
        return unknown(Feedback.UNKNOWN, inputs)
    edges = (
        Edge(level=-1.0, rise=config.feedback_band, is_upper_owner=False),
        Edge(level=-1.0 / 3.0, rise=config.feedback_band, is_upper_owner=False),
        Edge(level=0.0, rise=config.feedback_band),
    )
    return _on_line(given.feedback_x, edges, _FEEDBACK, known, AxisInput.FEEDBACK_X, inputs, given.feedback_x_error)


def term_structure_rule(given: RegimeInputs, config: RegimeConfig, known: AxisState | None) -> Candidate:
    """Return the state of VIX9D / VIX; FLAT owns both of its borders."""
    inputs = (("vix9d", given.vix9d), ("vix", given.vix))
    if not (given.vix9d > 0.0 and given.vix > 0.0 and isfinite(given.vix9d) and isfinite(given.vix)):
        return unknown(TermStructure.UNKNOWN, inputs, "" if _any_nan(inputs) else "an index is not positive")
    band = config.term_band
    edges = (
        Edge(level=config.term_low, rise=band, fall=band),
        Edge(level=config.term_high, rise=band, fall=band, is_upper_owner=False),
    )
    return _on_line(given.vix9d / given.vix, edges, _TERM, known, AxisInput.VIX9D_OVER_VIX, inputs)


def funding_rule(given: RegimeInputs, config: RegimeConfig, known: AxisState | None) -> Candidate:
    """Return the funding state of the rate per 8 hours; the hotter side owns each border, on both signs."""
    inputs = (("funding_rate", given.funding_rate), ("funding_interval_h", given.funding_interval_h))
    if not (isfinite(given.funding_rate) and given.funding_interval_h > 0.0 and isfinite(given.funding_interval_h)):
        return unknown(Funding.UNKNOWN, inputs, "" if _any_nan(inputs) else "the interval is not positive")
    share, borders = config.funding_band_share, config.funding_borders_8h
    cold = tuple(Edge(level=-b, rise=b * share, is_upper_owner=False) for b in reversed(borders))
    hot = tuple(Edge(level=b, fall=b * share) for b in borders)
    rate = given.funding_rate * (_HOURS_8 / given.funding_interval_h)
    return _on_line(rate, (*cold, *hot), _FUNDING, known, AxisInput.FUNDING_RATE_8H, inputs)


def ltv_rule(given: RegimeInputs, config: RegimeConfig, known: AxisState | None) -> Candidate:
    """Return the LTV band: half-open intervals, entered at b and left below b less the band."""
    inputs = (("ltv", given.ltv), ("liquidation_ltv", given.liquidation_ltv))
    if not (given.ltv >= 0.0 and given.liquidation_ltv > 0.0 and isfinite(given.liquidation_ltv)):
        return unknown(Ltv.UNKNOWN, inputs, "" if _any_nan(inputs) else "loan to value or its threshold is negative")
    # A venue that liquidates early leaves the bands above its threshold empty.
    levels = (*(min(border, given.liquidation_ltv) for border in config.ltv_borders), given.liquidation_ltv)
    edges = tuple(Edge(level=level, fall=config.ltv_band) for level in levels)
    return _on_line(given.ltv, edges, _LTV, known, AxisInput.LTV, inputs)


def _any_nan(inputs: Inputs) -> bool:
    return any(not isfinite(value) for _, value in inputs)


def quintile_cuts(trailing: FloatArray) -> tuple[float, ...]:
    """Return the four cut points of the quintiles of past sessions; empty without sessions."""
    return tuple(float(q) for q in np.quantile(trailing, (0.2, 0.4, 0.6, 0.8))) if trailing.size else ()


def gex_rule(
    given: RegimeInputs, config: RegimeConfig, known: AxisState | None, quintiles: tuple[float, ...], n_sessions: int
) -> Candidate:
    """Return sign and place of dealer gamma among the quintiles of trailing sessions, or among absolute cut points.

    Parameters
    ----------
    given : RegimeInputs
        Inputs.
    config : RegimeConfig
        Settings.
    known : StrEnum or None
        Last known state.
    quintiles : tuple of float
        `quintile_cuts` of past sessions, USD per 1 %.
    n_sessions : int
        Sessions behind them.

    Returns
    -------
    Candidate
        UNKNOWN with too few sessions, or where all of them are equal.
    """
    inputs = (("gamma_usd_per_pct", given.gamma_usd_per_pct),)
    if not isfinite(given.gamma_usd_per_pct):
        return unknown(GexEnvironment.UNKNOWN, inputs)
    cuts = config.gex_cutoffs_usd
    if not cuts:
        if n_sessions < config.gex_min_days:
            return unknown(GexEnvironment.UNKNOWN, inputs, f"{n_sessions} sessions of {config.gex_min_days} needed")
        cuts = quintiles
    band = config.gex_band_share * (cuts[-1] - cuts[0])
    if not band >= 0.0 or cuts[-1] == cuts[0]:
        return unknown(GexEnvironment.UNKNOWN, inputs, "the trailing sessions do not differ")
    levels = sorted({*cuts, 0.0})
    edges = tuple(Edge(level=level, rise=band, fall=band) for level in levels)
    # The state between two borders follows from how many cut points, and whether zero, lie at or below.
    states = (GexEnvironment.NEGATIVE_1, *(_gex_state(level, cuts) for level in levels))
    return _on_line(
        given.gamma_usd_per_pct, edges, states, known, AxisInput.GAMMA_USD_PER_PCT, inputs, given.gamma_error
    )


def _gex_state(level: float, cuts: Sequence[float]) -> GexEnvironment:
    rank = 1 + sum(cut <= level for cut in cuts)
    return GexEnvironment(f"{'POSITIVE' if level >= 0.0 else 'NEGATIVE'}_{rank}")


# The four questions of the market rules: crash, trend, bull, high volatility.
_Answers = tuple[bool, bool, bool, bool]
_IMPLIED: dict[Market, tuple[bool | None, ...]] = {
    Market.CRASH: (True, None, None, None),
    Market.BULL_TREND: (False, True, True, None),
    Market.BEAR_TREND: (False, True, False, None),
    Market.HIGH_VOL_RANGE: (False, False, None, True),
    Market.LOW_VOL_RANGE: (False, False, None, False),
}


def _market_state(answers: _Answers) -> Market:
    crash, trend, bull, high = answers
    if crash:
        return Market.CRASH
    if trend:
        return Market.BULL_TREND if bull else Market.BEAR_TREND
    return Market.HIGH_VOL_RANGE if high else Market.LOW_VOL_RANGE


def market_rule(given: RegimeInputs, config: RegimeConfig, known: AxisState | None) -> Candidate:
    """Return the market state by Q14's order: VIX > 35, then ADX > 25 by close over its average, then VIX > 20.

    Parameters
    ----------
    given : RegimeInputs
        Inputs.
    config : RegimeConfig
        Settings.
    known : StrEnum or None
        Last known state; its bands hold for the questions that it answers.

    Returns
    -------
    Candidate
        The margin is that of the border whose relative distance is smallest among those that would change the state.
    """
    inputs = (("vix", given.vix), ("adx", given.adx), ("close", given.close), ("sma", given.sma))
    if _any_nan(inputs) or not (given.sma > 0.0 and given.vix > 0.0):
        return unknown(Market.UNKNOWN, inputs, "" if _any_nan(inputs) else "an input is not positive")
    edges = (
        Edge(level=config.crash_vix, fall=config.vix_band, is_upper_owner=False),
        Edge(level=config.trend_adx, fall=config.adx_band, is_upper_owner=False),
        Edge(level=0.0, rise=config.sma_band, fall=config.sma_band, is_upper_owner=False),
        Edge(level=config.high_vix, fall=config.vix_band, is_upper_owner=False),
    )
    values = (given.vix, given.adx, given.close / given.sma - 1.0, given.vix)
    memory = _IMPLIED[known] if isinstance(known, Market) and known in _IMPLIED else (None,) * 4
    answers = _answered(edges, values, memory)
    state = _market_state(answers)
    margin, margin_input, margin_to = _market_margin(edges, values, answers)
    return Candidate(
        state=state,
        unheld=_market_state(_answered(edges, values, (None,) * 4)),
        margin=margin,
        margin_input=margin_input,
        margin_to=margin_to,
        held_margin=_market_held_margin(edges, values, answers, memory),
        probability=nan,
        inputs=inputs,
    )


def _market_held_margin(
    edges: Sequence[Edge], values: Sequence[float], answers: _Answers, memory: Sequence[bool | None]
) -> float:
    for edge, value, answer, was in zip(edges, values, answers, memory, strict=True):
        if was is not None and answer is not was:
            return edge.level + edge.rise - value if answer else value - (edge.level - edge.fall)
    return nan


def _answered(edges: Sequence[Edge], values: Sequence[float], memory: Sequence[bool | None]) -> _Answers:
    crash, trend, bull, high = (is_above(e, v, m) for e, v, m in zip(edges, values, memory, strict=True))
    return crash, trend, bull, high


def _market_margin(
    edges: Sequence[Edge], values: Sequence[float], answers: _Answers
) -> tuple[float, AxisInput | None, AxisState | None]:
    units = (AxisInput.VIX, AxisInput.ADX, AxisInput.CLOSE_OVER_SMA, AxisInput.VIX)
    best: tuple[float, AxisInput | None, AxisState | None] = (nan, None, None)
    nearest = inf
    for k, (edge, value) in enumerate(zip(edges, values, strict=True)):
        crash, trend, bull, high = (a != (j == k) for j, a in enumerate(answers))
        other = _market_state((crash, trend, bull, high))
        if other is _market_state(answers):
            continue
        margin = max(value - (edge.level - edge.fall) if answers[k] else edge.level + edge.rise - value, 0.0)
        # Points of VIX and ADX are compared as shares of their border; close over average is a share already.
        if margin / (edge.level or 1.0) < nearest:
            nearest, best = margin / (edge.level or 1.0), (margin, units[k], other)
    return best

"""What the selector looks at, taken from the view: states of the axes with their levels, and how old they are."""

from __future__ import annotations

from math import nan

from fields.live.interpretation import Interpretation
from fields.regime import Axis, AxisReading, Market, TermStructure
from fields.snapshot import Feedback
from strategies.selector.table import RegimeFacts

__all__ = ["axis_of", "factors_of", "facts_of", "reading_age_s"]

_NS = 1e9
_ORDER = {axis: tuple(states) for axis, states in (("market", Market), ("feedback", Feedback), ("term", TermStructure))}


def axis_of(readings: Interpretation | None, axis: Axis) -> AxisReading | None:
    """Return the reading of an axis; None where it was not read."""
    regimes = () if readings is None else readings.regimes
    return next((each for each in regimes if each.axis == axis), None)


def reading_age_s(readings: Interpretation | None, now_ns: int) -> float:
    """Return the age of the market axis, seconds; NaN where it was not read."""
    found = axis_of(readings, Axis.MARKET)
    return nan if found is None else (now_ns - found.ts_event_ns) / _NS


def facts_of(readings: Interpretation | None, skew: float) -> RegimeFacts:
    """Return what the table asks about.

    Parameters
    ----------
    readings : Interpretation or None
        Of the underlying.
    skew : float
        Level of the SKEW index, points; NaN where unknown.

    Returns
    -------
    RegimeFacts
        UNKNOWN and NaN for what was not read.
    """
    market, feedback, term = (axis_of(readings, axis) for axis in (Axis.MARKET, Axis.FEEDBACK, Axis.TERM_STRUCTURE))
    return RegimeFacts(
        market=Market.UNKNOWN if market is None else Market(market.state),
        feedback=Feedback.UNKNOWN if feedback is None else Feedback(feedback.state),
        term_structure=TermStructure.UNKNOWN if term is None else TermStructure(term.state),
        vix=nan if market is None else dict(market.inputs).get("vix", nan),
        iv_rank=nan if readings is None else readings.implied_vol_rank.rank,
        skew=skew,
    )


def factors_of(facts: RegimeFacts) -> tuple[tuple[str, float], ...]:
    """Return the facts as numbers for attribution: of a state its place among the states of its axis, from 0."""
    return (
        ("market_regime", float(_ORDER["market"].index(facts.market))),
        ("dealer_feedback", float(_ORDER["feedback"].index(facts.feedback))),
        ("term_structure", float(_ORDER["term"].index(facts.term_structure))),
        ("vix_level", facts.vix),
        ("iv_rank", facts.iv_rank),
        ("skew_index", facts.skew),
    )

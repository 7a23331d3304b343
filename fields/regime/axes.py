"""The names of the regimes: axes, their states, what goes in and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import nan

from fields.snapshot import Feedback

__all__ = [
    "Axis",
    "AxisInput",
    "AxisReading",
    "AxisState",
    "Funding",
    "GexEnvironment",
    "Ltv",
    "Market",
    "RegimeInputs",
    "TermStructure",
]


class Axis(StrEnum):
    """The six axes; none is a function of another."""

    FEEDBACK = "feedback"
    MARKET = "market"
    TERM_STRUCTURE = "term_structure"
    GEX = "gex"
    FUNDING = "funding"
    LTV = "ltv"


class AxisInput(StrEnum):
    """The quantity that a margin is measured in."""

    FEEDBACK_X = "feedback_x"  # loop gain, dimensionless
    VIX = "vix"  # index points
    ADX = "adx"  # 0 to 100
    CLOSE_OVER_SMA = "close_over_sma"  # close / average - 1
    VIX9D_OVER_VIX = "vix9d_over_vix"  # ratio
    GAMMA_USD_PER_PCT = "gamma_usd_per_pct"  # USD per 1 %
    FUNDING_RATE_8H = "funding_rate_8h"  # fraction of notional per 8 hours
    LTV = "ltv"  # loan over collateral, fraction


class Market(StrEnum):
    """Market regime, by the ordered rules of Q14."""

    CRASH = "CRASH"
    BULL_TREND = "BULL_TREND"
    BEAR_TREND = "BEAR_TREND"
    HIGH_VOL_RANGE = "HIGH_VOL_RANGE"
    LOW_VOL_RANGE = "LOW_VOL_RANGE"
    UNKNOWN = "UNKNOWN"


class TermStructure(StrEnum):
    """VIX9D over VIX: contango below, inverted above."""

    CONTANGO = "CONTANGO"
    FLAT = "FLAT"
    INVERTED = "INVERTED"
    UNKNOWN = "UNKNOWN"


class GexEnvironment(StrEnum):
    """Sign of dealer gamma, and its place (1 lowest, 5 highest) among the cut points: trailing quintiles by default."""

    NEGATIVE_1 = "NEGATIVE_1"
    NEGATIVE_2 = "NEGATIVE_2"
    NEGATIVE_3 = "NEGATIVE_3"
    NEGATIVE_4 = "NEGATIVE_4"
    NEGATIVE_5 = "NEGATIVE_5"
    POSITIVE_1 = "POSITIVE_1"
    POSITIVE_2 = "POSITIVE_2"
    POSITIVE_3 = "POSITIVE_3"
    POSITIVE_4 = "POSITIVE_4"
    POSITIVE_5 = "POSITIVE_5"
    UNKNOWN = "UNKNOWN"


class Funding(StrEnum):
    """How hot the funding of a perpetual is, and which side pays it."""

    EXTREME_SHORTS_PAY = "EXTREME_SHORTS_PAY"
    MANIA_SHORTS_PAY = "MANIA_SHORTS_PAY"
    HEATED_SHORTS_PAY = "HEATED_SHORTS_PAY"
    NORMAL_SHORTS_PAY = "NORMAL_SHORTS_PAY"
    NEUTRAL = "NEUTRAL"
    NORMAL_LONGS_PAY = "NORMAL_LONGS_PAY"
    HEATED_LONGS_PAY = "HEATED_LONGS_PAY"
    MANIA_LONGS_PAY = "MANIA_LONGS_PAY"
    EXTREME_LONGS_PAY = "EXTREME_LONGS_PAY"
    UNKNOWN = "UNKNOWN"


class Ltv(StrEnum):
    """Loan to value, in half-open intervals [a, b)."""

    SAFE = "SAFE"
    MONITOR = "MONITOR"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    EMERGENCY = "EMERGENCY"
    LIQUIDATABLE = "LIQUIDATABLE"
    UNKNOWN = "UNKNOWN"


# On the wire a state is its text, since a reader of a union of enums cannot know which one a text belongs to; within
# a process it is the member itself, and the two are equal.
AxisState = Feedback | Market | TermStructure | GexEnvironment | Funding | Ltv


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeInputs:
    """What the axes are read from; NaN where it is not known, and then its axis is UNKNOWN.

    Parameters
    ----------
    feedback_x : float
        Loop gain ``100 x impact x dollar gamma per 1 %``.
    feedback_x_error : float
        Its standard error; NaN leaves the probability of the state NaN.
    vix, vix9d : float
        Volatility indices, points.
    adx : float
        Average directional index, 0 to 100.
    close, sma : float
        Price and its 200-day average.
    gamma_usd_per_pct : float
        Net dealer gamma at spot, USD per 1 %.
    gamma_error : float
        Its standard error.
    funding_rate : float
        Fraction of notional per settlement, paid by longs where positive.
    funding_interval_h : float
        Hours between settlements, read from the venue.
    ltv : float
        Loan over collateral, fraction.
    liquidation_ltv : float
        Loan to value from which the venue liquidates.
    cause_id : str
        Id of the message that these inputs come from.
    """

    feedback_x: float = nan
    feedback_x_error: float = nan
    vix: float = nan
    vix9d: float = nan
    adx: float = nan
    close: float = nan
    sma: float = nan
    gamma_usd_per_pct: float = nan
    gamma_error: float = nan
    funding_rate: float = nan
    funding_interval_h: float = nan
    ltv: float = nan
    liquidation_ltv: float = nan
    cause_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisReading:
    """One axis at one instant.

    Parameters
    ----------
    axis : Axis
        Which.
    state : StrEnum
        The published state; UNKNOWN where an input is missing.
    unheld_state : StrEnum
        What the inputs say without bands and dwell.
    since_ns : int
        Instant of the state's first reading, ns UTC.
    ts_event_ns : int
        As-of instant, ns UTC.
    margin : float
        Distance to the nearest border at which the state would change, in units of `margin_input`: positive inside,
        negative where the border is passed and dwell holds the state; NaN where unknown.
    margin_input : AxisInput or None
        What the margin is measured in.
    margin_to : StrEnum or None
        State beyond that border.
    probability : float
        Probability that the true value lies where `unheld_state` says, from the input's standard error; NaN without.
    is_held : bool
        Whether bands or dwell keep the state although the inputs alone say another.
    inputs : tuple of (str, float)
        Names and values that were used.
    version : str
        Version of the rules and digest of their settings.
    cause_id : str
        Id of the message that the inputs come from.
    reason : str
        Why it is UNKNOWN or held; empty otherwise.
    """

    axis: Axis
    state: str
    unheld_state: str
    since_ns: int
    ts_event_ns: int
    margin: float
    margin_input: AxisInput | None
    margin_to: str | None
    probability: float
    is_held: bool
    inputs: tuple[tuple[str, float], ...]
    version: str
    cause_id: str
    reason: str

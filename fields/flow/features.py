"""What one minute of flow says: the columns of a record, their kinds for models, units and origins, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Final

import numpy as np

from market.trades import Int64Array

__all__ = ["FLOW_FEATURES", "REASON_TEXT", "FeatureKind", "FlowColumn", "FlowFeature", "FlowReason", "columns_of_kind"]


class FeatureKind(StrEnum):
    """How a column becomes an input of a model (requirements L79 to L85)."""

    GEX_FLOW = "gex_flow"  # gamma flow: signed log
    DEX_FLOW = "dex_flow"  # delta flow: signed log
    SHARE_FLOW = "share_flow"  # signed flow of the underlying: signed log
    ZSCORE = "zscore"  # clipped
    DISTANCE = "distance"  # price difference: per cent of spot, clipped
    RATIO = "ratio"  # bounded by itself
    DIVERGENCE = "divergence"  # difference of logarithms: scaled, clipped
    RAW = "raw"  # a reading or a part of one; no input of a model


class FlowColumn(IntEnum):
    """Place of each reading in a record."""

    SPOT = 0
    NET_GAMMA_FLOW_USD_PER_PCT = 1
    GAMMA_FLOW_SE_USD_PER_PCT = 2
    NET_DELTA_FLOW_USD = 3
    DELTA_FLOW_SE_USD = 4
    GAMMA_SENTIMENT_RATIO = 5
    FLOW_COVERAGE = 6
    INVENTORY_GAMMA_USD_PER_PCT = 7
    INVENTORY_GAMMA_SE_USD_PER_PCT = 8
    INVENTORY_DELTA_USD = 9
    INVENTORY_DELTA_SE_USD = 10
    INVENTORY_COVERAGE = 11
    LEGACY_NET_GAMMA_FLOW_USD_PER_USD = 12
    LEGACY_CUMULATIVE_GAMMA_USD_PER_USD = 13
    DIST_TO_ZERO_GAMMA = 14
    DIST_TO_ZERO_DELTA = 15
    DIST_TO_POSITIVE_WALL = 16
    DIST_TO_NEGATIVE_WALL = 17
    GAMMA_WEIGHTED_STRIKE = 18
    DELTA_WEIGHTED_STRIKE = 19
    DIST_TO_GAMMA_WEIGHTED_STRIKE = 20
    DIST_TO_DELTA_WEIGHTED_STRIKE = 21
    CALL_VOLUME = 22
    PUT_VOLUME = 23
    OPTION_BUY_VOLUME = 24
    OPTION_SELL_VOLUME = 25
    CALL_PREMIUM_USD = 26
    PUT_PREMIUM_USD = 27
    PUT_CALL_CONTRACTS = 28
    PUT_CALL_PREMIUM = 29
    PUT_SHARE_CONTRACTS = 30
    PUT_SHARE_PREMIUM = 31
    PRICE = 32
    VOLUME = 33
    SIGNED_VOLUME = 34
    SIGNED_VOLUME_USD = 35
    CVD = 36
    CVD_SIGNED_SHARE = 37
    CVD_KNOWN_SHARE = 38
    BAR_FLOW_PROXY = 39
    CVD_BAR_PROXY = 40
    MINUTE_RETURN = 41
    MINUTE_VWAP = 42
    VWAP_DAY = 43
    VWAP_STD = 44
    VWAP_WINDOW = 45
    ANCHORED_VWAP_Z = 46
    VWAP_DEVIATION = 47
    VWAP_BAND = 48
    VWAP_DIVERGENCE = 49
    UP_TICKS = 50
    DOWN_TICKS = 51
    TICK_RUN = 52
    TICK_MOMENTUM = 53
    MID = 54
    SPREAD = 55
    SPREAD_CHANGE = 56
    SPREAD_TIME_WEIGHTED = 57
    SPREAD_PERCENTILE = 58
    QUOTE_AGE_S = 59
    ORDER_FLOW_IMBALANCE = 60
    OFI_PER_DEPTH = 61
    DEPTH = 62
    IMPACT_SLOPE_PER_USD = 63
    IMPACT_SLOPE_SE_PER_USD = 64
    IMPACT_MINUTES = 65


class FlowReason(IntEnum):
    """Why a reading is missing."""

    NONE = 0
    NO_GREEKS = 1
    NO_SPOT = 2
    UNSIGNED = 3
    NO_OPTION_TRADE = 4
    NO_LEVEL = 5
    NO_OPEN_INTEREST = 6
    NO_CALLS = 7
    NO_TRADE = 8
    FIRST_MINUTE = 9
    NO_DISPERSION = 10
    YOUNG_SESSION = 11
    NO_QUOTE = 12
    STALE_QUOTE = 13
    UNUSABLE_QUOTE = 14
    NO_SIZES = 15
    TOO_FEW_MINUTES = 16
    NO_VARIATION = 17
    NO_INVENTORY = 18
    OVERFLOW = 19


REASON_TEXT: Final = MappingProxyType(
    {
        FlowReason.NONE: "",
        FlowReason.NO_GREEKS: "none of the contracts has Greeks at this minute's end",
        FlowReason.NO_SPOT: "no spot at this minute's end",
        FlowReason.UNSIGNED: "nothing that traded has a known side",
        FlowReason.NO_OPTION_TRADE: "no option trade was selected in this minute",
        FlowReason.NO_LEVEL: "the field has no such level",
        FlowReason.NO_OPEN_INTEREST: "no contract near spot has open interest and Greeks",
        FlowReason.NO_CALLS: "there is nothing to divide by: no call, or no option at all, has traded in this session",
        FlowReason.NO_TRADE: "the underlying has not traded in this session, or not in the time that is asked for",
        FlowReason.FIRST_MINUTE: "the minute before has no value to compare with",
        FlowReason.NO_DISPERSION: "every trade of the session so far had one price",
        FlowReason.YOUNG_SESSION: "the session is not longer than the window, so that both averages are one",
        FlowReason.NO_QUOTE: "no quote has come in this session, or none stood in this minute",
        FlowReason.STALE_QUOTE: "the last quote is older than the maximum age",
        FlowReason.UNUSABLE_QUOTE: "the last quote is one-sided or crossed",
        FlowReason.NO_SIZES: "the quotes have no sizes",
        FlowReason.TOO_FEW_MINUTES: "too few minutes of the trailing window have a value",
        FlowReason.NO_VARIATION: "signed volume did not vary over the trailing window",
        FlowReason.NO_INVENTORY: "no signed option trade in this session, so nothing to value",
        FlowReason.OVERFLOW: "the number is too large to hold: a price, size or Greek cannot be true",
    }
)
"""A sentence for each reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowFeature:
    """One line of the feature table.

    Parameters
    ----------
    column : FlowColumn
        Place in a record.
    kind : FeatureKind
        How it becomes an input of a model.
    unit : str
        Unit, ``1`` for pure numbers.
    source : str
        Row of the requirements that asks for it.
    """

    column: FlowColumn
    kind: FeatureKind
    unit: str
    source: str

    @property
    def name(self) -> str:
        """Public name, lower case."""
        return self.column.name.lower()


_GEX, _DEX, _SHARES = FeatureKind.GEX_FLOW, FeatureKind.DEX_FLOW, FeatureKind.SHARE_FLOW
_Z, _DISTANCE, _RATIO = FeatureKind.ZSCORE, FeatureKind.DISTANCE, FeatureKind.RATIO
_DIVERGENCE, _RAW = FeatureKind.DIVERGENCE, FeatureKind.RAW
_PER_PCT, _PER_USD, _PRICE = "USD per 1 %", "USD per USD", "USD"

# In the order of FlowColumn.
_ROWS: Final = (
    (_RAW, _PRICE, "L60"),
    (_GEX, _PER_PCT, "L61, EL7"),
    (_RAW, _PER_PCT, "L61"),
    (_DEX, "USD", "L66"),
    (_RAW, "USD", "L66"),
    (_RATIO, "1", "L68"),
    (_RAW, "1", "L60"),
    (_GEX, _PER_PCT, "L63, EL4"),
    (_RAW, _PER_PCT, "L63"),
    (_DEX, "USD", "L63, EL4"),
    (_RAW, "USD", "L63"),
    (_RAW, "1", "L63"),
    (_RAW, _PER_USD, "L61"),
    (_RAW, _PER_USD, "L63"),
    (_DISTANCE, _PRICE, "L62, EL9"),
    (_DISTANCE, _PRICE, "L70, EL9"),
    (_DISTANCE, _PRICE, "L64"),
    (_DISTANCE, _PRICE, "L65"),
    (_RAW, _PRICE, "L72"),
    (_RAW, _PRICE, "L72"),
    (_DISTANCE, _PRICE, "L72"),
    (_DISTANCE, _PRICE, "L72"),
    (_RAW, "contracts", "L71, Z14"),
    (_RAW, "contracts", "L71, Z14"),
    (_RAW, "contracts", "L71"),
    (_RAW, "contracts", "L71"),
    (_RAW, "USD", "Z14"),
    (_RAW, "USD", "Z14"),
    (_RAW, "1", "Z14, EZ8"),
    (_RAW, "1", "Z14, EZ8"),
    (_RATIO, "1", "Z14"),
    (_RATIO, "1", "Z14"),
    (_RAW, _PRICE, "L67"),
    (_RAW, "shares", "Z14"),
    (_SHARES, "shares", "D117x"),
    (_RAW, "USD", "Z62"),
    (_SHARES, "shares", "D117x"),
    (_RAW, "1", "D117x"),
    (_RAW, "1", "D117x"),
    (_RAW, "shares", "D117x"),
    (_RAW, "shares", "D117x"),
    (_RAW, "log return", "Z62"),
    (_RAW, _PRICE, "L69"),
    (_RAW, _PRICE, "L67"),
    (_RAW, _PRICE, "L67"),
    (_RAW, _PRICE, "L69"),
    (_Z, "1", "L67"),
    (_RAW, "fraction", "Z12"),
    (_RAW, "1", "Z12"),
    (_DIVERGENCE, "log price", "L69"),
    (_RAW, "ticks", "Z62"),
    (_RAW, "ticks", "Z62"),
    (_RAW, "ticks", "Z62"),
    (_RATIO, "1", "Z62"),
    (_RAW, _PRICE, "Z62"),
    (_RAW, "fraction of mid", "Z62"),
    (_RAW, "fraction of mid", "Z62"),
    (_RAW, "fraction of mid", "Z62"),
    (_RATIO, "1", "Z62"),
    (_RAW, "s", "Z62"),
    (_SHARES, "shares", "Z62"),
    (_RAW, "1", "Z62"),
    (_RAW, "shares", "Z62"),
    (_RAW, "log return per USD", "Z62"),
    (_RAW, "log return per USD", "Z62"),
    (_RAW, "minutes", "Z62"),
)

FLOW_FEATURES: Final = tuple(
    FlowFeature(column=column, kind=kind, unit=unit, source=source)
    for column, (kind, unit, source) in zip(FlowColumn, _ROWS, strict=True)
)
"""The feature table: one line for each column of a record, in the order of `FlowColumn`."""


def columns_of_kind(*kinds: FeatureKind) -> Int64Array:
    """Return the columns of some kinds in rising order, shape (n_found,)."""
    return np.array([f.column for f in FLOW_FEATURES if f.kind in kinds], dtype=np.int64)

"""Six orthogonal regime axes (requirements 2.3): bands, dwell, margins, and UNKNOWN where an input is missing."""

from fields.regime.axes import (
    Axis,
    AxisInput,
    AxisReading,
    AxisState,
    Funding,
    GexEnvironment,
    Ltv,
    Market,
    RegimeInputs,
    TermStructure,
)
from fields.regime.config import RegimeConfig
from fields.regime.history import DayHistory, ImpliedVolRank, TrailingDays, implied_vol_rank
from fields.regime.hysteresis import AxisMachine, AxisMemory, Candidate, Edge, Placement, place_on_line
from fields.regime.state import RegimeCheckpoint, RegimeState

__all__ = [
    "Axis",
    "AxisInput",
    "AxisMachine",
    "AxisMemory",
    "AxisReading",
    "AxisState",
    "Candidate",
    "DayHistory",
    "Edge",
    "Funding",
    "GexEnvironment",
    "ImpliedVolRank",
    "Ltv",
    "Market",
    "Placement",
    "RegimeCheckpoint",
    "RegimeConfig",
    "RegimeInputs",
    "RegimeState",
    "TermStructure",
    "TrailingDays",
    "implied_vol_rank",
    "place_on_line",
]

"""Flow features: what traded in each minute, whose side it was on, and what it leaves with the dealers.

One record a minute, true at its end from what came strictly before it; a stream (`FlowState`) and a replay
(`flow_minutes`) give the same numbers. `FLOW_FEATURES` is the list of readings with kinds and units.
"""

from __future__ import annotations

from fields.flow.batch import Arrivals, flow_minutes
from fields.flow.config import MINUTE_NS, FlowConfig, NormalizerConfig
from fields.flow.features import (
    FLOW_FEATURES,
    REASON_TEXT,
    FeatureKind,
    FlowColumn,
    FlowFeature,
    FlowReason,
    columns_of_kind,
)
from fields.flow.history import FlowHistory
from fields.flow.messages import (
    FieldLevels,
    FlowCounts,
    FlowMinute,
    GreeksTable,
    OptionTrades,
    StreamCounts,
    UnderlyingQuotes,
    UnderlyingTrades,
)
from fields.flow.normalize import MODEL_COLUMNS, FlowNormalizer, NormalizedFlow, NormalizerCheckpoint, signed_log
from fields.flow.state import FlowCheckpoint, FlowState
from fields.flow.windows import ImpactSlope, impact_slope

__all__ = [
    "FLOW_FEATURES",
    "MINUTE_NS",
    "MODEL_COLUMNS",
    "REASON_TEXT",
    "Arrivals",
    "FeatureKind",
    "FieldLevels",
    "FlowCheckpoint",
    "FlowColumn",
    "FlowConfig",
    "FlowCounts",
    "FlowFeature",
    "FlowHistory",
    "FlowMinute",
    "FlowNormalizer",
    "FlowReason",
    "FlowState",
    "GreeksTable",
    "ImpactSlope",
    "NormalizedFlow",
    "NormalizerCheckpoint",
    "NormalizerConfig",
    "OptionTrades",
    "StreamCounts",
    "UnderlyingQuotes",
    "UnderlyingTrades",
    "columns_of_kind",
    "flow_minutes",
    "impact_slope",
    "signed_log",
]

"""Signals read from the field at spot, each against its own past (requirements D69-D74)."""

from fields.signals.calibration import Calibration, IsotonicMap, PlattMap
from fields.signals.decay import decay_wind
from fields.signals.history import Standardised, TrailingSeries, TrailingWindow
from fields.signals.messages import Direction, Signal, SignalConfig, SignalInputs, SignalKind
from fields.signals.state import SignalCheckpoint, SignalState

__all__ = [
    "Calibration",
    "Direction",
    "IsotonicMap",
    "PlattMap",
    "Signal",
    "SignalCheckpoint",
    "SignalConfig",
    "SignalInputs",
    "SignalKind",
    "SignalState",
    "Standardised",
    "TrailingSeries",
    "TrailingWindow",
    "decay_wind",
]

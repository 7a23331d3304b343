"""What history adds to a field as JSON-able values: for the command, the API and the page."""

from __future__ import annotations

from dataclasses import fields
from enum import Enum
from math import isfinite

from fields.flow.features import FLOW_FEATURES
from fields.flow.messages import FlowMinute
from fields.live.market import MarketInputs
from fields.live.readings import LiveReadings
from fields.regime.axes import AxisReading
from fields.signals.messages import Signal
from market.clock import iso_of_ns

__all__ = ["describe_live"]


def _plain(value: object) -> object:
    """Return a value of a message as JSON knows it; NaN and infinities are None."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return float(value) if isfinite(value) else None
    return value


def _columns(message: object, names: tuple[str, ...]) -> dict[str, object]:
    return {name: _plain(getattr(message, name)) for name in names}


def _inputs(inputs: tuple[tuple[str, float], ...]) -> dict[str, object]:
    return {name: _plain(value) for name, value in inputs}


def _regime(reading: AxisReading) -> dict[str, object]:
    names = ("axis", "state", "unheld_state", "margin", "margin_input", "margin_to", "probability", "is_held", "reason")
    return {
        **_columns(reading, names),
        "since": iso_of_ns(reading.since_ns),
        "inputs": _inputs(reading.inputs),
        "version": reading.version,
    }


def _signal(signal: Signal) -> dict[str, object]:
    names = ("kind", "strength_z", "confidence", "is_calibrated", "calibration_n", "calibration_brier", "reason")
    return {
        **_columns(signal, names),
        "direction": signal.direction.name,
        "inputs": _inputs(signal.inputs),
    }


def _flow(minute: FlowMinute | None) -> dict[str, object] | None:
    if minute is None:
        return None
    return {
        "minute_end": iso_of_ns(minute.minute_end_ns),
        "values": {item.name: _plain(float(minute.values[item.column])) for item in FLOW_FEATURES},
        "units": {item.name: item.unit for item in FLOW_FEATURES},
        "reasons": dict(minute.reasons),
    }


def _every(message: object) -> dict[str, object]:
    return _columns(message, tuple(item.name for item in fields(message)))  # type: ignore[arg-type]  # a dataclass


def _market(inputs: MarketInputs) -> dict[str, object]:
    return {
        "values": {name: _plain(value) for name, value in inputs.numbers().items() if isfinite(value)},
        "cross": [_every(reading) for reading in inputs.cross],
        "ages_s": dict(inputs.ages_s),
        "reasons": dict(inputs.reasons),
        "simulated": inputs.simulated,
    }


def describe_live(live: LiveReadings) -> dict[str, object]:
    """Return everything that history adds to a field.

    Parameters
    ----------
    live : LiveReadings
        The readings.

    Returns
    -------
    dict
        JSON-able; units are in the names, NaN is None with a reason beside it.
    """
    return {
        "dealer": {**_every(live.dealer), "reasons": dict(live.dealer.reasons)},
        "impact": _every(live.impact),
        "feedback": _every(live.feedback),
        "decay_wind": _plain(live.decay_wind),
        "flow": _flow(live.flow),
        "regimes": [_regime(reading) for reading in live.regimes],
        "signals": [_signal(signal) for signal in live.signals],
        "implied_vol_30d": _plain(live.implied_vol_30d),
        "implied_vol_rank": _every(live.implied_vol_rank),
        "stream": _every(live.stream),
        "book": None if live.book is None else _every(live.book),
        "market": _market(live.market),
        "confidence": _plain(live.confidence),
        "confidence_reason": live.confidence_reason,
        "reasons": dict(live.reasons),
    }

"""What of a symbol's history goes into the summary: short enough to be sent for a thousand symbols."""

from __future__ import annotations

from math import isfinite

from fields.live.readings import LiveReadings
from fields.signals import Direction

__all__ = ["summarize_live"]


def _number(value: float) -> float | None:
    return value if isfinite(value) else None


def summarize_live(live: LiveReadings) -> dict[str, object]:
    """Return the part of the history that every event and summary carries.

    Parameters
    ----------
    live : LiveReadings
        The readings.

    Returns
    -------
    dict
        JSON-able: confidence, the state and margin of each regime by axis, signals that have a direction, the book's
        state and what was lost. Reasons of single readings stand in the full answer only.
    """
    return {
        "confidence": _number(live.confidence),
        "confidence_reason": live.confidence_reason,
        "regimes": {
            reading.axis.value: {"state": str(reading.state), "margin": _number(reading.margin)}
            for reading in live.regimes
        },
        "signals": [
            {
                "kind": signal.kind.value,
                "direction": signal.direction.name,
                "strength_z": _number(signal.strength_z),
                "confidence": _number(signal.confidence),
            }
            for signal in live.signals
            if signal.direction != Direction.NONE
        ],
        "dealer": {"opened_by": live.dealer.opened_by, "is_complete": live.dealer.is_complete},
        "rows_lost": live.stream.rows_lost,
    }

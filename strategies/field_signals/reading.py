"""A signal as it can be traded: how old it is, how much its probability is worth, how good its field is."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan

from fields.live.interpretation import Interpretation, confidence_of
from fields.signals import Direction, Signal, SignalKind
from strategies.decisions import Gate
from strategies.field_signals.terms import SignalTerms
from strategies.plan.gates import gate
from strategies.views import View

__all__ = ["TradableSignal", "signal_gates", "signal_of", "tradable_signal"]

_NS = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class TradableSignal:
    """One signal of a symbol with the quality of what it stands on.

    Parameters
    ----------
    signal : Signal
        The signal; its direction may be ``NONE``.
    quality : float
        Confidence in the field, 0 to 1; 0 where there is none.
    quality_reason : str
        What holds it down most; empty at 1.
    volatility : float
        At-the-money volatility at 30 days, annualised fraction; NaN where unknown.
    """

    signal: Signal
    quality: float
    quality_reason: str
    volatility: float

    @property
    def direction(self) -> int:
        """+1, -1, or 0 for none."""
        return int(self.signal.direction)

    @property
    def probability(self) -> float:
        """Calibrated probability drawn towards a half by the quality of the field; NaN without a calibration."""
        return 0.5 + self.quality * (self.signal.confidence - 0.5) if self.signal.is_calibrated else nan

    def share(self, terms: SignalTerms) -> float:
        """Return the part of a usual size that the signal is worth, 0 to 1; 0 where its strength is not known.

        A calibrated one has its edge over a coin, ``2 p - 1``; another one its strength, within `uncalibrated_share`.
        """
        if self.signal.is_calibrated:
            return min(max(2.0 * self.probability - 1.0, 0.0), 1.0)
        strength = abs(self.signal.strength_z)
        if not isfinite(strength):
            return 0.0
        return terms.uncalibrated_share * self.quality * min(strength / terms.full_strength, 1.0)


def signal_of(readings: Interpretation | None, kind: SignalKind) -> Signal | None:
    """Return the signal of a kind among readings; None where there is none."""
    signals = () if readings is None else readings.signals
    return next((each for each in signals if each.kind == kind), None)


def tradable_signal(view: View, symbol: str, kind: SignalKind) -> TradableSignal | None:
    """Return a signal of a symbol with the quality of its field; None where nothing was read.

    Parameters
    ----------
    view : View
        The market.
    symbol : str
        Underlying of the field.
    kind : SignalKind
        Which.

    Returns
    -------
    TradableSignal or None
        Also without a direction.
    """
    readings = view.readings(symbol)
    signal = signal_of(readings, kind)
    if readings is None or signal is None:
        return None
    snapshot = view.field(symbol)
    quality, why = (0.0, "there is no field") if snapshot is None else confidence_of(snapshot, flow_has_hole=False)
    return TradableSignal(signal=signal, quality=quality, quality_reason=why, volatility=readings.implied_vol_30d)


def signal_gates(found: TradableSignal | None, terms: SignalTerms, now_ns: int) -> tuple[Gate, ...]:
    """Return what is asked of a signal before an entry, in order.

    Parameters
    ----------
    found : TradableSignal or None
        The signal.
    terms : SignalTerms
        Bounds.
    now_ns : int
        Instant, ns since the epoch, UTC.

    Returns
    -------
    tuple of Gate
        A number that is missing has not passed.
    """
    if found is None:
        return (gate("signal_read", passed=False, reason="no readings of the symbol"),)
    signal, strength = found.signal, abs(found.signal.strength_z)
    age = (now_ns - signal.ts_event_ns) / _NS
    given = signal.direction is not Direction.NONE
    gates = [
        gate("signal_given", signal.strength_z, nan, passed=given, reason=signal.reason),
        gate("signal_fresh", age, terms.max_signal_age_s, passed=age <= terms.max_signal_age_s, reason="too old"),
        gate(
            "field_quality",
            found.quality,
            terms.min_quality,
            passed=found.quality >= terms.min_quality,
            reason=found.quality_reason,
        ),
    ]
    if signal.is_calibrated:
        good, bound = found.probability, terms.min_confidence
        gates.append(gate("probability", good, bound, passed=good >= bound, reason="too likely wrong"))
    else:
        bound, traded = terms.min_strength, terms.uncalibrated_share > 0.0
        why = "uncalibrated and too weak" if traded else "uncalibrated signals are not traded"
        gates.append(gate("uncalibrated_strength", strength, bound, passed=traded and strength >= bound, reason=why))
    return tuple(gates)

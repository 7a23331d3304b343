"""The four signals of one symbol: readings and an instant in, one record per signal out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from math import isfinite, log, nan
from typing import final

from fields.signals.calibration import Calibration
from fields.signals.history import Standardised, TrailingSeries, TrailingWindow
from fields.signals.messages import Direction, Signal, SignalConfig, SignalInputs, SignalKind
from market.errors import ConfigError

__all__ = ["SignalCheckpoint", "SignalState"]

_SERIES = ("gradient", "rate", "flow_change", "flip_distance", "vanna_flow", "flow")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalCheckpoint:
    """All that a `SignalState` knows.

    Parameters
    ----------
    series : tuple of (str, TrailingSeries)
        Past readings by name.
    session : datetime.date or None
        Session of the last update.
    side : int
        Side of zero gamma on which spot was last confirmed: +1 above, -1 below, 0 unknown.
    crossing_since_ns : int
        Instant from which spot is beyond zero gamma on the other side; -1 where it is not.
    last_ts_ns : int
        Instant of the last update.
    """

    series: tuple[tuple[str, TrailingSeries], ...]
    session: date | None
    side: int
    crossing_since_ns: int
    last_ts_ns: int


@final
class SignalState:
    """Four signals with the past of their readings; one writer, bounded memory, no clock of its own.

    Parameters
    ----------
    config : SignalConfig, optional
        Windows and thresholds.
    calibrations : sequence of Calibration, optional
        At most one per kind; a signal without one has no confidence.
    checkpoint : SignalCheckpoint, optional
        To go on from.
    """

    def __init__(
        self,
        config: SignalConfig | None = None,
        calibrations: Sequence[Calibration] = (),
        checkpoint: SignalCheckpoint | None = None,
    ) -> None:
        self.config = config or SignalConfig()
        self._calibrations = {calibration.kind: calibration for calibration in calibrations}
        if len(self._calibrations) != len(calibrations):
            raise ConfigError("a signal has two calibrations", found=str(len(calibrations)), expected="one per kind")
        saved = dict(checkpoint.series) if checkpoint else {}
        c = self.config
        self._past = {
            name: TrailingWindow(c.window_ns, c.sample_ns, c.max_samples, saved.get(name)) for name in _SERIES[:-1]
        }
        # Cumulative flow needs its look-back only; a quarter of it is fine enough.
        step = max(1, min(c.sample_ns, c.flow_lookback_ns // 4))
        self._past["flow"] = TrailingWindow(2 * c.flow_lookback_ns, step, c.max_samples, saved.get("flow"))
        self._session = checkpoint.session if checkpoint else None
        self._side = checkpoint.side if checkpoint else 0
        self._crossing_since_ns = checkpoint.crossing_since_ns if checkpoint else -1
        self._last_ts_ns = checkpoint.last_ts_ns if checkpoint else -1

    def checkpoint(self) -> SignalCheckpoint:
        """Return all that the state knows; calibrations are settings and not part of it."""
        return SignalCheckpoint(
            series=tuple((name, window.checkpoint()) for name, window in self._past.items()),
            session=self._session,
            side=self._side,
            crossing_since_ns=self._crossing_since_ns,
            last_ts_ns=self._last_ts_ns,
        )

    def update(self, inputs: SignalInputs, ts_ns: int) -> tuple[Signal, ...]:
        """Read the four signals at an instant.

        Parameters
        ----------
        inputs : SignalInputs
            Readings at the spot node, known at the instant.
        ts_ns : int
            As-of instant, ns UTC.

        Returns
        -------
        tuple of Signal
            One per `SignalKind`, in its order, with direction ``NONE`` where there is no signal.
        """
        if inputs.session != self._session:
            self._past["flow"].clear()
            self._session, self._side, self._crossing_since_ns = inputs.session, 0, -1
        if ts_ns < self._last_ts_ns:
            self._crossing_since_ns = min(self._crossing_since_ns, ts_ns)
        self._last_ts_ns = ts_ns
        found = (
            self._mean_reversion(inputs, ts_ns),
            self._momentum(inputs, ts_ns),
            self._gamma_flip(inputs, ts_ns),
            self._vanna(inputs, ts_ns),
        )
        return tuple(self._with_confidence(signal) for signal in found)

    def _standardise(self, name: str, value: float, ts_ns: int) -> Standardised:
        window = self._past[name]
        found = window.standardise(ts_ns, value, self.config.min_samples)
        window.add(ts_ns, value)
        return found

    def _mean_reversion(self, given: SignalInputs, ts_ns: int) -> Signal:
        gradient = self._standardise("gradient", given.potential_gradient_usd, ts_ns)
        used = (
            ("potential_gradient_usd", given.potential_gradient_usd),
            ("gamma_usd_per_pct", given.gamma_usd_per_pct),
        )
        signal = partial(_signal, SignalKind.MEAN_REVERSION, given, ts_ns, used, gradient.z)
        if not isfinite(given.gamma_usd_per_pct) or gradient.reason:
            return signal(gradient.reason or "dealer gamma is missing")
        if given.gamma_usd_per_pct <= 0.0:
            return signal("dealers are not long gamma")
        if abs(gradient.z) < self.config.reversion_z:
            return signal(f"gradient of {gradient.z:+.2f} deviations")
        return signal(
            f"long gamma, gradient at spot {gradient.z:+.2f} deviations from its past",
            _against(gradient.z),
        )

    def _momentum(self, given: SignalInputs, ts_ns: int) -> Signal:
        flow = self._past["flow"]
        flow.add(ts_ns, given.cumulative_flow_usd)
        change = given.cumulative_flow_usd - flow.at_or_before(ts_ns - self.config.flow_lookback_ns)
        rate = self._standardise("rate", given.potential_rate_usd_per_min, ts_ns)
        moved = self._standardise("flow_change", change, ts_ns)
        used = (
            ("potential_rate_usd_per_min", given.potential_rate_usd_per_min),
            ("flow_change_usd", change),
            ("gamma_usd_per_pct", given.gamma_usd_per_pct),
        )
        weaker = rate.z if abs(rate.z) <= abs(moved.z) else moved.z
        signal = partial(_signal, SignalKind.MOMENTUM, given, ts_ns, used, weaker)
        reason = (rate.reason and f"potential: {rate.reason}") or (moved.reason and f"flow: {moved.reason}")
        if not isfinite(given.gamma_usd_per_pct) or reason:
            return signal(reason or "dealer gamma is missing")
        if given.gamma_usd_per_pct >= 0.0:
            return signal("dealers are not short gamma")
        is_one_way = (
            given.potential_rate_usd_per_min * change > 0.0 and rate.z * change > 0.0 and moved.z * change > 0.0
        )
        if not is_one_way or abs(weaker) < self.config.momentum_z:
            return signal(f"potential {rate.z:+.2f}, flow {moved.z:+.2f} deviations: not both one way")
        return signal(
            f"short gamma, potential {rate.z:+.2f} and flow {moved.z:+.2f} deviations",
            Direction.LONG if change > 0.0 else Direction.SHORT,
        )

    def _gamma_flip(self, given: SignalInputs, ts_ns: int) -> Signal:
        is_known = given.spot > 0.0 and given.zero_gamma > 0.0
        distance = log(given.spot / given.zero_gamma) if is_known else nan
        stands = self._standardise("flip_distance", distance, ts_ns)
        used = (("spot", given.spot), ("zero_gamma", given.zero_gamma))
        signal = partial(_signal, SignalKind.GAMMA_FLIP, given, ts_ns, used, stands.z)
        if not isfinite(distance):
            self._crossing_since_ns = -1
            return signal("there is no zero-gamma level")
        side = 0 if abs(distance) < self.config.flip_band else (1 if distance > 0.0 else -1)
        if side in (0, self._side):
            self._crossing_since_ns = -1
            return signal("spot has not crossed zero gamma")
        if self._side == 0:
            self._side = side
            return signal("first side of zero gamma seen in this session")
        if self._crossing_since_ns < 0:
            self._crossing_since_ns = ts_ns
        if ts_ns - self._crossing_since_ns < self.config.flip_confirm_ns:
            return signal("crossing of zero gamma not yet confirmed")
        self._side, self._crossing_since_ns = side, -1
        gamma = given.gamma_usd_per_pct
        into = "short gamma" if gamma < 0.0 else "long gamma" if gamma > 0.0 else "gamma of unknown sign"
        where = "above" if side > 0 else "below"
        return signal(
            f"spot stayed {where} zero gamma, into {into}" + (f"; {stands.reason}" if stands.reason else ""),
            Direction.LONG if side > 0 else Direction.SHORT,
        )

    def _vanna(self, given: SignalInputs, ts_ns: int) -> Signal:
        # Dealers trade against the change of their delta: spec/fields.md 1.3.
        flow = -given.vanna_usd_per_volpt * given.expected_vol_change_pts
        stands = self._standardise("vanna_flow", flow, ts_ns)
        used = (
            ("vanna_usd_per_volpt", given.vanna_usd_per_volpt),
            ("expected_vol_change_pts", given.expected_vol_change_pts),
            ("hedge_flow_usd", flow),
        )
        signal = partial(_signal, SignalKind.VANNA, given, ts_ns, used, stands.z)
        if stands.reason:
            return signal(stands.reason)
        if flow * stands.z <= 0.0 or abs(stands.z) < self.config.vanna_z:
            return signal(f"expected hedge flow of {stands.z:+.2f} deviations")
        name = "rally" if flow > 0.0 else "crash"
        return signal(
            f"vanna {name}: expected hedge flow {stands.z:+.2f} deviations from its past",
            Direction.LONG if flow > 0.0 else Direction.SHORT,
        )

    def _with_confidence(self, signal: Signal) -> Signal:
        if signal.direction is Direction.NONE:
            return signal
        calibration = self._calibrations.get(signal.kind)
        lacking = "uncalibrated" if calibration is None else ""
        if calibration is not None and calibration.fitted_until_ns > signal.ts_event_ns:
            lacking = "uncalibrated: the calibration knows later data"
        if not isfinite(signal.strength_z):
            lacking = lacking or "uncalibrated: the strength is unknown"
        if lacking or calibration is None:
            return replace(signal, reason=f"{signal.reason}; {lacking}")
        return replace(
            signal,
            confidence=calibration.curve.probability(abs(signal.strength_z)),
            is_calibrated=True,
            calibration_n=calibration.n,
            calibration_brier=calibration.brier,
        )


def _against(z: float) -> Direction:
    return Direction.SHORT if z > 0.0 else Direction.LONG


def _signal(
    kind: SignalKind,
    given: SignalInputs,
    ts_ns: int,
    used: tuple[tuple[str, float], ...],
    z: float,
    reason: str,
    direction: Direction = Direction.NONE,
) -> Signal:
    return Signal(
        kind=kind,
        direction=direction,
        strength_z=z,
        confidence=nan,
        is_calibrated=False,
        calibration_n=0,
        calibration_brier=nan,
        reason=reason,
        inputs=used,
        ts_event_ns=ts_ns,
        cause_id=given.cause_id,
    )

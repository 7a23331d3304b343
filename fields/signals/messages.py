"""What goes into the signals and what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from market.errors import ConfigError

__all__ = ["Direction", "Signal", "SignalConfig", "SignalInputs", "SignalKind"]

_MINUTE_NS = 60_000_000_000
_DAY_NS = 86_400_000_000_000


class SignalKind(StrEnum):
    """The four signals."""

    MEAN_REVERSION = "mean_reversion"  # long gamma: against the gradient of the potential at spot
    MOMENTUM = "momentum"  # short gamma: with the potential's change in time, confirmed by signed flow
    GAMMA_FLIP = "gamma_flip"  # spot has crossed zero gamma and stayed beyond it
    VANNA = "vanna"  # hedging of an expected change of volatility


class Direction(IntEnum):
    """Where price is expected to go."""

    SHORT = -1
    NONE = 0
    LONG = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalConfig:
    """Settings of the signals.

    Parameters
    ----------
    window_ns : int
        Trailing time over which a reading is standardised, ns.
    sample_ns : int
        Shortest time between two readings that are remembered: the past is a sample in time, not in updates.
    max_samples : int
        Readings remembered at most.
    min_samples : int
        Readings needed.
    reversion_z : float
        Smallest standardised gradient of a mean-reversion signal.
    momentum_z : float
        Smallest standardised change of the potential and of signed flow of a momentum signal.
    flow_lookback_ns : int
        Time over which cumulative signed flow is compared, ns.
    flip_confirm_ns : int
        How long spot stays beyond zero gamma before the crossing counts, ns.
    flip_band : float
        How far beyond zero gamma spot has to be, log price.
    vanna_z : float
        Smallest standardised hedge flow of a vanna signal.
    """

    window_ns: int = 20 * _DAY_NS
    sample_ns: int = _MINUTE_NS
    max_samples: int = 8192
    min_samples: int = 60
    reversion_z: float = 2.0
    momentum_z: float = 1.0
    flow_lookback_ns: int = 10 * _MINUTE_NS
    flip_confirm_ns: int = 3 * _MINUTE_NS
    flip_band: float = 5e-4
    vanna_z: float = 1.5

    def __post_init__(self) -> None:
        if not (0 < self.sample_ns <= self.window_ns and 2 <= self.min_samples <= self.max_samples):
            raise ConfigError(
                "the signals' window holds no past",
                found=f"{self.window_ns} ns by {self.sample_ns} ns, {self.min_samples} to {self.max_samples} samples",
                expected="0 < sample_ns <= window_ns, 2 <= min_samples <= max_samples",
            )
        if self.flow_lookback_ns <= 0 or self.flip_confirm_ns < 0 or self.flip_band < 0.0:
            raise ConfigError(
                "look-back, confirmation or band is negative",
                found=f"{self.flow_lookback_ns}, {self.flip_confirm_ns}, {self.flip_band}",
                expected="> 0, >= 0, >= 0",
            )
        if min(self.reversion_z, self.momentum_z, self.vanna_z) < 0.0:
            raise ConfigError("thresholds of signals must not be negative", found="a negative one", expected=">= 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalInputs:
    """Readings at the spot node; NaN where unknown, and then the signals that need it say so.

    Parameters
    ----------
    session : datetime.date
        Trading session: cumulative flow and a crossing under way do not outlive it.
    spot : float
        Reference price.
    gamma_usd_per_pct : float
        Net dealer gamma at spot, USD per 1 %; its sign tells long from short.
    potential_gradient_usd : float
        Derivative of the potential with respect to log price at the spot node, USD.
    potential_rate_usd_per_min : float
        Change of the potential at the spot node in time, on the grid that moves with spot, USD per minute.
    cumulative_flow_usd : float
        Signed flow since the session's open (aggressor sign x dollars), USD.
    zero_gamma : float
        Nearest level at which dealer gamma is zero.
    vanna_usd_per_volpt : float
        Net dealer vanna at spot, USD per vol point.
    expected_vol_change_pts : float
        Expected change of at-the-money volatility over the horizon, vol points.
    cause_id : str
        Id of the field that these come from.
    """

    session: date
    spot: float
    gamma_usd_per_pct: float
    potential_gradient_usd: float
    potential_rate_usd_per_min: float
    cumulative_flow_usd: float
    zero_gamma: float
    vanna_usd_per_volpt: float
    expected_vol_change_pts: float
    cause_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal at one instant; also where there is none, and then `direction` is ``NONE`` and `reason` says why.

    Parameters
    ----------
    kind : SignalKind
        Which.
    direction : Direction
        Where price is expected to go.
    strength_z : float
        Reading in standard deviations of its own past, signed like the reading; NaN where there is none.
    confidence : float
        Probability that the direction is right, by a calibration; NaN without one.
    is_calibrated : bool
        Whether a calibration stands behind `confidence`.
    calibration_n : int
        Signals behind the calibration; 0 without one.
    calibration_brier : float
        Its Brier score out of sample; NaN without one.
    reason : str
        Why there is a signal or none, and why it has no confidence.
    inputs : tuple of (str, float)
        Names and values that were used.
    ts_event_ns : int
        As-of instant, ns UTC.
    cause_id : str
        Id of the field.
    """

    kind: SignalKind
    direction: Direction
    strength_z: float
    confidence: float
    is_calibrated: bool
    calibration_n: int
    calibration_brier: float
    reason: str
    inputs: tuple[tuple[str, float], ...]
    ts_event_ns: int
    cause_id: str

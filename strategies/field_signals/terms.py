"""What a strategy of field signals may be told: when a signal counts, how much is risked, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import inf

from strategies.parameters import require_between, require_rising

__all__ = ["OptionTerms", "SignalTerms", "StopUnit", "Vehicle"]


class Vehicle(StrEnum):
    """What is traded on a signal."""

    UNDERLYING = "underlying"  # the instrument itself: a share, a perpetual or a future
    LONG_OPTION = "long_option"  # a call bought for a rise, a put for a fall
    VERTICAL = "vertical"  # a debit spread that way


class StopUnit(StrEnum):
    """What the distance of the stop is counted in."""

    SIGMA = "sigma"  # at-the-money volatility at 30 days over the longest hold
    ATR = "atr"  # average true range of the bars


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTerms:
    """Which option is bought where options are traded.

    Parameters
    ----------
    delta : float
        Size of delta of the bought leg, in (0, 1).
    width : float
        Points from it to the sold leg of a vertical, > 0.
    days, shortest, longest : int
        Calendar days to expiration: wanted, least and most, ``0 <= shortest <= days <= longest``.
    allowance : float
        How much worse than the price seen an order may fill, as a share of it, in [0, 1).

    Raises
    ------
    ConfigError
        A number lies outside its range.
    """

    delta: float = 0.5
    width: float = 25.0
    days: int = 7
    shortest: int = 1
    longest: int = 14
    allowance: float = 0.1

    def __post_init__(self) -> None:
        require_between("option", "delta", self.delta, 0.0, 1.0, open_low=True, open_high=True)
        require_between("option", "width", self.width, 0.0, inf, open_low=True, open_high=True)
        require_between("option", "shortest", self.shortest, 0, 3_660)
        require_rising("option", "shortest - 1", self.shortest - 1, "days", self.days)
        require_rising("option", "days - 1", self.days - 1, "longest", self.longest)
        require_between("option", "allowance", self.allowance, 0.0, 1.0, open_high=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTerms:
    """Settings that all strategies of field signals share.

    Parameters
    ----------
    vehicle : Vehicle
        What is traded.
    option : OptionTerms
        Which option, where options are.
    min_confidence : float
        Least probability that the direction is right, after the quality of the field has drawn it towards a half; asked
        where the signal is calibrated, in [0.5, 1).
    min_strength : float
        Least size of the standardised reading, deviations, >= 0; asked where it is not.
    full_strength : float
        Size of the reading at which an uncalibrated signal has all that `uncalibrated_share` leaves, > `min_strength`.
    uncalibrated_share : float
        Part of a usual size that a signal without a calibration may have, in [0, 1]; 0 trades calibrated ones only.
    min_quality : float
        Least confidence in the field (surface, open interest, chain), in [0, 1] (D125x).
    max_signal_age_s : float
        Oldest signal that is acted upon, seconds, > 0.
    risk_share : float
        Share of the equity lost at the stop, or at most where an option is bought, in (0, 1].
    max_notional_share : float
        Largest worth of the position as a share of the equity, > 0.
    max_quantity : float
        Most units, or packages, > 0.
    stop_unit : StopUnit
        What `stop_distance` counts.
    stop_distance : float
        How far the underlying may go the wrong way, > 0.
    atr_bars : int
        Bars of the average true range, >= 1.
    max_hold_s : float
        Seconds after which it is closed, > 0.
    flat_before_close_s : float
        Seconds before the close of the session from which on it is closed and nothing is opened, >= 0; 0 holds on.
    cool_down_s : float
        Seconds after an exit in which nothing is opened, >= 0.
    collar : float
        How far beyond the price seen an order for the underlying may fill, a share in [0, 0.2].
    order_life_s : float
        Seconds after which an order that rests is withdrawn, > 0.
    calendar : str
        Exchange calendar of the sessions, or ``24/7``.

    Raises
    ------
    ConfigError
        A number lies outside its range.
    """

    vehicle: Vehicle = Vehicle.UNDERLYING
    option: OptionTerms = OptionTerms()  # frozen
    min_confidence: float = 0.55
    min_strength: float = 1.0
    full_strength: float = 4.0
    uncalibrated_share: float = 0.25
    min_quality: float = 0.3
    max_signal_age_s: float = 600.0
    risk_share: float = 0.005
    max_notional_share: float = 1.0
    max_quantity: float = 10_000.0
    stop_unit: StopUnit = StopUnit.SIGMA
    stop_distance: float = 1.0
    atr_bars: int = 14
    max_hold_s: float = 3_600.0
    flat_before_close_s: float = 600.0
    cool_down_s: float = 300.0
    collar: float = 0.01
    order_life_s: float = 300.0
    calendar: str = "NYSE"

    def __post_init__(self) -> None:
        require_between("terms", "min_confidence", self.min_confidence, 0.5, 1.0, open_high=True)
        require_between("terms", "min_strength", self.min_strength, 0.0, inf, open_high=True)
        require_rising("terms", "min_strength", self.min_strength, "full_strength", self.full_strength)
        for name in ("uncalibrated_share", "min_quality"):
            require_between("terms", name, getattr(self, name), 0.0, 1.0)
        require_between("terms", "risk_share", self.risk_share, 0.0, 1.0, open_low=True)
        spans = (
            "max_signal_age_s",
            "max_notional_share",
            "max_quantity",
            "stop_distance",
            "max_hold_s",
            "order_life_s",
        )
        for name in spans:
            require_between("terms", name, getattr(self, name), 0.0, inf, open_low=True, open_high=True)
        for name in ("flat_before_close_s", "cool_down_s"):
            require_between("terms", name, getattr(self, name), 0.0, inf, open_high=True)
        require_between("terms", "atr_bars", self.atr_bars, 1, 10_000)
        require_between("terms", "collar", self.collar, 0.0, 0.2)

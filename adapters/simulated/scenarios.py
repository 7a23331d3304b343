"""A scenario: one dated session that is led along a path, and the facts that it must meet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np

from adapters.simulated.groups import CustomerGroup
from market.chains import BoolArray, FloatArray
from market.errors import ConfigError

__all__ = ["Fact", "FactKind", "FlowSurge", "Scenario", "Waypoint"]


class FactKind(StrEnum):
    """What a fact says of the day; returns are relative to the previous close."""

    OPEN = "open"  # return
    HIGH = "high"  # return
    LOW = "low"  # return
    CLOSE = "close"  # return
    LOW_MINUTE = "low_minute"  # minutes after the open
    VOLATILITY_9D = "volatility_9d"  # variance index of 9 days at the close, fraction
    VOLATILITY_30D = "volatility_30d"  # of 30 days at the close
    VOLATILITY_93D = "volatility_93d"  # of 93 days at the close
    VOLATILITY_30D_OPEN = "volatility_30d_open"  # of 30 days at the open
    LAST_HOUR_AMPLIFICATION = "last_hour_amplification"  # median of the truth's amplification
    SAME_DAY_VOLUME_SHARE = "same_day_volume_share"  # of the day's option volume in what expires that day


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One published figure, or one that the scenario sets out to show.

    Parameters
    ----------
    kind : FactKind
        What is measured.
    value : float
        The figure.
    tolerance : float
        How far the simulated day may be away, in the unit of the figure.
    source : str
        Where the figure is published; empty where the scenario is invented.
    """

    kind: FactKind
    value: float
    tolerance: float
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """Where hidden value and variance stand at a minute of the session.

    Parameters
    ----------
    minute : float
        Minutes after the open.
    price_return : float
        Of the value, relative to the previous close.
    variance : float
        Instantaneous variance, per year.
    """

    minute: float
    price_return: float
    variance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSurge:
    """More trades of one group of customers for a while.

    Parameters
    ----------
    group : CustomerGroup
        Who.
    first_minute, last_minute : float
        When, minutes after the open.
    multiple : float
        Multiplies the group's trades, >= 0.
    same_day : bool
        True for trades in what expires that day only.
    """

    group: CustomerGroup
    first_minute: float
    last_minute: float
    multiple: float
    same_day: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One session that is led along a path.

    Parameters
    ----------
    name : str
        Name; it stands in the provenance of everything that the market emits.
    day : datetime.date
        The session.
    previous_close : float
        Of the symbols' price, USD; returns are relative to it.
    waypoints : tuple of Waypoint
        In time order; between them value and log variance are bridges around straight lines. None leaves the day to
        chance.
    floor, ceiling : float
        Lowest and highest return of the hidden value during the day.
    surges : tuple of FlowSurge
        Extra flow of customers.
    facts : tuple of Fact
        What the day must meet.
    """

    name: str
    day: date
    previous_close: float
    waypoints: tuple[Waypoint, ...] = ()
    floor: float = -0.9
    ceiling: float = 9.0
    surges: tuple[FlowSurge, ...] = ()
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        minutes = [item.minute for item in self.waypoints]
        returns = [item.price_return for item in self.waypoints]
        inside = all(self.floor <= item <= self.ceiling for item in returns)
        if minutes != sorted(set(minutes)) or not inside or not self.previous_close > 0.0 or not self.floor > -1.0:
            raise ConfigError(
                f"scenario {self.name} has no path",
                found=f"minutes {minutes}, returns {returns}",
                expected="rising minutes, returns between floor and ceiling",
            )

    def path(self, minute: float) -> tuple[float, float]:
        """Return the logarithms of value and variance on the straight lines between waypoints.

        Parameters
        ----------
        minute : float
            Minutes after the open.

        Returns
        -------
        log_value, log_variance : float
            Of the value in USD; of the variance per year.
        """
        minutes = [item.minute for item in self.waypoints]
        log_value = np.interp(minute, minutes, [np.log1p(item.price_return) for item in self.waypoints])
        log_variance = np.interp(minute, minutes, [np.log(item.variance) for item in self.waypoints])
        return float(np.log(self.previous_close) + log_value), float(log_variance)

    def left(self, minute: float) -> float:
        """Return the minutes from an instant to the waypoint after it, infinite behind the last."""
        return min((item.minute - minute for item in self.waypoints if item.minute > minute + 1e-9), default=np.inf)

    def flow(self, minute: float, same_day: BoolArray) -> FloatArray:
        """Return the multiple of each group's trades in each strike.

        Parameters
        ----------
        minute : float
            Minutes after the open.
        same_day : ndarray of bool, shape (n_strikes,)
            True for what expires that day.

        Returns
        -------
        ndarray, shape (5, n_strikes)
            1 where nothing surges.
        """
        multiple = np.ones((len(CustomerGroup), same_day.size))
        for surge in self.surges:
            if surge.first_minute <= minute < surge.last_minute:
                multiple[surge.group, same_day | (not surge.same_day)] *= surge.multiple
        return multiple

"""Checks of strategy parameters: what cannot be is refused before a run, with what was found and expected."""

from __future__ import annotations

from math import isfinite
from zoneinfo import ZoneInfo

from market.errors import ConfigError

__all__ = ["require", "require_between", "require_rising", "require_zone"]


def require(owner: str, what: str, found: object, expected: str, *, holds: bool) -> None:
    """Raise a `ConfigError` unless a condition holds.

    Parameters
    ----------
    owner : str
        Strategy or rule whose parameter it is.
    what : str
        Parameter, or the pair that must fit.
    found : object
        What it is.
    expected : str
        What it should be, in words.
    holds : bool
        The condition.

    Raises
    ------
    ConfigError
        It does not hold.
    """
    if not holds:
        raise ConfigError(f"{owner}: {what} cannot be", found=str(found), expected=expected)


def require_between(
    owner: str, what: str, value: float, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> None:
    """Raise a `ConfigError` unless a number lies in a range.

    Parameters
    ----------
    owner, what : str
        As in `require`.
    value : float
        The parameter; never NaN.
    low, high : float
        Range.
    open_low, open_high : bool, optional
        Whether the end itself is outside.

    Raises
    ------
    ConfigError
        It lies outside.
    """
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    start, end = "above" if open_low else "at least", "below" if open_high else "at most"
    bounds = f"{start} {low:g}" + (f" and {end} {high:g}" if isfinite(high) else "")
    require(owner, what, value, bounds, holds=above and below)


def require_rising(owner: str, low_name: str, low: float, high_name: str, high: float) -> None:
    """Raise a `ConfigError` unless one parameter lies below another.

    Parameters
    ----------
    owner : str
        As in `require`.
    low_name : str
        Name of the lower one.
    low : float
        Its value.
    high_name : str
        Name of the higher one.
    high : float
        Its value.

    Raises
    ------
    ConfigError
        ``low >= high``.
    """
    require(
        owner, f"{low_name} and {high_name}", f"{low:g} and {high:g}", f"{low_name} < {high_name}", holds=low < high
    )


def require_zone(owner: str, zone: str) -> None:
    """Raise a `ConfigError` unless a time zone exists.

    Parameters
    ----------
    owner : str
        As in `require`.
    zone : str
        Name of the zone.

    Raises
    ------
    ConfigError
        There is no zone of that name; letters count as they are written.
    """
    try:
        ZoneInfo(zone)
    except (KeyError, OSError, ValueError) as error:
        raise ConfigError(f"{owner}: zone cannot be", found=zone, expected="a zone such as America/New_York") from error

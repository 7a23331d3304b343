"""A number or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan

__all__ = ["Figure", "figure", "missing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One metric.

    Parameters
    ----------
    value : float
        NaN where it is not defined; never 0 in its place.
    reason : str
        Why it is missing; empty where it is not.
    """

    value: float
    reason: str = ""


def missing(reason: str) -> Figure:
    """Return a figure that is not defined, with its reason."""
    return Figure(value=nan, reason=reason)


def figure(value: float, *, otherwise: str = "the result is not finite") -> Figure:
    """Return a figure, missing for the given reason where the value is not finite."""
    number = float(value)
    return Figure(value=number) if isfinite(number) else missing(otherwise)

"""Numbers as words: signs that align, digits that suffice, and a dash where there is no number."""

from __future__ import annotations

import math
from typing import Final

from market.clock import datetime_of_ns

__all__ = ["GLUE", "MISSING", "MONTHS", "instant", "money", "number", "percent", "short_money", "signed"]

MISSING: Final = "–"
"""What stands in the place of a number that does not exist; the reason stands beside it."""

GLUE: Final = "\N{NO-BREAK SPACE}"
"""Before a unit, which never stands alone on a line of text."""

MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
"""Heads of the columns of a year."""

_MINUS: Final = "\N{MINUS SIGN}"
_STEPS: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def _with_minus(text: str) -> str:
    # A negative number that rounds to nothing is nothing.
    text = text.removeprefix("-") if not text.strip("-+0.,") else text
    return text.replace("-", _MINUS)


def number(value: float, digits: int = 2) -> str:
    """Return a number with so many decimals, thousands set apart."""
    return _with_minus(f"{value:,.{digits}f}") if math.isfinite(value) else MISSING


def signed(value: float, digits: int = 2) -> str:
    """Return a number with its sign, also where it is positive."""
    return _with_minus(f"{value:+,.{digits}f}") if math.isfinite(value) else MISSING


def percent(value: float, digits: int = 2) -> str:
    """Return a fraction in per cent, such as ``4.21 %``."""
    return f"{number(100.0 * value, digits)}{GLUE}%" if math.isfinite(value) else MISSING


def money(value: float, currency: str, *, plus: bool = False) -> str:
    """Return an amount with its cents and its currency, such as ``−1,204.50 USD``."""
    if not math.isfinite(value):
        return MISSING
    return f"{signed(value) if plus else number(value)}{GLUE}{currency}"


def short_money(value: float) -> str:
    """Return an amount for an axis, such as ``102.5k``: four digits at most, no currency."""
    if not math.isfinite(value):
        return MISSING
    rounded = float(f"{value:.3e}")  # before the unit is chosen, so that 999,999 becomes 1M
    size, unit = next(((s, u) for s, u in _STEPS if abs(rounded) >= s), (1.0, ""))
    return _with_minus(f"{rounded / size:.6g}") + unit


def instant(ts_ns: int) -> str:
    """Return an instant to the minute, UTC, such as ``2025-06-02 13:30``."""
    return f"{datetime_of_ns(ts_ns):%Y-%m-%d %H:%M}"

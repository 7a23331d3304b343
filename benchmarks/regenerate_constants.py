"""Print the polynomial coefficients of `fields.primitives`, recomputed with 60 digits.

Run ``python -m benchmarks.regenerate_constants`` and paste; the tests compare a table with `coefficients`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpmath import atanh, chebyfit, erfc, exp, log, mpf, pi, sqrt, workdps

__all__ = ["coefficients"]

_DIGITS = 60


def _atanh_series(square: Any) -> Any:
    """Return 2 atanh(z)/z of z squared."""
    z = sqrt(square)
    return 2 * atanh(z) / z if square else mpf(2)


def _scaled_mills(t: Any) -> Any:
    """Return (y + 1) M(y) at y = 5 (1 + t) / (1 - t), which tends to 1 at infinity."""
    if t == 1:
        return mpf(1)
    y = 5 * (1 + t) / (1 - t)
    if y < 200:
        return (y + 1) * sqrt(pi / 2) * exp(y * y / 2) * erfc(y / sqrt(2))
    term = total = mpf(1)
    for k in range(1, 40):  # the asymptotic series, far below 60 digits at y = 200
        term *= -(2 * k - 1) / y**2
        total += term
    return (y + 1) * total / y


def _tail_factor(t: Any) -> Any:
    """Return N(-y) exp(y**2 / 2) at y = 4 (1 + t) / (1 - t)."""
    y = 4 * (1 + t) / (1 - t)
    return exp(y * y / 2) * erfc(y / sqrt(2)) / 2


def coefficients() -> dict[str, tuple[tuple[float, ...], float]]:
    """Return each table as (coefficients in rising powers, largest error of the fit)."""
    with workdps(_DIGITS):
        fits: dict[str, tuple[Callable[[Any], Any], list[Any], int]] = {
            "exp": (exp, [-log(2) / 2, log(2) / 2], 12),
            "half_power": (lambda r: mpf(2) ** -r, [mpf("-0.5"), mpf("0.5")], 10),
            "log_ratio": (_atanh_series, [0, mpf("0.0529")], 10),
            "mills": (_scaled_mills, [-1, 1], 24),
            # To y = 7; the bell makes nothing of what is beyond.
            "tail_factor": (_tail_factor, [-1, mpf(3) / 11], 15),
        }
        found: dict[str, tuple[tuple[float, ...], float]] = {}
        for name, (function, interval, terms) in fits.items():
            falling, error = chebyfit(function, interval, terms, error=True)
            found[name] = (tuple(float(c) for c in reversed(falling)), float(error))
        return found


if __name__ == "__main__":
    for table, (values, largest_error) in coefficients().items():
        print(f"{table}: largest error {largest_error:.1e}")
        for value in values:
            print(f"    {value!r},")

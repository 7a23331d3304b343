"""Compiled loops of fuzzy sizing: one membership function over a column, added to weighted sums or written out."""

from __future__ import annotations

from math import exp, isfinite

from fields.jit import F64, OUT, REAL, kernel, primitive
from market.chains import FloatArray

__all__ = ["add_crossover", "add_gaussian", "add_trapezoid", "write_crossover", "write_gaussian", "write_trapezoid"]

_SATURATED = 700.0


@primitive
def _trapezoid(x: float, a: float, b: float, c: float, d: float) -> float:
    if x < b:
        return 0.0 if x <= a else (x - a) / (b - a)
    if x > c:
        return 0.0 if x >= d else (d - x) / (d - c)
    return 1.0


@primitive
def _gaussian(x: float, low: float, high: float, deviation: float) -> float:
    beyond = x - low if x < low else x - high if x > high else 0.0
    distance = beyond / deviation
    return exp(-0.5 * distance * distance)


@primitive
def _crossover(x: float, at: float, steepness: float) -> float:
    if not isfinite(steepness):
        return 1.0 if x > at else 0.0
    z = steepness * (x - at)
    z = min(max(z, -_SATURATED), _SATURATED)
    return 1.0 / (1.0 + exp(-z))


@kernel(F64, REAL, REAL, REAL, REAL, REAL, OUT, OUT)
def add_trapezoid(
    x: FloatArray, a: float, b: float, c: float, d: float, weight: float, summed: FloatArray, present: FloatArray
) -> None:
    """Add a weighted trapezoid of every finite number, and its weight."""
    for i in range(x.shape[0]):
        if isfinite(x[i]):
            summed[i] += weight * _trapezoid(x[i], a, b, c, d)
            present[i] += weight


@kernel(F64, REAL, REAL, REAL, REAL, OUT, OUT)
def add_gaussian(
    x: FloatArray, low: float, high: float, deviation: float, weight: float, summed: FloatArray, present: FloatArray
) -> None:
    """Add a weighted Gaussian of every finite number, and its weight."""
    for i in range(x.shape[0]):
        if isfinite(x[i]):
            summed[i] += weight * _gaussian(x[i], low, high, deviation)
            present[i] += weight


@kernel(F64, REAL, REAL, REAL, OUT, OUT)
def add_crossover(
    x: FloatArray, at: float, steepness: float, weight: float, summed: FloatArray, present: FloatArray
) -> None:
    """Add a weighted logistic of every finite number, and its weight."""
    for i in range(x.shape[0]):
        if isfinite(x[i]):
            summed[i] += weight * _crossover(x[i], at, steepness)
            present[i] += weight


@kernel(F64, REAL, REAL, REAL, REAL, OUT, OUT)
def write_trapezoid(
    x: FloatArray, a: float, b: float, c: float, d: float, value: FloatArray, present: FloatArray
) -> None:
    """Write the trapezoid of each number and 1, or twice 0 where it is missing."""
    for i in range(x.shape[0]):
        known = isfinite(x[i])
        value[i] = _trapezoid(x[i], a, b, c, d) if known else 0.0
        present[i] = 1.0 if known else 0.0


@kernel(F64, REAL, REAL, REAL, OUT, OUT)
def write_gaussian(
    x: FloatArray, low: float, high: float, deviation: float, value: FloatArray, present: FloatArray
) -> None:
    """Write the Gaussian of each number and 1, or twice 0 where it is missing."""
    for i in range(x.shape[0]):
        known = isfinite(x[i])
        value[i] = _gaussian(x[i], low, high, deviation) if known else 0.0
        present[i] = 1.0 if known else 0.0


@kernel(F64, REAL, REAL, OUT, OUT)
def write_crossover(x: FloatArray, at: float, steepness: float, value: FloatArray, present: FloatArray) -> None:
    """Write the logistic of each number and 1, or twice 0 where it is missing."""
    for i in range(x.shape[0]):
        known = isfinite(x[i])
        value[i] = _crossover(x[i], at, steepness) if known else 0.0
        present[i] = 1.0 if known else 0.0

"""What several time frames say together: a mean sign, or how little they moved; two measures under two names (Q59)."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan

from market.errors import ConfigError

__all__ = ["mean_sign", "movement"]


def mean_sign(signs: Sequence[float], weights: Sequence[float]) -> float:
    """Return the weighted mean sign of several time frames.

    Parameters
    ----------
    signs : sequence of float
        Numbers whose signs count, such as ``close - average`` of each time frame; NaN where one is missing.
    weights : sequence of float
        One for each, >= 0, of a sum above 0.

    Returns
    -------
    float
        -1 where all fall, 1 where all rise, about 0 where they disagree; NaN where one with a weight is missing: the
        rest could agree by the very absence of the one that does not.
    """
    _require_weights(signs, weights)
    if any(weight > 0.0 and not isfinite(sign) for sign, weight in zip(signs, weights, strict=True)):
        return nan
    found = sum(w * ((sign > 0.0) - (sign < 0.0)) for sign, w in zip(signs, weights, strict=True) if w > 0.0)
    return found / sum(weights)


def movement(moves: Sequence[float], weights: Sequence[float]) -> float:
    """Return how much several time frames moved, the measure of the system that the roadmap describes.

    Parameters
    ----------
    moves : sequence of float
        ``close / open - 1`` of the newest closed bar of each time frame; NaN where it is missing.
    weights : sequence of float
        One for each, >= 0, of a sum above 0; there daily 0.5, hourly 0.35, five minutes 0.15.

    Returns
    -------
    float
        Weighted mean of ``min(1, 100 |move|)``: 0 where nothing moved, 1 where all moved 1 % or more. Its complement is
        the original's factor, which the linear family makes of it; that is the *absence of movement* and says nothing
        of agreement. NaN where one with a weight is missing.
    """
    _require_weights(moves, weights)
    if any(weight > 0.0 and not isfinite(move) for move, weight in zip(moves, weights, strict=True)):
        return nan
    found = sum(w * min(1.0, 100.0 * abs(move)) for move, w in zip(moves, weights, strict=True) if w > 0.0)
    return found / sum(weights)


def _require_weights(values: Sequence[float], weights: Sequence[float]) -> None:
    fits = len(values) == len(weights) and all(isfinite(w) and w >= 0.0 for w in weights) and sum(weights) > 0.0
    if not fits:
        raise ConfigError(
            "weights of time frames cannot be",
            found=f"{list(weights)} for {len(values)} frames",
            expected="one for each, >= 0, not all 0",
        )

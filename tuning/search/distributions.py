"""Coordinates of a space as Optuna names them, and points there and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from tuning.space.dimensions import LOGIT_REACH, Simplex
from tuning.space.scales import Choice, Integer, Scale, Uniform
from tuning.space.space import Space
from tuning.work import Point, Value

__all__ = ["distributions_of", "params_of", "point_of"]


def distributions_of(space: Space) -> dict[str, BaseDistribution]:
    """Return what Optuna may draw for each coordinate, sorted by name."""
    return {each.name: _distribution(each.scale) for each in sorted(space.coordinates, key=lambda each: each.name)}


def params_of(space: Space, point: Point) -> dict[str, Any]:
    """Return a point of the space as Optuna holds it.

    Parameters
    ----------
    space : Space
        Where.
    point : Point
        In it.

    Returns
    -------
    dict of str to object
        By coordinate, sorted by name. Logits are moved between their bounds, which leaves the weights as they are.
    """
    held = point.as_dict()
    for dimension in space.dimensions:
        if isinstance(dimension, Simplex):
            names = [each.name for each in dimension.coordinates]
            held |= _within([(name, float(held[name])) for name in names])
    scales = {each.name: each.scale for each in space.coordinates}
    return {name: _param(scales[name], held[name]) for name in sorted(held)}


def point_of(space: Space, params: Mapping[str, Any]) -> Point:
    """Return the point that parameters of Optuna stand for, as the space holds it."""
    return space.point({each.name: _value(each.scale, params[each.name]) for each in space.coordinates})


def _distribution(scale: Scale) -> BaseDistribution:
    if isinstance(scale, Uniform):
        return FloatDistribution(scale.low, scale.high, log=scale.log)
    if isinstance(scale, Integer):
        return IntDistribution(scale.low, scale.high, log=scale.log, step=scale.step)
    if isinstance(scale, Choice):
        return CategoricalDistribution(_labels(scale))
    return FloatDistribution(float(scale.low), float(scale.high), step=float(scale.step))


def _labels(scale: Choice) -> tuple[Value, ...]:
    # Optuna finds a category by equality, and True is equal to 1.
    return scale.values if len(set(scale.values)) == len(scale.values) else tuple(map(repr, scale.values))


def _param(scale: Scale, value: Value) -> Any:
    if isinstance(scale, Choice):
        return _labels(scale)[[repr(each) for each in scale.values].index(repr(value))]
    return int(value) if isinstance(scale, Integer) else float(value)


def _value(scale: Scale, param: Any) -> Value:
    if isinstance(scale, Choice):
        return scale.values[_labels(scale).index(param)]
    taken: Value = param
    return taken


def _within(logits: list[tuple[str, float]]) -> dict[str, Value]:
    numbers = [number for _, number in logits]
    middle = (max(numbers) + min(numbers)) / 2.0 if max(map(abs, numbers)) > LOGIT_REACH else 0.0
    return {name: min(max(number - middle, -LOGIT_REACH), LOGIT_REACH) for name, number in logits}

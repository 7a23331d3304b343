"""How far the numbers of the fuzzy memberships may move without one passing another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final

from cluster.backtest_settings import BacktestSettings
from risk.fuzzy.config import FACTORS, FuzzyConfig
from risk.fuzzy.memberships import Crossover, Gaussian, Membership
from strategies.plain_values import made_of
from strategies.plan.fuzzy import FuzzyRules
from tuning.space.targets import target_of

__all__ = ["membership_forms"]

_REACH: Final = 0.4  # of the way to the next corner: two that move towards each other never meet
_WIDTHS: Final = (0.5, 2.0)  # multiples
_SECOND: Final = {"vix": "regime_stability", "band_width": "bollinger"}


def membership_forms(path: str, points: int, base: BacktestSettings) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a dimension for each number of the membership functions that a plan reads.

    Parameters
    ----------
    path : str
        Of the table of a plan's `risk.fuzzy.config.FuzzyConfig`.
    points : int
        Of a grid along each.
    base : BacktestSettings
        The configuration that is varied.

    Yields
    ------
    (str, mapping)
        Path and form, around what the base tells: corners move by up to two fifths of the way to the next, a centre by
        up to a deviation, and a width from half to double. What is infinite stays, and so does what has no weight.
    """
    config = _config_of(path, base)
    for name in (*FACTORS, *_SECOND):
        part = getattr(config, name)
        weight = getattr(config, _SECOND.get(name, name)).weight * (part.share if name in _SECOND else 1.0)
        if weight <= 0.0 or (config.volatility_guard and name == "iv_rank"):
            continue
        yield from _of_family(f"{path}.{name}.{part.family.value}", part.membership, points)


def _config_of(path: str, base: BacktestSettings) -> FuzzyConfig:
    rules = target_of(path.rpartition(".")[0], base)
    made: FuzzyRules = made_of(FuzzyRules, rules.held, rules.name, None)
    return made.config


def _of_family(path: str, shape: Membership, points: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(shape, Gaussian):
        yield from _of_gaussian(path, shape, points)
    elif isinstance(shape, Crossover):
        width = 1.0 / shape.steepness
        yield f"{path}.at", _range(shape.at - width, shape.at + width, points)
        yield f"{path}.steepness", _width(shape.steepness, points)
    else:
        names = tuple(type(shape).__dataclass_fields__)  # type: ignore[attr-defined]  # a dataclass
        yield from _of_corners(path, {name: getattr(shape, name) for name in names}, points)


def _of_gaussian(path: str, shape: Gaussian, points: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    ends = [name for name in ("low", "high") if isfinite(getattr(shape, name))]
    if len(ends) == 2 and shape.low != shape.high:
        yield from _of_corners(path, {"low": shape.low, "high": shape.high}, points)
    elif ends:
        centre = getattr(shape, ends[0])
        form = _range(centre - shape.deviation, centre + shape.deviation, points)
        yield f"{path}.{ends[0]}", form | ({"also": [f"{path}.{ends[1]}"]} if len(ends) == 2 else {})
    yield f"{path}.deviation", _width(shape.deviation, points)


def _of_corners(path: str, corners: Mapping[str, float], points: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the corners that are finite; those that stand on one another move together."""
    finite = {name: corner for name, corner in corners.items() if isfinite(corner)}
    values = sorted(set(finite.values()))
    if len(values) < 2:
        return
    for place, value in enumerate(values):
        names = [name for name, corner in finite.items() if corner == value]
        low, high = _gaps(values, place)
        form = _range(value - _REACH * low, value + _REACH * high, points)
        yield f"{path}.{names[0]}", form | ({"also": [f"{path}.{name}" for name in names[1:]]} if names[1:] else {})


def _gaps(values: Sequence[float], place: int) -> tuple[float, float]:
    """Return the ways to the next corner below and above; of an outer one the way inwards stands for both."""
    below = values[place] - values[place - 1] if place else None
    above = values[place + 1] - values[place] if place + 1 < len(values) else None
    return below or above or 0.0, above or below or 0.0


def _range(low: float, high: float, points: int) -> dict[str, Any]:
    return {"low": low, "high": high, "points": points}


def _width(held: float, points: int) -> dict[str, Any]:
    return {"low": held * _WIDTHS[0], "high": held * _WIDTHS[1], "log": True, "points": points}

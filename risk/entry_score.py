"""The entry score: points for confidence, probability of profit, rules and direction, a least of each (Q96, EQ5)."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import Final

from market.errors import ConfigError

__all__ = ["EntryScoreConfig", "EntryScoreInputs", "EntryScoreReading", "entry_score"]

_COMPONENTS: Final = ("confidence", "probability_of_profit", "rule_signal", "direction")
_RANGES: Final = {
    "confidence": (0.0, 1.0),
    "probability_of_profit": (0.0, 1.0),
    "rule_signal": (-1.0, 1.0),
    "direction": (-1.0, 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryScoreConfig:
    """Edges, points and least points of the entry score (Q97 to Q101).

    Parameters
    ----------
    confidence_edges : tuple of float
        Confidence *above* which there are 10, 20 and 30 points, rising, 0 to 1.
    probability_edges : tuple of float
        The same for the probability of profit.
    rule_edge : float
        Rule signal *above* which there are 30 points, 0 to 1; at or above 0 there are 15.
    direction_edge : float
        Size of the expected direction *below* which there are 10 points, above 0, at most 1.
    threshold : float
        Points at or above which an entry is good enough, 0 to 100.
    min_confidence, min_probability, min_rule, min_direction : float
        Least points of each component, whatever their sum is. Without them an entry could pass with no confidence and
        no probability of profit at all: rules 30 and direction 10 are 40.

    Raises
    ------
    ConfigError
        Edges do not rise, or a number lies outside its range.
    """

    confidence_edges: tuple[float, float, float] = (0.3, 0.5, 0.7)
    probability_edges: tuple[float, float, float] = (0.3, 0.45, 0.6)
    rule_edge: float = 0.5
    direction_edge: float = 0.5
    threshold: float = 40.0
    min_confidence: float = 10.0
    min_probability: float = 10.0
    min_rule: float = 15.0
    min_direction: float = 0.0

    def __post_init__(self) -> None:
        for name in ("confidence_edges", "probability_edges"):
            low, middle, high = getattr(self, name)
            if not 0.0 <= low < middle < high <= 1.0:
                raise ConfigError(f"{name} cannot be", found=f"{low}, {middle}, {high}", expected="rising, 0 to 1")
        _require("rule_edge", self.rule_edge, 0.0, 1.0)
        _require("direction_edge", self.direction_edge, 0.0, 1.0)
        _require("threshold", self.threshold, 0.0, 100.0)
        for name, most in (("confidence", 30.0), ("probability", 30.0), ("rule", 30.0), ("direction", 10.0)):
            _require(f"min_{name}", getattr(self, f"min_{name}"), 0.0, most)

    @property
    def minima(self) -> tuple[float, float, float, float]:
        """Least points in the order of the components."""
        return (self.min_confidence, self.min_probability, self.min_rule, self.min_direction)


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryScoreInputs:
    """What is scored; NaN for what is missing.

    Parameters
    ----------
    confidence : float
        Calibrated confidence of a model, 0 to 1.
    probability_of_profit : float
        Of the package, 0 to 1. For a condor it follows from the deltas that were chosen: it says little of skill.
    rule_signal : float
        What rules say, -1 against the package to 1 for it.
    direction : float
        Expected direction, -1 to 1; a package without a view wants little of it.
    """

    confidence: float = nan
    probability_of_profit: float = nan
    rule_signal: float = nan
    direction: float = nan


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryScoreReading:
    """A score with its parts.

    Parameters
    ----------
    points : tuple of (str, float)
        Points of each component; NaN where it is missing.
    score : float
        Their sum, 0 to 100; NaN where one is missing.
    is_passed : bool
        Whether the score and each component have enough.
    reason : str
        What stands against it; empty where it passed.
    """

    points: tuple[tuple[str, float], ...]
    score: float
    is_passed: bool
    reason: str


def entry_score(config: EntryScoreConfig, inputs: EntryScoreInputs) -> EntryScoreReading:
    """Return the score of a candidate.

    Parameters
    ----------
    config : EntryScoreConfig
        Edges and minima.
    inputs : EntryScoreInputs
        What is scored.

    Returns
    -------
    EntryScoreReading
        Not passed where a component is missing or lies outside its range, with its name as the reason.
    """
    absent = [name for name, (low, high) in _RANGES.items() if not low <= getattr(inputs, name) <= high]
    points = (
        _stepped(inputs.confidence, config.confidence_edges),
        _stepped(inputs.probability_of_profit, config.probability_edges),
        30.0 if inputs.rule_signal > config.rule_edge else 15.0 if inputs.rule_signal >= 0.0 else 0.0,
        10.0 if abs(inputs.direction) < config.direction_edge else 0.0,
    )
    shown = tuple((name, nan if name in absent else found) for name, found in zip(_COMPONENTS, points, strict=True))
    score = sum(found for _, found in shown)
    reason = _reason(config, shown, score, absent)
    return EntryScoreReading(points=shown, score=score, is_passed=not reason, reason=reason)


def _stepped(value: float, edges: tuple[float, float, float]) -> float:
    return 10.0 * sum(value > edge for edge in edges)


def _reason(config: EntryScoreConfig, points: tuple[tuple[str, float], ...], score: float, absent: list[str]) -> str:
    if absent:
        return f"missing: {', '.join(absent)}"
    few = [
        f"{name} has {found:g} of {least:g} points"
        for (name, found), least in zip(points, config.minima, strict=True)
        if found < least
    ]
    if few:
        return "; ".join(few)
    return "" if score >= config.threshold else f"{score:g} of {config.threshold:g} points"


def _require(name: str, value: float, low: float, high: float) -> None:
    if not (isfinite(value) and low <= value <= high):
        raise ConfigError(f"{name} cannot be", found=f"{value}", expected=f"{low:g} to {high:g}")

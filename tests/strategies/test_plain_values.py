"""Frozen classes from nested plain data: defaults are replaced one by one, and errors name the path."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Any

import pytest

from market.errors import ConfigError
from risk.entry_score import EntryScoreConfig
from risk.fuzzy.config import FusionConfig, FusionRule, FuzzyConfig
from risk.fuzzy.memberships import Crossover, Family
from strategies.plain_values import made_of, parameters_of_class


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inner:
    low: float
    high: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outer:
    underlying: str
    inner: _Inner
    other: _Inner | None = None
    edges: tuple[float, ...] = (0.5,)
    rule: FusionRule = FusionRule.CONVEX
    callback: object = None


def _made(kind: type, values: dict[str, Any]) -> Any:
    return made_of(kind, values, "strategy condor", None)


def test_a_table_replaces_single_numbers_of_the_default() -> None:
    """What the table does not name stays as the default of the field says, at every depth."""
    made = _made(FuzzyConfig, {"rsi": {"family": "linear", "gaussian": {"deviation": 20}}, "min_coverage": 0.8})
    base = FuzzyConfig()
    rsi = replace(base.rsi, family=Family.LINEAR, gaussian=replace(base.rsi.gaussian, deviation=20.0))
    assert made == replace(base, rsi=rsi, min_coverage=0.8)
    assert type(made.rsi.gaussian.deviation) is float


def test_a_table_without_a_default_is_made_anew() -> None:
    """Its own defaults hold, and what it needs must be there; a default of none is no default."""
    made = _made(_Outer, {"underlying": "SPX", "inner": {"low": 0}, "other": {"low": 1, "high": 2}})
    assert made == _Outer(underlying="SPX", inner=_Inner(low=0.0), other=_Inner(low=1.0, high=2.0))


def test_values_that_are_already_what_they_mean_are_taken() -> None:
    """So the defaults that the parameters tell can be handed back."""
    defaults = {each.name: each.default for each in parameters_of_class(FuzzyConfig)}
    assert _made(FuzzyConfig, defaults) == FuzzyConfig()


def test_lists_choices_and_nothing_are_read() -> None:
    """A list becomes a tuple, a text the member that it names, and an optional parameter may be left empty."""
    made = _made(
        _Outer, {"underlying": "SPX", "inner": {"low": 0.0}, "other": None, "edges": [1, 2.5], "rule": "logit"}
    )
    assert (made.edges, made.rule, made.other) == ((1.0, 2.5), FusionRule.LOGIT, None)
    assert _made(EntryScoreConfig, {"confidence_edges": [0.1, 0.2, 0.4]}).confidence_edges == (0.1, 0.2, 0.4)


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (FuzzyConfig, {"rsi": {"wieght": 0.2}}, r"condor: rsi has no parameter; found wieght.*did you mean weight"),
        (
            FuzzyConfig,
            {"rsi": {"gaussian": {"deviation": "wide"}}},
            r"rsi\.gaussian\.deviation cannot be; found 'wide'",
        ),
        (FuzzyConfig, {"rsi": {"gaussian": {"deviation": -1}}}, r"condor: rsi\.gaussian: a Gaussian.*found -1"),
        (FuzzyConfig, {"rsi": {"family": "gausian"}}, r"rsi\.family cannot be; found 'gausian'; expected one of trap"),
        (FuzzyConfig, {"rsi": 5}, r"rsi cannot be; found 5; expected a table; with weight, family"),
        (FuzzyConfig, {"rsi": {"weight": 0.2}}, "do not add up"),
        (FuzzyConfig, {"terms": []}, "no parameter; found terms"),
        (EntryScoreConfig, {"confidence_edges": [0.1, 0.2]}, "confidence_edges cannot be.*expected a list of 3"),
        (EntryScoreConfig, {"confidence_edges": [0.1, "x", 0.3]}, r"confidence_edges\[1\] cannot be; found 'x'"),
        (_Outer, {"underlying": "SPX", "inner": {}}, r"condor: inner lacks a parameter.*expected low"),
        (_Outer, {"underlying": "SPX"}, "lacks a parameter.*expected inner"),
        (_Outer, {"underlying": "SPX", "inner": {"low": 0.0}, "callback": 1}, "callback cannot be given"),
        (_Outer, {"underlying": "SPX", "inner": None}, "inner cannot be; found None"),
    ],
)
def test_what_cannot_be_is_told_with_its_path(kind: type, values: dict[str, Any], message: str) -> None:
    """Unknown and missing keys, kinds, ranges and choices: path, what was found, what would do."""
    with pytest.raises(ConfigError, match=message):
        _made(kind, values)


def test_parameters_tell_tables_with_what_they_hold() -> None:
    """A page or a sweep can walk to each number: the defaults of a table are those of the field, not of its class."""
    told = {each.name: each for each in parameters_of_class(FuzzyConfig)}
    rsi = {each.name: each for each in told["rsi"].parameters}
    assert (told["rsi"].kind, told["rsi"].is_required, rsi["weight"].default) == ("table", False, 0.10)
    assert rsi["family"].choices == ("trapezoid", "gaussian", "linear", "crossover")
    sar = {each.name: each for each in told["parabolic_sar"].parameters}
    assert sar["crossover"].default == Crossover(at=0.0, steepness=6.0)
    assert [each.name for each in sar["crossover"].parameters] == ["at", "steepness"]
    fusion = {each.name: each.default for each in parameters_of_class(FusionConfig)}
    assert fusion["confidence"] == 0.0
    assert rsi["crossover"].default is None
    assert {each.name: each.default for each in rsi["linear"].parameters} == {
        "zero_low": 0.0,
        "one": 50.0,
        "zero_high": 100.0,
    }
    assert {each.name: each.default for each in told["iv_rank"].parameters[4].parameters}["zero_high"] == inf

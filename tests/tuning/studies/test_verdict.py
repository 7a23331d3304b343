"""Acceptance asks for everything, and a missing figure refuses."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from backtest.metrics.figures import Figure, figure, missing
from tuning.configuration.settings import SelectionSettings
from tuning.studies.verdict import Evidence, Verdict, verdict_of

_GOOD = Evidence(
    choice_distance=figure(2.0),
    assumptions=(),
    constraints=(("max_drawdown", figure(0.1), 0.2, True), ("min_trades", figure(50.0), 30.0, False)),
    n_trials=100,
    n_days=250,
    n_unchosen=0,
    overfitting=figure(0.05),
    deflated=figure(0.99),
    superiority=figure(0.01),
    outer_low=figure(0.3),
    outer_name="Sharpe ratio",
)
_FIGURES = ("choice_distance", "overfitting", "deflated", "superiority", "outer_low")


def _verdict(evidence: Evidence) -> Verdict:
    return verdict_of(evidence, SelectionSettings.model_validate({}))


def test_all_checks_hold() -> None:
    """A study whose every figure lies on the good side is accepted without a reason."""
    assert _verdict(_GOOD).accepted
    assert _verdict(_GOOD).reasons == ()


@pytest.mark.parametrize("name", _FIGURES)
def test_a_missing_figure_refuses(name: str) -> None:
    """What is not known speaks for nobody, also where it is a NaN without a reason."""
    for unknown in (missing("no days"), Figure(value=float("nan"))):
        changed: dict[str, Any] = {name: unknown}
        found = _verdict(replace(_GOOD, **changed))
        assert not found.accepted
        assert len(found.reasons) == 1
        assert "not known" in found.reasons[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("choice_distance", figure(0.0)),
        ("overfitting", figure(0.21)),
        ("deflated", figure(0.94)),
        ("superiority", figure(0.06)),
        ("outer_low", figure(0.0)),
        ("assumptions", ("fills.model",)),
        ("n_trials", 1),
        ("n_days", 39),
        ("n_unchosen", 1),
        ("constraints", (("max_drawdown", figure(0.21), 0.2, True),)),
        ("constraints", (("min_trades", figure(29.0), 30.0, False),)),
        ("constraints", (("min_trades", missing("no trades told"), 30.0, False),)),
    ],
)
def test_each_check_can_refuse_alone(name: str, value: object) -> None:
    """Each bound is a bound: just beyond it the choice is refused, for that reason and no other."""
    changed: dict[str, Any] = {name: value}
    found = _verdict(replace(_GOOD, **changed))
    assert found.word == "refused"
    assert len(found.reasons) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("choice_distance", figure(1.0)),
        ("overfitting", figure(0.2)),
        ("deflated", figure(0.95)),
        ("superiority", figure(0.05)),
        ("n_trials", 2),
        ("n_days", 40),
        ("constraints", (("max_drawdown", figure(0.2), 0.2, True), ("min_trades", figure(30.0), 30.0, False))),
    ],
)
def test_what_lies_on_a_bound_keeps_it(name: str, value: object) -> None:
    """The figure that is asked for is enough; only the outer interval must lie beyond its bound."""
    changed: dict[str, Any] = {name: value}
    assert _verdict(replace(_GOOD, **changed)).accepted


def test_a_verdict_without_checks_accepts_nothing() -> None:
    """Nothing asked is nothing shown."""
    assert not Verdict(checks=()).accepted

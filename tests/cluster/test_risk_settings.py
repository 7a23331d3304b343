"""Limits of the account out of a configuration: a preset, what differs, what is left out, and what cannot be."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cluster.backtest_settings import LimitSettings
from cluster.risk_settings import RiskSettings
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES, BreakerRule, RiskRules
from risk.limits.size_schedule import SizeSchedule
from risk.state import BreakerClass

_PAGE = Path(__file__).resolve().parents[2] / "docs" / "risk" / "limits.md"


def _of(**told: Any) -> RiskSettings:
    return RiskSettings.model_validate(told)


def test_without_a_word_there_is_no_limit_of_the_account() -> None:
    """A configuration of before means what it meant."""
    assert _of().rules() == RiskRules()
    assert _of().rules().is_empty
    assert LimitSettings.model_validate({}).limits(_of().limits()) == PretradeLimits()


def test_the_preset_is_the_whole_table() -> None:
    """One word turns everything on, also what is told of one order."""
    assert _of(preset="hedgefield").rules() == HEDGEFIELD_RULES
    assert LimitSettings.model_validate({}).limits(_of(preset="hedgefield").limits()) == HEDGEFIELD_LIMITS


def test_a_saved_configuration_means_the_same() -> None:
    """Written out with every field and read again, the bounds are those of before; a collar can still be left out."""
    risk, limits = _of(preset="hedgefield", risk_share=0.01), LimitSettings.model_validate({"collar_fraction": None})
    again = RiskSettings.model_validate(risk.model_dump(mode="json"))
    told = LimitSettings.model_validate(limits.model_dump(mode="json")).limits(again.limits())
    assert again.rules() == risk.rules()
    assert told == replace(HEDGEFIELD_LIMITS, collar_fraction=None)


def test_what_is_told_replaces_the_preset_and_what_is_named_leaves_it() -> None:
    """Each bound by itself; breakers by class; a schedule by its steps."""
    told = _of(
        preset="hedgefield",
        risk_share=0.01,
        without=["daily_loss_amount", "most_packages", "book_gamma"],
        breakers={"volatility": {"at": 40, "minutes": 60}},
        schedule=[[0, 1], [30, 0.5]],
    )
    rules = told.rules()
    assert (rules.risk_share, rules.daily_loss_amount, rules.book_gamma) == (0.01, None, None)
    assert rules.daily_loss_share == 0.02
    assert rules.breakers[BreakerClass.VOLATILITY] == BreakerRule(at=40.0, minutes=60.0)
    assert rules.breakers[BreakerClass.DATA_ERRORS] == HEDGEFIELD_RULES.breakers[BreakerClass.DATA_ERRORS]
    assert rules.schedule == SizeSchedule(steps=((0.0, 1.0), (30.0, 0.5)))
    assert told.limits() == replace(HEDGEFIELD_LIMITS, most_packages=None)
    assert LimitSettings.model_validate({"most_packages": 7}).limits(told.limits()).most_packages == 7


def test_an_index_of_ones_own_is_read_by_gate_and_schedule() -> None:
    """One name serves both; an empty schedule is none; whole classes of breakers can be left out."""
    told = _of(preset="hedgefield", volatility_index="VXN")
    assert told.rules().schedule == SizeSchedule(index="VXN")
    assert _of(preset="hedgefield", schedule=[]).rules().schedule is None
    assert _of(preset="hedgefield", without=["schedule"]).rules().schedule is None
    assert _of(preset="hedgefield", without=["breakers"]).rules().breakers == {}


@pytest.mark.parametrize(
    "told",
    [
        {"preset": "other"},
        {"without": ["daily_los"]},
        {"risk_share": 1.5},
        {"schedule": [[20, 1], [10, 0.5]]},
        {"breakers": {"volatility": {"at": 0, "minutes": 1}}},
        {"breakers": {"luck": {"at": 1, "minutes": 1}}},
        {"trade_delta": -1},
        {"unknown": 1},
    ],
)
def test_what_cannot_be_is_refused(told: dict[str, Any]) -> None:
    """A slip in a limit is an error, and never a limit that is not there."""
    with pytest.raises(ValidationError):
        _of(**told)


def test_the_example_of_the_page_is_valid() -> None:
    """What the guide shows can be run."""
    blocks = re.findall(r"```toml\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    for block in blocks:
        told = tomllib.loads(block)
        RiskSettings.model_validate(told.get("risk", {}))
        LimitSettings.model_validate(told.get("limits", {}))

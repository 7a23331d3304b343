"""The page of the limits against the rows that deny."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES, RiskRules
from risk.limits.table import LIMIT_TABLE, breaker_markdown, limit_markdown, schedule_markdown, transition_markdown
from risk.service import RiskService

_PAGE = (Path(__file__).resolve().parents[3] / "docs" / "risk" / "limits.md").read_text(encoding="utf-8")


def test_the_table_names_every_row_in_its_order() -> None:
    """A row that is added, renamed or moved without its line is found."""
    every = replace(HEDGEFIELD_LIMITS, most_quantity=1.0, most_notional=1.0, most_loss=1.0)
    rules = replace(HEDGEFIELD_RULES, stress_share=0.1, value_at_risk_share=0.1, expected_shortfall_share=0.1)
    assert [row.name for row in RiskService(every, rules).rows] == [entry.name for entry in LIMIT_TABLE]


def test_every_bound_stands_in_the_table() -> None:
    """Each setting that makes a row is named by one."""
    named = {name for entry in LIMIT_TABLE for name in entry.settings}
    of_rules = {item.name for item in fields(RiskRules)}
    of_limits = {item.name for item in fields(PretradeLimits)}
    of_rules -= {"stress", "tail", "is_beta_weighted", "benchmark", "betas", "volatility_index", "memory_s"}
    assert of_rules | (of_limits - {"short_dated_days"}) == named


@pytest.mark.parametrize("table", [limit_markdown(), breaker_markdown(), schedule_markdown(), transition_markdown()])
def test_the_page_holds_the_tables_that_the_code_gives(table: str) -> None:
    """Where they differ, print what `risk.limits.table` gives and put it in."""
    assert table in _PAGE

"""The exits of a package sold for a credit."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from strategies.plan.exits import ExitRules, next_step, stop_loss
from strategies.plan.mark import Mark

_RULES = ExitRules(profit_target=0.5, stop_multiple=2.0, stop_share=0.75, close_before_end_s=600.0, exit_days=21)


def _mark(price: float, *, max_loss: float = 8.0, seconds: float = 1e6, days: int = 30, at_entry: int = 45) -> Mark:
    return Mark(
        entry_price=-2.0,
        closing_price=price,
        max_loss=max_loss,
        seconds_left=seconds,
        days_left=days,
        days_at_entry=at_entry,
    )


@pytest.mark.parametrize(
    ("mark", "reason"),
    [
        (_mark(1.01), ""),
        (_mark(1.0), "profit_target"),
        (_mark(5.99), ""),
        (_mark(6.0), "stop_loss"),
        (_mark(1.5, seconds=601.0), ""),
        (_mark(1.5, seconds=600.0), "time_exit"),
        (_mark(1.5, days=22), ""),
        (_mark(1.5, days=21), "days_exit"),
        (_mark(1.5, days=14, at_entry=21), ""),
        (_mark(nan), ""),
        (_mark(nan, seconds=0.0), "time_exit"),
        (_mark(nan, days=20), "days_exit"),
    ],
)
def test_each_rule_holds_from_its_boundary_on(mark: Mark, reason: str) -> None:
    """From both sides of each boundary; without a price only time can close."""
    assert (next_step(_RULES, mark).reason or "") == reason


def test_the_first_rule_of_the_table_gives_the_reason() -> None:
    """A stop goes before the time, the time before the profit, the profit before the days."""
    assert next_step(_RULES, _mark(7.0, seconds=0.0, days=0)).reason == "stop_loss"
    assert next_step(_RULES, _mark(0.5, seconds=0.0, days=0)).reason == "time_exit"
    assert next_step(_RULES, _mark(0.5, days=5)).reason == "profit_target"


@given(share=st.floats(0.001, 0.999), width=st.floats(1.0, 100.0))
def test_the_stop_always_lies_before_the_largest_loss(share: float, width: float) -> None:
    """Two credits alone lie at or beyond the largest loss from a third of the width on, and would never act (EQ2)."""
    credit = share * width
    largest = width - credit
    assert stop_loss(_RULES, -credit, largest) < largest
    if credit >= width / 3.0 * (1.0 + 1e-9):
        assert 2.0 * credit >= largest
        assert stop_loss(_RULES, -credit, largest) == 0.75 * largest


def test_without_a_bound_the_credits_alone_stop() -> None:
    """A straddle of 10 sold for 2 credits of loss stops at 20."""
    assert stop_loss(_RULES, -10.0, inf) == 20.0


@pytest.mark.parametrize(
    "wrong",
    [
        {"profit_target": 0.0},
        {"profit_target": 1.1},
        {"stop_multiple": 0.0},
        {"stop_share": 0.0},
        {"stop_share": 1.5},
        {"close_before_end_s": -1.0},
        {"exit_days": -1},
        {"stop_multiple": nan},
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    """Each range is checked."""
    with pytest.raises(ConfigError, match=r"exits: .* cannot be"):
        ExitRules(**wrong)  # type: ignore[arg-type]  # the numbers alone

"""The table of exits: boundaries, precedence, totality, and what a stop and a target are shares of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from math import inf, isfinite, nan
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from strategies.plan.exits import (
    EXIT_TABLE,
    ExitReason,
    ExitRules,
    NextAction,
    ProfitBasis,
    next_step,
    profit_basis,
    stop_loss,
)
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
        {"zone": "america/newyork"},
        {"zone": ""},
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, float | str]) -> None:
    """Each range is checked."""
    with pytest.raises(ConfigError, match=r"exits: .* cannot be"):
        ExitRules(**wrong)  # type: ignore[arg-type]  # the values alone


# One mark for each row, under rules in which every row can hold: what makes it hold, and nothing else.
_ALL: Final = ExitRules(
    trailing_keep=0.7,
    atr_multiple=2.0,
    close_before_end_s=600.0,
    max_hold_s=1e6,
    exit_days=7,
    rolls=True,
    monitor_days=21,
    adjusts=True,
    adjust_delta=0.15,
    mark_timeout_s=60.0,
)
_NO_ROLL: Final = {"rolls": False, "adjusts": False}
_CALM: Final = Mark(
    entry_price=-2.0, closing_price=1.9, max_loss=8.0, seconds_left=1e7, days_left=60, days_at_entry=70, band=0.5
)
_MAKES: Final[Mapping[ExitReason, tuple[Mapping[str, Any], Mapping[str, Any]]]] = {
    ExitReason.HALTED: ({"is_halted": True}, {}),
    ExitReason.BROKEN: ({"is_whole": False}, {}),
    ExitReason.MARK_TIMEOUT: ({"unmarked_s": 61.0}, {}),
    ExitReason.HARD_RISK: ({"hard_breaches": ("daily_loss",)}, {}),
    ExitReason.CRASH: ({"is_crash": True}, {}),
    ExitReason.STOP_LOSS: ({"closing_price": 7.0}, {}),
    ExitReason.BROKER_CUTOFF: ({"is_past_broker_cutoff": True}, {}),
    ExitReason.TIME_EXIT: ({"seconds_left": 600.0}, {}),
    ExitReason.CLOSE_AT: ({"is_past_close_at": True}, {}),
    ExitReason.MAX_HOLD: ({"seconds_held": 1e6}, {}),
    ExitReason.PROFIT_TARGET: ({"closing_price": 0.5}, {}),
    ExitReason.TRAILING_STOP: ({"best_profit": 1.0, "profit": 0.7}, {}),
    ExitReason.ATR_STOP: ({"atr_moves": -2.0}, {}),
    ExitReason.DAYS_ROLL: ({"days_left": 7}, {}),
    ExitReason.DAYS_EXIT: ({"days_left": 7}, _NO_ROLL),
    ExitReason.BAND_ADJUST: ({"band": 0.96}, {}),
    ExitReason.BAND_EXIT: ({"band": 0.04}, _NO_ROLL),
    ExitReason.DELTA_ADJUST: ({"delta": -0.15}, {}),
    ExitReason.DELTA_EXIT: ({"delta": 0.15}, _NO_ROLL),
    ExitReason.DELTA_HEDGE: ({"delta_excess": -1.0}, {}),
    ExitReason.NO_VALID_MARK: ({"unmarked_s": 1.0}, {}),
    ExitReason.DAYS_MONITOR: ({"days_left": 21}, {}),
}


def test_every_row_stands_once_in_the_order_of_its_rank() -> None:
    """Ten causes, ranks that never fall, one code each, and a mark of this test for every row."""
    assert [row.rank for row in EXIT_TABLE] == sorted(row.rank for row in EXIT_TABLE)
    assert {row.rank for row in EXIT_TABLE} == set(range(1, 11))
    assert [row.reason for row in EXIT_TABLE] == list(_MAKES)
    assert {row.reason for row in EXIT_TABLE} == set(ExitReason)


def test_each_row_acts_alone() -> None:
    """What makes a row hold makes nothing before it hold, and a calm package is held."""
    assert next_step(_ALL, _CALM).action is NextAction.HOLD
    for row in EXIT_TABLE:
        mark, rules = _MAKES[row.reason]
        step = next_step(replace(_ALL, **rules), replace(_CALM, **mark))
        assert (step.reason, step.action) == (row.reason, row.action)


def test_of_two_rows_that_hold_at_once_the_first_acts() -> None:
    """Every pair that does not exclude each other: 231 pairs less those that set one number to two values."""
    n_pairs = 0
    for first, second in combinations(EXIT_TABLE, 2):
        (early, early_rules), (late, late_rules) = _MAKES[first.reason], _MAKES[second.reason]
        rules = replace(_ALL, **{**late_rules, **early_rules})
        mark = replace(_CALM, **{**late, **early})
        if first.holds(rules, mark) and second.holds(rules, mark):
            n_pairs += 1
            assert next_step(rules, mark).reason is next(row for row in EXIT_TABLE if row.holds(rules, mark)).reason
            assert next_step(rules, mark).reason is first.reason
        else:
            clash = early.keys() & late.keys() or {**early_rules, **late_rules}
            assert clash, (first.reason, second.reason)
    assert n_pairs > 200


_NUMBER: Final = st.one_of(st.floats(-20.0, 20.0), st.just(nan), st.just(inf))
_MARKS: Final = st.builds(
    Mark,
    entry_price=st.one_of(st.floats(-5.0, 5.0), st.just(nan)),
    closing_price=_NUMBER,
    max_loss=_NUMBER,
    max_profit=_NUMBER,
    seconds_left=st.floats(-1e6, 1e7),
    days_left=st.integers(-5, 60),
    days_at_entry=st.integers(0, 60),
    seconds_held=st.floats(0.0, 2e6),
    is_past_close_at=st.booleans(),
    is_past_broker_cutoff=st.booleans(),
    profit=_NUMBER,
    best_profit=_NUMBER,
    unmarked_s=st.floats(0.0, 200.0),
    is_whole=st.booleans(),
    is_halted=st.booleans(),
    hard_breaches=st.sampled_from(((), ("daily_loss",))),
    is_crash=st.booleans(),
    band=_NUMBER,
    atr_moves=_NUMBER,
    delta=_NUMBER,
    delta_excess=_NUMBER,
    adjustments=st.integers(0, 3),
)


@given(mark=_MARKS)
def test_every_package_has_exactly_one_next_action(mark: Mark) -> None:
    """Whatever is missing: one action, the same again, with a reason unless it is a hold."""
    step = next_step(_ALL, mark)
    assert step == next_step(_ALL, mark)
    assert (step.reason is None) == (step.action is NextAction.HOLD)


@given(mark=_MARKS, worse=st.floats(0.0, 10.0))
def test_a_stop_that_holds_holds_at_every_worse_price(mark: Mark, worse: float) -> None:
    """No loss is large enough to be held on to again."""
    if next_step(_ALL, mark).reason is ExitReason.STOP_LOSS:
        assert next_step(_ALL, replace(mark, closing_price=mark.closing_price + worse)).reason is ExitReason.STOP_LOSS


def test_a_debit_stops_at_its_share_and_wins_a_share_of_it() -> None:
    """Bought for 4 with half of it to lose: closed at 2; and at 8 where all of the debit is to be won (L43)."""
    rules = ExitRules(profit_target=1.0, profit_basis=ProfitBasis.DEBIT, stop_debit=0.5, stop_share=inf)
    bought = replace(_CALM, entry_price=4.0, max_loss=4.0)
    steps = [next_step(rules, replace(bought, closing_price=-price)).reason for price in (2.01, 2.0, 7.99, 8.0)]
    assert steps == [None, ExitReason.STOP_LOSS, None, ExitReason.PROFIT_TARGET]


def test_a_target_is_a_share_of_its_declared_basis() -> None:
    """A tenth of the largest loss of 8 is 0.8; a package without its basis has no target and is held."""
    tenth = ExitRules(profit_target=0.1, profit_basis=ProfitBasis.MAX_LOSS)
    assert next_step(tenth, replace(_CALM, closing_price=1.2)).reason is ExitReason.PROFIT_TARGET
    assert next_step(tenth, replace(_CALM, closing_price=1.21)).reason is None
    half = ExitRules(profit_basis=ProfitBasis.MAX_PROFIT)
    assert profit_basis(half, replace(_CALM, max_profit=6.0)) == 6.0
    assert not isfinite(profit_basis(ExitRules(), replace(_CALM, entry_price=1.0)))
    assert next_step(ExitRules(), replace(_CALM, entry_price=1.0, closing_price=-9.0)).reason is None


def test_a_trailing_stop_waits_until_it_is_armed() -> None:
    """With a credit of 2 it is armed at a profit of half a unit, and gives three tenths of the best back."""
    steps = [
        next_step(_ALL, replace(_CALM, best_profit=best, profit=profit)).reason
        for best, profit in ((0.49, 0.1), (0.5, 0.36), (0.5, 0.35), (0.8, -1.0), (nan, -1.0))
    ]
    assert steps == [None, None, ExitReason.TRAILING_STOP, ExitReason.TRAILING_STOP, None]


def test_days_say_nothing_to_what_was_opened_with_fewer() -> None:
    """A package of the same day is neither rolled nor watched by its days, however few are left."""
    assert next_step(_ALL, replace(_CALM, days_left=0, days_at_entry=0)).action is NextAction.HOLD
    assert next_step(_ALL, replace(_CALM, days_left=0, days_at_entry=7)).action is NextAction.HOLD
    assert next_step(_ALL, replace(_CALM, days_left=7, days_at_entry=8)).reason is ExitReason.DAYS_ROLL


def test_a_position_is_moved_so_often_and_then_closed() -> None:
    """One adjustment is allowed: the second breakout closes."""
    assert next_step(_ALL, replace(_CALM, band=0.96)).action is NextAction.ADJUST
    assert next_step(_ALL, replace(_CALM, band=0.96, adjustments=1)).reason is ExitReason.BAND_EXIT

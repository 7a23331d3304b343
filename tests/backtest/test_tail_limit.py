"""Value at risk and expected shortfall of the book with an order in it, by the days that a run knows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backtest.results import RunResult
from market.bars import BarBatch
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import RiskRules
from strategies.decisions import HOLD
from tests.backtest.recordings import Scripted, bars, of_bars, run
from tests.backtest.test_engine import buy

DAY_NS = 86_400_000_000_000
N_DAYS = 320


def days(n: int = N_DAYS, scale: float = 0.01) -> BarBatch:
    """Return daily bars of a random walk that ends at 100."""
    steps = scale * np.random.default_rng(8).standard_normal(n)
    level = np.exp(np.cumsum(steps) - steps.sum())
    return bars((100.0 * level).tolist(), width_ns=DAY_NS)


def asked(batch: BarBatch, rules: RiskRules, *, at: int = N_DAYS - 3, quantity: str = "100") -> RunResult:
    """Return a run that buys after so many days."""
    answers = [*[HOLD] * (at - 1), buy("200", quantity)]
    return run(of_bars(batch), Scripted(answers), risk=rules, limits=PretradeLimits(collar_fraction=None))


def figure(batch: BarBatch, at: int) -> float:
    """Return the third largest loss of the days until then: 1 % of 250 to 300 days."""
    returns = np.diff(batch.close[:at]) / batch.close[: at - 1]
    return float(-np.sort(returns)[int(np.ceil(0.01 * returns.size)) - 1])


@pytest.mark.parametrize(("more", "is_bought"), [(1.02, True), (0.98, False)])
def test_an_order_passes_as_far_as_the_past_days_allow(more: float, *, is_bought: bool) -> None:
    """The bound of the figure that numpy tells of the same days decides, to two parts in a hundred."""
    batch, at = days(), N_DAYS - 3
    price = float(batch.close[at - 1])
    share = figure(batch, at) * 100.0 * price / 100_000.0
    result = asked(batch, RiskRules(value_at_risk_share=more * share), at=at)
    assert result.stopped == ""
    assert bool(result.fills) is is_bought
    assert result.counts.get("orders_denied", 0) == (not is_bought)


def test_a_crash_counts_from_the_day_on_which_it_was_known() -> None:
    """Three crashes of last week deny what passes before them; those of the days to come change nothing."""
    batch = days()
    fallen = replace(batch, close=batch.close.copy())
    for place in (290, 292, 294):
        fallen.close[place] *= 0.7
    rules = RiskRules(expected_shortfall_share=0.01)
    assert asked(fallen, rules, at=285).fills
    (denied,) = asked(fallen, rules, at=300).orders
    assert denied.reason.startswith("expected_shortfall")


def test_too_few_days_deny_and_say_how_many_are_needed() -> None:
    """At 99 % it takes 250 days of the underlying."""
    result = asked(days(), RiskRules(value_at_risk_share=1.0), at=200)
    assert not result.fills
    (denied,) = result.orders
    assert denied.reason.startswith("value_at_risk cannot be told: 199 past days with all moves, 250 are needed")

"""Profit by Greek adds up: by step, by day, by package and by strategy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backtest.attribution.greeks import (
    GREEK_TERMS,
    GreekProfit,
    greek_profit,
    greek_profit_by_day,
    greek_profit_by_package,
    greek_profit_by_strategy,
)
from backtest.metrics.days import LISTED_CALENDAR
from backtest.results import GreeksPath
from market.errors import NumericsError
from tests.backtest.metrics.samples import HOUR_NS, run_of_returns, session_closes, trade_of
from tests.backtest.metrics.samples_trading import path_of


def _path(seed: int, n: int = 40) -> GreeksPath:
    rng = np.random.default_rng(seed)
    ts_ns = int(session_closes(1)[0]) + np.arange(n, dtype=np.int64) * 5 * HOUR_NS
    return path_of(ts_ns, rng.normal(0.0, 100.0, (8, n)), rng.normal(0.0, 5.0, n))


def _sum_of_parts(part: GreekProfit) -> float:
    return float(sum(getattr(part, name) for name in GREEK_TERMS)) + part.residual


@given(seed=st.integers(0, 10_000))
def test_terms_and_residual_make_the_total(seed: int) -> None:
    """For any path: the whole, and each day."""
    path = _path(seed)
    for part in (greek_profit(path), *greek_profit_by_day(path, calendar=LISTED_CALENDAR)):
        assert _sum_of_parts(part) == pytest.approx(part.total, abs=1e-8)


@given(seed=st.integers(0, 10_000))
def test_days_hold_every_step_once(seed: int) -> None:
    """Sums over days are the sums over the path, term by term."""
    path = _path(seed)
    whole, days = greek_profit(path), greek_profit_by_day(path, calendar=LISTED_CALENDAR)
    assert sum(day.n_steps for day in days) == path.ts_ns.size
    for name in (*GREEK_TERMS, "residual", "total"):
        assert sum(getattr(day, name) for day in days) == pytest.approx(getattr(whole, name), abs=1e-8)


def test_a_path_that_does_not_add_up_is_refused() -> None:
    """A residual that was taken from another total is a broken contract, not a rounding."""
    path = _path(1)
    with pytest.raises(NumericsError, match="do not add up"):
        greek_profit(replace(path, residual_usd=path.residual_usd + 1.0))


def test_steps_without_greeks_stand_wholly_in_the_residual() -> None:
    """A contract without Greeks explains nothing, and its profit is not lost."""
    path = _path(2)
    gamma = path.gamma_usd.copy()
    gamma[5] = np.nan
    found = greek_profit(replace(path, gamma_usd=gamma))
    assert found.n_unknown == 1
    assert found.total == pytest.approx(path.total_usd.sum())
    assert _sum_of_parts(found) == pytest.approx(found.total)


def test_gamma_and_theta_that_cancel_are_still_explained() -> None:
    """A straddle's day: +500 of theta, -480 of gamma, 20 in all; nothing is left over, so all of it is explained."""
    terms = np.zeros((8, 1))
    terms[1], terms[3] = -480.0, 500.0
    found = greek_profit(path_of(np.array([session_closes(1)[0]]), terms, np.zeros(1)))
    assert found.total == 20.0
    assert found.explained == 1.0
    half = greek_profit(path_of(np.array([session_closes(1)[0]]), terms / 2.0, np.full(1, 490.0)))
    assert half.explained == pytest.approx(0.5)
    assert half.is_mostly_unexplained


def test_packages_make_their_strategy_and_an_ownerless_one_is_unknown() -> None:
    """Two packages of one strategy are summed; one that no trade knows is shown apart."""
    trades = tuple(trade_of(1.0, opened_ns=k) for k in (1, 2))
    paths = {"p1": _path(1), "p2": _path(2), "p9": _path(3)}
    run = replace(run_of_returns(np.linspace(0, 0.01, 30)), trades=trades, package_greeks=paths)
    packages = {part.group: part for part in greek_profit_by_package(run)}
    strategies = {part.group: part for part in greek_profit_by_strategy(run)}
    assert set(strategies) == {"condor", "unknown"}
    assert strategies["condor"].theta == pytest.approx(packages["p1"].theta + packages["p2"].theta)
    assert strategies["unknown"].total == pytest.approx(packages["p9"].total)

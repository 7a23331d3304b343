"""What a trial is worth, and why it sometimes is worth nothing that can be told."""

from __future__ import annotations

from math import isnan, nan, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.chains import FloatArray
from tests.tuning.search.planted import DAY_NS
from tuning.configuration.settings import ConstraintSettings, Objective
from tuning.search.scoring import Sample, judge, n_bounds, sample_of, score
from tuning.search.windows import Window
from tuning.work import BlockOutcome

RETURNS = 0.01 * np.random.default_rng(5).standard_normal(60) + 0.001
FREE = ConstraintSettings.model_validate({})


def outcome(block: int = 0, returns: FloatArray = RETURNS, stopped: str = "", **measures: float) -> BlockOutcome:
    """Return what a point gave on a block."""
    told = {"n_trades": 3.0, "turnover": 0.5, "open_at_end": 0.0} | measures
    end_ns = np.arange(returns.size, dtype=np.int64) * DAY_NS
    return BlockOutcome(block=block, end_ns=end_ns, returns=returns, measures=told, stopped=stopped)


def bounds(**told: float) -> ConstraintSettings:
    """Return constraints."""
    return ConstraintSettings.model_validate(told)


def _by_hand(returns: FloatArray) -> dict[Objective, float]:
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + returns)])
    deepest = max(1.0 - wealth[later] / max(wealth[: later + 1]) for later in range(wealth.size))
    gained = wealth[-1] - 1.0
    downside = sqrt(sum(min(each, 0.0) ** 2 for each in returns) / returns.size)
    worst = sorted(returns)[: returns.size // 20]
    return {
        Objective.SHARPE: sqrt(252) * returns.mean() / returns.std(ddof=1),
        Objective.SORTINO: sqrt(252) * returns.mean() / downside,
        Objective.CALMAR: ((1.0 + gained) ** (252 / returns.size) - 1.0) / deepest,
        Objective.MEAN_RETURN: 252 * returns.mean(),
        Objective.TOTAL_RETURN: gained,
        Objective.MAX_DRAWDOWN: deepest,
        Objective.EXPECTED_SHORTFALL: -sum(worst) / len(worst),
        Objective.PROFIT_TO_DRAWDOWN: gained / deepest,
        Objective.TURNOVER: 1.5 / (returns.size / 252),
    }


@pytest.mark.parametrize("objective", list(Objective))
def test_every_objective_is_what_it_is_called(objective: Objective) -> None:
    """Over three blocks, the daily returns are one series and the traded values are added."""
    sample = sample_of([outcome(at, RETURNS[20 * at : 20 * at + 20]) for at in range(3)])
    assert score(objective, sample, 252).value == pytest.approx(_by_hand(RETURNS)[objective], rel=1e-12)


@pytest.mark.parametrize("objective", list(Objective))
@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (outcome(stopped="margin was not met"), "the run stopped: margin was not met"),
        (outcome(returns=0.0 * RETURNS, n_trades=0.0, turnover=0.0), "nothing was traded"),
        (outcome(returns=np.where(RETURNS > 0.02, nan, RETURNS)), "a return is not finite"),
    ],
)
def test_what_has_no_score_says_why(objective: Objective, found: BlockOutcome, reason: str) -> None:
    """A stop, a run without a trade and a broken return give no number for any objective."""
    told = score(objective, sample_of([found]), 252)
    assert isnan(told.value)
    assert told.reason == reason


def test_ratios_of_returns_that_do_not_vary_are_missing() -> None:
    """A constant series has no Sharpe ratio, not an endless one, and without a fall there is no ratio to it."""
    sample = sample_of([outcome(returns=np.full(40, 0.001))])
    assert score(Objective.SHARPE, sample, 252).reason == "the returns do not vary"
    assert score(Objective.CALMAR, sample, 252).reason == "no drawdown"
    assert score(Objective.PROFIT_TO_DRAWDOWN, sample, 252).reason == "no drawdown"


def test_what_is_held_and_never_closed_has_traded() -> None:
    """Buying and holding closes no package, and is scored."""
    sample = sample_of([outcome(n_trades=0.0, open_at_end=1.0, turnover=0.01)])
    assert sample.has_traded
    assert not score(Objective.SHARPE, sample, 252).reason


def test_windows_leave_days_out_and_measures_in() -> None:
    """Head and tail of each block count for nothing; a window may be empty."""
    found = sample_of([outcome(0), outcome(1)], [Window(0, 2, 3), Window(1, 40, 40)])
    np.testing.assert_array_equal(found.returns, RETURNS[2:-3])
    assert found.n_days == 120
    assert found.measures["n_trades"] == 6.0


@given(st.floats(0.01, 1.0), st.integers(1, 50), st.floats(0.1, 50.0))
def test_an_excess_is_above_zero_where_a_bound_is_broken(deepest: float, trades: int, most: float) -> None:
    """Each excess has the sign of the breach, and is relative to its bound."""
    sample = sample_of([outcome()])
    told = bounds(max_drawdown=deepest, min_trades=trades, max_turnover=most)
    verdict = judge(sample, (Objective.SHARPE,), told, 252)
    fallen = score(Objective.MAX_DRAWDOWN, sample, 252).value
    turned = score(Objective.TURNOVER, sample, 252).value
    assert n_bounds(told) == len(verdict.excesses) == 3
    assert [each > 0.0 for each in verdict.excesses] == [fallen > deepest, trades > 3, turned > most]
    assert verdict.excesses[1] == pytest.approx(1.0 - 3 / trades)


def test_a_bound_that_cannot_be_told_is_not_kept() -> None:
    """Turnover that no block tells gives no score, because the trial could not be called feasible."""
    verdict = judge(sample_of([outcome(turnover=nan)]), (Objective.SHARPE,), bounds(max_turnover=2.0), 252)
    assert isnan(verdict.scores[0])
    assert verdict.reason == "max_turnover: a block does not tell its turnover"


def test_several_objectives_are_all_told_or_none() -> None:
    """One that is missing takes the others with it: half a point lies on no front."""
    rising = sample_of([outcome(returns=np.abs(RETURNS))])
    verdict = judge(rising, (Objective.SHARPE, Objective.SORTINO), FREE, 252)
    assert all(map(isnan, verdict.scores))
    assert verdict.reason == "sortino: no return lies below the target"
    good = judge(sample_of([outcome()]), (Objective.SHARPE, Objective.SORTINO), FREE, 252)
    assert all(map(np.isfinite, good.scores))


def test_a_fall_across_blocks_is_one_fall() -> None:
    """Blocks begin with fresh accounts, and the drawdown of their chain is that of one account."""
    falling = np.full(20, -0.01)
    whole = score(Objective.MAX_DRAWDOWN, sample_of([outcome(0, falling), outcome(1, falling)]), 252).value
    assert whole == pytest.approx(1.0 - 0.99**40)
    assert whole > score(Objective.MAX_DRAWDOWN, sample_of([outcome(0, falling)]), 252).value


def test_without_a_day_there_is_no_yearly_turnover() -> None:
    """What was traded in no time has no rate, and the reason is told."""
    told = {"n_trades": 1.0, "turnover": 2.0, "open_at_end": 0.0}
    found = score(Objective.TURNOVER, Sample(returns=np.empty(0), n_days=0, measures=told), 252)
    assert found.reason == "no day"

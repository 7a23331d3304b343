"""Baselines: who earns on coins has seen the coin, and random entries are as long and as dear as the run's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from backtest.audit.baselines import coin_flipped, random_entry_baseline, shuffled_label_baseline, why_not_flipped
from backtest.audit.findings import WayToRun
from backtest.history import History
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.audit.runs import history, honest, peeking
from tests.backtest.option_recordings import chains, contract, of_chains, order
from tests.backtest.recordings import Scripted, bars, of_bars, run


def _generator(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_prices_of_a_coin_expect_nothing_and_keep_their_bars_in_shape() -> None:
    """Over many draws the mean move is 0, whatever the trend was; highs stay above lows, and instants stay."""
    data = history(60, drift=0.01)
    batch = data.bars[0]
    drawn = [coin_flipped(data, _generator(seed)).bars[0] for seed in range(300)]
    ends = np.array([each.close[-1] / each.open[0] - 1.0 for each in drawn])
    assert batch.close[-1] / batch.open[0] > 1.5
    assert abs(ends.mean()) < 3.0 * ends.std() / np.sqrt(300)
    for each in drawn[:20]:
        assert (each.high >= np.maximum(each.open, each.close) - 1e-9).all()
        assert (each.low <= np.minimum(each.open, each.close) + 1e-9).all()
        assert (each.end_ns == batch.end_ns).all()


def test_an_honest_run_earns_nothing_on_coins() -> None:
    """Neither a follower of moves nor the trend of the sample survives the shuffle."""
    found = shuffled_label_baseline(honest, history(drift=0.003), _generator(), n_runs=12)
    assert found.passed
    assert found.value <= 0.0


def test_a_run_that_sees_the_next_close_earns_on_coins_and_fails() -> None:
    """Nobody can win against a coin; whoever does knows how it falls."""
    found = shuffled_label_baseline(peeking, history(), _generator(), n_runs=12)
    assert found.passed is False
    assert found.value > 0.0
    assert "12 runs" in found.text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (of_bars(bars([100.0, 101.0, 250.0])), "no mirror"),
        (of_bars(bars([100.0, float("nan"), 101.0])), "without a price"),
        (of_bars(bars([100.0]), bars([100.0], width_ns=5 * 60_000_000_000)), "several widths"),
        (of_chains(chains([{(4280.0, "P"): (3.0, 3.2)}])), "hang together"),
        (History(sources=()), "no bars"),
    ],
)
def test_a_history_that_cannot_be_shuffled_says_why(data: History, why: str) -> None:
    """A guard that cannot be asked has neither passed nor failed."""
    assert why in why_not_flipped(data)
    assert shuffled_label_baseline(honest, data, _generator()).passed is None


def test_too_few_runs_give_no_interval() -> None:
    """Two draws of a coin say nothing."""
    assert "too few" in shuffled_label_baseline(honest, history(), _generator(), n_runs=2).text


@pytest.mark.parametrize(("way", "is_rare"), [(peeking, True), (honest, False)])
def test_random_entries_tell_who_chose_well_from_who_did_not(way: WayToRun, is_rare: bool) -> None:  # noqa: FBT001
    """Whoever sees the next close beats nearly all random entries; a follower on a random walk does not."""
    data = history()
    result = way(data)
    found = random_entry_baseline(result, data, _generator())
    assert (found.value < found.bound) == is_rare
    assert found.passed is None
    assert f"{len(result.trades)} trades" in found.text


def test_random_entries_are_the_same_for_the_same_generator_and_pay_the_same_costs() -> None:
    """Seeded; and a run whose costs are raised loses as much at random."""
    data = history()
    result = honest(data)
    once, again = (random_entry_baseline(result, data, _generator(9)) for _ in range(2))
    assert once == again
    dearer = replace(result, trades=tuple(replace(each, costs=each.costs + 100) for each in result.trades))
    assert random_entry_baseline(dearer, data, _generator(9)).value == once.value


def test_packages_of_options_cannot_be_moved_in_time() -> None:
    """At another instant the strikes would be others; the guard says so, and does not draw."""
    data = of_chains(chains([{(4280.0, "P"): (3.0, 3.2)} for _ in range(4)]))
    put = contract(4280, "P")

    def close(view: View) -> Decision:
        return order(((put, -1),), "-3.00", package=view.account.packages[0].package_id)

    result = run(data, Scripted([order(((put, 1),), "3.20"), HOLD, close]))
    assert len(result.trades) == 1
    found = random_entry_baseline(result, data, _generator())
    assert (found.passed, found.text) == (None, "1 of 1 trades cannot be moved to another instant")
    assert random_entry_baseline(replace(result, trades=()), data, _generator()).text == "no trade"

"""Baselines: who earns on coins has seen the coin, and random entries are as long and as dear as the run's."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from backtest.audit.baselines import coin_flipped, random_entry_baseline, shuffled_label_baseline, why_not_flipped
from backtest.audit.findings import WayToRun
from backtest.audit.restruck import Boards, profits_elsewhere
from backtest.audit.rewrites import RewrittenChains
from backtest.history import History
from backtest.results import RunResult
from market.chains import OptionChain
from market.orders import Leg
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD, Decision
from strategies.views import View
from tests.backtest.audit.runs import history, honest, peeking
from tests.backtest.option_recordings import chains, contract, of_chains, order
from tests.backtest.recordings import MINUTE_NS, START_NS, Scripted, bars, of_bars, run


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


_PUT = contract(4280, "P")


def _close(view: View) -> Decision:
    return order(((_PUT, -1),), "-1.00", package=view.account.packages[0].package_id)


def _valley(spot: float = 4290.0) -> History:
    """Return chains whose put falls until the twentieth minute, and rises from then on."""
    mids = [3.0 + 0.1 * abs(n - 20) for n in range(45)]
    boards = [{(4280.0, "P"): (mid - 0.05, mid + 0.05), (4200.0, "P"): (0.5, 0.6)} for mid in mids]
    return of_chains(chains(boards, step_ns=MINUTE_NS, spot=spot))


def _bought(data: History, at: int) -> RunResult:
    answers = [HOLD] * at + [order(((_PUT, 1),), "6.00")] + [HOLD] * 14 + [_close]
    return run(data, Scripted(answers), limits=PretradeLimits(collar_fraction=None))


@pytest.mark.parametrize(("at", "share"), [(20, 0.4), (3, 0.6)])
def test_a_package_of_options_is_held_against_its_like_at_other_instants(at: int, share: float) -> None:
    """Bought at the bottom it beats most instants; bought on the way down it does not."""
    data = _valley()
    result = _bought(data, at)
    assert len(result.trades) == 1
    found = random_entry_baseline(result, data, _generator())
    assert found.value < share if at == 20 else found.value > share
    assert "1 trades earned" in found.text


def test_a_package_is_struck_anew_as_far_from_spot_and_as_long_held() -> None:
    """Every instant from which it can be held as long is used, at mids and at the trade's own costs."""
    data = _valley()
    (trade,) = _bought(data, 20).trades
    held = (trade.closed_ns - trade.opened_ns) // MINUTE_NS
    entry = (trade.opened_ns - START_NS) // MINUTE_NS
    mids = [100.0 * (3.0 + 0.1 * abs(n - 20)) for n in range(45)]
    actual, elsewhere = profits_elsewhere(replace(trade, costs=Decimal(7)), Boards(data.chains[0]))
    assert actual == pytest.approx(mids[entry + held] - mids[entry] - 7.0)
    assert elsewhere == pytest.approx(np.array([mids[n + held] - mids[n] - 7.0 for n in range(45 - held)]))


def test_another_spot_strikes_the_package_at_another_strike() -> None:
    """Ten points higher the put of 4280 becomes that of 4290; where two legs would meet there is no like of it."""
    boards = [{(4280.0, "P"): (3.0, 3.0), (4290.0, "P"): (5.0 + n, 5.0 + n)} for n in range(4)]
    spot = np.repeat([4290.0, 4290.0, 4300.0, 4300.0], 2)
    table = chains(boards, step_ns=MINUTE_NS, spot=spot)  # type: ignore[arg-type]  # one a row
    bought = _bought(_valley(), 20).trades[0]
    minute = replace(bought, opened_ns=START_NS, closed_ns=START_NS + MINUTE_NS, costs=Decimal(0))
    actual, elsewhere = profits_elsewhere(minute, Boards(table))
    assert (actual, elsewhere.tolist()) == (0.0, [0.0, 0.0, 100.0])
    spread = replace(minute, legs=(*minute.legs, Leg(instrument=contract(4290, "P"), ratio=-1)))
    assert profits_elsewhere(spread, Boards(table))[1].tolist() == [-100.0, -100.0]


def test_a_source_without_an_underlying_is_struck_by_parity() -> None:
    """Pairs imply a spot ten points higher in the last two boards: there it is the put of 4290, which gains."""

    def board(forward: float, put: float, more: float = 0.0) -> dict[tuple[float, str], tuple[float, float]]:
        rows = {}
        for strike in np.arange(4250.0, 4340.0, 10.0).tolist():
            price = put + 0.5 * (strike - 4290.0) + (more if strike == 4290.0 else 0.0)
            rows[strike, "P"] = (price - 0.1, price + 0.1)
            rows[strike, "C"] = (price + forward - strike - 0.1, price + forward - strike + 0.1)
        return rows

    boards = [board(4290.0, 40.0), board(4290.0, 40.0), board(4300.0, 43.0), board(4300.0, 43.0, more=1.0)]
    table = chains(boards, step_ns=MINUTE_NS, spot=np.nan)
    bought = _bought(_valley(), 20).trades[0]
    minute = replace(bought, opened_ns=START_NS, closed_ns=START_NS + MINUTE_NS, costs=Decimal(0))
    assert profits_elsewhere(minute, Boards(table))[1] == pytest.approx(np.array([0.0, 300.0, 100.0]))


def test_a_source_of_mids_is_priced_at_them() -> None:
    """Where neither side is quoted the last price is the mid; a contract with one side alone has no price."""
    (trade,) = _bought(_valley(), 20).trades
    table = _valley().chains[0]

    def as_mids(_place: int, chain: OptionChain) -> OptionChain:
        nothing = np.full(chain.n_contracts, np.nan)
        return chain.updated({"bid": nothing, "ask": nothing, "last": 0.5 * (chain.bid + chain.ask)})

    def one_sided(_place: int, chain: OptionChain) -> OptionChain:
        return chain.updated({"bid": np.full(chain.n_contracts, np.nan), "last": chain.ask})

    quoted, mids, bare = (
        profits_elsewhere(trade, Boards(RewrittenChains(table, table.available_ns, rule)))
        for rule in (lambda _place, chain: chain, as_mids, one_sided)
    )
    assert mids[0] == pytest.approx(quoted[0])
    assert mids[1] == pytest.approx(quoted[1])
    assert np.isnan(bare[0])
    assert not bare[1].shape[0]


def test_trades_without_prices_elsewhere_are_not_asked() -> None:
    """A package without its chains, or no trade at all: the guard says so, and does not draw."""
    result = _bought(_valley(), 20)
    found = random_entry_baseline(result, of_bars(bars([100.0])), _generator())
    assert (found.passed, found.text) == (None, "1 of 1 trades cannot be priced at other instants")
    assert random_entry_baseline(replace(result, trades=()), _valley(), _generator()).text == "no trade"
    without_spot = random_entry_baseline(result, _valley(spot=float("nan")), _generator())
    assert "cannot be priced" in without_spot.text

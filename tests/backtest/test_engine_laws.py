"""Laws of a run: interest to the cent, the index with its dividends, no look ahead, the same ledger everywhere."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from backtest.costs.carry import CashInterest, ConstantRate
from backtest.history import Halt, History
from backtest.results import RunResult
from execution.events import DividendNotice, Split
from market.bars import BarBatch
from market.calendars import sessions_between
from market.chains import FloatArray
from market.clock import datetime_of_ns
from market.errors import ConfigError
from strategies.moving_average import MovingAverageCross
from strategies.noop import Noop
from strategies.views import BarWindow
from tests.backtest.recordings import MINUTE_NS, SHARE, START_NS, Scripted, bars, of_bars, run
from tests.backtest.test_engine import buy

DAY_NS = 86_400_000_000_000
CROSS = MovingAverageCross(instrument=SHARE, fast=5, slow=20)


def walk(n: int = 400, seed: int = 3) -> BarBatch:
    """Return a random walk of prices in cents."""
    steps = np.random.default_rng(seed).standard_normal(n)
    return bars((100.0 + np.cumsum(0.2 * steps)).round(2).tolist())


def crossed(history: History) -> RunResult:
    """Run the crossing of two averages."""
    return run(history, CROSS, features=CROSS.features)


def test_a_strategy_that_never_trades_earns_exactly_the_interest_on_its_cash() -> None:
    """Eleven nights at 3.6 % of 100 000 over 360 days are 10 a night; every cent compounds from its midnight on."""
    interest = CashInterest(source=ConstantRate(rate=Decimal("0.036")))
    result = run(of_bars(bars([10.0] * 11, width_ns=DAY_NS)), Noop(), interest=interest)
    cash, carried = Decimal(100_000), Decimal(0)
    for _ in range(11):
        carried += cash * Decimal("0.036")
        cents = (carried / 360).quantize(Decimal("0.01"), rounding="ROUND_DOWN")
        carried -= cents * 360
        cash += cents
    assert result.stopped == ""
    assert result.curve.income[-1] == pytest.approx(float(cash - 100_000), abs=1e-9)
    assert result.curve.equity[-1] == float(cash)


def test_dividends_and_splits_leave_the_value_of_what_is_held() -> None:
    """A dividend takes from the price what it pays; a split takes from the price what it adds in shares."""
    daily = bars([100.0, 99.0, 49.5, 49.5], opens=[100.0, 100.0, 49.5, 49.5], width_ns=DAY_NS)
    paid = DividendNotice(
        symbol="SYN", announced_ns=0, ex_ns=START_NS + DAY_NS + 1, paid_ns=START_NS + DAY_NS + 1, amount=Decimal(1)
    )
    split = Split(event_id="s", ts_event_ns=START_NS + 2 * DAY_NS + 1, symbol="SYN", numerator=2, denominator=1)
    result = run(of_bars(daily, dividends=(paid,), splits=(split,)), Scripted([buy("101", "10")]), benchmark="SYN")
    assert result.stopped == ""
    assert result.curve.equity.tolist() == [100_000.0] * 4
    assert result.benchmark.tolist() == pytest.approx([100_000.0, 100_000.0, 100_000.0, 100_000.0], rel=2e-4)


def test_the_future_changes_nothing_that_was_decided() -> None:
    """Other prices after an instant leave fills and rows until then as they were."""
    whole = walk()
    cut = 250
    later = np.where(np.arange(whole.n_bars) < cut, 0.0, 5.0)
    prices = ("open", "high", "low", "close")
    changed = replace(whole, **{name: getattr(whole, name) + later for name in prices})
    first, second = crossed(of_bars(whole)), crossed(of_bars(changed))
    until = int(whole.end_ns[cut - 1])
    assert [f for f in first.fills if f.ts_event_ns < until] == [f for f in second.fills if f.ts_event_ns < until]
    assert first.curve.equity[:cut].tolist() == second.curve.equity[:cut].tolist()


def test_a_history_that_is_cut_gives_the_same_beginning() -> None:
    """Truncation changes nothing before it."""
    whole = walk()
    columns = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    short = replace(whole, **{name: getattr(whole, name)[:300] for name in columns})
    first, second = crossed(of_bars(whole)), crossed(of_bars(short))
    assert second.curve.equity.tolist() == first.curve.equity[:300].tolist()


def test_the_order_of_rows_and_batches_does_not_matter() -> None:
    """Rows are ordered by availability and streams by name, however they came."""
    whole, other = walk(), replace(walk(seed=4), symbol="OTHER")
    order = np.random.default_rng(1).permutation(whole.n_bars)
    columns = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    shuffled = replace(whole, **{name: getattr(whole, name)[order] for name in columns})
    assert crossed(of_bars(whole, other)).ledger_digest == crossed(of_bars(other, shuffled)).ledger_digest


def test_nothing_trades_in_a_halt_or_outside_of_the_session() -> None:
    """The order waits for the first open after the halt; a share on its exchange waits for the next morning."""
    halt = Halt(symbol="SYN", start_ns=START_NS, end_ns=START_NS + 3 * MINUTE_NS)
    (fill,) = run(of_bars(walk(10), halts=(halt,)), Scripted([buy("110")])).fills
    assert fill.ts_event_ns == START_NS + 3 * MINUTE_NS
    (late,) = sessions_between("NYSE", datetime_of_ns(START_NS).date(), datetime_of_ns(START_NS).date())
    evening = bars([100.0] * 3, start_ns=late.close_ns + MINUTE_NS)
    assert not run(of_bars(evening), Scripted([buy("110")]), calendars={}).fills


def test_marks_are_carried_in_a_halt_and_counted() -> None:
    """What is printed then is no market."""
    halt = Halt(symbol="SYN", start_ns=START_NS + 2 * MINUTE_NS, end_ns=START_NS + 4 * MINUTE_NS)
    result = run(of_bars(bars([10.0, 10.0, 99.0, 99.0, 10.0]), halts=(halt,)), Scripted([buy("10")]))
    assert result.curve.equity.tolist() == [100_000.0, 100_000.0, 100_000.0, 100_089.0, 100_000.0]
    assert result.counts["marks_carried"] == 2


class _Peeking:
    """A feature that reads the bar after its own."""

    name, symbol, lookback = "peek", "SYN", 1

    def column(self, window: BarWindow) -> FloatArray:
        """Return the next close."""
        return np.append(window.close[1:], np.nan)


def test_a_feature_that_looks_ahead_is_refused() -> None:
    """Its column is not what its own window gives."""
    with pytest.raises(ConfigError, match="depends on more than its window"):
        run(of_bars(walk()), Noop(), features=(_Peeking(),))


def test_another_process_writes_the_same_ledger() -> None:
    """Hash seeds and dictionaries decide nothing."""
    code = "from tests.backtest.test_engine_laws import *; print(crossed(of_bars(walk())).ledger_digest)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == crossed(of_bars(walk())).ledger_digest

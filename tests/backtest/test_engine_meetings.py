"""What an order may meet: prices that stood after it arrived, together, in the session, and each size once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from math import nan
from typing import Any

import numpy as np

from backtest.chain_table import ChainTable
from backtest.fills.pricing import FillRules
from backtest.history import History
from backtest.schedule import OnBars, OnChains, OnQuotes
from execution.orders import OrderStatus
from market.bars import BarBatch
from market.chains import OptionChain
from market.orders import TimeInForce
from market.tradables import Share
from market.trades import Int64Array
from risk.limits.pretrade import PretradeLimits
from strategies.decisions import HOLD
from tests.backtest.option_recordings import HALF_HOUR_NS, chains, contract, order
from tests.backtest.recordings import MINUTE_NS, START_NS, Scripted, bars, of_bars, run
from tests.backtest.test_engine import buy
from tests.backtest.test_engine_schedule import of_quotes, quotes

SPY = Share(symbol="SPY")
NO_COLLAR = PretradeLimits(collar_fraction=None)


@dataclass(frozen=True)
class Delayed:
    """Chains that become known some time after the instant that they show."""

    table: ChainTable
    delay_ns: int

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self.table.symbol

    @property
    def available_ns(self) -> Int64Array:
        """Later than they were."""
        return self.table.available_ns + self.delay_ns

    def chain(self, place: int) -> OptionChain:
        """Return one."""
        return self.table.chain(place)


def joined(first: BarBatch, second: BarBatch) -> BarBatch:
    """Return two recordings of bars as one."""
    names = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    columns: dict[str, Any] = {name: np.concatenate((getattr(first, name), getattr(second, name))) for name in names}
    return replace(first, **columns)


def test_a_chain_that_comes_late_fills_nothing_at_prices_from_before_the_decision() -> None:
    """Bars come at once and chains 15 minutes late: who saw the rise cannot buy at the quotes from before it."""
    call = contract(4290.0, "C")
    rising = [{(4290.0, "C"): (4.0 + minute, 4.2 + minute)} for minute in range(30)]
    late = Delayed(chains(rising, step_ns=MINUTE_NS), 15 * MINUTE_NS)
    history = History(sources=(), chains=(late,), bars=(bars([4290.0] * 45, symbol="SPX"),))
    script = Scripted([HOLD] * 17 + [order([(call, 1)], "50")])
    (fill,) = run(history, script, triggers=(OnBars(),), limits=NO_COLLAR).fills
    decided_ns = START_NS + 18 * MINUTE_NS
    assert (fill.ts_event_ns, fill.price) == (decided_ns + 15 * MINUTE_NS, Decimal("22.2"))


def test_two_orders_share_what_one_quote_shows() -> None:
    """Five are shown: the first takes them, and the second waits for the next quote."""
    pair = (Scripted([buy("10.5", "5")], name="a"), Scripted([buy("10.5", "5")], name="b"))
    result = run(of_quotes(quotes([(10.0, 10.1)] * 3, size=5.0)), *pair, triggers=(OnQuotes(),), limits=NO_COLLAR)
    assert [(fill.strategy, (fill.ts_event_ns - START_NS) // MINUTE_NS) for fill in result.fills] == [
        ("a", 1),
        ("b", 2),
    ]


def test_a_quote_of_one_leg_is_not_taken_again_with_every_quote_of_the_other() -> None:
    """Shares tick each second against one chain that shows one contract: one package of three trades."""
    call = contract(427.0, "C", "SPY")
    table = chains([{(427.0, "C"): (1.0, 1.1)}] * 2, root="SPY", spot=428.0, sizes=1.0)
    ticks = quotes([(428.0, 428.1)] * 100, size=100.0, symbol="SPY")
    ticks = replace(ticks, ts_ns=START_NS + HALF_HOUR_NS - 30 * 10**9 + 10**9 * np.arange(100, dtype=np.int64))
    history = History(sources=(), instruments=(SPY,), chains=(table,), quotes=(ticks,))
    decision = order([(call, -1), (SPY, 100)], "427.20", quantity=3)
    wide = Decimal(10_000_000)
    decider = Scripted([HOLD] * 5 + [decision])
    result = run(history, decider, triggers=(OnQuotes(),), limits=NO_COLLAR, initial_cash=wide)
    assert [(fill.instrument.symbol, fill.quantity) for fill in result.fills] == [
        (call.symbol, Decimal(-1)),
        ("SPY", Decimal(100)),
    ]


def test_legs_that_were_quoted_far_apart_are_no_package() -> None:
    """Two minutes without a share's quote are too long for a package, unless the run says otherwise."""
    call = contract(427.0, "C", "SPY")
    table = chains([{(427.0, "C"): (1.0, 1.1)}] * 2, root="SPY", spot=428.0)
    stale = quotes([(428.0, 428.1)] * 28, symbol="SPY")
    history = History(sources=(), instruments=(SPY,), chains=(table,), quotes=(stale,))
    decision = order([(call, -1), (SPY, 100)], "427.20")
    for within_ns, n_fills in ((MINUTE_NS, 0), (3 * MINUTE_NS, 2)):
        rules = FillRules(legs_within_ns=within_ns)
        result = run(history, Scripted([decision]), triggers=(OnChains(),), limits=NO_COLLAR, fills=rules)
        assert len(result.fills) == n_fills


def test_a_quote_without_a_side_is_not_met_and_the_next_is_taken_at_its_price() -> None:
    """The order has not rested behind a missing quote: it pays the ask, as a taker, not its limit."""
    gap = quotes([(10.0, 10.1), (nan, nan), (9.0, 9.1)])
    (fill,) = run(of_quotes(gap), Scripted([buy("10.5")]), triggers=(OnQuotes(),), limits=NO_COLLAR).fills
    assert (fill.price, fill.liquidity.value) == (Decimal("9.1"), "taker")


def test_what_traded_before_the_open_reaches_no_order() -> None:
    """The last bar before the open ends at the open, and its range belongs to the morning."""
    open_ns = START_NS + 66 * 3_600_000_000_000 + HALF_HOUR_NS
    morning = bars([10.0] * 6, lows=[10.0, 5.0, 5.0, 10.0, 10.0, 10.0], start_ns=open_ns - 3 * MINUTE_NS)
    decision = buy("6", time_in_force=TimeInForce.GTC)
    result = run(of_bars(joined(bars([10.0] * 3), morning)), Scripted([decision]), limits=NO_COLLAR, calendars={})
    assert not result.fills


def test_an_order_that_ends_on_its_way_is_never_accepted() -> None:
    """It lives a microsecond and travels half a minute."""
    decision = buy("10.5", good_for_ns=1000)
    late = run(
        of_quotes(quotes([(10.0, 10.1)] * 5)),
        Scripted([decision]),
        latency_ns=MINUTE_NS // 2,
        triggers=(OnQuotes(),),
    )
    assert (late.stopped, [each.status for each in late.orders]) == ("", [OrderStatus.EXPIRED])

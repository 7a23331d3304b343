"""Two ways to one result: the compiled run and the engine agree in every order, fill and cent."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backtest.compiled.bar_ticks import BarTicks
from backtest.compiled.booking import fills_of
from backtest.compiled.crossing import run_crossing
from backtest.compiled.target_run import TargetRun
from backtest.config import EngineConfig
from backtest.costs.charges import FlatCommission
from backtest.costs.model import CostModel
from backtest.engine import run_backtest
from backtest.fills.spreads import FixedSpread
from backtest.history import DataSource, History
from backtest.results import RunResult
from execution.events import CashKind, CashMovement
from execution.ledger import Ledger
from market.errors import ConfigError
from market.fills import Fill
from market.tradables import Perpetual, Share
from strategies.moving_average import MovingAverageCross
from tests.backtest.compiled.series import as_batch, random_bars
from tests.backtest.recordings import DESCRIPTION

_CASH = Decimal(1_000_000)
# A quarter is exact in binary, so that quotes around prints are too.
_TICK = Decimal("0.25")
_COIN = Perpetual(symbol="SPY", underlying="SPY", tick=_TICK, lot=Decimal(1), currency="USD")
_FREE = CostModel(name="no costs")


def _engine_run(bars: BarTicks, cross: MovingAverageCross, spread: int, costs: CostModel) -> RunResult:
    batch = replace(
        as_batch(bars),
        open=bars.open / 4.0,
        high=bars.open / 4.0 + 99.0,
        low=bars.open / 4.0 - 99.0,
        close=bars.close / 4.0,
    )
    source = DataSource(
        name="walk", provenance=batch.provenance, digest="", rows=bars.n_bars, first_ns=0, last_ns=batch.ts_event_ns
    )
    history = History(sources=(source,), instruments=(_COIN,), bars=(batch,))
    config = EngineConfig(
        initial_cash=_CASH, features=cross.features, print_spread=FixedSpread(half=spread * 0.25), costs=costs
    )
    return run_backtest(config, history, (cross,), replace(DESCRIPTION, periods_per_year=365))


def _facts(fills: tuple[Fill, ...]) -> list[tuple[int, Decimal, Decimal, Decimal]]:
    return [(fill.ts_event_ns, fill.quantity, fill.price, fill.total_cost) for fill in fills]


def _booked(run: TargetRun, fills: tuple[Fill, ...]) -> list[Decimal]:
    """Return the equity at each close with the fills booked in a ledger, its identity checked at each."""
    ledger = Ledger("USD")
    ledger.book(CashMovement(event_id="deposit", ts_event_ns=0, kind=CashKind.DEPOSIT, amount=_CASH))
    waiting, found = list(fills), []
    for start, end, close in zip(run.bars.start_ns, run.bars.end_ns, run.bars.close, strict=True):
        while waiting and waiting[0].ts_event_ns == start:
            ledger.book(waiting.pop(0))
        if ledger.holdings:
            ledger.mark(_COIN.symbol, int(close) * _TICK, int(end))
        ledger.check()
        found.append(ledger.equity)
    return found


def _quarters(seed: int, n_bars: int) -> BarTicks:
    return replace(random_bars(seed, n_bars), tick=_TICK)


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    fast=st.integers(1, 6),
    more=st.integers(1, 8),
    spread=st.integers(0, 2),
    allows_short=st.booleans(),
)
def test_every_fill_is_that_of_the_engine(seed: int, fast: int, more: int, spread: int, *, allows_short: bool) -> None:
    """Instants, quantities, prices and charges agree exactly, and so does the money at the end."""
    cross = MovingAverageCross(
        instrument=_COIN, quantity=Decimal(3), fast=fast, slow=fast + more, allows_short=allows_short
    )
    costs = CostModel(name="a half", charges=(FlatCommission(amount=Decimal("0.5")),))
    bars = _quarters(seed, 90)
    run = run_crossing(bars, cross, half_spread=spread)
    fills = fills_of(run, _COIN, costs, strategy=cross.name)
    result = _engine_run(bars, cross, spread, costs)
    assert result.stopped == ""
    assert _facts(fills) == _facts(result.fills)
    assert float(_booked(run, fills)[-1]) == result.curve.equity[-1]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n_bars=st.integers(1, 90), spread=st.integers(0, 2))
def test_a_ledger_with_the_fills_has_the_profit_of_the_run(seed: int, n_bars: int, spread: int) -> None:
    """Booked one by one, with the identity checked at every bar, the equity is the cash and the compiled profit."""
    bars = _quarters(seed, n_bars)
    run = run_crossing(bars, MovingAverageCross(instrument=_COIN, fast=2, slow=5), half_spread=spread)
    equity = _booked(run, fills_of(run, _COIN, _FREE, strategy="cross"))
    assert equity == [_CASH + int(ticks) * _TICK for ticks in run.profit_ticks]


def test_ids_tell_every_fill_and_package_apart() -> None:
    """The same run has the same ids, and a closing belongs to the package that was opened before it."""
    run = run_crossing(_quarters(4, 400), MovingAverageCross(instrument=_COIN, fast=2, slow=5))
    fills = fills_of(run, _COIN, _FREE, strategy="cross")
    assert fills == fills_of(run, _COIN, _FREE, strategy="cross")
    assert len({fill.fill_id for fill in fills}) == len(fills)
    sums: dict[str, Decimal] = {}
    for fill in fills:
        sums[fill.package_id] = sums.get(fill.package_id, Decimal(0)) + fill.quantity
    assert all(total == 0 for total in list(sums.values())[:-1])


def test_fills_belong_to_the_instrument_of_the_bars() -> None:
    """Another symbol is refused."""
    run = run_crossing(_quarters(4, 40), MovingAverageCross(instrument=_COIN, fast=2, slow=5))
    with pytest.raises(ConfigError, match="fills of another instrument"):
        fills_of(run, Share(symbol="QQQ"), _FREE, strategy="cross")

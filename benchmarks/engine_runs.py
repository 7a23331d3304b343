"""Runs of the engine that are timed: bars compiled and by events, condors on the year of chains."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Final

from backtest.chain_table import ChainTable
from backtest.compiled.bar_ticks import BarTicks, bar_ticks
from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import DataSource, History
from backtest.results import RunDescription, RunResult
from benchmarks.recipes import BAR_TICK, SIMULATED
from market.bars import BarBatch
from market.tradables import Perpetual
from strategies.moving_average import MovingAverageCross
from strategies.structures.iron_condor import IronCondor
from strategies.views import Strategy

__all__ = [
    "CONDOR",
    "CROSS",
    "LADDER",
    "bar_history",
    "chain_history",
    "described",
    "run_bars",
    "run_chains",
    "ticks_of",
]

_COIN: Final = Perpetual(symbol="SIM", underlying="SIM", tick=BAR_TICK, lot=Decimal(1), currency="USD")
CROSS: Final = MovingAverageCross(instrument=_COIN)
CONDOR: Final = IronCondor(
    underlying="SPX", short_delta=0.16, width=10.0, risk_share=1.0, allowance=0.5, min_credit_share=0.0
)
LADDER: Final = replace(CONDOR, max_open=45)
"""One new condor a day: a dozen and more are open together, and margin pairs all of their legs."""


def described(name: str, sources: tuple[DataSource, ...], seed: int) -> RunDescription:
    """Return what a run is; the engine adds its models."""
    return RunDescription(
        name=name,
        config_digest="",
        code_version="benchmark",
        seed=seed,
        fill_model="",
        slippage_model="",
        cost_model="",
        sources=sources,
        simulated=True,
        n_trials=1,
        currency="USD",
        periods_per_year=252,
    )


def _source(name: str, rows: int, first_ns: int, last_ns: int) -> DataSource:
    return DataSource(name=name, provenance=SIMULATED, digest=name, rows=rows, first_ns=first_ns, last_ns=last_ns)


def bar_history(bars: BarBatch) -> History:
    """Return a history of bars of the coin."""
    source = _source("minute walk", bars.n_bars, int(bars.start_ns[0]), int(bars.end_ns[-1]))
    return History(sources=(source,), instruments=(_COIN,), bars=(bars,))


def ticks_of(bars: BarBatch) -> BarTicks:
    """Return the bars in whole ticks."""
    return bar_ticks(bars, BAR_TICK)


def run_bars(history: History, strategy: MovingAverageCross = CROSS) -> RunResult:
    """Run a crossing by events, with the gate before the venue and the ledger."""
    config = EngineConfig(initial_cash=Decimal(1_000_000), features=strategy.features, with_greeks=False)
    return run_backtest(config, history, (strategy,), described("bars", history.sources, 7))


def chain_history(table: ChainTable) -> History:
    """Return a history of chains."""
    return History(sources=(table.source("weekly chains"),), chains=(table,))


def run_chains(history: History, *strategies: Strategy, with_greeks: bool = False) -> RunResult:
    """Run strategies over chains; an order meets the chain of the next day."""
    config = EngineConfig(initial_cash=Decimal(1_000_000), with_greeks=with_greeks)
    return run_backtest(config, history, strategies, described("chains", history.sources, 3))

"""Decisions on a chain of 10 000 contracts: five strategies with an open package each, every snapshot a new one.

Times are those of the processor: what waits for other work on a shared machine is not counted, collections of garbage
are; of several turns the least counts. Regimes are read before the clock starts; what a reading costs stands with the
live state.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from math import nan
from typing import Final

import numpy as np

from benchmarks.harness import Row
from fields.live.config import LiveConfig
from fields.live.interpretation import Interpreter
from fields.live.market import MarketInputs
from market.calendars import sessions_between
from market.chains import OptionChain
from market.forecasts import Forecast
from risk.entry_score import EntryScoreConfig
from strategies.chain_lookup import ChainLookup
from strategies.legs.rules import placed
from strategies.package_prices import natural_price
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.fuzzy import EntryScoreRules, FuzzyRules
from strategies.plan.package_plan import PackagePlan
from strategies.plan.schedules import DaysOut, FrontBack
from strategies.plan.sizing import GreekLimits, SizeRules
from strategies.selector.strategy import RegimeSelector
from strategies.structures.broken_wing import broken_wing
from strategies.structures.calendar import calendar
from strategies.structures.iron_butterfly import iron_butterfly
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.vertical import debit_spread
from strategies.views import HeldPackage, PackageMarks, Strategy
from tests.generators import AS_OF_NS, Expiry, synthetic_chain
from tests.strategies.scene import Scene, SceneAccount

__all__ = ["run"]

_N_CONTRACTS: Final = 10_000
_STRIKES: Final = np.arange(3_380.0, 4_625.0, 10.0)  # 125, with 40 expirations and both rights 10 000
_N_CHAINS: Final = 300
_N_TURNS: Final = 3
_N_WARM: Final = 50
_REACH_MS: Final = 5.0
_N_CALLS: Final = 100_000
_MOST_BLOCKS: Final = 2_000
_N_ROUNDS: Final = 100
_MONTH: Final = DaysOut(days=35, shortest=20, longest=50)
_LATER: Final = FrontBack(
    front=DaysOut(days=20, shortest=10, longest=30), back=DaysOut(days=45, shortest=31, longest=70)
)
_SOLD: Final = EntryRules(max_open=2, reenters=True, cool_down_s=0.0, max_short_delta=0.6)
_BOUGHT: Final = replace(_SOLD, premium=Premium.EITHER)
_EXITS: Final = ExitRules(profit_target=0.99, stop_multiple=50.0, stop_share=1.0, exit_days=1)
_OPEN: Final = replace(_EXITS, profit_basis=ProfitBasis.MAX_LOSS, profit_target=5.0)
_SIZE: Final = SizeRules(max_packages=5, risk_share=0.1)
_WITH_GREEKS: Final = replace(
    _SIZE, trade_greeks=GreekLimits(delta_shares=500.0, vega_usd_per_volpt=5_000.0), concentration=0.5
)
_FUZZY: Final = FuzzyRules(underlying="SPX", base_size=20.0)
_SCORE: Final = EntryScoreRules(
    underlying="SPX", config=EntryScoreConfig(threshold=1.0, min_confidence=0.0, min_probability=0.0, min_rule=0.0)
)
_SELECTOR: Final = RegimeSelector(
    underlying="SPX", entry=replace(_SOLD, min_credit_share=0.0), size=_WITH_GREEKS, fuzzy=_FUZZY, reads_field=False
)


def _plans(size: SizeRules = _SIZE) -> tuple[PackagePlan, ...]:
    """Return five strategies, each of which opens a second package at most."""
    structures = (
        (condor_by_delta(0.16, 50.0), _MONTH, _SOLD, _EXITS),
        (iron_butterfly(100.0), _MONTH, _SOLD, _EXITS),
        (debit_spread(0.5, 50.0, is_bullish=True), _MONTH, _BOUGHT, _OPEN),
        (broken_wing(50.0, 100.0, is_bullish=True), _MONTH, _BOUGHT, _OPEN),
        (calendar(), _LATER, _BOUGHT, _OPEN),
    )
    return tuple(
        PackagePlan(
            name=structure.name,
            underlying="SPX",
            structure=structure,
            schedule=schedule,
            entry=replace(entry, min_credit_share=0.0),
            size=size,
            exits=exits,
        )
        for structure, schedule, entry, exits in structures
    )


def _snapshots(n: int) -> Sequence[OptionChain]:
    """Return chains of one table at different quotes, each with an id of its own and nothing valued yet."""
    days = sessions_between("NYSE", date(2023, 6, 5), date(2024, 6, 5))
    expiries = [Expiry(days[place].day) for place in (*range(30), *range(34, 134, 10))]
    first = synthetic_chain(expiries=expiries, strikes=_STRIKES, half_spread=0.2, noise=0.02, as_of_ns=AS_OF_NS)
    rng = np.random.default_rng(5)
    found = []
    for number in range(n):
        half = 0.5 * (first.ask - first.bid)
        middle = (first.ask - half) * (1.0 + 0.002 * rng.standard_normal())
        found.append(
            replace(
                first,
                bid=np.maximum(middle - half, 0.0),
                ask=middle + half,
                cause_id=f"chain-{number}",
                ts_event_ns=first.ts_event_ns + number * 1_000_000_000,
            )
        )
    return found


def _account(plans: Sequence[PackagePlan], chain: OptionChain) -> SceneAccount:
    """Return an account with one package of each plan, opened at the prices of a chain."""
    view = ChainLookup().view(chain)
    packages = []
    for plan in plans:
        found = placed(view, plan.schedule.series(view), plan.structure)
        if not found.legs:
            raise RuntimeError(f"{plan.name} has no legs: {found.reason}")
        packages.append(
            HeldPackage(
                package_id=plan.name,
                strategy=plan.name,
                structure=plan.structure.name,
                legs=found.legs,
                quantity=Decimal(1),
                opened_ns=chain.ts_event_ns - 86_400_000_000_000,
                entry_price=natural_price(view, found.legs),
                is_whole=True,
                factors={"width": 500.0, "reach": nan},
            )
        )
    marks = PackageMarks(profit=1.0, best_profit=2.0, worst_profit=-1.0, value=-100.0, marked_ns=chain.ts_event_ns)
    return SceneAccount(
        equity=1_000_000.0,
        buying_power=800_000.0,
        packages=tuple(packages),
        marks={each.package_id: marks for each in packages},
    )


def _scene(lookup: ChainLookup, account: SceneAccount, chain: OptionChain, reader: Interpreter) -> Scene:
    """Return a chain that nobody has looked at, with everything else that a strategy may ask for."""
    now_ns = chain.ts_event_ns
    forecast = Forecast(
        symbol="SPX",
        ts_event_ns=now_ns,
        cause_id=chain.cause_id,
        model="benchmark",
        horizon_ns=3_600_000_000_000,
        prob_bull=0.6,
        prob_bear=0.2,
        prob_neutral=0.2,
        confidence=0.7,
    )
    reader.market = MarketInputs(vix=16.0, vix9d=15.0, adx=18.0, sma=3_900.0)
    return Scene(
        now_ns=now_ns,
        account=account,
        chains={"SPX": lookup.view(chain)},
        closes={"SPX": (4_000.0,)},
        features={each.name: 0.5 for each in _FUZZY.features},
        read={"SPX": reader.read_market(chain.session, 4_000.0, now_ns, chain.cause_id)},
        forecasts={"SPX": forecast},
    )


def _latency(name: str, strategies: Sequence[Strategy], reach_ms: float | None) -> list[Row]:
    chains = _snapshots(_N_WARM + _N_CHAINS)
    account, lookup = _account(_plans(), chains[0]), ChainLookup()
    reader = Interpreter(LiveConfig())
    turns, trades = np.zeros((_N_TURNS, _N_CHAINS)), 0
    for turn in turns:
        gc.collect()
        for number, chain in enumerate(chains):
            scene = _scene(lookup, account, chain, reader)
            start = time.thread_time_ns()
            trades += sum(bool(each.decide(scene).proposals) for each in strategies)
            if number >= _N_WARM:
                turn[number - _N_WARM] = time.thread_time_ns() - start
    middle, high = (float(np.percentile(turns, q, axis=1).min()) / 1e6 for q in (50.0, 99.0))
    note = f"of {len(strategies)} strategies {trades / turns.shape[0] / len(chains):.1f} trade"
    return [
        Row(name=f"{name}, median", size=_N_CONTRACTS, value=middle, unit="ms", note=note),
        Row(
            name=f"{name}, 99th percentile",
            size=_N_CONTRACTS,
            value=high,
            unit="ms",
            reach="" if reach_ms is None else f"<= {reach_ms:g}",
            passed=None if reach_ms is None else high <= reach_ms,
            note=note,
        ),
    ]


def _growth(n_calls: int = _N_CALLS) -> Row:
    """Return the blocks that stay allocated after many decisions beyond those of the first tenth."""
    plans, chains = _plans(), _snapshots(8)
    account, lookup = _account(plans, chains[0]), ChainLookup()

    def decide(n: int) -> int:
        for number in range(n // len(plans)):
            if number % _N_ROUNDS == 0:
                chain = chains[number // _N_ROUNDS % len(chains)]
                scene = Scene(now_ns=chain.ts_event_ns, account=account, chains={"SPX": lookup.view(chain)})
            for plan in plans:
                plan.decide(scene)
        gc.collect()
        return sys.getallocatedblocks()

    before = decide(n_calls // 10)
    grown = decide(n_calls - n_calls // 10) - before
    return Row(
        name=f"blocks kept by {n_calls} decisions",
        size=n_calls,
        value=float(grown),
        unit="blocks",
        reach=f"<= {_MOST_BLOCKS}",
        passed=grown <= _MOST_BLOCKS,
        note=f"beyond the first tenth; a new chain every {_N_ROUNDS} rounds",
    )


def run() -> list[Row]:
    """Measure and return the rows."""
    full = tuple(replace(plan, fuzzy=_FUZZY, score=_SCORE) for plan in _plans(_WITH_GREEKS))
    return [
        *_latency("decide, new chain", _plans(), _REACH_MS),
        *_latency("with limits of Greeks, fuzzy sizing, entry score", full, _REACH_MS),
        *_latency("the selector alone", (_SELECTOR,), _REACH_MS),
        _growth(),
    ]

"""What data cost a backtest: views of chains, real sessions with a condor, and a month of minute chains with fields."""

from __future__ import annotations

import multiprocessing
import os
import resource
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np

from adapters.simulated import SimulatedMarketConfig, demo_config
from adapters.store.blobs import BlobFolder
from backtest.config import EngineConfig
from backtest.costs.schedules import us_options_and_shares
from backtest.engine import run_backtest
from backtest.history import History
from backtest.results import RunDescription, RunResult
from backtest.schedule import OnChains
from benchmarks.harness import Row, interleaved_ns
from cluster.histories.fields import field_cache
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.simulated import simulated_history
from cluster.histories.span import Span
from fields.config import FieldConfig
from market.chains import OptionChain
from market.errors import DataError
from strategies.chain_lookup import ChainLookup, nearest_expiration, nearest_strike, strike_at_delta
from strategies.decisions import HOLD, Decision
from strategies.market_state import FieldSource
from strategies.structures.iron_condor import IronCondor
from strategies.structures.zero_dte_condor import ZeroDteCondor
from strategies.views import Strategy, View
from tests.generators import Expiry, synthetic_chain

__all__ = ["run"]

_DATA = Path(os.environ.get("HEDGEFIELD_DATA", str(Path(__file__).resolve().parents[2] / "shared" / "data")))
_MONTH = Span(first=date(2025, 6, 2), last=date(2025, 6, 30))
_STRIKES = 40  # of each of about 23 expirations: 2 000 contracts and more as the index moves
_SESSIONS_REACH_S, _MONTH_REACH_S, _MONTH_REACH_MB = 2.0, 10.0, 1_000.0
_VIEW_REACH_US = {2_000: 60.0, 20_000: 400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldGated:
    """A condor of the day that is asked only where the field says that dealers are long gamma."""

    plan: ZeroDteCondor

    @property
    def name(self) -> str:
        """That of the plan."""
        return self.plan.name

    def decide(self, view: View) -> Decision:
        """Return what the plan decides; hold where dealers are short gamma and nothing is open."""
        field = view.field(self.plan.underlying)
        is_long = field is not None and field.totals.gamma_usd_per_pct > 0.0
        return self.plan.decide(view) if is_long or view.account.packages else HOLD


def run() -> list[Row]:
    """Return the cost of views, of real sessions, and of a month of minute chains."""
    return [*_views(), *_sessions(), *_month()]


def _run(history: History, strategy: Strategy, fields: FieldSource | None = None) -> RunResult:
    description = RunDescription(
        name="benchmark", config_digest="", code_version="", seed=7, fill_model="", slippage_model="", cost_model="",
        sources=history.sources, simulated=history.simulated, n_trials=1, currency="USD", periods_per_year=252,
    )  # fmt: skip
    config = EngineConfig(
        initial_cash=Decimal(1_000_000),
        costs=us_options_and_shares(),
        triggers=(OnChains(),),
        closing_quotes_ns=1_800 * 10**9,
    )
    result = run_backtest(config, history, (strategy,), description, fields=fields)
    if result.stopped or not result.trades:
        raise DataError("a benchmark run shows nothing", found=result.stopped or "no trade", expected="closed trades")
    return result


# -- views ------------------------------------------------------------------------------------------------------------


def _chain(n_contracts: int) -> OptionChain:
    n_expiries = 10 if n_contracts < 10_000 else 50
    days = [date(2023, 6, 9) + timedelta(days=7 * k) for k in range(n_expiries)]
    strikes = np.linspace(3_400.0, 4_600.0, n_contracts // (2 * n_expiries)).round(0)
    chain = synthetic_chain(expiries=[Expiry(day) for day in days], strikes=strikes, half_spread=0.1)
    return chain.updated({"vendor_iv": np.full(chain.n_contracts, np.nan)})


def _views() -> list[Row]:
    rows = []
    for size, reach in _VIEW_REACH_US.items():
        chain = _chain(size)
        copied = chain.updated({name: getattr(chain, name).copy() for name in ("strike", "is_call", "series_index")})
        lookup, other = ChainLookup(), [chain, copied]

        def little(lookup: ChainLookup = lookup, other: list[OptionChain] = other) -> None:
            other.reverse()
            view = lookup.view(other[0])
            nearest_strike(view, nearest_expiration(view, 30, 20, 45), 4_000.0, is_call=True)

        def anew(chain: OptionChain = chain) -> None:
            view = ChainLookup().view(chain)
            nearest_strike(view, nearest_expiration(view, 30, 20, 45), 4_000.0, is_call=True)

        def delta(lookup: ChainLookup = lookup, other: list[OptionChain] = other) -> None:
            other.reverse()
            view = lookup.view(other[0])
            strike_at_delta(view, nearest_expiration(view, 30, 20, 45), 0.16, is_call=False)

        times = interleaved_ns({"same listing": little, "another listing": anew, "own deltas": delta}, rounds=101)
        for name, found in times.items():
            value = statistics.median(found) / 1e3
            bound = reach if name != "own deltas" else float("inf")
            note = "one strike by delta, from quotes alone" if name == "own deltas" else "view and one strike"
            told = f"<= {reach:g}" if name != "own deltas" else ""
            passed = value <= bound if told else None
            rows.append(
                Row(name=f"view: {name}", size=size, value=value, unit="us", reach=told, passed=passed, note=note)
            )
    return rows


# -- real sessions ----------------------------------------------------------------------------------------------------


def _sessions() -> list[Row]:
    path = _DATA / "option_chains" / "cboe_spx_snapshots.parquet"
    if not path.exists():
        return [Row(name="24 real SPX sessions", size=0, value=float("nan"), unit="s", note=f"no data at {_DATA}")]
    # The recorded sessions lie weeks apart: an order waits for the next one, and what ends between settles by its day.
    condor = IronCondor(underlying="SPX", width=50.0, max_chain_age_s=7_200.0, order_life_s=60 * 86_400.0)
    found = _apart(_sessions_apart, path, condor)
    note = f"{found['trades']:g} trades closed; reading alone {found['reading']:.2f} s; peak {found['rss_mb']:.0f} MB"
    value = found["cpu_s"]
    return [
        Row(
            name="24 real SPX sessions: read, condor by delta with exits, ledger",
            size=int(found["contracts"]),
            value=value,
            unit="cpu-s",
            reach=f"<= {_SESSIONS_REACH_S:g}",
            passed=value <= _SESSIONS_REACH_S,
            note=note,
        )
    ]


def _sessions_apart(path: Path, condor: IronCondor) -> dict[str, float]:
    _warm()
    start = time.process_time()
    history = recorded_history(RecordedFiles(chains=(path,)))
    chains = history.chains[0]
    contracts = sum(chains.chain(place).n_contracts for place in range(chains.available_ns.shape[0]))
    reading = time.process_time() - start
    del history, chains  # the run opens its own: two would stand in memory at once, which no run needs
    start = time.process_time()
    daily = InputFile(path=_DATA / "daily" / "spx_spy_qqq_daily.parquet", names={"SPX": "SPX"})
    span = Span(first=date(2022, 2, 4), last=date(2025, 8, 29))
    result = _run(recorded_history(RecordedFiles(chains=(path,), inputs=(daily,)), span), condor)
    seconds = time.process_time() - start
    return {
        "cpu_s": seconds,
        "reading": reading,
        "contracts": float(contracts),
        "trades": float(len(result.trades)),
        "rss_mb": _peak_mb(),
    }


# -- a month of minutes -----------------------------------------------------------------------------------------------


def _market() -> SimulatedMarketConfig:
    symbol = replace(demo_config().symbols[0], strikes_each=_STRIKES)
    return replace(demo_config(step_s=60.0), symbols=(symbol,))


def _month() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        made = _apart(_prepare, Path(folder))
        found = _apart(_replay, Path(folder))
    size = int(found["contracts"])
    computed = made["fields_s"] / made["chains"] * 1e3
    return [
        Row(
            name="a month of minute chains: simulated and packed",
            size=size,
            value=made["simulated_s"],
            unit="cpu-s",
            note=f"{made['chains']:g} chains; {made['megabytes']:.0f} MB on disk with their fields",
        ),
        Row(name="field of a chain, computed and kept", size=size, value=computed, unit="cpu-ms"),
        Row(
            name="the same month replayed with a condor of the day and its field each minute",
            size=size,
            value=found["cpu_s"],
            unit="cpu-s",
            reach=f"<= {_MONTH_REACH_S:g}",
            passed=found["cpu_s"] <= _MONTH_REACH_S and found["fields_computed"] == 0.0,
            note=f"{found['fields_found']:g} fields found, {found['trades']:g} trades; "
            f"chains {found['chains_s']:.1f} s, fields {found['keys_s']:.1f} s, the rest engine and strategy",
        ),
        Row(
            name="memory of that run",
            size=size,
            value=found["rss_mb"],
            unit="MB",
            reach=f"<= {_MONTH_REACH_MB:g}",
            passed=found["rss_mb"] <= _MONTH_REACH_MB,
        ),
    ]


def _prepare(folder: Path) -> dict[str, float]:
    _warm()
    blobs = BlobFolder(folder / "chains")
    start = time.process_time()
    history = simulated_history(_market(), _MONTH, blobs)
    simulated = time.process_time() - start
    cache, chains = field_cache(FieldConfig(), folder / "fields"), history.chains[0]
    start = time.process_time()
    n_chains = chains.available_ns.shape[0]
    for place in range(n_chains):
        cache.field(chains.chain(place))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "simulated_s": simulated,
        "fields_s": time.process_time() - start,
        "chains": float(n_chains),
        "megabytes": size / 1e6,
    }


def _replay(folder: Path) -> dict[str, float]:
    _warm()
    start = time.process_time()
    history = simulated_history(_market(), _MONTH, BlobFolder(folder / "chains"))
    cache = field_cache(FieldConfig(), folder / "fields")
    plan = ZeroDteCondor(underlying="SIM.SPX", width=50.0, reenters=True)
    result = _run(history, FieldGated(plan=plan), cache)
    seconds, peak = time.process_time() - start, _peak_mb()
    chains = history.chains[0]
    start = time.process_time()
    contracts = [chains.chain(place).n_contracts for place in range(chains.available_ns.shape[0])]
    read = time.process_time() - start
    start = time.process_time()
    for place in range(len(contracts)):
        cache.field(chains.chain(place))
    fields = time.process_time() - start - read
    return {
        "cpu_s": seconds,
        "rss_mb": peak,
        "chains_s": read,
        "keys_s": fields,
        "contracts": float(np.mean(contracts)),
        "trades": float(len(result.trades)),
        "fields_found": float(cache.counts["fields_found"]) - len(contracts),
        "fields_computed": float(cache.counts["fields_computed"]),
    }


# -- a process of its own ---------------------------------------------------------------------------------------------


def _apart(work: object, *arguments: object) -> dict[str, float]:
    """Run a function in a fresh process, so that its memory is its own."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        return pool.apply(work, arguments)  # type: ignore[arg-type]  # a function of this module


def _warm() -> None:
    """Load calendars and kernels, which a first call pays for and no later one."""
    chain = _chain(2_000)
    view = ChainLookup().view(chain)
    strike_at_delta(view, 2, 0.2, is_call=True)
    field_cache(FieldConfig()).field(chain)


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1e6 if sys.platform == "darwin" else 1e3)

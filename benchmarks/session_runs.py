"""Structures of several days over the recorded closing chains of SPX: histories, settings and the runs of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from backtest.results import RunResult
from backtest.schedule import OnChains
from benchmarks.engine_runs import described
from benchmarks.real_runs import DATA, RETAIL
from cluster.histories.batches import SERIES_COLUMNS
from cluster.histories.fields import field_cache
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.span import Span
from execution.legging_events import LeggingTerms
from fields.config import FieldConfig
from market.series import SeriesBatch
from risk.limits.pretrade import PretradeLimits
from strategies.catalogue import strategy_of
from strategies.plan.package_plan import PackagePlan
from strategies.selector.strategy import RegimeSelector
from strategies.views import Strategy

__all__ = ["HELD_S", "PERIODS", "STRUCTURES", "plan_of", "run_sessions", "selector", "sessions_history"]

PERIODS: Final[Mapping[str, Span]] = {
    "2023-04-10 to 2023-06-09": Span(first=date(2023, 4, 10), last=date(2023, 6, 9)),
    "2025-08-19 to 2025-08-29": Span(first=date(2025, 8, 19), last=date(2025, 8, 29)),
}
"""Sessions near enough to each other for an entry and an exit. Quotes of 2023-04-05 and 06 are blank in the file."""

HELD_S: Final = 259_200.0
"""Three days after the entry a package is closed at the next chain: without that little would end within the data."""

_HOUR_NS: Final = 3_600_000_000_000
_WAIT_S: Final = 1_209_600.0
_WAIT_NS: Final = 336 * _HOUR_NS
_WARMUP: Final = timedelta(days=420)

STRUCTURES: Final[Mapping[str, tuple[str, Mapping[str, object]]]] = {
    "iron condor by delta": ("iron_condor", {"width": 25.0}),  # the default of 10 is not listed everywhere
    "iron condor by expected move": ("expected_move_condor", {}),
    "calendar": ("calendar", {}),
    "broken wing, bullish puts": ("broken_wing", {"is_bullish": True}),
    "broken wing, bearish calls": ("broken_wing", {"is_bullish": False}),
    "flyagonal": ("flyagonal", {}),
}
"""Name in the catalogue and what differs from its defaults."""


def plan_of(name: str, *, max_open: int = 1) -> PackagePlan:
    """Return the plan of a structure: its defaults, with orders that outlast the gap to the next chain.

    Parameters
    ----------
    name : str
        Of `STRUCTURES`.
    max_open : int, optional
        Packages open at once: 1, or so many that every session may open one.

    Returns
    -------
    PackagePlan
        Closed after `HELD_S` at the latest, a fortnight without quotes closing nothing.
    """
    kind, changed = STRUCTURES[name]
    strategy = strategy_of(kind, {"underlying": "SPX", **changed})
    plan: PackagePlan = strategy.plan  # type: ignore[attr-defined]  # strategies of one structure have one
    return replace(
        plan,
        allowance=0.5,
        order_life_s=_WAIT_S,
        entry=replace(plan.entry, max_open=max_open),
        size=replace(plan.size, max_packages=1, risk_share=0.05),
        exits=replace(plan.exits, max_hold_s=min(HELD_S, plan.exits.max_hold_s), mark_timeout_s=_WAIT_S),
    )


def selector(max_open: int = 1) -> RegimeSelector:
    """Return the selector with every flag on; its packages end as those of `plan_of`."""
    held = {"max_hold_s": HELD_S, "mark_timeout_s": _WAIT_S}
    found = strategy_of(
        "regime_selector",
        {
            "underlying": "SPX",
            "max_reading_age_s": 3_600.0,
            "selector": {
                "enable_calendar_spreads": True,
                "enable_broken_wing": True,
                "enable_long_puts": True,
            },
            "entry": {"max_open": max_open},
            "size": {"risk_share": 0.05},
            "orders": {"allowance": 0.5, "order_life_s": _WAIT_S},
            "terms": {f"{each}_exits": held for each in ("condor", "wing", "calendar", "put")},
        },
    )
    if not isinstance(found, RegimeSelector):
        raise TypeError(type(found))
    return found


def sessions_history(data: Path = DATA, span: Span | None = None) -> History:
    """Return closing chains of SPX with daily bars of the index and the indices of volatility, from 420 days before on.

    Regimes are read at every value of an index that the history holds: uncut, a run reads three decades of them.
    """
    history = recorded_history(
        RecordedFiles(
            chains=(data / "option_chains" / "cboe_spx_snapshots.parquet",),
            inputs=(
                InputFile(path=data / "daily" / "spx_spy_qqq_daily.parquet", names={"SPX": "SPX"}),
                InputFile(
                    path=data / "daily" / "cboe_vol_indices.parquet",
                    names={"VIX": "VIX", "VIX9D": "VIX9D", "SKEW": "SKEW"},
                ),
            ),
            symbols=frozenset({"SPX"}),
            warmup=_WARMUP,
        ),
        span,
    )
    if span is None:
        return history
    first_ns = span.first_ns - int(_WARMUP.total_seconds() * 1e9)
    return replace(history, series=tuple(_since(batch, first_ns) for batch in history.series))


def _since(batch: SeriesBatch, first_ns: int) -> SeriesBatch:
    keep = batch.available_ns >= first_ns
    return replace(batch, **{name: getattr(batch, name)[keep] for name in SERIES_COLUMNS})


def run_sessions(history: History, strategy: Strategy, *, with_field: bool = False) -> RunResult:
    """Run one strategy over closing chains: decided at one close, filled at the far sides of the next quotes.

    Parameters
    ----------
    history : History
        Chains of a period.
    strategy : Strategy
        What is run.
    with_field : bool, optional
        Whether fields are computed when somebody asks.

    Returns
    -------
    RunResult
        With charges of a retail account; greeks are not recorded.
    """
    config = EngineConfig(
        initial_cash=Decimal(1_000_000),
        start_ns=int(history.chains[0].available_ns[0]) - 1,
        end_ns=int(history.chains[0].available_ns[-1]) + 1,
        triggers=(OnChains(),),
        costs=RETAIL,
        limits=PretradeLimits(collar_fraction=None),
        legging=LeggingTerms(
            budget=Decimal(5_000), first_timeout_ns=_WAIT_NS, next_timeout_ns=_WAIT_NS, unwind_timeout_ns=_WAIT_NS
        ),
        with_greeks=False,
        closing_quotes_ns=8 * _HOUR_NS,
    )
    fields = field_cache(FieldConfig()) if with_field else None
    return run_backtest(config, history, (strategy,), described("sessions", history.sources, 0), fields=fields)

"""Runs a scenario on the recorded data of a folder and measures its criteria."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.inputs import read_inputs
from backtest.config import EngineConfig
from backtest.costs.schedules import us_options_and_shares
from backtest.engine import run_backtest
from backtest.fills.spreads import ClosingSpread
from backtest.history import DataSource, History
from backtest.results import RunDescription, RunResult
from backtest.scenarios import criteria
from backtest.scenarios.catalogue import FileRole, Scenario, ScenarioFile, ScenarioKind, SessionShock, scenario_of
from backtest.scenarios.implied_market import ImpliedChains, ImpliedMarketConfig, implied_bars
from backtest.scenarios.index_path import Shock, index_path, shocked
from backtest.scenarios.leverage import LeveredPath, engine_findings, levered_path, liquidation_findings
from backtest.scenarios.probes import EveryView, OpenOnce
from backtest.scenarios.regime_outcomes import label_facts, label_findings, labelled_sessions
from backtest.scenarios.verdict import Finding, ScenarioVerdict
from cluster.histories.digests import digest_of_files
from cluster.histories.file_chains import chains_of_files
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.span import Span
from execution.identity import digest_of
from market.bars import BarBatch
from market.calendars import Session, session_on, sessions_between
from market.chains import FloatArray
from market.errors import DataError
from market.funding import FundingBatch
from market.series import SeriesBatch
from market.tradables import Perpetual
from risk.margin.perpetual import MarginTier, PerpetualTerms
from strategies.structures.iron_condor import IronCondor
from strategies.structures.zero_dte_condor import ZeroDteCondor
from strategies.views import Strategy

__all__ = ["run_scenario"]

_MINUTE_NS: Final = 60_000_000_000
_NEAR_NS: Final = 30 * _MINUTE_NS
_PROBE: Final = "every_view"
_CASH: Final = Decimal(1_000_000)
_HORIZONS: Final = {"VIX9D": 9.0, "VIX": 30.0, "VIX3M": 93.0}
_PERPETUAL: Final = Perpetual(
    symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"), currency="USDT"
)
# Rates of the first tier of the largest venue in these years; one tier, so that a formula can check the price.
_TERMS: Final = PerpetualTerms(
    tiers=(MarginTier(up_to=Decimal("Infinity"), initial_rate=Decimal("0.008"), maintenance_rate=Decimal("0.004")),),
    fee_rate=Decimal("0.0005"),
)


def run_scenario(name: str, data: Path, *, strategies: Sequence[Strategy] | None = None) -> ScenarioVerdict:
    """Run one scenario.

    Parameters
    ----------
    name : str
        One of `backtest.scenarios.catalogue.SCENARIOS`.
    data : Path
        Folder of recorded data, laid out as the scenario's files say.
    strategies : sequence of Strategy, optional
        What is put through it; the scenario's own condor and probe by default. Not for perpetuals and volumes.

    Returns
    -------
    ScenarioVerdict
        Every criterion with its value and its bound.

    Raises
    ------
    ConfigError
        There is no such scenario.
    DataError
        A file is missing, cannot be read, or does not cover the dates.
    """
    scenario = scenario_of(name)
    match scenario.kind:
        case ScenarioKind.IMPLIED_CHAINS:
            return _implied(scenario, data, strategies)
        case ScenarioKind.RECORDED_MIDS:
            return _recorded_mids(scenario, data, strategies)
        case ScenarioKind.RECORDED_CHAINS:
            return _recorded_chains(scenario, data)
        case ScenarioKind.PERPETUAL:
            return _perpetual(scenario, data)
        case ScenarioKind.REGIME_OUTCOMES:
            return _regime_outcomes(scenario, data)


# -- an index and its volatility, and the chains that they imply ------------------------------------------------------


def _implied(scenario: Scenario, data: Path, strategies: Sequence[Strategy] | None) -> ScenarioVerdict:
    sessions = sessions_between("NYSE", scenario.first, scenario.last)
    read = {role: _read(scenario, role, data) for role in _IMPLIED_ROLES}
    index, hours, volatility = (read[role] for role in _IMPLIED_ROLES)
    daily = _of_days(index["SPX"], sessions)
    closes = _closes(volatility, sessions)
    path = index_path(
        daily,
        hours["SPY"],
        closes,
        np.array(list(_HORIZONS.values())),
        step_ns=scenario.step_minutes * _MINUTE_NS,
        rng=np.random.default_rng(scenario.seed),
    )
    config = ImpliedMarketConfig()
    path = shocked(path, tuple(_shock(each) for each in scenario.shocks))
    chains = ImpliedChains(path, config, scenario.name)
    bars = implied_bars(path, config, chains.provenance)
    series = tuple(volatility[name] for name in _HORIZONS)
    last_ns = int(path.ts_ns[-1])
    history = History(
        sources=(chains.source(), *_sources(scenario, data, read)),
        bars=(bars,),
        chains=(chains,),
        series=tuple(_until(each, last_ns) for each in series),
        halts=scenario.halts,
    )
    chosen = strategies if strategies is not None else _tested(scenario)
    result = _run(scenario, history, chosen, start_ns=int(path.ts_ns[0]))
    findings = [*_common(result, sessions), criteria.loss_within_maximum(result, frozenset({_PROBE}))]
    if scenario.gap is not None:
        findings.append(criteria.held_over_a_gap(result, _gap(scenario.gap)))
    if scenario.halts:
        findings.append(criteria.fills_in_halts(result, scenario.halts, asked=len(scenario.halts)))
    if scenario.inverted_by is not None:
        evening = _session(scenario.inverted_by).close_ns + 60 * _MINUTE_NS
        indices = volatility["VIX9D"], volatility["VIX"]
        findings.append(criteria.term_structure_inverts(*indices, from_ns=sessions[0].open_ns, by_ns=evening))
    return _verdict(scenario, findings, result)


_IMPLIED_ROLES: Final = (FileRole.INDEX_DAYS, FileRole.FUND_HOURS, FileRole.VOLATILITY)


def _tested(scenario: Scenario) -> tuple[Strategy, ...]:
    condor = IronCondor(
        underlying="SPX",
        width=50.0,
        days=30,
        shortest=20,
        longest=45,
        exit_days=5,
        min_credit_share=0.02,
        max_chain_age_s=3600.0,
        max_packages=5,
    )
    if not scenario.halts:
        return (condor,)
    around = tuple((halt.start_ns - _NEAR_NS, halt.end_ns + _NEAR_NS) for halt in scenario.halts)
    return condor, EveryView(underlying="SPX", name=_PROBE, spans=around)


def _of_days(daily: BarBatch, sessions: Sequence[Session]) -> BarBatch:
    rows = np.flatnonzero(np.isin(daily.start_ns, [session.open_ns for session in sessions]))
    if rows.shape[0] != len(sessions):
        raise DataError(
            f"the days of {daily.symbol} do not cover the scenario",
            found=f"{rows.shape[0]} sessions",
            expected=f"{len(sessions)} sessions from {sessions[0].day} to {sessions[-1].day}",
        )
    names = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    return replace(daily, **{name: getattr(daily, name)[rows] for name in names})


def _closes(volatility: dict[str, Any], sessions: Sequence[Session]) -> FloatArray:
    """Return the volatility indices at the close before the first session and at each close, as fractions."""
    before = sessions_between("NYSE", sessions[0].day - timedelta(days=10), sessions[0].day)[-2]
    instants = [session.close_ns + 60 * _MINUTE_NS for session in (before, *sessions)]
    return np.array([[volatility[name].as_of(ns).value / 100.0 for name in _HORIZONS] for ns in instants])


def _shock(shock: SessionShock) -> Shock:
    first, last = _session(shock.first), _session(shock.last)
    end = min(last.open_ns + int(min(shock.until_minute, 1e6) * _MINUTE_NS), last.close_ns + 1)
    return Shock(
        start_ns=first.open_ns + int(shock.minute * _MINUTE_NS),
        end_ns=end,
        spot_factor=shock.spot_factor,
        volatility_30d=shock.volatility_30d,
    )


def _session(day: date) -> Session:
    found = session_on("NYSE", day)
    if found is None:
        raise DataError("a scenario is dated on a day without a session", found=day.isoformat())
    return found


def _gap(days: tuple[date, date]) -> tuple[int, int]:
    return _session(days[0]).close_ns, _session(days[1]).open_ns


def _until(series: SeriesBatch, last_ns: int) -> SeriesBatch:
    keep = series.available_ns <= last_ns
    columns = {name: getattr(series, name)[keep] for name in ("event_ns", "available_ns", "value")}
    return replace(series, ts_event_ns=int(columns["available_ns"].max()), **columns)


# -- recorded options -------------------------------------------------------------------------------------------------


def _recorded_mids(scenario: Scenario, data: Path, strategies: Sequence[Strategy] | None) -> ScenarioVerdict:
    span = Span(first=scenario.first, last=scenario.last)
    index = _file(scenario, FileRole.INDEX_DAYS)
    history = recorded_history(
        RecordedFiles(
            chains=(data / _file(scenario, FileRole.CHAINS).path,),
            inputs=(InputFile(path=data / index.path, names={name: name for name in index.names}),),
        ),
        span,
    )
    condor = ZeroDteCondor(
        underlying="SPX",
        width=10.0,
        window_s=1800.0,
        cool_down_s=0.0,
    )
    chosen = (condor,) if strategies is None else strategies
    result = _run(scenario, history, chosen, start_ns=span.first_ns, mids=True)
    sessions = sessions_between("NYSE", scenario.first, scenario.last)
    findings = [
        *_common(result, sessions),
        criteria.loss_within_maximum(result),
        criteria.closed_within_session(result),
        _all_modelled(result),
    ]
    return _verdict(scenario, findings, result)


def _all_modelled(result: RunResult) -> Finding:
    n_matches = len({(fill.order_id, fill.ts_event_ns) for fill in result.fills})
    counted = result.counts.get("fills_modelled_quote", 0)
    return Finding(
        criterion="fills_flagged",
        statement="every fill at a modelled quote is counted as such",
        value=float(counted),
        bound=float(n_matches),
        passed=n_matches > 0 and counted == n_matches,
    )


def _recorded_chains(scenario: Scenario, data: Path) -> ScenarioVerdict:
    file = _file(scenario, FileRole.CHAINS)
    chains = chains_of_files([data / file.path], symbols=frozenset(file.names))[0]
    shares: dict[str, list[float]] = {}
    for place in range(len(chains)):
        chain = chains.chain(place)
        today = np.array([series.expiration == chain.session for series in chain.series])[chain.series_index]
        # Snapshots of the evening have lost what expired that day.
        if today.any() and np.nansum(chain.volume) > 0.0:
            share = float(np.nansum(chain.volume[today]) / np.nansum(chain.volume))
            shares.setdefault(str(chain.session.year), []).append(share)
    by_year = [(year, float(np.mean(found))) for year, found in sorted(shares.items())]
    return ScenarioVerdict(
        name=scenario.name,
        findings=(criteria.same_day_share_grows(by_year),),
        facts=tuple((f"sessions {year}", float(len(found))) for year, found in sorted(shares.items())),
        sources=(chains.source("SPX chains"),),
        simulated=False,
    )


# -- a levered perpetual ----------------------------------------------------------------------------------------------


def _perpetual(scenario: Scenario, data: Path) -> ScenarioVerdict:
    span = Span(first=scenario.first, last=scenario.last, calendar="24/7")
    inputs = tuple(
        InputFile(path=data / file.path, names=dict.fromkeys(file.names, _PERPETUAL.symbol)) for file in scenario.files
    )
    history = recorded_history(RecordedFiles(inputs=inputs, instruments=(_PERPETUAL,)), span)
    bars, funding = history.bars[0], history.funding[0]
    findings: list[Finding] = []
    facts: list[tuple[str, float]] = [("fall", float(bars.low.min() / bars.open[0] - 1.0))]
    for leverage in scenario.leverages:
        path = _held(bars, funding, leverage)
        findings += liquidation_findings(path, bars, _TERMS)
        findings += engine_findings(_levered_run(scenario, history, leverage), bars, funding, leverage, _TERMS)
        facts.append((f"hours to liquidation {leverage}x", _hours(path, bars)))
        facts.append((f"funding paid {leverage}x", float(path.funding_paid)))
    return ScenarioVerdict(
        name=scenario.name,
        findings=tuple(findings),
        facts=tuple(facts),
        sources=history.sources,
        simulated=history.simulated,
    )


def _held(bars: BarBatch, funding: FundingBatch, leverage: int) -> LeveredPath:
    return levered_path(_PERPETUAL, bars, funding, Decimal(leverage), _TERMS, is_long=True)


def _levered_run(scenario: Scenario, history: History, leverage: int) -> RunResult:
    """Run one long coin through the engine, with collateral of its own."""
    config = EngineConfig(
        initial_cash=_CASH,
        currency=_PERPETUAL.currency,
        perpetuals={_PERPETUAL.symbol: _TERMS},
        leverage=Decimal(leverage),
    )
    probe = OpenOnce(instrument=_PERPETUAL, quantity=Decimal(1))
    return run_backtest(config, history, (probe,), _description(scenario, history, (probe,)))


def _hours(path: LeveredPath, bars: BarBatch) -> float:
    if path.liquidation is None:
        return float("nan")
    return (path.liquidation.ts_ns - int(bars.start_ns[0])) / 3.6e12


# -- a label and what came after it -----------------------------------------------------------------------------------


def _regime_outcomes(scenario: Scenario, data: Path) -> ScenarioVerdict:
    read = {file.role: _read(scenario, file.role, data) for file in scenario.files}
    volatility, daily = read[FileRole.VOLATILITY], read[FileRole.INDEX_DAYS]["SPX"]
    sessions = sessions_between("NYSE", scenario.first, scenario.last)
    labelled = labelled_sessions(
        volatility["VIX9D"], volatility["VIX"], daily, sessions, label_after_ns=60 * _MINUTE_NS
    )
    rng = np.random.default_rng(scenario.seed)
    return ScenarioVerdict(
        name=scenario.name,
        findings=label_findings(labelled, rng),
        facts=label_facts(labelled, rng),
        sources=tuple(_sources(scenario, data, read)),
        simulated=False,
    )


# -- what all share ---------------------------------------------------------------------------------------------------


def _run(
    scenario: Scenario, history: History, strategies: Sequence[Strategy], *, start_ns: int, mids: bool = False
) -> RunResult:
    config = EngineConfig(
        initial_cash=_CASH,
        start_ns=start_ns,
        costs=us_options_and_shares(),
        mid_spread=ClosingSpread(least=0.05) if mids else None,
    )
    return run_backtest(config, history, strategies, _description(scenario, history, strategies))


def _description(scenario: Scenario, history: History, strategies: Sequence[Strategy]) -> RunDescription:
    currency = _PERPETUAL.currency if scenario.kind is ScenarioKind.PERPETUAL else "USD"
    return RunDescription(
        name=scenario.name,
        config_digest=digest_of((scenario.name, [strategy.name for strategy in strategies])),
        code_version="",
        seed=scenario.seed,
        fill_model="",
        slippage_model="",
        cost_model="",
        sources=history.sources,
        simulated=history.simulated,
        n_trials=1,
        currency=currency,
        periods_per_year=252 if currency == "USD" else 365,
    )


def _common(result: RunResult, sessions: Sequence[Session]) -> list[Finding]:
    return [
        criteria.ran_to_the_end(result),
        criteria.ledger_identity(result),
        criteria.fills_in_sessions(result, sessions),
        criteria.inputs_known(result),
    ]


def _verdict(scenario: Scenario, findings: Sequence[Finding], result: RunResult) -> ScenarioVerdict:
    curve = result.curve
    lost = curve.equity.min() - float(_CASH) if curve.equity.size else float("nan")
    facts = (
        ("trades", float(len(result.trades))),
        ("net profit", float(curve.equity[-1] - float(_CASH)) if curve.equity.size else float("nan")),
        ("lowest profit", float(lost)),
        ("marks carried", float(result.counts.get("marks_carried", 0))),
    )
    return ScenarioVerdict(
        name=scenario.name,
        findings=tuple(findings),
        facts=facts,
        sources=result.description.sources,
        simulated=result.description.simulated,
    )


def _file(scenario: Scenario, role: FileRole) -> ScenarioFile:
    return next(file for file in scenario.files if file.role is role)


def _read(scenario: Scenario, role: FileRole, data: Path) -> dict[str, Any]:
    """Return the messages of a file by symbol or series."""
    file = _file(scenario, role)
    found = {_name(rows.message): rows.message for rows in read_inputs(data / file.path)}
    absent = set(file.names) - set(found)
    if absent:
        raise DataError(
            "a file lacks what the scenario needs",
            path=str(data / file.path),
            found=", ".join(sorted(found)),
            expected=", ".join(sorted(absent)),
        )
    return found


def _name(message: Any) -> str:
    return message.series if isinstance(message, SeriesBatch) else str(getattr(message, "symbol", ""))


def _sources(scenario: Scenario, data: Path, read: dict[FileRole, dict[str, Any]]) -> list[DataSource]:
    """Return the recorded files behind implied chains."""
    found = []
    for file in scenario.files:
        message = read[file.role][file.names[0]]
        instants = message.end_ns if isinstance(message, BarBatch) else message.available_ns
        found.append(
            DataSource(
                name=f"{', '.join(file.names)} of {file.path}",
                provenance=message.provenance,
                digest=digest_of_files([data / file.path]),
                rows=int(instants.shape[0]),
                first_ns=int(instants.min()),
                last_ns=int(instants.max()),
            )
        )
    return found

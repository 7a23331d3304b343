"""From a configuration to what the engine takes: history, strategies and settings, all checked before anything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from backtest.config import EngineConfig
from backtest.costs.carry import CashInterest, ConstantRate, RateSource, SeriesRate
from backtest.fills.pricing import FillRules
from backtest.history import History
from backtest.metrics.days import CRYPTO_CALENDAR
from backtest.schedule import AtTimes, Trigger
from cluster.backtest_models import cost_model, fill_model, slippage_model, spread_model
from cluster.backtest_settings import (
    BacktestSettings,
    FileData,
    FillSettings,
    InputData,
    InterestSettings,
    MidpointData,
    PerpetualTerms,
    SimulatedData,
    StoreData,
    StrategySettings,
)
from cluster.histories.fields import FieldsOnDemand
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from cluster.histories.span import Span
from execution.legging_events import LeggingTerms
from market.errors import ConfigError
from market.ports import BlobStore
from market.tradables import Instrument, OptionContract, Perpetual, Share
from strategies.features import Feature
from strategies.sleeve import Sleeve
from strategies.views import Strategy

__all__ = ["engine_config", "history_of", "periods_per_year", "rate_source", "shared_fields", "strategies_of"]

_NS_PER_MS: Final = 1e6
_NS_PER_S: Final = 1e9
_STEP_S: Final = 60.0
_CACHE_BYTES: Final = 8 << 30
_COIN_DAYS: Final = 365
_LISTED_DAYS: Final = 252


def history_of(settings: BacktestSettings, base: Path) -> History:
    """Return the data of a run.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.
    base : pathlib.Path
        Folder that relative paths are looked for in.

    Returns
    -------
    History
        It covers the dates of the run.

    Raises
    ------
    DataError
        Data are missing, broken, or do not cover the dates.
    ConfigError
        The configuration asks for what cannot be.
    """
    data, span = settings.data, _span(settings)
    if data.files is not None:
        return _of_files(data.files, base, span)
    if data.midpoints is not None:
        return _of_midpoints(data.midpoints, base, span)
    if data.store is not None:
        return _of_store(data.store, span)
    if data.simulated is not None:
        return _of_simulated(data.simulated, settings, span)
    raise ConfigError("these data cannot be read", expected="simulated, files, midpoints or store")


def _span(settings: BacktestSettings) -> Span | None:
    first, last = settings.run.first, settings.run.last
    if first is None and last is None:
        return None
    if first is None or last is None:
        raise ConfigError(
            "a run has one of its dates",
            found="from" if last is None else "to",
            expected="both from and to, or neither",
        )
    return Span(first=first, last=last, calendar=settings.run.calendar)


def _below(base: Path, path: Path) -> Path:
    return base / path.expanduser()


def _of_files(files: FileData, base: Path, span: Span | None) -> History:
    return recorded_history(
        RecordedFiles(
            chains=tuple(_below(base, path) for path in files.chains),
            inputs=tuple(_input(item, base) for item in files.inputs),
            factors={symbol: _below(base, path) for symbol, path in files.factors.items()},
            symbols=frozenset(files.symbols),
            instruments=_perpetuals(files.perpetuals),
            dividends_paid_after_days=files.dividends_paid_after_days,
            warmup=timedelta(days=files.warmup_days),
        ),
        span,
    )


def _input(item: Path | InputData, base: Path) -> InputFile:
    if isinstance(item, InputData):
        return InputFile(path=_below(base, item.path), names=item.names)
    return InputFile(path=_below(base, item))


def _perpetuals(terms: Iterable[PerpetualTerms]) -> tuple[Instrument, ...]:
    return tuple(Perpetual(**item.model_dump()) for item in terms)


def _of_midpoints(mids: MidpointData, base: Path, span: Span | None) -> History:
    inputs = tuple(_input(item, base) for item in mids.inputs)
    files = RecordedFiles(chains=(_below(base, mids.path),), inputs=inputs, parity_band=mids.parity_band)
    return recorded_history(files, span)


def _of_store(wanted: StoreData, span: Span | None) -> History:
    from cluster.histories.stored import StoredData, stored_history
    from cluster.store_place import opened_store, place_of_store

    if span is None:
        raise ConfigError("a run on the store needs its dates", expected="[run] from and to")
    return stored_history(
        opened_store(place_of_store(wanted.place), must_exist=True),
        StoredData(
            chains=wanted.chains,
            bars=wanted.bars,
            funding=wanted.funding,
            series=wanted.series,
            with_events=wanted.events,
            instruments=(*(Share(symbol=symbol) for symbol in wanted.shares), *_perpetuals(wanted.perpetuals)),
            source=wanted.source,
        ),
        span,
    )


def _of_simulated(wanted: SimulatedData, settings: BacktestSettings, span: Span | None) -> History:
    from adapters.simulated.catalogue import named_market
    from adapters.store.blobs import BlobFolder
    from cluster.histories.simulated import simulated_history
    from cluster.settings import load_settings

    if span is None:
        raise ConfigError("a run on a simulated market needs its dates", expected="[run] from and to")
    market = named_market(wanted.market, seed=settings.run.seed)
    known = {item.symbol: item for item in market.symbols}
    for symbol in (*wanted.symbols, *wanted.shares):
        if symbol not in known:
            raise ConfigError("the simulated market has no such symbol", found=symbol, expected=", ".join(known))
    chosen = tuple(item for name, item in known.items() if not wanted.symbols or name in wanted.symbols)
    market = replace(market, symbols=chosen, step_s=_STEP_S, chain_every=wanted.step_min)
    blobs = BlobFolder(load_settings().folder / "cache" / "simulated", most_bytes=_CACHE_BYTES)
    history = simulated_history(market, span, blobs, warmup_sessions=wanted.warmup_sessions)
    return replace(history, instruments=tuple(Share(symbol=symbol) for symbol in wanted.shares))


def shared_fields(
    settings: BacktestSettings, layered: Callable[[BlobStore], BlobStore] | None = None
) -> FieldsOnDemand:
    """Return where the fields of a run come from: computed once per chain, and kept for the runs after it.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.
    layered : callable, optional
        Puts a store before the cache of the node.

    Returns
    -------
    FieldsOnDemand
        The engine's source of fields.
    """
    from cluster.settings import load_settings

    readings = settings.readings
    folder = load_settings().folder / "cache" / "fields"
    return FieldsOnDemand(folder, readings.field_config(), readings.fields(), layered)


def strategies_of(settings: BacktestSettings, history: History) -> tuple[Strategy, ...]:
    """Return the strategies of a run.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.
    history : History
        What may be traded.

    Returns
    -------
    tuple of Strategy
        With their share of the money where weights are given.

    Raises
    ------
    ConfigError
        The data do not have an instrument that a parameter names, or no chain of an underlying.
    """
    return tuple(_strategy(item, history, is_shared=settings.portfolio is not None) for item in settings.strategies)


def _strategy(item: StrategySettings, history: History, *, is_shared: bool) -> Strategy:
    inner = item.build([each for each in history.instruments if not isinstance(each, OptionContract)])
    if ":" not in item.kind:
        _require_chains(item.called, getattr(inner, "underlying", ""), history)
    if is_shared:
        return Sleeve(inner=inner, weight=None)
    return inner if item.weight is None or item.weight == 1.0 else Sleeve(inner=inner, weight=item.weight)


def _require_chains(name: str, underlying: str, history: History) -> None:
    """Refuse a strategy of the catalogue whose options the data do not have: it would hold still and not say why."""
    known = sorted({chains.symbol for chains in history.chains})
    if underlying and underlying not in known:
        raise ConfigError(
            f"{name}: the data have no option chains of its underlying",
            found=underlying,
            expected=f"one of {', '.join(known)}" if known else "chains in [data]",
            action="correct underlying, or name data that have its chains",
        )


def engine_config(settings: BacktestSettings, strategies: Sequence[Strategy], history: History) -> EngineConfig:
    """Return the settings of the engine.

    Parameters
    ----------
    settings : BacktestSettings
        The configuration.
    strategies : sequence of Strategy
        Of the run; what they ask for by name is declared.
    history : History
        Data of the run.

    Returns
    -------
    EngineConfig
        Ready to run.

    Raises
    ------
    ConfigError
        The benchmark is not in the data.
    """
    fills, span = settings.fills, _span(settings)
    symbol = settings.benchmark.symbol if settings.benchmark else ""
    known = {batch.symbol for batch in history.bars} | {batch.symbol for batch in history.quotes}
    if symbol and symbol not in known:
        raise ConfigError(
            "the benchmark is not in the data",
            found=symbol,
            expected=f"one of {', '.join(sorted(known))}" if known else "bars or quotes of it",
            action="correct [benchmark] symbol, or name a file of its bars",
        )
    config = EngineConfig(
        initial_cash=settings.account.cash,
        currency=settings.account.currency,
        start_ns=0 if span is None else span.first_ns,
        end_ns=0 if span is None else span.last_ns,
        latency_ns=round(fills.latency_ms * _NS_PER_MS),
        fills=FillRules(
            model=fill_model(fills.model), slippage=slippage_model(fills.slippage), max_legs=fills.max_legs
        ),
        legging=_legging(fills),
        print_spread=spread_model(fills.prints),
        mid_spread=None if fills.mids is None else spread_model(fills.mids),
        costs=cost_model(settings.costs.model),
        interest=_interest(settings.costs.interest, history),
        borrow=settings.margin.borrow_fees(),
        limits=settings.limits.limits(settings.risk.limits()),
        risk=settings.risk.rules(),
        margin=settings.margin.rules(),
        margin_calls=settings.margin.calls.rules(),
        perpetuals=settings.margin.perpetual_terms(),
        leverage=settings.margin.leverage,
        closing_quotes_ns=round(fills.closing_quotes_s * _NS_PER_S),
        features=_features(strategies),
        readings=settings.readings.live(),
        allocation=None if settings.portfolio is None else settings.portfolio.allocation(),
        days_end_in_utc=settings.run.calendar == CRYPTO_CALENDAR,
        benchmark=symbol,
        with_greeks=settings.report.greeks,
    )
    return replace(config, triggers_of=_triggers(settings))


def _interest(told: InterestSettings | None, history: History) -> CashInterest | None:
    if told is None:
        return None
    source = rate_source(told, history)
    return CashInterest(source=source, credit_spread=told.credit_spread, debit_spread=told.debit_spread)


def rate_source(told: InterestSettings, history: History) -> RateSource:
    """Return where the rate of the cash comes from.

    Parameters
    ----------
    told : InterestSettings
        As configured.
    history : History
        Data of the run.

    Returns
    -------
    RateSource
        A constant, or a series of the data.

    Raises
    ------
    ConfigError
        The data have no such series.
    """
    if told.rate is not None:
        return ConstantRate(rate=told.rate)
    known = {batch.series: batch for batch in history.series}
    found = known.get(str(told.series))
    if found is None:
        raise ConfigError(
            "the series of the interest is not in the data",
            found=str(told.series),
            expected=f"one of {', '.join(sorted(known))}" if known else "a file of rates in [data]",
        )
    return SeriesRate(series=found)


def _legging(fills: FillSettings) -> LeggingTerms:
    """Return the terms of linked orders; on chains that are a day apart half a minute is no time at all."""
    if not fills.leg_wait_s:
        return LeggingTerms(budget=fills.leg_risk)
    wait_ns = round(fills.leg_wait_s * 1e9)
    return LeggingTerms(
        budget=fills.leg_risk, first_timeout_ns=wait_ns, next_timeout_ns=wait_ns, unwind_timeout_ns=wait_ns
    )


def _triggers(settings: BacktestSettings) -> dict[str, tuple[Trigger, ...]]:
    calendar = settings.run.calendar
    return {item.called: (AtTimes(calendar=calendar, times=item.at),) for item in settings.strategies if item.at}


def _features(strategies: Sequence[Strategy]) -> tuple[Feature, ...]:
    found: dict[str, Feature] = {}
    for strategy in strategies:
        for feature in getattr(strategy, "features", ()):
            if found.setdefault(feature.name, feature) != feature:
                raise ConfigError("two strategies declare unlike features of one name", found=feature.name)
    return tuple(found.values())


def periods_per_year(settings: BacktestSettings) -> int:
    """Return the days a year of the daily figures: 365 where the calendar never closes, else 252."""
    return _COIN_DAYS if settings.run.calendar == CRYPTO_CALENDAR else _LISTED_DAYS

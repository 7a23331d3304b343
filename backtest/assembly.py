"""Sets the stage of a run: market, venue, desk and feeds from settings and data, and the result at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from backtest.bar_faults import bars_at_odds, bars_without_price, require_money
from backtest.benchmark import Benchmark
from backtest.calendar_events import Agenda, corporate_actions
from backtest.carry import Carry, FundingFeed
from backtest.chain_feed import ChainFeed, ViewMemory
from backtest.config import EngineConfig
from backtest.decider import Decider, PointInTime
from backtest.desk import Desk
from backtest.feeds import (
    AnswerFeed,
    BarCloses,
    BarOpens,
    Feed,
    PrintQuotes,
    QuoteFeed,
    SeriesFeed,
    Timer,
    TradeFeed,
)
from backtest.field_cache import FieldCache
from backtest.greeks_path import GreeksRecorder
from backtest.history import History
from backtest.interpreting import ReadingsMemory, RecordedReadings
from backtest.past_days import PastDays
from backtest.results import RunDescription, RunResult
from backtest.schedule import AtTimes, OnBars, OnChains, OnQuotes, Trigger, timer_instants
from backtest.sessions import TradingHours
from backtest.strategy_days import StrategyBook
from backtest.tape import Tape
from market.bars import BarBatch
from market.errors import ConfigError, DataError
from strategies.bar_history import finest_bars, of_underlying
from strategies.features import SeriesFeature
from strategies.market_state import FieldSource, MarketState
from strategies.views import Strategy

__all__ = ["Stage", "assemble"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """All parts of a run, connected.

    Parameters
    ----------
    config : EngineConfig
        Settings.
    history : History
        Data.
    market : MarketState
        What is known.
    desk : Desk
        Orders, bookings and marks.
    view : PointInTime
        What strategies see.
    feeds : tuple of Feed
        By the number that the tape gives.
    tape : Tape
        Order of everything.
    agenda : Agenda
        Dated actions.
    carry : Carry
        Interest and borrow fees.
    days : StrategyBook
        The days of the strategies, and their shares of the money.
    greeks : GreeksRecorder or None
        None where the run does not ask for Greeks, or has no options.
    fields : FieldSource or None
        Where fields come from.
    n_damaged : int
        Damaged entries that the source had met before the run.
    """

    config: EngineConfig
    history: History
    market: MarketState
    desk: Desk
    view: PointInTime
    feeds: tuple[Feed, ...]
    tape: Tape
    agenda: Agenda
    carry: Carry
    days: StrategyBook
    greeks: GreeksRecorder | None
    fields: FieldSource | None
    n_damaged: int

    def named(self) -> dict[str, Any]:
        """Return what a description takes from settings and data."""
        return {
            "fill_model": self.config.fill_model,
            "slippage_model": self.config.fills.slippage.name,
            "cost_model": self.config.cost_model,
            "sources": self.history.sources,
            "simulated": self.history.simulated,
            "currency": self.config.currency,
        }

    def result(self, description: RunDescription, decider: Decider, stopped: str) -> RunResult:
        """Return what the run leaves.

        Parameters
        ----------
        description : RunDescription
            What it was.
        decider : Decider
            Its decisions.
        stopped : str
            Why it ended early; empty where it did not.

        Returns
        -------
        RunResult
            Also of a run that stopped.
        """
        desk = self.desk
        working = [desk.orders.order(each.order_id) for each in desk.orders.working()]
        return RunResult(
            description=description,
            curve=desk.curve.curve(),
            benchmark=desk.curve.benchmark,
            greeks=self.greeks.path() if self.greeks else None,
            decisions=tuple(decider.records),
            orders=(*desk.ended, *working),
            fills=tuple(desk.fills),
            trades=tuple(desk.trades),
            open_packages=desk.packages.packages,
            ledger=desk.ledger.events,
            ledger_digest=desk.ledger.digest,
            funnel=desk.funnel.table(),
            n_views=int(decider.view_ns.shape[0]),
            counts=_counts(self),
            stopped=stopped,
            fill_quotes=tuple(desk.fill_quotes),
            view_ns=decider.view_ns,
            package_greeks=self.greeks.package_paths() if self.greeks else {},
            margin_calls=tuple(desk.calls.calls),
            strategy_days=self.days.days(),
        )


def _greeks(config: EngineConfig, history: History, market: MarketState, desk: Desk) -> GreeksRecorder | None:
    if not (config.with_greeks and history.chains):
        return None
    return GreeksRecorder(desk, market, config.interest.source if config.interest else None)


def _n_damaged(fields: FieldSource | None) -> int:
    return fields.counts["fields_damaged"] if isinstance(fields, FieldCache) else 0


def _counts(stage: Stage) -> dict[str, int]:
    desk, costs = stage.desk, stage.config.costs
    found = desk.counts + desk.marker.counts + Counter({"marks_last": desk.n_marks_last})
    found += Counter({"fills_with_carried_rates": sum(bool(costs.carried(fill)) for fill in desk.fills)})
    found += Counter({"packages_with_late_cash": len(desk.packages.late_cash)})
    found += Counter({"bars_without_price": sum(map(bars_without_price, stage.history.bars))})
    found += Counter({"bars_at_odds": sum(map(bars_at_odds, stage.history.bars))})
    found += Counter({"fields": stage.market.n_fields, "fields_damaged": _n_damaged(stage.fields) - stage.n_damaged})
    return dict(sorted(found.items()))


def assemble(
    config: EngineConfig,
    history: History,
    strategies: Sequence[Strategy],
    fields: FieldSource | None,
    views: ViewMemory | None = None,
    readings: ReadingsMemory | None = None,
) -> Stage:
    """Connect the parts of a run.

    Parameters
    ----------
    config : EngineConfig
        Settings.
    history : History
        Data.
    strategies : sequence of Strategy
        Names differ.
    fields : FieldSource or None
        Where fields come from.
    views : ViewMemory or None
        What other runs over the history have read of its chains.
    readings : ReadingsMemory or None
        Regimes and signals that other runs over the history, with the same source of fields, have read.

    Returns
    -------
    Stage
        Ready to run.

    Raises
    ------
    ConfigError, DataError
        As `backtest.engine.run_backtest`.
    """
    instruments = {each.symbol: each for each in history.instruments}
    hours = TradingHours(config.calendars, history.halts, config.closing_quotes_ns)
    quotes = PrintQuotes(config.print_spread, hours, instruments)
    market = MarketState(config.features, fields, quotes)
    for events in history.events:
        market.on_events(events)
    for batch in history.bars:
        require_money(batch)
    past_days = PastDays(history, config) if config.risk.reads_past_days else None
    desk = Desk(config, market, hours, instruments, history.dividends, past_days)
    asked = _Asked(config, [strategy.name for strategy in strategies])
    feeds = _feeds(config, history, market, desk, quotes, asked, views)
    chains = [feed for feed in feeds if isinstance(feed, ChainFeed)]
    market.readings_source = RecordedReadings(
        config.readings, history, market, chains, fields, config.mid_spread, readings
    )
    tape = Tape([feed.stream for feed in feeds], None, config.end_ns or None)
    if not len(tape):
        raise DataError("the history holds nothing that happens", found="no row", expected="bars, quotes or chains")
    feeds += _timers(asked, tape)
    span = {"first_ns": tape.first_ns, "last_ns": tape.last_ns}
    feeds += [FundingFeed(batch, desk, market, **span) for batch in history.funding]
    tape = Tape([feed.stream for feed in feeds], None, config.end_ns or None)
    benchmark = Benchmark(config.benchmark, market, float(config.initial_cash))
    if config.benchmark:
        desk.curve.stand_beside(benchmark.value)
    actions = corporate_actions(desk, market, history.dividends, history.splits)
    return Stage(
        config=config,
        history=history,
        market=market,
        desk=desk,
        view=PointInTime(market, desk.account),
        feeds=tuple(feeds),
        tape=tape,
        agenda=Agenda(actions + _benchmark_actions(benchmark, config.benchmark, history)),
        carry=Carry(desk, config.interest, config.borrow),
        days=_strategy_days(config, desk, [strategy.name for strategy in strategies]),
        greeks=_greeks(config, history, market, desk),
        fields=fields,
        n_damaged=_n_damaged(fields),
    )


def _strategy_days(config: EngineConfig, desk: Desk, names: Sequence[str]) -> StrategyBook:
    def money() -> tuple[float, float]:
        return float(desk.ledger.equity - desk.ledger.deposits), float(desk.ledger.equity)

    days = StrategyBook(names, desk, money, config.allocation, is_utc=config.days_end_in_utc)
    desk.account.weights = days.weights
    return days


class _Asked:
    """Which strategies are asked after which rows."""

    def __init__(self, config: EngineConfig, names: Sequence[str]) -> None:
        if len(set(names)) != len(names):
            raise ConfigError("strategies share a name", found=str(sorted(names)), expected="one name each")
        unknown = set(config.triggers_of) - set(names)
        if unknown:
            raise ConfigError("triggers of unknown strategies", found=str(sorted(unknown)), expected=str(sorted(names)))
        self.triggers: dict[str, tuple[Trigger, ...]] = {
            name: config.triggers_of.get(name, config.triggers) for name in names
        }

    def after(self, kind: type[Trigger], keys: frozenset[str]) -> frozenset[str]:
        """Return who is asked after a row of a kind under one of its keys."""
        return frozenset(
            name
            for name, triggers in self.triggers.items()
            if any(isinstance(each, kind) and _key(each) in keys for each in triggers)
        )


def _key(trigger: Trigger) -> str:
    match trigger:
        case OnBars():
            return trigger.name
        case OnChains() | OnQuotes():
            return trigger.symbol
        case _:
            return ""


def _feeds(
    config: EngineConfig,
    history: History,
    market: MarketState,
    desk: Desk,
    quotes: PrintQuotes,
    asked: _Asked,
    views: ViewMemory | None,
) -> list[Feed]:
    of_days = {feature.series for feature in config.features if isinstance(feature, SeriesFeature)}
    feeds: list[Feed] = [SeriesFeed(each, market, with_days=each.series in of_days) for each in history.series]
    feeds += [AnswerFeed(recorded, market) for recorded in history.answers]
    feeds += _bar_feeds(history, market, desk, quotes, asked)
    for batch in history.quotes:
        feeds.append(QuoteFeed(batch, market, desk, asked.after(OnQuotes, frozenset({"", batch.symbol}))))
    feeds += [TradeFeed(batch, market, desk) for batch in history.trades]
    printed = {batch.symbol for batch in history.bars} | {batch.symbol for batch in history.quotes}
    for chains in history.chains:
        calls = asked.after(OnChains, frozenset({"", chains.symbol}))
        prints = None if chains.symbol in printed else quotes
        feeds.append(ChainFeed(chains, market, desk, config.mid_spread, prints, calls, views))
    return feeds


def _bar_feeds(history: History, market: MarketState, desk: Desk, quotes: PrintQuotes, asked: _Asked) -> list[Feed]:
    quoted = {batch.symbol for batch in history.quotes}
    traded = {instrument.symbol for instrument in history.instruments} - quoted
    batches = [_in_order(of_underlying(batch)) for batch in history.bars]
    own = finest_bars(batches)
    feeds: list[Feed] = []
    for batch, bars in zip(batches, market.record_bars(batches), strict=True):
        is_own = own[batch.symbol] is batch
        around = quotes if batch.symbol in traded else None
        keys = frozenset({bars.name, "", batch.symbol} if is_own else {bars.name})
        calls = asked.after(OnBars, keys)
        is_quoted = batch.symbol in quoted
        feeds.append(
            BarCloses(batch.symbol, bars, market, desk, around, is_own=is_own, is_quoted=is_quoted, calls=calls)
        )
        if is_own:
            feeds.append(BarOpens(batch.symbol, bars, desk, around))
    return feeds


def _in_order(batch: BarBatch) -> BarBatch:
    order = np.lexsort((batch.start_ns, batch.end_ns))
    if (order[1:] > order[:-1]).all():
        return batch
    columns = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    return replace(batch, **{name: getattr(batch, name)[order] for name in columns})


def _timers(asked: _Asked, tape: Tape) -> list[Feed]:
    callers: dict[AtTimes, set[str]] = {}
    for name, triggers in asked.triggers.items():
        for trigger in triggers:
            if isinstance(trigger, AtTimes):
                callers.setdefault(trigger, set()).add(name)
    return [
        Timer(f"timer {place}", timer_instants(trigger, tape.first_ns, tape.last_ns), frozenset(names))
        for place, (trigger, names) in enumerate(callers.items())
    ]


def _benchmark_actions(benchmark: Benchmark, symbol: str, history: History) -> list[tuple[int, str, Any]]:
    paid = [
        (notice.ex_ns, "2 benchmark", lambda amount=float(notice.amount): benchmark.pay(amount))
        for notice in history.dividends
        if notice.symbol == symbol
    ]
    split = [
        (each.ts_event_ns, "2 benchmark", lambda ratio=each.numerator / each.denominator: benchmark.split(ratio))
        for each in history.splits
        if each.symbol == symbol
    ]
    return paid + split

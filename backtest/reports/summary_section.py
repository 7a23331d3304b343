"""The first page of a report: each score with its interval, its baseline and the number of trials beside it."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import partial

from backtest.metrics.headline import Metrics
from backtest.metrics.trade_statistics import TradeStatistics
from backtest.reports.account_sections import account_curves
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Fact, Facts, Note, Role, Section
from backtest.reports.wording import MISSING, money, number, percent, signed
from backtest.results import RunResult
from market.tradables import Share

__all__ = ["summary_section", "warnings_of"]

Shown = Callable[[float], str]


def summary_section(result: RunResult, analysis: Analysis) -> Section:
    """Return the summary of a run.

    Parameters
    ----------
    result : RunResult
        The run.
    analysis : Analysis
        Its figures.

    Returns
    -------
    Section
        No score stands alone: a share of wins has pay-off and worst loss beside it, a Sharpe ratio its interval, the
        probability that it is not luck, and how many trials led to it.
    """
    items = (*_gains(result, analysis), *_ratios(analysis), *_risks(analysis), *_wins(result, analysis))
    items = (*items, *_activity(result, analysis.metrics))
    said = Note(text=f"{analysis.metrics.sample_statement}.")
    return Section(title="Summary", blocks=(Facts(items=items), said, *account_curves(result)))


def warnings_of(result: RunResult, metrics: Metrics) -> tuple[str, ...]:
    """Return what a reader must know before any figure."""
    found = []
    if result.stopped:
        found.append(f"The run stopped before the end of its data: {result.stopped}. Everything below ends there.")
    found += _untraded(result)
    if metrics.n_days < metrics.periods_per_year // 4:
        found.append(f"{metrics.n_days} daily returns are too few to tell skill from luck.")
    modelled = {name: n for name, n in result.counts.items() if n and "model" in name}
    if modelled:
        told = ", ".join(f"{_counted(name)} {n:,}" for name, n in sorted(modelled.items()))
        found.append(f"Some prices are a model and no quotes: {told}.")
    unpaid = _shares_without_dividends(result)
    if unpaid:
        found.append(f"The data tell no dividends or splits of {', '.join(unpaid)}: returns leave them out.")
    return tuple(found)


def _untraded(result: RunResult) -> list[str]:
    """Return why nothing was traded: no view, no candidate, a gate, or orders that found no price."""
    if result.fills:
        return []
    if result.orders:
        ended = Counter(
            f"{order.status.value}{f' ({order.reason})' if order.reason else ''}" for order in result.orders
        )
        told = ", ".join(f"{count:,} {words}" for words, count in ended.most_common(3))
        return [f"Nothing was traded: of {len(result.orders):,} orders none was filled; {told}."]
    deaths = Counter(
        {
            f"{gate} of {strategy}": met - passed
            for strategy, gates in result.funnel.items()
            for gate, (met, passed) in gates.items()
            if met > passed
        }
    )
    if not deaths:
        return [f"Nothing was traded: {result.n_views:,} views were decided upon, and no order was asked for."]
    (gate, count), *_ = deaths.most_common(1)
    return [f"Nothing was traded: no order was sent; most candidates, {count:,}, died at {gate}."]


def _shares_without_dividends(result: RunResult) -> list[str]:
    if result.description.simulated:
        return []
    traded = {fill.instrument.symbol for fill in result.fills if isinstance(fill.instrument, Share)}
    told = {source.name for source in result.description.sources}
    return sorted(symbol for symbol in traded if f"{symbol} dividends and splits" not in told)


def _counted(name: str) -> str:
    return name.replace("_modelled_quote", " at a modelled quote").replace("_", " ")


def _reason(metrics: Metrics, name: str) -> str:
    return next((why for key, why in metrics.reasons if key == name), "")


def _fact(analysis: Analysis, title: str, name: str, shown: Shown, *notes: str) -> Fact:
    value = float(getattr(analysis.metrics, name))
    if math.isnan(value):
        return Fact(name=title, text=MISSING, note=_reason(analysis.metrics, name))
    found = analysis.interval(name.removesuffix("_raw"))  # without a rate the excess returns are the returns
    spread = (
        f"{percent(found.level, 0)} interval {shown(found.low)} to {shown(found.high)}"
        if found is not None
        else next((f"no interval: {item.reason}" for item in analysis.intervals if item.name == name), "")
    )
    return Fact(name=title, text=shown(value), note="; ".join(filter(None, (spread, *notes))), role=_tone(name, value))


def _tone(name: str, value: float) -> Role:
    if name in {"net_profit", "cagr", "total_return"}:
        return Role.LOSS if value < 0.0 else Role.PLAIN
    return Role.PLAIN


def _gains(result: RunResult, analysis: Analysis) -> tuple[Fact, ...]:
    metrics, currency = analysis.metrics, result.description.currency
    span = f"{metrics.first_day} to {metrics.last_day}" if metrics.first_day else "no daily return"
    total = f"{percent(metrics.total_return)} of the equity, {span}"
    held = metrics.benchmark_return
    beside = f"benchmark {percent(held)}" if math.isfinite(held) else "no benchmark"
    return (
        _fact(analysis, "Net profit", "net_profit", partial(money, currency=currency, plus=True), total, beside),
        _fact(analysis, "Growth a year", "cagr", percent, _against("benchmark", metrics.benchmark_cagr, percent)),
    )


def _against(name: str, value: float, shown: Shown) -> str:
    return f"{name} {shown(value)}" if math.isfinite(value) else ""


def _ratios(analysis: Analysis) -> tuple[Fact, ...]:
    metrics = analysis.metrics
    trials = f"{metrics.n_trials} trial{'s' if metrics.n_trials != 1 else ''} on these data"
    beside = _against("benchmark", metrics.benchmark_sharpe, number)
    if metrics.has_risk_free:
        sharpe = _fact(analysis, "Sharpe ratio", "sharpe", number, beside, trials)
    else:
        sharpe = _fact(analysis, "Sharpe ratio, no rate subtracted", "sharpe_raw", number, beside, trials)
    lucky = "chance that the ratio exceeds the luck of"
    return (
        sharpe,
        _fact(analysis, "Deflated Sharpe", "deflated_sharpe", percent, f"{lucky} {trials}"),
        _fact(analysis, "Probabilistic Sharpe", "probabilistic_sharpe", percent, "chance that it exceeds 0"),
        _fact(analysis, "Sortino ratio", "sortino", number),
        _fact(analysis, "Calmar ratio", "calmar", number),
    )


def _risks(analysis: Analysis) -> tuple[Fact, ...]:
    metrics = analysis.metrics
    under = metrics.longest_underwater_days
    longest = f"longest under water {number(under, 0)} days" if math.isfinite(under) else ""
    beside = _against("benchmark", metrics.benchmark_max_drawdown, percent)
    worst = f"worst day {percent(metrics.worst_day)}" if math.isfinite(metrics.worst_day) else ""
    tails = f"skew {signed(metrics.skew)}, excess kurtosis {signed(metrics.excess_kurtosis)}"
    return (
        _fact(analysis, "Largest drawdown", "max_drawdown", percent, "at every mark", longest, beside),
        _fact(analysis, "Volatility a year", "volatility", percent, tails if math.isfinite(metrics.skew) else ""),
        _fact(analysis, "Expected shortfall, 95 %", "es_95", percent, "mean of the worst days", worst),
    )


def _wins(result: RunResult, analysis: Analysis) -> tuple[Fact, ...]:
    told, currency = analysis.metrics.trades, result.description.currency
    closed = Fact(name="Closed trades", text=f"{told.n_trades:,}", note=_open_note(result, analysis.metrics))
    if not told.n_trades:
        return (closed,)
    return (
        closed,
        Fact(name="Win rate, pay-off, worst loss", text=_wins_text(told, currency), note=_wins_note(told)),
        Fact(
            name="Profit a trade",
            text=money(told.expectancy, currency, plus=True),
            note=f"profit factor {number(told.profit_factor)}; median hours held {number(told.median_hours, 1)}",
            role=Role.LOSS if told.expectancy < 0.0 else Role.PLAIN,
        ),
    )


def _open_note(result: RunResult, metrics: Metrics) -> str:
    marked = result.curve.unrealised
    if not metrics.n_open or not marked.size:
        return f"{metrics.n_open} still open"
    return f"{metrics.n_open} still open, marked at {money(float(marked[-1]), result.description.currency, plus=True)}"


def _wins_text(told: TradeStatistics, currency: str) -> str:
    worst = money(told.worst_loss, currency) if math.isfinite(told.worst_loss) else "no loss yet"
    return f"{percent(told.win_rate, 1)} · {number(told.payoff_ratio)} · {worst}"


def _wins_note(told: TradeStatistics) -> str:
    spread = f"{percent(0.95, 0)} interval {percent(told.win_rate_low, 1)} to {percent(told.win_rate_high, 1)}"
    even = told.break_even_win_rate
    return spread + (f"; breaks even at {percent(even, 1)}" if math.isfinite(even) else "")


def _activity(result: RunResult, metrics: Metrics) -> tuple[Fact, ...]:
    currency = result.description.currency
    share = f"{percent(metrics.cost_share)} of the profit before them" if math.isfinite(metrics.cost_share) else ""
    traded = f"turnover {number(metrics.turnover)} a year" if math.isfinite(metrics.turnover) else ""
    return (
        Fact(name="Costs", text=money(metrics.costs, currency), note="; ".join(filter(None, (share, traded)))),
        Fact(name="Interest, dividends, borrow, funding", text=money(metrics.income, currency, plus=True)),
        Fact(
            name="Time with a position",
            text=percent(metrics.exposure_time, 1),
            note=_reason(metrics, "exposure_time") or f"{result.n_views:,} views, {len(result.decisions):,} decisions",
        ),
    )

"""The page of an account with several strategies: what each earned and risked, what moved together, who had what."""

from __future__ import annotations

from functools import partial

import numpy as np

from backtest.metrics.strategies import StrategyShare, StrategyTable
from backtest.reports.analysis import Analysis
from backtest.reports.blocks import Block, Curve, Grid, Line, Note, Role, Section
from backtest.reports.wording import number, percent, short_money, signed
from backtest.results import RunResult, StrategyDays

__all__ = ["strategies_section"]

_ROLES = (Role.MAIN, Role.OTHER, Role.GOOD, Role.WARN, Role.LOSS, Role.PLAIN)
_HEADS = (
    "strategy",
    "net {currency}>",
    "mean a day>",
    "95 % interval>",
    "deviation a day>",
    "worst day>",
    "drawdown>",
    "share of the risk>",
    "correlation to the others>",
    "mean weight>",
)


def strategies_section(result: RunResult, analysis: Analysis) -> Section | None:
    """Return the page; None where the account has one strategy, or its days were not kept."""
    days, table = result.strategy_days, analysis.strategies
    if days is None or table is None or len(days.strategies) < 2 or not table.n_days:
        return None
    heads = tuple(head.format(currency=result.description.currency) for head in _HEADS)
    words = (
        f"{table.n_days} days with a mark; {signed(table.rest)} {result.description.currency} belong to no strategy. "
        f"The deviations add up to {number(table.diversification)} times that of their sum."
    )
    blocks: list[Block] = [
        Grid(title="By strategy, marked day by day", heads=heads, rows=tuple(map(_row, table.shares))),
        _correlations(table),
        Note(text=words),
        _running(days),
    ]
    if np.ptp(days.weight) > 0.0:
        blocks.append(_weights(days))
    return Section(title="Strategies", blocks=tuple(blocks))


def _row(share: StrategyShare) -> tuple[str, ...]:
    mean = share.mean
    return (
        share.strategy,
        signed(share.net),
        signed(mean.mean),
        "–" if mean.reason else f"{signed(mean.low)} to {signed(mean.high)}",
        number(share.deviation),
        number(share.worst_day),
        number(share.drawdown),
        percent(share.risk_share, 1),
        number(share.correlation_to_others),
        percent(share.mean_weight, 1),
    )


def _correlations(table: StrategyTable) -> Grid:
    names = [share.strategy for share in table.shares]
    rows = tuple(
        (name, *(number(value) for value in values)) for name, values in zip(names, table.correlation, strict=True)
    )
    return Grid(title="Correlation of daily profits", heads=("", *(f"{name}>" for name in names)), rows=rows)


def _running(days: StrategyDays) -> Curve:
    lines = tuple(
        Line(name=name, values=np.cumsum(days.pnl[:, place]), role=_ROLES[place % len(_ROLES)])
        for place, name in enumerate(days.strategies)
    )
    return Curve(title="Running profit by strategy, net", ts_ns=days.end_ns, lines=lines, shown=short_money)


def _weights(days: StrategyDays) -> Curve:
    lines = tuple(
        Line(name=name, values=days.weight[:, place], role=_ROLES[place % len(_ROLES)])
        for place, name in enumerate(days.strategies)
    )
    title = "Share of the money that each might reckon with"
    return Curve(title=title, ts_ns=days.end_ns, lines=lines, shown=partial(percent, digits=0))

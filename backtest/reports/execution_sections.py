"""Pages of how: what execution cost beside its fees, alarms of what never varies, and the lives of trades."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from backtest.attribution.life_cycle import TradeLife, trade_lives
from backtest.metrics.execution_quality import FillQuality, OrderQuality, fill_quality_by_group, order_quality
from backtest.metrics.funnel import alarms, binding_limits
from backtest.reports.blocks import Block, Fact, Facts, Grid, Note, Role, Section
from backtest.reports.wording import MISSING, instant, money, number, percent, signed
from backtest.results import RunResult
from market.chains import FloatArray

__all__ = ["alarms_section", "execution_section", "lives_section"]

_N_LIVES: Final = 15


def execution_section(result: RunResult) -> Section:
    """Return slippage, delay and spread by leg, structure, strategy and hour, and how orders were filled."""
    if not result.orders:
        return Section(title="Execution", blocks=(Note(text="No order was sent."),))
    whole, *groups = fill_quality_by_group(result)
    orders = order_quality(result.orders, result.fills)
    blocks: list[Block] = [Facts(items=_execution_facts(result, whole, orders))]
    if whole.reason and result.fills:
        blocks.append(Note(text=f"Slippage is missing: {whole.reason}.", role=Role.WARN))
    modelled = result.counts.get("fills_modelled_quote", 0)
    if modelled:
        text = f"{modelled:,} executions met a modelled quote: their slippage repeats the model."
        blocks.append(Note(text=text, role=Role.WARN))
    heads = ("group", "fills>", "with quotes>", "delay>", "spread>", "slippage>", "of half spread>", "basis points>")
    for axis in dict.fromkeys(row.axis for row in groups):
        rows = tuple(_quality_row(row) for row in groups if row.axis == axis)
        blocks.append(
            Grid(title=f"By {axis}, {result.description.currency}, a cost is positive", heads=heads, rows=rows)
        )
    return Section(title="Execution", blocks=tuple(blocks))


def _execution_facts(result: RunResult, whole: FillQuality, orders: OrderQuality) -> tuple[Fact, ...]:
    currency = result.description.currency
    ended = ", ".join(f"{count:,} {status}" for status, count in orders.ended.items())
    return (
        Fact(name="Shortfall", text=money(whole.shortfall, currency), note="slippage and charges of fills with quotes"),
        Fact(name="Slippage", text=money(whole.slippage, currency), note="against the mid at the decision"),
        Fact(name="Delay", text=money(whole.delay, currency), note="move of the mid until the execution"),
        Fact(name="Beyond the quote", text=money(whole.beyond_quote, currency), note="against the side that was taken"),
        Fact(name="Filled", text=percent(orders.fill_ratio, 1), note=f"of the packages asked for; {ended}"),
        Fact(
            name="Time to fill",
            text=f"{number(orders.median_seconds)} s" if np.isfinite(orders.median_seconds) else MISSING,
            note=f"median; nine of ten within {number(orders.p90_seconds)} s",
        ),
    )


def _quality_row(row: FillQuality) -> tuple[str, ...]:
    return (
        row.group,
        f"{row.n_fills:,}",
        f"{row.n_quoted:,}",
        signed(row.delay),
        signed(row.spread),
        signed(row.slippage),
        percent(row.effective_spread_share, 0),
        signed(row.slippage_bps, 1),
    )


def alarms_section(result: RunResult) -> Section:
    """Return what never varies and should, and which ceiling bound the size."""
    found = alarms(result)
    rows = tuple(
        (item.kind.value.replace("_", " "), item.strategy, item.subject, f"{item.count:,}", item.message)
        for item in found
    )
    limits = tuple(
        (
            item.strategy,
            item.limit,
            f"{item.n_binding:,}",
            percent(item.n_binding / item.n_sized, 1),
            f"{item.n_zero:,}",
        )
        for item in binding_limits(result)
    )
    return Section(
        title="Alarms and limits",
        blocks=(
            Grid(
                title="Alarms",
                heads=("alarm", "strategy", "of", "cases>", "what it says"),
                rows=rows,
                empty="nothing that never varies",
            ),
            Grid(
                title="Which ceiling bound the size",
                heads=("strategy", "ceiling", "decisions>", "share>", "left nothing>"),
                rows=limits,
                empty="no decision told its ceilings",
            ),
        ),
    )


def lives_section(result: RunResult) -> Section:
    """Return the worst trades from their signal to their end, and what all trades gave back."""
    lives = trade_lives(result)
    if not lives:
        return Section(title="Lives of trades", blocks=(Note(text="No trade was closed."),))
    captured = np.array([life.captured for life in lives])
    waited = np.array([life.seconds_to_entry for life in lives])
    given_back = float(np.nansum([life.given_back for life in lives]))
    facts = (
        Fact(name="Captured", text=_median(captured, percent), note="median share of the best marked profit"),
        Fact(
            name="Given back",
            text=money(given_back, result.description.currency),
            note="best marked profits less results, of all trades",
        ),
        Fact(name="Signal to first fill", text=_median(waited, number), note="median, s"),
    )
    worst = sorted(lives, key=lambda life: life.trade.net_pnl)[:_N_LIVES]
    heads = (
        "opened, UTC",
        "structure",
        "signal",
        "exit",
        "best>",
        "worst>",
        "net>",
        "theta>",
        "gamma>",
        "vega>",
        "residual>",
    )
    grid = Grid(title="The worst trades", heads=heads, rows=tuple(map(_life_row, worst)))
    return Section(title="Lives of trades", blocks=(Facts(items=facts), grid))


def _median(values: FloatArray, shown: Callable[[float], str]) -> str:
    known = values[np.isfinite(values)]
    return shown(float(np.median(known))) if known.size else MISSING


def _life_row(life: TradeLife) -> tuple[str, ...]:
    trade, part = life.trade, life.attribution
    terms = (MISSING,) * 4 if part is None else tuple(map(signed, (part.theta, part.gamma, part.vega, part.residual)))
    return (
        instant(trade.opened_ns),
        trade.structure,
        life.signal.decision.reason if life.signal is not None else MISSING,
        trade.exit_reason,
        signed(trade.best_pnl),
        signed(trade.worst_pnl),
        signed(float(trade.net_pnl)),
        *terms,
    )

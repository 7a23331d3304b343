"""Trades, fills and decisions as text: the files that a person opens first."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from io import StringIO
from typing import Final

from backtest.results import DecisionRecord, RunResult
from execution.trades import Trade
from market.clock import iso_of_ns
from market.fills import Fill
from market.orders import Leg
from strategies.decisions import Decision, Gate, Proposal

__all__ = ["FILL_COLUMNS", "TRADE_COLUMNS", "decision_line", "decisions_log", "fills_csv", "legs_text", "trades_csv"]

TRADE_COLUMNS: Final = (
    "package_id",
    "strategy",
    "structure",
    "legs",
    "quantity",
    "opened",
    "closed",
    "hours_held",
    "entry_price",
    "exit_price",
    "gross_pnl",
    "costs",
    "net_pnl",
    "best_pnl",
    "worst_pnl",
    "exit_reason",
    "flags",
)
"""First columns of ``trades_v2.csv``; factors and contexts follow under ``factor_``, ``entry_`` and ``exit_``."""

FILL_COLUMNS: Final = (
    "fill_id",
    "order_id",
    "decision_id",
    "package_id",
    "strategy",
    "time",
    "symbol",
    "quantity",
    "price",
    "costs",
    "liquidity",
    "simulated",
)
"""Columns of ``fills.csv``."""

_NS_PER_HOUR: Final = 3_600_000_000_000
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


def legs_text(legs: Sequence[Leg]) -> str:
    """Return legs in a line, such as ``-1 SPXW230526P04100000 +1 SPXW230526P04090000``."""
    return " ".join(f"{leg.ratio:+d} {leg.instrument.symbol}" for leg in legs)


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.12g}"  # the last digits of a float are no price


def _word(text: str) -> str:
    # A spreadsheet runs a cell that begins like a formula; names may come from files of others.
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _csv(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    sink = StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerow(heads)
    writer.writerows(rows)
    return sink.getvalue().encode()


def trades_csv(trades: Sequence[Trade]) -> bytes:
    """Return closed packages as CSV, one a row.

    Parameters
    ----------
    trades : sequence of Trade
        In order of closing.

    Returns
    -------
    bytes
        UTF-8; prices net per unit (+ paid, - received), money in the account's currency, instants ISO 8601 in UTC,
        a missing number empty.
    """
    factors = sorted({name for trade in trades for name in trade.factors})
    entries = sorted({name for trade in trades for name in trade.entry_context})
    exits = sorted({name for trade in trades for name in trade.exit_context})
    heads = (*TRADE_COLUMNS, *(f"factor_{n}" for n in factors), *(f"entry_{n}" for n in entries))
    heads = (*heads, *(f"exit_{n}" for n in exits))
    missing = math.nan
    rows = (
        (
            *_trade_cells(trade),
            *(_number(trade.factors.get(name, missing)) for name in factors),
            *(_number(trade.entry_context.get(name, missing)) for name in entries),
            *(_number(trade.exit_context.get(name, missing)) for name in exits),
        )
        for trade in trades
    )
    return _csv(heads, rows)


def _trade_cells(trade: Trade) -> tuple[str, ...]:
    held = (trade.closed_ns - trade.opened_ns) / _NS_PER_HOUR
    return (
        trade.package_id,
        _word(trade.strategy),
        _word(trade.structure),
        _legs_cell(trade.legs),
        str(trade.quantity),
        iso_of_ns(trade.opened_ns),
        iso_of_ns(trade.closed_ns),
        f"{held:.4f}",
        _number(trade.entry_price),
        _number(trade.exit_price),
        str(trade.gross_pnl),
        str(trade.costs),
        str(trade.net_pnl),
        _number(trade.best_pnl),
        _number(trade.worst_pnl),
        _word(trade.exit_reason),
        " ".join(sorted(trade.flags)),
    )


def _legs_cell(legs: Sequence[Leg]) -> str:
    # "1 x SYMBOL" and not "+1 SYMBOL": a cell must not begin with a sign.
    return " / ".join(f"{'buy' if leg.ratio > 0 else 'sell'} {abs(leg.ratio)} {leg.instrument.symbol}" for leg in legs)


def fills_csv(fills: Sequence[Fill]) -> bytes:
    """Return executions as CSV, one leg of one execution a row; a sold quantity is negative."""
    rows = (
        (
            fill.fill_id,
            fill.order_id,
            fill.cause_id,
            fill.package_id,
            _word(fill.strategy),
            iso_of_ns(fill.ts_event_ns),
            fill.instrument.symbol,
            str(fill.quantity),
            str(fill.price),
            str(fill.total_cost),
            fill.liquidity.value,
            "yes" if fill.simulated else "no",
        )
        for fill in fills
    )
    return _csv(FILL_COLUMNS, rows)


def decisions_log(result: RunResult) -> bytes:
    """Return the log of decisions: a head with the assumptions, then a line for each view.

    Parameters
    ----------
    result : RunResult
        The run.

    Returns
    -------
    bytes
        UTF-8 text in order of time; a view that ended in a plain hold says ``hold`` and nothing else.
    """
    about = result.description
    mark = "SIMULATED DATA  " if about.simulated else ""
    lines = [f"# {mark}run {about.name}; fills: {about.fill_model}; slippage: {about.slippage_model}"]
    lines += [f"# costs: {about.cost_model}; code {about.code_version}; configuration {about.config_digest[:16]}"]
    lines += ["# time  strategy  decision  reason  factors  gates (value against bound)  size (* binds)  proposals"]
    lines += _view_lines(result)
    held = result.n_views - len(result.decisions)
    lines += [f"# {result.n_views} views, {len(result.decisions)} decisions, {held} plain holds"]
    lines += [f"# stopped: {_in_line(result.stopped)}"] if result.stopped else []
    return ("\n".join(lines) + "\n").encode()


def _view_lines(result: RunResult) -> Iterator[str]:
    """Yield the decisions and the holds of each instant: of several strategies asked at once, some may hold."""
    decided = Counter(record.ts_event_ns for record in result.decisions)
    asked = Counter(result.view_ns.tolist())
    records = iter(result.decisions)
    for instant_ns, n_asked in asked.items():
        for _ in range(decided[instant_ns]):
            yield decision_line(next(records))
        if n_asked > decided[instant_ns]:
            held = n_asked - decided[instant_ns]
            yield f"{iso_of_ns(instant_ns)}  hold" + (f"  {held} strategies" if held > 1 else "")
    yield from map(decision_line, records)


def decision_line(record: DecisionRecord) -> str:
    """Return a decision in a line: factors, what each gate found, the sizes and the one that binds, the proposals."""
    told = record.decision
    parts = [
        iso_of_ns(record.ts_event_ns),
        record.strategy,
        record.decision_id,
        told.reason,
        "factors[" + " ".join(f"{name}={value:.6g}" for name, value in told.factors) + "]",
        "gates[" + " ".join(map(_gate_text, told.gates)) + "]",
        "size[" + _sizes_text(told) + "]",
        "proposals[" + "; ".join(map(_proposal_text, told.proposals)) + "]",
    ]
    parts += [f"cancel[{' '.join(told.cancel)}]"] if told.cancel else []
    return _in_line("  ".join(parts))


def _gate_text(gate: Gate) -> str:
    found = "" if math.isnan(gate.value) else f"({gate.value:.6g}"
    found += "" if math.isnan(gate.bound) else f"{' to ' if found else '('}{gate.bound:.6g}"
    why = f":{gate.reason}" if gate.reason and not gate.passed else ""
    return f"{gate.name}={'pass' if gate.passed else 'FAIL'}{found + ')' if found else ''}{why}"


def _sizes_text(decision: Decision) -> str:
    return " ".join(f"{term.name}={term.quantity:.6g}{'*' if term.is_binding else ''}" for term in decision.sizing)


def _proposal_text(wish: Proposal) -> str:
    return f"{wish.effect.value} {wish.quantity} {wish.structure} at {wish.limit_price} ({legs_text(wish.legs)})"


def _in_line(text: str) -> str:
    return " ".join(text.split("\n"))

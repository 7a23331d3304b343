"""The life of each trade in one record: signal, entry, progression, exit, and what earned or lost the money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, nan

import numpy as np

from backtest.attribution.greeks import GreekProfit, attributed
from backtest.results import DecisionRecord, GreeksPath, RunResult
from execution.events import Settlement
from execution.trades import Trade
from market.fills import Fill

__all__ = ["TradeLife", "trade_lives"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLife:
    """One trade from its signal to its end.

    Parameters
    ----------
    trade : Trade
        The package with prices, profit, context at entry and exit, and flags.
    signal : DecisionRecord or None
        The decision that opened it, with gates, sizes and factors; None where it was not recorded.
    exit_signal : DecisionRecord or None
        The decision that closed it; None where it ended by settlement, or it was not recorded.
    order_ids : tuple of str
        Orders that filled it, in order of their first fill.
    n_fills, n_settlements : int
        Bookings that changed it.
    seconds_to_entry : float
        From the signal to the first fill; NaN without a recorded signal.
    path : GreeksPath or None
        Its Greeks' profit step by step; None where it was not recorded.
    attribution : GreekProfit or None
        Sums of the path.
    captured : float
        Net profit over the best marked profit on the way; NaN where it never stood above 0.
    given_back : float
        Best marked profit less the net profit, account currency.
    """

    trade: Trade
    signal: DecisionRecord | None
    exit_signal: DecisionRecord | None
    order_ids: tuple[str, ...]
    n_fills: int
    n_settlements: int
    seconds_to_entry: float
    path: GreeksPath | None
    attribution: GreekProfit | None
    captured: float
    given_back: float


def trade_lives(result: RunResult) -> tuple[TradeLife, ...]:
    """Return the life of each closed trade, in order of closing.

    Parameters
    ----------
    result : RunResult
        A run.

    Returns
    -------
    tuple of TradeLife
        What was not recorded is None or NaN.
    """
    decisions = {record.decision_id: record for record in result.decisions}
    fills: dict[str, list[Fill]] = {}
    for fill in sorted(result.fills, key=lambda fill: fill.ts_event_ns):
        fills.setdefault(fill.package_id, []).append(fill)
    ended: dict[str, int] = {}
    for event in result.ledger:
        if isinstance(event, Settlement):
            ended[event.package_id] = ended.get(event.package_id, 0) + 1
    return tuple(
        _life(
            trade,
            fills.get(trade.package_id, []),
            decisions,
            ended.get(trade.package_id, 0),
            result.package_greeks.get(trade.package_id),
        )
        for trade in result.trades
    )


def _life(
    trade: Trade,
    fills: Sequence[Fill],
    decisions: dict[str, DecisionRecord],
    n_settlements: int,
    path: GreeksPath | None,
) -> TradeLife:
    signal = decisions.get(fills[0].cause_id) if fills else None
    closed = _is_flat(fills) and fills[-1].cause_id != fills[0].cause_id
    waited = (fills[0].ts_event_ns - signal.ts_event_ns) / 1e9 if signal is not None else nan
    net, best = float(trade.net_pnl), trade.best_pnl
    return TradeLife(
        trade=trade,
        signal=signal,
        exit_signal=decisions.get(fills[-1].cause_id) if closed else None,
        order_ids=tuple(dict.fromkeys(fill.order_id for fill in fills)),
        n_fills=len(fills),
        n_settlements=n_settlements,
        seconds_to_entry=waited,
        path=path,
        attribution=None if path is None else attributed(path, np.arange(path.ts_ns.size), trade.package_id),
        captured=net / best if isfinite(best) and best > 0.0 else nan,
        given_back=best - net,
    )


def _is_flat(fills: Sequence[Fill]) -> bool:
    open_units: dict[str, Decimal] = {}
    for fill in fills:
        symbol = fill.instrument.symbol
        open_units[symbol] = open_units.get(symbol, Decimal(0)) + fill.quantity
    return bool(fills) and not any(open_units.values())

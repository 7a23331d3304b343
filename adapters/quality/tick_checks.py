"""Checks of trades and quotes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from adapters.quality.findings import Check, Finding, Severity, found
from adapters.quality.neighbours import spikes
from adapters.store.gaps import calendar_of
from market.calendars import is_open
from market.chains import BoolArray
from market.clock import iso_of_ns
from market.trades import UNDERLYING, Int64Array, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["check_quotes", "check_trades"]

_STALE_NS: Final = 60_000_000_000
_SPIKE_DEVIATIONS: Final = 25.0
_LEAST_SPIKE: Final = 2e-3
_RANDOM_ACCESS: Final = int(TradeFlag.OUT_OF_SEQUENCE | TradeFlag.CANCELLED | TradeFlag.AUCTION)


def check_trades(batch: TradeBatch) -> list[Finding]:
    """Return what is wrong with the trades of one symbol and day.

    Parameters
    ----------
    batch : TradeBatch
        In order of arrival.

    Returns
    -------
    list of Finding
        Prices, order, repeats, prints away from the book and silences.
    """
    price, size, ts = batch.price, batch.size, batch.ts_ns

    def words(row: int) -> str:
        return f"{iso_of_ns(int(ts[row]))}: {size[row]:g} at {price[row]:g}"

    away = (batch.flags & int(TradeFlag.OFF_EXCHANGE)) != 0
    findings = [
        *found(Check.PRICE, Severity.ERROR, ~(price > 0.0) | ~(size > 0.0), "price or size is not above 0", words),
        *_backwards(ts, words),
        *found(Check.WICK, Severity.INFO, away, "printed away from the lit book", words),
        *_repeats(batch, words),
        *_silences(batch.symbol, ts),
    ]
    own = np.flatnonzero((batch.contract == UNDERLYING) & ((batch.flags & _RANDOM_ACCESS) == 0))
    rows = np.zeros(price.shape, dtype=np.bool_)
    rows[own] = spikes(price[own], deviations=_SPIKE_DEVIATIONS, least=_LEAST_SPIKE, reach=50)
    return [*findings, *found(Check.OUTLIER, Severity.WARNING, rows, "far from the trades before and after", words)]


def check_quotes(batch: QuoteBatch) -> list[Finding]:
    """Return what is wrong with the quotes of one symbol and day.

    Parameters
    ----------
    batch : QuoteBatch
        In order of arrival.

    Returns
    -------
    list of Finding
        Crossed, locked and one-sided quotes, order and silences.
    """
    bid, ask, ts = batch.bid, batch.ask, batch.ts_ns

    def words(row: int) -> str:
        return f"{iso_of_ns(int(ts[row]))}: {bid[row]:g} / {ask[row]:g}"

    both = (bid > 0.0) & (ask > 0.0)
    return [
        *found(Check.CROSSED, Severity.WARNING, both & (bid > ask), "the bid is above the ask", words),
        *found(Check.LOCKED, Severity.INFO, both & (bid == ask), "the bid is the ask", words),
        *found(Check.ONE_SIDED, Severity.INFO, ~both, "a side is missing", words),
        *_backwards(ts, words),
        *_silences(batch.symbol, ts),
    ]


def _backwards(ts: Int64Array, words: Callable[[int], str]) -> list[Finding]:
    back: BoolArray = np.append(False, np.diff(ts) < 0)[: ts.size]
    return found(Check.ORDER, Severity.WARNING, back, "earlier than the row before", words)


def _repeats(batch: TradeBatch, words: Callable[[int], str]) -> list[Finding]:
    told = batch.trade_id >= 0
    if told.any():
        again = np.ones(told.shape, dtype=np.bool_)
        again[np.unique(batch.trade_id, return_index=True)[1]] = False
        return found(Check.DUPLICATE, Severity.ERROR, again & told, "the trade's number stands before", words)
    columns = (batch.ts_ns, batch.price, batch.size, batch.contract, batch.venue)
    same = np.zeros(told.shape, dtype=np.bool_)
    same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    reason = (
        "equal to the row before; several equal prints in one instant are real, and nothing tells them from repeats"
    )
    return found(Check.DUPLICATE, Severity.INFO, same, reason, words)


def _silences(symbol: str, ts: Int64Array) -> list[Finding]:
    times = np.unique(ts)
    steps = np.diff(times)
    if steps.size < 100 or np.median(steps) > _STALE_NS / 60:
        return []  # a stream that speaks once a minute is not silent when it is still for one
    calendar = calendar_of(symbol)
    long = np.flatnonzero(steps > _STALE_NS)
    quiet = np.zeros(times.shape, dtype=np.bool_)
    quiet[
        [
            row
            for row in long.tolist()
            if is_open(calendar, int(times[row])) and is_open(calendar, int(times[row + 1]) - 1)
        ]
    ] = True

    def words(row: int) -> str:
        return f"{iso_of_ns(int(times[row]))}: silent for {steps[row] / 1e9:.0f} s"

    return found(Check.STALE, Severity.WARNING, quiet, "the stream is silent while the market is open", words)

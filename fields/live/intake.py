"""Rows of quotes and trades that cannot be what they say: taken out before anything is changed by them."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np

from market.chains import BoolArray, FloatArray
from market.trades import QuoteBatch, TradeBatch, select

__all__ = ["sound_quotes", "sound_trades"]

_FEW: Final = 8  # a stream tells rows one by one: so few are looked at faster without arrays
_INF: Final = float("inf")


def _few_sound_trades(trades: TradeBatch) -> bool:
    rows = zip(
        trades.price.tolist(), trades.size.tolist(), trades.ts_ns.tolist(), trades.aggressor.tolist(), strict=True
    )
    until = trades.ts_event_ns
    return all(0.0 < p < _INF and 0.0 < s < _INF and 0 < t <= until and -1 <= a <= 1 for p, s, t, a in rows)


def _few_sound_quotes(quotes: QuoteBatch) -> bool:
    rows = zip(quotes.bid.tolist(), quotes.ask.tolist(), quotes.ts_ns.tolist(), strict=True)
    until = quotes.ts_event_ns
    return all(0.0 <= b < _INF and 0.0 <= a < _INF and 0 < t <= until for b, a, t in rows)


def _is_amount(values: FloatArray) -> BoolArray:
    return (values > 0.0) & (values < np.inf)


def sound_trades(trades: TradeBatch) -> tuple[TradeBatch, int]:
    """Return the trades that can be trades, and how many cannot.

    Parameters
    ----------
    trades : TradeBatch
        As it came.

    Returns
    -------
    TradeBatch
        Without rows whose price or size is not a finite number above 0, whose aggressor is none, or whose instant lies
        outside the time up to that of the message: one such instant would make every later trade a late one.
    int
        Rows taken out.
    """
    if trades.n_trades <= _FEW and _few_sound_trades(trades):
        return trades, 0
    sound = _is_amount(trades.price) & _is_amount(trades.size)
    sound &= (trades.ts_ns > 0) & (trades.ts_ns <= trades.ts_event_ns) & (np.abs(trades.aggressor) <= 1)
    broken = trades.n_trades - int(np.count_nonzero(sound))
    return (select(trades, sound), broken) if broken else (trades, 0)


def sound_quotes(quotes: QuoteBatch) -> tuple[QuoteBatch, int]:
    """Return the quotes that can be quotes, and how many cannot.

    Parameters
    ----------
    quotes : QuoteBatch
        As it came.

    Returns
    -------
    QuoteBatch
        Without rows whose instant lies outside the time up to that of the message; a price that is negative or
        infinite is none.
    int
        Rows taken out.
    """
    if quotes.n_quotes <= _FEW and _few_sound_quotes(quotes):
        return quotes, 0
    # NaN is a missing side, and passes.
    flawed = (quotes.bid < 0.0) | (quotes.bid == np.inf) | (quotes.ask < 0.0) | (quotes.ask == np.inf)
    if flawed.any():
        bid, ask = (np.where((side >= 0.0) & (side < np.inf), side, np.nan) for side in (quotes.bid, quotes.ask))
        quotes = replace(quotes, bid=bid, ask=ask)
    sound = (quotes.ts_ns > 0) & (quotes.ts_ns <= quotes.ts_event_ns)
    broken = quotes.n_quotes - int(np.count_nonzero(sound))
    return (select(quotes, sound), broken) if broken else (quotes, 0)

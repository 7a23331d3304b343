"""The data of the side-by-side timings, made from fixed seeds: minute bars and a year of option chains."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

import numpy as np
from scipy.special import ndtr

from backtest.chain_table import ChainRows
from market.bars import BarBatch
from market.calendars import session_on
from market.chains import FloatArray
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, Int64Array
from tests.generators import black_price

__all__ = ["BAR_TICK", "SIMULATED", "MinuteWalk", "bar_batch", "minute_walk", "weekly_chain_rows"]

BAR_TICK: Final = Decimal("0.0001")
SIMULATED: Final = Provenance(
    source="recipe", origin="benchmarks/recipes.py", simulated=True, as_of_source=AsOfSource.STAMPED
)
_MINUTE_NS: Final = 60_000_000_000
_START_NS: Final = 1_672_704_000 * 1_000_000_000  # 2023-01-03 00:00 UTC
_RATE: Final = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteWalk:
    """Bars of a geometric walk; arrays of shape ``(n_bars,)``.

    Parameters
    ----------
    end_ns : ndarray of int64
        Ends, a minute apart, ns since the epoch, UTC.
    open, high, low, close : ndarray
        Prices, rounded to four decimals; a bar opens where the one before closed.
    """

    end_ns: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray


def minute_walk(n_bars: int = 500_000) -> MinuteWalk:
    """Return a walk of 2e-4 a bar from 100, seed 7."""
    steps = np.random.default_rng(7).normal(0.0, 2e-4, n_bars)
    close = np.round(100.0 * np.exp(np.cumsum(steps)), 4)
    opened = np.concatenate([[100.0], close[:-1]])
    end = _START_NS + _MINUTE_NS * np.arange(1, n_bars + 1, dtype=np.int64)
    return MinuteWalk(
        end_ns=end, open=opened, high=np.maximum(opened, close), low=np.minimum(opened, close), close=close
    )


def bar_batch(walk: MinuteWalk, symbol: str) -> BarBatch:
    """Return the walk as bars of a symbol."""
    n = walk.close.shape[0]
    missing = np.full(n, np.nan)
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(walk.end_ns[-1]),
        cause_id="minute_walk",
        provenance=SIMULATED,
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        start_ns=walk.end_ns - _MINUTE_NS,
        end_ns=walk.end_ns,
        open=walk.open,
        high=walk.high,
        low=walk.low,
        close=walk.close,
        volume=missing,
        vwap=missing,
        n_trades=missing,
    )


def weekly_chain_rows(n_days: int = 252) -> ChainRows:
    """Return a year of closing chains: 252 business days, Fridays up to 90 days out, 81 strikes, both rights, seed 3.

    A walk of 3e-4 and 1 % a day from 400; strikes 2.5 apart around it; volatility 0.18 plus 0.3 of the moneyness below
    the price; 4 % interest; a spread of 2 % of the price, at least 0.02: 530,712 rows.
    """
    days = np.busday_offset("2023-01-03", np.arange(n_days), roll="forward").astype(date)
    steps = np.random.default_rng(3).normal(3e-4, 0.01, n_days)
    spots = 400.0 * np.exp(np.cumsum(steps))
    parts = [_day(day, float(spot)) for day, spot in zip(days.tolist(), spots, strict=True)]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return ChainRows(root="SPXW", **joined)


def _day(day: date, spot: float) -> dict[str, FloatArray]:
    fridays = [day + timedelta(days=n) for n in range(91) if (day + timedelta(days=n)).weekday() == 4]
    strikes: FloatArray = 2.5 * round(spot / 2.5) + 2.5 * np.arange(-40.0, 41.0)
    parts = [_expiry(day, friday, spot, strikes, call=call) for friday in fridays for call in (True, False)]
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    n = found["strike"].shape[0]
    session = session_on("NYSE", day)
    close_ns = session.close_ns if session else _START_NS + (day - date(2023, 1, 3)).days * 1440 * _MINUTE_NS
    return {**found, "ts_ns": np.full(n, close_ns, dtype=np.int64), "spot": np.full(n, spot)}


def _expiry(day: date, friday: date, spot: float, strikes: FloatArray, *, call: bool) -> dict[str, FloatArray]:
    years = max((friday - day).days, 0.25) / 365.0
    volatility = 0.18 + 0.3 * np.maximum(1.0 - strikes / spot, 0.0)
    forward = spot * np.exp(_RATE * years)
    price = black_price(forward, strikes, years, float(np.exp(-_RATE * years)), volatility, call=call)
    spread = volatility * np.sqrt(years)
    delta = ndtr(np.log(forward / strikes) / spread + 0.5 * spread)
    half = 0.5 * np.maximum(0.02, 0.02 * price)
    return {
        "expiration": np.full(strikes.shape, np.datetime64(friday, "D")),
        "strike": strikes,
        "is_call": np.full(strikes.shape, call),
        "bid": np.maximum(price - half, 0.0),
        "ask": price + half,
        "vendor_iv": volatility,
        "vendor_delta": delta if call else delta - 1.0,
    }

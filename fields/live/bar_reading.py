"""What the bars of one symbol say: trend, average, volatility, close and return, each with a reason where missing."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log, nan
from typing import Final, final

import numpy as np

from fields.indicators import average_close, directional_index, realised_volatility
from fields.live.context_config import ContextConfig
from fields.live.histories import History
from market.chains import BoolArray

__all__ = ["BarReading", "TrendReading", "read_bars", "read_trend", "spans_session"]

_MINUTE_NS: Final = 60_000_000_000
_HOUR_NS: Final = 60 * _MINUTE_NS
_SHORTEST_SESSION_NS: Final = 3 * _HOUR_NS
_DAY_NS: Final = 24 * _HOUR_NS
_INTRADAY_NS: Final = tuple(hours * _HOUR_NS for hours in (4, 6, 8, 12))
_HOLE_NS: Final = 8 * _DAY_NS  # the longest closure of New York's shares since 1970 was seven days (September 2001)
_SPLIT: Final = log(1.45)  # as in the live state: taken for a split (3 for 2) and not for news
_SHARES_YEAR_NS: Final = 252 * 78 * 300_000_000_000
_COIN_YEAR_NS: Final = 365 * _DAY_NS
_CLOSE: Final = 2


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrendReading:
    """What daily bars said at an instant; NaN with a reason in `reasons` where they did not.

    Parameters
    ----------
    adx, sma : float
        As in `MarketInputs`.
    end_ns : int
        End of the newest daily bar, ns since the epoch, UTC; -1 without one.
    reasons : dict of str to str
        By name.
    """

    adx: float
    sma: float
    end_ns: int
    reasons: dict[str, str]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class BarReading:
    """What bars of all lengths said at an instant; NaN with a reason in `reasons` where they did not.

    Parameters
    ----------
    realised_vol, close, log_return : float
        As in `MarketInputs` and `CrossReading`.
    intraday_ns, close_ns : int
        End of the newest bar of the realised volatility, and of the newest bar of any length, ns since the epoch, UTC;
        -1 without one.
    reasons : dict of str to str
        By name.
    """

    realised_vol: float
    close: float
    log_return: float
    intraday_ns: int
    close_ns: int
    reasons: dict[str, str]


def spans_session(rows: History) -> BoolArray:
    """Return which bars are daily: they span more than three hours, at most 24, and none of 4, 6, 8 or 12."""
    span = rows.event_ns - rows.mark_ns
    found: BoolArray = (span > _SHORTEST_SESSION_NS) & (span <= _DAY_NS) & ~np.isin(span, _INTRADAY_NS)
    return found


def read_bars(daily: History, intraday: History, config: ContextConfig, *, is_coin: bool) -> BarReading:
    """Return what the bars say that were known at an instant.

    Parameters
    ----------
    daily, intraday : History
        Daily bars, and bars of any other lengths, as `fields.live.histories.bar_rows` gives them.
    config : ContextConfig
        How many bars.
    is_coin : bool
        Whether the market never closes and has no splits.

    Returns
    -------
    BarReading
        The close is that of the newest bar, its return that since the daily bar before.
    """
    reasons: dict[str, str] = {}
    span = intraday.event_ns - intraday.mark_ns
    short = intraday.rows(np.flatnonzero(span == config.volatility_bar_ns))
    volatility = _volatility(short, config, reasons, is_coin=is_coin)
    newest = intraday if _end_of(intraday) > _end_of(daily) else daily
    close, log_return = _close(newest, daily, reasons)
    return BarReading(
        realised_vol=volatility,
        close=close,
        log_return=log_return,
        intraday_ns=_end_of(short),
        close_ns=_end_of(newest),
        reasons=reasons,
    )


def _end_of(rows: History) -> int:
    return int(rows.event_ns[-1]) if rows.n_rows else -1


def read_trend(daily: History, config: ContextConfig, *, is_coin: bool) -> TrendReading:
    """Return trend and average of the daily bars that were known at an instant.

    Parameters
    ----------
    daily : History
        Daily bars, as `fields.live.histories.bar_rows` gives them.
    config : ContextConfig
        How many bars.
    is_coin : bool
        Whether the market has no splits.

    Returns
    -------
    TrendReading
        Daily bars before a split, or before a hole of more than eight days, do not count.
    """
    reasons: dict[str, str] = {}
    daily, since = _unbroken(daily, is_coin=is_coin)
    whole = np.isfinite(daily.values).all(axis=1)
    high, low, close = (np.ascontiguousarray(daily.values[whole, place]) for place in range(3))
    adx = directional_index(high, low, close, config.adx_bars)
    sma = average_close(daily.values[:, _CLOSE], config.sma_bars)
    if not isfinite(adx):
        reasons["adx"] = f"{close.shape[0]} daily bars{since}, fewer than {2 * config.adx_bars}"
    if not isfinite(sma):
        reasons["sma"] = f"{daily.n_rows} daily bars{since}, fewer than {config.sma_bars}"
    return TrendReading(adx=adx, sma=sma, end_ns=_end_of(daily), reasons=reasons)


def _unbroken(daily: History, *, is_coin: bool) -> tuple[History, str]:
    """Return the bars since the last split or hole, and which that was."""
    moves = np.abs(np.diff(np.log(daily.values[:, _CLOSE])))
    splits = np.flatnonzero((moves >= _SPLIT) & ~is_coin)
    holes = np.flatnonzero(np.diff(daily.event_ns) > _HOLE_NS)
    split, hole = (int(places[-1]) + 1 if places.size else 0 for places in (splits, holes))
    since = " since a jump as at a split" if split > hole else " since a hole" if hole else ""
    return daily.rows(np.arange(max(split, hole), daily.n_rows)), since


def _volatility(short: History, config: ContextConfig, reasons: dict[str, str], *, is_coin: bool) -> float:
    found = realised_volatility(
        short.mark_ns,
        short.event_ns,
        short.values[:, _CLOSE],
        bars_per_year=(_COIN_YEAR_NS if is_coin else _SHARES_YEAR_NS) / config.volatility_bar_ns,
        n_returns=config.volatility_returns,
    )
    if not isfinite(found):
        minutes = config.volatility_bar_ns / _MINUTE_NS
        reasons["realised_vol"] = f"fewer than {config.volatility_returns} returns of adjoining {minutes:g}-minute bars"
    return found


def _close(newest: History, daily: History, reasons: dict[str, str]) -> tuple[float, float]:
    if not newest.n_rows:
        reasons["close"] = reasons["log_return"] = "no bar has come"
        return nan, nan
    close, start = float(newest.values[-1, _CLOSE]), int(newest.mark_ns[-1])
    before = int(np.searchsorted(daily.event_ns, start, side="right")) - 1
    if before < 0:
        reasons["log_return"] = "no daily bar before the newest bar"
        return close, nan
    return close, log(close / float(daily.values[before, _CLOSE]))

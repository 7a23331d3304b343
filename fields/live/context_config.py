"""Which series, bars and calendars feed which input of a symbol, and how old they may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from market.errors import ConfigError

__all__ = ["INDEX_INPUTS", "ContextConfig"]

INDEX_INPUTS: Final = ("vix", "vix9d", "vix3m", "vix6m", "vvix", "skew", "rate")
"""Inputs that are one series for all symbols."""
_HOUR_NS: Final = 3_600_000_000_000
_DAY_NS: Final = 24 * _HOUR_NS


def _indices() -> dict[str, str]:
    named = {name: name.upper() for name in INDEX_INPUTS if name != "rate"}
    return {**named, "rate": "DFF"}


def _perpetuals() -> dict[str, str]:
    return {coin: f"{coin}/USDT:USDT" for coin in ("BTC", "ETH", "SOL")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ContextConfig:
    """Settings of the inputs from other markets.

    Parameters
    ----------
    series : mapping of str to str
        Name of the series of each of `INDEX_INPUTS`; bars of that symbol serve as well, and the newer of both counts.
    bars : mapping of str to str
        Whose bars are those of a symbol, by symbol, such as ``{"SPX": "I:SPX"}``; by default its own, and for a coin
        without such those of its perpetual.
    perpetuals : mapping of str to str
        Perpetual whose funding is that of a coin, by symbol. A symbol listed here trades round the clock.
    cross : tuple of str
        Symbols whose bars are read for all.
    adx_bars, sma_bars, volatility_returns : int
        Bars of the directional index, of the average close, and returns of the realised volatility.
    volatility_bar_ns : int
        Length of the bars of the realised volatility, ns.
    index_age_ns, rate_age_ns : int
        Longest time from the instant that a value speaks of for which it counts, ns.
    daily_bar_age_ns, intraday_bar_age_ns : int
        The same for the newest daily bar, and for the newest bar of the realised volatility, from its end.
    funding_age_ns : int
        The same for a funding rate.
    fomc_age_ns, release_age_ns : int
        Longest time since the last event, beyond which the calendar is taken to have ended, ns.
    news_age_ns : int
        Longest time since any article, beyond which the news are taken to have ended, ns.
    """

    series: Mapping[str, str] = field(default_factory=_indices)
    bars: Mapping[str, str] = field(default_factory=dict)
    perpetuals: Mapping[str, str] = field(default_factory=_perpetuals)
    cross: tuple[str, ...] = ("TLT", "IEF", "GLD", "UUP", "BTC")
    adx_bars: int = 14
    sma_bars: int = 200
    volatility_returns: int = 20
    volatility_bar_ns: int = 300_000_000_000
    index_age_ns: int = 5 * _DAY_NS
    rate_age_ns: int = 7 * _DAY_NS
    daily_bar_age_ns: int = 5 * _DAY_NS
    intraday_bar_age_ns: int = 4 * _DAY_NS
    funding_age_ns: int = 9 * _HOUR_NS
    fomc_age_ns: int = 70 * _DAY_NS
    release_age_ns: int = 40 * _DAY_NS
    news_age_ns: int = 3 * _DAY_NS

    def __post_init__(self) -> None:
        unknown = sorted(set(self.series) - set(INDEX_INPUTS))
        if unknown:
            raise ConfigError(
                "a series feeds an input that does not exist", found=unknown[0], expected=", ".join(INDEX_INPUTS)
            )
        counts = (self.adx_bars - 1, self.sma_bars, self.volatility_returns - 1, self.volatility_bar_ns)
        if min(counts) < 1 or max(self.adx_bars * 2, self.sma_bars) > MOST_DAILY_BARS:
            raise ConfigError(
                "the bars of the inputs are out of range",
                found=f"{self.adx_bars}, {self.sma_bars}, {self.volatility_returns}, {self.volatility_bar_ns}",
                expected=f">= 2, >= 1, >= 2, >= 1, and no more than {MOST_DAILY_BARS} daily bars",
            )
        ages = {name: getattr(self, name) for name in self.__dataclass_fields__ if name.endswith("_age_ns")}
        short = [f"{name} {age}" for name, age in ages.items() if age <= 0]
        if short:
            raise ConfigError("an age must be a span of time", found=short[0], expected="> 0 ns")


MOST_DAILY_BARS: Final = 400
"""Daily bars that are kept of a symbol."""

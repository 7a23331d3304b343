"""What a symbol's regimes and signals need from outside its own chain and flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import isfinite, nan
from typing import Any, Final, Self

__all__ = ["INPUT_UNITS", "CrossReading", "MarketInputs"]

INPUT_UNITS: Final[Mapping[str, str]] = {
    **dict.fromkeys(("vix", "vix9d", "vix3m", "vix6m", "vvix", "skew"), "points"),
    "rate": "fraction per year",
    "adx": "of 100",
    "sma": "USD",
    "realised_vol": "fraction per year",
    "funding_rate": "fraction per settlement",
    "funding_interval_h": "h",
    **dict.fromkeys(("minutes_to_fomc", "minutes_since_fomc", "minutes_to_release", "minutes_since_release"), "min"),
    "days_to_earnings": "d",
    **dict.fromkeys(("news_24h", "market_news_24h"), "articles"),
    **dict.fromkeys(("minutes_since_news", "market_minutes_since_news"), "min"),
    **dict.fromkeys(("ltv", "liquidation_ltv"), "fraction"),
    "expected_vol_change_pts": "vol points",
}
"""Unit of every number of `MarketInputs`, by its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossReading:
    """Another market at the instant of a field.

    Parameters
    ----------
    symbol : str
        Underlying or index whose bars it comes from.
    close : float
        Close of its newest bar that had ended, in its own unit; NaN where unknown.
    log_return : float
        From the close of the daily bar before to that close; NaN where unknown.
    age_s : float
        Seconds since that bar ended; NaN where there is none.
    reason : str
        Why something is missing; empty where nothing is.
    """

    symbol: str
    close: float
    log_return: float
    age_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketInputs:
    """Inputs from other markets, as known at one instant; NaN where unknown, and what needs them says so.

    Parameters
    ----------
    vix, vix9d, vix3m, vix6m : float
        Volatility indices over 30 days, 9 days, 3 and 6 months, points.
    vvix, skew : float
        Volatility index of the VIX and Cboe's SKEW index, points.
    rate : float
        Interest rate, fraction per year.
    adx : float
        Average directional index of the underlying, 0 to 100.
    sma : float
        Average close of the underlying over 200 days, USD.
    realised_vol : float
        From five-minute bars of the underlying, annualised fraction (Q8).
    funding_rate : float
        Fraction of notional per settlement of the perpetual, paid by longs where positive.
    funding_interval_h : float
        Hours between settlements, read from the venue.
    minutes_to_fomc, minutes_since_fomc : float
        To the next announced meeting of the Federal Open Market Committee, and since the last.
    minutes_to_release, minutes_since_release : float
        To the next announced economic release, and since the last.
    days_to_earnings : float
        To the next announced earnings of the underlying, days of 24 hours.
    news_24h, market_news_24h : float
        Articles about the underlying, and about anything, published within the last 24 hours.
    minutes_since_news, market_minutes_since_news : float
        Since the publication of the newest such article.
    ltv, liquidation_ltv : float
        Loan over collateral, and from where the venue liquidates; fractions.
    expected_vol_change_pts : float
        Expected change of at-the-money volatility over the signals' horizon, vol points.
    cross : tuple of CrossReading
        Other markets, in the order of the settings.
    ages_s : mapping of str to float
        Seconds from the instant that a value speaks of to that of the field, by name.
    reasons : mapping of str to str
        Why a value is missing, by name.
    simulated : bool
        Whether anything that was told is simulated.
    """

    vix: float = nan
    vix9d: float = nan
    vix3m: float = nan
    vix6m: float = nan
    vvix: float = nan
    skew: float = nan
    rate: float = nan
    adx: float = nan
    sma: float = nan
    realised_vol: float = nan
    funding_rate: float = nan
    funding_interval_h: float = nan
    minutes_to_fomc: float = nan
    minutes_since_fomc: float = nan
    minutes_to_release: float = nan
    minutes_since_release: float = nan
    days_to_earnings: float = nan
    news_24h: float = nan
    minutes_since_news: float = nan
    market_news_24h: float = nan
    market_minutes_since_news: float = nan
    ltv: float = nan
    liquidation_ltv: float = nan
    expected_vol_change_pts: float = nan
    cross: tuple[CrossReading, ...] = ()
    ages_s: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)
    simulated: bool = False

    @classmethod
    def of(cls, numbers: Mapping[str, float]) -> Self:
        """Return inputs of which some are told by name, and nothing else is known."""
        given: dict[str, Any] = {name: float(value) for name, value in numbers.items()}
        return cls(**given)

    def under(self, told: MarketInputs) -> MarketInputs:
        """Return these inputs, with those in their place that a user told.

        Parameters
        ----------
        told : MarketInputs
            What was told; its missing values change nothing.

        Returns
        -------
        MarketInputs
            A told value has neither age nor reason.
        """
        given: dict[str, Any] = {name: value for name in _NUMBERS if isfinite(value := getattr(told, name))}
        if not given:
            return self
        ages = {name: age for name, age in self.ages_s.items() if name not in given}
        reasons = {name: why for name, why in self.reasons.items() if name not in given}
        return replace(self, **given, ages_s=ages, reasons=reasons)

    def numbers(self) -> dict[str, float]:
        """Return every number by its name; NaN where unknown."""
        return {name: getattr(self, name) for name in _NUMBERS}


_NUMBERS: Final = tuple(item.name for item in fields(MarketInputs) if item.type == "float")

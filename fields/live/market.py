"""What a symbol's regimes and signals need from outside its own chain and flow."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

__all__ = ["MarketInputs"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketInputs:
    """Inputs from other markets; NaN where unknown, and what needs them says so.

    Parameters
    ----------
    vix, vix9d : float
        Volatility indices over 30 and 9 days, points.
    adx : float
        Average directional index of the underlying, 0 to 100.
    sma : float
        Average close of the underlying over 200 days, USD.
    funding_rate : float
        Fraction of notional per settlement of the perpetual, paid by longs where positive.
    funding_interval_h : float
        Hours between settlements, read from the venue.
    ltv, liquidation_ltv : float
        Loan over collateral, and from where the venue liquidates; fractions.
    expected_vol_change_pts : float
        Expected change of at-the-money volatility over the signals' horizon, vol points.
    """

    vix: float = nan
    vix9d: float = nan
    adx: float = nan
    sma: float = nan
    funding_rate: float = nan
    funding_interval_h: float = nan
    ltv: float = nan
    liquidation_ltv: float = nan
    expected_vol_change_pts: float = nan

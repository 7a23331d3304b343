"""What the simulated market knows and its chains do not say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from market.chains import FloatArray
from market.trades import Int8Array, Int64Array

__all__ = ["MarketTruth", "Settlement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTruth:
    """The truth behind the newest chain of one symbol.

    Arrays of contracts are aligned with that chain's contracts, arrays of series with its `series`.

    Parameters
    ----------
    symbol : str
        Underlying.
    sequence : int
        Batch that carried the chain.
    ts_event_ns : int
        Its instant, ns since the epoch, UTC.
    spot : float
        Price before it is rounded for print, USD.
    value : float
        Hidden value that informed traders know, USD.
    instantaneous_volatility : float
        Annualised fraction over 252 sessions.
    forward, discount : ndarray, shape (n_series,)
        Forward price, USD, and discount factor of each expiration.
    volatility : ndarray, shape (n_contracts,)
        Implied volatility of the value around which the dealers quote, ACT/365.
    price, delta, gamma : ndarray, shape (n_contracts,)
        That value and its Greeks in spot, per unit of the underlying.
    dealer_position : ndarray of int64, shape (n_contracts,)
        Signed contracts that the dealers hold now, + long.
    customer_position : ndarray of int64, shape (5, n_contracts)
        Signed contracts of each `CustomerGroup`; with the dealers' they sum to 0 in every contract.
    live_open_interest : ndarray of int64, shape (n_contracts,)
        Open interest now, which the market publishes only after the close: all longs, which is all shorts.
    dealer_shares : float
        Units of the underlying that the dealers hold as their hedge.
    dealer_gamma_usd : float
        ``sum(position x multiplier x gamma) x spot^2``: fall of the dealers' hedge in USD per log return of 1.
    impact_return_per_usd : float
        Kyle's lambda.
    amplification : float
        Return per unit of shock, ``1 / (1 + hedge_ratio x lambda x dealer_gamma_usd)``; below 1 the dealers damp.
    trade_id : ndarray of int64, shape (n_trades,)
        Ids of the trades in the newest batch, aligned with its `TradeBatch`.
    trade_aggressor : ndarray of int8, shape (n_trades,)
        +1 where the buyer crossed the spread, -1 where the seller did. In the underlying, the signed sizes of a batch
        sum to the flow that moved the price: aggressors' flow in USD times lambda, plus news, is the return.
    """

    symbol: str
    sequence: int
    ts_event_ns: int
    spot: float
    value: float
    instantaneous_volatility: float
    forward: FloatArray
    discount: FloatArray
    volatility: FloatArray
    price: FloatArray
    delta: FloatArray
    gamma: FloatArray
    dealer_position: NDArray[np.int64]
    customer_position: NDArray[np.int64]
    live_open_interest: NDArray[np.int64]
    dealer_shares: float
    dealer_gamma_usd: float
    impact_return_per_usd: float
    amplification: float
    trade_id: Int64Array
    trade_aggressor: Int8Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """One expiration that settled at the latest close.

    Parameters
    ----------
    symbol : str
        Underlying.
    expiration : datetime.date
        Expiration date.
    price : float
        Settlement price of the underlying, USD.
    contracts : float
        Open interest that ended.
    dealer_payoff_usd : float
        Paid to the dealers (negative: by them); the customers got the opposite.
    """

    symbol: str
    expiration: date
    price: float
    contracts: float
    dealer_payoff_usd: float

"""The settings of all symbols as arrays, for steps that move them together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.simulated.config import SimulatedMarketConfig
from adapters.simulated.dynamics import DynamicsTable, dynamics_of
from adapters.simulated.scenarios import Scenario
from adapters.simulated.state import parameter
from market.chains import FloatArray

__all__ = ["SymbolArrays", "parameters_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SymbolArrays:
    """Settings by symbol, each of shape ``(n_symbols,)``; `weights` of shape ``(5, n_symbols)``.

    The names are those of `SimulatedSymbol`, shortened; `dynamics` and `scenario` are None where there is none.
    """

    carry: FloatArray
    weights: FloatArray
    impact: FloatArray
    hedge_ratio: FloatArray
    half_life_s: FloatArray
    news_share: FloatArray
    noise_share: FloatArray
    long_run: FloatArray
    opening: FloatArray
    reversion: FloatArray
    leverage: FloatArray
    vol_of_vol: FloatArray
    lot_mean: FloatArray
    trades: FloatArray
    tick: FloatArray
    tick_above_3: FloatArray
    spread: FloatArray
    multiplier: FloatArray
    dynamics: DynamicsTable | None
    scenario: Scenario | None


def parameters_of(config: SimulatedMarketConfig) -> SymbolArrays:
    """Return the settings of a market as arrays.

    Parameters
    ----------
    config : SimulatedMarketConfig
        The market.

    Returns
    -------
    SymbolArrays
        In the order of its symbols.
    """
    symbols = config.symbols
    mix = np.array([item.customers.weights for item in symbols]).T
    return SymbolArrays(
        carry=parameter(symbols, "rate") - parameter(symbols, "dividend_yield"),
        weights=mix / mix.sum(axis=0),
        impact=parameter(symbols, "impact_return_per_usd"),
        hedge_ratio=parameter(symbols, "hedge_ratio"),
        half_life_s=parameter(symbols, "informed_half_life_s"),
        news_share=parameter(symbols, "news_share"),
        noise_share=parameter(symbols, "noise_share"),
        long_run=parameter(symbols, "volatility"),
        opening=np.array([item.opening_volatility or item.volatility for item in symbols]),
        reversion=parameter(symbols, "vol_reversion"),
        leverage=parameter(symbols, "leverage"),
        vol_of_vol=parameter(symbols, "vol_of_vol"),
        lot_mean=parameter(symbols, "lot_mean"),
        trades=parameter(symbols, "trades_per_session"),
        tick=parameter(symbols, "tick"),
        tick_above_3=parameter(symbols, "tick_above_3"),
        spread=parameter(symbols, "spread"),
        multiplier=np.array([item.product.multiplier for item in symbols]),
        dynamics=dynamics_of(symbols),
        scenario=config.scenario,
    )

"""From the market's state to the truth that may be asked for."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from adapters.simulated.parameters import SymbolArrays
from adapters.simulated.state import MarketState, open_interest_of
from adapters.simulated.tape import print_span
from adapters.simulated.truth import MarketTruth
from adapters.simulated.valuation import Valuation

__all__ = ["LOWEST_FEEDBACK", "Told", "truth_of"]

# Where hedging by dealers short gamma would run away (x <= -1), they spread the trade over the next steps.
LOWEST_FEEDBACK = -0.8


class Told(NamedTuple):
    """Of which symbol: its name, its place, and the gamma of its dealers' book in units of the underlying per USD."""

    symbol: str
    place: int
    gamma: float


def truth_of(state: MarketState, value: Valuation, p: SymbolArrays, told: Told) -> MarketTruth:
    """Return the truth behind a symbol's current chain.

    Parameters
    ----------
    state : MarketState
        The market.
    value : Valuation
        Its values.
    p : SymbolArrays
        Settings.
    told : Told
        Of which symbol.

    Returns
    -------
    MarketTruth
        Copies; aligned with the current chain.
    """
    place = told.place
    contracts, series = state.board.contracts_of(place), state.board.series_slice(place)
    strikes = slice(contracts.start // 2, contracts.stop // 2)
    prints = print_span(state.prints, place)
    first_id = state.n_trades - state.prints.symbol.size
    gamma_usd = float(told.gamma * state.spot[place] ** 2)
    feedback = max(float(p.hedge_ratio[place] * p.impact[place]) * gamma_usd, LOWEST_FEEDBACK)
    return MarketTruth(
        symbol=told.symbol,
        sequence=state.sequence,
        ts_event_ns=state.now_ns,
        spot=float(state.spot[place]),
        value=float(state.value[place]),
        instantaneous_volatility=float(state.volatility[place]),
        forward=value.forward[series].copy(),
        discount=value.discount[series].copy(),
        volatility=np.repeat(value.volatility[strikes], 2),
        price=value.price[contracts].copy(),
        delta=value.delta[contracts].copy(),
        gamma=value.gamma[contracts].copy(),
        dealer_position=state.dealers[contracts].copy(),
        customer_position=state.customers[:, contracts].copy(),
        live_open_interest=open_interest_of(state.customers[:, contracts], state.dealers[contracts]),
        dealer_shares=float(state.shares[place]),
        dealer_gamma_usd=gamma_usd,
        impact_return_per_usd=float(p.impact[place]),
        amplification=1.0 / (1.0 + feedback),
        trade_id=np.arange(first_id + prints.start, first_id + prints.stop, dtype=np.int64),
        trade_aggressor=state.prints.aggressor[prints].copy(),
    )

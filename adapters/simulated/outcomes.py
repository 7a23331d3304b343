"""What a simulated session came to, in the figures that are published of real ones."""

from __future__ import annotations

import numpy as np

from adapters.simulated.engine import SimulatedMarket
from adapters.simulated.scenarios import FactKind
from adapters.simulated.truth import MarketTruth
from market.chains import FloatArray, OptionChain

__all__ = ["session_outcome", "variance_index"]

_DAY_NS, _YEAR_DAYS = 86_400e9, 365.0
_HOUR_NS = 3_600_000_000_000


def variance_index(chain: OptionChain, truth: MarketTruth, days: float) -> float:
    """Return the volatility index of a horizon from the true values of options out of the money.

    Parameters
    ----------
    chain : OptionChain
        The contracts.
    truth : MarketTruth
        Aligned with it.
    days : float
        Horizon, calendar days.

    Returns
    -------
    float
        Annualised fraction; total variance is interpolated between the expirations around the horizon, as Cboe does.

    Notes
    -----
    Per expiration ``2 / D sum(dK / K^2 Q(K))`` over out-of-the-money values Q, by the trapezoidal rule.
    """
    ahead = (chain.expiry_ns - chain.ts_event_ns) / _DAY_NS
    total = np.array([_total_variance(chain, truth, place) for place in range(len(chain.series))])
    return float(np.sqrt(np.interp(days, ahead, total) / days * _YEAR_DAYS))


def _total_variance(chain: OptionChain, truth: MarketTruth, place: int) -> float:
    forward, discount = truth.forward[place], truth.discount[place]
    inside = (chain.series_index == place) & (chain.is_call == (chain.strike >= forward))
    strike, worth = chain.strike[inside], truth.price[inside]
    return float(2.0 / discount * np.trapezoid(worth / strike**2, strike))


def session_outcome(market: SimulatedMarket, symbol: str, previous_close: float) -> dict[FactKind, float]:
    """Step a market to the last batch of its session and return what the session came to.

    Parameters
    ----------
    market : SimulatedMarket
        At the open; it is stepped.
    symbol : str
        One of its symbols.
    previous_close : float
        Price to which returns are relative, USD.

    Returns
    -------
    dict of FactKind to float
        Every kind of fact; prices are those at the ends of steps, of prints and of quotes of the underlying.
    """
    place = market.names.index(symbol)
    opening = market.chains()[place]
    prices, minutes = [market.truth(symbol).spot], [0.0]
    amplification: list[float] = []
    first_index = variance_index(opening, market.truth(symbol), 30.0)
    chain, truth = opening, market.truth(symbol)
    close_ns = int(opening.series[0].expiry_ns)
    while True:
        market.step()
        latest = market.truth(symbol)
        if latest.ts_event_ns > close_ns:
            break
        truth, chain = latest, market.chains()[place]
        prices.append(latest.spot)
        minutes.append((latest.ts_event_ns - opening.ts_event_ns) / 60e9)
        if close_ns - latest.ts_event_ns <= _HOUR_NS:
            amplification.append(latest.amplification)
    settled = [item.price for item in market.settlements if item.symbol == symbol]
    path = np.array(prices + settled[:1]) / previous_close - 1.0
    at = int(np.argmin(path))
    return {
        FactKind.OPEN: float(path[0]),
        FactKind.HIGH: float(path.max()),
        FactKind.LOW: float(path.min()),
        FactKind.CLOSE: float(path[-1]),
        FactKind.LOW_MINUTE: minutes[at] if at < len(minutes) else 390.0,
        FactKind.VOLATILITY_30D_OPEN: first_index,
        FactKind.VOLATILITY_9D: variance_index(chain, truth, 9.0),
        FactKind.VOLATILITY_30D: variance_index(chain, truth, 30.0),
        FactKind.VOLATILITY_93D: variance_index(chain, truth, 93.0),
        FactKind.LAST_HOUR_AMPLIFICATION: float(np.median(amplification)),
        FactKind.SAME_DAY_VOLUME_SHARE: _same_day(chain.volume, chain),
    }


def _same_day(volume: FloatArray, chain: OptionChain) -> float:
    return float(volume[chain.series_index == 0].sum() / max(volume.sum(), 1.0))

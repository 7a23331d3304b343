"""The structures placed in one synthetic chain: what their pages tell and draw."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np

from market.chains import FloatArray
from market.clock import datetime_of_ns
from risk.book import PricedBook
from risk.horizon_payoff import horizon_value
from risk.portfolio_greeks import portfolio_greeks
from strategies.chain_lookup import ChainLookup, nearest_expiration
from strategies.legs.measures import PackageMeasures, package_measures
from strategies.legs.rules import PlacedStructure, placed
from strategies.structures.shapes import SHAPES, Shape
from strategies.views import ChainView
from tests.generators import AS_OF_NS, Expiry, skewed_smile, synthetic_chain

__all__ = ["GREEK_NAMES", "HALF_SPREAD", "HORIZONS", "SPOT", "Example", "Profile", "example_of", "profile_of"]

SPOT: Final = 4_000.0
"""Price of the underlying, USD."""
HALF_SPREAD: Final = 0.1
"""From the mid to each side of a quote, USD."""
HORIZONS: Final = (("now", 0.0), ("half the time", 0.5), ("nine tenths", 0.9), ("first expiry", 1.0))
"""Name, and share of the time to the first expiry."""
GREEK_NAMES: Final = ("delta_shares", "gamma_shares_per_usd", "vega_usd_per_volpt", "theta_usd_per_day")
"""Of `risk.book.PortfolioGreeks`, as they are drawn."""
_N_PAYOFF: Final = 161
_N_GREEKS: Final = 81
_DEVIATIONS: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One structure in the chain.

    Parameters
    ----------
    shape : Shape
        Structure with its defaults.
    view : ChainView
        The chain.
    placed : PlacedStructure
        Its contracts.
    measures : PackageMeasures
        At the mids of its legs.
    """

    shape: Shape
    view: ChainView
    placed: PlacedStructure
    measures: PackageMeasures


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a picture shows, and carries as data.

    Parameters
    ----------
    price : ndarray, shape (n_prices,)
        Prices of the underlying, USD.
    profit : ndarray, shape (n_horizons, n_prices)
        Profit of one package at `HORIZONS`, USD.
    greek_price : ndarray, shape (n_greek_prices,)
        Coarser prices.
    greeks : ndarray, shape (2, n_greeks, n_greek_prices)
        `GREEK_NAMES` now and at half the time to the first expiry.
    """

    price: FloatArray
    profit: FloatArray
    greek_price: FloatArray
    greeks: FloatArray


@lru_cache(maxsize=1)
def _view() -> ChainView:
    """Return an index chain with a skew: every fifth strike, and each expiration that a structure asks for."""
    today = datetime_of_ns(AS_OF_NS).date()
    wanted = sorted({days for shape in SHAPES.values() for days in shape.days})
    expiries = sorted({_business_day(today + timedelta(days=days)) for days in wanted})
    strikes = np.arange(0.6 * SPOT, 1.4 * SPOT + 1.0, 5.0)
    chain = synthetic_chain(
        SPOT,
        [Expiry(day) for day in expiries],
        strikes,
        smile=skewed_smile(),
        half_spread=HALF_SPREAD,
        as_of_ns=AS_OF_NS,
    )
    return ChainLookup().view(chain)


def _business_day(day: date) -> date:
    """Return the day, or the Friday before a weekend."""
    return day - timedelta(days=max(day.weekday() - 4, 0))


@lru_cache(maxsize=64)
def example_of(name: str) -> Example:
    """Return a structure of the registry in the chain.

    Parameters
    ----------
    name : str
        Of `strategies.structures.shapes.SHAPES`.

    Returns
    -------
    Example
        Priced at the mids, rounded to the cent.
    """
    shape, view = SHAPES[name], _view()
    series = tuple(nearest_expiration(view, days, days - 4, days + 4) for days in shape.days)
    found = placed(view, series, shape.structure)
    if not found.legs:
        message = f"{name} has no place in the example: {found.reason}"
        raise ValueError(message)
    chain = view.chain
    mids = [0.5 * float(chain.bid[place] + chain.ask[place]) for place in found.places]
    price = sum(leg.ratio * mid for leg, mid in zip(found.legs, mids, strict=True))
    measures = package_measures(view, found, Decimal(repr(round(price, 2))))
    return Example(shape=shape, view=view, placed=found, measures=measures)


def profile_of(example: Example) -> Profile:
    """Return pay-off lines and Greeks over prices of the underlying.

    Parameters
    ----------
    example : Example
        One structure.

    Returns
    -------
    Profile
        Over two deviations to the first expiry, or to a twentieth beyond the outermost strikes.
    """
    m = example.measures
    book, front, spot = m.book, m.front_years, float(m.book.spot[0])
    reach = _DEVIATIONS * m.at_one_volatility.volatility * np.sqrt(front)
    low = min(spot * np.exp(-reach), 0.98 * float(book.strike.min()))
    high = max(spot * np.exp(reach), 1.02 * float(book.strike.max()))
    # Strikes are nodes, so that the corners of the pay-off stand where they are.
    price = np.unique(np.concatenate((np.linspace(low, high, _N_PAYOFF), book.strike)))
    profit = [horizon_value(book, price, horizon_years=share * front) - float(m.cost) for _, share in HORIZONS]
    coarse = np.linspace(low, high, _N_GREEKS)
    found = np.array([[_greeks(_later(book, years), at) for at in coarse] for years in (0.0, 0.5 * front)])
    return Profile(price=price, profit=np.array(profit), greek_price=coarse, greeks=found.transpose(0, 2, 1))


def _later(book: PricedBook, years: float) -> PricedBook:
    """Return a book some time on, each leg with its own rates and volatility."""
    left = (book.tau - years) / book.tau
    return replace(book, tau=book.tau - years, forward_ratio=book.forward_ratio**left, discount=book.discount**left)


def _greeks(book: PricedBook, price: float) -> list[float]:
    found = portfolio_greeks(replace(book, spot=np.array([price]), benchmark_spot=price))
    return [float(getattr(found, name)) for name in GREEK_NAMES]

"""A placed package at the prices of now: what its gates, its size and its order are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import inf, isfinite, isnan, nan
from typing import Final

import numpy as np

from market.orders import Leg, unit_multiplier
from market.tradables import OptionContract
from strategies.legs.measures import PackageMeasures, package_measures
from strategies.legs.rules import PlacedStructure
from strategies.package_prices import natural_price, package_limit
from strategies.views import ChainView, View

__all__ = ["Candidate", "candidate", "closing_price", "middle_price", "reach_of", "width_of"]

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A package that might be opened; prices per unit, paid above 0.

    Parameters
    ----------
    chain : ChainView
        The chain that quotes it.
    placed : PlacedStructure
        Contracts and their places.
    price : float
        At the sides that would trade; NaN where a leg has no executable quote.
    limit : Decimal
        Limit of its order; 0 where there is no price, or where rounding leaves nothing of a credit.
    width : float
        The most that a package which cost nothing can lose; infinite where there is no bound.
    short_delta : float
        Largest size of delta of a sold leg; NaN without one, or where one is not known.
    measures : PackageMeasures
        Everything else at the limit, computed when it is asked for.
    """

    chain: ChainView
    placed: PlacedStructure
    price: float
    limit: Decimal
    width: float
    short_delta: float
    measures: PackageMeasures

    @property
    def reach(self) -> float:
        """The most that it can be worth, per unit; infinite without bound, NaN where a model lacks something."""
        if self.measures.has_one_expiry:
            return reach_of(self.placed.legs)
        return self.measures.max_profit / self.multiplier + float(self.limit)

    @property
    def credit_to_width(self) -> float:
        """Credit as a share of the width; NaN where nothing can be lost."""
        return -self.price / self.width if self.width > 0.0 else nan

    @property
    def crossing_share(self) -> float:
        """What the way from the mids to the sides that trade costs, as a share of the price at the mids."""
        middle = middle_price(self.chain, self.placed.legs)
        return (self.price - middle) / abs(middle) if middle else inf

    @property
    def multiplier(self) -> float:
        """Account currency of one package for one of its price."""
        return float(unit_multiplier(self.placed.legs))


def candidate(chain: ChainView, found: PlacedStructure, allowance: float) -> Candidate:
    """Return a placed package with its prices.

    Parameters
    ----------
    chain : ChainView
        The chain that quotes it.
    found : PlacedStructure
        With legs.
    allowance : float
        How much worse than the price seen its order may fill, as a fraction of that price.

    Returns
    -------
    Candidate
        At the quotes of the chain.
    """
    price = natural_price(chain, found.legs)
    # The limit is rounded to the worse side: what is left of a tiny credit there may be nothing.
    limit = package_limit(found.legs, price, allowance) if isfinite(price) else _ZERO
    deltas = chain.delta(np.array(found.places))
    shorts = [abs(float(d)) for d, leg in zip(deltas, found.legs, strict=True) if leg.ratio < 0]
    measures = package_measures(chain, found, limit)
    return Candidate(
        chain=chain,
        placed=found,
        price=price,
        limit=limit,
        width=width_of(found.legs) if measures.has_one_expiry else float(measures.width),
        short_delta=max(shorts) if shorts and not any(isnan(each) for each in shorts) else nan,
        measures=measures,
    )


def middle_price(chain: ChainView, legs: Sequence[Leg]) -> float:
    """Return the net price of options of a chain at their mids, a missing bid as 0; NaN where a leg has no ask."""
    total = 0.0
    for leg in legs:
        place = chain.place(leg.instrument)
        if place < 0:
            return nan
        quote = chain.quote(place)
        total += leg.ratio * 0.5 * ((quote.bid if isfinite(quote.bid) else 0.0) + quote.ask)
    return total


def closing_price(view: View, chain: ChainView, legs: Sequence[Leg]) -> float:
    """Return the net price at which legs trade at once, also where shares or futures stand beside the options.

    Parameters
    ----------
    view : View
        Quotes of what is no option.
    chain : ChainView
        Quotes of the options.
    legs : sequence of Leg
        The package, closing.

    Returns
    -------
    float
        Per unit of `market.orders.unit_multiplier`, paid above 0; NaN where a leg has no executable quote.
    """
    options = [leg for leg in legs if isinstance(leg.instrument, OptionContract)]
    if len(options) == len(legs):
        return natural_price(chain, legs)
    per_unit = float(unit_multiplier(tuple(legs)))
    total = 0.0
    for leg in legs:
        if isinstance(leg.instrument, OptionContract):
            price = natural_price(chain, (leg,)) / leg.ratio
        else:
            quote = view.quote(leg.instrument.symbol)
            price = nan if quote is None else quote.ask if leg.ratio > 0 else quote.bid
        total += leg.ratio * price * float(leg.instrument.multiplier) / per_unit
    return total


# An open package is looked at with every chain; its legs never change.
@lru_cache(maxsize=1024)
def width_of(legs: tuple[Leg, ...]) -> float:
    """Return the most that options of one expiration which cost nothing can lose, per unit; infinite without bound."""
    return float(PlacedStructure(legs=legs, places=()).width)


@lru_cache(maxsize=1024)
def reach_of(legs: tuple[Leg, ...]) -> float:
    """Return the most that options of one expiration can be worth, per unit; infinite without bound."""
    payoff = PlacedStructure(legs=legs, places=()).payoff(_ZERO)
    return float(payoff.max_profit / unit_multiplier(legs))

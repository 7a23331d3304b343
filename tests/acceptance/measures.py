"""What the acceptance tests judge and the report prints."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tests.acceptance import oracle
from tests.acceptance.books import Valued


class Share(NamedTuple):
    """Quotes judged, those that hold the surface, and the same for contracts that traded in the session."""

    quotes: int
    inside: int
    traded: int
    traded_inside: int


def surface_share(v: Valued) -> Share:
    """Return how many liquid quotes hold the surface's price.

    Liquid: out of the money, bid above 0, ask not below it, within two deviations of the forward, contract with open
    interest or volume. The price is Black's at the volatility of the published equation.
    """
    chain, surface = v.chain, v.field.surface
    s = chain.series_index
    forward = v.forward[s]
    k, theta = np.log(chain.strike / forward), surface.theta[s]
    quoted = (chain.bid > 0.0) & (chain.ask >= chain.bid) & (chain.is_call == (chain.strike >= forward))
    held = (chain.open_interest > 0.0) | (chain.volume > 0.0)
    judged = quoted & held & (theta > 0.0) & (np.abs(k) <= 2.0 * np.sqrt(theta))
    w = np.full(k.shape, np.nan)
    for one in np.unique(s[judged]):
        rows = judged & (s == one)
        w[rows] = oracle.surface_variance(surface, int(one), k[rows])
    price = oracle.black_price(forward, chain.strike, np.sqrt(w), v.discount[s], chain.is_call)
    inside = judged & (price >= chain.bid - 1e-9) & (price <= chain.ask + 1e-9)
    traded = judged & (chain.volume > 0.0)
    return Share(*(int(x.sum()) for x in (judged, inside, traded, inside & traded)))

"""A volatility index of one chain: the strip of its out-of-the-money quotes, interpolated to a number of days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan, sqrt
from typing import Final

import numpy as np

from fields.book import sorted_book
from fields.chain_values import ChainValues
from market.chains import BoolArray, FloatArray, OptionChain

__all__ = ["volatility_index"]

_DAYS_PER_YEAR: Final = 365.0
_LEAST_QUOTES: Final = 4
_POINTS: Final = 100.0


def volatility_index(chain: OptionChain, days: Sequence[float]) -> tuple[float, ...]:
    """Return the model-free implied volatility of a chain at some horizons.

    Parameters
    ----------
    chain : OptionChain
        All expirations of an underlying.
    days : sequence of float
        Horizons, calendar days, > 0: 30 and 9 are those of VIX and VIX9D.

    Returns
    -------
    tuple of float
        Points, 100 times the annualised volatility; NaN where no expirations lie on both sides of a horizon, or one of
        the two has too few quotes.

    Notes
    -----
    The variance of an expiration is that of Cboe's index [cboe_vix]_: ``2/T sum(dK/K^2 Q(K)/D) - (F/K0 - 1)^2 / T``
    over puts below and calls above the first strike at or below the forward, from the money outwards until two bids in
    a row are missing. Total variance is linear in time between two expirations. Forwards and discounts are those that
    the chain implies by parity. It is an index of this chain's quotes by the same formula, and not the published index.

    References
    ----------
    .. [cboe_vix] docs/references.bib
    """
    if not chain.n_contracts:
        return tuple(nan for _ in days)
    values = ChainValues(chain, sorted_book(chain))
    years = values.time.years
    found: dict[int, float] = {}

    def total(place: int) -> float:
        if place not in found:
            forward, discount = float(values.forwards.forward[place]), float(values.forwards.discount[place])
            found[place] = _total_variance(chain, chain.series_index == place, forward, discount)
        return found[place]

    return tuple(_at(each / _DAYS_PER_YEAR, years, total) for each in days)


def _at(horizon: float, years: FloatArray, total: Callable[[int], float]) -> float:
    below, above = np.flatnonzero((years > 0.0) & (years <= horizon)), np.flatnonzero(years >= horizon)
    if not below.size or not above.size:
        return nan
    near, later = int(below[np.argmax(years[below])]), int(above[np.argmin(years[above])])
    first, second, span = total(near), total(later), float(years[later] - years[near])
    share = (horizon - float(years[near])) / span if span > 0.0 else 0.0
    variance = (1.0 - share) * first + share * second
    return _POINTS * sqrt(variance / horizon) if variance > 0.0 else nan


def _total_variance(chain: OptionChain, own: BoolArray, forward: float, discount: float) -> float:
    """Return the variance until an expiration; NaN where its quotes do not tell it."""
    strikes = np.unique(chain.strike[own])
    below = strikes[strikes <= forward]
    if not (forward > 0.0 and discount > 0.0 and below.size):
        return nan
    centre = float(below[-1])
    puts, calls = (_mids(chain, own & (chain.is_call == is_call)) for is_call in (False, True))
    if centre not in puts or centre not in calls:
        return nan
    lower = _outwards(puts, strikes[strikes < centre][::-1])
    upper = _outwards(calls, strikes[strikes > centre])
    used = [*lower[::-1], (centre, 0.5 * (puts[centre] + calls[centre])), *upper]
    if len(used) < _LEAST_QUOTES or not lower or not upper:
        return nan
    strike, price = np.array(used).T
    return float(2.0 * np.sum(_widths(strike) / strike**2 * price) / discount - (forward / centre - 1.0) ** 2)


def _widths(strike: FloatArray) -> FloatArray:
    """Return half the distance between the neighbours of each strike, at the ends that to the only one."""
    step = np.diff(strike)
    return np.concatenate((step[:1], 0.5 * (step[:-1] + step[1:]), step[-1:]))


def _mids(chain: OptionChain, own: BoolArray) -> dict[float, float]:
    """Return the mids of the contracts that have a bid, by strike."""
    quoted = np.flatnonzero(own & (chain.bid > 0.0) & (chain.ask >= chain.bid))
    mid = 0.5 * (chain.bid[quoted] + chain.ask[quoted])
    return dict(zip(chain.strike[quoted].tolist(), mid.tolist(), strict=True))


def _outwards(mids: dict[float, float], strikes: FloatArray) -> list[tuple[float, float]]:
    """Return strikes and mids from the money outwards, until two in a row have no bid."""
    used: list[tuple[float, float]] = []
    missed = 0
    for strike in strikes.tolist():
        if strike in mids:
            used.append((strike, mids[strike]))
            missed = 0
        else:
            missed += 1
            if missed > 1:
                break
    return used

"""Quotes that other contracts of the same instant imply for one that has none: no model, only what cannot be otherwise.

A long position at the implied ask, or a short one at the implied bid, could be put together from quoted contracts. So
the two sides bound the price as a quote of its own would: Merton's bounds that need no model [merton_1973]_.
"""

from __future__ import annotations

from math import isfinite, nan
from typing import Final, NamedTuple

import numpy as np

from market.instruments import ExerciseStyle
from market.tradables import OptionContract
from strategies.views import ChainView, Quote

__all__ = ["StaticBounds", "bounds_quote", "parity_quote", "static_bounds"]

_DIGITS: Final = 9
_NEAREST: Final = 2


class StaticBounds(NamedTuple):
    """What an option can be worth while no price of its expiration allows a riskless profit."""

    bid: float
    ask: float
    room: float  # spreads of the quotes that make it, together
    place: int  # of one of them


def parity_quote(view: ChainView, contract: OptionContract) -> Quote | None:
    """Return the quote that put-call parity implies.

    Parameters
    ----------
    view : ChainView
        The chain.
    contract : OptionContract
        A European option without a valid quote.

    Returns
    -------
    Quote or None
        ``call = put + discount x (forward - strike)`` on both sides, at least 0, with forward and discount of the pairs
        of the same expiration. None for American options, for which it is no equation; where the other right has no
        valid quote; and where the expiration has too few pairs.
    """
    series = _series_of(view, contract)
    if series < 0 or contract.series.product.exercise is not ExerciseStyle.EUROPEAN:
        return None
    strike = float(contract.strike)
    twin = next((each for each in _side(view, series, is_call=not contract.is_call) if each.strike == strike), None)
    if twin is None:
        return None
    forward, discount = view.parity(series)
    gap = discount * (forward - strike)
    if not isfinite(gap):
        return None
    gap = gap if contract.is_call else -gap
    return _quote(view, twin.place, twin.bid + gap, twin.ask + gap)


def bounds_quote(view: ChainView, contract: OptionContract) -> Quote | None:
    """Return the quote that other strikes of the same right and expiration imply, where it is as narrow as theirs.

    Parameters
    ----------
    view : ChainView
        The chain.
    contract : OptionContract
        An option without a valid quote.

    Returns
    -------
    Quote or None
        As `static_bounds`; None also where they leave more room than the spreads of the quotes that make them.
    """
    found = static_bounds(view, contract)
    if found is None or found.ask - found.bid > found.room:
        return None
    return _quote(view, found.place, found.bid, found.ask)


def static_bounds(view: ChainView, contract: OptionContract) -> StaticBounds | None:
    """Return what the quotes of other strikes leave open for an option.

    Parameters
    ----------
    view : ChainView
        The chain.
    contract : OptionContract
        An option without a valid quote.

    Returns
    -------
    StaticBounds or None
        From the two nearest quoted strikes on each side: prices are monotone and convex in the strike. None where they
        contradict one another, or where nothing dearer is quoted.
    """
    series = _series_of(view, contract)
    if series < 0:
        return None
    strike = float(contract.strike)
    rows = [each for each in _side(view, series, is_call=contract.is_call) if each.strike != strike]
    below = [each for each in rows if each.strike < strike][: -_NEAREST - 1 : -1]
    above = [each for each in rows if each.strike > strike][:_NEAREST]
    cheaper, dearer = (above, below) if contract.is_call else (below, above)
    if not dearer:
        return None
    asks = [dearer[0].ask]
    bids = [each.bid for each in cheaper[:1]]
    if cheaper:
        share = (strike - cheaper[0].strike) / (dearer[0].strike - cheaper[0].strike)
        asks.append(share * dearer[0].ask + (1.0 - share) * cheaper[0].ask)
    bids += [_beyond(pair, strike) for pair in (cheaper, dearer) if len(pair) == _NEAREST]
    bid, ask = max((0.0, *bids)), min(asks)
    room = sum(each.ask - each.bid for each in (*cheaper, *dearer))
    return StaticBounds(bid, ask, room, dearer[0].place) if bid <= ask else None


class _Row(NamedTuple):
    """A contract with a valid quote."""

    place: int
    strike: float
    bid: float
    ask: float


def _side(view: ChainView, series: int, *, is_call: bool) -> list[_Row]:
    """Return the contracts of one right with a valid quote, strikes rising; 0 where nobody bids."""
    places, chain = view.side(series, is_call=is_call), view.chain
    bid, ask = np.nan_to_num(np.maximum(chain.bid[places], 0.0)), chain.ask[places]
    valid = np.isfinite(ask) & (ask > 0.0) & (ask >= bid)
    columns = (places, chain.strike[places], bid, ask)
    return [_Row(*row) for row in zip(*(column[valid].tolist() for column in columns), strict=True)]


def _beyond(pair: list[_Row], strike: float) -> float:
    """Return the least that a convex price can be at a strike beyond two others, the nearer first."""
    near, far = pair
    share = (strike - near.strike) / (near.strike - far.strike)
    return (1.0 + share) * near.bid - share * far.ask


def _series_of(view: ChainView, contract: OptionContract) -> int:
    key = (contract.series.product.root, contract.series.expiration)
    found = (place for place, each in enumerate(view.chain.series) if (each.product.root, each.expiration) == key)
    return next(found, -1)


def _quote(view: ChainView, place: int, bid: float, ask: float) -> Quote | None:
    if ask <= 0.0:
        return None  # below the least that it can be worth: the quotes are not of one instant
    near = view.quote(place)
    bid, ask = round(max(bid, 0.0), _DIGITS), round(ask, _DIGITS)
    return Quote(bid=bid, ask=ask, bid_size=nan, ask_size=nan, ts_ns=near.ts_ns, is_modelled=near.is_modelled)

"""The strike that a rule means in a chain, or why there is none; found by bisection, never by a walk over contracts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, nan
from types import MappingProxyType
from typing import Final

import numpy as np

from market.chains import FloatArray
from market.trades import Int64Array
from strategies.chain_lookup import delta_side, nearest_strike, strike_at_delta
from strategies.legs.strikes import AtDelta, AtExpectedMove, AtLevel, AtSpot, Rounding, SkewPenalty
from strategies.views import ChainView

__all__ = ["Found", "at_delta", "at_expected_move", "at_level", "at_spot", "beside", "expected_move"]

_QUARTER: Final = 0.25
# A level such as 0.03 * 4000 carries the dust of binary fractions; strikes are told in thousandths.
_DUST: Final = 1e-6
_ROUNDED: Final[Mapping[Rounding, Callable[[float], int]]] = MappingProxyType(
    {Rounding.UP: ceil, Rounding.DOWN: floor, Rounding.NEAREST: round}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A contract that a rule found.

    Parameters
    ----------
    place : int
        Place in the chain, -1 where there is none.
    reason : str
        Why there is none; empty where there is one.
    """

    place: int
    reason: str = ""


def at_delta(view: ChainView, series: int, rule: AtDelta, *, is_call: bool, is_sold: bool) -> Found:
    """Return the contract that a rule by delta means.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    rule : AtDelta
        The rule.
    is_call : bool
        Side.
    is_sold : bool
        Whether the leg is sold: only a sold put bears the penalty of a steep skew.

    Returns
    -------
    Found
        Of two at the same distance, or at the same cost, the one farther out of the money.
    """
    if rule.penalty is not None:
        return _cheapest(view, series, rule.delta, rule.penalty, is_call=is_call, is_sold=is_sold)
    found = strike_at_delta(view, series, rule.delta, is_call=is_call)
    if found.place < 0:
        return _none("no strike has a delta")
    if not abs(abs(found.delta) - rule.delta) <= rule.within + _DUST:
        return _none(f"no strike within {rule.within:g} of delta {rule.delta:g}")
    return Found(place=found.place)


def _cheapest(view: ChainView, series: int, wanted: float, rule: SkewPenalty, *, is_call: bool, is_sold: bool) -> Found:
    """Return the strike of the least cost among those of the band, or of the neighbourhood of the delta wanted."""
    side = delta_side(view, series, is_call=is_call)
    first, end = _span(side.smooth, rule.low, rule.high)
    if first == end:
        first, end = _span(side.smooth, wanted - rule.fallback, wanted + rule.fallback)
    if first == end:
        return _none(f"no delta from {rule.low:g} to {rule.high:g} nor within {rule.fallback:g} of {wanted:g}")
    places, size = side.places[first:end], np.abs(side.delta[first:end])
    cost = np.abs(size - wanted)
    if rule.per_vol_point:
        middle = _volatility(view, nearest_strike(view, series, view.spot, is_call=is_call))
        if not isfinite(middle):
            return _none("no volatility at the money")
        cost = cost + rule.per_vol_point * 100.0 * np.maximum(middle - view.implied_vol(places), 0.0)
    if rule.put_penalty and is_sold and not is_call:
        skew = _skew(view, series)
        if not isfinite(skew):
            return _none("no skew: a side has no volatility at a quarter delta")
        cost = cost + rule.put_penalty * ((size > wanted) & (skew > rule.skew_vol_points))
    known = np.isfinite(cost)
    if not known.any():
        return _none("no strike of the band has a volatility")
    return Found(place=int(places[known][int(np.argmin(cost[known]))]))


def _span(rising: FloatArray, low: float, high: float) -> tuple[int, int]:
    return int(rising.searchsorted(low)), int(rising.searchsorted(high, side="right"))


def _volatility(view: ChainView, place: int) -> float:
    return float(view.implied_vol(np.array([place]))[0]) if place >= 0 else nan


def _skew(view: ChainView, series: int) -> float:
    """Return by how many vol points the put of 25 delta stands above the call of 25 delta."""
    put, call = (strike_at_delta(view, series, _QUARTER, is_call=is_call).place for is_call in (False, True))
    return 100.0 * (_volatility(view, put) - _volatility(view, call))


def at_spot(view: ChainView, series: int, rule: AtSpot, *, is_call: bool) -> Found:
    """Return the contract nearest to the underlying's price, or to a point beside it.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    rule : AtSpot
        The rule.
    is_call : bool
        Side.

    Returns
    -------
    Found
        None where the point lies beyond the listed strikes by more than half of their last step.
    """
    return _near(view, series, view.spot * (1.0 + rule.share) + rule.points, is_call=is_call)


def at_level(view: ChainView, series: int, rule: AtLevel, *, is_call: bool) -> Found:
    """Return the contract at a round level beside the underlying's price.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    rule : AtLevel
        The rule.
    is_call : bool
        Side.

    Returns
    -------
    Found
        None where exactly that strike is not listed.
    """
    steps = view.spot * (1.0 + rule.share) / rule.step
    if not isfinite(steps):
        return _none("no price of the underlying")
    whole = round(steps)
    if abs(steps - whole) > _DUST:
        whole = _ROUNDED[rule.rounding](steps)
    return beside(view, series, whole * rule.step + rule.points, 0.0, is_call=is_call)


def at_expected_move(view: ChainView, series: int, rule: AtExpectedMove, *, is_call: bool) -> Found:
    """Return the contract at some expected moves from the underlying's price.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    rule : AtExpectedMove
        The rule.
    is_call : bool
        Side.

    Returns
    -------
    Found
        None where the straddle at the money has no price, the point lies beyond the listed strikes, or volume is asked
        for and not told.
    """
    move = expected_move(view, series, rule.straddle_share)
    if not isfinite(move):
        return _none("no expected move: the straddle at the money is not quoted on both sides")
    wanted = view.spot + rule.moves * move
    if not rule.volume_reach:
        return _near(view, series, wanted, is_call=is_call)
    places = view.side(series, is_call=is_call)
    strikes = view.chain.strike[places]
    first, end = _span(strikes, wanted - rule.volume_reach * move, wanted + rule.volume_reach * move)
    volume = view.chain.volume[places[first:end]]
    traded = volume > 0.0
    if not traded.any():
        return _none(f"no volume near {rule.moves:g} expected moves")
    places, strikes, volume = places[first:end][traded], strikes[first:end][traded], volume[traded]
    most = volume == volume.max()
    return Found(place=int(places[most][int(np.argmin(np.abs(strikes[most] - wanted)))]))


def expected_move(view: ChainView, series: int, straddle_share: float = 0.8) -> float:
    """Return the move that the options of a series expect, points.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    straddle_share : float, optional
        Share of the straddle's mid price.

    Returns
    -------
    float
        At the strike nearest to the underlying's price that has both rights; NaN where that straddle is not quoted on
        both sides, or a side is crossed. A share of the price is never put in its stead.
    """
    put = nearest_strike(view, series, view.spot, is_call=False)
    if put < 0:
        return nan
    call = beside(view, series, float(view.chain.strike[put]), 0.0, is_call=True).place
    if call < 0:
        return nan
    quotes = [view.quote(put), view.quote(call)]
    mids = [0.5 * (each.bid + each.ask) if each.bid <= each.ask else nan for each in quotes]
    return straddle_share * sum(mids)


def beside(view: ChainView, series: int, wanted: float, within: float, *, is_call: bool) -> Found:
    """Return the contract nearest to a strike that is wanted.

    Parameters
    ----------
    view : ChainView
        The chain.
    series : int
        Place of the series.
    wanted : float
        Strike.
    within : float
        The one found lies nearer than this to it, points; 0 asks for exactly this strike.
    is_call : bool
        Side.

    Returns
    -------
    Found
        The lower of two.
    """
    place = nearest_strike(view, series, wanted, is_call=is_call)
    distance = abs(float(view.chain.strike[place]) - wanted) if place >= 0 else nan
    if not (distance <= _DUST or distance < within):
        return _none(f"strike {wanted:g} is not listed" + (f", nor one nearer than {within:g}" if within else ""))
    return Found(place=place)


def _near(view: ChainView, series: int, wanted: float, *, is_call: bool) -> Found:
    """Return the nearest strike unless the point lies beyond the ends of the side."""
    if not isfinite(wanted):
        return _none("no price of the underlying")
    places: Int64Array = view.side(series, is_call=is_call)
    strikes = view.chain.strike[places]
    if strikes.shape[0] < 2:  # a single strike has no step
        return beside(view, series, wanted, 0.0, is_call=is_call)
    low = strikes[0] - 0.5 * (strikes[1] - strikes[0])
    high = strikes[-1] + 0.5 * (strikes[-1] - strikes[-2])
    if not low <= wanted <= high:
        return _none(f"{wanted:g} lies beyond the listed strikes {strikes[0]:g} to {strikes[-1]:g}")
    return Found(place=nearest_strike(view, series, wanted, is_call=is_call))


def _none(reason: str) -> Found:
    return Found(place=-1, reason=reason)

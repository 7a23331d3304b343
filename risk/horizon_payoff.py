"""What a package on one underlying is worth at an instant up to its first expiry, over prices of the underlying.

The value needs a model where a leg lives on: Black's formula at the leg's own volatility, on declared dynamics. What
holds without a volatility is `least_at_front`: bounds by static arbitrage.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, log, nan
from typing import Final, NamedTuple

import numpy as np

from fields.greeks import greeks
from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import Int64Array
from risk.book import PricedBook
from risk.stress.revaluation import TermRule

__all__ = ["HorizonProfile", "VolShift", "front_years", "horizon_profile", "horizon_value", "least_at_front"]

_TERMS: Final = TermRule()
_NOTHING: Final = np.zeros(0)
_N_NODES: Final = 129
_N_FINE: Final = 33
_DEVIATIONS: Final = 6.0
_LEAST_RANGE: Final = 0.25
_LARGEST_RANGE: Final = 4.0
# Times the price of now: how far dividends move with the price.
_CASH_FROM: Final = 1.5
# Legs of one expiry may differ by rounding of their years.
_SAME_YEARS: Final = 1e-9
_FLAT: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class VolShift:
    """How volatilities differ from those of now at the horizon; each leg keeps its own otherwise (sticky strike).

    Parameters
    ----------
    parallel : float
        Added to every volatility, 0.01 is a vol point.
    root_time : float
        Added to the volatility of 30 days, and to others by the weight of `risk.stress.revaluation.TermRule`, the root
        of 30 days over the time to expiry of now: near ones move more, as term structures do when volatility jumps.
    """

    parallel: float = 0.0
    root_time: float = 0.0

    def applied(self, volatility: FloatArray, tau: FloatArray) -> FloatArray:
        """Return shifted volatilities, not below 0.

        Parameters
        ----------
        volatility, tau : ndarray, shape (n_legs,)
            Annualised, and years to expiry now.

        Returns
        -------
        ndarray, shape (n_legs,)
            NaN stays NaN.
        """
        return np.asarray(np.maximum(volatility + self.parallel + self.root_time * _TERMS.weight(tau), 0.0))


_NO_SHIFT: Final = VolShift()


@dataclass(frozen=True, slots=True, kw_only=True)
class HorizonProfile:
    """Profit of a package over prices at a horizon, by the model; account currency.

    Parameters
    ----------
    horizon_years : float
        From now.
    price : ndarray, shape (n_nodes,)
        Rising prices of the underlying, strikes among them.
    profit : ndarray, shape (n_nodes,)
        Value less cost; NaN where a leg cannot be valued.
    at_zero : float
        Limit of the profit as the price falls to 0.
    final_slope : float
        Change of the profit per unit of price far above the last node.
    max_profit, max_loss : float
        Largest profit and largest loss (>= 0) over all prices, infinite where there is no end.
    break_evens : tuple of float
        Prices at which the profit changes its sign, rising.
    reason : str
        Why numbers are NaN; empty where they are not.
    """

    horizon_years: float
    price: FloatArray
    profit: FloatArray
    at_zero: float
    final_slope: float
    max_profit: float
    max_loss: float
    break_evens: tuple[float, ...]
    reason: str = ""


class _Carry(NamedTuple):
    """Discount and growth from the horizon to the end of each leg; arrays (n_legs,)."""

    years: FloatArray
    discount: FloatArray
    growth: FloatArray
    bend: float
    lives: BoolArray

    def forward(self, price: FloatArray) -> FloatArray:
        """Return forwards, shape (n_legs, n_prices).

        Up to half above the price of now dividends move with it, as the Greeks have it; beyond they stay what they are
        in cash there: they are announced amounts, and as a share of any price they would let every long call calendar
        lose without end.
        """
        low = np.minimum(price, self.bend)
        return self.growth[:, None] * low + (price - low) / self.discount[:, None]


def front_years(book: PricedBook) -> float:
    """Return the time to the first expiry among the options of a book, years; NaN without an option.

    Parameters
    ----------
    book : PricedBook
        A package.

    Returns
    -------
    float
        ACT/365.
    """
    tau = book.tau[book.is_option]
    return float(tau.min()) if tau.size else nan


def horizon_value(
    book: PricedBook, price: FloatArray, *, horizon_years: float, shift: VolShift | None = None
) -> FloatArray:
    """Return what a package is worth at a horizon, in one evaluation.

    Parameters
    ----------
    book : PricedBook
        Legs on one underlying.
    price : ndarray, shape (n_prices,)
        Prices of the underlying then, > 0.
    horizon_years : float
        From now, 0 to the first expiry.
    shift : VolShift, optional
        Changes of the volatilities; none without it.

    Returns
    -------
    ndarray, shape (n_prices,)
        Account currency at the horizon; NaN where a leg that lives on has no volatility, forward or discount.

    Raises
    ------
    DataError
        The legs have several underlyings, or the horizon lies behind now or beyond the first expiry, after which the
        value depends on the way there.

    Notes
    -----
    Each leg keeps its own volatility at its strike. Discounts and forwards between the horizon and an expiry follow
    from those of now: logarithms of both are linear in time between the expiries of the legs. Options that end at the
    horizon are worth their exercise. Early exercise is left out, but what is American is never worth less than it. At
    the horizon of now `risk.stress.revaluation.revalue` says the same of legs that are marked at the model's value;
    later it holds each leg's own rate, which across expiries of unlike rates is not what the chain's forwards say of
    the time between them.
    """
    _require(book, horizon_years)
    return _value(book, _carry(book, horizon_years), price, shift or _NO_SHIFT)


def horizon_profile(
    book: PricedBook, cost: float, *, horizon_years: float, shift: VolShift | None = None
) -> HorizonProfile:
    """Return the profit over prices at a horizon with its extremes and break-evens.

    Parameters
    ----------
    book : PricedBook
        Legs on one underlying.
    cost : float
        What was paid for them, account currency; negative where it was received.
    horizon_years, shift
        As in `horizon_value`.

    Returns
    -------
    HorizonProfile
        Extremes count the ends beyond the grid: the limit at 0, and the straight line far above.

    Notes
    -----
    The grid spans six deviations beyond spot and strikes; strikes and spot are nodes of it. Around the largest and the
    smallest value and in each cell with a change of sign it is refined 32 times.
    """
    _require(book, horizon_years)
    moved, carry = shift or _NO_SHIFT, _carry(book, horizon_years)
    price = _grid(book)
    profit = _value(book, carry, price, moved) - cost
    if not np.isfinite(profit).all():
        return _unknown(book, price, horizon_years)
    at_zero, slope, intercept = _ends(book, carry)
    cells = _cells(profit)
    share = np.linspace(0.0, 1.0, _N_FINE)
    fine = price[cells][:, None] + (price[cells + 1] - price[cells])[:, None] * share
    fine_profit = _value(book, carry, fine.ravel(), moved).reshape(fine.shape) - cost
    ends = [at_zero - cost] + ([intercept - cost] if slope == 0.0 else [])
    highest = max(float(profit.max()), float(fine_profit.max()), *ends)
    lowest = min(float(profit.min()), float(fine_profit.min()), *ends)
    roots = [root for x, y in zip(fine, fine_profit, strict=True) for root in _crossings(x, y)]
    roots += _outer_roots(price, profit, at_zero - cost, slope)
    return HorizonProfile(
        horizon_years=horizon_years,
        price=price,
        profit=profit,
        at_zero=at_zero - cost,
        final_slope=slope,
        max_profit=inf if slope > 0.0 else highest,
        max_loss=inf if slope < 0.0 else max(-lowest, 0.0),
        break_evens=tuple(sorted(set(roots))),
    )


def least_at_front(book: PricedBook) -> float:
    """Return the least that a package can be worth when its first option ends, whatever volatility is then.

    Parameters
    ----------
    book : PricedBook
        Legs on one underlying, one option or more.

    Returns
    -------
    float
        Account currency; minus infinity where there is no floor, or where spot, forward or discount of a leg that lives
        on is not known.

    Notes
    -----
    Options of one later expiry are together worth at least the discounted convex envelope of their pay-off at the
    forward, and under some martingale measure no more, so that this bound is the best without a model of volatility.
    Of an all-long group it is the discounted exercise on the forward: of a European put less than its exercise value,
    which is why a calendar in puts can lose more than its debit. American groups count the better of that and
    exercise where all are long, else the worse of the two. Early exercise of legs that end first, fees and changes of
    carry are not in it.
    """
    front = front_years(book)
    _require(book, front)
    carry = _carry(book, front)
    later = carry.lives
    needed = (carry.discount[later], carry.growth[later], book.spot if later.any() else _NOTHING)
    if not np.isfinite(np.concatenate(needed)).all():
        return -inf
    groups = [later & (carry.years == years) for years in np.unique(carry.years[later])]
    parts = [_of_front(book, ~later), *(_of_group(book, carry, group) for group in groups)]
    nodes = np.unique(np.concatenate([part.price for part in parts]))
    slope = sum(part.final_slope for part in parts)
    total = np.sum([part.at(nodes) for part in parts], axis=0)
    return -inf if slope < -_FLAT * _size(book) else float(total.min())


def _require(book: PricedBook, horizon_years: float) -> None:
    if len(book.underlyings) != 1:
        raise DataError(
            "a value over prices needs one underlying", found=str(book.underlyings), expected="a package on one"
        )
    front = front_years(book)
    if not (0.0 <= horizon_years < inf) or horizon_years > front + _SAME_YEARS:
        raise DataError(
            "a package cannot be valued at this horizon",
            found=f"{horizon_years} years",
            expected=f"0 to the first expiry in {front} years",
        )


def _size(book: PricedBook) -> float:
    return float(np.abs(book.units * book.multiplier).max(initial=1.0))


def _carry(book: PricedBook, horizon_years: float) -> _Carry:
    tau, option = book.tau, book.is_option
    years = np.where(option, np.maximum(tau - horizon_years, 0.0), 0.0)
    years[years < _SAME_YEARS] = 0.0
    knots, first = np.unique(tau[option], return_index=True)
    knots = np.concatenate(([0.0], knots))
    discount, growth = np.ones(tau.shape[0]), np.ones(tau.shape[0])
    with np.errstate(invalid="ignore", divide="ignore"):
        for column, filled in ((book.discount, discount), (book.forward_ratio, growth)):
            logs = np.log(column)
            at_knots = np.concatenate(([0.0], logs[option][first]))
            filled[option] = np.exp(logs - np.interp(horizon_years, knots, at_knots))[option]
    lives = years > 0.0
    discount[~lives], growth[~lives] = 1.0, 1.0
    return _Carry(years, discount, growth, _CASH_FROM * float(book.spot[0]), lives)


def _value(book: PricedBook, carry: _Carry, price: FloatArray, shift: VolShift) -> FloatArray:
    size = book.units * book.multiplier
    total = _exercise(book, ~carry.lives, price)
    legs = np.flatnonzero(carry.lives)
    if not legs.size:
        return total
    n = price.shape[0]
    volatility = shift.applied(book.volatility[legs], book.tau[legs])
    rate = -np.log(carry.discount[legs]) / carry.years[legs]
    tau, strike, rates, sigma = np.repeat([carry.years[legs], book.strike[legs], rate, volatility], n, axis=1)
    forward = carry.forward(price)[legs].ravel()
    # On the forward, with the rate as its own yield, the formula is Black's.
    worth = greeks(forward, strike, tau, rates, rates, sigma, np.repeat(book.is_call[legs], n)).price.reshape(-1, n)
    if book.is_american.size and book.is_american[legs].any():
        floor = np.where(book.is_american[legs][:, None], _intrinsic(book, legs, price), -inf)
        worth = np.maximum(worth, floor)
    return np.asarray(total + size[legs] @ worth)


def _grid(book: PricedBook) -> FloatArray:
    option = book.is_option
    inner = np.concatenate((book.strike[option], book.spot))
    a = float(np.nanmax(book.volatility[option] * np.sqrt(book.tau[option]), initial=0.0))
    reach = min(max(_DEVIATIONS * a, _LEAST_RANGE), _LARGEST_RANGE)
    low, high = log(float(np.nanmin(inner))) - reach, log(float(np.nanmax(inner))) + reach
    return np.unique(np.concatenate((np.exp(np.linspace(low, high, _N_NODES)), inner[np.isfinite(inner)])))


def _ends(book: PricedBook, carry: _Carry) -> tuple[float, float, float]:
    """Return value at price 0, slope far above, and what the straight line there has at price 0."""
    size = book.units * book.multiplier
    option, call = book.is_option, book.is_option & book.is_call
    american = book.is_american if book.is_american.size else np.zeros(book.n_legs, dtype=np.bool_)
    exercised = np.where(option, book.strike, 0.0)
    discounted = exercised * carry.discount
    # At a rate below 0 a strike that is paid later is worth more than one that is paid now.
    held = np.where(american, np.maximum(exercised, discounted), discounted)
    at_zero = float((size * held)[option & ~call].sum())
    slope = float(size[call].sum() + size[~option].sum())
    # Above the bend: discount x forward - discount x strike = price - bend (1 - discount x growth) - discount x strike.
    paid = carry.bend * (1.0 - carry.discount * carry.growth) + discounted
    intercept = -float((size * np.where(american, np.minimum(paid, exercised), paid))[call].sum())
    return at_zero, 0.0 if abs(slope) <= _FLAT * _size(book) else slope, intercept


def _cells(profit: FloatArray) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    """Return the cells to look into closely: beside the extremes, and where the sign changes."""
    signs = np.flatnonzero(profit[1:] * profit[:-1] <= 0.0)
    beside = np.array([int(profit.argmax()), int(profit.argmin())])
    found = np.unique(np.concatenate((signs, beside - 1, beside)))
    return np.asarray(found[(found >= 0) & (found < profit.shape[0] - 1)])


def _crossings(x: FloatArray, y: FloatArray) -> list[float]:
    """Return where values change their sign between neighbours, by the chord; a stretch at 0 is none."""
    at = np.flatnonzero(((y[:-1] <= 0.0) & (y[1:] > 0.0)) | ((y[:-1] >= 0.0) & (y[1:] < 0.0)))
    return [float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i])) for i in at]


def _outer_roots(price: FloatArray, profit: FloatArray, at_zero: float, slope: float) -> list[float]:
    """Return sign changes below and above the grid, where the profit is all but a straight line."""
    found = []
    if at_zero * profit[0] < 0.0:
        found.append(float(price[0] * at_zero / (at_zero - profit[0])))
    if slope * profit[-1] < 0.0:
        found.append(float(price[-1] - profit[-1] / slope))
    return found


def _unknown(book: PricedBook, price: FloatArray, horizon_years: float) -> HorizonProfile:
    missing = [
        symbol
        for symbol, leg in zip(book.symbols, range(book.n_legs), strict=True)
        if book.is_option[leg]
        and not isfinite(book.volatility[leg] + book.discount[leg] + book.forward_ratio[leg] + book.spot[0])
    ]
    return HorizonProfile(
        horizon_years=horizon_years,
        price=price,
        profit=np.full(price.shape, nan),
        at_zero=nan,
        final_slope=nan,
        max_profit=nan,
        max_loss=nan,
        break_evens=(),
        reason=f"no volatility, forward or discount of {', '.join(missing)}",
    )


class _Line(NamedTuple):
    """A piecewise-linear function of the price from 0 on."""

    price: FloatArray
    value: FloatArray
    final_slope: float

    def at(self, price: FloatArray) -> FloatArray:
        """Return values; straight on beyond the last node."""
        inside = np.interp(price, self.price, self.value)
        return np.asarray(inside + self.final_slope * np.maximum(price - self.price[-1], 0.0))


def _exercise(book: PricedBook, legs: BoolArray, price: FloatArray) -> FloatArray:
    return np.asarray((book.units * book.multiplier)[legs] @ _intrinsic(book, legs, price))


def _intrinsic(book: PricedBook, legs: BoolArray | Int64Array, price: FloatArray) -> FloatArray:
    """Return what exercise is worth, and what is no option at its price, shape (n_legs, n_prices)."""
    option = book.is_option[legs][:, None]
    strike = np.where(option, book.strike[legs][:, None], 0.0)
    gain = np.where(book.is_call[legs][:, None] | ~option, price - strike, strike - price)
    return np.where(option, np.maximum(gain, 0.0), gain)


def _of_front(book: PricedBook, legs: BoolArray) -> _Line:
    nodes = np.unique(np.concatenate(([0.0], book.strike[legs & book.is_option])))
    size = book.units * book.multiplier
    slope = float(size[legs & (book.is_call | ~book.is_option)].sum())
    return _Line(nodes, _exercise(book, legs, nodes), slope)


def _of_group(book: PricedBook, carry: _Carry, legs: BoolArray) -> _Line:
    """Return the lower bound of the options of one later expiry over prices at the horizon."""
    one = int(np.flatnonzero(legs)[0])
    discount, growth, bend = float(carry.discount[one]), float(carry.growth[one]), carry.bend
    payoff = _of_front(book, legs)
    hull = _convex_envelope(payoff)
    low = np.minimum(hull.price, bend * growth)
    nodes = np.unique(np.append(low / growth + (hull.price - low) * discount, bend))
    forward = growth * np.minimum(nodes, bend) + np.maximum(nodes - bend, 0.0) / discount
    european = _Line(nodes, discount * hull.at(forward), hull.final_slope)
    if not (book.is_american.size and book.is_american[legs].any()):
        return european
    all_long = bool((book.units[legs] > 0.0).all())
    return _envelope(european, payoff if all_long else hull, upper=all_long)


def _convex_envelope(line: _Line) -> _Line:
    """Return the largest convex function that is nowhere above a piecewise-linear one."""
    kept = [0]
    x, y = line.price, line.value
    for i in range(1, x.shape[0]):
        while len(kept) > 1 and _slope(x, y, kept[-2], kept[-1]) >= _slope(x, y, kept[-1], i):
            kept.pop()
        kept.append(i)
    while len(kept) > 1 and _slope(x, y, kept[-2], kept[-1]) >= line.final_slope:
        kept.pop()
    return _Line(x[kept], y[kept], line.final_slope)


def _slope(x: FloatArray, y: FloatArray, i: int, j: int) -> float:
    return float((y[j] - y[i]) / (x[j] - x[i]))


def _envelope(one: _Line, other: _Line, *, upper: bool) -> _Line:
    """Return the higher or the lower of two functions, with a node wherever they cross."""
    nodes = np.unique(np.concatenate((one.price, other.price)))
    gap = one.at(nodes) - other.at(nodes)
    crossed = np.flatnonzero(gap[1:] * gap[:-1] < 0.0)
    between = nodes[crossed] + (nodes[crossed + 1] - nodes[crossed]) * gap[crossed] / (gap[crossed] - gap[crossed + 1])
    last, turn = float(nodes[-1]), one.final_slope - other.final_slope
    beyond = [last - float(gap[-1]) / turn] if turn * float(gap[-1]) < 0.0 else []
    nodes = np.unique(np.concatenate((nodes, between, beyond)))
    choose = np.maximum if upper else np.minimum
    slope = max(one.final_slope, other.final_slope) if upper else min(one.final_slope, other.final_slope)
    return _Line(nodes, choose(one.at(nodes), other.at(nodes)), slope)

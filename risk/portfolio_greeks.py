"""Greeks of a whole account in the units of Q18, and of its parts; what cannot be valued is NaN and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Final

import numpy as np

from fields.exposures import VOL_POINT
from fields.greeks import greeks
from market.chains import BoolArray, FloatArray
from risk.book import PortfolioGreeks, PricedBook

__all__ = ["LegGreeks", "greeks_by_strategy", "greeks_by_underlying", "leg_greeks", "portfolio_greeks"]

_DAYS_PER_YEAR: Final = 365.0  # calendar clock, docs/units.md
_MOST_NAMED: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LegGreeks:
    """Greeks of each leg of a book, times its units and multiplier; arrays of shape ``(n_legs,)``, NaN where unknown.

    Parameters
    ----------
    delta_shares, gamma_shares_per_usd, vega_usd_per_volpt, theta_usd_per_day : ndarray
        As in `risk.book.PortfolioGreeks`.
    delta_usd, beta_delta_shares : ndarray
        The same; NaN also where price or beta is not known.
    """

    delta_shares: FloatArray
    gamma_shares_per_usd: FloatArray
    vega_usd_per_volpt: FloatArray
    theta_usd_per_day: FloatArray
    delta_usd: FloatArray
    beta_delta_shares: FloatArray


def leg_greeks(book: PricedBook) -> LegGreeks:
    """Return the Greeks of each leg.

    Parameters
    ----------
    book : PricedBook
        Positions with what their value depends on.

    Returns
    -------
    LegGreeks
        Of shares, perpetuals and futures delta is 1 and the others 0, also where nothing else is known of them. A leg
        of no units counts 0.

    Notes
    -----
    With rate ``-ln(discount) / tau`` and dividend yield ``rate - ln(forward_ratio) / tau`` the formula of
    `fields.greeks` is Black's on the forward; delta is by spot with the carry held, theta on the calendar clock.
    """
    size = book.units * book.multiplier
    delta, gamma, vega, theta = np.where(book.is_option, np.nan, np.array([[1.0], [0.0], [0.0], [0.0]]))
    where = np.flatnonzero(book.is_option)
    spot = book.spot[book.underlying]
    if where.size:
        tau = book.tau[where]
        with np.errstate(divide="ignore", invalid="ignore"):
            rate = -np.log(book.discount[where]) / tau
            carry = np.log(book.forward_ratio[where]) / tau
        found = greeks(
            spot[where], book.strike[where], tau, rate, rate - carry, book.volatility[where], book.is_call[where]
        )
        delta[where], gamma[where], vega[where], theta[where] = found.delta, found.gamma, found.vega, found.theta
    shares = _times(size, delta)
    delta_usd = _times(shares, spot)
    weight = book.beta[book.underlying] * spot / (book.benchmark_spot or nan)
    return LegGreeks(
        delta_shares=shares,
        gamma_shares_per_usd=_times(size, gamma),
        vega_usd_per_volpt=_times(size, vega) * VOL_POINT,
        theta_usd_per_day=_times(size, theta) / _DAYS_PER_YEAR,
        delta_usd=delta_usd,
        beta_delta_shares=_times(shares, weight),
    )


def portfolio_greeks(
    book: PricedBook, legs: LegGreeks | None = None, *, where: BoolArray | None = None
) -> PortfolioGreeks:
    """Sum the Greeks of a book, or of some of its legs.

    Parameters
    ----------
    book : PricedBook
        Positions.
    legs : LegGreeks, optional
        What `leg_greeks` gave for it, so that several sums value it once.
    where : ndarray of bool, shape (n_legs,), optional
        Legs that count; all of them without it.

    Returns
    -------
    PortfolioGreeks
        0 without legs. A sum with a leg that cannot be valued is NaN, and `reason` names the leg and what it
        lacks; the other sums stand.

    Notes
    -----
    `delta_shares` and `gamma_shares_per_usd` add shares of unlike underlyings; `beta_delta_shares` makes them
    comparable.
    """
    found = leg_greeks(book) if legs is None else legs
    chosen = np.ones(book.n_legs, dtype=np.bool_) if where is None else where
    columns = [getattr(found, name) for name in LegGreeks.__slots__]
    sums = [float(column[chosen].sum()) for column in columns]
    complete = all(isfinite(each) for each in sums)
    reason = "" if complete else _reason(book, columns, chosen)
    return PortfolioGreeks(**dict(zip(LegGreeks.__slots__, sums, strict=True)), reason=reason)


def greeks_by_strategy(book: PricedBook) -> dict[str, PortfolioGreeks]:
    """Return the Greeks of each strategy that holds a leg, by its name, in the order of first legs."""
    return _by(book, book.strategies)


def greeks_by_underlying(book: PricedBook) -> dict[str, PortfolioGreeks]:
    """Return the Greeks of each underlying of which a leg is held, by its name, in the order of first legs."""
    return _by(book, [book.underlyings[place] for place in book.underlying.tolist()])


def _by(book: PricedBook, owners: Sequence[str]) -> dict[str, PortfolioGreeks]:
    legs, names = leg_greeks(book), np.array(owners, dtype=np.str_)
    return {name: portfolio_greeks(book, legs, where=names == name) for name in dict.fromkeys(owners)}


def _times(amount: FloatArray, each: FloatArray) -> FloatArray:
    """Return products in which nothing of the unknown is 0: no share of it is held."""
    with np.errstate(invalid="ignore"):
        return np.where(amount == 0.0, 0.0, amount * each)


def _reason(book: PricedBook, columns: Sequence[FloatArray], chosen: BoolArray) -> str:
    """Name the first legs that make a sum NaN, and what each of them lacks."""
    broken = np.flatnonzero(chosen & ~np.isfinite(np.stack(columns)).all(axis=0))
    told = [f"{book.symbols[leg]}: {_lacking(book, int(leg))}" for leg in broken[:_MOST_NAMED].tolist()]
    more = broken.size - len(told)
    return "; ".join(told) + (f"; and {more} more" if more > 0 else "")


def _lacking(book: PricedBook, leg: int) -> str:
    owner = int(book.underlying[leg])
    needed: list[tuple[str, float]] = [("price of the underlying", float(book.spot[owner]))]
    if book.is_option[leg]:
        needed += [
            ("forward", float(book.forward_ratio[leg])),
            ("discount", float(book.discount[leg])),
            ("volatility", float(book.volatility[leg])),
        ]
    needed += [("beta", float(book.beta[owner])), ("price of the benchmark", book.benchmark_spot)]
    missing = [name for name, value in needed if not isfinite(value)]
    return "no " + ", ".join(missing) if missing else "no finite value"

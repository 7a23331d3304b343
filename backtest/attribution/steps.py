"""The profit of one step between two marks, leg by leg, from the Greeks at its start; and the path that the steps make.

A term is a Greek at the start times what moved until the end. The volatility of a leg is the one that its own mark
implies, so the terms are as good as the marks: a carried mark moves nothing, and a wide quote moves a lot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, final

import numpy as np

from backtest.attribution.greeks import GREEK_TERMS
from backtest.results import GreeksPath
from fields.greeks import greeks
from fields.implied_vol import implied_volatility
from market.chains import BoolArray, FloatArray
from market.errors import DataError

__all__ = ["GreeksRecorder", "LegMarket", "StepTerms", "step_terms"]

_COLUMNS: Final = (*GREEK_TERMS, "total", "residual")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegMarket:
    """What the legs of a book were worth at one mark; arrays of shape ``(n_legs,)``, or scalars for all of them.

    Parameters
    ----------
    price : ndarray
        Mark per unit of the underlying.
    spot : ndarray or float
        Price of the leg's underlying, > 0.
    tau : ndarray
        Time to expiry, years, 0 at expiry; not used for a share, perpetual or future.
    rate, dividend_yield : ndarray or float
        Continuous, per year, to the expiry.
    """

    price: FloatArray
    spot: FloatArray | float
    tau: FloatArray
    rate: FloatArray | float
    dividend_yield: FloatArray | float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTerms:
    """Profit terms of the legs over one step; arrays of shape ``(n_legs,)``, account currency, before costs.

    Parameters
    ----------
    delta, gamma, vega, theta, vanna, volga, charm, rho : ndarray
        Greek at the start times the move; NaN together where the start or the end has no volatility.
    total : ndarray
        Marked profit.
    residual : ndarray
        What the terms leave of it; all of it where they are NaN.
    """

    delta: FloatArray
    gamma: FloatArray
    vega: FloatArray
    theta: FloatArray
    vanna: FloatArray
    volga: FloatArray
    charm: FloatArray
    rho: FloatArray
    total: FloatArray
    residual: FloatArray


def _volatility(market: LegMarket, strike: FloatArray, is_call: BoolArray, rows: BoolArray) -> FloatArray:
    # NaN outside the rows and where the mark lies outside the no-arbitrage interval.
    spot, tau, rate, carry = (
        np.broadcast_to(values, strike.shape)[rows]
        for values in (market.spot, market.tau, market.rate, market.dividend_yield)
    )
    found = np.full(strike.shape, np.nan)
    if rows.any():
        forward, discount = spot * np.exp((rate - carry) * tau), np.exp(-rate * tau)
        solved = implied_volatility(market.price[rows], forward, strike[rows], tau, discount, is_call[rows])
        found[rows] = solved.volatility
    return found


def step_terms(
    units: FloatArray, strike: FloatArray, is_call: BoolArray, before: LegMarket, after: LegMarket
) -> StepTerms:
    """Return the profit terms of legs that were held unchanged over one step.

    Parameters
    ----------
    units : ndarray, shape (n_legs,)
        Signed quantity times multiplier.
    strike : ndarray, shape (n_legs,)
        Strike; NaN for a share, perpetual or future, which has a delta of 1 and nothing else.
    is_call : ndarray of bool, shape (n_legs,)
        Right of the options.
    before, after : LegMarket
        At the start and at the end.

    Returns
    -------
    StepTerms
        Terms and residual make the total, for each leg.

    Notes
    -----
    ``delta dS + gamma dS^2/2 + vega ds + theta dt + vanna dS ds + volga ds^2/2 + charm dS dt + rho dr`` with ``s`` the
    implied volatility. At expiry there is no volatility any more: ``ds`` is 0 there, and what intrinsic value makes of
    the last step beyond the second order stands in the residual.
    """
    is_option = np.isfinite(strike)
    moved = np.broadcast_to(np.asarray(after.spot, dtype=np.float64) - before.spot, strike.shape)
    total = units * (after.price - before.price)
    terms = {name: np.zeros(strike.shape) for name in GREEK_TERMS}
    terms["delta"] = units * moved
    if is_option.any():
        option = _option_terms(strike, is_call, before, after, moved, is_option)
        for name, values in option.items():
            terms[name] = np.where(is_option, units * values, terms[name])
    known = np.isfinite(np.stack(list(terms.values()))).all(axis=0)
    terms = {name: np.where(known, values, np.nan) for name, values in terms.items()}
    explained = np.where(known, np.sum(list(terms.values()), axis=0), 0.0)
    return StepTerms(**terms, total=total, residual=total - explained)


def _option_terms(
    strike: FloatArray,
    is_call: BoolArray,
    before: LegMarket,
    after: LegMarket,
    moved: FloatArray,
    is_option: BoolArray,
) -> dict[str, FloatArray]:
    volatility = _volatility(before, strike, is_call, is_option & (before.tau > 0.0))
    later = _volatility(after, strike, is_call, is_option & (after.tau > 0.0))
    shift = np.where(after.tau > 0.0, later - volatility, 0.0)
    known = np.isfinite(volatility)
    spot, rate, carry = (
        np.broadcast_to(values, strike.shape)[known] for values in (before.spot, before.rate, before.dividend_yield)
    )
    at_start = greeks(spot, strike[known], before.tau[known], rate, carry, volatility[known], is_call[known])
    turned = np.broadcast_to(np.asarray(after.rate, dtype=np.float64) - before.rate, strike.shape)[known]
    ds, dv, dt = moved[known], shift[known], (before.tau - after.tau)[known]
    values = {
        "delta": at_start.delta * ds,
        "gamma": 0.5 * at_start.gamma * ds * ds,
        "vega": at_start.vega * dv,
        "theta": at_start.theta * dt,
        "vanna": at_start.vanna * ds * dv,
        "volga": 0.5 * at_start.vomma * dv * dv,
        "charm": at_start.charm * ds * dt,
        "rho": at_start.rho * turned,
    }
    found = {name: np.full(strike.shape, np.nan) for name in GREEK_TERMS}
    for name, part in values.items():
        found[name][known] = part
    return found


@final
class GreeksRecorder:
    """Collects steps into the path of the book and of each package."""

    def __init__(self) -> None:
        self._ts_ns: list[int] = []
        self._spot: list[float] = []
        self._rows: list[dict[str, FloatArray]] = []

    def add(
        self,
        ts_ns: int,
        spot: float,
        packages: Sequence[str],
        terms: StepTerms,
        unexplained: Mapping[str, float] | None = None,
    ) -> None:
        """Add the step that ends at an instant.

        Parameters
        ----------
        ts_ns : int
            ns since the epoch, UTC, later than the one before.
        spot : float
            Price of the underlying.
        packages : sequence of str
            Package of each leg.
        terms : StepTerms
            Of the legs.
        unexplained : mapping of str to float, optional
            By package: profit that no leg's terms hold, such as the difference of a fill's price from the mark. It
            stands in total and residual.
        """
        if self._ts_ns and ts_ns <= self._ts_ns[-1]:
            raise DataError("steps must end later and later", found=f"{ts_ns} after {self._ts_ns[-1]}")
        if len(packages) != terms.total.size:
            raise DataError("each leg has one package", found=f"{len(packages)} for {terms.total.size} legs")
        table = np.stack([getattr(terms, name) for name in _COLUMNS])
        rows: dict[str, FloatArray] = {}
        for place, package in enumerate(packages):
            rows[package] = _plus(rows.get(package), table[:, place])
        for package, amount in (unexplained or {}).items():
            extra = np.zeros(len(_COLUMNS))
            extra[-2:] = amount
            rows[package] = _plus(rows.get(package), extra)
        self._ts_ns.append(ts_ns)
        self._spot.append(spot)
        self._rows.append(rows)

    def path(self) -> GreeksPath:
        """Return the path of the whole book, one row for each step."""
        empty = np.zeros(len(_COLUMNS))
        table = [np.sum(list(rows.values()), axis=0) if rows else empty for rows in self._rows]
        return self._path(np.arange(len(table)), table)

    def package_paths(self) -> dict[str, GreeksPath]:
        """Return the path of each package over the steps in which it was held, by id."""
        names = sorted({package for rows in self._rows for package in rows})
        found: dict[str, GreeksPath] = {}
        for package in names:
            steps = [place for place, rows in enumerate(self._rows) if package in rows]
            found[package] = self._path(np.array(steps), [self._rows[place][package] for place in steps])
        return found

    def _path(self, steps: np.ndarray, table: list[FloatArray]) -> GreeksPath:
        columns = np.array(table).reshape(-1, len(_COLUMNS)).T
        return GreeksPath(
            ts_ns=np.array(self._ts_ns, dtype=np.int64)[steps.astype(np.int64)],
            spot=np.array(self._spot)[steps.astype(np.int64)],
            **{f"{name}_usd": values for name, values in zip(_COLUMNS, columns, strict=True)},
        )


def _plus(held: FloatArray | None, row: FloatArray) -> FloatArray:
    # Legs without Greeks leave the terms of their package unknown, and its total known.
    return row if held is None else held + row

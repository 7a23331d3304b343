"""The spot ladder: what dealer exposures would be at each price, every contract re-evaluated (spec 2.7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import Any, final

import numpy as np

from fields.grid import LogGrid
from fields.ladder_kernels import add_delta, add_exposures, add_gamma, first_flaw
from fields.ladder_levels import LadderLevels, levels_of
from fields.smile import SmileTable
from market.chains import BoolArray, FloatArray
from market.errors import DataError

__all__ = [
    "ExposureLadder",
    "LadderContracts",
    "delta_ladder",
    "gamma_ladder",
    "net_gamma_ladder",
    "net_gamma_of_two",
    "spot_ladder",
]

_PER_CENT = 0.01
_VOL_POINT = 0.01
# Of the arrays of a book this many, the first ones, hold positive numbers.
_POSITIVE = 3
_EMPTY = np.empty(0)
_NO_SMILE = (_EMPTY, np.empty(0, dtype=np.int64), _EMPTY, _EMPTY, _EMPTY)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LadderContracts:
    """What the ladder needs to know of each contract; arrays have shape (n_contracts,) and finite values.

    Parameters
    ----------
    spot : float
        Reference price, USD.
    strike : ndarray
        Strikes, USD.
    tau : ndarray
        Time to expiry in years of the stated clock, > 0.
    volatility : ndarray
        Implied volatility, annualised by the same clock, > 0.
    carry : ndarray
        ``b = r - q``, per year of the same clock, continuously compounded: ``ln(forward / spot) / tau``.
    dividend_yield : ndarray
        q, per year of the same clock: ``-ln(discount) / tau - carry``.
    is_call : ndarray of bool
        True for calls.
    """

    spot: float
    strike: FloatArray
    tau: FloatArray
    volatility: FloatArray
    carry: FloatArray
    dividend_yield: FloatArray
    is_call: BoolArray
    _searched: list[FloatArray] = field(init=False, repr=False, compare=False, default_factory=list)

    @property
    def searched(self) -> FloatArray:
        """What the search for roots reads, shape (4, n): ln(forward / strike), root of time, exp(-q t), volatility."""
        if not self._searched:
            tau, columns = self.tau, np.empty((4, self.tau.shape[0]))
            columns[0] = np.log(self.spot / self.strike) + self.carry * tau
            columns[1], columns[2] = np.sqrt(tau), np.exp(-self.dividend_yield * tau)
            columns[3] = self.volatility
            self._searched.append(columns)
        return self._searched[0]

    def with_tau(self, tau: FloatArray) -> LadderContracts:
        """Return the same contracts with other times to expiry, years, shape (n_contracts,)."""
        return LadderContracts(
            spot=self.spot,
            strike=self.strike,
            tau=tau,
            volatility=self.volatility,
            carry=self.carry,
            dividend_yield=self.dividend_yield,
            is_call=self.is_call,
        )

    def __post_init__(self) -> None:
        if not (isfinite(self.spot) and self.spot > 0.0):
            raise DataError("the ladder needs a spot", found=str(self.spot), expected="> 0")
        flaw = first_flaw(self.strike, self.tau, self.volatility, self.carry, self.dividend_yield)
        if flaw:
            name = ("strike", "tau", "volatility", "carry", "dividend_yield")[flaw - 1]
            what, expected = ("missing or not positive", "> 0") if flaw <= _POSITIVE else ("missing", "finite values")
            raise DataError(f"{name} of the ladder", found=f"a value that is {what}", expected=expected)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureLadder:
    """Exposures at each node, calls and puts apart, or their sum.

    Parameters
    ----------
    grid : LogGrid
        Nodes, ln(price / spot).
    price : ndarray, shape (n_nodes,)
        Hypothetical spot, USD.
    gamma_usd_per_pct, vanna_usd_per_volpt, charm_usd_per_min : ndarray, shape (2, n_nodes)
        Sums of weight times exposure: calls in row 0, puts in row 1; shape (n_nodes,) where the net was asked for.
        Gamma is ``Gamma(sigma(x)) S^2 0.01``; where the volatility moves with spot the total derivative of delta adds
        ``vanna dsigma/dS`` to it.
    delta_units : ndarray, shape (2, n_nodes)
        Sums of weight times delta, units of the underlying.
    source_rate_usd_per_min : ndarray, shape (2, n_nodes)
        Derivative by time, per minute of the clock, of the shock-weighted sum of the three exposures, at fixed price,
        volatility, positions and shocks.
    """

    grid: LogGrid
    price: FloatArray
    gamma_usd_per_pct: FloatArray
    vanna_usd_per_volpt: FloatArray
    charm_usd_per_min: FloatArray
    delta_units: FloatArray
    source_rate_usd_per_min: FloatArray


def gamma_ladder(
    contracts: LadderContracts,
    weight: FloatArray,
    grid: LogGrid,
    smile: SmileTable | None = None,
    slope: float | None = None,
) -> FloatArray:
    """Return dollar gamma along the ladder, calls and puts apart.

    Parameters
    ----------
    contracts : LadderContracts
        The book.
    weight : ndarray, shape (n_contracts,)
        Contracts times multiplier, signed or not; contracts of weight 0 cost nothing.
    grid : LogGrid
        Nodes.
    smile : SmileTable, optional
        Given for sticky moneyness, made for the same grid and contracts; without it volatility sticks to the strike.
    slope : float, optional
        Without a smile: change of each strike's volatility per unit of log spot, ``sigma + slope x``, held at one vol
        point (or at sigma itself where that is lower).

    Returns
    -------
    ndarray, shape (2, n_nodes)
        USD per 1 % move: calls in row 0, puts in row 1.
    """
    gamma, levels = _gamma_of_two(contracts, (weight, np.zeros(weight.shape)), grid, smile, slope)
    return np.asarray(levels.on_ladder(gamma[:2]) * (_PER_CENT * contracts.spot * levels.ratio))


def net_gamma_of_two(
    contracts: LadderContracts,
    weights: tuple[FloatArray, FloatArray],
    grid: LogGrid,
    smile: SmileTable | None = None,
    slope: float | None = None,
) -> FloatArray:
    """Return net dollar gamma along the ladder of two books of the same contracts, for little more than one costs.

    Parameters
    ----------
    contracts
        As in `gamma_ladder`.
    weights : tuple of ndarray, shape (n_contracts,)
        Contracts times multiplier, signed, of either book.
    grid, smile, slope
        As in `gamma_ladder`.

    Returns
    -------
    ndarray, shape (2, n_nodes)
        USD per 1 % move of either book.
    """
    gamma, levels = _gamma_of_two(contracts, weights, grid, smile, slope)
    return np.asarray(levels.on_ladder(gamma[::2] + gamma[1::2]) * (_PER_CENT * contracts.spot * levels.ratio))


def net_gamma_ladder(
    contracts: LadderContracts,
    weight: FloatArray,
    grid: LogGrid,
    smile: SmileTable | None = None,
    slope: float | None = None,
) -> FloatArray:
    """Return net dollar gamma along the ladder: the sum of both rows of `gamma_ladder`.

    Parameters
    ----------
    contracts, weight, grid, smile, slope
        As in `gamma_ladder`.

    Returns
    -------
    ndarray, shape (n_nodes,)
        USD per 1 % move.
    """
    gamma, levels = _gamma_of_two(contracts, (weight, np.zeros(weight.shape)), grid, smile, slope)
    return np.asarray(levels.on_ladder(gamma[0] + gamma[1]) * (_PER_CENT * contracts.spot * levels.ratio))


def _gamma_of_two(
    contracts: LadderContracts,
    weights: tuple[FloatArray, FloatArray],
    grid: LogGrid,
    smile: SmileTable | None,
    slope: float | None,
) -> tuple[FloatArray, LadderLevels]:
    weight, other = weights
    levels = levels_of(grid)
    _require_weights(contracts, other)
    gamma = np.zeros((4, levels.x.shape[0]))
    arguments = (*_arguments(contracts, weight, levels, smile, slope, 0.0), other, gamma)
    add_gamma(*arguments)
    return gamma, levels


def delta_ladder(
    contracts: LadderContracts,
    weight: FloatArray,
    grid: LogGrid,
    smile: SmileTable | None = None,
    slope: float | None = None,
    bump: float = 0.0,
    *,
    is_net: bool = False,
) -> FloatArray:
    """Return delta along the ladder, calls and puts apart.

    Parameters
    ----------
    contracts, weight, grid, smile, slope
        As in `gamma_ladder`.
    bump : float, optional
        Added to every volatility at every node, 0.01 for one vol point; >= 0.
    is_net : bool, optional
        Return the sum of calls and puts, which is read off the levels in half the work.

    Returns
    -------
    ndarray, shape (2, n_nodes) or (n_nodes,)
        Units of the underlying: calls in row 0, puts in row 1, or their sum.
    """
    levels = levels_of(grid)
    delta = np.zeros((2, levels.x.shape[0]))
    arguments = (*_arguments(contracts, weight, levels, smile, slope, bump), delta)
    add_delta(*arguments)
    return levels.on_ladder(delta[0] + delta[1] if is_net else delta)


def spot_ladder(
    contracts: LadderContracts,
    weight: FloatArray,
    grid: LogGrid,
    minutes_per_year: float,
    smile: SmileTable | None = None,
    slope: float | None = None,
    shocks: tuple[float, float, float] = (0.0, 0.0, 0.0),
    *,
    is_net: bool = False,
) -> ExposureLadder:
    """Return gamma, vanna, charm and delta along the ladder, calls and puts apart, and how their sum changes in time.

    Parameters
    ----------
    contracts, weight, grid
        As in `gamma_ladder`.
    minutes_per_year : float
        Of the clock that `tau` runs on: 525 600 calendar, 98 280 trading.
    smile, slope
        As in `gamma_ladder`.
    shocks : tuple of float, optional
        What multiplies gamma, vanna and charm in the source whose derivative by time is wanted.
    is_net : bool, optional
        Return the sums of calls and puts, each of shape (n_nodes,), which are read off the levels in half the work.

    Returns
    -------
    ExposureLadder
        In USD; charm is forward in time and keeps the dividend term.
    """
    levels = levels_of(grid)
    sums = np.zeros((5, 2, levels.x.shape[0]))
    raw = (_PER_CENT * shocks[0], _VOL_POINT * shocks[1], shocks[2] / minutes_per_year)
    arguments = (*_arguments(contracts, weight, levels, smile, slope, 0.0), *raw, *sums)
    add_exposures(*arguments)
    gamma, vanna, charm, delta, rate = levels.on_ladder(sums[:, 0] + sums[:, 1] if is_net else sums)
    price = contracts.spot * levels.ratio
    return ExposureLadder(
        grid=grid,
        price=price,
        gamma_usd_per_pct=gamma * (_PER_CENT * price),
        vanna_usd_per_volpt=vanna * (_VOL_POINT * price),
        charm_usd_per_min=charm * (price / minutes_per_year),
        delta_units=delta,
        source_rate_usd_per_min=rate * (price / minutes_per_year),
    )


def _require_weights(contracts: LadderContracts, weight: FloatArray) -> None:
    n = contracts.strike.shape[0]
    # A sum is finite where all its terms are; one look at it costs half of one at each.
    if weight.shape != (n,) or not isfinite(np.add.reduce(weight)):
        raise DataError("weights do not fit the contracts", found=str(weight.shape), expected=f"({n},), finite")


def _arguments(
    contracts: LadderContracts,
    weight: FloatArray,
    levels: LadderLevels,
    smile: SmileTable | None,
    slope: float | None,
    bump: float,
) -> tuple[Any, ...]:
    """Return the arguments that all kernels share."""
    c, n = contracts, contracts.strike.shape[0]
    _require_weights(c, weight)
    if smile is not None and (smile.grid != levels.grid or smile.start.shape != (n,)):
        raise DataError("the smile was made for another ladder", found=str(smile.grid), expected=str(levels.grid))
    book = (c.spot, c.strike, c.tau, c.volatility, c.carry, c.dividend_yield, weight, c.is_call)
    read = _NO_SMILE if smile is None else (smile.volatility, smile.start, smile.fraction, smile.scale, smile.ceiling)
    nodes = (levels.x, levels.offset, levels.least_width, levels.grid.spacing)
    return (*book, *nodes, 0.0 if slope is None else slope, bump, *read)

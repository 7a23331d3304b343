"""The spot ladder: what dealer exposures would be at each price, every contract re-evaluated (spec 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, final

import numpy as np

from fields.grid import LogGrid
from fields.ladder_blocks import PANEL, exposures_sticky_strike, gamma_sticky_strike
from fields.ladder_kernels import LANES, exposures_sticky_moneyness, first_flaw, gamma_sticky_moneyness
from fields.smile import SmileTable
from market.chains import BoolArray, FloatArray
from market.errors import DataError

__all__ = ["ExposureLadder", "LadderContracts", "gamma_ladder", "spot_ladder"]

_PER_CENT = 0.01
_VOL_POINT = 0.01
# Of the arrays of a book this many, the first ones, hold positive numbers.
_POSITIVE = 3


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

    def __post_init__(self) -> None:
        if not (np.isfinite(self.spot) and self.spot > 0.0):
            raise DataError("the ladder needs a spot", found=str(self.spot), expected="> 0")
        flaw = first_flaw(self.strike, self.tau, self.volatility, self.carry, self.dividend_yield)
        if flaw:
            name = ("strike", "tau", "volatility", "carry", "dividend_yield")[flaw - 1]
            what, expected = ("missing or not positive", "> 0") if flaw <= _POSITIVE else ("missing", "finite values")
            raise DataError(f"{name} of the ladder", found=f"a value that is {what}", expected=expected)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureLadder:
    """Exposures at each node, calls and puts apart, so that one pass serves every dealer convention.

    Parameters
    ----------
    grid : LogGrid
        Nodes, ln(price / spot).
    price : ndarray, shape (n_nodes,)
        Hypothetical spot, USD.
    gamma_usd_per_pct, vanna_usd_per_volpt, charm_usd_per_min : ndarray, shape (2, n_nodes)
        Sums of weight times exposure: calls in row 0, puts in row 1. Gamma is ``Gamma(sigma(x)) S^2 0.01``; where the
        volatility moves with spot the total derivative of delta adds ``vanna dsigma/dS`` to it.
    """

    grid: LogGrid
    price: FloatArray
    gamma_usd_per_pct: FloatArray
    vanna_usd_per_volpt: FloatArray
    charm_usd_per_min: FloatArray


def gamma_ladder(
    contracts: LadderContracts, weight: FloatArray, grid: LogGrid, smile: SmileTable | None = None
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

    Returns
    -------
    ndarray, shape (2, n_nodes)
        USD per 1 % move: calls in row 0, puts in row 1.
    """
    _check(contracts, weight, grid, smile)
    price = contracts.spot * _price_ratio(grid)
    if smile is not None:
        (gamma,) = _sticky_moneyness(gamma_sticky_moneyness, contracts, weight, smile, 1)
        return np.asarray(gamma * (_PER_CENT * price))
    gamma = np.zeros((2, grid.n_nodes))
    arguments = (*_sticky_strike(contracts, weight, grid), price, *_scratch(contracts, grid, 1), gamma)
    gamma_sticky_strike(*arguments)
    return gamma


def spot_ladder(
    contracts: LadderContracts,
    weight: FloatArray,
    grid: LogGrid,
    minutes_per_year: float,
    smile: SmileTable | None = None,
) -> ExposureLadder:
    """Return gamma, vanna and charm along the ladder, calls and puts apart.

    Parameters
    ----------
    contracts, weight, grid
        As in `gamma_ladder`.
    minutes_per_year : float
        Of the clock that `tau` runs on: 525 600 calendar, 98 280 trading.
    smile : SmileTable, optional
        As in `gamma_ladder`.

    Returns
    -------
    ExposureLadder
        In USD; charm is forward in time and keeps the dividend term.
    """
    _check(contracts, weight, grid, smile)
    price = contracts.spot * _price_ratio(grid)
    if smile is None:
        gamma, vanna, charm = exposures = np.zeros((3, 2, grid.n_nodes))
        book, scratch = _sticky_strike(contracts, weight, grid), _scratch(contracts, grid, 4)
        arguments = (*book, price, minutes_per_year, *scratch, *exposures)
        exposures_sticky_strike(*arguments)
    else:
        gamma, vanna, charm = _sticky_moneyness(exposures_sticky_moneyness, contracts, weight, smile, 3)
        gamma, vanna = gamma * (_PER_CENT * price), vanna * (_VOL_POINT * price)
        charm = charm * (price / minutes_per_year)
    return ExposureLadder(
        grid=grid, price=price, gamma_usd_per_pct=gamma, vanna_usd_per_volpt=vanna, charm_usd_per_min=charm
    )


@lru_cache(maxsize=32)
def _price_ratio(grid: LogGrid) -> FloatArray:
    """Return price over spot at the nodes, read-only."""
    ratio = np.exp(grid.nodes)
    ratio.setflags(write=False)
    return np.asarray(ratio)


def _sticky_strike(contracts: LadderContracts, weight: FloatArray, grid: LogGrid) -> tuple[Any, ...]:
    """Return the first arguments that both kernels share."""
    c = contracts
    terms = (c.strike, c.tau, c.volatility, c.carry, c.dividend_yield, weight, c.is_call)
    return (c.spot, *terms, grid.start, grid.spacing)


def _scratch(contracts: LadderContracts, grid: LogGrid, n_fields: int) -> tuple[Any, ...]:
    panels = -(-grid.n_nodes // PANEL)
    return np.empty((3, contracts.strike.shape[0])), np.zeros((2, panels * n_fields * PANEL))


def _sticky_moneyness(
    add: Callable[..., None], contracts: LadderContracts, weight: FloatArray, smile: SmileTable, n_fields: int
) -> FloatArray:
    """Return the fields of a kernel without units, shape (n_fields, 2, n_nodes)."""
    c, n = contracts, smile.grid.n_nodes
    fields = np.zeros((n_fields, 2, -(-n // LANES) * LANES))
    read = (smile.volatility, smile.start, smile.fraction, smile.scale, smile.ceiling)
    book = (c.spot, c.strike, c.tau, c.carry, c.dividend_yield, c.is_call, weight)
    add(*book, *read, smile.grid.start, smile.grid.spacing, *fields)
    return fields[:, :, :n]


def _check(contracts: LadderContracts, weight: FloatArray, grid: LogGrid, smile: SmileTable | None) -> None:
    n = contracts.strike.shape[0]
    if weight.shape != (n,) or not np.isfinite(weight).all():
        raise DataError("weights do not fit the contracts", found=str(weight.shape), expected=f"({n},), finite")
    if smile is not None and (smile.grid != grid or smile.start.shape != (n,)):
        raise DataError("the smile was made for another ladder", found=str(smile.grid), expected=str(grid))

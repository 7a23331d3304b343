"""The spot ladder: what dealer exposures would be at each price, every contract re-evaluated (spec 2.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, final

import numpy as np

from fields.grid import LogGrid
from fields.ladder_kernels import (
    exposures_sticky_moneyness,
    exposures_sticky_strike,
    gamma_sticky_moneyness,
    gamma_sticky_strike,
)
from fields.smile import SmileTable
from market.chains import BoolArray, FloatArray
from market.errors import DataError

__all__ = ["ExposureLadder", "LadderContracts", "gamma_ladder", "spot_ladder"]

_PER_CENT = 0.01
_VOL_POINT = 0.01


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
        for name in ("strike", "tau", "volatility"):
            values = getattr(self, name)
            if not (np.isfinite(values).all() and (values > 0.0).all()):
                raise DataError(
                    f"{name} of the ladder", found="a value that is missing or not positive", expected="> 0"
                )
        for name in ("carry", "dividend_yield"):
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(f"{name} of the ladder", found="a missing value", expected="finite values")


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
    gamma = np.zeros((2, grid.n_nodes))
    kernel = gamma_sticky_strike if smile is None else gamma_sticky_moneyness
    kernel(*_arguments(contracts, weight, grid, smile, (gamma,)))
    return np.asarray(gamma * (_PER_CENT * contracts.spot * np.exp(grid.nodes)))


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
    contracts, weight, grid, smile
        As in `gamma_ladder`.
    minutes_per_year : float
        Of the clock that `tau` runs on: 525 600 calendar, 98 280 trading.

    Returns
    -------
    ExposureLadder
        In USD; charm is forward in time and keeps the dividend term.
    """
    gamma, vanna, charm = np.zeros((3, 2, grid.n_nodes))
    kernel = exposures_sticky_strike if smile is None else exposures_sticky_moneyness
    kernel(*_arguments(contracts, weight, grid, smile, (gamma, vanna, charm)))
    price = contracts.spot * np.exp(grid.nodes)
    return ExposureLadder(
        grid=grid,
        price=price,
        gamma_usd_per_pct=gamma * (_PER_CENT * price),
        vanna_usd_per_volpt=vanna * (_VOL_POINT * price),
        charm_usd_per_min=charm * (price / minutes_per_year),
    )


def _arguments(
    contracts: LadderContracts,
    weight: FloatArray,
    grid: LogGrid,
    smile: SmileTable | None,
    results: tuple[FloatArray, ...],
) -> tuple[Any, ...]:
    n = contracts.strike.shape[0]
    if weight.shape != (n,) or not np.isfinite(weight).all():
        raise DataError("weights do not fit the contracts", found=str(weight.shape), expected=f"({n},), finite")
    if smile is not None and (smile.grid != grid or smile.start.shape != (n,)):
        raise DataError("the smile was made for another ladder", found=str(smile.grid), expected=str(grid))
    terms = (contracts.carry, contracts.dividend_yield, contracts.is_call, weight)
    ladder = (grid.start, grid.spacing, *results)
    if smile is None:
        return (contracts.spot, contracts.strike, contracts.tau, contracts.volatility, *terms, *ladder)
    read = (smile.volatility, smile.start, smile.fraction, smile.scale)
    return (contracts.spot, contracts.strike, contracts.tau, *terms, *read, *ladder)

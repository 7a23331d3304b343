"""The spot ladder: what dealer exposures would be at each price, every contract re-evaluated (spec 2.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from fields.grid import LogGrid
from fields.ladder_blocks import NODES_PER_BLOCK, PANEL, bells, exposures_sticky_strike, gamma_sticky_strike
from fields.ladder_kernels import LANES, exposures_sticky_moneyness, gamma_sticky_moneyness
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
    _check(contracts, weight, grid, smile)
    if smile is None:
        gamma = np.zeros((2, grid.n_nodes))
        block = _empty_blocks(grid, 1)
        gamma_sticky_strike(*_bells(contracts, weight, grid), contracts.is_call, grid.spacing, block, gamma)
        gamma += _unblocked(block, grid, 1)[0]
    else:
        (gamma,) = _sticky_moneyness(gamma_sticky_moneyness, contracts, weight, smile, 1)
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
    if smile is None:
        gamma, vanna, charm = _sticky_strike(contracts, weight, grid)
    else:
        gamma, vanna, charm = _sticky_moneyness(exposures_sticky_moneyness, contracts, weight, smile, 3)
    price = contracts.spot * np.exp(grid.nodes)
    return ExposureLadder(
        grid=grid,
        price=price,
        gamma_usd_per_pct=gamma * (_PER_CENT * price),
        vanna_usd_per_volpt=vanna * (_VOL_POINT * price),
        charm_usd_per_min=charm * (price / minutes_per_year),
    )


def _sticky_strike(contracts: LadderContracts, weight: FloatArray, grid: LogGrid) -> FloatArray:
    """Return gamma, vanna and charm without units, shape (3, 2, n_nodes)."""
    block, anchor = _empty_blocks(grid, 4), np.zeros(2)
    direct = np.zeros((3, 2, grid.n_nodes))
    c = contracts
    kernel_arguments: tuple[Any, ...] = (
        *_bells(c, weight, grid),
        c.is_call,
        c.tau,
        c.volatility,
        c.carry,
        c.dividend_yield,
        grid.spacing,
        block,
        *direct,
        anchor,
    )
    exposures_sticky_strike(*kernel_arguments)
    gamma, vanna, charm, flow = _unblocked(block, grid, 4)
    # Trapezoidal integral of the dividend term; its Euler-Maclaurin corrections already stand in charm.
    dividend = anchor[:, None] + np.cumsum(flow, axis=1) - 0.5 * (flow + flow[:, :1])
    return np.asarray(direct + np.stack((gamma, vanna, charm + dividend)))


def _bells(contracts: LadderContracts, weight: FloatArray, grid: LogGrid) -> tuple[FloatArray, FloatArray, FloatArray]:
    start, step, density = np.empty((3, weight.shape[0]))
    c = contracts
    terms = (c.strike, c.tau, c.volatility, c.carry, c.dividend_yield, weight)
    bells(c.spot, *terms, grid.start, grid.spacing, start, step, density)
    return start, step, density


def _empty_blocks(grid: LogGrid, n_fields: int) -> FloatArray:
    return np.zeros((2, -(-grid.n_nodes // PANEL) * n_fields * PANEL))


def _unblocked(block: FloatArray, grid: LogGrid, n_fields: int) -> FloatArray:
    """Return the fields in order of the nodes, shape (n_fields, 2, n_nodes)."""
    panels = block.reshape(2, -1, n_fields, NODES_PER_BLOCK, PANEL // NODES_PER_BLOCK)
    nodes = panels.transpose(2, 0, 1, 4, 3).reshape(n_fields, 2, -1)
    return nodes[:, :, : grid.n_nodes]


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

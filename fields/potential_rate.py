"""The potential's derivative by time: analytic sources, moving liquidity and positions, and a difference to check it.

It solves

    L d(Pi)/dt = d(s)/dt + d/dx( (d(1/lambda)/dt) d(Pi)/dx )

The operator is the fitted one (docs/adr/003), and what stands here is the exact derivative of its nodal equations.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fields.config import Boundary, FieldConfig
from fields.green import GreenOperator
from fields.holdings import Holdings
from fields.ladder_book import LadderBook
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["mass_rate_of_liquidity", "potential_rate", "potential_rate_by_difference", "source_of"]

# Below it z coth z - 1 is a series.
_SMALL_CELL = 0.25


def source_of(book: LadderBook, shocks: tuple[float, float, float], units: FloatArray | None = None) -> FloatArray:
    """Return the shock-weighted source along the ladder, USD of hedging over the horizon.

    Parameters
    ----------
    book : LadderBook
        Netted contracts.
    shocks : tuple of float
        What multiplies gamma, vanna and charm.
    units : ndarray, shape (n_used,), optional
        Other positions than those held, units of the underlying.

    Returns
    -------
    ndarray, shape (n_ladder,)
        The source.
    """
    curves = book.curves(book.config.dynamics, shocks, units)
    three = (curves.gamma_usd_per_pct, curves.vanna_usd_per_volpt, curves.charm_usd_per_min)
    return np.asarray(shocks[0] * three[0] + shocks[1] * three[1] + shocks[2] * three[2])


def potential_rate(
    operator: GreenOperator,
    source_rate: FloatArray,
    source: FloatArray,
    potential: FloatArray,
    illiquidity_rate: FloatArray | None = None,
) -> FloatArray:
    """Return the time derivative of the unit-mass potential: one more back-solve of the same factorisation.

    Parameters
    ----------
    operator : GreenOperator
        Factorised at this instant.
    source_rate : ndarray, shape (n_nodes,)
        Change of the source per minute.
    source, potential : ndarray, shape (n_nodes,)
        Source and its unit-mass potential at this instant; used where liquidity moves.
    illiquidity_rate : ndarray, shape (n_nodes - 1,), optional
        Change of each cell's illiquidity per minute; liquidity stands still without it.

    Returns
    -------
    ndarray, shape (n_nodes,)
        Unit of the potential per minute.
    """
    mass = operator.mass_of_source(source_rate)
    if illiquidity_rate is not None:
        mass = mass + mass_rate_of_liquidity(operator, source, potential, illiquidity_rate)
    return operator.unit_mass_potential(mass)


def mass_rate_of_liquidity(
    operator: GreenOperator, source: FloatArray, potential: FloatArray, illiquidity_rate: FloatArray
) -> FloatArray:
    """Return the point masses that stand for what a change of liquidity does to the potential.

    Parameters
    ----------
    operator : GreenOperator
        Factorised at this instant.
    source, potential : ndarray, shape (n_nodes,)
        Source and its unit-mass potential.
    illiquidity_rate : ndarray, shape (n_nodes - 1,)
        Change of each cell's illiquidity per unit of time.

    Returns
    -------
    ndarray, shape (n_nodes,)
        Masses per unit of time: the derivative of the masses of the source, less the derivative of the operator times
        the potential.
    """
    if illiquidity_rate.shape != operator.illiquidity.shape:
        raise DataError(
            "the change of illiquidity does not fit the cells",
            found=str(illiquidity_rate.shape),
            expected=str(operator.illiquidity.shape),
        )
    z, kappa = operator.cell_depth, operator.screening
    conductance = kappa / np.sqrt(operator.illiquidity)
    share = 0.5 * illiquidity_rate / operator.illiquidity
    coth_less = _z_coth_z_less_one(z)
    coupling = -share * conductance * operator.inverse_sinh * (2.0 + coth_less)
    sech_square = 1.0 - operator.half_tanh * operator.half_tanh
    earth = share * conductance * (0.5 * z * sech_square - operator.half_tanh)
    shift = share * (conductance / z) * (operator.inverse_sinh * z * coth_less - 2.0 * _one_less(operator))
    square = kappa * kappa
    flow = coupling * (potential[1:] - potential[:-1]) + shift * (source[1:] - source[:-1])
    mass = np.zeros_like(source)
    mass[:-1] += earth * (source[:-1] - potential[:-1]) + flow
    mass[1:] += earth * (source[1:] - potential[1:]) - flow
    if operator.boundary is Boundary.OPEN:
        mass[[0, -1]] += (share * conductance)[[0, -1]] * potential[[0, -1]]
    return np.asarray(mass / square)


def _one_less(operator: GreenOperator) -> FloatArray:
    """Return ``1 - z / sinh z`` of each cell."""
    conductance = operator.screening / np.sqrt(operator.illiquidity)
    return np.asarray(operator.source_shift * operator.cell_depth / conductance)


def _z_coth_z_less_one(z: FloatArray) -> FloatArray:
    square = np.minimum(z, _SMALL_CELL) ** 2
    series = square * (1 / 3 - square * (1 / 45 - square * (2 / 945 - square * (1 / 4725 - square * 2 / 93555))))
    return np.asarray(np.where(z < _SMALL_CELL, series, z / np.tanh(z) - 1.0))


def potential_rate_by_difference(
    holdings: Holdings,
    spot: float,
    config: FieldConfig,
    minutes_per_year: float,
    shocks: tuple[float, float, float],
    operator: GreenOperator,
    step_min: float,
) -> FloatArray:
    """Return the same by a central difference of two whole solves: slow, and blind to liquidity and positions.

    Parameters
    ----------
    holdings : Holdings
        Used contracts, at least one.
    spot : float
        Reference price, USD.
    config : FieldConfig
        Ladder and dynamics.
    minutes_per_year : float
        Of the field's clock.
    shocks : tuple of float
        What multiplies gamma, vanna and charm; held fixed.
    operator : GreenOperator
        Of the potential.
    step_min : float
        Minutes of the clock to either side, less than any contract has left.

    Returns
    -------
    ndarray, shape (n_ladder,)
        USD per minute, with an error of the second order in the step.
    """
    years = step_min / minutes_per_year
    if not 0.0 < years < float(holdings.tau.min()):
        raise DataError("the step does not fit the book", found=f"{step_min} min", expected="> 0, before every expiry")
    ends = []
    for sign in (1.0, -1.0):
        book = LadderBook(replace(holdings, tau=holdings.tau - sign * years), spot, config, minutes_per_year)
        ends.append(operator.unit_mass_potential(operator.mass_of_source(source_of(book, shocks))))
    return np.asarray((ends[0] - ends[1]) / (2.0 * step_min))

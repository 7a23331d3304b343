"""Green's operator of log price: an exponentially fitted, subtraction-free solve in O(N) for any liquidity profile.

Solves ``-d/dx(lambda^-1 dPi/dx) + kappa^2 Pi = s`` with point masses at nodes and constant illiquidity per cell
(spec section 2). Within a cell the solution is a combination of ``exp(+-kappa sqrt(lambda) x)``, so that the nodal
equations are exact: there is no truncation error, only rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import final

import numpy as np

from fields.config import Boundary
from fields.jit import F64, F64_2D, OUT, OUT_2D, REAL, kernel, primitive
from fields.primitives import exp_
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["GreenOperator", "factors", "screening_from_range"]

# Below it 1 - z / sinh z is a series: the closed form would lose 1 / z^2 digits.
_SMALL_CELL = 0.25


@primitive
def _one_minus_exp(z: float, e: float) -> float:
    """Return 1 - exp(-z) for z > 0 from e = exp(-z) without cancellation: a series of fifteen terms below 1/2."""
    p = 1.0 - z * (1.0 / 15.0)
    p = 1.0 - z * (1.0 / 14.0) * p
    p = 1.0 - z * (1.0 / 13.0) * p
    p = 1.0 - z * (1.0 / 12.0) * p
    p = 1.0 - z * (1.0 / 11.0) * p
    p = 1.0 - z * (1.0 / 10.0) * p
    p = 1.0 - z * (1.0 / 9.0) * p
    p = 1.0 - z * (1.0 / 8.0) * p
    p = 1.0 - z * (1.0 / 7.0) * p
    p = 1.0 - z * (1.0 / 6.0) * p
    p = 1.0 - z * (1.0 / 5.0) * p
    p = 1.0 - z * (1.0 / 4.0) * p
    p = 1.0 - z * (1.0 / 3.0) * p
    p = 1.0 - z * (1.0 / 2.0) * p
    return z * p if z < 0.5 else 1.0 - e


@kernel(F64, F64, REAL, OUT, OUT, OUT, OUT, OUT, OUT, OUT)
def _fit(
    nodes: FloatArray,
    illiquidity: FloatArray,
    screening: float,
    ground: FloatArray,
    decay: FloatArray,
    depth: FloatArray,
    coupling: FloatArray,
    inverse_sinh: FloatArray,
    half_tanh: FloatArray,
    source_shift: FloatArray,
) -> None:
    """Fill the conductance of each node to earth, and each cell's decay a, depth z, coupling g / sinh z and the rest.

    A cell earths either of its nodes by g tanh(z / 2).
    """
    n = depth.shape[0]
    for i in range(n):
        root = sqrt(illiquidity[i])
        z = screening * root * (nodes[i + 1] - nodes[i])
        conductance = screening / root
        e = exp_(-z)
        lost = _one_minus_exp(z, e)
        small = min(z, _SMALL_CELL) ** 2
        series = small * (
            1 / 6 - small * (7 / 360 - small * (31 / 15120 - small * (127 / 604800 - small * 73 / 3421440)))
        )
        decay[i], depth[i] = screening * root, z
        inverse_sinh[i], half_tanh[i] = 2.0 * e / (lost * (1.0 + e)), lost / (1.0 + e)
        coupling[i] = conductance * 2.0 * e / (lost * (1.0 + e))
        source_shift[i] = (series if z < _SMALL_CELL else 1.0 - z * inverse_sinh[i]) * conductance / z
    before = 0.0
    for i in range(n):
        earth = screening / sqrt(illiquidity[i]) * half_tanh[i]
        ground[i] = before + earth
        before = earth
    ground[n] = before


@kernel(F64, F64, REAL, REAL, OUT, OUT)
def _factorise(
    coupling: FloatArray,
    ground: FloatArray,
    open_left: float,
    open_right: float,
    ratio: FloatArray,
    inverse_pivot: FloatArray,
) -> None:
    # A resistor ladder reduced from the left: all terms are positive, so no digit is lost.
    n = ground.shape[0]
    earth = ground[0] + open_left
    for i in range(n - 1):
        inverse_pivot[i] = 1.0 / (earth + coupling[i])
        ratio[i] = coupling[i] * inverse_pivot[i]
        earth = ground[i + 1] + ratio[i] * earth
    inverse_pivot[n - 1] = 1.0 / (earth + open_right)


@kernel(F64, F64, F64_2D, OUT_2D)
def _substitute(ratio: FloatArray, inverse_pivot: FloatArray, mass: FloatArray, potential: FloatArray) -> None:
    n = inverse_pivot.shape[0]
    for row in range(mass.shape[0]):
        held = mass[row, 0]
        potential[row, 0] = held * inverse_pivot[0]
        for i in range(n - 1):
            held = mass[row, i + 1] + ratio[i] * held
            potential[row, i + 1] = held * inverse_pivot[i + 1]
        above = potential[row, n - 1]
        for i in range(n - 2, -1, -1):
            above = potential[row, i] + ratio[i] * above
            potential[row, i] = above


def screening_from_range(reach: float, illiquidity: float) -> float:
    """Return the screening kappa whose range at constant illiquidity is a given length.

    Parameters
    ----------
    reach : float
        Length over which the potential averages its source, log price.
    illiquidity : float
        Reference lambda.

    Returns
    -------
    float
        ``kappa = 1 / (reach * sqrt(lambda))``.
    """
    if not (reach > 0.0 and illiquidity > 0.0):
        found = f"range {reach}, illiquidity {illiquidity}"
        raise DataError("screening needs a positive range and illiquidity", found=found, expected="both > 0")
    return 1.0 / (reach * sqrt(illiquidity))


def factors(coupling: FloatArray, ground: FloatArray, open_ends: tuple[float, float]) -> tuple[FloatArray, FloatArray]:
    """Return the elimination of a resistor ladder.

    Parameters
    ----------
    coupling : ndarray, shape (n_nodes - 1,)
        Conductance between neighbours, >= 0.
    ground : ndarray, shape (n_nodes,)
        Conductance from each node to earth, > 0.
    open_ends : tuple of float
        What lies beyond the first and the last node, as conductances to earth; 0 for none.

    Returns
    -------
    tuple of ndarray, shape (n_nodes - 1,) and (n_nodes,)
        Ratios and inverse pivots.
    """
    ratio, inverse_pivot = np.empty_like(coupling), np.empty_like(ground)
    _factorise(coupling, ground, open_ends[0], open_ends[1], ratio, inverse_pivot)
    return ratio, inverse_pivot


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class GreenOperator:
    """A factorised Green's operator; any number of sources reuse it.

    Parameters
    ----------
    nodes : ndarray, shape (n_nodes,)
        Log prices, rising; spacing may vary.
    illiquidity : ndarray, shape (n_nodes - 1,)
        lambda of each cell, > 0; liquidity is its inverse.
    screening : float
        kappa, > 0.
    boundary : Boundary
        Beyond the ends: no flux, or an infinite medium with the end cells' illiquidity.
    decay : ndarray, shape (n_nodes - 1,)
        ``a = kappa sqrt(lambda)`` of each cell, 1 / log price.
    cell_depth : ndarray, shape (n_nodes - 1,)
        ``z = a h``, cell widths in units of the local range.
    ground : ndarray, shape (n_nodes,)
        Conductance from each node to earth, without the open ends.
    ratio, inverse_pivot : ndarray, shape (n_nodes - 1,) and (n_nodes,)
        The factorisation.
    inverse_sinh, half_tanh : ndarray, shape (n_nodes - 1,)
        ``1 / sinh z`` and ``tanh(z / 2)`` of each cell, for slopes.
    source_shift : ndarray, shape (n_nodes - 1,)
        Mass that a source's rise over a cell moves from its upper to its lower node, times ``kappa^2``.

    Notes
    -----
    With ``g = kappa / sqrt(lambda)`` per cell the coupling of neighbours is ``g / sinh z`` and each cell earths both of
    its nodes by ``g tanh(z / 2)`` (spec 2.3). Elimination keeps the earth apart from the coupling (spec 2.4), which
    makes masses, reciprocity and tails right to a few units in the last place however fine the grid is.
    """

    nodes: FloatArray
    illiquidity: FloatArray
    screening: float
    boundary: Boundary
    decay: FloatArray
    cell_depth: FloatArray
    ground: FloatArray
    ratio: FloatArray
    inverse_pivot: FloatArray
    inverse_sinh: FloatArray
    half_tanh: FloatArray
    source_shift: FloatArray

    @classmethod
    def build(
        cls, nodes: FloatArray, illiquidity: FloatArray, screening: float, boundary: Boundary = Boundary.OPEN
    ) -> GreenOperator:
        """Return the factorised operator.

        Parameters
        ----------
        nodes, illiquidity, screening, boundary
            As in the class.

        Returns
        -------
        GreenOperator
            Ready to solve.
        """
        _check(nodes, illiquidity, screening)
        ground, columns = np.empty(nodes.shape[0]), np.empty((6, illiquidity.shape[0]))
        decay, depth, coupling, inverse_sinh, half_tanh, source_shift = columns
        _fit(np.ascontiguousarray(nodes), np.ascontiguousarray(illiquidity), screening, ground, *columns)
        is_open = boundary is Boundary.OPEN
        ends = [screening / sqrt(illiquidity[end]) if is_open else 0.0 for end in (0, -1)]
        ratio, inverse_pivot = factors(coupling, ground, (ends[0], ends[1]))
        return cls(
            nodes=nodes,
            illiquidity=illiquidity,
            screening=screening,
            boundary=boundary,
            decay=decay,
            cell_depth=depth,
            ground=ground,
            ratio=ratio,
            inverse_pivot=inverse_pivot,
            inverse_sinh=inverse_sinh,
            half_tanh=half_tanh,
            source_shift=source_shift,
        )

    def solve(self, mass: FloatArray) -> FloatArray:
        """Return the potential of point masses.

        Parameters
        ----------
        mass : ndarray, shape (n_nodes,) or (n_sources, n_nodes)
            Point masses at the nodes, such as a cloud-in-cell deposit leaves.

        Returns
        -------
        ndarray
            Pi at the nodes, same shape; exact for cells of constant illiquidity. NaN in a source spreads over it.
        """
        if mass.shape[-1] != self.nodes.shape[0] or mass.ndim not in {1, 2}:
            raise DataError("masses do not fit the nodes", found=str(mass.shape), expected=f"(..., {len(self.nodes)})")
        rows = np.ascontiguousarray(mass, dtype=np.float64).reshape(-1, self.nodes.shape[0])
        potential = np.empty_like(rows)
        _substitute(self.ratio, self.inverse_pivot, rows, potential)
        return potential.reshape(mass.shape)

    def unit_mass_potential(self, mass: FloatArray) -> FloatArray:
        """Return ``kappa^2 Pi``, whose integral under Neumann ends is the sum of the masses.

        Parameters
        ----------
        mass : ndarray, shape (n_nodes,) or (n_sources, n_nodes)
            Point masses at the nodes.

        Returns
        -------
        ndarray
            Unit of the masses per unit of log price, same shape.
        """
        return self.screening * self.screening * self.solve(mass)

    def mass_of_source(self, source: FloatArray) -> FloatArray:
        """Return the point masses that stand for a source given by its values at the nodes.

        Parameters
        ----------
        source : ndarray, shape (n_nodes,) or (n_sources, n_nodes)
            s(x) at the nodes, linear in between, zero beyond the ends.

        Returns
        -------
        ndarray
            Masses (source times log price), same shape. `solve` is then exact at the nodes for that piecewise linear
            source: a constant source gives ``s / kappa^2`` for any liquidity under Neumann ends.
        """
        shift = (source[..., 1:] - source[..., :-1]) * self.source_shift
        mass = source * self.ground
        mass[..., :-1] += shift
        mass[..., 1:] -= shift
        mass /= self.screening * self.screening
        return np.asarray(mass)

    def cell_gradient(self, potential: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return dPi/dx just inside both ends of every cell, from the fitted cell formula.

        Parameters
        ----------
        potential : ndarray, shape (..., n_nodes)
            A result of `solve`.

        Returns
        -------
        tuple of ndarray, shape (..., n_nodes - 1)
            Slopes at the lower and at the upper node of each cell; exact where the cell holds no source.
        """
        below, above = potential[..., :-1], potential[..., 1:]
        rise = (above - below) * self.inverse_sinh
        return self.decay * (rise - below * self.half_tanh), self.decay * (rise + above * self.half_tanh)

    def gradient_at_nodes(self, potential: FloatArray) -> FloatArray:
        """Return dPi/dx at the nodes: the mean of the slopes on both sides, the inner one at the ends.

        Parameters
        ----------
        potential : ndarray, shape (..., n_nodes)
            A result of `solve`.

        Returns
        -------
        ndarray, shape (..., n_nodes)
            The slope jumps by ``lambda`` times the mass at a node that carries one; the mean is its principal value.
        """
        lower, upper = self.cell_gradient(potential)
        gradient = np.empty_like(potential)
        gradient[..., 0], gradient[..., -1] = lower[..., 0], upper[..., -1]
        gradient[..., 1:-1] = 0.5 * (upper[..., :-1] + lower[..., 1:])
        return gradient

    def integral(self, potential: FloatArray) -> FloatArray:
        """Return the exact integral of Pi from the first node to the last.

        Parameters
        ----------
        potential : ndarray, shape (..., n_nodes)
            A result of `solve`.

        Returns
        -------
        ndarray, shape (...)
            Integral over log price.
        """
        weight = self.half_tanh / self.decay
        return np.asarray(((potential[..., 1:] + potential[..., :-1]) * weight).sum(axis=-1))


def _check(nodes: FloatArray, illiquidity: FloatArray, screening: float) -> None:
    if nodes.ndim != 1 or nodes.shape[0] < 2 or illiquidity.shape != (nodes.shape[0] - 1,):
        found = f"{nodes.shape} nodes, {illiquidity.shape} cells"
        raise DataError(
            "cells do not fit the nodes", found=found, expected="one cell fewer than nodes, 2 nodes or more"
        )
    # What rises throughout is finite between finite ends; a missing node does not rise.
    if not (isfinite(nodes[0]) and isfinite(nodes[-1]) and (nodes[1:] > nodes[:-1]).all()):
        raise DataError("nodes must rise", found="a node not above the one before", expected="rising log prices")
    if not (illiquidity.min() > 0.0 and illiquidity.max() < np.inf):
        raise DataError("illiquidity must be positive", found=f"minimum {illiquidity.min()}", expected="> 0, finite")
    if not (isfinite(screening) and screening > 0.0):
        raise DataError("screening must be positive", found=str(screening), expected="> 0, finite")

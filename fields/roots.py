"""Zero-gamma levels: all roots of the re-evaluated dealer gamma on the spot ladder (spec 5.4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from typing import final

import numpy as np
from scipy.optimize import brentq, minimize_scalar

from fields.config import Dynamics, PositionSource
from fields.grid import LogGrid
from fields.ladder import LadderContracts
from fields.ladder_kernels import gamma_terms_at, smile_at
from fields.smile import SmileTable
from fields.snapshot import ZeroGamma
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["NetGamma", "RootSearch", "zero_gamma_levels"]

_PER_CENT = 0.01
_MINIMUM_NODES = 200
# Log price; the answer is asked to 1e-9 of spot.
_TOLERANCE = 1e-13
# Step of the slope: rounding eps / h and curvature h^2 / a^2 are both far below what a slope is used for.
_SLOPE_STEP = 1e-5
# A sum of n terms of size t is not known to better than about this times t.
_NOISE = 1e-13


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class RootSearch:
    """What the search for zero gamma found.

    Parameters
    ----------
    levels : tuple of ZeroGamma
        All roots in the window, nearest to spot first; a level that gamma only touches has slope 0.
    reason : str
        Why there is none; empty where there is one.
    """

    levels: tuple[ZeroGamma, ...]
    reason: str


@final
class NetGamma:
    """Net dollar gamma of a book at any log spot, re-evaluated exactly.

    Parameters
    ----------
    contracts : LadderContracts
        The book.
    signed_weight : ndarray, shape (n_contracts,)
        Dealer contracts (+ long) times multiplier.
    smile : SmileTable, optional
        For sticky moneyness; x must then lie inside its grid.
    """

    def __init__(self, contracts: LadderContracts, signed_weight: FloatArray, smile: SmileTable | None = None) -> None:
        held = np.flatnonzero(signed_weight)
        tau, strike = contracts.tau[held], contracts.strike[held]
        # log1p of the exact difference: the rounding of spot / strike would be blown up by 1 / (sigma sqrt(tau)).
        ratio = np.log1p((contracts.spot - strike) / strike)
        self._spot, self._smile = contracts.spot, smile
        self._forward_log_moneyness = ratio + contracts.carry[held] * tau
        self._root_tau = np.sqrt(tau)
        self._volatility = contracts.volatility[held].copy()
        self._base = signed_weight[held] * np.exp(-contracts.dividend_yield[held] * tau) / np.sqrt(2.0 * np.pi)
        self._term = np.empty(held.shape[0])
        if smile is not None:
            self._place, self._fraction = smile.start[held], smile.fraction[held]
            self._scale = smile.scale[held]

    def __call__(self, x: float) -> float:
        """Return net dollar gamma at a log spot.

        Parameters
        ----------
        x : float
            ln(price / spot).

        Returns
        -------
        float
            USD per 1 % move.
        """
        self._fill(x)
        return float(self._term.sum()) * self._unit(x)

    def gross(self, x: float) -> float:
        """Return the same with every contract's gamma taken positive.

        Parameters
        ----------
        x : float
            ln(price / spot).

        Returns
        -------
        float
            USD per 1 % move.
        """
        self._fill(x)
        return float(np.abs(self._term).sum()) * self._unit(x)

    def _unit(self, x: float) -> float:
        return _PER_CENT * self._spot * exp(x)

    def _fill(self, x: float) -> None:
        if self._smile is not None:
            grid = self._smile.grid
            steps = (x - grid.start) / grid.spacing
            smile_at(steps, self._smile.volatility, self._place, self._fraction, self._scale, self._volatility)
        gamma_terms_at(x, self._forward_log_moneyness, self._root_tau, self._volatility, self._base, self._term)


def zero_gamma_levels(
    contracts: LadderContracts,
    signed_weight: FloatArray,
    grid: LogGrid,
    net_gamma_usd_per_pct: FloatArray,
    window: float,
    position_source: PositionSource,
    smile: SmileTable | None = None,
) -> RootSearch:
    """Return all zero-gamma levels near spot: bracketed on the ladder, refined on the exact function.

    Parameters
    ----------
    contracts : LadderContracts
        The book.
    signed_weight : ndarray, shape (n_contracts,)
        Dealer contracts (+ long) times multiplier.
    grid : LogGrid
        The ladder's nodes.
    net_gamma_usd_per_pct : ndarray, shape (n_nodes,)
        Net dollar gamma of the same weights on the ladder.
    window : float
        Roots are looked for within this log distance of spot.
    position_source : PositionSource
        Dealer convention that made the weights; it is written on each level.
    smile : SmileTable, optional
        Given for sticky moneyness.

    Returns
    -------
    RootSearch
        Levels within 1e-9 of spot of the exact root, or the reason why there is none.

    Notes
    -----
    Where the ladder has fewer than 200 nodes in the window, the brackets come from a finer one. Gamma below 1e-13 of
    the book's largest gross gamma is rounding, not a sign: a stretch of it is not a root. Two roots between
    neighbouring nodes are found through the extremum between them.
    """
    if net_gamma_usd_per_pct.shape != (grid.n_nodes,):
        found = str(net_gamma_usd_per_pct.shape)
        raise DataError("net gamma does not fit the ladder", found=found, expected=f"({grid.n_nodes},)")
    net = NetGamma(contracts, signed_weight, smile)
    x, gamma = _nodes_in_window(grid, net_gamma_usd_per_pct, window, net)
    floor = _NOISE * max(net.gross(float(at)) for at in x[:: max(1, x.shape[0] // 4)])
    if not np.abs(gamma).max() > floor:
        return RootSearch(levels=(), reason="net gamma is zero all along the ladder")
    dynamics = Dynamics.STICKY_STRIKE if smile is None else Dynamics.STICKY_MONEYNESS
    roots = sorted(_roots(x, gamma, floor, net), key=lambda root: abs(root[0]))
    levels = tuple(
        ZeroGamma(level=contracts.spot * exp(at), slope=slope, position_source=position_source, dynamics=dynamics)
        for at, slope in roots
    )
    side = "positive" if gamma[np.abs(gamma).argmax()] > 0.0 else "negative"
    return RootSearch(levels=levels, reason="" if levels else f"net gamma is {side} within {window:g} of spot (log)")


def _nodes_in_window(grid: LogGrid, gamma: FloatArray, window: float, net: NetGamma) -> tuple[FloatArray, FloatArray]:
    nodes = grid.nodes
    inside = np.abs(nodes) <= window * (1.0 + 1e-12)
    if int(inside.sum()) >= _MINIMUM_NODES:
        return nodes[inside], gamma[inside]
    low, high = max(-window, float(nodes[0])), min(window, float(nodes[-1]))
    finer = np.linspace(low, high, _MINIMUM_NODES + 1)
    return finer, np.array([net(float(at)) for at in finer])


def _roots(x: FloatArray, gamma: FloatArray, floor: float, net: NetGamma) -> Iterator[tuple[float, float]]:
    """Yield each root and its slope."""
    size = np.abs(gamma)
    sign = np.where(size <= floor, 0.0, np.sign(gamma))
    for j in np.flatnonzero(sign[:-1] * sign[1:] < 0.0):
        yield _refined(net, x[j], x[j + 1], x)
    before, here, after = sign[:-2], sign[1:-1], sign[2:]
    held = (before != 0.0) & (after != 0.0)
    for j in np.flatnonzero(held & (here == 0.0) & (before != after)) + 1:
        yield _refined(net, x[j - 1], x[j + 1], x)
    turns = held & (before == after) & (here != -before)
    # A parabola through the three values reaches at most an eighth of their rise below the middle one; take a quarter.
    low = size[1:-1]
    shallow = (low < size[:-2]) & (low <= size[2:]) & (low <= 0.25 * (np.maximum(size[:-2], size[2:]) - low))
    for j in np.flatnonzero(turns & shallow) + 1:
        yield from _near_extremum(net, x, gamma, int(j), floor)


def _near_extremum(
    net: NetGamma, x: FloatArray, gamma: FloatArray, j: int, floor: float
) -> Iterator[tuple[float, float]]:
    """Yield the roots around a node where gamma comes closest to zero without changing its sign at the nodes."""
    side = float(np.sign(gamma[j - 1]))
    found = minimize_scalar(
        lambda at: side * net(float(at)), bounds=(x[j - 1], x[j + 1]), method="bounded", options={"xatol": 1e-12}
    )
    bottom, depth = float(found.x), float(found.fun)
    if depth < -floor:
        yield _refined(net, x[j - 1], bottom, x)
        yield _refined(net, bottom, x[j + 1], x)
    elif depth <= floor:
        yield bottom, 0.0


def _refined(net: NetGamma, low: float, high: float, x: FloatArray) -> tuple[float, float]:
    root = float(brentq(net, float(low), float(high), xtol=_TOLERANCE, rtol=1e-15))
    below, above = max(root - _SLOPE_STEP, float(x[0])), min(root + _SLOPE_STEP, float(x[-1]))
    return root, (net(above) - net(below)) / (above - below) * _PER_CENT

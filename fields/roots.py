"""Zero-gamma levels: all roots of the re-evaluated dealer gamma on the spot ladder (spec 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp
from typing import final

import numpy as np
from scipy.optimize import minimize_scalar

from fields.config import Dynamics, PositionSource
from fields.grid import LogGrid
from fields.ladder import LadderContracts
from fields.root_kernels import COLUMNS, crossings, gamma_at, hold
from fields.smile import SmileTable
from fields.snapshot import ZeroGamma
from market.chains import FloatArray
from market.errors import DataError

__all__ = ["NetGamma", "RootSearch", "zero_gamma_levels"]

_PER_CENT = 0.01
_MINIMUM_NODES = 200
# Step of the slope: rounding eps / h and curvature h^2 / a^2 are both far below what a slope is used for.
_SLOPE_STEP = 1e-5
# A sum of n terms of size t is not known to better than about this times t.
_NOISE = 1e-13
_EMPTY = np.empty(0)
_NO_READING = (np.empty(0, dtype=np.int64), _EMPTY, _EMPTY)


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
        c = contracts
        n_held = int(np.count_nonzero(signed_weight))
        columns, place = np.empty((COLUMNS, n_held)), np.empty(n_held, dtype=np.int64)
        start, fraction, scale = _NO_READING if smile is None else (smile.start, smile.fraction, smile.scale)
        terms = (c.strike, c.tau, c.volatility, c.carry, c.dividend_yield, signed_weight)
        hold(c.spot, *terms, start, fraction, scale, columns, place)
        table = _EMPTY if smile is None else smile.volatility
        first, spacing = (0.0, 1.0) if smile is None else (smile.grid.start, smile.grid.spacing)
        self._book = (columns, place, table, first, spacing, _PER_CENT * c.spot, np.empty(n_held))

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
        return float(self.at(np.array([x]))[0][0])

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
        return float(self.at(np.array([x]))[1][0])

    def at(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return net and gross gamma at several log spots.

        Parameters
        ----------
        x : ndarray, shape (n_places,)
            ln(price / spot).

        Returns
        -------
        tuple of ndarray, shape (n_places,)
            USD per 1 % move: net, and with every contract's gamma taken positive.
        """
        net, gross = np.empty((2, x.shape[0]))
        gamma_at(np.ascontiguousarray(x), *self._book, net, gross)
        return net, gross

    def crossings(
        self, x: FloatArray, gamma: FloatArray, floor: float, ends: tuple[float, float]
    ) -> tuple[list[tuple[float, float]], FloatArray]:
        """Return where net gamma changes its sign, and where it comes near zero and turns.

        Parameters
        ----------
        x, gamma : ndarray, shape (n_nodes,)
            Rising log spots and net gamma there, USD per 1 %.
        floor : float
            What is not larger counts as zero.
        ends : tuple of float
            Window that the slopes may look at.

        Returns
        -------
        list of tuple of float
            Root, and slope in USD per 1 % for a move of 1 %.
        ndarray, shape (n_turns,)
            Nodes between whose neighbours a parabola may reach zero.
        """
        found, shallow = np.empty((2, x.shape[0]))
        n_found, n_shallow = crossings(x, gamma, floor, *self._book, found, shallow)
        return [(root, self._slope(root, ends)) for root in found[:n_found].tolist()], shallow[:n_shallow]

    def _slope(self, root: float, ends: tuple[float, float]) -> float:
        below, above = max(root - _SLOPE_STEP, ends[0]), min(root + _SLOPE_STEP, ends[1])
        low, high = self.at(np.array([below, above]))[0]
        return float((high - low) / (above - below)) * _PER_CENT


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
    x, inside = _nodes_in_window(grid, window)
    gamma = net.at(x)[0] if inside is None else np.ascontiguousarray(net_gamma_usd_per_pct[inside])
    floor = _NOISE * float(net.at(x[:: max(1, x.shape[0] // 4)])[1].max())
    highest, lowest = float(gamma.max()), float(gamma.min())
    if not max(highest, -lowest) > floor:
        return RootSearch(levels=(), reason="net gamma is zero all along the ladder")
    dynamics = Dynamics.STICKY_STRIKE if smile is None else Dynamics.STICKY_MONEYNESS
    roots = sorted(_roots(net, x, gamma, floor), key=lambda root: abs(root[0]))
    levels = tuple(
        ZeroGamma(level=contracts.spot * exp(at), slope=slope, position_source=position_source, dynamics=dynamics)
        for at, slope in roots
    )
    side = "positive" if highest > -lowest else "negative"
    return RootSearch(levels=levels, reason="" if levels else f"net gamma is {side} within {window:g} of spot (log)")


@lru_cache(maxsize=32)
def _nodes_in_window(grid: LogGrid, window: float) -> tuple[FloatArray, slice | None]:
    """Return the places to look at, and which nodes they are; None where these are too few."""
    nodes = grid.nodes
    inside = np.flatnonzero(np.abs(nodes) <= window * (1.0 + 1e-12))
    if inside.shape[0] >= _MINIMUM_NODES:
        held = slice(int(inside[0]), int(inside[-1]) + 1)
        x, found = nodes[held].copy(), held
    else:
        low, high = max(-window, float(nodes[0])), min(window, float(nodes[-1]))
        x, found = np.linspace(low, high, _MINIMUM_NODES + 1), None
    x.setflags(write=False)
    return x, found


def _roots(net: NetGamma, x: FloatArray, gamma: FloatArray, floor: float) -> list[tuple[float, float]]:
    """Return each root and its slope."""
    ends = (float(x[0]), float(x[-1]))
    roots, shallow = net.crossings(x, gamma, floor, ends)
    for j in shallow.astype(np.int64):
        roots += _near_extremum(net, x[j - 1 : j + 2], gamma[j - 1 : j + 2], floor, ends)
    return roots


def _near_extremum(
    net: NetGamma, x: FloatArray, gamma: FloatArray, floor: float, ends: tuple[float, float]
) -> list[tuple[float, float]]:
    """Return the roots around a node where gamma comes closest to zero without changing its sign at its neighbours."""
    side = 1.0 if gamma[0] > 0.0 else -1.0
    found = minimize_scalar(
        lambda at: side * net(float(at)), bounds=(x[0], x[2]), method="bounded", options={"xatol": 1e-12}
    )
    bottom, depth = float(found.x), float(found.fun)
    if depth > floor:
        return []
    if depth >= -floor:
        return [(bottom, 0.0)]
    places, values = np.array([x[0], bottom, x[2]]), np.array([gamma[0], side * depth, gamma[2]])
    return net.crossings(places, values, floor, ends)[0]

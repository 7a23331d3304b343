"""Zero-gamma and zero-delta levels: all roots of the re-evaluated dealer exposure on the spot ladder (spec 5.4)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, inf
from typing import Any, final

import numpy as np
from scipy.optimize import minimize_scalar

from fields.config import Dynamics, PositionSource
from fields.grid import LogGrid
from fields.ladder import LadderContracts
from fields.root_kernels import scan
from fields.smile import SmileTable
from fields.snapshot import ZeroDelta, ZeroGamma
from market.chains import FloatArray
from market.errors import DataError

__all__ = [
    "DeltaSearch",
    "NetReading",
    "RootSearch",
    "net_delta",
    "net_gamma",
    "zero_delta_levels",
    "zero_gamma_levels",
]

_PER_CENT = 0.01
_MINIMUM_NODES = 200
_EMPTY = np.empty(0)
_NO_SMILE = (_EMPTY, _EMPTY, np.empty(0, dtype=np.int64), _EMPTY, 0.0, 1.0)


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
@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaSearch:
    """What the search for zero delta found.

    Parameters
    ----------
    levels : tuple of ZeroDelta
        All roots in the window, nearest to spot first; there need not be one.
    reason : str
        Why there is none; empty where there is one.
    """

    levels: tuple[ZeroDelta, ...]
    reason: str


@final
class NetReading:
    """An exposure of a book at any log spot, re-evaluated exactly; made by `net_gamma` and `net_delta`."""

    def __init__(
        self,
        contracts: LadderContracts,
        signed_weight: FloatArray,
        smile: SmileTable | None,
        slope: float | None,
        *,
        is_delta: bool,
        added: float,
    ) -> None:
        read: tuple[Any, ...] = _NO_SMILE
        if smile is not None:
            read = (smile.fraction, smile.scale, smile.start, smile.volatility, smile.grid.start, smile.grid.spacing)
        bend = 0.0 if slope is None else slope
        unit = contracts.spot * (1.0 if is_delta else _PER_CENT)
        self._book: tuple[Any, ...] = (contracts.searched, signed_weight, *read, bend, is_delta, added, unit)

    def __call__(self, x: float) -> float:
        """Return the net reading at a log spot, USD or USD per 1 %."""
        return float(self.at(np.array([x]))[0][0])

    def gross(self, x: float) -> float:
        """Return the same with every contract's share taken positive."""
        return float(self.at(np.array([x]))[1][0])

    def at(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return net and gross at several log spots, each of shape (n_places,)."""
        net, gross = np.empty((2, x.shape[0]))
        arguments = (_EMPTY, _EMPTY, np.ascontiguousarray(x), *self._book, np.empty(0), np.empty(0), net, gross)
        scan(*arguments)
        return net, gross

    def crossings(
        self, x: FloatArray, values: FloatArray, read: FloatArray, floor: float = 0.0
    ) -> tuple[list[tuple[float, float]], list[int], float]:
        """Return where the reading changes its sign, and where it comes near zero and turns.

        Parameters
        ----------
        x, values : ndarray, shape (n_nodes,)
            Rising log spots and the net reading there.
        read : ndarray, shape (n_read,)
            Log spots at which the size of the book is read: what is below the rounding of it counts as zero.
        floor : float, optional
            What is not larger counts as zero, where nothing is read.

        Returns
        -------
        list of tuple of float
            Root, and the change of the reading for a rise of 1 %.
        list of int
            Nodes between whose neighbours a parabola may reach zero.
        float
            What counted as zero; infinite where everything did.
        """
        # Roots are no more than nodes less one, and a node at which the reading turns has no root beside it.
        found, second, sizes = np.empty(x.shape[0]), np.empty(x.shape[0] + 1), np.empty((2, read.shape[0]))
        second[0] = floor
        arguments = (x, values, read, *self._book, found, second, sizes[0], sizes[1])
        n_found, n_shallow = scan(*arguments)
        if n_found < 0:
            return [], [], inf
        rises = (_PER_CENT * second[:n_found]).tolist()
        turns = [int(j) for j in second[n_found : n_found + n_shallow].tolist()]
        return list(zip(found[:n_found].tolist(), rises, strict=True)), turns, float(second[-1])


def net_gamma(
    contracts: LadderContracts, signed_weight: FloatArray, smile: SmileTable | None = None, slope: float | None = None
) -> NetReading:
    """Return net dollar gamma of a book, USD per 1 % move.

    Parameters
    ----------
    contracts : LadderContracts
        The book.
    signed_weight : ndarray, shape (n_contracts,)
        Dealer contracts (+ long) times multiplier.
    smile : SmileTable, optional
        For sticky moneyness; x must then lie inside its grid.
    slope : float, optional
        Change of each strike's volatility per unit of log spot, without a smile.

    Returns
    -------
    NetReading
        Of gamma.
    """
    return NetReading(contracts, signed_weight, smile, slope, is_delta=False, added=0.0)


def net_delta(
    contracts: LadderContracts,
    signed_weight: FloatArray,
    smile: SmileTable | None = None,
    slope: float | None = None,
    added_units: float = 0.0,
) -> NetReading:
    """Return net dollar delta of a book, USD.

    Parameters
    ----------
    contracts, signed_weight, smile, slope
        As in `net_gamma`.
    added_units : float, optional
        Delta besides, units of the underlying, the same at every price.

    Returns
    -------
    NetReading
        Of delta.
    """
    # A put's delta is its call's less Dq.
    less = float((signed_weight * contracts.searched[2])[~contracts.is_call].sum())
    return NetReading(contracts, signed_weight, smile, slope, is_delta=True, added=added_units - less)


def zero_gamma_levels(
    contracts: LadderContracts,
    signed_weight: FloatArray,
    grid: LogGrid,
    net_gamma_usd_per_pct: FloatArray,
    window: float,
    position_source: PositionSource,
    smile: SmileTable | None = None,
    slope: float | None = None,
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
    slope : float, optional
        Given for a spot-vol slope.

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
    net = net_gamma(contracts, signed_weight, smile, slope)
    roots, reason = _search(net, grid, net_gamma_usd_per_pct, window, "gamma")
    dynamics = _dynamics(smile, slope)
    levels = tuple(
        ZeroGamma(level=contracts.spot * exp(at), slope=rise, position_source=position_source, dynamics=dynamics)
        for at, rise in roots
    )
    return RootSearch(levels=levels, reason=reason)


def zero_delta_levels(
    contracts: LadderContracts,
    signed_weight: FloatArray,
    grid: LogGrid,
    net_delta_usd: FloatArray,
    window: float,
    position_source: PositionSource,
    smile: SmileTable | None = None,
    slope: float | None = None,
    added_units: float = 0.0,
) -> DeltaSearch:
    """Return all prices near spot at which dealers hold no delta; often there is none.

    Parameters
    ----------
    contracts, signed_weight, grid
        As in `zero_gamma_levels`.
    net_delta_usd : ndarray, shape (n_nodes,)
        Net dollar delta of the same weights on the ladder, `added_units` included.
    window, position_source, smile, slope
        As in `zero_gamma_levels`.
    added_units : float, optional
        Delta besides, units of the underlying, the same at every price.

    Returns
    -------
    DeltaSearch
        Levels within 1e-9 of spot of the exact root, or the reason why there is none.
    """
    net = net_delta(contracts, signed_weight, smile, slope, added_units)
    roots, reason = _search(net, grid, net_delta_usd, window, "delta")
    dynamics = _dynamics(smile, slope)
    levels = tuple(
        ZeroDelta(
            level=contracts.spot * exp(at), slope_usd_per_pct=rise, position_source=position_source, dynamics=dynamics
        )
        for at, rise in roots
    )
    return DeltaSearch(levels=levels, reason=reason)


def _dynamics(smile: SmileTable | None, slope: float | None) -> Dynamics:
    if smile is not None:
        return Dynamics.STICKY_MONEYNESS
    return Dynamics.STICKY_STRIKE if slope is None else Dynamics.SPOT_VOL_SLOPE


def _search(
    net: NetReading, grid: LogGrid, on_ladder: FloatArray, window: float, what: str
) -> tuple[list[tuple[float, float]], str]:
    if on_ladder.shape != (grid.n_nodes,):
        found = str(on_ladder.shape)
        raise DataError(f"net {what} does not fit the ladder", found=found, expected=f"({grid.n_nodes},)")
    x, inside, read = _nodes_in_window(grid, window)
    values = net.at(x)[0] if inside is None else np.ascontiguousarray(on_ladder[inside])
    roots, turns, floor = net.crossings(x, values, read)
    if floor == inf:
        return [], f"net {what} is zero all along the ladder"
    for j in turns:
        roots += _near_extremum(net, x[j - 1 : j + 2], values[j - 1 : j + 2], floor)
    if len(roots) > 1:
        roots.sort(key=lambda root: abs(root[0]))
    if roots:
        return roots, ""
    side = "positive" if float(values.max()) > -float(values.min()) else "negative"
    return roots, f"net {what} is {side} within {window:g} of spot (log)"


@lru_cache(maxsize=32)
def _nodes_in_window(grid: LogGrid, window: float) -> tuple[FloatArray, slice | None, FloatArray]:
    """Return the places to look at, which nodes they are (None where these are too few), and five of them."""
    nodes = grid.nodes
    inside = np.flatnonzero(np.abs(nodes) <= window * (1.0 + 1e-12))
    if inside.shape[0] >= _MINIMUM_NODES:
        held = slice(int(inside[0]), int(inside[-1]) + 1)
        x, found = nodes[held].copy(), held
    else:
        low, high = max(-window, float(nodes[0])), min(window, float(nodes[-1]))
        x, found = np.linspace(low, high, _MINIMUM_NODES + 1), None
    read = x[:: max(1, x.shape[0] // 4)].copy()
    x.setflags(write=False)
    read.setflags(write=False)
    return x, found, read


def _near_extremum(net: NetReading, x: FloatArray, values: FloatArray, floor: float) -> list[tuple[float, float]]:
    """Return the roots around a node where a reading comes closest to zero without changing sign at its neighbours."""
    side = 1.0 if values[0] > 0.0 else -1.0
    found = minimize_scalar(
        lambda at: side * net(float(at)), bounds=(x[0], x[2]), method="bounded", options={"xatol": 1e-12}
    )
    bottom, depth = float(found.x), float(found.fun)
    if depth > floor:
        return []
    if depth >= -floor:
        return [(bottom, 0.0)]
    three = np.array([x[0], bottom, x[2]]), np.array([values[0], side * depth, values[2]])
    return net.crossings(*three, _EMPTY, floor)[0]

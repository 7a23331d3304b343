"""Tables of mids as chains without quotes: the mid stands as the last price, and the fill model makes quotes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from adapters.chains.midpoints import MIDPOINTS, Midpoints, read_midpoints
from backtest.chain_table import ChainRows, ChainTable
from cluster.histories.span import Span
from market.chains import BoolArray, FloatArray
from market.provenance import AsOfSource, Provenance
from market.trades import Int64Array

__all__ = ["PARITY_BAND", "MidpointChains", "midpoint_chains"]

PARITY_BAND: Final = 5e-4
"""Furthest that the forward of one pair may lie from the median of its snapshot, fraction of the index.

About 2.5 points at 5 000. Of the published table 95 % of the pairs lie within 2.1 points; beyond it call and put were
not taken at one time.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MidpointChains:
    """Chains of a table of mids.

    Parameters
    ----------
    table : ChainTable
        Chains without bids and asks; the mid of a contract is its `last`, NaN where it is missing or left out.
    n_pairs, n_unpaired, n_apart : int
        Pairs of a call and a put that were read; those of which a side is missing; those that break parity.
    """

    table: ChainTable
    n_pairs: int
    n_unpaired: int
    n_apart: int


def midpoint_chains(path: Path, span: Span | None = None, *, parity_band: float = PARITY_BAND) -> MidpointChains:
    """Read a table of mids as chains.

    Parameters
    ----------
    path : Path
        As `adapters.chains.midpoints.read_midpoints` reads it.
    span : Span, optional
        Dates; all where none are given.
    parity_band : float
        Pairs further from their snapshot's median forward than this fraction of the index lose both mids, because
        nobody can tell which of the two was taken at another time.

    Returns
    -------
    MidpointChains
        What was left out is counted, and is the quality of the table's provenance.

    Raises
    ------
    DataError
        The table does not cover the span.
    """
    points = read_midpoints(path)
    if span is not None:
        span.require(f"the mids of {path.name}", int(points.ts_ns[0]), int(points.ts_ns[-1]))
        points = _within(points, span)
    apart = pairs_apart(points, parity_band)
    whole = np.isfinite(points.call_mid) & np.isfinite(points.put_mid)
    mids = np.where(apart, np.nan, (points.call_mid, points.put_mid))
    trusted = float(np.isfinite(mids).mean())
    provenance = Provenance(
        source=MIDPOINTS,
        origin=path.name,
        simulated=False,
        as_of_source=AsOfSource.STAMPED,
        quality=trusted,
        quality_reason=f"{int(apart.sum())} pairs break parity by more than {parity_band:g} of the index",
    )
    return MidpointChains(
        table=ChainTable(points.symbol, _rows(points, mids), provenance),
        n_pairs=int(points.strike.shape[0]),
        n_unpaired=int(np.count_nonzero(~whole)),
        n_apart=int(np.count_nonzero(apart)),
    )


def pairs_apart(points: Midpoints, parity_band: float) -> BoolArray:
    """Return which pairs have a forward away from the others of their snapshot.

    Parameters
    ----------
    points : Midpoints
        Pairs, in order of time.
    parity_band : float
        Fraction of the index.

    Returns
    -------
    ndarray of bool, shape (n_rows,)
        False where a side is missing: there is nothing to compare.
    """
    forward = points.strike + points.call_mid - points.put_mid
    start = np.flatnonzero(np.concatenate(([True], points.ts_ns[1:] != points.ts_ns[:-1])))
    group = np.repeat(np.arange(start.shape[0]), np.diff(np.append(start, points.ts_ns.shape[0])))
    median = _medians(forward, group, start)[group]
    with np.errstate(invalid="ignore"):
        found: BoolArray = np.abs(forward - median) > parity_band * points.spot
    return found


def _medians(values: FloatArray, group: Int64Array, start: Int64Array) -> FloatArray:
    """Return the median of the finite values of each group; groups stand together, as `start` says."""
    ordered = values[np.lexsort((values, group))]  # NaN last within its group
    count = np.add.reduceat(np.isfinite(values).astype(np.int64), start)
    low, high = start + np.maximum(count - 1, 0) // 2, start + count // 2
    high = np.minimum(high, ordered.shape[0] - 1)
    return np.where(count > 0, 0.5 * (ordered[low] + ordered[high]), np.nan)


def _within(points: Midpoints, span: Span) -> Midpoints:
    start, end = np.searchsorted(points.ts_ns, (span.first_ns, span.last_ns + 1)).tolist()
    names = ("ts_ns", "expiration", "strike", "call_mid", "put_mid", "spot")
    return replace(points, **{name: getattr(points, name)[start:end] for name in names})


def _rows(points: Midpoints, mids: FloatArray) -> ChainRows:
    """Return a row per contract: call and put of each pair beside each other, so that the instants rise."""
    n = points.strike.shape[0]
    return ChainRows(
        ts_ns=np.repeat(points.ts_ns, 2),
        expiration=np.repeat(points.expiration, 2),
        root=points.root,
        strike=np.repeat(points.strike, 2),
        is_call=np.tile(np.array([True, False]), n),
        last=np.ascontiguousarray(mids.T).reshape(-1),
        spot=np.repeat(points.spot, 2),
    )

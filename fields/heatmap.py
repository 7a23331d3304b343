"""Net dealer gamma by expiration and price bucket, for the nearest expirations."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from fields.deposit import deposit_by_expiry
from fields.grid import LogGrid
from fields.holdings import Holdings
from fields.snapshot import Heatmap
from market.chains import FloatArray, OptionChain

__all__ = ["HEATMAP_BUCKETS", "HEATMAP_EXPIRATIONS", "gamma_heatmap"]

# What a screen can show and a reader can tell apart.
HEATMAP_EXPIRATIONS: Final = 12
HEATMAP_BUCKETS: Final = 81


@lru_cache(maxsize=16)
def _buckets(half_width: float) -> tuple[LogGrid, FloatArray]:
    grid = LogGrid.about_spot(half_width, HEATMAP_BUCKETS)
    return grid, np.exp(grid.nodes)


def gamma_heatmap(
    chain: OptionChain, holdings: Holdings, gamma_usd_per_pct: FloatArray, spot: float, half_width: float
) -> Heatmap:
    """Deposit dealer gamma by expiration and price.

    Parameters
    ----------
    chain : OptionChain
        For the expiry instants.
    holdings : Holdings
        Used contracts.
    gamma_usd_per_pct : ndarray, shape (n_used,)
        Signed dollar gamma of each.
    spot : float
        Reference price, USD.
    half_width : float
        Half width of the buckets, log price.

    Returns
    -------
    Heatmap
        The nearest `HEATMAP_EXPIRATIONS` instants that hold a used contract; series that expire at the same instant
        share a row.
    """
    grid, ratio = _buckets(half_width)
    held = np.zeros(len(chain.series), dtype=np.bool_)
    held[holdings.series] = True
    series_expiry = [s.expiry_ns for s in chain.series]
    instants = sorted({series_expiry[s] for s in held.nonzero()[0]})[:HEATMAP_EXPIRATIONS]
    row_of_instant = {instant: row for row, instant in enumerate(instants)}
    row_of_series = np.array([row_of_instant.get(e, -1) for e in series_expiry], dtype=np.int32)
    row = row_of_series[holdings.series]
    laid = deposit_by_expiry(grid, np.log(holdings.strike / spot), gamma_usd_per_pct, row, len(instants))
    return Heatmap(
        expiry_ns=np.array(instants, dtype=np.int64),
        price=spot * ratio,
        gamma_usd_per_pct=laid.mass,
        outside_usd_per_pct=laid.outside,
    )

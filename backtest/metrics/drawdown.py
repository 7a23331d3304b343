"""Running-peak drawdown: how deep, how long, and how it was recovered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.metrics.figures import Figure, figure, missing
from market.chains import FloatArray
from market.trades import Int64Array

__all__ = [
    "DrawdownSpell",
    "deepest_spells",
    "drawdown_spells",
    "longest_underwater_days",
    "max_drawdown",
    "underwater",
]

_DAY_NS: Final = 86_400e9


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawdownSpell:
    """One time under water, from a peak until it is reached again.

    Parameters
    ----------
    peak_ns, trough_ns : int
        Last instant at the peak, and the deepest, ns since the epoch, UTC.
    recovered_ns : int
        First instant at or above the peak again; 0 while it is not recovered.
    depth : float
        Fraction of the peak, 0 to 1.
    days_down, days_up : float
        Calendar days from peak to trough, and from trough to recovery; `days_up` is NaN while it is not recovered.
    days_under : float
        Calendar days from the peak to the recovery, or to the end of the series.
    """

    peak_ns: int
    trough_ns: int
    recovered_ns: int
    depth: float
    days_down: float
    days_up: float
    days_under: float


def underwater(index: FloatArray) -> FloatArray:
    """Return the share of the running peak that is lost at each point, 0 at a peak.

    Parameters
    ----------
    index : ndarray, shape (n,)
        Wealth without deposits, >= 0 and > 0 at the first.

    Returns
    -------
    ndarray, shape (n,)
        ``1 - index / max(index so far)``, 0 to 1 (H85).
    """
    return 1.0 - index / np.maximum.accumulate(index)


def max_drawdown(index: FloatArray) -> Figure:
    """Return the largest loss from a running peak, a fraction from 0 to 1.

    Parameters
    ----------
    index : ndarray, shape (n,)
        As `underwater`; the finer its marks, the deeper the figure can be.

    Returns
    -------
    Figure
        0 means that wealth never fell at a mark; missing with fewer than two marks.
    """
    return figure(float(underwater(index).max())) if index.size > 1 else missing("fewer than two marks")


def drawdown_spells(ts_ns: Int64Array, index: FloatArray) -> tuple[DrawdownSpell, ...]:
    """Return every spell under water, in time order.

    Parameters
    ----------
    ts_ns : ndarray of int64, shape (n,)
        Instants, ns since the epoch, UTC, rising.
    index : ndarray, shape (n,)
        As `underwater`.

    Returns
    -------
    tuple of DrawdownSpell
        The last may be open.
    """
    depth = underwater(index)
    below = np.concatenate([[False], depth > 0.0, [False]])
    turns = np.flatnonzero(below[1:] != below[:-1])
    return tuple(
        _spell(ts_ns, depth, int(start), int(stop)) for start, stop in zip(turns[::2], turns[1::2], strict=True)
    )


def _spell(ts_ns: Int64Array, depth: FloatArray, start: int, stop: int) -> DrawdownSpell:
    # Rows start to stop - 1 lie under water; the peak is the row before, the recovery row `stop` where there is one.
    trough = start + int(np.argmax(depth[start:stop]))
    is_open = stop == depth.size
    peak_ns, trough_ns = int(ts_ns[start - 1]), int(ts_ns[trough])
    end_ns = int(ts_ns[-1 if is_open else stop])
    return DrawdownSpell(
        peak_ns=peak_ns,
        trough_ns=trough_ns,
        recovered_ns=0 if is_open else end_ns,
        depth=float(depth[trough]),
        days_down=(trough_ns - peak_ns) / _DAY_NS,
        days_up=float("nan") if is_open else (end_ns - trough_ns) / _DAY_NS,
        days_under=(end_ns - peak_ns) / _DAY_NS,
    )


def deepest_spells(ts_ns: Int64Array, index: FloatArray, count: int = 10) -> tuple[DrawdownSpell, ...]:
    """Return the deepest spells under water, deepest first; of equal depth the earlier first."""
    return tuple(sorted(drawdown_spells(ts_ns, index), key=lambda spell: (-spell.depth, spell.peak_ns))[:count])


def longest_underwater_days(ts_ns: Int64Array, index: FloatArray) -> Figure:
    """Return the calendar days of the longest spell under water; 0 where wealth never fell, missing below two marks."""
    if index.size < 2:
        return missing("fewer than two marks")
    below = np.concatenate([[False], underwater(index) > 0.0, [False]])
    turns = np.flatnonzero(below[1:] != below[:-1])
    if not turns.size:
        return figure(0.0)
    first, after = turns[::2] - 1, np.minimum(turns[1::2], index.size - 1)
    return figure(float((ts_ns[after] - ts_ns[first]).max()) / _DAY_NS)

"""Readings broken on purpose: whatever they score, the field must beat."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from fields.evidence.auc import IntArray
from fields.evidence.plan import StudySample
from market.chains import FloatArray, OptionChain
from market.errors import DataError

__all__ = ["lagged_reading", "shuffled_open_interest", "shuffled_outcomes"]


def shuffled_open_interest(chain: OptionChain, rng: np.random.Generator) -> OptionChain:
    """Return a chain whose open interest is dealt anew across the strikes of each expiration and right.

    Parameters
    ----------
    chain : OptionChain
        Any.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    OptionChain
        Same total by expiration and right, so that only where the interest stands is lost.
    """
    interest = chain.open_interest.copy()
    group = 2 * chain.series_index.astype(np.int64) + chain.is_call
    order = np.argsort(group, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        interest[rows] = interest[rng.permutation(rows)]
    return replace(chain, open_interest=interest)


def lagged_reading(reading: FloatArray, session: IntArray, slot: IntArray, *, sessions: int = 20) -> FloatArray:
    """Return what a reading was some sessions ago at the same slot, such as the same time of day of one symbol.

    Parameters
    ----------
    reading : ndarray, shape (n,)
        The field's reading.
    session : ndarray of int64, shape (n,)
        Number of the session, counted without gaps.
    slot : ndarray of int64, shape (n,)
        Slot within a session; a slot occurs at most once in it.
    sessions : int
        Lag, > 0.

    Returns
    -------
    ndarray, shape (n,)
        NaN where there was none.
    """
    if sessions < 1:
        raise DataError("a lag points to the past", found=str(sessions), expected=">= 1")
    width = int(slot.max(initial=0)) + 1
    key = session * width + slot
    order = np.argsort(key, kind="stable")
    wanted = key - sessions * width
    place = np.minimum(np.searchsorted(key[order], wanted), key.size - 1)
    found = order[place]
    return np.where(key[found] == wanted, reading[found], np.nan)


def shuffled_outcomes(sample: StudySample, rng: np.random.Generator) -> StudySample:
    """Return a sample whose outcomes are dealt anew over its rows: every model must then score one half.

    Parameters
    ----------
    sample : StudySample
        Any.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    StudySample
        Nothing else changed.
    """
    return replace(sample, outcome=rng.permutation(sample.outcome))

"""Rows that are published, revised and told again: which of them were known at an instant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Protocol, TypeVar

import numpy as np

from market.trades import Int64Array

__all__ = ["newest_known", "published_rows"]


class _Published(Protocol):
    @property
    def available_ns(self) -> Int64Array: ...


_Batch = TypeVar("_Batch", bound=_Published)


def newest_known(ids: Sequence[str], available_ns: Int64Array, instant_ns: int) -> Int64Array:
    """Return the newest row of each id that was known at an instant.

    Parameters
    ----------
    ids : sequence of str
        Whose row each is.
    available_ns : ndarray of int64, shape (n_rows,)
        From when each was known, ns since the epoch, UTC, rising.
    instant_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    ndarray of int64, shape (n_ids,)
        Rising places.
    """
    n_known = int(np.searchsorted(available_ns, instant_ns, side="right"))
    return np.array(sorted({ids[row]: row for row in range(n_known)}.values()), dtype=np.int64)


def published_rows(batch: _Batch, columns: Sequence[str], rows: Int64Array) -> _Batch:
    """Return some rows of a batch of publications.

    Parameters
    ----------
    batch : EventBatch or NewsBatch
        The batch.
    columns : sequence of str
        Names of its arrays and tuples of one value per row.
    rows : ndarray of int64
        Places.

    Returns
    -------
    EventBatch or NewsBatch
        Its instant is that at which the newest of the rows was known; 0 where there is none.
    """
    chosen: dict[str, Any] = {}
    for name in columns:
        column = getattr(batch, name)
        chosen[name] = column[rows] if isinstance(column, np.ndarray) else tuple(column[row] for row in rows.tolist())
    newest_ns = int(batch.available_ns[rows].max()) if rows.size else 0
    changed: _Batch = replace(batch, ts_event_ns=newest_ns, **chosen)  # type: ignore[type-var]  # both are dataclasses
    return changed

"""Alpaca's news as messages of `market`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from adapters.alpaca.rows import origin, stamp_ns
from market.news import NewsBatch

__all__ = ["news_batch"]


def news_batch(items: Iterable[Mapping[str, Any]], *, simulated: bool) -> NewsBatch:
    """Return articles in order of knowledge.

    Parameters
    ----------
    items : iterable of mapping
        As the venue tells them.
    simulated : bool
        Whether the venue is an emulated one.

    Returns
    -------
    NewsBatch
        An article is published when it was created, and known, as it now reads, when it was changed last.
    """
    rows = [(stamp_ns(item["created_at"]), stamp_ns(item["updated_at"]), item) for item in items]
    rows.sort(key=lambda row: (max(row[:2]), int(row[2]["id"])))
    published = np.array([created for created, _, _ in rows], dtype=np.int64)
    available = np.array([max(created, changed) for created, changed, _ in rows], dtype=np.int64)
    return NewsBatch(
        ts_event_ns=int(available.max(initial=0)),
        cause_id="news",
        provenance=origin("news", simulated=simulated),
        article_id=tuple(str(item["id"]) for _, _, item in rows),
        published_ns=published,
        available_ns=available,
        headline=tuple(str(item["headline"]) for _, _, item in rows),
        source=tuple(str(item["source"]) for _, _, item in rows),
        symbols=tuple(tuple(str(symbol) for symbol in item["symbols"]) for _, _, item in rows),
    )

"""Alpaca's news as messages of `market`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final, final

import numpy as np

from adapters.alpaca.rows import origin, stamp_ns
from adapters.live.asking import Asking
from market.news import NewsBatch

__all__ = ["NewsPolling", "news_batch"]

_NS_PER_S: Final = 1_000_000_000
_OVERLAP_NS: Final = 600 * _NS_PER_S  # an article may appear some time after the instant that it bears


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


@final
class NewsPolling:
    """Asks for articles now and then, and tells each version of each once.

    Parameters
    ----------
    ask : callable
        Returns the articles from an instant on.
    every_s : float or None
        Seconds between questions; None asks for nothing.
    now_ns : callable
        The venue's time, ns since the epoch, UTC.
    """

    def __init__(self, ask: Callable[[int], NewsBatch], every_s: float | None, now_ns: Callable[[], int]) -> None:
        self._ask, self._every_s, self._now_ns = ask, every_s, now_ns
        self._since_ns, self._due_ns = 0, 0
        self._told: dict[tuple[str, int], None] = {}
        self.asking: Asking[NewsBatch] = Asking()
        """What is under way."""

    def open(self, since_ns: int) -> None:
        """Say from when on articles are told, ns since the epoch, UTC."""
        self._since_ns = since_ns

    def turn(self) -> tuple[NewsBatch, ...]:
        """Return the articles that have come since the turn before, and ask again where that is due.

        Returns
        -------
        tuple of NewsBatch
            One or none; raises VenueError where trying again cannot help.
        """
        if self._every_s is None:
            return ()
        now_ns = self._now_ns()
        found = self.asking.take()
        if not self.asking.is_under_way and now_ns >= self._due_ns:
            self._due_ns = now_ns + int(self._every_s * _NS_PER_S)
            newest_ns = max((available_ns for _, available_ns in self._told), default=self._since_ns)
            self._since_ns = max(self._since_ns, newest_ns - _OVERLAP_NS)
            self.asking.begin(partial(self._ask, self._since_ns))
        return () if found is None else self._fresh(found)

    def _fresh(self, found: NewsBatch) -> tuple[NewsBatch, ...]:
        keys = list(zip(found.article_id, found.available_ns.tolist(), strict=True))
        rows = [row for row, key in enumerate(keys) if key not in self._told and key[1] >= self._since_ns]
        # What the next question cannot tell again need not be remembered.
        newest_ns = max((available_ns for _, available_ns in (*self._told, *keys)), default=0)
        self._told = {key: None for key in (*self._told, *keys) if key[1] >= newest_ns - _OVERLAP_NS}
        return (_rows(found, rows),) if rows else ()


def _rows(batch: NewsBatch, rows: list[int]) -> NewsBatch:
    return replace(
        batch,
        article_id=tuple(batch.article_id[row] for row in rows),
        published_ns=batch.published_ns[rows],
        available_ns=batch.available_ns[rows],
        headline=tuple(batch.headline[row] for row in rows),
        source=tuple(batch.source[row] for row in rows),
        symbols=tuple(batch.symbols[row] for row in rows),
    )

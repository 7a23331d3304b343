"""News articles with the instants at which they could be known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from market.errors import DataError
from market.provenance import Provenance
from market.publication import newest_known, published_rows
from market.trades import Int64Array

__all__ = ["NewsBatch"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsBatch:
    """Articles in order of `available_ns`; arrays and tuples of length ``n_articles``.

    An article that its publisher changes has several rows of one `article_id`, each known from its own instant.

    Parameters
    ----------
    ts_event_ns : int
        Instant of the batch, ns since the epoch, UTC: that at which its newest row was known.
    cause_id : str
        Id of the message or record that this one comes from.
    provenance : Provenance
        Source, origin and the simulated mark.
    article_id : tuple of str
        Tells the articles apart.
    published_ns : ndarray of int64
        First publication of the article, ns since the epoch, UTC.
    available_ns : ndarray of int64
        Instant from which this row was known, ns since the epoch, UTC; never before `published_ns`.
    headline : tuple of str
        As published in this row.
    source : tuple of str
        Publisher.
    symbols : tuple of tuple of str
        Whom each article concerns; empty for the whole market.
    """

    ts_event_ns: int
    cause_id: str
    provenance: Provenance
    article_id: tuple[str, ...]
    published_ns: Int64Array
    available_ns: Int64Array
    headline: tuple[str, ...]
    source: tuple[str, ...]
    symbols: tuple[tuple[str, ...], ...]

    def __post_init__(self) -> None:
        n = len(self.article_id)
        lengths = {len(self.headline), len(self.source), len(self.symbols)}
        lengths |= {self.published_ns.shape[0], self.available_ns.shape[0]}
        if lengths != {n}:
            raise _broken("lengths", str(sorted(lengths)), f"{n} everywhere")
        if n and (np.diff(self.available_ns) < 0).any():
            raise _broken("order", "rows out of order", "rising available_ns")
        if n and int((self.available_ns - self.published_ns).min()) < 0:
            raise _broken("available_ns", "an article known before its publication", "available_ns >= published_ns")

    @property
    def n_articles(self) -> int:
        """Number of rows."""
        return len(self.article_id)

    def known_at(self, instant_ns: int) -> NewsBatch:
        """Return what was known at an instant: of each article the newest row, in order of `available_ns`.

        Parameters
        ----------
        instant_ns : int
            ns since the epoch, UTC.

        Returns
        -------
        NewsBatch
            One row per article.
        """
        return published_rows(self, _COLUMNS, newest_known(self.article_id, self.available_ns, instant_ns))


_COLUMNS: Final = ("article_id", "published_ns", "available_ns", "headline", "source", "symbols")


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} breaks the news", found=found, expected=expected)

"""The newest order book of the underlying: where the potential's liquidity comes from while it is fresh."""

from __future__ import annotations

from math import isfinite, nan
from typing import Final, final

from fields.conventions import LiquiditySource
from fields.illiquidity.config import ImpactConfig
from fields.illiquidity.depth import depth_impact
from fields.illiquidity.impact import ImpactEstimate
from fields.illiquidity.profiles import depth_profile
from fields.liquidity import LiquidityProfile
from fields.live.readings import BookReading
from market.books import BookSnapshot

__all__ = ["LiveBook"]

_NS_PER_S: Final = 1e9
_NO_BOOK: Final = "no order book has come"


@final
class LiveBook:
    """One underlying's newest book; one writer, no clock but that of the messages.

    Parameters
    ----------
    max_age_ns : int
        A book older than this says nothing any more, ns.
    impact : ImpactConfig
        Settings of the impact of depth.
    saved : BookSnapshot, optional
        To go on from.
    """

    def __init__(self, max_age_ns: int, impact: ImpactConfig, saved: BookSnapshot | None = None) -> None:
        self._max_age_ns, self._impact_config = max_age_ns, impact
        self.newest = saved
        """The newest book; None before the first."""
        self.late = 0
        """Books that came after a newer one; dropped."""

    @property
    def is_simulated(self) -> bool:
        """Whether the newest book is simulated."""
        return self.newest is not None and self.newest.provenance.simulated

    def on_book(self, book: BookSnapshot) -> bool:
        """Take a book, and return whether it is newer than the one that stands."""
        if self.newest is not None and book.ts_event_ns < self.newest.ts_event_ns:
            self.late += 1
            return False
        self.newest = book
        return True

    def read(self, now_ns: int) -> tuple[BookReading, LiquidityProfile | None, ImpactEstimate | None]:
        """Return what the book says at an instant.

        Parameters
        ----------
        now_ns : int
            Newest instant of any message, ns since the epoch, UTC.

        Returns
        -------
        reading : BookReading
            The book in a few numbers.
        liquidity : LiquidityProfile or None
            Relative illiquidity by distance from the book's own middle, so that a perpetual's basis moves nothing; None
            where the book is missing, too old or says nothing at spot.
        impact : ImpactEstimate or None
            What its depth implies; None where it is missing or too old.
        """
        book = self.newest
        if book is None:
            return _missing(_NO_BOOK), None, None
        age_ns = now_ns - book.ts_event_ns
        mid, spread = _middle(book)
        profile, impact, why = None, None, ""
        if age_ns > self._max_age_ns:
            why = f"the book is older than {self._max_age_ns / _NS_PER_S:g} s"
        elif not isfinite(mid):
            why = "a side of the book is empty, or it is crossed"
        else:
            sides = (book.bid_price, book.bid_size, book.ask_price, book.ask_size)
            impact = depth_impact(*sides, self._impact_config)
            found = depth_profile(*sides, mid)
            profile, why = (found, "") if found.source is LiquiditySource.DEPTH else (None, found.reason)
        reading = BookReading(
            market=book.market,
            age_s=age_ns / _NS_PER_S,
            mid=mid,
            spread=spread,
            return_per_usd=nan if impact is None else impact.return_per_usd,
            is_used=profile is not None,
            reason=why,
        )
        return reading, profile, impact


def _middle(book: BookSnapshot) -> tuple[float, float]:
    if not (book.bid_price.size and book.ask_price.size):
        return nan, nan
    bid, ask = float(book.bid_price[0]), float(book.ask_price[0])
    mid = 0.5 * (bid + ask)
    return (mid, (ask - bid) / mid) if bid <= ask else (nan, nan)


def _missing(reason: str) -> BookReading:
    return BookReading(market="", age_s=nan, mid=nan, spread=nan, return_per_usd=nan, is_used=False, reason=reason)

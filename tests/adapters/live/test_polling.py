"""Chains asked for beside the streams: when they are due, what a failure costs, and seldom while a market is closed."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.live.polling import ChainPolling
from market.calendars import next_open_ns
from market.chains import OptionChain
from market.errors import VenueError
from tests.actors.samples import small_chain
from tests.generators import AS_OF_NS

_S = 1_000_000_000
_SYMBOLS = ("SPX", "SPY")


class _Venue:
    """Answers with a chain of each symbol, or with an error; its time is set."""

    def __init__(self) -> None:
        self.now, self.error = AS_OF_NS, ""
        self.asked: list[tuple[str, ...]] = []
        self.polling = ChainPolling(_SYMBOLS, self.ask, lambda: self.now, every_s=60.0, closed_every_s=900.0)

    def ask(self, symbols: Sequence[str]) -> tuple[OptionChain, ...]:
        self.asked.append(tuple(symbols))
        if self.error:
            raise VenueError("no answer", retryable=self.error == "busy")
        return tuple(small_chain(symbol) for symbol in symbols)

    def after(self, seconds: float) -> list[str]:
        """Move the time, take what came, wait for what was asked, and take that; return the symbols."""
        self.now += round(seconds * _S)
        found = list(self.polling.turn())
        assert self.polling.asking.wait(10.0)
        return [chain.symbol for chain in (*found, *self.polling.turn())]


def test_chains_come_when_they_are_due_and_not_before() -> None:
    """The first are waited for; the next are asked for a period later."""
    venue = _Venue()
    assert [chain.symbol for chain in venue.polling.now()] == list(_SYMBOLS)
    assert [venue.after(seconds) for seconds in (59.0, 1.0, 30.0, 30.0)] == [[], [*_SYMBOLS], [], [*_SYMBOLS]]
    assert venue.asked == [_SYMBOLS] * 3


def test_a_failure_that_passes_is_counted_and_tried_again_soon() -> None:
    """The streams go on meanwhile; one that does not pass ends the feed."""
    venue = _Venue()
    venue.polling.now()
    venue.error = "busy"
    assert venue.after(60.0) == []
    assert venue.polling.asking.failures == 1
    venue.error = ""
    assert venue.after(4.0) == []
    assert venue.after(1.0) == [*_SYMBOLS]
    venue.error = "refused"
    with pytest.raises(VenueError):
        venue.after(60.0)


def test_a_closed_market_is_asked_seldom_and_at_its_open() -> None:
    """What a night costs a small plan is a few requests; the open itself is not missed."""
    venue = _Venue()
    open_ns = next_open_ns("CBOE_Index_Options", AS_OF_NS)
    venue.now = open_ns - 1_000 * _S
    venue.polling.now()
    assert venue.after(60.0) == []
    assert venue.after(840.0) == [*_SYMBOLS]
    assert venue.after(99.0) == []
    assert venue.after(1.0) == [*_SYMBOLS]

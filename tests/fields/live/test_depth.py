"""The order book behind the potential's liquidity: used while it is fresh, and said so."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import numpy as np
import pytest

from actors.codec import decode, encode
from fields.conventions import LiquiditySource
from fields.illiquidity.config import ImpactConfig
from fields.live.depth import LiveBook
from fields.live.market import MarketInputs
from fields.live.state import LiveField, SymbolCheckpoint, SymbolState
from fields.live.summary import describe_live
from market.books import BookSnapshot
from market.chains import FloatArray
from tests.fields.live.context_samples import REAL
from tests.fields.live.samples import HYBRID, SYMBOL, opened

_AGE_NS = HYBRID.book_max_age_ns


def _book(ts_ns: int, mid: float, thin_above: float = 1.0) -> BookSnapshot:
    """Return a hundred levels a side over two per cent; the asks of the upper half hold so much less."""
    steps = mid * 2e-4 * np.arange(1.0, 101.0)
    size: FloatArray = np.full(100, 500.0)
    return BookSnapshot(
        symbol=SYMBOL,
        market=f"{SYMBOL}/USD",
        ts_event_ns=ts_ns,
        cause_id="test",
        provenance=REAL,
        bid_price=mid - steps,
        bid_size=size,
        ask_price=mid + steps,
        ask_size=np.where(steps > 0.01 * mid, size * thin_above, size),
    )


def _told(state: SymbolState, book: BookSnapshot) -> LiveField:
    state.on_book(book)
    return state.field()


def test_a_fresh_book_takes_the_place_of_volume_at_price() -> None:
    """The field says which it used; where the book is thin the potential's liquidity is low."""
    state = opened()
    before = state.field()
    assert before.live.book is not None
    assert (before.live.book.is_used, before.live.book.reason) == (False, "no order book has come")
    after = _told(state, _book(state.now_ns, before.snapshot.spot))
    assert after.snapshot.liquidity_source is LiquiditySource.DEPTH
    assert after.live.book is not None
    assert after.live.book.is_used
    assert after.live.book.spread == pytest.approx(4e-4, rel=1e-6)
    assert describe_live(after.live)["book"]["is_used"]  # type: ignore[index]


def test_a_simulated_book_or_input_marks_the_field_of_a_real_chain() -> None:
    """What was computed with anything simulated says so, whatever the chain is."""

    def told(**on: bool) -> LiveField:
        state = opened()
        real = state.chain()
        state.on_chain(replace(real, provenance=REAL, ts_event_ns=state.now_ns))
        if on.get("book"):
            book = _book(state.now_ns, real.spot_last)
            state.on_book(replace(book, provenance=replace(REAL, simulated=True)))
        state.on_market(MarketInputs(simulated=on.get("market", False)))
        return state.field()

    assert not told().snapshot.provenance.simulated
    assert told(book=True).snapshot.provenance.simulated
    assert told(market=True).snapshot.provenance.simulated


def test_an_old_book_gives_way_with_its_reason() -> None:
    """At its longest age a book still counts; a nanosecond later volume at price does."""
    live = LiveBook(_AGE_NS, ImpactConfig())
    live.on_book(_book(1_000, 100.0))
    fresh, profile, impact = live.read(1_000 + _AGE_NS)
    assert fresh.is_used
    assert profile is not None
    assert impact is not None
    assert impact.return_per_usd > 0.0
    old, profile, impact = live.read(1_001 + _AGE_NS)
    assert (old.is_used, profile, impact) == (False, None, None)
    assert old.reason == "the book is older than 60 s"
    assert isnan(old.return_per_usd)


def test_a_thin_side_costs_more() -> None:
    """Half the orders beyond one per cent double the illiquidity there, relative to the middle."""
    live = LiveBook(_AGE_NS, ImpactConfig())
    live.on_book(_book(0, 100.0, thin_above=0.5))
    _, profile, _ = live.read(0)
    assert profile is not None
    centres = 0.5 * (profile.edges[1:] + profile.edges[:-1])
    upper, lower = (profile.illiquidity[np.abs(centres - place).argmin()] for place in (0.015, -0.015))
    assert upper / lower == pytest.approx(2.0, rel=0.1)


def test_a_book_without_a_side_and_a_crossed_one_say_nothing() -> None:
    """Neither is used, and each says why."""
    live, whole = LiveBook(_AGE_NS, ImpactConfig()), _book(0, 100.0)
    nothing = np.zeros(0)
    for broken in (
        replace(whole, bid_price=nothing, bid_size=nothing),
        replace(whole, bid_price=whole.bid_price + 1.0),
    ):
        live.on_book(broken)
        reading, profile, _ = live.read(0)
        assert (reading.is_used, profile) == (False, None)
        assert reading.reason == "a side of the book is empty, or it is crossed"


def test_a_book_outlives_a_restart_and_an_older_one_is_dropped() -> None:
    """The checkpoint carries it; what comes late is counted and changes nothing."""
    state = opened()
    spot = state.field().snapshot.spot
    state.on_book(_book(state.now_ns, spot))
    again = SymbolState(HYBRID, decode(SymbolCheckpoint, encode(state.checkpoint(SYMBOL))))
    one, two = state.field(), again.field()
    assert encode(one.snapshot.ladder) == encode(two.snapshot.ladder)
    assert encode(one.live.book or one.live) == encode(two.live.book or two.live)
    state.on_book(_book(state.now_ns - 1, 2.0 * spot))
    assert state.field().live.stream.books_late == 1
    assert state.field().live.book == one.live.book

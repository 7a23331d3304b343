"""A gated feed: every planted defect costs quality and is counted, and clean data passes as it is."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from adapters.quality.findings import Check
from adapters.quality.gate import GatedFactory, GatedFeed
from adapters.quality.live_checks import ChainHistory
from adapters.simulated import SimulatedFactory, SimulatedFeed
from adapters.simulated.catalogue import listed_as, named_market
from market.chains import OptionChain
from market.ports import MarketBatch

_MARKET = listed_as(named_market("demo", interval_s=0.0), ("SPY",))
_HOUR_NS = 3_600_000_000_000


class _Played:
    """A feed of given chains."""

    symbols = ("SPY",)

    def __init__(self, chains: Sequence[OptionChain]) -> None:
        self._chains, self._next = list(chains), 0

    def next_batch(self) -> MarketBatch | None:
        if self._next == len(self._chains):
            return None
        self._next += 1
        chain = self._chains[self._next - 1]
        return MarketBatch(sequence=self._next - 1, ts_event_ns=chain.ts_event_ns, chains=(chain,))

    def delay_s(self) -> float:
        return 0.5

    def rewind(self, sequence: int) -> None:
        self._next = sequence + 1


@pytest.fixture(scope="module")
def chains() -> list[OptionChain]:
    """Twenty chains of a simulated session, a step apart."""
    feed = SimulatedFeed(_MARKET)
    return [feed.next_batch().chains[0] for _ in range(20)]


def _passed(chains: Sequence[OptionChain]) -> tuple[GatedFeed, list[OptionChain]]:
    feed = GatedFeed(_Played(chains))
    found = [batch.chains[0] for _ in chains if (batch := feed.next_batch()) is not None]
    return feed, found


def test_a_clean_feed_passes_as_it_is_with_full_quality(chains: list[OptionChain]) -> None:
    """Only the provenance is new, and it says that somebody looked."""
    feed, found = _passed(chains)
    for before, after in zip(chains, found, strict=True):
        assert (before.provenance.quality, after.provenance.quality, after.provenance.quality_reason) == (None, 1.0, "")
        assert after.bid is before.bid
        assert replace(after.provenance, quality=None) == before.provenance
    assert (feed.symbols, feed.delay_s(), feed.next_batch()) == (("SPY",), 0.5, None)


def _crossed(chain: OptionChain) -> OptionChain:
    bid = chain.bid.copy()
    rows = np.flatnonzero((chain.bid > 0.0) & (chain.ask > 0.0))[:100]
    bid[rows] = chain.ask[rows] + 1.0
    return replace(chain, bid=bid)


def _moved_interest(chain: OptionChain) -> OptionChain:
    return replace(chain, open_interest=np.where(np.arange(chain.n_contracts) < 50, 12_345.0, chain.open_interest))


@pytest.mark.parametrize(
    ("spoil", "check", "count"),
    [
        (_crossed, Check.CROSSED, 100),
        (_moved_interest, Check.OPEN_INTEREST, 50),
        (lambda c: replace(c, vendor_iv=np.full(c.n_contracts, 25.0)), Check.VOLATILITY, None),
        (lambda c: replace(c, ts_event_ns=c.ts_event_ns - _HOUR_NS), Check.ORDER, None),
        (lambda c: replace(c, quote_ts_ns=c.quote_ts_ns - _HOUR_NS), Check.STALE, None),
        (lambda c: replace(c, spot_last=0.7 * c.spot_last), Check.OUTLIER, 1),
    ],
)
def test_each_defect_costs_quality_once_and_is_counted(
    chains: list[OptionChain],
    caplog: pytest.LogCaptureFixture,
    spoil: Callable[[OptionChain], OptionChain],
    check: Check,
    count: int | None,
) -> None:
    """Of twenty chains the sixteenth is spoilt; what came before has full quality, and the log tells it once."""
    with caplog.at_level(logging.WARNING, "hedgefield.quality"):
        feed, found = _passed([*chains[:15], spoil(chains[15])])
    quality = [chain.provenance.quality for chain in found]
    assert quality[:15] == [1.0] * 15
    assert quality[15] is not None
    assert quality[15] < 1.0
    assert found[15].provenance.quality_reason
    assert feed.counts[f"chain.{check.value}"] == (chains[15].n_contracts if count is None else count)
    assert len(caplog.records) == 1


def test_open_interest_may_change_from_session_to_session(chains: list[OptionChain]) -> None:
    """Clearing houses publish it once a day."""
    history = ChainHistory()
    assert not [item for item in history.check(chains[0]) if item.check is Check.OPEN_INTEREST]
    later = _moved_interest(replace(chains[1], session=chains[1].session.replace(day=3)))
    assert not [item for item in history.check(later) if item.check is Check.OPEN_INTEREST]


def test_a_rewound_feed_is_judged_like_the_first_time(chains: list[OptionChain]) -> None:
    """Chains that are told again are not out of order."""
    feed, found = _passed(chains)
    feed.rewind(4)
    again = feed.next_batch()
    assert again is not None
    assert again.chains[0].provenance == found[5].provenance


def test_what_was_judged_before_keeps_the_lower_quality(chains: list[OptionChain]) -> None:
    """A store's reader may know more than the chain shows."""
    known = replace(chains[0].provenance, quality=0.25, quality_reason="a gap")
    _, (found,) = _passed([replace(chains[0], provenance=known)])
    assert found.provenance == known


def test_quotes_and_trades_are_counted_on_their_own() -> None:
    """The recipe crosses a process; its feed tells what the streams hold."""
    factory = GatedFactory(factory=SimulatedFactory(config=_MARKET))
    feed = pickle.loads(pickle.dumps(factory))()  # noqa: S301  # our own bytes
    batches = [feed.next_batch() for _ in range(5)]
    one_sided = sum(int((~((q.bid > 0.0) & (q.ask > 0.0))).sum()) for batch in batches for q in batch.quotes)
    assert one_sided > 0
    assert feed.counts["quotes.one_sided"] == one_sided

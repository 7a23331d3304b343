"""The feed: deterministic, gapless, picklable, and able to go back."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise

import pytest

from adapters.simulated import SimulatedFactory, SimulatedFeed, SimulatedMarket, light_config
from market.calendars import session_on
from market.chains import OptionChain
from market.errors import ConfigError
from market.ports import MarketBatch
from market.trades import QuoteBatch, TradeBatch
from tests.adapters.simulated.samples import index_symbol, one_symbol, payload, two_symbols


def _bytes(batch: MarketBatch) -> tuple[bytes, ...]:
    messages: tuple[OptionChain | QuoteBatch | TradeBatch, ...] = (*batch.chains, *batch.quotes, *batch.trades)
    return tuple(payload(item) for item in messages)


def _run(feed: SimulatedFeed, count: int) -> list[MarketBatch]:
    return [feed.next_batch() for _ in range(count)]


def test_the_same_seed_gives_the_same_bytes() -> None:
    """Two feeds of one recipe agree in every number, over two nights."""
    first, second = (_run(SimulatedFeed(two_symbols()), 30) for _ in range(2))
    assert [_bytes(a) for a in first] == [_bytes(b) for b in second]


def test_another_seed_gives_another_market() -> None:
    """Prices and books differ from the first batch, or the second, on."""
    first, second = (_run(SimulatedFeed(two_symbols(seed=seed)), 2) for seed in (1, 2))
    assert _bytes(first[0]) != _bytes(second[0])
    assert first[1].chains[0].spot_last != second[1].chains[0].spot_last


def test_batches_are_numbered_without_gaps_and_time_runs_inside_sessions() -> None:
    """Sequence rises by one, instants rise, and each lies in its session."""
    batches = _run(SimulatedFeed(two_symbols()), 30)
    assert [b.sequence for b in batches] == list(range(30))
    assert all(a.ts_event_ns < b.ts_event_ns for a, b in pairwise(batches))
    assert len({b.chains[0].session for b in batches}) == 3
    for batch in batches:
        session = session_on("NYSE", batch.chains[0].session)
        assert session is not None
        assert session.open_ns <= batch.ts_event_ns < session.close_ns
        assert {chain.ts_event_ns for chain in batch.chains} == {batch.ts_event_ns}


@pytest.mark.parametrize("back_to", [-1, 0, 40, 63, 64, 70, 99])
def test_after_a_rewind_the_feed_continues_identically(back_to: int) -> None:
    """From the seed or from a checkpoint, the same batches come again."""
    feed = SimulatedFeed(one_symbol(index_symbol(), step_s=1_800.0))
    original = _run(feed, 100)
    feed.rewind(back_to)
    for expected in original[back_to + 1 : back_to + 4]:
        again = feed.next_batch()
        assert again.sequence == expected.sequence
        assert _bytes(again) == _bytes(expected)


def test_a_rewind_works_when_the_checkpoints_it_needs_are_gone() -> None:
    """Only the newest checkpoints are kept; older batches come again from the seed."""
    feed = SimulatedFeed(one_symbol(index_symbol(n_daily=1, n_weekly=1, n_monthly=0), step_s=900.0))
    early = _run(feed, 270)[5]
    feed.rewind(4)
    assert _bytes(feed.next_batch()) == _bytes(early)


def test_a_consumer_that_is_ahead_gets_what_comes_after() -> None:
    """A fresh feed told of batch 7 continues with batch 8, as the first feed did."""
    original = _run(SimulatedFeed(two_symbols()), 9)
    fresh = SimulatedFeed(two_symbols())
    fresh.rewind(7)
    assert _bytes(fresh.next_batch()) == _bytes(original[8])


def test_earlier_chains_do_not_change_when_the_market_moves_on() -> None:
    """A batch is a fact: later steps leave its arrays alone."""
    feed = SimulatedFeed(two_symbols())
    feed.next_batch()
    batch = feed.next_batch()
    before = _bytes(batch)
    _run(feed, 20)
    assert _bytes(batch) == before


def test_the_recipe_crosses_a_process_and_opens_the_same_feed() -> None:
    """A pickled factory gives the same first batch."""
    factory = SimulatedFactory(config=two_symbols())
    first, second = factory().next_batch(), pickle.loads(pickle.dumps(factory))().next_batch()  # noqa: S301  # our own
    assert first is not None
    assert second is not None
    assert _bytes(first) == _bytes(second)


def test_pacing_is_the_interval_after_the_first_batch() -> None:
    """The first batch is due at once."""
    feed = SimulatedFeed(replace(two_symbols(), interval_s=2.5))
    assert feed.delay_s() == 0.0
    feed.next_batch()
    assert feed.delay_s() == 2.5


def test_light_symbols_hold_the_contracts_that_were_asked_for() -> None:
    """A thousand small symbols are one call away; each has its contracts and its own underlying."""
    chains: tuple[OptionChain, ...] = SimulatedMarket(light_config(20, 100)).chains()
    assert [chain.n_contracts for chain in chains] == [100] * 20
    assert len({chain.symbol for chain in chains}) == 20
    assert all(series.product.underlying == chain.symbol for chain in chains for series in chain.series)


def test_settings_that_cannot_work_are_refused() -> None:
    """A smile with arbitrage, a doubled name and an unknown symbol are named."""
    with pytest.raises(ConfigError, match="butterfly"):
        index_symbol(smile_width=1.9)
    with pytest.raises(ConfigError, match="differ"):
        replace(two_symbols(), symbols=(index_symbol(), index_symbol()))
    with pytest.raises(ConfigError, match="no such simulated symbol"):
        SimulatedMarket(two_symbols()).truth("SPX")

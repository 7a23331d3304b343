"""Simulated histories: marked, the same every time, and settled by the market's own prints."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.simulated import SimulatedMarket, SimulatedMarketConfig, demo_config
from adapters.store.blobs import BlobFolder
from cluster.histories.fields import BlobsInMemory
from cluster.histories.simulated import simulated_history
from cluster.histories.span import Span
from fields.volatility_index import volatility_index
from market.errors import DataError

SPAN = Span(first=date(2025, 6, 2), last=date(2025, 6, 3))


def config(seed: int = 7) -> SimulatedMarketConfig:
    """Return a small market with a chain every half hour."""
    symbol = replace(demo_config().symbols[0], strikes_each=12, n_monthly=2)
    return replace(demo_config(seed=seed, step_s=1800.0), symbols=(symbol,))


def test_everything_simulated_is_marked() -> None:
    """Sources, chains and bars carry the mark."""
    found = simulated_history(config(), SPAN)
    assert found.simulated
    assert all(source.provenance.simulated for source in found.sources)
    assert found.chains[0].chain(0).provenance.simulated
    assert found.bars[0].provenance.simulated


def test_the_same_settings_give_the_same_history() -> None:
    """Digests are those of the content: another seed gives others."""
    one, again, other = (simulated_history(config(seed), SPAN) for seed in (7, 7, 8))
    assert [s.digest for s in one.sources] == [s.digest for s in again.sources]
    assert [s.digest for s in one.sources] != [s.digest for s in other.sources]
    assert np.array_equal(one.bars[0].close, again.bars[0].close)


def test_the_last_bar_of_a_session_closes_with_the_settlement() -> None:
    """The price that settles what expires is the closing print; the first bar opens with the session."""
    found = simulated_history(config(), SPAN)
    market = SimulatedMarket(replace(config(), start_ns=int(found.bars[0].start_ns[0])))
    bars = found.bars[0]
    last = np.flatnonzero(np.diff(bars.end_ns, append=np.iinfo(np.int64).max) > 3_600 * 10**9)
    for row in last.tolist():
        while market.now_ns < bars.end_ns[row]:
            market.step()
        assert bars.close[row] == market.settlements[0].price
    assert len(last) == 2
    assert (bars.start_ns[1:] >= bars.end_ns[:-1]).all()


def test_chains_are_those_of_the_market() -> None:
    """What is read packed is what the market showed, at the instants at which it showed it."""
    found = simulated_history(config(), SPAN).chains[0]
    market = SimulatedMarket(replace(config(), start_ns=int(found.available_ns[0])))
    for place in range(found.available_ns.shape[0]):
        shown = market.chains()[0]
        assert shown.ts_event_ns == found.available_ns[place]
        assert np.array_equal(shown.bid, found.chain(place).bid)
        market.step()


def test_a_session_is_simulated_once(tmp_path: Path) -> None:
    """The second run finds the sessions on disk; a damaged one is simulated anew, equal to the first."""
    first = simulated_history(config(), SPAN, BlobFolder(tmp_path))
    written = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert len(written) == 3
    second = simulated_history(config(), SPAN, BlobFolder(tmp_path))
    assert [s.digest for s in second.sources] == [s.digest for s in first.sources]
    largest = max(written, key=lambda path: path.stat().st_size)
    content = largest.read_bytes()
    largest.write_bytes(content[:-10])
    third = simulated_history(config(), SPAN, BlobFolder(tmp_path))
    assert largest.read_bytes() == content
    assert np.array_equal(third.chains[0].chain(20).ask, first.chains[0].chain(20).ask)


def test_a_session_that_left_the_cache_says_so() -> None:
    """A bound that is too small for the run ends it with what to do."""
    blobs = BlobsInMemory(most=1)
    found = simulated_history(config(), SPAN, blobs)
    with pytest.raises(DataError, match="more room"):
        found.chains[0].chain(0)


def test_the_days_before_are_those_of_the_same_market() -> None:
    """Daily bars join at the open of the span: prices go on where the warm-up ended, and nothing else is added."""
    found = simulated_history(config(), SPAN, warmup_sessions=8)
    fine, daily = found.bars
    assert daily.n_bars == 10
    assert (daily.start_ns[1:] > daily.end_ns[:-1]).all()
    assert daily.open[8] == fine.open[0]
    assert daily.close[-1] == fine.close[-1]
    assert abs(np.log(daily.open[8] / daily.close[7])) < 0.05
    assert (daily.high >= np.fmax(daily.open, daily.close)).all()
    assert (daily.low <= np.fmin(daily.open, daily.close)).all()
    assert daily.provenance.simulated


def test_the_indices_are_those_of_the_chains_by_their_instants() -> None:
    """Each level is the index of the chain of its instant; what a chain does not tell has no row."""
    found = simulated_history(config(), SPAN)
    chains = found.chains[0]
    assert [batch.series for batch in found.series] == ["SIM.SPX.VIX", "SIM.SPX.VIX9D"]
    for place in (0, len(chains.available_ns) - 1):
        levels = volatility_index(chains.chain(place), (30.0, 9.0))
        for batch, level in zip(found.series, levels, strict=True):
            row = np.flatnonzero(batch.event_ns == chains.available_ns[place])
            assert batch.value[row].tolist() == ([level] if np.isfinite(level) else [])
            assert batch.provenance.simulated
    assert 5.0 < float(np.median(found.series[0].value)) < 60.0

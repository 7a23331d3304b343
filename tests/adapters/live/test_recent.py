"""Batches that are told again: the same ones, in order, as many as fit, and a clear answer where they do not."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.live.recent import RecentBatches
from market.errors import DataError
from market.ports import MarketBatch
from market.provenance import AsOfSource, Provenance
from market.trades import ContractTable, TradeBatch

_ORIGIN = Provenance(source="toy", origin="toy", simulated=True, as_of_source=AsOfSource.RECEIVED)


def _batch(sequence: int, n_trades: int = 0) -> MarketBatch:
    column = np.ones(n_trades)
    trades = TradeBatch(
        symbol="SPY",
        ts_event_ns=sequence,
        cause_id="toy",
        provenance=_ORIGIN,
        contracts=ContractTable.empty(),
        contract=np.full(n_trades, -1, dtype=np.int32),
        ts_ns=np.zeros(n_trades, dtype=np.int64),
        trade_id=np.arange(n_trades, dtype=np.int64),
        price=column,
        size=column,
        flags=np.zeros(n_trades, dtype=np.uint8),
        venue=np.zeros(n_trades, dtype=np.int16),
        aggressor=np.zeros(n_trades, dtype=np.int8),
    )
    return MarketBatch(sequence=sequence, ts_event_ns=sequence, chains=(), trades=(trades,))


def _told(n_batches: int, n_trades: int = 0, **limits: int) -> RecentBatches:
    recent = RecentBatches(0.5, **limits)
    for _ in range(n_batches):
        recent.keep(_batch(recent.sequence, n_trades))
    return recent


def _again(recent: RecentBatches) -> list[int]:
    found = []
    while (batch := recent.again()) is not None:
        found.append(batch.sequence)
    return found


@pytest.mark.parametrize("sequence", range(-1, 5))
def test_all_batches_after_a_rewind_come_again_at_once(sequence: int) -> None:
    """They are told without a pause, and then new ones at their pace."""
    recent = _told(5)
    assert recent.rewind(sequence)
    assert (recent.delay_s() == 0.0) == (sequence < 4)
    assert _again(recent) == list(range(sequence + 1, 5))
    assert (recent.sequence, recent.delay_s()) == (5, 0.5)


def test_a_feed_that_told_nothing_takes_up_the_count() -> None:
    """Its first batch follows the consumer's newest, without a pause; nothing can be told again."""
    recent = RecentBatches(0.5)
    assert (recent.sequence, recent.delay_s()) == (0, 0.0)
    assert not recent.rewind(41)
    assert (recent.sequence, recent.again(), recent.has_told) == (42, None, False)
    recent.keep(_batch(42))
    assert (recent.sequence, recent.has_told) == (43, True)


@pytest.mark.parametrize("sequence", [-1, 5, 9, 10])
def test_what_is_not_kept_any_more_and_what_was_never_told_is_refused(sequence: int) -> None:
    """Rows bound what is kept: of ten batches of three rows the last four fit into twelve."""
    recent = _told(10, n_trades=3, most_rows=12)
    if 5 <= sequence < 10:
        assert recent.rewind(sequence)
        assert _again(recent) == list(range(sequence + 1, 10))
    else:
        with pytest.raises(DataError, match="5 to 9"):
            recent.rewind(sequence)


def test_the_newest_batch_is_kept_whatever_it_holds() -> None:
    """A consumer that lost only that one can have it."""
    recent = _told(3, n_trades=30, most_rows=12)
    recent.rewind(1)
    assert _again(recent) == [2]

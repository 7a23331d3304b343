"""Minute bars of coins: a stream of their own, and whole over a cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

pytest.importorskip("alpaca")

from adapters.alpaca import AlpacaFeed
from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer
from adapters.emulated.alpaca import AlpacaFrontEnd
from market.bars import BarBatch
from tests.adapters.alpaca.conftest import COIN, KEY, SECRET, CoinFeed
from tests.adapters.emulated.toy import SYMBOL, small_feed

_MINUTE_NS = 60_000_000_000


def test_bars_of_coins_are_context_over_a_cut(credentials: Credentials, config_of: Callable[..., Any]) -> None:
    """Those of minutes that ended while the stream was down are asked for; each is told once."""

    def bars_have_come(counts: Any) -> bool:
        return bool(counts["bars"] >= 2)

    def is_open_again(counts: Any) -> bool:
        return bool(counts["reconnects"] >= 1)

    front = AlpacaFrontEnd(KEY, SECRET, requests_per_min=100_000)
    with EmulatedServer(front, CoinFeed(small_feed(chain_every=5))) as venue:
        venue.step(20)
        config = config_of(venue, symbols=(SYMBOL,), coin_symbols=(COIN,), stream_options=False)
        feed = AlpacaFeed(config, credentials, clock=venue.desk.clock)
        begun_ns = venue.desk.clock.now_ns() // _MINUTE_NS * _MINUTE_NS
        batches = [feed.next_batch()]
        assert feed.coins.arrivals.wait(lambda counts: counts["subscribed"] == 1, 10.0)
        venue.step(130)
        assert feed.coins.arrivals.wait(bars_have_come, 10.0)
        batches.append(feed.next_batch())
        venue.cut_streams()
        venue.step(70)
        assert feed.coins.arrivals.wait(is_open_again, 10.0)
        batches += [feed.next_batch(), feed.next_batch()]
        feed.close()
        bars, now_ns = venue.desk.market.bars(COIN, _MINUTE_NS), venue.desk.clock.now_ns()
    told = [item for batch in batches for item in batch.context if isinstance(item, BarBatch)]
    ended = (bars.start_ns >= begun_ns) & (bars.start_ns + _MINUTE_NS <= now_ns)
    assert {item.symbol for item in told} == {COIN}
    assert np.count_nonzero(ended) >= 3
    np.testing.assert_array_equal(np.concatenate([item.start_ns for item in told]), bars.start_ns[ended])
    np.testing.assert_array_equal(np.concatenate([item.close for item in told]), bars.close[ended])

"""An emulated Alpaca and the unmodified vendor client that talks to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer
from adapters.emulated.alpaca import AlpacaFrontEnd, NewsArticle
from market.ports import MarketBatch, MarketFeed
from market.trades import UNDERLYING, select
from tests.adapters.emulated.toy import SYMBOL, small_feed

pytest.importorskip("alpaca")

KEY, SECRET = "PKEMULATED0000000001", "s3cr3t-of-the-emulated-venue"  # pragma: allowlist secret


COIN = "BTC/USD"


class GreekFeed:
    """The small feed whose chains carry a vendor's volatility and Greeks on calls."""

    def __init__(self, inner: MarketFeed) -> None:
        self._inner = inner
        self.symbols, self.delay_s, self.rewind = inner.symbols, inner.delay_s, inner.rewind

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch with Greeks."""
        batch = self._inner.next_batch()
        if batch is None:
            return None
        chains = tuple(
            replace(
                chain,
                vendor_iv=np.where(chain.is_call, 0.2, np.nan),
                vendor_delta=np.where(chain.is_call, 0.5, np.nan),
                vendor_gamma=np.where(chain.is_call, 0.01, np.nan),
            )
            for chain in batch.chains
        )
        return replace(batch, chains=chains)


class CoinFeed:
    """The small feed, whose prints and quotes of the underlying are those of a coin as well."""

    def __init__(self, inner: MarketFeed) -> None:
        self._inner = inner
        self.symbols, self.delay_s, self.rewind = (*inner.symbols, COIN), inner.delay_s, inner.rewind

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch with the coin's rows; the side that took is that of the number's last two bits."""
        batch = self._inner.next_batch()
        if batch is None:
            return None
        trades = [select(item, item.contract == UNDERLYING) for item in batch.trades]
        quotes = [select(item, item.contract == UNDERLYING) for item in batch.quotes]
        sides = [np.array([1, -1, 0, 1], dtype=np.int8)[item.trade_id & 3] for item in trades]
        sided = (replace(item, symbol=COIN, aggressor=side) for item, side in zip(trades, sides, strict=True))
        return replace(
            batch,
            trades=(*batch.trades, *sided),
            quotes=(*batch.quotes, *(replace(item, symbol=COIN) for item in quotes)),
        )


@pytest.fixture
def credentials() -> Credentials:
    """The key that the venue knows."""
    return Credentials(vendor="alpaca", key=KEY, secret=SECRET)


@pytest.fixture
def venue() -> Iterator[EmulatedServer]:
    """An emulated Alpaca after twenty batches, one a second."""
    news = [
        NewsArticle(number=n, created_ns=n, updated_ns=n, headline=f"Article {n}", symbols=(SYMBOL,))
        for n in range(1, 121)
    ]
    front = AlpacaFrontEnd(KEY, SECRET, news=news, requests_per_min=100_000, snapshot_page=50)
    with EmulatedServer(front, GreekFeed(small_feed(chain_every=5))) as server:
        server.step(20)
        yield server


@pytest.fixture
def config_of(tmp_path: Path) -> Callable[..., Any]:
    """Return a maker of settings that point at a server."""
    from adapters.alpaca import AlpacaConfig

    def make(server: EmulatedServer, **changes: Any) -> AlpacaConfig:
        usual: dict[str, Any] = {
            "symbols": (SYMBOL,),
            "rest_url": server.url,
            "stream_url": server.ws_url,
            "requests_per_min": 100_000,
            "limits_folder": tmp_path,
            "reconnect_min_s": 0.02,
            "interval_s": 0.0,
        }
        return AlpacaConfig(**(usual | changes))

    return make


@pytest.fixture
def client(venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any]) -> Iterator[Any]:
    """A client of the emulated venue, whose clock it reads."""
    from adapters.alpaca import AlpacaClient

    with AlpacaClient(config_of(venue), credentials, clock=venue.desk.clock) as opened:
        yield opened

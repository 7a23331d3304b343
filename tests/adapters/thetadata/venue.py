"""A terminal over a simulated minute market, and over trades that stand exactly on the borders of minutes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.special import ndtr

pytest.importorskip("tenacity")

from adapters.emulated import EmulatedServer, Fault
from adapters.emulated.thetadata import ThetaDataFront
from adapters.thetadata import TerminalConfig, ThetaFormat, ThetaTerminal
from market.chains import OptionChain
from market.ports import MarketBatch, MarketFeed
from market.trades import UNDERLYING, select
from tests.adapters.emulated.toy import SYMBOL, small_feed
from tests.generators import YEAR_NS

__all__ = ["DAY", "SYMBOL", "GreekFeed", "ListedFeed", "border_feed", "served", "terminal_of"]

DAY = date(2025, 6, 2)
OPEN_NS = 1_748_871_000_000_000_000  # 09:30 in New York
MINUTE_NS = 60_000_000_000


class ListedFeed:
    """Delivers batches from a list."""

    symbols = (SYMBOL,)

    def __init__(self, batches: list[MarketBatch]) -> None:
        self._batches, self._next = batches, 0

    def next_batch(self) -> MarketBatch | None:
        """Return the next one."""
        self._next += 1
        return self._batches[self._next - 1] if self._next <= len(self._batches) else None

    def delay_s(self) -> float:
        """Return that it is due."""
        return 0.0

    def rewind(self, sequence: int) -> None:
        """Go back."""
        self._next = sequence + 1


class GreekFeed:
    """Adds a vendor's volatility, delta and gamma to the chains of a feed: another of each per contract."""

    def __init__(self, feed: MarketFeed) -> None:
        self._feed = feed
        self.symbols = feed.symbols
        self.delay_s, self.rewind = feed.delay_s, feed.rewind

    def next_batch(self) -> MarketBatch | None:
        """Return the next one with Greeks."""
        batch = self._feed.next_batch()
        return None if batch is None else replace(batch, chains=tuple(_with_greeks(chain) for chain in batch.chains))


def _with_greeks(chain: OptionChain) -> OptionChain:
    tau = (chain.expiry_ns[chain.series_index] - chain.ts_event_ns) / YEAR_NS
    k = np.log(chain.strike / chain.spot_last)
    iv = 0.12 + 0.5 * k * k
    a = iv * np.sqrt(tau)
    d1 = 0.5 * a - k / a
    return replace(
        chain,
        vendor_iv=iv,
        vendor_delta=ndtr(d1) - ~chain.is_call,
        vendor_gamma=np.exp(-0.5 * d1 * d1) / (np.sqrt(2.0 * np.pi) * chain.spot_last * a),
    )


def border_feed() -> MarketFeed:
    """Return a market whose option trades fall on, just before and just after whole minutes."""
    source = small_feed(step_s=5.0)
    batches = [batch for _ in range(30) if (batch := source.next_batch()) is not None]
    trades = next(item for batch in batches for item in batch.trades if (item.contract != UNDERLYING).sum() >= 9)
    rows = np.flatnonzero(trades.contract != UNDERLYING)[:9]
    offsets = np.array([0, 1, 59_999, 60_000, 60_001, 119_999, 120_000, 120_001, 179_999])
    planted = replace(
        select(trades, rows), ts_ns=OPEN_NS + offsets * 1_000_000, trade_id=np.arange(9), ts_event_ns=OPEN_NS
    )
    first = replace(batches[0], trades=(), quotes=())
    last = replace(batches[-1], trades=(planted,), quotes=(), chains=(), ts_event_ns=OPEN_NS + 3 * MINUTE_NS)
    return ListedFeed([first, last])


@contextmanager
def served(
    feed: MarketFeed | None = None, *, faults: tuple[Fault, ...] = (), steps: int = 40
) -> Iterator[EmulatedServer]:
    """Run the terminal over a feed that has been played for some steps."""
    with EmulatedServer(ThetaDataFront(), feed or GreekFeed(small_feed(step_s=5.0)), faults=faults) as server:
        server.step(steps)
        yield server


def terminal_of(
    server: EmulatedServer, *, timeout_s: float = 5.0, form: ThetaFormat = ThetaFormat.CSV
) -> ThetaTerminal:
    """Return a client of the server that does not wait long between tries."""
    config = TerminalConfig(base_url=f"{server.url}/v3", timeout_s=timeout_s, first_wait_s=0.01, table_format=form)
    return ThetaTerminal(config)

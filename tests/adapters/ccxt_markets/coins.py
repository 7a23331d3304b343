"""Records of crypto exchanges for tests, and a venue that reads them through an emulator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

pytest.importorskip("ccxt")

from adapters.ccxt_markets import CcxtVenue, Credentials, Redirect, VenueConfig
from adapters.emulated import EmulatedServer, FrontEnd
from adapters.emulated.coin_records import CoinMarket, RecordedFeed
from market.bars import BarBatch
from market.funding import FundingBatch
from market.ports import MarketBatch
from market.provenance import AsOfSource, Provenance
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch, TradeBatch

HOUR_NS = 3_600_000_000_000
REAL = Path(__file__).resolve().parents[4] / "shared" / "data"
SPOT = CoinMarket(base="BTC", quote="USDT", tick=0.01, lot=0.00001)
PERPETUAL = CoinMarket(base="BTC", quote="USDT", settle="USDT", tick=0.1, lot=0.001)
_ORIGIN = Provenance(source="test", origin="test", simulated=True, as_of_source=AsOfSource.STAMPED)


def real(name: str) -> Path:
    """Return a file of real data, or skip the test where it is absent."""
    path = REAL / name
    if not path.is_file():
        pytest.skip(f"real data {name} is not on this machine")
    return path


def instants(column: Any) -> np.ndarray[Any, Any]:
    """Return a column of UTC times in ns."""
    found: np.ndarray[Any, Any] = pc.cast(column, "timestamp[ns]").to_numpy().astype("datetime64[ns]").astype(np.int64)
    return found


def bars_of(symbol: str, start_ns: np.ndarray[Any, Any], columns: dict[str, Any], bar_ns: int = HOUR_NS) -> BarBatch:
    """Return bars of a market from columns."""
    n = start_ns.shape[0]
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(start_ns[-1]) + bar_ns,
        cause_id="test",
        provenance=_ORIGIN,
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        start_ns=start_ns,
        end_ns=start_ns + bar_ns,
        vwap=np.full(n, np.nan),
        n_trades=np.full(n, np.nan),
        **{name: np.asarray(columns[name], dtype=np.float64) for name in ("open", "high", "low", "close", "volume")},
    )


def real_bars(name: str, symbol: str, first: str, last: str, bar_ns: int = HOUR_NS) -> BarBatch:
    """Return recorded bars that open in a span."""
    table = pq.read_table(real(name))
    start = instants(table["time"])
    inside = (start >= np.datetime64(first, "ns").astype(np.int64)) & (
        start < np.datetime64(last, "ns").astype(np.int64)
    )
    columns = {n: table[n].to_numpy()[inside] for n in ("open", "high", "low", "close", "volume")}
    return bars_of(symbol, start[inside], columns, bar_ns)


def funding_of(
    symbol: str,
    ts_ns: np.ndarray[Any, Any],
    rate: np.ndarray[Any, Any],
    *,
    mark: np.ndarray[Any, Any] | None = None,
    interval_ns: int = 8 * HOUR_NS,
) -> FundingBatch:
    """Return paid funding of a market from columns."""
    n = ts_ns.shape[0]
    return FundingBatch(
        symbol=symbol,
        ts_event_ns=int(ts_ns[-1]),
        cause_id="test",
        provenance=_ORIGIN,
        ts_ns=ts_ns,
        funding_ns=ts_ns,
        interval_ns=np.full(n, interval_ns, dtype=np.int64),
        rate=rate,
        is_settled=np.ones(n, dtype=np.bool_),
        mark=np.full(n, np.nan) if mark is None else mark,
        index=np.full(n, 30_000.0),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
    )


def ticks(symbol: str, ts_ns: int) -> MarketBatch:
    """Return one quote and four trades of a market, the last two of them in one millisecond."""
    n, step = 4, 1_000_000
    stamps = np.array([ts_ns - 3 * step, ts_ns - 2 * step, ts_ns - step, ts_ns - step], dtype=np.int64)
    trades = TradeBatch(
        symbol=symbol,
        ts_event_ns=ts_ns,
        cause_id="test",
        provenance=_ORIGIN,
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        ts_ns=stamps,
        trade_id=np.array([11, 12, 13, 14], dtype=np.int64),
        price=np.array([30_000.5, 30_001.0, 30_000.0, 29_999.5]),
        size=np.array([0.25, 1.0, 0.125, 2.0]),
        flags=np.zeros(n, dtype=np.uint8),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
        aggressor=np.array([1, 1, -1, -1], dtype=np.int8),
    )
    quotes = QuoteBatch(
        symbol=symbol,
        ts_event_ns=ts_ns,
        cause_id="test",
        provenance=_ORIGIN,
        contracts=ContractTable.empty(),
        contract=np.full(1, UNDERLYING, dtype=np.int32),
        ts_ns=np.array([ts_ns], dtype=np.int64),
        bid=np.array([30_000.0]),
        ask=np.array([30_000.5]),
        bid_size=np.array([1.5]),
        ask_size=np.array([0.75]),
        venue=np.full(1, CONSOLIDATED, dtype=np.int16),
    )
    return MarketBatch(sequence=0, ts_event_ns=ts_ns, chains=(), quotes=(quotes,), trades=(trades,))


class Bench:
    """An emulated exchange and venues that read it; waiting moves the exchange's clock, and nobody sleeps."""

    def __init__(self, server: EmulatedServer) -> None:
        self.server = server
        self.pauses: list[float] = []

    def wait(self, seconds: float) -> None:
        """Note a pause and move the clock by it."""
        self.pauses.append(seconds)
        self.server.desk.clock.advance(int(seconds * 1e9))

    def venue(
        self,
        exchange_id: str,
        credentials: Credentials | None = None,
        *,
        ahead_ns: int = 0,
        is_paced: bool = False,
        **config: Any,
    ) -> CcxtVenue:
        """Return a venue whose requests go to the emulator, on a machine whose clock is so far ahead."""
        clock = self.server.desk.clock
        return CcxtVenue(
            exchange_id,
            credentials,
            config=VenueConfig(is_paced=is_paced, **config),
            simulated=True,
            transport=Redirect(self.server.url),
            clock_ns=lambda: clock.now_ns() + ahead_ns,
            sleep=self.wait,
        )


@contextmanager
def bench(front: FrontEnd, now: str, batches: tuple[MarketBatch, ...] = ()) -> Iterator[Bench]:
    """Run an exchange whose clock stands at an instant, such as ``2023-03-25T00:00``."""
    coins = sorted({chain.symbol for batch in batches for chain in batch.chains})
    with EmulatedServer(front, RecordedFeed(coins, batches)) as server:
        server.step(len(batches))
        server.desk.clock.move_to(int(np.datetime64(now, "ns").astype(np.int64)))
        yield Bench(server)


def ns(text: str) -> int:
    """Return an instant in ns, such as of ``2023-03-25T00:00``."""
    return int(np.datetime64(text, "ns").astype(np.int64))

"""What an emulated crypto exchange lists and has on record: markets, bars and paid funding."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
from starlette.responses import Response

from market.bars import BarBatch
from market.errors import ConfigError
from market.funding import FundingBatch
from market.ports import MarketBatch
from market.trades import UNDERLYING, Int64Array, QuoteBatch, TradeBatch

__all__ = ["CoinMarket", "CoinRecords", "RecordedFeed", "as_json", "bar_rows", "price_text"]

MS: Final = 1_000_000
HOUR_NS: Final = 3_600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinMarket:
    """One market that the exchange lists.

    Parameters
    ----------
    base, quote : str
        Coins.
    settle : str
        Coin of settlement; empty for spot.
    venue_symbol : str
        As the exchange writes it; empty for base and quote in one word.
    tick, lot : float
        Steps of price and amount.
    contract_size : float
        As the exchange tells it.
    funding_interval_ns : int
        Today's interval of a perpetual, ns.
    is_active : bool
        False while trading is halted.
    """

    base: str
    quote: str
    settle: str = ""
    venue_symbol: str = ""
    tick: float = 0.01
    lot: float = 0.001
    contract_size: float = 1.0
    funding_interval_ns: int = 8 * HOUR_NS
    is_active: bool = True

    @property
    def is_perpetual(self) -> bool:
        """Whether it is a perpetual; spot otherwise."""
        return bool(self.settle)

    @property
    def is_inverse(self) -> bool:
        """Whether it settles in the coin itself."""
        return self.settle == self.base

    @property
    def symbol(self) -> str:
        """Name in messages, such as ``BTC/USDT`` or ``BTC/USDT:USDT``."""
        return f"{self.base}/{self.quote}" + (f":{self.settle}" if self.settle else "")

    @property
    def name(self) -> str:
        """Name at the exchange, such as ``BTCUSDT``."""
        return self.venue_symbol or f"{self.base}{self.quote}"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CoinRecords:
    """Everything that the feed of an emulated exchange does not carry.

    Parameters
    ----------
    markets : tuple of CoinMarket
        What is listed.
    bars : mapping of str to BarBatch
        By symbol, in order of time, all of one length; what is missing is not served.
    funding : mapping of str to FundingBatch
        Paid funding by symbol, in order of time.
    moved : mapping of str to tuple
        By symbol the instants (ns since the epoch, UTC) from which the exchange tells another funding interval than
        the market's, with that interval, ns; in order of time.
    keys : mapping of str to str
        Secrets by API key, for requests that are signed.
    """

    markets: tuple[CoinMarket, ...]
    bars: Mapping[str, BarBatch] = field(default_factory=dict)
    funding: Mapping[str, FundingBatch] = field(default_factory=dict)
    moved: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)

    def market(self, name: str, *, is_perpetual: bool) -> CoinMarket | None:
        """Return the market that the exchange calls so, or None."""
        return next((m for m in self.markets if m.name == name and m.is_perpetual == is_perpetual), None)

    def interval_ns(self, market: CoinMarket, as_of_ns: int) -> int:
        """Return the funding interval that the exchange tells for a perpetual at an instant, ns."""
        moved = [interval_ns for since_ns, interval_ns in self.moved.get(market.symbol, ()) if since_ns <= as_of_ns]
        return moved[-1] if moved else market.funding_interval_ns

    def payments(
        self, symbol: str, start_ns: int, end_ns: int, as_of_ns: int
    ) -> tuple[FundingBatch | None, Int64Array]:
        """Return the paid funding of a symbol and the rows in ``[start_ns, end_ns]`` that were known then."""
        batch = self.funding.get(symbol)
        if batch is None:
            return None, np.zeros(0, dtype=np.int64)
        inside = (batch.ts_ns >= start_ns) & (batch.ts_ns <= end_ns) & (batch.ts_ns <= as_of_ns)
        return batch, np.flatnonzero(inside)


def bar_rows(
    records: CoinRecords, symbol: str, length_ns: int, start_ns: int, end_ns: int, as_of_ns: int
) -> list[tuple[int, float, float, float, float, float]]:
    """Return bars that open in ``[start_ns, end_ns]`` as rows of opening instant (ms), prices and volume.

    The bar that has not ended at `as_of_ns` shows its open alone, as a venue's does before the first trade.

    Parameters
    ----------
    records : CoinRecords
        Whose bars.
    symbol : str
        Which market.
    length_ns : int
        Length that was asked for; a length that is not on record gives none.
    start_ns, end_ns, as_of_ns : int
        Instants, ns since the epoch, UTC.
    """
    bars = records.bars.get(symbol)
    if bars is None or not bars.n_bars or int(bars.end_ns[0] - bars.start_ns[0]) != length_ns:
        return []
    inside = (bars.start_ns >= start_ns) & (bars.start_ns <= min(end_ns, as_of_ns))
    rows: list[tuple[int, float, float, float, float, float]] = []
    for place in np.flatnonzero(inside).tolist():
        opened, start_ms = float(bars.open[place]), int(bars.start_ns[place]) // MS
        if int(bars.end_ns[place]) > as_of_ns:
            rows.append((start_ms, opened, opened, opened, opened, 0.0))
        else:
            values = (bars.open, bars.high, bars.low, bars.close, bars.volume)
            rows.append((start_ms, *(float(value[place]) for value in values)))  # type: ignore[arg-type]  # six values
    return rows


def newest_quote(quotes: QuoteBatch | None, as_of_ns: int) -> int:
    """Return the row of the newest quote of the market itself, or -1."""
    if quotes is None:
        return -1
    known = np.flatnonzero((quotes.contract == UNDERLYING) & (quotes.ts_ns <= as_of_ns))
    return int(known[-1]) if known.size else -1


def newest_trades(trades: TradeBatch | None, limit: int, as_of_ns: int) -> Sequence[int]:
    """Return the rows of the newest trades of the market itself, in order of time."""
    if trades is None:
        return []
    known = np.flatnonzero((trades.contract == UNDERLYING) & (trades.ts_ns <= as_of_ns))
    found: list[int] = known[-limit:].tolist()
    return found


def trades_from(
    trades: TradeBatch | None, limit: int, as_of_ns: int, *, first_ns: int = 0, first_id: int = -1
) -> Sequence[int]:
    """Return the rows of the first trades of the market itself from an instant and number on, in order of numbers."""
    if trades is None:
        return []
    inside = (trades.ts_ns <= as_of_ns) & (trades.ts_ns >= first_ns) & (trades.trade_id >= first_id)
    known = np.flatnonzero((trades.contract == UNDERLYING) & inside)
    found: list[int] = known[np.argsort(trades.trade_id[known], kind="stable")][:limit].tolist()
    return found


def price_text(value: float) -> str:
    """Return a number as exchanges print it: decimal, exact, without exponent."""
    return np.format_float_positional(value, trim="0")


def as_json(content: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer; numbers keep all their digits."""
    return Response(json.dumps(content), status, dict(headers or {}), media_type="application/json")


@final
class RecordedFeed:
    """Plays batches that are at hand, one by one; a `market.ports.MarketFeed`.

    Parameters
    ----------
    symbols : sequence of str
        What it delivers.
    batches : iterable of MarketBatch
        In order.
    """

    def __init__(self, symbols: Sequence[str], batches: Iterable[MarketBatch] = ()) -> None:
        self._symbols, self._batches, self._next = tuple(symbols), tuple(batches), 0

    @property
    def symbols(self) -> tuple[str, ...]:
        """What it delivers."""
        return self._symbols

    def next_batch(self) -> MarketBatch | None:
        """Return the next batch, or None at the end."""
        if self._next >= len(self._batches):
            return None
        self._next += 1
        return self._batches[self._next - 1]

    def delay_s(self) -> float:
        """Return the seconds until the next batch is due: none, for nobody waits for a record."""
        return 0.0

    def rewind(self, sequence: int) -> None:
        """Continue after the batch with this sequence number."""
        if sequence < -1:
            raise ConfigError("a feed cannot be rewound before its start", found=str(sequence), expected=">= -1")
        self._next = next((i for i, batch in enumerate(self._batches) if batch.sequence > sequence), len(self._batches))

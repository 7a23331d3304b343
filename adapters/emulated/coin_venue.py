"""A simulated market of coins as an emulated exchange lists it, with what it has on record growing as time passes."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Final, TypeVar, final

import numpy as np

from adapters.emulated.coin_records import CoinMarket, CoinRecords
from adapters.simulated.coin_config import CoinMarketConfig, SimulatedCoin
from adapters.simulated.coin_feed import CoinFeed
from market.bars import BarBatch
from market.funding import FundingBatch
from market.ports import ContextMessage, MarketBatch
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch, TradeBatch

__all__ = ["CoinVenue"]

_MINUTE_NS: Final = 60 * 10**9
_MOST_BARS: Final = 3 * 1_440
_MOST_PAYMENTS: Final = 1_000
_INVERSE_USD: Final = {"BTC": 10.0}  # of a contract; 1 of other coins
_BAR_VALUES: Final = ("open", "high", "low", "close", "volume")

_Ticks = TypeVar("_Ticks", TradeBatch, QuoteBatch)
# Instant, rate, mark and index.
_Payment = tuple[int, float, float, float]


@final
class CoinVenue:
    """Plays simulated coins under the names of an exchange's markets; a `market.ports.MarketFeed`.

    Parameters
    ----------
    config : CoinMarketConfig
        The market; its `history_s` is on record from the start.
    """

    def __init__(self, config: CoinMarketConfig) -> None:
        self._feed, self._by_coin = CoinFeed(config), {coin.symbol: coin for coin in config.coins}
        self._bars: dict[str, BarBatch] = {}
        self._funding: dict[str, FundingBatch] = {}
        self._minutes = {coin.perpetual.symbol: _Minutes() for coin in config.coins}
        self._payments = {coin.perpetual.symbol: _Payments() for coin in config.coins}
        self.records = CoinRecords(
            markets=tuple(_listed(coin) for coin in config.coins), bars=self._bars, funding=self._funding
        )
        """What the exchange lists, and bars and funding up to now: it may be read from any thread."""
        for message in self._feed.market.history:
            self._keep(message)

    @property
    def symbols(self) -> tuple[str, ...]:
        """The coins, whose chains bear their names."""
        return self._feed.symbols

    def delay_s(self) -> float:
        """Return the machine's seconds between batches; 0 before the first."""
        return self._feed.delay_s()

    def next_batch(self) -> MarketBatch:
        """Return the next batch: quotes, trades and books under the markets' names, and what they add on record."""
        batch = self._feed.next_batch()
        for message in batch.context:
            self._keep(message)
        return replace(
            batch,
            quotes=tuple(self._of_market(item) for item in batch.quotes),
            trades=tuple(self._of_market(item) for item in batch.trades),
            context=(),
        )

    def rewind(self, sequence: int) -> None:
        """Continue after a batch, identically to the first time; what is on record stays."""
        self._feed.rewind(sequence)

    def _of_market(self, batch: _Ticks) -> _Ticks:
        if batch.contract[0] != UNDERLYING:
            return batch
        return replace(batch, symbol=self._by_coin[batch.symbol].perpetual.symbol)

    def _keep(self, message: ContextMessage) -> None:
        # One whole batch takes the place of the other, so that whoever reads meanwhile sees one of both.
        if isinstance(message, BarBatch) and self._minutes[message.symbol].add(message):
            self._bars[message.symbol] = self._minutes[message.symbol].batch(message)
        if isinstance(message, FundingBatch):
            self._payments[message.symbol].add(message)
            self._funding[message.symbol] = self._payments[message.symbol].batch(message)


@final
class _Minutes:
    """Bars of minutes out of bars of steps."""

    def __init__(self) -> None:
        self._rows: deque[tuple[int, tuple[float, ...]]] = deque(maxlen=_MOST_BARS)
        self._start_ns, self._row = 0, list[float]()

    def add(self, bar: BarBatch) -> bool:
        """Take the bar of a step; return whether a minute has ended with it."""
        start_ns, end_ns = int(bar.start_ns[0]), int(bar.end_ns[0])
        if self._rows and end_ns <= self._rows[-1][0] + _MINUTE_NS:
            return False  # told again after a rewind
        opened, high, low, close, volume = (float(getattr(bar, name)[0]) for name in _BAR_VALUES)
        minute_ns = start_ns // _MINUTE_NS * _MINUTE_NS
        if minute_ns != self._start_ns or not self._row:
            self._start_ns, self._row = minute_ns, [opened, high, low, close, volume]
        else:
            before = self._row
            self._row = [before[0], max(before[1], high), min(before[2], low), close, before[4] + volume]
        if end_ns < minute_ns + _MINUTE_NS:
            return False
        self._rows.append((minute_ns, tuple(self._row)))
        self._row = []
        return True

    def batch(self, like: BarBatch) -> BarBatch:
        """Return all minutes, with the head of a message."""
        n = len(self._rows)
        start_ns = np.array([start for start, _ in self._rows], dtype=np.int64)
        values = np.array([row for _, row in self._rows]).T
        return replace(
            like,
            contracts=ContractTable.empty(),
            contract=np.full(n, UNDERLYING, dtype=np.int32),
            start_ns=start_ns,
            end_ns=start_ns + _MINUTE_NS,
            vwap=np.full(n, np.nan),
            n_trades=np.full(n, np.nan),
            **dict(zip(_BAR_VALUES, values, strict=True)),
        )


@final
class _Payments:
    """What was paid, and behind it the forecast of what will be, dated when it is due: so the fronts look for it."""

    def __init__(self) -> None:
        self._paid: deque[_Payment] = deque(maxlen=_MOST_PAYMENTS)
        self._due: tuple[_Payment, ...] = ()

    def add(self, told: FundingBatch) -> None:
        """Take a message of one perpetual."""
        for row in range(told.n_rows):
            at_ns = int(told.funding_ns[row])
            payment = (at_ns, float(told.rate[row]), float(told.mark[row]), float(told.index[row]))
            if not told.is_settled[row]:
                self._due = (payment,)
            elif not self._paid or at_ns > self._paid[-1][0]:
                self._paid.append(payment)

    def batch(self, like: FundingBatch) -> FundingBatch:
        """Return all of it, with the head of a message."""
        rows = [*self._paid, *self._due]
        at_ns = np.array([row[0] for row in rows], dtype=np.int64)
        rate, mark, index = np.array([row[1:] for row in rows]).T
        return replace(
            like,
            ts_ns=at_ns,
            funding_ns=at_ns,
            interval_ns=np.full(len(rows), like.interval_ns[-1], dtype=np.int64),
            rate=rate,
            is_settled=np.arange(len(rows)) < len(self._paid),
            mark=mark,
            index=index,
            venue=np.full(len(rows), CONSOLIDATED, dtype=np.int16),
        )


def _listed(coin: SimulatedCoin) -> CoinMarket:
    perpetual = coin.perpetual
    pair, _, settle = perpetual.symbol.partition(":")
    base, _, quote = pair.partition("/")
    is_inverse = settle == base
    usd = _INVERSE_USD.get(base, 1.0)
    return CoinMarket(
        base=base,
        quote=quote,
        settle=settle,
        venue_symbol=f"{base}-PERPETUAL" if is_inverse else "",
        tick=perpetual.tick,
        lot=usd if is_inverse else perpetual.contract_size,
        contract_size=usd if is_inverse else 1.0,
        funding_interval_ns=round(perpetual.funding_interval_s * 1e9),
    )

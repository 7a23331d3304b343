"""Records of the streams on their way into a batch: each once, sorted out by underlying."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar, final

from adapters.polygon.live_rows import Listing, bar_batch, quote_batch, trade_batch
from adapters.polygon.wire import Bar, Quote, Trade
from adapters.ticks.rows import Tally
from market.bars import BarBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = ["Intake", "Told"]

_Row = TypeVar("_Row", Trade, Quote, Bar)
_CONTRACT: Final = "O:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What has come since the batch before, a message per underlying each."""

    trades: tuple[TradeBatch, ...]
    quotes: tuple[QuoteBatch, ...]
    bars: tuple[BarBatch, ...]

    @property
    def newest_ns(self) -> int:
        """Newest instant of all, ns since the epoch, UTC; 0 for nothing."""
        parts: tuple[TradeBatch | QuoteBatch | BarBatch, ...] = (*self.trades, *self.quotes, *self.bars)
        return max((part.ts_event_ns for part in parts), default=0)


@final
class Intake:
    """Keeps records until they are told.

    Parameters
    ----------
    remember : int
        Newest trades that are kept to know a repeated one; as many quotes of shares, and as many minutes.
    simulated : bool
        Whether the venue is one on this machine.
    """

    def __init__(self, remember: int, *, simulated: bool) -> None:
        self._remember, self._simulated = remember, simulated
        self._seen: tuple[OrderedDict[Hashable, None], ...] = (OrderedDict(), OrderedDict(), OrderedDict())
        self._trades: list[Trade] = []
        self._quotes: list[Quote] = []
        self._bars: list[Bar] = []
        self._counts: Counter[str] = Counter()
        self._tally = Tally()

    @property
    def counts(self) -> dict[str, int]:
        """Duplicates, records of no known contract as ``foreign``, and records that cannot be any as ``dropped.*``."""
        dropped = {f"dropped.{reason.value}": rows for reason, rows in self._tally.dropped.items()}
        return {**self._counts, **dropped}

    def put(self, trades: Sequence[Trade], quotes: Sequence[Quote], bars: Sequence[Bar]) -> int:
        """Take what a stream told, and return the newest stamp of what is new, ms since the epoch; 0 for nothing."""
        fresh = self._fresh(0, trades, _of_trade)
        self._counts["duplicates"] += len(trades) - len(fresh)
        self._trades += fresh
        self._quotes += self._fresh_quotes(quotes)
        self._bars += self._fresh(2, bars, _of_bar)
        return max((*(item.t for item in fresh), *(item.t for item in quotes)), default=0)

    def fill(self, trades: Sequence[Trade], quotes: Sequence[Quote], bars: Sequence[Bar]) -> int:
        """Take what a stream missed, which may repeat what it told, and return how many trades are new."""
        fresh = self._fresh(0, trades, _of_trade)
        self._trades += fresh
        self._quotes = [*self._fresh_quotes(quotes), *self._quotes]  # the newest of a contract stays the last
        self._bars += self._fresh(2, bars, _of_bar)
        return len(fresh)

    def tell(self, listings: Mapping[str, Listing], owner: Mapping[str, str]) -> Told:
        """Return all as messages, and keep nothing.

        Parameters
        ----------
        listings : mapping of str to Listing
            Contracts by underlying.
        owner : mapping of str to str
            Underlying of each ticker.

        Returns
        -------
        Told
            Of each underlying that has any.
        """
        simulated, tally = self._simulated, self._tally
        trades, quotes, bars = (
            self._by_symbol(self._trades, listings, owner),
            self._by_symbol(self._quotes, listings, owner),
            self._by_symbol(self._bars, listings, owner),
        )
        told = Told(
            trades=tuple(trade_batch(listings[s], rows, tally, simulated=simulated) for s, rows in trades.items()),
            quotes=tuple(quote_batch(listings[s], rows, tally, simulated=simulated) for s, rows in quotes.items()),
            bars=tuple(bar_batch(s, rows, simulated=simulated) for s, rows in bars.items()),
        )
        self._trades, self._quotes, self._bars = [], [], []
        return told

    def _fresh_quotes(self, quotes: Sequence[Quote]) -> list[Quote]:
        # Those of contracts are never asked for again, and would push the others out.
        fresh = {id(item) for item in self._fresh(1, [q for q in quotes if not q.sym.startswith(_CONTRACT)], _of_quote)}
        return [item for item in quotes if item.sym.startswith(_CONTRACT) or id(item) in fresh]

    def _fresh(self, which: int, rows: Sequence[_Row], key_of: Callable[[_Row], Hashable]) -> list[_Row]:
        seen, found = self._seen[which], []
        for item in rows:
            key = key_of(item)
            if key not in seen:
                seen[key] = None
                found.append(item)
        while len(seen) > self._remember:
            seen.popitem(last=False)
        return found

    def _by_symbol(
        self, rows: list[_Row], listings: Mapping[str, Listing], owner: Mapping[str, str]
    ) -> dict[str, list[_Row]]:
        found: dict[str, list[_Row]] = {}
        for row in rows:
            symbol = owner.get(row.sym)
            if symbol is None or row.sym not in listings[symbol].places:
                self._counts["foreign"] += 1
            else:
                found.setdefault(symbol, []).append(row)
        return found


def _of_trade(item: Trade) -> Hashable:
    # Where the vendor leaves the number out, equal stamps are not enough: a millisecond has room for many prints.
    return (item.sym, item.q, item.t) if item.q >= 0 else (item.sym, item.t, item.p, item.s, item.x)


def _of_quote(item: Quote) -> Hashable:
    return item.sym, item.t, item.bp, item.ap, item.bs, item.as_


def _of_bar(item: Bar) -> Hashable:
    return item.sym, item.s

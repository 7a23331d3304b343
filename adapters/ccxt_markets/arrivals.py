"""What the threads of a live feed have brought and nobody has taken yet."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, final

from adapters.ccxt_markets.trade_line import Missed, TradeLine
from market.chains import OptionChain
from market.errors import VenueError
from market.ports import ContextMessage

__all__ = ["Arrivals", "Taken"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What has come since it was asked last; by market, chains by coin.

    Parameters
    ----------
    trades : mapping of str to list
        Trade structures of ccxt.
    quotes : mapping of str to list
        Instants of receipt (ns since the epoch, UTC) and tickers.
    books : mapping of str to tuple
        Instant of receipt and the newest book: its instant in ms or None, bids and asks.
    chains : mapping of str to OptionChain
        The newest one.
    context : tuple of ContextMessage
        Bars and funding.
    """

    trades: Mapping[str, list[Row]] = field(default_factory=dict)
    quotes: Mapping[str, list[tuple[int, Row]]] = field(default_factory=dict)
    books: Mapping[str, tuple[int, Row]] = field(default_factory=dict)
    chains: Mapping[str, OptionChain] = field(default_factory=dict)
    context: tuple[ContextMessage, ...] = ()


@final
class Arrivals:
    """Filled by the threads of a feed, emptied by its caller; all methods may be called from any thread.

    Parameters
    ----------
    lines : mapping of str to TradeLine
        The trades of each streamed market.
    most : int
        Rows that wait; beyond it trades make a gap that is filled later, and quotes and context are left out.
    """

    def __init__(self, lines: Mapping[str, TradeLine], most: int) -> None:
        self._lines, self._most, self._n = dict(lines), most, 0
        self._changed = threading.Condition()
        self._trades: dict[str, list[Row]] = {}
        self._quotes: dict[str, list[tuple[int, Row]]] = {}
        self._books: dict[str, tuple[int, Row]] = {}
        self._chains: dict[str, OptionChain] = {}
        self._context: list[ContextMessage] = []
        self._error: VenueError | None = None
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong and was put right, over all markets."""
        with self._changed:
            found = Counter(self._counts)
            for line in self._lines.values():
                found.update(line.counts)
            return {name: count for name, count in found.items() if count}

    def count(self, name: str) -> None:
        """Count an event."""
        with self._changed:
            self._counts[name] += 1
            self._changed.notify_all()

    def put_trades(self, market: str, rows: Sequence[Row]) -> None:
        """Take trades of the stream."""
        with self._changed:
            self._counts["trades"] += len(rows)
            if self._n + len(rows) > self._most:
                self._counts["overflowed"] += len(rows)
                self._lines[market].lose()
            else:
                self._keep(market, self._lines[market].put(rows))
            self._changed.notify_all()

    def put_quote(self, market: str, received_ns: int, row: Row) -> None:
        """Take a best quote."""
        with self._changed:
            self._counts["quotes"] += 1
            if self._n >= self._most:
                self._counts["overflowed_quotes"] += 1
            else:
                self._n += 1
                self._quotes.setdefault(market, []).append((received_ns, row))
            self._changed.notify_all()

    def put_book(self, market: str, received_ns: int, row: Row) -> None:
        """Take a book in place of the one before."""
        with self._changed:
            self._counts["books"] += 1
            self._books[market] = (received_ns, row)
            self._changed.notify_all()

    def put_chain(self, chain: OptionChain) -> None:
        """Take an option chain in place of the one before."""
        with self._changed:
            self._counts["chains"] += 1
            self._chains[chain.symbol] = chain
            self._changed.notify_all()

    def put_context(self, message: ContextMessage) -> bool:
        """Take bars or funding; return False where there is no room, so that they are asked for again."""
        with self._changed:
            has_room = self._n < self._most
            self._counts["context" if has_room else "overflowed_context"] += 1
            if has_room:
                self._n += 1
                self._context.append(message)
            self._changed.notify_all()
            return has_room

    def shift(self, by_ms: int) -> None:
        """Move the start of all markets by so many ms; see `TradeLine.shift`."""
        with self._changed:
            for line in self._lines.values():
                line.shift(by_ms)

    def lose(self) -> None:
        """Say that a connection was lost: trades of any market may be missing."""
        with self._changed:
            for line in self._lines.values():
                line.lose()

    def missed(self, market: str, *, waited: bool) -> Missed | None:
        """Return what the history of a market is to be asked for; None for nothing, or where there is no room."""
        with self._changed:
            return self._lines[market].missed(waited=waited) if self._n < self._most else None

    def fill(self, market: str, missed: Missed, rows: Sequence[Row], *, reaches: bool) -> None:
        """Take the answer of history; see `TradeLine.fill`."""
        with self._changed:
            self._keep(market, self._lines[market].fill(missed, rows, reaches=reaches))
            self._changed.notify_all()

    def fail(self, error: VenueError) -> None:
        """Say that the feed has ended for good."""
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def take(self) -> Taken:
        """Return what has come; raise what ended the feed, once nothing is left."""
        with self._changed:
            found = Taken(
                trades=self._trades,
                quotes=self._quotes,
                books=self._books,
                chains=self._chains,
                context=tuple(self._context),
            )
            has_any = any((self._trades, self._quotes, self._books, self._chains, self._context))
            if self._error is not None and not has_any:
                raise self._error
            self._trades, self._quotes, self._books, self._chains, self._context, self._n = {}, {}, {}, {}, [], 0
            return found

    def wait(self, met: Callable[[Mapping[str, int]], bool], timeout_s: float) -> bool:
        """Wait until the counts meet a condition; return whether they do."""

        def now() -> bool:
            found = Counter(self._counts)
            for line in self._lines.values():
                found.update(line.counts)
            return met({**found, "failed": int(self._error is not None)})

        with self._changed:
            return self._changed.wait_for(now, timeout_s)

    def _keep(self, market: str, rows: list[Row]) -> None:
        if rows:
            self._n += len(rows)
            self._counts["delivered_trades"] += len(rows)
            self._trades.setdefault(market, []).extend(rows)

"""Quotes and trades of coins: each once, also over a gap of their stream."""

from __future__ import annotations

from collections import Counter
from typing import Final, final

from adapters.alpaca.batches import Ticks, tick_batches
from adapters.alpaca.client import AlpacaClient
from adapters.alpaca.columns import Columns, Vocabulary, quote_columns, trade_columns
from adapters.alpaca.config import AlpacaConfig
from adapters.alpaca.names import Directory, Names
from adapters.alpaca.rows import origin
from adapters.alpaca.seen import SeenRows
from adapters.alpaca.streams import Taken

__all__ = ["CoinTicks"]

_NS_PER_S: Final = 1e9
_NEVER_NS: Final = 1 << 62


@final
class CoinTicks:
    """Turns what the stream of coins told into messages, and asks for what a gap swallowed.

    Parameters
    ----------
    config : AlpacaConfig
        Which coins, and how far a gap is asked for again.
    client : AlpacaClient
        Asked for what is missing.
    """

    def __init__(self, config: AlpacaConfig, client: AlpacaClient) -> None:
        self._config, self._client = config, client
        self.words = Vocabulary(names=Names(), conditions=Names())
        """Numbers of names and conditions, for the stream."""
        self._directory = Directory(config.coin_symbols, self.words.names)
        self._overlap_ns = int(config.overlap_s * _NS_PER_S)
        self._seen = SeenRows(2 * self._overlap_ns)
        self._first_ns = 0
        self._gap_ns: int | None = None
        self._has_begun = False
        self._waiting: list[Columns] = []
        self._counts: Counter[str] = Counter()

    @property
    def counts(self) -> dict[str, int]:
        """Back-fills, rows that they brought, and rows that were told twice or are of no coin of ours."""
        return dict(self._counts) | {"duplicates": self._seen.n_repeated}

    @property
    def is_full(self) -> bool:
        """Whether so much waits for a gap to be filled that the rest had better stay with the stream."""
        n_rows: int = sum(part.name.shape[0] for part in self._waiting)
        return n_rows >= self._config.most_waiting

    def open(self, since_ns: int) -> None:
        """Say from when on rows are told, ns since the epoch, UTC; those before the stream flows are asked for."""
        self._first_ns = self._gap_ns = since_ns

    def put(self, taken: Taken) -> None:
        """Take what the stream told since the last call, and whether something before it is missing."""
        # What came between the opening and the first row of the stream is missing, too.
        if taken.gap or (taken.parts and not self._has_begun):
            # Rows of this very take may come from after the gap: only what lay before it tells where it began.
            since_ns = self._seen.newest_ns or self._first_ns
            self._gap_ns = since_ns if self._gap_ns is None else min(self._gap_ns, since_ns)
        self._has_begun |= bool(taken.parts)
        hold_ns = _NEVER_NS if self._gap_ns is None else self._gap_ns - self._overlap_ns
        self._waiting += self._seen.fresh(taken.parts, hold_ns=hold_ns)

    def fill(self) -> None:
        """Ask for what is missing, where anything is; VenueError where it cannot be had now, and nothing is lost."""
        if self._gap_ns is None:
            return
        start_ns = max(self._gap_ns - self._overlap_ns, self._first_ns)
        coins = self._config.coin_symbols
        trades = [row for coin in coins for row in self._client.coin_trades(coin, start_ns) if row.ts_ns >= start_ns]
        quotes = [row for coin in coins for row in self._client.coin_quotes(coin, start_ns) if row.ts_ns >= start_ns]
        parts: list[Columns] = [trade_columns(trades, self.words), quote_columns(quotes, self.words)]
        fresh = self._seen.fresh(parts, back=True)
        self._waiting += fresh
        self._counts["backfills"] += 1
        self._counts["backfilled_rows"] += sum(part.name.shape[0] for part in fresh)
        self._gap_ns = None

    def take(self, now_ns: int) -> Ticks:
        """Return what is new, by coin, as of an instant, ns since the epoch, UTC; the contract is the underlying."""
        provenance = origin("stream", simulated=self._config.emulated)
        found = tick_batches(self._waiting, self._directory, self.words, now_ns, provenance)
        self._waiting = []
        self._counts["foreign"] += found.n_foreign
        return found

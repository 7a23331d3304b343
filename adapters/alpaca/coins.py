"""Coins: minute bars for the context, quotes and trades besides, through a stream of their own."""

from __future__ import annotations

from collections import Counter
from typing import final

from adapters.alpaca.bars import BarIntake
from adapters.alpaca.batches import Ticks
from adapters.alpaca.client import AlpacaClient
from adapters.alpaca.coin_ticks import CoinTicks
from adapters.alpaca.config import AlpacaConfig, Tape
from adapters.alpaca.streams import Arrivals, StreamThread
from adapters.credentials import Credentials
from market.bars import BarBatch

__all__ = ["CoinStream"]


@final
class CoinStream:
    """The stream of coins and what it has brought; without coins there is none.

    Parameters
    ----------
    config : AlpacaConfig
        Which coins.
    credentials : Credentials
        The key.
    client : AlpacaClient
        Asked for what a cut of the stream swallowed.
    """

    def __init__(self, config: AlpacaConfig, credentials: Credentials, client: AlpacaClient) -> None:
        self._config, self._credentials = config, credentials
        self.arrivals = Arrivals(config.most_waiting)
        """What the stream brings."""
        self._bars = BarIntake(config.coin_symbols, client.coin_bars, simulated=config.emulated)
        self._ticks = CoinTicks(config, client)
        self._thread: StreamThread | None = None

    @property
    def counts(self) -> dict[str, int]:
        """What went wrong and was put right, as `AlpacaFeed.counts` has it."""
        found = Counter(self.arrivals.counts)
        found.update(self._ticks.counts)
        return dict(found)

    def open(self, since_ns: int) -> None:
        """Begin with an instant, ns since the epoch, UTC; bars with its minute."""
        coins = self._config.coin_symbols
        if not coins:
            return
        self._bars.open(since_ns)
        self._ticks.open(since_ns)
        self._thread = StreamThread(
            self._config, self._credentials, coins, self.arrivals, self._ticks.words, tape=Tape.COINS, bars=coins
        )
        self._thread.start()

    def collect(self) -> None:
        """Take in what has come, and ask for quotes and trades that a gap swallowed.

        Raises
        ------
        VenueError
            Where the stream has ended, or the venue does not answer; nothing is lost then.
        """
        if not self._ticks.is_full:
            taken = self.arrivals.take()
            self._bars.put(taken.bars, gap=taken.gap)
            self._ticks.put(taken)
        self._ticks.fill()

    def take(self, now_ns: int) -> tuple[BarBatch, ...]:
        """Return the bars that are new at an instant of the venue's time; raises as `BarIntake.take` does."""
        return self._bars.take(now_ns)

    def ticks(self, now_ns: int) -> Ticks:
        """Return the quotes and trades that are new at an instant of the venue's time, ns since the epoch, UTC."""
        return self._ticks.take(now_ns)

    def close(self) -> None:
        """End the stream."""
        if self._thread is not None:
            self._thread.close()

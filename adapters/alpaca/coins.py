"""Minute bars of coins for the context, through a stream of their own."""

from __future__ import annotations

from typing import final

from adapters.alpaca.bars import BarIntake
from adapters.alpaca.client import AlpacaClient
from adapters.alpaca.columns import Vocabulary
from adapters.alpaca.config import AlpacaConfig, Tape
from adapters.alpaca.names import Names
from adapters.alpaca.streams import Arrivals, StreamThread
from adapters.credentials import Credentials
from market.bars import BarBatch

__all__ = ["CoinBars"]


@final
class CoinBars:
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
        self._intake = BarIntake(config.coin_symbols, client.coin_bars, simulated=config.emulated)
        self._thread: StreamThread | None = None

    def open(self, since_ns: int) -> None:
        """Begin with the minute of an instant, ns since the epoch, UTC."""
        if not self._intake.symbols:
            return
        self._intake.open(since_ns)
        words = Vocabulary(names=Names(), conditions=Names())
        self._thread = StreamThread(
            self._config, self._credentials, (), self.arrivals, words, tape=Tape.COINS, bars=self._intake.symbols
        )
        self._thread.start()

    def take(self, now_ns: int) -> tuple[BarBatch, ...]:
        """Return the bars that are new at an instant of the venue's time; raises as `BarIntake.take` does."""
        taken = self.arrivals.take()
        self._intake.put(taken.bars, gap=taken.gap)
        return self._intake.take(now_ns)

    def close(self) -> None:
        """End the stream."""
        if self._thread is not None:
            self._thread.close()

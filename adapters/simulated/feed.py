"""The simulated market as a feed: a batch of trades, quotes and chains per step, with rewind by checkpoints."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import final

from adapters.simulated.config import SimulatedMarketConfig
from adapters.simulated.engine import SimulatedMarket
from adapters.simulated.state import MarketState
from market.ports import MarketBatch, MarketFeed

__all__ = ["SimulatedFactory", "SimulatedFeed"]

_CHECKPOINT_EVERY = 64
_CHECKPOINTS = 4


@final
class SimulatedFeed:
    """Chains, quotes and trades of a simulated market; it never ends.

    Parameters
    ----------
    config : SimulatedMarketConfig
        The market and its pacing.
    """

    def __init__(self, config: SimulatedMarketConfig) -> None:
        self._config = config
        self._market = SimulatedMarket(config)
        self._started = False
        self._checkpoints: OrderedDict[int, MarketState] = OrderedDict()

    @property
    def market(self) -> SimulatedMarket:
        """The market behind the newest batch, for its truth."""
        return self._market

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self._market.names

    def delay_s(self) -> float:
        """Return the machine's seconds between batches; 0 before the first."""
        return self._config.interval_s if self._started else 0.0

    def next_batch(self) -> MarketBatch:
        """Return the next batch; there always is one."""
        self._advance()
        market = self._market
        return MarketBatch(
            sequence=market.sequence,
            ts_event_ns=market.now_ns,
            chains=market.chains() if market.shows_chains else (),
            quotes=market.quotes(),
            trades=market.trades(),
        )

    def rewind(self, sequence: int) -> None:
        """Continue after a batch, identically to the first time.

        Parameters
        ----------
        sequence : int
            The newest batch that the consumer has; -1 for none. One that was not delivered yet is simulated up to.
        """
        near = [number for number in self._checkpoints if number <= sequence]
        ahead = self._started and self._market.sequence <= sequence
        if near and not (ahead and self._market.sequence >= max(near)):
            self._market.restore(self._checkpoints[max(near)])
            self._started = True
        elif not ahead:
            self._market = SimulatedMarket(self._config)
            self._started = False
        while sequence >= 0 and (not self._started or self._market.sequence < sequence):
            self._advance()

    def _advance(self) -> None:
        if self._started:
            self._market.step()
        self._started = True
        sequence = self._market.sequence
        if sequence % _CHECKPOINT_EVERY == 0 and sequence not in self._checkpoints:
            self._checkpoints[sequence] = self._market.checkpoint()
            while len(self._checkpoints) > _CHECKPOINTS:
                self._checkpoints.pop(min(self._checkpoints))


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedFactory:
    """A picklable recipe for a simulated feed.

    Parameters
    ----------
    config : SimulatedMarketConfig
        The market and its pacing.
    """

    config: SimulatedMarketConfig

    def __call__(self) -> MarketFeed:
        """Open the feed."""
        return SimulatedFeed(self.config)

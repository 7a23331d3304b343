"""The simulated market as a feed: a batch of trades, quotes and chains per step, with rewind by checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from adapters.simulated.config import SimulatedMarketConfig
from adapters.simulated.engine import SimulatedMarket
from adapters.simulated.stepping import Stepper
from market.ports import MarketBatch, MarketFeed

__all__ = ["SimulatedFactory", "SimulatedFeed"]


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
        self._stepper = Stepper(lambda: SimulatedMarket(config))

    @property
    def market(self) -> SimulatedMarket:
        """The market behind the newest batch, for its truth."""
        return self._stepper.market

    @property
    def symbols(self) -> tuple[str, ...]:
        """The underlyings that the feed delivers."""
        return self.market.names

    def delay_s(self) -> float:
        """Return the machine's seconds between batches; 0 before the first."""
        return self._config.interval_s if self._stepper.started else 0.0

    def next_batch(self) -> MarketBatch:
        """Return the next batch; there always is one."""
        self._stepper.advance()
        market = self.market
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
        self._stepper.rewind(sequence)


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

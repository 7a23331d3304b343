"""Simulated perpetual futures as a feed: quotes, and funding and bars as context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from adapters.simulated.perpetual import SimulatedPerpetuals
from adapters.simulated.perpetual_config import PerpetualMarketConfig
from adapters.simulated.stepping import Stepper
from market.ports import MarketBatch, MarketFeed

__all__ = ["PerpetualFactory", "PerpetualFeed"]


@final
class PerpetualFeed:
    """Quotes, funding and bars of simulated perpetuals; it never ends and has no option chains.

    Parameters
    ----------
    config : PerpetualMarketConfig
        The market.
    interval_s : float
        Machine time between batches, seconds.
    """

    def __init__(self, config: PerpetualMarketConfig, interval_s: float = 1.0) -> None:
        self._interval_s = interval_s
        self._stepper = Stepper(lambda: SimulatedPerpetuals(config))

    @property
    def market(self) -> SimulatedPerpetuals:
        """The market behind the newest batch, for its truth."""
        return self._stepper.market

    @property
    def symbols(self) -> tuple[str, ...]:
        """The perpetuals."""
        return self.market.names

    def delay_s(self) -> float:
        """Return the machine's seconds between batches; 0 before the first."""
        return self._interval_s if self._stepper.started else 0.0

    def next_batch(self) -> MarketBatch:
        """Return the next batch; there always is one, and the first has no bars."""
        self._stepper.advance()
        market = self.market
        return MarketBatch(
            sequence=market.sequence,
            ts_event_ns=market.now_ns,
            chains=(),
            quotes=market.quotes(),
            context=(*market.bars(), *market.funding()),
        )

    def rewind(self, sequence: int) -> None:
        """Continue after a batch, identically to the first time; -1 for the start."""
        self._stepper.rewind(sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualFactory:
    """A picklable recipe for a feed of simulated perpetuals.

    Parameters
    ----------
    config : PerpetualMarketConfig
        The market.
    interval_s : float
        Machine time between batches, seconds, >= 0.
    """

    config: PerpetualMarketConfig
    interval_s: float = 1.0

    def __call__(self) -> MarketFeed:
        """Open the feed."""
        return PerpetualFeed(self.config, self.interval_s)

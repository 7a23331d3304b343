"""A simulated exchange of coins as a feed, in the words of a real exchange's adapter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

from adapters.simulated.coin_config import CoinMarketConfig
from adapters.simulated.coin_options import SimulatedCoins
from adapters.simulated.stepping import Stepper
from market.ports import ContextMessage, MarketBatch, MarketFeed

__all__ = ["CoinFactory", "CoinFeed"]


@final
class CoinFeed:
    """Chains, trades, quotes and books under the coins' names, bars and funding of the perpetuals as context.

    Parameters
    ----------
    config : CoinMarketConfig
        The market and its pacing; the feed never ends.
    """

    def __init__(self, config: CoinMarketConfig) -> None:
        self._config = config
        self._stepper = Stepper(lambda: SimulatedCoins(config))

    @property
    def market(self) -> SimulatedCoins:
        """The market behind the newest batch, for its truth."""
        return self._stepper.market

    @property
    def symbols(self) -> tuple[str, ...]:
        """The coins."""
        return self.market.names

    def delay_s(self) -> float:
        """Return the machine's seconds between batches; 0 before the first."""
        return self._config.interval_s if self._stepper.started else 0.0

    def next_batch(self) -> MarketBatch:
        """Return the next batch; there always is one, and the first has no trades and no bars."""
        self._stepper.advance()
        market = self.market
        is_whole = market.has_rolled or market.sequence % self._config.chain_every == 0
        funding = tuple(item for item in market.funding() if is_whole or item.is_settled[0])
        context: tuple[ContextMessage, ...] = (*market.bars(), *funding)
        return MarketBatch(
            sequence=market.sequence,
            ts_event_ns=market.now_ns,
            chains=market.chains() if is_whole else (),
            quotes=market.quotes(),
            trades=market.trades(),
            books=market.books(),
            context=context,
        )

    def rewind(self, sequence: int) -> None:
        """Continue after a batch, identically to the first time; -1 for the start."""
        self._stepper.rewind(sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinFactory:
    """A picklable recipe for a feed of simulated coins.

    Parameters
    ----------
    config : CoinMarketConfig
        The market and its pacing.
    """

    config: CoinMarketConfig

    def __call__(self) -> MarketFeed:
        """Open the feed."""
        return CoinFeed(self.config)

"""The default settings give the market that they always gave: other figures of the project stand on it.

The digests were made at commit edd65aa, before the market was raised, by `_digest`. Regenerate them only for a change
that is meant to move every figure: print `_digest(config, count)` for each case.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from adapters.simulated import SimulatedFeed, SimulatedMarketConfig, demo_config, light_config
from market.provenance import Provenance
from tests.adapters.simulated.samples import two_symbols

_CASES = {
    "demo": (demo_config(seed=7), 4),
    "nights": (two_symbols(seed=3), 30),
    "light": (light_config(12, seed=5), 5),
}
_DIGESTS = {
    "demo": "0a34f229b050b638f27d928a07a89c83",  # pragma: allowlist secret
    "nights": "081c5fc628203d80d83b238110862452",  # pragma: allowlist secret
    "light": "9192aae54f6f7da7e1309b7db399b879",  # pragma: allowlist secret
}


def _origin(mark: Provenance) -> str:
    # What a provenance said when the digests were taken; a quality is nothing that the market says of itself.
    told = (mark.source, mark.origin, mark.simulated, mark.as_of_source)
    names = ("source", "origin", "simulated", "as_of_source")
    return f"Provenance({', '.join(f'{name}={value!r}' for name, value in zip(names, told, strict=True))})"


def _digest(config: SimulatedMarketConfig, count: int) -> str:
    """Hash what every batch says and, to nine digits, what the truth says.

    Another processor may round an exponential otherwise in its last bit; what is printed stands on ticks and units.
    """
    feed, digest = SimulatedFeed(config), hashlib.sha256()

    def take(*columns: np.ndarray) -> None:
        for column in columns:
            digest.update(np.ascontiguousarray(column).tobytes())

    for _ in range(count):
        batch = feed.next_batch()
        for chain in batch.chains:
            take(chain.strike, chain.bid, chain.ask, chain.last, chain.volume, chain.open_interest, chain.symbols)
            take(chain.bid_size, chain.ask_size, chain.quote_ts_ns)
            truth = feed.market.truth(chain.symbol)
            take(truth.dealer_position, truth.customer_position, truth.trade_aggressor)
            digest.update(f"{chain.ts_event_ns} {chain.spot_bid} {chain.spot_ask} {_origin(chain.provenance)}".encode())
            digest.update(f"{truth.spot:.9g} {truth.value:.9g} {truth.amplification:.6g}".encode())
            take(np.round(truth.volatility, 9), np.round(truth.price, 6))
        for quotes in batch.quotes:
            take(quotes.contract, quotes.ts_ns, quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size)
        for trades in batch.trades:
            take(trades.contract, trades.ts_ns, trades.trade_id, trades.price, trades.size, trades.flags)
    return digest.hexdigest()[:32]


@pytest.mark.parametrize("name", list(_CASES))
def test_default_settings_give_the_market_that_they_always_gave(name: str) -> None:
    """Chains, quotes, trades and truth of the demo, of nights and of light stocks keep their digest."""
    assert _digest(*_CASES[name]) == _DIGESTS[name]

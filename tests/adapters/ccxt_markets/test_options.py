"""Option chains of OKX and Binance: what was recorded comes back in USD per coin, with the exchange's contracts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from adapters.ccxt_markets import CcxtVenue
from adapters.chains import open_chains
from adapters.emulated.binance import BinanceFront
from adapters.emulated.coin_records import CoinRecords
from adapters.emulated.okx import OkxFront
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.instruments import product_of
from market.ports import MarketBatch
from tests.adapters.ccxt_markets.coins import SPOT, bench, real
from tests.adapters.store.samples import FOREVER_NS, assert_same, chain_of, store_at

from adapters.store import DataKind  # isort: skip


def _recorded(coin: str) -> OptionChain:
    return next(c for c in open_chains(real("crypto_options/btc_eth_okx_daily.parquet")) if c.symbol == coin)


def _batch(chain: OptionChain) -> MarketBatch:
    return MarketBatch(sequence=0, ts_event_ns=chain.ts_event_ns, chains=(chain,))


@pytest.mark.data
@pytest.mark.parametrize(("coin", "multiplier"), [("BTC", 0.01), ("ETH", 0.1)])
def test_a_recorded_chain_of_okx_reads_back_equal(coin: str, multiplier: float) -> None:
    """Premiums in coin become USD, contracts stay a hundredth or a tenth of a coin, Greeks are Black's."""
    served = _recorded(coin)
    with bench(OkxFront(CoinRecords(markets=(SPOT,))), "2020-01-01", (_batch(served),)) as made:
        found = made.venue("okx").option_chain(coin)
    assert found.n_contracts == served.n_contracts
    for column in ("strike", "is_call", "open_interest", "volume", "vendor_delta", "vendor_gamma", "symbols"):
        np.testing.assert_array_equal(getattr(found, column), getattr(served, column), err_msg=column)
    for column in ("bid", "ask"):
        np.testing.assert_allclose(getattr(found, column), getattr(served, column), rtol=1e-6, atol=1e-3)
    told = served.vendor_iv > 0.0
    np.testing.assert_array_equal(found.vendor_iv[told], served.vendor_iv[told])
    assert {series.product for series in found.series} == {product_of(f"{coin}@OKX")}
    assert found.series[0].product.multiplier == multiplier
    assert (found.spot_last, found.ts_event_ns) == (served.spot_last, served.ts_event_ns)


@pytest.mark.data
def test_a_chain_of_binance_is_put_together_from_its_parts() -> None:
    """Prices in USDT, volatilities as fractions, open interest expiry by expiry, one coin a contract."""
    served = _recorded("BTC")
    with bench(BinanceFront(CoinRecords(markets=(SPOT,))), "2020-01-01", (_batch(served),)) as made:
        found = made.venue("binance", market_types=("spot", "option")).option_chain("BTC")
    assert found.n_contracts == served.n_contracts
    order, other = (np.lexsort((c.is_call, c.strike, c.expiry_ns[c.series_index])) for c in (found, served))
    for column in ("strike", "is_call", "bid", "ask", "open_interest", "vendor_delta", "vendor_gamma"):
        left, right = getattr(found, column)[order], getattr(served, column)[other]
        np.testing.assert_array_equal(left, np.nan_to_num(right), err_msg=column)
    assert {(series.product.root, series.product.multiplier) for series in found.series} == {("BTC@BINANCE.USDT", 1.0)}


def test_options_that_were_not_loaded_are_named() -> None:
    """Without option markets a chain of Binance would be empty: that is said instead."""
    exchange = bench(BinanceFront(CoinRecords(markets=(SPOT,))), "2024-01-01")
    with exchange as made, pytest.raises(ConfigError, match="name `option` among the market types"):
        made.venue("binance").option_chain("BTC")


def test_a_chain_in_units_that_nobody_checked_is_refused() -> None:
    """Gate has a call for option chains, but its units were not checked."""
    with pytest.raises(ConfigError, match="units of option chains on gate are not known"):
        CcxtVenue("gate").option_chain("BTC")


@pytest.mark.parametrize("root", ["BTC@BYBIT.USDT", "SOL@BYBIT.USDC", "ETH@BINANCE.USDT", "BTC@OKX", "ETH@DERIBIT"])
def test_terms_of_coins_survive_a_store_and_a_table(root: str, tmp_path: Path) -> None:
    """The same root gives the same terms, and a chain with them comes back from disk bit for bit."""
    product = product_of(root)
    assert (product.underlying, product.calendar) == (root.partition("@")[0], "24/7")
    made: Any = chain_of()
    series = tuple(replace(item, product=product) for item in made.series)
    chain = replace(made, symbol=product.underlying, series=series)
    store, _ = store_at(tmp_path)
    writer = store.writer(DataKind.CHAINS, origin="test")
    writer.add_message(chain)
    writer.commit()
    found = store.chains.newest(product.underlying, known_ns=FOREVER_NS)
    assert found is not None
    assert_same(found, chain)
    assert {item.product for item in found.series} == {product}


@pytest.mark.parametrize("root", ["SOL@OKX", "BTC@KRAKEN", "BTC@BYBIT", "BTC@BYBIT.EUR", "@OKX"])
def test_a_contract_size_that_is_not_known_is_no_share_option(root: str) -> None:
    """A guess would multiply positions by a hundred."""
    with pytest.raises(DataError, match="contract size"):
        product_of(root)

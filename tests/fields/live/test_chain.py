"""The live chain: what quotes change, what they must not, and that order within an instant is the only order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.live.chain import LiveChain
from market.chains import OptionChain
from market.contracts import ContractIndex
from market.errors import DataError
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch
from tests.actors.samples import AS_OF_NS, small_chain


def _quotes(chain: OptionChain, rows: list[int], ts_ns: list[int], bid: list[float]) -> QuoteBatch:
    table = ContractTable(
        series=chain.series, series_index=chain.series_index, strike=chain.strike, is_call=chain.is_call
    )
    n = len(rows)
    return QuoteBatch(
        symbol=chain.symbol,
        ts_event_ns=max(ts_ns),
        cause_id="test",
        provenance=chain.provenance,
        contracts=table,
        contract=np.array(rows, dtype=np.int32),
        ts_ns=np.array(ts_ns),
        bid=np.array(bid),
        ask=np.array(bid) + 0.5,
        bid_size=np.full(n, 10.0),
        ask_size=np.full(n, 20.0),
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
    )


def _live(chain: OptionChain) -> LiveChain:
    live = LiveChain(ContractIndex())
    live.on_chain(chain)
    return live


def _sample() -> OptionChain:
    chain = small_chain("A")
    return replace(chain, quote_ts_ns=np.full(chain.n_contracts, AS_OF_NS), spot_ts_ns=AS_OF_NS)


def test_a_quote_changes_its_contract_only() -> None:
    """Bid, ask, sizes and instant of one contract follow its quote; every other contract stays."""
    chain = _sample()
    live = _live(chain)
    live.on_quotes(_quotes(chain, [7], [AS_OF_NS + 10**9], [3.25]))
    now = live.chain(AS_OF_NS + 10**9)
    assert (now.bid[7], now.ask[7], now.bid_size[7], now.ask_size[7]) == (3.25, 3.75, 10.0, 20.0)
    assert now.quote_ts_ns[7] == AS_OF_NS + 10**9
    others = np.arange(chain.n_contracts) != 7
    np.testing.assert_array_equal(now.bid[others], chain.bid[others])


def test_an_older_quote_is_dropped_and_counted() -> None:
    """A quote that comes late does not replace a newer one."""
    chain = _sample()
    live = _live(chain)
    live.on_quotes(_quotes(chain, [3], [AS_OF_NS + 5 * 10**9], [2.0]))
    live.on_quotes(_quotes(chain, [3], [AS_OF_NS + 10**9], [9.0]))
    assert live.chain(0).bid[3] == 2.0
    assert (live.counts.applied, live.counts.late) == (1, 1)


def test_one_quote_does_what_it_does_in_a_batch() -> None:
    """Alone or with others, a quote changes the same, whatever is missing in it."""
    chain = _sample()
    rows, prices = [2, 5, 9, 70 % chain.n_contracts], [float("nan"), 1.5, 0.0, 3.0]
    alone, together = _live(chain), _live(chain)
    ages = [AS_OF_NS + 10**9, AS_OF_NS - 1, AS_OF_NS, AS_OF_NS + 2]
    together.on_quotes(_quotes(chain, rows, ages, prices))
    for row, age, price in zip(rows, ages, prices, strict=True):
        alone.on_quotes(_quotes(chain, [row], [age], [price]))
    one, two = alone.chain(0), together.chain(0)
    for name in ("bid", "ask", "bid_size", "ask_size", "quote_ts_ns"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    assert alone.counts == together.counts


@settings(deadline=None)
@given(st.permutations(list(range(6))))
def test_order_within_a_batch_does_not_matter(order: list[int]) -> None:
    """Of several quotes of a contract the newest stands, wherever it is in the batch."""
    chain = _sample()
    rows, ages = [1, 1, 1, 2, 2, 4], [1, 2, 3, 5, 4, 1]
    live = _live(chain)
    live.on_quotes(
        _quotes(
            chain,
            [rows[i] for i in order],
            [AS_OF_NS + 10**9 * ages[i] for i in order],
            [10.0 * rows[i] + ages[i] for i in order],
        )
    )
    assert live.chain(0).bid[[1, 2, 4]].tolist() == [13.0, 25.0, 41.0]


def test_a_full_chain_does_not_take_newer_quotes_back() -> None:
    """A snapshot that was on its way while quotes arrived leaves those quotes standing."""
    chain = _sample()
    live = _live(chain)
    live.on_quotes(_quotes(chain, [0], [AS_OF_NS + 10**9], [1.25]))
    live.on_chain(chain)
    assert live.chain(0).bid[0] == 1.25


def test_a_contract_that_is_not_listed_is_counted() -> None:
    """Quotes of a contract outside the chain change nothing and are counted."""
    chain = _sample()
    live = _live(chain)
    other = replace(chain, strike=chain.strike + 0.125)
    live.on_quotes(_quotes(other, [0, 1], [AS_OF_NS, AS_OF_NS], [1.0, 1.0]))
    assert live.counts.unlisted == 2
    np.testing.assert_array_equal(live.chain(0).bid, chain.bid)


def test_the_underlying_moves_spot() -> None:
    """A quote of the underlying sets spot to its mid; an older or a crossed one does not."""
    chain = _sample()
    live = _live(chain)
    quote = _quotes(chain, [UNDERLYING], [AS_OF_NS + 10**9], [4_010.0])
    live.on_quotes(quote)
    assert live.spot == 4_010.25
    live.on_quotes(replace(quote, ts_ns=quote.ts_ns - 2 * 10**9, bid=quote.bid - 100.0))
    live.on_quotes(replace(quote, ts_ns=quote.ts_ns + 1, ask=quote.bid - 1.0))
    assert live.spot == 4_010.25
    live.on_price(AS_OF_NS + 2 * 10**9, 4_020.0)
    assert live.spot == 4_020.0


def test_quotes_without_a_chain_have_no_place() -> None:
    """Before the first full chain there is none to show."""
    with pytest.raises(DataError, match="no chain yet"):
        LiveChain(ContractIndex()).chain(0)

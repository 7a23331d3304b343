"""A day from the terminal: half-open minutes, quotes before trades, chains, and every fault of the venue."""

from __future__ import annotations

from datetime import time

import numpy as np
import pytest

from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.thetadata import (
    ThetaFormat,
    ThetaTerminal,
    fetch_greeks_for_date,
    fetch_open_interest,
    fetch_trade_quotes,
    list_contracts,
)
from adapters.ticks.rows import Tally, TickDrop
from market.contracts import ContractIndex
from market.errors import ConfigError, VenueError
from market.trades import UNDERLYING, QuoteBatch, TradeBatch, TradeFlag
from tests.adapters.thetadata.venue import DAY, MINUTE_NS, OPEN_NS, SYMBOL, border_feed, served, terminal_of

_TRADES = "/v3/option/history/trade_quote"
_END = time(9, 34)


async def _trades(terminal: ThetaTerminal, end: time = _END) -> list[tuple[QuoteBatch, TradeBatch]]:
    return [pair async for pair in fetch_trade_quotes(terminal, SYMBOL, DAY, end_time=end)]


def _truth(server: EmulatedServer) -> list[tuple[int, float, float]]:
    trades = server.desk.market.trades(SYMBOL, OPEN_NS, OPEN_NS + 4 * MINUTE_NS)
    assert trades is not None
    rows = trades.contract != UNDERLYING
    ms = trades.ts_ns[rows] // 1_000_000 * 1_000_000
    return sorted(zip(ms.tolist(), trades.price[rows].tolist(), trades.size[rows].tolist(), strict=True))


def _told(pairs: list[tuple[QuoteBatch, TradeBatch]]) -> list[tuple[int, float, float]]:
    rows = [(t.ts_ns.tolist(), t.price.tolist(), t.size.tolist()) for _, t in pairs]
    return sorted(row for columns in rows for row in zip(*columns, strict=True))


@pytest.mark.parametrize("form", list(ThetaFormat))
async def test_every_trade_of_the_day_comes_once_in_either_format(form: ThetaFormat) -> None:
    """What the minutes hold together is what the venue printed."""
    with served() as server:
        async with terminal_of(server, form=form) as terminal:
            pairs = await _trades(terminal)
        assert len(pairs) == 4
        assert _told(pairs) == _truth(server)


async def test_a_trade_on_a_border_belongs_to_the_minute_that_begins_with_it() -> None:
    """The venue includes the end of a span; no print is counted twice and none is lost."""
    with served(border_feed(), steps=2) as server:
        async with terminal_of(server) as terminal:
            pairs = await _trades(terminal, time(9, 33))
        asked = server.requests.of(_TRADES)
    assert [batch.trade_id.tolist() for _, batch in pairs] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    spans = sorted((item.query["start_time"], item.query["end_time"]) for item in asked)
    assert [a[1] for a in spans[:-1]] == [b[0] for b in spans[1:]]


async def test_each_trade_finds_a_quote_strictly_before_it() -> None:
    """The quotes of a minute are the prevailing ones: older than their trade, as the venue's own book says."""
    with served() as server:
        async with terminal_of(server) as terminal:
            pairs = await _trades(terminal)
    seen = 0
    for quotes, trades in pairs:
        index = ContractIndex()
        quoted, traded = index.register(quotes.contracts)[quotes.contract], index.register(trades.contracts)
        for number, instant in zip(traded[trades.contract].tolist(), trades.ts_ns.tolist(), strict=True):
            before = quotes.ts_ns[(quoted == number) & (quotes.ts_ns < instant)]
            seen += int(before.size > 0)
        assert (np.diff(quotes.ts_ns) >= 0).all()
        assert (np.diff(trades.ts_ns) >= 0).all()
    assert seen > 1000


async def test_a_minute_greek_is_the_chain_of_that_instant_without_a_gamma() -> None:
    """Quotes, volatility and delta are the venue's; what it lacks is NaN with a reason; positions are the morning's."""
    with served() as server:
        async with terminal_of(server) as terminal:
            interest = await fetch_open_interest(terminal, SYMBOL, DAY)
            assert interest is not None
            found = [m async for m in fetch_greeks_for_date(terminal, SYMBOL, DAY, end_time=_END, interest=interest)]
        assert [m.chain.ts_event_ns for m in found] == [OPEN_NS + i * MINUTE_NS for i in range(4)]
        truth = server.desk.market.chain(SYMBOL, found[2].chain.ts_event_ns)
    assert truth is not None
    chain = found[2].chain
    np.testing.assert_array_equal(chain.strike, truth.strike)
    assert np.unique(chain.vendor_iv).size > 20
    np.testing.assert_allclose(chain.vendor_iv, truth.vendor_iv, rtol=1e-12)
    np.testing.assert_allclose(chain.vendor_delta, truth.vendor_delta, rtol=1e-12)
    np.testing.assert_array_equal(chain.open_interest, truth.open_interest)
    assert (chain.spot_last, chain.spot_ts_ns) == (truth.spot_last, truth.spot_ts_ns)
    assert np.isnan(chain.vendor_gamma).all()
    assert "gamma" in found[2].absent["vendor_gamma"]


async def test_positions_published_later_are_not_seen_earlier() -> None:
    """A chain before the morning's stamp knows no open interest."""
    with served() as server:
        async with terminal_of(server) as terminal:
            interest = await fetch_open_interest(terminal, SYMBOL, DAY)
            assert interest is not None
            interest.ts_ns[:] = OPEN_NS + MINUTE_NS
            found = [m async for m in fetch_greeks_for_date(terminal, SYMBOL, DAY, end_time=_END, interest=interest)]
    assert [bool(np.isnan(m.chain.open_interest).all()) for m in found] == [True, False, False, False]


async def test_the_contracts_of_a_day_are_listed() -> None:
    """All contracts of the chain, and none of an unknown root."""
    with served() as server:
        async with terminal_of(server) as terminal:
            listed, other = await list_contracts(terminal, SYMBOL, DAY), await list_contracts(terminal, "QQQ", DAY)
        truth = server.desk.market.chain(SYMBOL)
    assert truth is not None
    assert (listed.n_contracts, other.n_contracts) == (truth.n_contracts, 0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.RATE_LIMITED, path=_TRADES, times=3),
        Fault(kind=FaultKind.SERVER_ERROR, path=_TRADES, times=3),
        Fault(kind=FaultKind.HTML_ERROR, path=_TRADES, status=502, times=3),
        Fault(kind=FaultKind.TRUNCATED, path=_TRADES, times=3),
        Fault(kind=FaultKind.DISCONNECT, path=_TRADES, times=3),
        Fault(kind=FaultKind.SLOW, path=_TRADES, delay_s=3.0, times=2),
    ],
    ids=lambda fault: fault.kind.value,
)
async def test_a_passing_fault_changes_nothing_but_the_number_of_requests(fault: Fault) -> None:
    """Limits, errors, cut answers, resets and late answers are tried again; the day is whole, once."""
    with served(faults=(fault,)) as server:
        async with terminal_of(server, timeout_s=1.0 if fault.kind is FaultKind.SLOW else 5.0) as terminal:
            pairs = await _trades(terminal)
        assert _told(pairs) == _truth(server)
        assert len(server.requests.of(_TRADES)) == 4 + server.faults.fired(fault.kind) > 5


async def test_a_venue_that_stays_down_ends_in_an_error_that_may_be_retried() -> None:
    """After the last try the caller decides."""
    with served(faults=(Fault(kind=FaultKind.SERVER_ERROR, times=0),)) as server:
        async with terminal_of(server) as terminal:
            with pytest.raises(VenueError, match="503") as caught:
                await fetch_open_interest(terminal, SYMBOL, DAY)
        assert caught.value.retryable
        assert len(server.requests.of("/v3")) == terminal.config.attempts


@pytest.mark.parametrize("root", ["XSP", "QQQ"])
async def test_no_data_and_no_permission_are_never_asked_twice(root: str) -> None:
    """472 is an answer; 471 is a refusal that a second try would not change."""
    fault = (Fault(kind=FaultKind.REVOKED_KEY, times=0),) if root == "XSP" else ()
    with served(faults=fault) as server:
        async with terminal_of(server) as terminal:
            if fault:
                with pytest.raises(VenueError, match="471") as caught:
                    await fetch_open_interest(terminal, root, DAY)
                assert not caught.value.retryable
            else:
                assert await fetch_open_interest(terminal, root, DAY) is None
        assert len(server.requests.of("/v3")) == 1


async def test_requests_at_once_are_bounded_and_a_slow_reader_holds_them_back() -> None:
    """Before the reader takes the first minute no more than the limit has been asked; stopping early ends them."""
    with served(steps=5) as server:
        async with terminal_of(server) as terminal:
            async for _ in fetch_trade_quotes(terminal, SYMBOL, DAY, end_time=time(16, 0)):
                break
            assert len(server.requests.of(_TRADES)) <= terminal.config.concurrency


async def test_an_empty_span_is_refused() -> None:
    """A start at its end holds nothing."""
    async with ThetaTerminal() as terminal:
        with pytest.raises(ConfigError, match="empty"):
            await _trades(terminal, time(9, 30))


async def test_a_quote_of_the_trade_s_own_instant_is_left_out_and_counted() -> None:
    """It may already show what the trade did."""
    import pyarrow as pa

    from adapters.thetadata import trades_and_quotes

    at = np.array(["2025-06-02T09:31:00.500", "2025-06-02T09:31:00.600"], dtype="datetime64[ns]")
    table = pa.table(
        {
            "symbol": ["SPXW"] * 2,
            "expiration": ["2025-06-02"] * 2,
            "strike": [5900.0] * 2,
            "right": ["CALL", "PUT"],
            "trade_timestamp": at,
            "quote_timestamp": at - np.array([0, 1_000_000]),
            **{name: [1.0, 2.0] for name in ("sequence", "size", "exchange", "price", "bid", "ask")},
            "bid_size": [3.0] * 2,
            "ask_size": [4.0] * 2,
            "condition": [131.0, 255.0],
        }
    )
    tally = Tally()
    quotes, trades = trades_and_quotes(table, "SPX", tally, origin="t")
    assert (trades.n_trades, quotes.n_quotes, tally.dropped[TickDrop.LATE]) == (2, 1, 1)
    assert trades.flags.tolist() == [int(TradeFlag.COMPLEX | TradeFlag.AUCTION), 0]
    assert quotes.ts_ns[0] == trades.ts_ns[1] - 1_000_000

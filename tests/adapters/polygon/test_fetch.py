"""The vendor's unmodified client against the emulated venue: bars, chains, ticks, pages and every fault."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("massive")

from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.emulated.polygon import PolygonFront
from adapters.polygon import (
    BarSpan,
    PolygonClient,
    PolygonConfig,
    connected_client,
    fetch_bars,
    fetch_chain,
    fetch_quotes,
    fetch_trades,
)
from adapters.polygon.tickers import flag_of
from market.errors import ConfigError, DataError, VenueError
from market.trades import UNDERLYING, TradeBatch, TradeFlag, concatenate
from tests.adapters.emulated.toy import SYMBOL, small_feed
from tests.adapters.thetadata.venue import GreekFeed

_KEY = "a-key-that-nobody-may-read"
_DAY = date(2025, 6, 2)
_OPEN_NS = 1_748_871_000_000_000_000  # 09:30 in New York
_MINUTE_NS = 60_000_000_000
_CHAIN = f"/v3/snapshot/options/{SYMBOL}"


@pytest.fixture
def server() -> Iterator[EmulatedServer]:
    """A venue after three minutes and a half."""
    with EmulatedServer(PolygonFront(_KEY, deep_delta=0.3), GreekFeed(small_feed(step_s=5.0))) as running:
        running.step(42)
        yield running


def _client(server: EmulatedServer, key: str = _KEY, timeout_s: float = 5.0) -> PolygonClient:
    return PolygonClient(key, PolygonConfig(base_url=server.url, timeout_s=timeout_s, first_wait_s=0.01))


def _underlying(server: EmulatedServer) -> TradeBatch:
    trades = server.desk.market.trades(SYMBOL)
    assert trades is not None
    return trades


def test_minute_bars_are_the_venue_s_and_the_one_under_way_is_not_there(server: EmulatedServer) -> None:
    """Three minutes have ended; prices, volume and counts are those of the prints."""
    now_ns = server.desk.clock.now_ns()
    bars = fetch_bars(_client(server), SYMBOL, _DAY, _DAY, as_of_ns=now_ns)
    truth = server.desk.market.bars(SYMBOL, _MINUTE_NS)
    assert bars.start_ns.tolist() == [_OPEN_NS + i * _MINUTE_NS for i in range(3)]
    assert (bars.end_ns - bars.start_ns).tolist() == [_MINUTE_NS] * 3
    for name in ("open", "high", "low", "close", "volume", "vwap", "n_trades"):
        np.testing.assert_allclose(getattr(bars, name), getattr(truth, name)[:3], rtol=1e-12)
    assert server.requests.of("/v2/aggs")[0].query["adjusted"] == "false"


def test_a_daily_bar_spans_its_session(server: EmulatedServer) -> None:
    """It is known at the close, not at the midnight that the vendor stamps it with."""
    after = _OPEN_NS + 24 * 60 * _MINUTE_NS
    bars = fetch_bars(_client(server), SYMBOL, _DAY, _DAY, as_of_ns=after, span=BarSpan.DAY)
    assert (bars.start_ns.tolist(), bars.n_bars) == ([_OPEN_NS], 1)
    assert bars.end_ns[0] >= _OPEN_NS + 390 * _MINUTE_NS
    assert fetch_bars(_client(server), SYMBOL, _DAY, _DAY, as_of_ns=_OPEN_NS, span=BarSpan.DAY).n_bars == 0


def test_a_chain_is_whole_and_has_no_greeks_where_the_vendor_has_none(server: EmulatedServer) -> None:
    """Quotes, positions and stamps are the venue's; deep contracts have NaN, never a zero."""
    chain = fetch_chain(_client(server), SYMBOL, server.desk.clock)
    truth = server.desk.market.chain(SYMBOL)
    assert truth is not None
    assert (chain.n_contracts, chain.symbol, chain.session) == (truth.n_contracts, SYMBOL, truth.session)
    for name in ("strike", "bid", "ask", "bid_size", "ask_size", "open_interest", "volume", "quote_ts_ns"):
        np.testing.assert_array_equal(getattr(chain, name), getattr(truth, name), err_msg=name)
    deep = (np.abs(truth.vendor_delta) <= 0.3) | (np.abs(truth.vendor_delta) >= 0.7)
    assert 0 < deep.sum() < deep.size
    for name in ("vendor_iv", "vendor_delta", "vendor_gamma"):
        np.testing.assert_array_equal(getattr(chain, name), np.where(deep, np.nan, getattr(truth, name)))
    assert (chain.spot_last, chain.spot_ts_ns) == (truth.spot_last, truth.spot_ts_ns)


def test_the_filters_are_the_vendor_s(server: EmulatedServer) -> None:
    """Only the asked expirations and strikes come, and the vendor is asked for 250 a page."""
    whole = fetch_chain(_client(server), SYMBOL, server.desk.clock)
    first = whole.series[0].expiration
    part = fetch_chain(_client(server), SYMBOL, server.desk.clock, expirations=(first, first), strikes=(585.0, 595.0))
    inside = (whole.series_index == 0) & (whole.strike >= 585.0) & (whole.strike <= 595.0)
    np.testing.assert_array_equal(part.strike, whole.strike[inside])
    assert server.requests.of(_CHAIN)[-1].query["limit"] == "250"


def test_pages_follow_each_other_without_leaving_the_venue(server: EmulatedServer) -> None:
    """The vendor's next address names its own host; the client stays with ours, and no row is lost or doubled."""
    client = _client(server)
    found = list(client.rows("list_snapshot_options_chain", SYMBOL, params={"limit": 7}))
    truth = server.desk.market.chain(SYMBOL)
    assert truth is not None
    assert len({row.details.ticker for row in found}) == len(found) == truth.n_contracts
    assert len(server.requests.of(_CHAIN)) == -(-truth.n_contracts // 7)


def test_trades_of_half_open_spans_make_the_whole(server: EmulatedServer) -> None:
    """A print on a border comes with the span that begins with it."""
    truth = _underlying(server)
    rows = np.flatnonzero(truth.contract == UNDERLYING)
    border = int(truth.ts_ns[rows[rows.size // 2]])
    client = _client(server)
    end = server.desk.clock.now_ns() + 1
    parts = [concatenate(list(fetch_trades(client, SYMBOL, *span))) for span in ((_OPEN_NS, border), (border, end))]
    assert parts[1].ts_ns[0] == border > parts[0].ts_ns[-1]
    both = concatenate(parts)
    assert both.ts_ns.tolist() == sorted(truth.ts_ns[rows].tolist())
    assert both.price.sum() == pytest.approx(truth.price[rows].sum())


def test_ticks_of_one_contract_name_it(server: EmulatedServer) -> None:
    """Trades and quotes of an option carry its terms, its stamps to the nanosecond and its flags."""
    truth = _underlying(server)
    rows = np.flatnonzero(truth.contract != UNDERLYING)
    table, busiest = truth.contracts, int(truth.contract[rows[0]])
    series = table.series[int(table.series_index[busiest])]
    right = "C" if table.is_call[busiest] else "P"
    ticker = f"O:{series.product.root}{series.expiration:%y%m%d}{right}{round(table.strike[busiest] * 1000):08d}"
    span = (_OPEN_NS, server.desk.clock.now_ns() + 1)
    trades = concatenate(list(fetch_trades(_client(server), SYMBOL, *span, ticker=ticker)))
    quotes = concatenate(list(fetch_quotes(_client(server), SYMBOL, *span, ticker=ticker)))
    days = np.array([item.expiration for item in table.series])
    same = (table.strike == table.strike[busiest]) & (table.is_call == table.is_call[busiest])
    same &= days[table.series_index] == series.expiration
    own = np.append(same, False)[truth.contract]
    assert sorted(trades.ts_ns.tolist()) == sorted(truth.ts_ns[own].tolist())
    assert (trades.contracts.series, trades.contracts.strike.tolist()) == ((series,), [table.strike[busiest]])
    assert quotes.n_quotes > 0
    assert (quotes.ask >= quotes.bid).all()


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind=FaultKind.RATE_LIMITED, times=2),
        Fault(kind=FaultKind.SERVER_ERROR, times=2),
        Fault(kind=FaultKind.HTML_ERROR, status=502, times=2),
        Fault(kind=FaultKind.TRUNCATED, first=2, times=2),
        Fault(kind=FaultKind.DISCONNECT, times=2),
        Fault(kind=FaultKind.SLOW, delay_s=2.0),
    ],
    ids=lambda fault: fault.kind.value,
)
def test_a_passing_fault_loses_no_row(server: EmulatedServer, fault: Fault) -> None:
    """Also a page that was cut short, which the vendor's client by itself takes for the end of the list."""
    server.faults.add(fault)
    client = _client(server, timeout_s=1.0 if fault.kind is FaultKind.SLOW else 5.0)
    found = list(client.rows("list_snapshot_options_chain", SYMBOL, params={"limit": 50}))
    truth = server.desk.market.chain(SYMBOL)
    assert truth is not None
    assert len({row.details.ticker for row in found}) == truth.n_contracts
    assert server.faults.fired(fault.kind) == fault.times


def test_a_venue_that_stays_down_may_be_asked_again_later(server: EmulatedServer) -> None:
    """The last error is retryable and says what was found."""
    server.faults.add(Fault(kind=FaultKind.SERVER_ERROR, status=500, times=0))
    with pytest.raises(VenueError, match="500") as caught:
        fetch_chain(_client(server), SYMBOL, server.desk.clock)
    assert caught.value.retryable
    assert len(server.requests.of(_CHAIN)) == PolygonConfig().attempts


def test_a_wrong_key_is_refused_once_and_stands_in_no_text(
    server: EmulatedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither errors, nor logs of any level, nor the client's own form hold a key."""
    caplog.set_level(logging.DEBUG)
    client = _client(server, key="another-key-to-keep")
    with pytest.raises(VenueError, match="401") as caught:
        fetch_chain(client, SYMBOL, server.desk.clock)
    assert not caught.value.retryable
    assert len(server.requests.of(_CHAIN)) == 1
    server.faults.add(Fault(kind=FaultKind.DISCONNECT, times=0))
    with pytest.raises(VenueError) as reset:
        fetch_chain(client, SYMBOL, server.desk.clock)
    assert caplog.records
    assert "another-key" not in f"{caplog.text}{caught.value!r}{caught.value}{reset.value}{client!r}"


class _Budget:
    """Counts."""

    taken = 0

    def take(self, timeout_s: float) -> None:
        """Count one."""
        assert timeout_s > 0.0
        self.taken += 1


def test_every_request_is_paid_for_also_those_that_fail(server: EmulatedServer) -> None:
    """Tries again count against the shared budget like first tries."""
    budget = _Budget()
    server.faults.add(Fault(kind=FaultKind.RATE_LIMITED, times=2))
    config = PolygonConfig(base_url=server.url, first_wait_s=0.01)
    list(PolygonClient(_KEY, config, budget=budget).rows("list_snapshot_options_chain", SYMBOL, params={"limit": 50}))
    assert budget.taken == len(server.requests.of(_CHAIN)) == 5


def test_two_clients_of_one_key_share_its_budget(server: EmulatedServer, tmp_path: Path) -> None:
    """What one has used the other does not get; neither the files nor the error name the key."""
    config = PolygonConfig(base_url=server.url, budget_wait_s=0.05, first_wait_s=0.0, attempts=1)
    keyed: dict[str, Any] = {"environ": {"POLYGON_API_KEY": _KEY}, "per_min": 2, "budget_folder": tmp_path}
    with connected_client(config, **keyed) as one, connected_client(config, **keyed) as other:
        fetch_chain(one, SYMBOL, server.desk.clock)
        fetch_chain(other, SYMBOL, server.desk.clock)
        with pytest.raises(VenueError, match="budget") as caught:
            fetch_chain(one, SYMBOL, server.desk.clock)
    assert caught.value.retryable
    assert _KEY not in f"{caught.value}{[path.name for path in tmp_path.iterdir()]}"
    with pytest.raises(ConfigError, match="no key"), connected_client(environ={"HEDGEFIELD_CREDENTIALS": "/none"}):
        pass


def test_pages_without_an_end_are_an_error(server: EmulatedServer) -> None:
    """A bound on the pages ends what would not."""
    client = PolygonClient(_KEY, PolygonConfig(base_url=server.url, max_pages=2))
    with pytest.raises(DataError, match="do not end"):
        list(client.rows("list_snapshot_options_chain", SYMBOL, params={"limit": 7}))


def test_what_cannot_be_asked_is_refused(server: EmulatedServer) -> None:
    """An unknown underlying, a ticker that is none, an empty span and half days name what is wrong."""
    with pytest.raises(VenueError, match="no options"):
        fetch_chain(_client(server), "QQQ", server.desk.clock)
    with pytest.raises(DataError, match="names no option"):
        list(fetch_trades(_client(server), SYMBOL, 0, 1, ticker="O:XSP"))
    with pytest.raises(ConfigError, match="empty"):
        list(fetch_trades(_client(server), SYMBOL, 5, 5))
    with pytest.raises(ConfigError, match="that long"):
        fetch_bars(_client(server), SYMBOL, _DAY, _DAY, as_of_ns=0, span=BarSpan.DAY, multiplier=2)


@pytest.mark.parametrize(
    ("conditions", "is_option", "expected"),
    [
        ([209], True, TradeFlag.NONE),
        ([233], True, TradeFlag.COMPLEX | TradeFlag.AUCTION),
        ([201], True, TradeFlag.CANCELLED),
        ([14, 41], False, TradeFlag.NONE),
        ([16], False, TradeFlag.AUCTION),
        ([32], False, TradeFlag.OUT_OF_SEQUENCE),
        (None, False, TradeFlag.NONE),
    ],
)
def test_conditions_become_flags(conditions: list[int] | None, is_option: bool, expected: TradeFlag) -> None:  # noqa: FBT001  # a case
    """The numbers of options and of shares mean different things."""
    assert flag_of(conditions, is_option=is_option, exchange=1, correction=None) == int(expected)
    reported = flag_of(conditions, is_option=is_option, exchange=4, correction=1)
    assert reported & int(TradeFlag.CANCELLED)
    assert bool(reported & int(TradeFlag.OFF_EXCHANGE)) != is_option

"""Alpaca's REST interface through the unmodified vendor client: every kind of data, and every kind of failure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from adapters.alpaca import AlpacaClient
from adapters.credentials import Credentials
from adapters.emulated import EmulatedServer, Fault, FaultKind
from adapters.emulated.alpaca_records import chain_symbols, occ_symbols
from market.calendars import sessions_between
from market.errors import VenueError
from market.trades import UNDERLYING
from tests.adapters.alpaca.conftest import SECRET
from tests.adapters.emulated.toy import SYMBOL

_MINUTE_NS = 60_000_000_000


def _day_start(venue: EmulatedServer) -> int:
    return venue.desk.clock.now_ns() - 600_000_000_000


def test_trades_and_quotes_are_those_of_the_market(client: AlpacaClient, venue: EmulatedServer) -> None:
    """Every print and quote of the underlying comes with its nanosecond, price and size."""
    told, asked = venue.desk.market.trades(SYMBOL), client.trades(SYMBOL, _day_start(venue))
    assert told is not None
    shares = told.contract == UNDERLYING
    assert [row.ts_ns for row in asked] == told.ts_ns[shares].tolist()
    assert [(row.price, row.size, row.number) for row in asked] == list(
        zip(told.price[shares], told.size[shares], told.trade_id[shares], strict=True)
    )
    quotes = venue.desk.market.quotes(SYMBOL)
    assert quotes is not None
    assert len(client.quotes(SYMBOL, _day_start(venue))) == int((quotes.contract == UNDERLYING).sum())


def test_option_trades_of_many_contracts_are_asked_in_parts(client: AlpacaClient, venue: EmulatedServer) -> None:
    """A hundred contracts a request; nothing is lost between them."""
    told = venue.desk.market.trades(SYMBOL)
    chain = venue.desk.market.chain(SYMBOL)
    assert told is not None
    assert chain is not None
    names = chain_symbols(chain)
    rows = client.option_trades(names, _day_start(venue))
    assert len(names) > 100
    assert len(venue.requests.of("/v1beta1/options/trades")) == 2
    assert sorted(row.ts_ns for row in rows) == sorted(told.ts_ns[told.contract != UNDERLYING].tolist())
    assert {row.name for row in rows} <= set(occ_symbols(told.contracts))


def test_bars_are_known_at_their_end(client: AlpacaClient, venue: EmulatedServer) -> None:
    """Minute bars add up to the prints, and each ends a minute after its start."""
    told = venue.desk.market.trades(SYMBOL)
    assert told is not None
    now_ns = venue.desk.clock.now_ns()
    bars = client.bars(SYMBOL, now_ns - 3_600_000_000_000, now_ns)
    assert bars.volume.sum() == pytest.approx(told.size[told.contract == UNDERLYING].sum())
    assert (bars.end_ns - bars.start_ns == _MINUTE_NS).all()
    assert bars.provenance.simulated
    name = occ_symbols(told.contracts)[0]
    option = client.option_bars(SYMBOL, [name], now_ns - 3_600_000_000_000, now_ns)
    assert option.contracts.strike[option.contract].tolist() == [told.contracts.strike[0]] * option.n_bars
    assert option.n_bars > 0


def test_chain_joins_pages_of_snapshots_with_open_interest(client: AlpacaClient, venue: EmulatedServer) -> None:
    """All pages are followed; what the venue leaves out is missing; open interest is of the session before."""
    told = venue.desk.market.chain(SYMBOL)
    assert told is not None
    found = client.chain(SYMBOL)
    chain = found.chain
    assert len(venue.requests.of("/v1beta1/options/snapshots/")) == 3  # 120 contracts, 50 a page
    order = np.argsort(chain_symbols(told))
    assert chain.symbols.tolist() == [name.encode() for name in sorted(chain_symbols(told))]
    for name in ("strike", "bid", "ask", "bid_size", "open_interest", "is_call", "vendor_iv", "vendor_delta"):
        np.testing.assert_array_equal(getattr(chain, name), getattr(told, name)[order], err_msg=name)
    assert np.isnan(chain.vendor_gamma[~chain.is_call]).all()
    assert set(found.open_interest_day.tolist()) == {date(2025, 5, 30)}
    assert chain.spot_last == told.spot_last
    assert chain.ts_event_ns == told.ts_event_ns
    assert (chain.provenance.source, chain.provenance.simulated) == ("alpaca", True)


def test_contract_pages_that_the_vendors_client_does_not_follow_are_followed(
    client: AlpacaClient, venue: EmulatedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small pages of listings make the same chain."""
    whole = client.chain(SYMBOL).chain
    monkeypatch.setattr("adapters.alpaca.client._CONTRACTS_PER_PAGE", 7)
    np.testing.assert_array_equal(client.chain(SYMBOL).chain.open_interest, whole.open_interest)
    assert len(venue.requests.of("/v2/options/contracts")) == 1 + -(-whole.n_contracts // 7)


def test_latest_option_quotes_are_those_of_the_chain(client: AlpacaClient, venue: EmulatedServer) -> None:
    """One quote a contract, the newest."""
    chain = client.chain(SYMBOL).chain
    names = [name.decode() for name in chain.symbols.tolist()]
    rows = {row.name: row for row in client.latest_option_quotes(names)}
    assert [rows[name].bid for name in names] == chain.bid.tolist()
    assert [rows[name].ask for name in names] == chain.ask.tolist()


def test_calendar_is_that_of_the_exchange(client: AlpacaClient) -> None:
    """Half days and holidays come as the venue lists them."""
    first, last = date(2025, 6, 30), date(2025, 7, 7)
    assert client.sessions(first, last) == sessions_between("NYSE", first, last)


def test_news_has_its_instant_and_every_page(client: AlpacaClient) -> None:
    """A hundred and twenty articles on three pages, oldest first."""
    found = client.news([SYMBOL], 0)
    assert found.article_id == tuple(str(number) for number in range(1, 121))
    assert found.available_ns.tolist() == list(range(1, 121))
    assert found.provenance.simulated


def test_skew_is_measured_and_time_corrected(client: AlpacaClient, venue: EmulatedServer) -> None:
    """A venue one minute ahead is seen as one, within the round trip, and answers are stamped in its time."""
    assert abs(client.measure_skew().ahead_ns) <= 10**9
    venue.faults.add(Fault(kind=FaultKind.WRONG_CLOCK, path="/v2/clock", times=0))
    skew = client.measure_skew()
    assert abs(skew.ahead_ns - 60_000_000_000) <= 2 * skew.uncertainty_ns + 1_000
    assert client.now_ns() == venue.desk.clock.now_ns() + skew.ahead_ns


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(kind=FaultKind.RATE_LIMITED, delay_s=0.3), "429"),
        (Fault(kind=FaultKind.SERVER_ERROR, status=504), "504"),
        (Fault(kind=FaultKind.HTML_ERROR, status=502), "502"),
        (Fault(kind=FaultKind.DISCONNECT), "connection"),
        (Fault(kind=FaultKind.TRUNCATED), "truncated"),
        (Fault(kind=FaultKind.SLOW, delay_s=2.0), "timeout"),
    ],
)
def test_a_passing_fault_is_counted_and_costs_nothing(
    venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any], fault: Fault, kind: str
) -> None:
    """The answer after a failed attempt is whole, the failure is counted, and Retry-After is waited for."""
    with AlpacaClient(config_of(venue, timeout_s=1.0), credentials, clock=venue.desk.clock) as client:
        whole = client.trades(SYMBOL, _day_start(venue))
        venue.faults.add(fault)
        assert client.trades(SYMBOL, _day_start(venue)) == whole
        assert client.transport.failures == {kind: 1}
    asked = venue.requests.of("/v2/stocks/trades")
    assert asked[2].elapsed_s - asked[1].elapsed_s >= (0.3 if kind == "429" else 0.0)


def test_a_fault_on_a_later_page_loses_no_page(client: AlpacaClient, venue: EmulatedServer) -> None:
    """Only the page that failed is asked for again."""
    venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, path="/v1beta1/options/snapshots/*", first=2))
    assert client.chain(SYMBOL).chain.n_contracts == 120
    assert len(venue.requests.of("/v1beta1/options/snapshots/")) == 4


def test_a_lasting_fault_is_a_retryable_error(
    venue: EmulatedServer, credentials: Credentials, config_of: Callable[..., Any]
) -> None:
    """After the last attempt the error says that it may pass."""
    venue.faults.add(Fault(kind=FaultKind.SERVER_ERROR, times=0))
    with AlpacaClient(config_of(venue, attempts=2), credentials, clock=venue.desk.clock) as client:
        with pytest.raises(VenueError, match="did not answer") as caught:
            client.trades(SYMBOL, 0)
        assert caught.value.retryable
        assert client.transport.failures == {"503": 2}


def test_a_revoked_key_is_an_error_at_once(client: AlpacaClient, venue: EmulatedServer) -> None:
    """It is not tried again, and neither key nor secret stands in the text."""
    venue.faults.add(Fault(kind=FaultKind.REVOKED_KEY))
    with pytest.raises(VenueError, match="refuses the key") as caught:
        client.trades(SYMBOL, 0)
    assert not caught.value.retryable
    assert SECRET not in str(caught.value)
    assert len(venue.requests.of("/v2/stocks/trades")) == 1


def test_a_stale_answer_shows_its_age(client: AlpacaClient, venue: EmulatedServer) -> None:
    """Old quotes keep their old stamps: receipt does not make them new."""
    venue.faults.add(Fault(kind=FaultKind.STALE, path="/v1beta1/options/snapshots/*", times=0, shift_ns=10_000_000_000))
    chain = client.chain(SYMBOL).chain
    assert chain.ts_event_ns - int(chain.quote_ts_ns.max()) >= 10_000_000_000


def test_an_underlying_without_options_is_an_error_that_stays(client: AlpacaClient) -> None:
    """A symbol that is mistyped does not come right by itself."""
    with pytest.raises(VenueError, match="no options of QQQ") as found:
        client.chain("QQQ")
    assert not found.value.retryable


def test_options_that_were_there_are_not_taken_for_gone(client: AlpacaClient, venue: EmulatedServer) -> None:
    """An answer of before the market began is empty, and passes."""
    client.chain(SYMBOL)
    venue.faults.add(Fault(kind=FaultKind.STALE, times=0, shift_ns=3_600_000_000_000))
    with pytest.raises(VenueError, match="no options") as found:
        client.chain(SYMBOL)
    assert found.value.retryable

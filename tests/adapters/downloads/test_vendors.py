"""Each vendor's history through its own unmodified client into the store: equal to what the venue holds, and marked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("alpaca")
pytest.importorskip("massive")

from adapters.downloads import DownloadStatus, VenueOptions, open_downloader
from adapters.emulated import EmulatedServer
from adapters.store import DataKind
from market.errors import ConfigError
from market.trades import UNDERLYING, QuoteBatch, TradeBatch
from tests.adapters.downloads.venues import DAY, KEYS, SYMBOL, coins, downloaded, opened, rows, shares

_FOREVER = 2**62
_WRITTEN, _EMPTY = DownloadStatus.WRITTEN, DownloadStatus.EMPTY


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HEDGEFIELD_LIMITS", str(tmp_path / "limits"))


@pytest.fixture(scope="module", params=["alpaca", "polygon"])
def venue(request: pytest.FixtureRequest) -> Iterator[tuple[str, EmulatedServer]]:
    """A vendor of shares and its server."""
    with shares(request.param) as server:
        yield request.param, server


@pytest.mark.parametrize("kind", [DataKind.TRADES, DataKind.QUOTES])
def test_ticks_of_a_share_come_as_the_venue_holds_them(
    venue: tuple[str, EmulatedServer], kind: DataKind, tmp_path: Path
) -> None:
    """Every print and quote of the underlying, once each; the day after has none and is noted as empty."""
    reports, store = downloaded(tmp_path, opened(*venue), kind)
    assert [report.status for report in reports] == [_WRITTEN, _EMPTY], [r.problem for r in reports]
    market = venue[1].desk.market
    truth = market.trades(SYMBOL) if kind is DataKind.TRADES else market.quotes(SYMBOL)
    assert truth is not None
    own = truth.contract == UNDERLYING
    found: list[TradeBatch | QuoteBatch] = [*store.trades(SYMBOL, known_ns=_FOREVER)]
    found += store.quotes(SYMBOL, known_ns=_FOREVER)
    np.testing.assert_array_equal(np.concatenate([b.ts_ns for b in found]), np.sort(truth.ts_ns[own]))
    assert all(batch.provenance.simulated for batch in found)


def test_minute_bars_have_ended_and_are_known_at_their_end(venue: tuple[str, EmulatedServer], tmp_path: Path) -> None:
    """Prices are those of the prints; each row is known when its minute is over."""
    (whole, empty), store = downloaded(tmp_path, opened(*venue), DataKind.BARS)
    assert (whole.status, empty.status) == (_WRITTEN, _EMPTY)
    truth = venue[1].desk.market.bars(SYMBOL, 60_000_000_000)
    table = store.table(DataKind.BARS, SYMBOL, known_ns=_FOREVER)
    assert table["event_ns"].to_pylist() == truth.start_ns.tolist()
    np.testing.assert_allclose(table["close"].to_numpy(), truth.close)
    assert (table["known_ns"].to_numpy() - table["event_ns"].to_numpy() == 60_000_000_000).all()
    assert store.segments(DataKind.BARS)[0].simulated


def test_a_chain_is_taken_as_it_stands_and_never_present(venue: tuple[str, EmulatedServer], tmp_path: Path) -> None:
    """The vendors keep no history of chains: each call brings another one, and other days are refused."""
    name, server = venue
    clock = server.desk.clock
    options = VenueOptions(base_url=server.url, requests_per_min=100_000)
    downloader = open_downloader(name, options, clock=clock)
    (report,), store = downloaded(tmp_path, downloader, DataKind.CHAINS, (DAY, DAY))
    assert report.status is _WRITTEN, report.problem
    chain = store.chains.newest(SYMBOL, known_ns=_FOREVER)
    assert (chain.session, chain.n_contracts, chain.provenance.simulated) == (DAY, 120, True)
    assert not any(
        r.status is DownloadStatus.PRESENT for r in downloaded(tmp_path, downloader, DataKind.CHAINS, (DAY, DAY))[0]
    )
    with pytest.raises(ConfigError, match="keeps no history of chains"):
        downloader.tasks(DataKind.CHAINS, SYMBOL, date(2025, 5, 30), DAY)


def test_news_stand_with_their_publication_and_come_once(tmp_path: Path) -> None:
    """An article that was changed is known from its change on."""
    with shares("alpaca") as server:
        (report, _), store = downloaded(tmp_path, opened("alpaca", server), DataKind.NEWS)
        assert (report.status, report.n_rows, report.symbols) == (_WRITTEN, 60, ("MARKET",))
        again, _ = downloaded(tmp_path, opened("alpaca", server), DataKind.NEWS, skip_existing=False)
        assert (again[0].n_rows, again[0].n_repeated) == (0, 60)
    table = store.table(DataKind.NEWS, "MARKET", known_ns=_FOREVER)
    assert (table["known_ns"].to_numpy() >= table["event_ns"].to_numpy()).all()


def test_the_terminal_gives_chains_trades_quotes_and_open_interest(tmp_path: Path) -> None:
    """One task of trades brings the quotes that stood before them; chains have their morning's open interest."""
    with shares("thetadata") as server:
        downloader = opened("thetadata", server, jobs=8)
        (trades, none), store = downloaded(tmp_path, downloader, DataKind.TRADES)
        (chains, _), _ = downloaded(tmp_path, downloader, DataKind.CHAINS)
        (interest, _), _ = downloaded(tmp_path, downloader, DataKind.OPEN_INTEREST)
        truth = server.desk.market.trades(SYMBOL)
    assert [item.status for item in (trades, chains, interest, none)] == [_WRITTEN, _WRITTEN, _WRITTEN, _EMPTY]
    assert truth is not None
    assert rows(store, DataKind.TRADES) == int((truth.contract != UNDERLYING).sum())
    assert rows(store, DataKind.QUOTES) > 0
    assert rows(store, DataKind.OPEN_INTEREST, f"{SYMBOL}-OPTIONS") == 120
    chain = store.chains.newest(SYMBOL, known_ns=_FOREVER)
    assert np.isfinite(chain.open_interest).all()
    assert chain.provenance.simulated


def test_an_exchange_of_coins_gives_bars_by_day_and_funding_by_month(tmp_path: Path) -> None:
    """Every day is a session; sparse rows are asked for by the month."""
    days = (date(2024, 1, 1), date(2024, 1, 9))
    with coins() as server:
        downloader = opened("ccxt:binance", server)
        bars, store = downloaded(tmp_path, downloader, DataKind.BARS, days, "BTC/USDT")
        (funding,), _ = downloaded(tmp_path, downloader, DataKind.FUNDING, days, "BTC/USDT:USDT")
    assert [report.status for report in bars] == [_WRITTEN] * 8 + [_EMPTY]
    assert rows(store, DataKind.BARS, "BTC/USDT") == 8 * 1440
    assert (funding.status, funding.n_rows) == (_WRITTEN, 24)
    assert (funding.task.first, funding.task.last) == days


@pytest.mark.parametrize(
    ("venue_name", "kind", "words"),
    [
        ("alpaca", DataKind.FUNDING, "alpaca offers no funding here"),
        ("polygon", DataKind.NEWS, "polygon offers no news here"),
        ("thetadata", DataKind.BARS, "thetadata offers no bars here"),
        ("ccxt:binance", DataKind.NEWS, "offers no news here"),
        ("robinhood", DataKind.BARS, "there is no such venue"),
        ("ccxt:nowhere", DataKind.BARS, "an exchange is not known"),
    ],
)
def test_what_a_venue_does_not_have_is_refused_by_name(venue_name: str, kind: DataKind, words: str) -> None:
    """Before anybody is asked."""
    with pytest.raises(ConfigError, match=words):
        open_downloader(venue_name, VenueOptions()).tasks(kind, "BTC/USDT", DAY, DAY)


def test_a_missing_key_names_its_variables(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error says what to set and where."""
    monkeypatch.delenv("ALPACA_API_SECRET")
    monkeypatch.setenv("HEDGEFIELD_CREDENTIALS", str(tmp_path / "none.toml"))
    with pytest.raises(ConfigError, match="ALPACA_API_KEY and ALPACA_API_SECRET"):
        open_downloader("alpaca", VenueOptions())

"""From settings to the feed of a venue: what is connected, what is refused, and in which order feeds are wrapped."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("alpaca")
pytest.importorskip("massive")
pytest.importorskip("ccxt")

from adapters.alpaca import AlpacaFactory
from adapters.ccxt_markets import CcxtFactory
from adapters.emulated import EmulatedServer, FrontEnd
from adapters.emulated.alpaca import AlpacaFrontEnd
from adapters.emulated.polygon import PolygonFront
from adapters.emulated.process import Endpoint, new_credentials
from adapters.inputs import ContextFactory
from adapters.polygon import PolygonFactory
from adapters.quality.gate import GatedFactory
from adapters.replay.stored import StoreFactory
from adapters.simulated import CoinMarketConfig, SimulatedFactory, SimulatedFeed, SimulatedMarketConfig
from adapters.store import DataKind, open_store
from adapters.store.recorder import RecordingFactory
from cluster.commands.doctor_venues import keys_found, venue_answer
from cluster.feed_kind import FeedKind
from cluster.settings import Settings, load_settings
from cluster.venues import Emulated, emulation_of, simulated_market
from cluster.wiring import Wiring, wire
from market.errors import ConfigError, DataError


@pytest.fixture(autouse=True)
def _home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HEDGEFIELD_HOME", str(tmp_path))
    monkeypatch.setenv("HEDGEFIELD_CREDENTIALS", str(tmp_path / "none.toml"))
    for name in ("HEDGEFIELD_CONFIG", "ALPACA_API_KEY", "ALPACA_API_SECRET", "POLYGON_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def _settings(name: str | None, *symbols: str, **parts: Mapping[str, object]) -> Settings:
    venue: dict[str, object] = {"name": name, "symbols": symbols or None, **parts.pop("venue", {})}
    feed: dict[str, object] = {"kind": FeedKind.VENUE, **parts.pop("feed", {})}
    return load_settings({"feed": feed, "venue": venue, **parts})


def _layers(wiring: Wiring) -> tuple[list[type], Any]:
    """Return the classes of the wrappers from the outermost, and the innermost recipe."""
    found, factory = [], wiring.factory
    while isinstance(factory, RecordingFactory | GatedFactory | ContextFactory):
        found.append(type(factory))
        factory = factory.inner if isinstance(factory, RecordingFactory) else factory.factory
    return found, factory


def test_alpaca_is_connected_with_what_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recipe crosses a process and holds no key."""
    monkeypatch.setenv("ALPACA_API_KEY", "one-key-to-hide")
    monkeypatch.setenv("ALPACA_API_SECRET", "its-secret-to-hide")
    wiring = wire(_settings("alpaca", "SPY", "QQQ", venue={"max_days": 7, "option_feed": "opra"}))
    layers, factory = _layers(wiring)
    assert layers == [GatedFactory, ContextFactory]
    assert isinstance(factory, AlpacaFactory)
    assert (factory.config.symbols, factory.config.max_days) == (("SPY", "QQQ"), 7)
    assert factory.config.interval_s == 0.1
    assert (wiring.simulated, wiring.title) == (False, "Alpaca (iex, opra)")
    assert b"to-hide" not in pickle.dumps(wiring.factory)


def test_polygon_and_exchanges_are_connected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coin stands for the perpetual whose prices are the coin's."""
    monkeypatch.setenv("POLYGON_API_KEY", "one-key-to-hide")
    _, polygon = _layers(wire(_settings("polygon", "SPX", venue={"requests_per_min": 300})))
    assert isinstance(polygon, PolygonFactory)
    assert (polygon.config.symbols, polygon.config.requests_per_min) == (("SPX",), 300)
    _, deribit = _layers(wire(_settings("deribit", "BTC")))
    _, bybit = _layers(wire(_settings("bybit", "ETH", "BTC/USDC:USDC")))
    assert isinstance(deribit, CcxtFactory)
    assert (deribit.config.markets, bybit.config.markets) == (("BTC/USD:BTC",), ("ETH/USDT:USDT", "BTC/USDC:USDC"))


def test_the_perpetual_that_is_streamed_gives_the_funding_of_its_coin() -> None:
    """Unless the settings name another one; spot has none."""
    wiring = wire(_settings("deribit", "BTC", "ETH", inputs={"perpetual_of": {"ETH": "ETH/USDC:USDC"}}))
    perpetuals = wiring.live.context.perpetuals
    assert (perpetuals["BTC"], perpetuals["ETH"]) == ("BTC/USD:BTC", "ETH/USDC:USDC")
    spot = wire(_settings("binance", "DOGE/USDT")).live.context
    assert "DOGE" not in spot.perpetuals


@pytest.mark.parametrize(
    ("name", "symbols", "told"),
    [
        (None, ("SPY",), "no venue is named"),
        ("alpaca", ("SPY",), "ALPACA_API_KEY and ALPACA_API_SECRET"),
        ("polygon", ("SPY",), "POLYGON_API_KEY"),
        ("alpaca", (), "--symbol"),
        ("nowhere", ("SPY",), "nowhere"),
        ("thetadata", ("SPY",), "no live feed"),
        ("deribit", ("BTC/USD:BTC", "BTC/USDC:USDC"), "one streamed market"),
    ],
)
def test_what_is_missing_is_named_before_anything_starts(name: str | None, symbols: tuple[str, ...], told: str) -> None:
    """Variables and file of the key, the symbol, the venue."""
    with pytest.raises(ConfigError, match=told):
        wire(_settings(name, *symbols))


def test_a_venue_is_not_listened_to_without_a_pause() -> None:
    """A live feed has always a batch: without a pause nothing else would be done."""
    with pytest.raises(ConfigError, match="interval_s"):
        _settings("deribit", "BTC", venue={"interval_s": 0.0})


def test_libraries_that_are_not_installed_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words that install them."""
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(ConfigError, match=r'pip install "hedgefield\[vendors\]"'):
        wire(_settings("deribit", "BTC"))


@pytest.mark.parametrize("protocol", ["alpaca", "polygon"])
def test_an_emulated_venue_is_reached_by_the_adapter_of_its_vendor(protocol: str, tmp_path: Path) -> None:
    """With the throw-away key, and marked as simulated; its market has the names that were asked for."""
    settings = _settings("emulated", "SPY", "SPX", emulated={"protocol": protocol, "faults": ("429@3", "mute")})
    emulation = emulation_of(settings)
    assert isinstance(emulation.market, SimulatedMarketConfig)
    assert [symbol.symbol for symbol in emulation.market.symbols] == ["SPY", "SPX"]
    assert emulation.market.step_s == emulation.market.interval_s == 1.0
    assert len(emulation.faults) == 2
    emulated = Emulated(endpoint=Endpoint(port=1234, credentials=emulation.credentials), folder=tmp_path)
    wiring = wire(settings, emulated)
    layers, factory = _layers(wiring)
    assert layers == [GatedFactory]
    assert factory.throw_away == emulation.credentials
    assert wiring.simulated
    assert wiring.impacts["SPX"].source == "simulated"


@pytest.mark.parametrize(
    ("protocol", "market", "every_s"),
    [
        ("deribit", "ETH/USD:ETH", 3_600.0),
        ("bybit", "ETH/USDT:USDT", 28_800.0),
        ("binance", "ETH/USDT:USDT", 28_800.0),
    ],
)
def test_an_emulated_exchange_is_reached_by_the_adapter_of_exchanges(
    protocol: str, market: str, every_s: float, tmp_path: Path
) -> None:
    """Coins in real time with a day on record, listed as that exchange does; nobody knows a true impact of them."""
    settings = _settings("emulated", "BTC", market, emulated={"protocol": protocol, "faults": ("429@3",)})
    emulation = emulation_of(settings)
    assert isinstance(emulation.market, CoinMarketConfig)
    coins = emulation.market.coins
    assert [coin.symbol for coin in coins] == ["BTC", "ETH"]
    assert (coins[1].perpetual.symbol, coins[1].perpetual.funding_interval_s) == (market, every_s)
    assert (emulation.market.step_s, emulation.market.interval_s, len(emulation.faults)) == (1.0, 1.0, 1)
    endpoint = Endpoint(port=1234, credentials=emulation.credentials)
    wiring = wire(settings, Emulated(endpoint=endpoint, folder=tmp_path))
    layers, factory = _layers(wiring)
    assert layers == [GatedFactory]
    assert (factory.config.exchange_id, factory.config.url) == (protocol, endpoint.url)
    assert (wiring.simulated, "ETH" in wiring.impacts) == (True, False)
    assert market in wiring.title


@pytest.mark.parametrize(
    "parts",
    [
        {"emulated": {"protocol": "morse"}},
        {"emulated": {"protocol": "bybit"}, "feed": {"scenario": "calm"}},
        {"emulated": {"protocol": "deribit"}, "feed": {"speed": 60.0}},
        {"emulated": {"protocol": "deribit"}, "venue": {"symbols": ("SPY",)}},
        {"emulated": {"protocol": "deribit"}, "venue": {"symbols": ("BTC/USDC:USDC",)}},
        {"emulated": {"faults": ("nonsense",)}},
        {"feed": {"speed": 60.0}},
        {"feed": {"light_symbols": 3}},
        {"feed": {"scenario": "boredom"}},
    ],
)
def test_an_emulated_venue_that_cannot_be_is_refused(parts: Mapping[str, Mapping[str, object]]) -> None:
    """Before a process is started for it."""
    with pytest.raises(ConfigError):
        emulation_of(_settings("emulated", **parts))


def test_two_throw_away_keys_differ() -> None:
    """A key of one run opens no other."""
    first, second = new_credentials("alpaca"), new_credentials("alpaca")
    assert {first.key, first.secret}.isdisjoint({second.key, second.secret})
    assert first.secret not in repr(first)


@pytest.mark.parametrize(("scenario", "symbol"), [("demo", "SIM.NDX"), ("calm", "SIM.SPX"), ("feb-2018", "SIM.SPX")])
def test_the_simulated_market_has_scenarios_at_any_speed(scenario: str, symbol: str) -> None:
    """The same names as for an emulated venue."""
    settings = load_settings({"feed": {"scenario": scenario, "speed": 30.0, "interval_s": 2.0}})
    market = simulated_market(settings)
    assert symbol in {item.symbol for item in market.symbols}
    assert (market.step_s, market.interval_s) == (60.0, 2.0)
    wiring = wire(settings)
    assert isinstance(wiring.factory, SimulatedFactory)
    assert wiring.factory.config == market


def test_a_gate_and_a_recording_are_put_around_any_feed(tmp_path: Path) -> None:
    """From the inside: context, gate, recording; the simulated market has a gate where it is asked for."""
    given = tmp_path / "vix.csv"
    given.write_text("date,close\n2025-06-01,18.0\n")
    parts = {"feed": {"gate": True}, "store": {"record": str(tmp_path / "store")}, "inputs": {"files": (given,)}}
    layers, factory = _layers(wire(load_settings(parts)))
    assert layers == [RecordingFactory, GatedFactory, ContextFactory]
    assert isinstance(factory, SimulatedFactory)
    with pytest.raises(ConfigError, match="nowhere"):
        wire(load_settings({"inputs": {"files": (tmp_path / "nowhere.csv",)}}))


def test_the_store_is_played_between_two_days(tmp_path: Path) -> None:
    """What it does not hold is told at once; what it holds of a simulation stays marked."""
    place = str(tmp_path / "data")
    parts: dict[str, Any] = {"feed": {"kind": FeedKind.STORE, "symbols": ("SIM.SPX",)}, "store": {"url": place}}
    with pytest.raises(DataError, match="no store"):
        wire(load_settings(parts))
    feed = SimulatedFeed(simulated_market(load_settings({"feed": {"scenario": "calm"}})))
    writer = open_store(place).writer(DataKind.CHAINS, origin="test")
    batch = feed.next_batch()
    writer.add_message(batch.chains[0], known_ns=batch.ts_event_ns)
    writer.commit()
    parts["feed"] |= {"first": date(2025, 6, 2), "last": date(2025, 6, 2)}
    wiring = wire(load_settings(parts))
    layers, factory = _layers(wiring)
    assert layers == [GatedFactory]
    assert isinstance(factory, StoreFactory)
    assert (factory.selection.last_ns + 1 - factory.selection.first_ns, wiring.simulated) == (86_400_000_000_000, True)
    found = wiring.factory().next_batch()
    assert found is not None
    assert found.chains[0].n_contracts == batch.chains[0].n_contracts
    parts["feed"] |= {"first": date(2025, 6, 3), "last": None}
    with pytest.raises(DataError, match="nothing of the selection"):
        wire(load_settings(parts))


def test_the_doctor_says_which_keys_there_are_and_never_what_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that others may read is told, too."""
    assert keys_found() == (False, "alpaca: none, polygon: none")
    monkeypatch.setenv("POLYGON_API_KEY", "one-key-to-hide")
    assert keys_found() == (False, "alpaca: none, polygon: there")
    assert keys_found("polygon") == (True, "polygon: there")
    assert keys_found("deribit") == (True, "deribit needs none")


@pytest.mark.parametrize("vendor", ["alpaca", "polygon"])
def test_the_doctor_asks_a_venue_for_its_time(vendor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulated one lives in another year, which the doctor finds; one that is not there does not answer."""
    fronts: dict[str, FrontEnd] = {"alpaca": AlpacaFrontEnd("k", "s"), "polygon": PolygonFront("k")}
    monkeypatch.setenv(f"{vendor.upper()}_API_KEY", "k")
    monkeypatch.setenv(f"{vendor.upper()}_API_SECRET", "s")
    monkeypatch.setenv("HEDGEFIELD_VENUE__ATTEMPTS", "1")
    market = simulated_market(load_settings({"feed": {"scenario": "calm"}}))
    with EmulatedServer(fronts[vendor], SimulatedFeed(market)) as server:
        server.step()
        monkeypatch.setenv("HEDGEFIELD_VENUE__REST_URL", server.url)
        monkeypatch.setenv("HEDGEFIELD_VENUE__STREAM_URL", server.ws_url)
        near, found = venue_answer(vendor)
        assert (near, f"{vendor} answers" in found) == (False, True)
    near, found = venue_answer(vendor)
    assert not near
    assert "answer" in found

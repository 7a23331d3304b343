"""From settings to the live feed of a venue, real or emulated."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from adapters.credentials import load_credentials
from cluster.settings import Settings
from market.clock import SystemClock
from market.errors import ConfigError
from market.ports import FeedFactory

if TYPE_CHECKING:
    from adapters.emulated.process import Emulation, Endpoint
    from adapters.simulated import CoinMarketConfig, SimulatedMarketConfig

__all__ = [
    "EMULATED",
    "Emulated",
    "VenueLink",
    "coin_market",
    "emulated_market",
    "emulation_of",
    "link",
    "simulated_market",
    "vendor_of",
]

EMULATED: Final = "emulated"
"""Name of the venue that is none."""

_EXTRA: Final = 'pip install "hedgefield[vendors]"'
_USUAL_SYMBOLS: Final = ("SPY",)  # of an emulated venue
_USUAL_COINS: Final = ("BTC",)
_COIN_CHAIN_EVERY: Final = 5  # open interest is live there, and comes with whole chains alone
_COIN_HISTORY_S: Final = 86_400.0
_MINUTE_NS: Final = 60_000_000_000
_MANY_PER_MIN: Final = 10_000  # an emulated venue has no plan
_CHAIN_EVERY: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """An emulated venue that runs.

    Parameters
    ----------
    endpoint : Endpoint
        Where it answers.
    folder : Path
        Folder of the run, for what is kept of its throw-away key.
    """

    endpoint: Endpoint
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLink:
    """How a venue is reached.

    Parameters
    ----------
    factory : FeedFactory
        Opens the feed.
    title : str
        For people: whose data it is.
    simulated : bool
        Whether the venue is on this machine.
    perpetuals : mapping of str to str
        The perpetual that is streamed for a coin, by coin: its funding is that of the coin.
    """

    factory: FeedFactory
    title: str
    simulated: bool
    perpetuals: Mapping[str, str] = field(default_factory=dict)


def vendor_of(settings: Settings) -> str:
    """Return whose protocol is spoken; ConfigError where no venue is named."""
    name = settings.venue.name
    if name is None:
        raise ConfigError("no venue is named", expected=f"--venue {'|'.join(_MAKERS)}|{EMULATED}", action="name one")
    return settings.emulated.protocol if name == EMULATED else name


def simulated_market(settings: Settings) -> SimulatedMarketConfig:
    """Return the simulated market that the settings name; that of an emulated venue runs in real time."""
    from adapters.simulated.catalogue import listed_as, named_market

    feed = settings.feed
    if settings.venue.name != EMULATED:
        return named_market(feed.scenario, seed=feed.seed, interval_s=feed.interval_s, speed=feed.speed)
    if feed.speed is not None or feed.light_symbols:
        raise ConfigError(
            "an emulated venue lives in real time, and its symbols have names", action="leave --speed out"
        )
    market = named_market(feed.scenario, seed=feed.seed, interval_s=feed.interval_s, speed=1.0)
    market = replace(market, chain_every=_CHAIN_EVERY)  # the venue keeps them; its answers add the quotes since then
    return listed_as(market, settings.venue.symbols or _USUAL_SYMBOLS)


def coin_market(settings: Settings) -> CoinMarketConfig:
    """Return the simulated coins of an emulated exchange: from now on, in real time, with a day on record."""
    from adapters.simulated.coin_config import exchange_config

    feed, exchange = settings.feed, settings.emulated.protocol
    if feed.speed is not None or feed.light_symbols or "scenario" in feed.model_fields_set:
        raise ConfigError(
            "emulated coins live in real time and have no scenarios", action="leave --speed and --scenario out"
        )
    named = settings.venue.symbols or _USUAL_COINS
    market = exchange_config(exchange, tuple(name.partition("/")[0] for name in named), seed=feed.seed)
    listed = [coin.perpetual.symbol for coin in market.coins]
    unknown = [name for name in named if "/" in name and name not in listed]
    if unknown:
        raise ConfigError("the emulated exchange does not list a market", found=unknown[0], expected=", ".join(listed))
    return replace(
        market,
        start_ns=SystemClock().now_ns() // _MINUTE_NS * _MINUTE_NS,  # it has no session to wait for
        interval_s=feed.interval_s,
        step_s=feed.interval_s,
        chain_every=_COIN_CHAIN_EVERY,
        history_s=_COIN_HISTORY_S,
    )


def emulated_market(settings: Settings) -> SimulatedMarketConfig | CoinMarketConfig:
    """Return what happens at the emulated venue of the settings."""
    from adapters.emulated.process import Protocol

    name = settings.emulated.protocol
    if name not in set(Protocol):
        raise ConfigError("no emulated venue speaks this protocol", found=name, expected=", ".join(Protocol))
    return coin_market(settings) if Protocol(name).is_of_coins else simulated_market(settings)


def emulation_of(settings: Settings) -> Emulation:
    """Return what the emulated venue of the settings is made from, with a new throw-away key."""
    _import_extra("adapters.emulated.process")
    from adapters.emulated.fault_script import parse_fault
    from adapters.emulated.process import Emulation, Protocol, new_credentials

    market, name = emulated_market(settings), settings.emulated.protocol
    faults = tuple(fault for text in settings.emulated.faults for fault in parse_fault(text))
    return Emulation(protocol=Protocol(name), market=market, credentials=new_credentials(name), faults=faults)


def link(settings: Settings, emulated: Emulated | None = None) -> VenueLink:
    """Return how the venue of the settings is reached.

    Parameters
    ----------
    settings : Settings
        The whole tree.
    emulated : Emulated, optional
        The venue that runs where the settings say `EMULATED`.

    Returns
    -------
    VenueLink
        Raises ConfigError where the venue is not known, its libraries are not installed, there is no key for it, or no
        symbol is named.
    """
    vendor = vendor_of(settings)
    if vendor in _HISTORICAL:
        raise ConfigError(f"{vendor} has no live feed here", found=vendor, action=_HISTORICAL[vendor])
    if vendor not in _MAKERS and not _is_exchange(vendor):
        known = ", ".join((*_MAKERS, EMULATED))
        action = "correct --venue"
        raise ConfigError("a venue is not known", found=vendor, expected=f"{known}, or a ccxt exchange", action=action)
    if emulated is None and not settings.venue.symbols:
        raise ConfigError("no symbol is named", expected="--symbol S, once or more", action="name the underlyings")
    return _MAKERS.get(vendor, _exchange)(settings, emulated)


def _symbols(settings: Settings, emulated: Emulated | None) -> tuple[str, ...]:
    return settings.venue.symbols or (_USUAL_SYMBOLS if emulated is not None else ())


def _alpaca(settings: Settings, emulated: Emulated | None) -> VenueLink:
    _import_extra("adapters.alpaca")
    from adapters.alpaca import AlpacaConfig, AlpacaFactory

    venue = settings.venue
    if emulated is None:
        load_credentials("alpaca")  # so that a missing key is told now; the feed's process reads it again
    config = AlpacaConfig(
        symbols=_symbols(settings, emulated),
        **venue.given("stock_feed", "option_feed", "stream_options", "max_days", "interval_s", "chain_every_s"),
        **venue.given("closed_chain_every_s", "bar_symbols", "coin_symbols", "news_every_s"),
        **venue.given("timeout_s", "attempts", "data_timeout_s"),
        **_address(settings, emulated),
    )
    return VenueLink(
        factory=AlpacaFactory(config=config, throw_away=None if emulated is None else emulated.endpoint.credentials),
        title=f"Alpaca ({config.stock_feed}, {config.option_feed})",
        simulated=config.emulated,
    )


def _polygon(settings: Settings, emulated: Emulated | None) -> VenueLink:
    _import_extra("adapters.polygon")
    from adapters.polygon import PolygonConfig, PolygonFactory, PolygonLiveConfig, StreamConfig

    venue = settings.venue
    if emulated is None:
        load_credentials("polygon", with_secret=False)
    address = _address(settings, emulated)
    base, stream = address.pop("rest_url", None), address.pop("stream_url", None)
    streams: dict[str, Any] = (
        {} if stream is None else {"feed": urlsplit(stream).netloc, "secure": stream.startswith("wss")}
    )
    streams |= {} if venue.data_timeout_s is None else {"silent_s": venue.data_timeout_s}
    config = PolygonLiveConfig(
        symbols=_symbols(settings, emulated),
        rest=PolygonConfig(**venue.given("timeout_s", "attempts"), **({} if base is None else {"base_url": base})),
        stream=StreamConfig(**streams),
        **venue.given("stream_options", "max_days", "interval_s", "chain_every_s", "closed_chain_every_s"),
        **address,
    )
    return VenueLink(
        factory=PolygonFactory(config=config, throw_away=None if emulated is None else emulated.endpoint.credentials),
        title="Polygon",
        simulated=config.emulated,
    )


def _is_exchange(name: str) -> bool:
    _import_extra("ccxt")
    import ccxt

    return name in ccxt.exchanges


def _exchange(settings: Settings, emulated: Emulated | None) -> VenueLink:
    from adapters.ccxt_markets import CcxtFactory, CcxtFeedConfig

    venue, name = settings.venue, vendor_of(settings)
    quote = _USUAL_QUOTE.get(name, "{coin}/USDT:USDT")
    symbols = venue.symbols or _USUAL_COINS
    silent: dict[str, Any] = {} if venue.data_timeout_s is None else {"silent_s": venue.data_timeout_s}
    config = CcxtFeedConfig(
        exchange_id=name,
        markets=tuple(symbol if "/" in symbol else quote.format(coin=symbol) for symbol in symbols),
        market_types=_MARKET_TYPES.get(name, ()),
        url=venue.rest_url if emulated is None else emulated.endpoint.url,
        **venue.given("interval_s", "chain_every_s", "timeout_s"),
        **silent,
    )
    return VenueLink(
        factory=CcxtFactory(config=config),
        title=f"{name} ({', '.join(config.markets)})",
        simulated=config.emulated,
        perpetuals={coin: market for coin, market in zip(config.symbols, config.markets, strict=True) if ":" in market},
    )


def _address(settings: Settings, emulated: Emulated | None) -> dict[str, Any]:
    if emulated is None:
        return settings.venue.given("rest_url", "stream_url", "requests_per_min")
    return {
        "rest_url": emulated.endpoint.url,
        "stream_url": emulated.endpoint.ws_url,
        "requests_per_min": _MANY_PER_MIN,
        "limits_folder": emulated.folder,
    }


_MAKERS: Final[dict[str, Callable[[Settings, Emulated | None], VenueLink]]] = {
    "alpaca": _alpaca,
    "polygon": _polygon,
}
# The perpetual whose prices stand for a coin's, and the kinds of market to load where options are not among the usual.
_USUAL_QUOTE: Final = {"deribit": "{coin}/USD:{coin}"}
_MARKET_TYPES: Final = {
    "binance": ("linear", "option"),
    "bybit": ("linear", "option"),
    "okx": ("swap", "option"),
}
_HISTORICAL: Final = {"thetadata": "download with `hedgefield data get`, and replay the files"}


def _import_extra(module: str) -> None:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "adapters":
            raise
        raise ConfigError(
            "the libraries of the vendors are not installed", found=f"no module {error.name}", action=_EXTRA
        ) from error

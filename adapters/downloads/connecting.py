"""From the name of a venue to its downloader, with keys, budgets and the address to ask."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Final
from urllib.parse import urlsplit

from adapters.credentials import Credentials, load_credentials
from adapters.downloads.tasks import Downloader
from market.clock import Clock, SystemClock
from market.errors import ConfigError

__all__ = ["VENUES", "VenueOptions", "open_downloader"]

VENUES: Final = ("alpaca", "polygon", "thetadata", "ccxt:EXCHANGE")


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOptions:
    """How a venue is asked; what a venue does not know is passed over.

    Parameters
    ----------
    jobs : int
        Connections, or requests at once, 1 to 64.
    timeframe : str
        Length of bars, such as ``1m``, ``4h`` or ``1d``.
    base_url : str or None
        Address instead of the vendor's own.
    simulated : bool or None
        Whether what comes is marked as simulated; where it is not told, it is so if `base_url` is given.
    requests_per_min : int or None
        Budget of the key over all processes of this machine; the vendor's free plan where it is not given.
    stock_feed : str
        Alpaca's feed of shares: ``iex``, ``sip`` or ``delayed_sip``.
    root : str or None
        ThetaData's option root, such as ``SPXW`` for the symbol ``SPX``; the symbol where it is not given.
    with_keys : bool
        Whether keys are looked for; not needed where tasks are listed and nobody is asked.
    """

    jobs: int = 8
    timeframe: str = "1m"
    base_url: str | None = None
    simulated: bool | None = None
    requests_per_min: int | None = None
    stock_feed: str = "iex"
    root: str | None = None
    with_keys: bool = True

    def __post_init__(self) -> None:
        if self.base_url is not None and urlsplit(self.base_url).scheme not in {"http", "https"}:
            raise ConfigError(
                "an address cannot be asked",
                found=self.base_url.partition("@")[2] or self.base_url,
                expected="such as http://127.0.0.1:8100",
                action="correct --base-url",
            )

    @property
    def is_simulated(self) -> bool:
        """Whether what comes is marked as simulated."""
        return self.base_url is not None if self.simulated is None else self.simulated

    def credentials(self, vendor: str, *, with_secret: bool = True) -> Credentials:
        """Return the keys of a vendor, or empty ones where none are looked for."""
        if not self.with_keys:
            return Credentials(vendor=vendor, key="")
        return load_credentials(vendor, with_secret=with_secret)

    def named(self, venue: str) -> str:
        """Return the venue as tasks name it: another address is another venue, whose answers stand for themselves."""
        place = "" if self.base_url is None else f"@{urlsplit(self.base_url).netloc.rpartition('@')[2]}"
        return f"{venue}{place}{' (simulated)' if self.is_simulated else ''}"


def open_downloader(venue: str, options: VenueOptions, *, clock: Clock | None = None) -> Downloader:
    """Return the downloader of a venue; nobody is asked yet.

    Parameters
    ----------
    venue : str
        ``alpaca``, ``polygon``, ``thetadata``, or ``ccxt:`` and the name of an exchange.
    options : VenueOptions
        How it is asked.
    clock : Clock, optional
        Tells today and which bars have ended; the machine's by default.

    Returns
    -------
    Downloader
        Its tasks and connections.

    Raises
    ------
    ConfigError
        There is no such venue, no key for it where one is needed, or its client is not installed.
    """
    found_clock = clock or SystemClock()
    name, _, exchange = venue.partition(":")
    if name == "ccxt" and exchange:
        return _made("adapters.downloads.coins", "CoinDownloader", exchange, options, found_clock)
    makers = {"alpaca": "AlpacaDownloader", "polygon": "PolygonDownloader", "thetadata": "ThetaDownloader"}
    if venue not in makers:
        raise ConfigError(
            "there is no such venue",
            found=venue,
            expected=f"one of {', '.join(VENUES)}",
            action="name the venue so, such as ccxt:binance",
        )
    return _made(f"adapters.downloads.{venue}", makers[venue], options, found_clock)


def _made(module: str, name: str, *arguments: object) -> Downloader:
    try:
        found: Downloader = getattr(import_module(module), name)(*arguments)
    except ModuleNotFoundError as error:
        raise ConfigError(
            "the vendor's client is not installed",
            found=f"no module {error.name}",
            expected="the extra `vendors`",
            action="pip install 'hedgefield[vendors]'",
        ) from error
    return found

"""What runs in the process of an emulated venue: a simulated market in real time behind a vendor's protocol."""

from __future__ import annotations

import json
import pickle
import sys
import threading
import time
from collections.abc import Callable
from typing import BinaryIO, Final, TextIO

from adapters.emulated.alpaca import AlpacaFrontEnd
from adapters.emulated.binance import BinanceFront
from adapters.emulated.bybit import BybitFront
from adapters.emulated.coin_records import CoinRecords
from adapters.emulated.coin_venue import CoinVenue
from adapters.emulated.deribit import DeribitFront
from adapters.emulated.polygon import PolygonFront
from adapters.emulated.process import Emulation, Protocol
from adapters.emulated.server import EmulatedServer, FrontEnd
from adapters.simulated import SimulatedFeed
from adapters.simulated.coin_config import CoinMarketConfig
from market.errors import ConfigError, TradingError
from market.ports import MarketFeed

__all__ = ["serve"]

_EXCHANGES: Final[dict[Protocol, Callable[[CoinRecords], FrontEnd]]] = {
    Protocol.DERIBIT: DeribitFront,
    Protocol.BYBIT: BybitFront,
    Protocol.BINANCE: BinanceFront,
}
_WARM_STEPS: Final = 10
_KEPT: Final = 1_200  # batches: more than a feed that starts again asks for, and less than memory minds
_MOST_BEHIND_S: Final = 5.0  # a machine that slept does not play the night in a burst


def serve(source: BinaryIO, answer: TextIO) -> int:
    """Serve a venue until the source of its description is closed.

    Parameters
    ----------
    source : binary stream
        Holds a pickled `Emulation`, and stays open as long as the venue is wanted.
    answer : text stream
        Gets one line of JSON: the port, or why there is none.

    Returns
    -------
    int
        Exit code of the process.
    """
    try:
        emulation: Emulation = pickle.load(source)  # noqa: S301  # written by our own parent process
        front, feed = _opened(emulation)
        server = EmulatedServer(front, feed, faults=emulation.faults, keep=_KEPT)
        with server:
            server.step(_WARM_STEPS)  # whoever connects finds a chain, and prints of the underlying
            _tell(answer, {"port": server.port})
            _play(server, source)
    except TradingError as error:
        _tell(answer, {"error": str(error), "is_config": isinstance(error, ConfigError)})
        return 1
    except Exception as error:  # noqa: BLE001  # the parent must learn the reason, whatever it is
        _tell(answer, {"error": f"{type(error).__name__}: {error}"})
        return 1
    return 0


def _opened(emulation: Emulation) -> tuple[FrontEnd, MarketFeed]:
    credentials, market = emulation.credentials, emulation.market
    if isinstance(market, CoinMarketConfig):
        venue = CoinVenue(market)
        return _EXCHANGES[emulation.protocol](venue.records), venue
    feed = SimulatedFeed(market)
    if emulation.protocol is Protocol.POLYGON:
        return PolygonFront(credentials.key), feed
    return AlpacaFrontEnd(credentials.key, credentials.secret, requests_per_min=10_000), feed


def _tell(answer: TextIO, line: dict[str, object]) -> None:
    try:
        answer.write(json.dumps(line) + "\n")
        answer.flush()
    except OSError:  # nobody is there to be told
        sys.exit(1)


def _play(server: EmulatedServer, source: BinaryIO) -> None:
    """Step the market on a fixed beat, so that its clock does not fall behind ours; end with the source."""
    ended = threading.Event()

    def wait_for_the_end() -> None:
        while source.read(1024):
            pass
        ended.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    due = time.monotonic()
    while True:
        due = max(due + server.desk.market.delay_s(), time.monotonic() - _MOST_BEHIND_S)
        if ended.wait(max(due - time.monotonic(), 0.0)):
            return
        server.desk.market.step()

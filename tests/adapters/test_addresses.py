"""Where a venue may be, and what may be sent there."""

from __future__ import annotations

import pytest

pytest.importorskip("alpaca")
pytest.importorskip("massive")

from adapters.addresses import is_local, require_safe
from adapters.alpaca import AlpacaConfig
from adapters.downloads import VenueOptions
from adapters.downloads.connecting import open_downloader
from adapters.polygon import PolygonConfig, PolygonLiveConfig, StreamConfig
from market.errors import ConfigError

_HERE, _THERE = "http://127.0.0.1:8100", "https://api.example.com"


@pytest.mark.parametrize("address", ["http://127.0.0.1:1", "ws://localhost:2/x", "http://[::1]:3"])
def test_this_machine_is_known_by_its_names(address: str) -> None:
    """What answers there is simulated, and needs no encryption."""
    assert is_local(address)
    require_safe(address)


@pytest.mark.parametrize("addresses", [(_HERE, "wss://s.example.com"), (_THERE, "ws://127.0.0.1:8100")])
def test_half_a_venue_on_this_machine_is_refused(addresses: tuple[str, str]) -> None:
    """Simulated prints beside real chains would bear no mark, or real ones would bear it."""
    rest, stream = addresses
    with pytest.raises(ConfigError, match="half on this machine"):
        AlpacaConfig(symbols=("SPY",), rest_url=rest, stream_url=stream)
    scheme, _, feed = stream.partition("://")
    with pytest.raises(ConfigError, match="half on this machine"):
        PolygonLiveConfig(
            symbols=("SPY",),
            rest=PolygonConfig(base_url=rest),
            stream=StreamConfig(feed=feed, secure=scheme == "wss"),
        )


def test_the_address_of_requests_alone_does_not_switch_the_real_stream_on() -> None:
    """A user who names an emulator for one of the two gets an error, and no connection to the vendor."""
    with pytest.raises(ConfigError, match="half on this machine"):
        PolygonLiveConfig(symbols=("SPY",), rest=PolygonConfig(base_url=_HERE))


def test_a_key_is_not_sent_in_the_clear_nor_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """To another machine only with encryption; a password in an address does not come back in the error."""
    for address in ("http://api.example.com", "http://user:hidden@api.example.com"):  # pragma: allowlist secret
        with pytest.raises(ConfigError, match=r"in the clear; found http://api\.example\.com;") as caught:
            PolygonConfig(base_url=address)
        assert "hidden" not in str(caught.value)
    with pytest.raises(ConfigError, match="in the clear"):
        AlpacaConfig(symbols=("SPY",), rest_url=_THERE, stream_url="ws://stream.example.com")
    monkeypatch.setenv("ALPACA_API_KEY", "none")
    monkeypatch.setenv("ALPACA_API_SECRET", "none")
    with pytest.raises(ConfigError, match="in the clear"):
        open_downloader("alpaca", VenueOptions(base_url="http://api.example.com")).connect()
    open_downloader("alpaca", VenueOptions(base_url=_THERE)).connect().close()

"""What the doctor looks at of venues: whether there are keys, and, where that is asked for, whether one answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from adapters.credentials import load_credentials
from market.errors import ConfigError, TradingError

if TYPE_CHECKING:
    from adapters.polygon import PolygonLiveConfig

__all__ = ["keys_found", "venue_answer"]

_WITH_SECRET: Final = {"alpaca": True, "polygon": False}
_MOST_SKEW_S: Final = 1.0
_NS_PER_S: Final = 1e9


def keys_found(vendor: str | None = None) -> tuple[bool, str]:
    """Return whether there are keys, and of which vendors; the keys themselves are never told.

    Parameters
    ----------
    vendor : str, optional
        Only this one.

    Returns
    -------
    bool
        Whether each key that was looked for is there.
    str
        What was found.
    """
    words, missing = [], []
    for name, with_secret in _WITH_SECRET.items():
        if vendor in {None, name}:
            try:
                load_credentials(name, with_secret=with_secret)
            except ConfigError as error:
                missing.append(name)
                known = error.what.startswith("there is no key")
                words.append(f"{name}: none" if known else f"{name}: {error}")
            else:
                words.append(f"{name}: there")
    return not missing, ", ".join(words) or f"{vendor} needs none"


def venue_answer(name: str) -> tuple[bool, str]:
    """Ask a venue for its time, and return whether it answers and how far its clock is from ours.

    Parameters
    ----------
    name : str
        Vendor, or exchange as ccxt names it.

    Returns
    -------
    bool
        Whether it answers, within a second of our clock.
    str
        What was found; never a key.
    """
    try:
        ahead_s, within_s = _skew_s(name)
    except TradingError as error:
        return False, str(error)
    near = abs(ahead_s) <= _MOST_SKEW_S + within_s
    return near, f"{name} answers; its clock is {ahead_s:+.3f} s from ours, to within {within_s:.3f} s"


def _skew_s(name: str) -> tuple[float, float]:
    from cluster.settings import load_settings
    from cluster.venues import link

    settings = load_settings({"venue": {"name": name, "symbols": ("SPY",)}, "feed": {"kind": "venue"}})
    config: Any = getattr(link(settings).factory, "config")  # noqa: B009  # the port names no settings, each recipe has
    if name == "alpaca":
        from adapters.alpaca import AlpacaClient

        with AlpacaClient(config, load_credentials(name)) as client:
            skew = client.measure_skew()
            return skew.ahead_ns / _NS_PER_S, skew.uncertainty_ns / _NS_PER_S
    if name == "polygon":
        return _polygon_skew_s(config)
    from adapters.ccxt_markets import CcxtVenue

    found = CcxtVenue(name).clock_skew()
    return -found.skew_ns / _NS_PER_S, found.error_ns / _NS_PER_S


def _polygon_skew_s(config: PolygonLiveConfig) -> tuple[float, float]:
    from adapters.polygon import connected_client
    from market.clock import SystemClock

    with connected_client(config.rest, per_min=config.requests_per_min, budget_folder=config.limits_folder) as client:
        before_ns = SystemClock().now_ns()
        told_ns = client.server_time_ns()
        after_ns = SystemClock().now_ns()
    half_s = (after_ns - before_ns) / 2.0 / _NS_PER_S
    return (told_ns - before_ns) / _NS_PER_S - half_s + 0.5, half_s + 0.5  # whole seconds are told

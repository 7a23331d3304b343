"""From settings to recipes: which feed, which impacts, how many shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from actors.state import Impact
from cluster.feed_kind import FeedKind
from cluster.runtime import usable_cores
from cluster.settings import FeedSettings, Settings
from fields.live.config import LiveConfig
from market.errors import ConfigError
from market.ports import FeedFactory

__all__ = ["Wiring", "shard_names", "wire"]

_MOST_SHARDS: Final = 4  # each is a process of 150 MB; more than the cores always lost


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """What the actors are made from.

    Parameters
    ----------
    factory : FeedFactory
        Opens the feed.
    impacts : mapping of str to Impact
        By symbol.
    live : LiveConfig
        Settings of every symbol.
    simulated : bool
        Whether the feed is the simulated market.
    """

    factory: FeedFactory
    impacts: Mapping[str, Impact]
    live: LiveConfig
    simulated: bool


def shard_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the shards: as many as are asked for, else one per usable core up to 4."""
    count = settings.cluster.shards or min(usable_cores(), _MOST_SHARDS)
    return tuple(f"shard-{place}" for place in range(count))


def wire(settings: Settings) -> Wiring:
    """Return the feed's recipe and the impacts that go with it.

    Parameters
    ----------
    settings : Settings
        The whole tree.

    Returns
    -------
    Wiring
        Raises ConfigError where the feed's settings do not fit together.
    """
    if settings.feed.kind is FeedKind.REPLAY:
        return Wiring(factory=_replay(settings.feed), impacts=settings.impacts(), live=settings.live(), simulated=False)
    return _simulated(settings)


def _replay(feed: FeedSettings) -> FeedFactory:
    from adapters.replay.feed import ReplayFactory

    if not feed.paths:
        raise ConfigError("a replay needs files", expected="--path FILE, once or more", action="name recorded chains")
    missing = [str(path) for path in feed.paths if not path.is_file()]
    if missing:
        raise ConfigError("a file to replay is missing", found=missing[0], action="check --path")
    if feed.speed is not None:
        return ReplayFactory(paths=feed.paths, speed=feed.speed, loop=feed.loop)
    return ReplayFactory(paths=feed.paths, interval_s=feed.interval_s, loop=feed.loop)


def _simulated(settings: Settings) -> Wiring:
    from adapters.simulated import SimulatedFactory, demo_config, light_config

    feed = settings.feed
    if feed.paths:
        raise ConfigError("the simulated market reads no files", found=str(feed.paths[0]), action="add --feed replay")
    market = (
        light_config(feed.light_symbols, feed.light_contracts, seed=feed.seed, interval_s=feed.interval_s)
        if feed.light_symbols
        else demo_config(seed=feed.seed, interval_s=feed.interval_s)
    )
    known = {s.symbol: Impact(return_per_usd=s.impact_return_per_usd, source="simulated") for s in market.symbols}
    return Wiring(
        factory=SimulatedFactory(config=market),
        impacts=settings.impacts() | known,
        live=settings.live(flow_is_told=True),
        simulated=True,
    )

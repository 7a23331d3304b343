"""From settings to recipes: which feed, which impacts, how many shards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from actors.state import Impact
from cluster.feed_kind import FeedKind
from cluster.feed_settings import FeedSettings
from cluster.runtime import usable_cores
from cluster.settings import Settings
from fields.live.config import LiveConfig
from market.clock import ns_of_utc_midnight
from market.errors import ConfigError, DataError
from market.ports import FeedFactory

if TYPE_CHECKING:
    from adapters.replay import ReplayFactory
    from adapters.simulated import SimulatedMarketConfig
    from cluster.venues import Emulated

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
        Whether the feed is simulated, be it by an emulated venue.
    title : str
        For people: what is fed.
    """

    factory: FeedFactory
    impacts: Mapping[str, Impact]
    live: LiveConfig
    simulated: bool
    title: str


def shard_names(settings: Settings) -> tuple[str, ...]:
    """Return the names of the shards: as many as are asked for, else one per usable core up to 4."""
    count = settings.cluster.shards or min(usable_cores(), _MOST_SHARDS)
    return tuple(f"shard-{place}" for place in range(count))


def wire(settings: Settings, emulated: Emulated | None = None) -> Wiring:
    """Return the feed's recipe and the impacts that go with it.

    Parameters
    ----------
    settings : Settings
        The whole tree.
    emulated : Emulated, optional
        The emulated venue that runs, where the settings ask for one.

    Returns
    -------
    Wiring
        Raises ConfigError where the feed's settings do not fit together.
    """
    maker = {FeedKind.REPLAY: _recorded, FeedKind.STORE: _stored, FeedKind.SIMULATED: _simulated}
    kind = settings.feed.kind
    found = _venue(settings, emulated) if kind is FeedKind.VENUE else maker[kind](settings)
    return replace(found, factory=_wrapped(settings, found))


def _wrapped(settings: Settings, found: Wiring) -> FeedFactory:
    """Return the recipe of a feed with context, behind the gate, and recorded, as far as that is asked for."""
    factory, inputs, gate = found.factory, settings.inputs, settings.feed.gate
    if inputs.files or inputs.stored or (inputs.fomc and not found.simulated):
        from adapters.inputs import ContextFactory, StoredInputs

        stored = StoredInputs(
            where=settings.store_url(), series=inputs.series, bars=inputs.bars, perpetuals=inputs.perpetuals
        )
        factory = ContextFactory(
            factory=factory,
            paths=_existing(inputs.files),
            stored=stored if inputs.stored else None,
            announced_ahead=inputs.announced_ahead,
            fomc=inputs.fomc and not found.simulated,
        )
    if gate or (gate is None and settings.feed.kind is not FeedKind.SIMULATED):
        from adapters.quality.gate import GatedFactory

        factory = GatedFactory(factory=factory)
    where = settings.record_url()
    if where is not None:
        from adapters.store.recorder import RecordingConfig, RecordingFactory

        factory = RecordingFactory(
            inner=factory,
            config=RecordingConfig(where=where, commit_s=settings.store.commit_s),
            replayable=settings.feed.kind is not FeedKind.VENUE,
        )
    return factory


def _existing(files: tuple[Path, ...]) -> tuple[Path, ...]:
    missing = [str(path) for path in files if not path.is_file()]
    if missing:
        raise ConfigError("a file of inputs is missing", found=missing[0], action="check --inputs and inputs.files")
    return files


def _stored(settings: Settings) -> Wiring:
    from adapters.replay.stored import StoreFactory, StoreSelection
    from cluster.store_place import opened_store, shown_place

    feed, where = settings.feed, settings.store_url()
    opened_store(where, must_exist=True)
    span: dict[str, Any] = {}
    if feed.first is not None:
        span["first_ns"] = ns_of_utc_midnight(feed.first)
    if feed.last is not None:
        span["last_ns"] = ns_of_utc_midnight(feed.last + timedelta(days=1)) - 1
    factory = StoreFactory(
        where=where,
        selection=StoreSelection(
            symbols=feed.symbols, window_s=feed.window_s, regular_hours=feed.regular_hours, **span
        ),
        interval_s=None if feed.speed is not None else feed.interval_s,
        speed=feed.speed,
        loop=feed.loop,
    )
    opened = factory()  # what is not there is told now, and not by the feed's process
    try:
        simulated = opened.simulated
    finally:
        opened.close()
    live = settings.live(flow_is_told=True)
    return Wiring(
        factory=factory, impacts=settings.impacts(), live=live, simulated=simulated, title=f"store {shown_place(where)}"
    )


def _recorded(settings: Settings) -> Wiring:
    factory = _replay(settings.feed)
    live = settings.live(flow_is_told=bool(factory.ticks))
    return Wiring(factory=factory, impacts=settings.impacts(), live=live, simulated=False, title="recorded sessions")


def _venue(settings: Settings, emulated: Emulated | None) -> Wiring:
    from adapters.simulated.config import SimulatedMarketConfig
    from cluster.venues import emulated_market, link

    found = link(settings, emulated)
    impacts = settings.impacts()
    market = None if emulated is None else emulated_market(settings)
    if isinstance(market, SimulatedMarketConfig):  # nobody hedges simulated coins, so that they have no true impact
        impacts |= _known_impacts(market)
    live = settings.live(flow_is_told=True)
    perpetuals = {**live.context.perpetuals, **found.perpetuals, **settings.inputs.perpetual_of}
    live = replace(live, context=replace(live.context, perpetuals=perpetuals))
    return Wiring(factory=found.factory, impacts=impacts, live=live, simulated=found.simulated, title=found.title)


def _known_impacts(market: SimulatedMarketConfig) -> dict[str, Impact]:
    return {s.symbol: Impact(return_per_usd=s.impact_return_per_usd, source="simulated") for s in market.symbols}


def _replay(feed: FeedSettings) -> ReplayFactory:
    from adapters.replay import ReplayFactory

    if not feed.paths and not feed.ticks:
        raise ConfigError(
            "a replay needs files",
            expected="--path FILE or --ticks FILE, once or more",
            action="name recorded chains, or trades and quotes",
        )
    missing = [str(path) for path in (*feed.paths, *feed.ticks) if not path.is_file()]
    if missing:
        raise ConfigError("a file to replay is missing", found=missing[0], action="check --path and --ticks")
    chains, ticks = _sorted_out(feed)
    return ReplayFactory(
        paths=chains,
        ticks=ticks,
        regular_hours=feed.regular_hours,
        book_levels=feed.book_levels,
        interval_s=None if feed.speed is not None else feed.interval_s,
        speed=feed.speed,
        loop=feed.loop,
    )


def _sorted_out(feed: FeedSettings) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Return files of chains and of ticks: what holds no chain must hold ticks."""
    from adapters.chains import open_source
    from adapters.ticks import open_ticks

    chains: list[Path] = []
    others: dict[Path, DataError] = {}
    for path in feed.paths:
        try:
            open_source(path)
        except DataError as error:
            others[path] = error
        else:
            chains.append(path)
    ticks = (*feed.ticks, *others)
    if ticks:
        try:
            open_ticks(*ticks, regular_hours=feed.regular_hours)
        except DataError as error:
            for path, as_chain in others.items():
                if error.path == str(path):
                    raise as_chain from error
            raise
    return tuple(chains), ticks


def _simulated(settings: Settings) -> Wiring:
    from adapters.simulated import SimulatedFactory, light_config
    from cluster.venues import simulated_market

    feed = settings.feed
    files = (*feed.paths, *feed.ticks)
    if files:
        raise ConfigError("the simulated market reads no files", found=str(files[0]), action="add --feed replay")
    market = (
        light_config(feed.light_symbols, feed.light_contracts, seed=feed.seed, interval_s=feed.interval_s)
        if feed.light_symbols
        else simulated_market(settings)
    )
    return Wiring(
        factory=SimulatedFactory(config=market),
        impacts=settings.impacts() | _known_impacts(market),
        live=settings.live(flow_is_told=True),
        simulated=True,
        title="light market" if feed.light_symbols else f"{feed.scenario} market",
    )

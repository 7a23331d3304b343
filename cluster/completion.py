"""Waiting for the first complete set of fields, and saying why there will be none."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from market.errors import DataError, VenueError

if TYPE_CHECKING:
    from actors.messages import FeedHealth, Publication
    from cluster.supervise import Observation
    from cluster.system import System

__all__ = ["wait_complete"]

_POLL_S: Final = 0.2
_SETTLED_S: Final = 5.0  # after its end: the last chains are on their way through the shards


def wait_complete(
    system: System, timeout_s: float, give_up: Callable[[], bool], *, chainless_s: float = math.inf
) -> Mapping[str, Publication]:
    """Wait until every symbol of the feed has a field or a reason why not, and return the fields.

    Parameters
    ----------
    system : System
        It has been started.
    timeout_s : float
        How long to wait, seconds; after that VenueError names the symbols that are missing.
    give_up : callable
        Asked now and then; True ends the waiting early.
    chainless_s : float, optional
        How long a feed that delivers may deliver no chain, seconds; recorded ticks may take their time.

    Returns
    -------
    mapping of str to Publication
        By symbol. DataError where the feed delivers no chains, or ends before each symbol had one.
    """
    deadline, ended_at, began_at = time.monotonic() + timeout_s, None, None
    missing: set[str] = set()
    while time.monotonic() < deadline and not give_up():
        seen = system.observation
        if seen is not None and seen.feed is not None:
            began_at = began_at or (time.monotonic() if seen.feed.batches else None)
            _check_feed(seen.feed, patient=began_at is None or time.monotonic() - began_at < chainless_s)
            failed = _failed(seen)
            if seen.feed.symbols and system.n_published() + len(failed) >= len(seen.feed.symbols):
                found = system.publications()
                missing = set(seen.feed.symbols) - set(found) - failed
                if not missing:
                    return found
            if seen.feed.ended:
                ended_at = ended_at or time.monotonic()
                if time.monotonic() - ended_at > _SETTLED_S:
                    raise _unfinished(seen.feed, set(seen.feed.symbols) - set(system.publications()) - failed)
        time.sleep(_POLL_S)
    if give_up():
        return system.publications()
    raise VenueError(
        "not every symbol has a field",
        retryable=True,
        found=_waiting(system.observation, missing),
        expected=f"all within {timeout_s:g} s",
        action="look into the log, or lower the number of symbols",
    )


def _check_feed(feed: FeedHealth, *, patient: bool) -> None:
    if not patient and not feed.chains and not feed.error:
        raise VenueError(
            "the venue delivers no option chain",
            retryable=False,
            found=f"{feed.rows:,} quotes and trades in {feed.batches:,} batches, and no chain",
            expected="a chain of each symbol",
            action="choose symbols, or a venue, with options",
        )
    if feed.ended and feed.error:
        raise VenueError("the feed stopped", retryable=False, found=feed.error)
    if feed.batches and not feed.symbols:
        raise DataError(
            "the feed delivers no chains",
            found="trades or quotes without the options' quotes",
            expected="recorded chains, or option quotes to build them from",
            action="add files of chains with --path, or of option quotes with --ticks",
        )


def _failed(seen: Observation) -> set[str]:
    return {symbol for health in seen.shards.values() if health is not None for symbol in health.reasons}


def _unfinished(feed: FeedHealth, missing: set[str]) -> DataError:
    return DataError(
        "the feed has ended before every symbol had a chain",
        found=f"{feed.chains} chains in {feed.batches} batches, none of {_some(missing)}",
        expected="a chain of each symbol",
        action="add files of chains, or of the options' quotes",
    )


def _waiting(seen: Observation | None, missing: set[str]) -> str:
    if seen is not None and seen.feed is not None and seen.feed.error:
        return seen.feed.error
    return f"{len(missing)} missing, such as {_some(missing)}"


def _some(symbols: set[str]) -> str:
    return ", ".join(sorted(symbols)[:3])

"""Supervision: what to do when a part of the system has been restarted, and doing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, final

import ray
import structlog
from ray.exceptions import GetTimeoutError, RayError

from actors.messages import FeedHealth, ShardHealth
from market.ports import Stream

if TYPE_CHECKING:
    from ray.actor import ActorProxy

    from actors.bus import BusActor
    from actors.feed import FeedActor
    from actors.ledger import LedgerActor
    from actors.shard import SymbolActor

__all__ = ["Action", "Observation", "Step", "Supervisor", "plan"]

_PATIENCE_S: Final = 5.0
_NS_PER_S: Final = 1_000_000_000
_LOG = structlog.get_logger("hedgefield.supervise")


class Step(Enum):
    """What the supervisor can do."""

    START_FEED = "start_feed"
    START_LEDGER = "start_ledger"
    CATCH_UP = "catch_up"
    REPUBLISH = "republish"
    CHECKPOINT = "checkpoint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do.

    Parameters
    ----------
    step : Step
        What.
    shard : str
        To which shard; empty where it is none.
    after : int
        From which sequence; -1 for all.
    """

    step: Step
    shard: str = ""
    after: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What the supervisor saw in one round; None where a part gave no answer.

    Parameters
    ----------
    shards : mapping of str to ShardHealth or None
        By name.
    feed : FeedHealth or None
        The feed.
    feed_started : bool or None
        Whether this incarnation of the feed has been started.
    ledger_started : bool or None
        Whether this incarnation of the ledger writer has been started.
    bus_epoch_ns : int or None
        Incarnation of the bus.
    """

    shards: Mapping[str, ShardHealth | None]
    feed: FeedHealth | None
    feed_started: bool | None
    ledger_started: bool | None
    bus_epoch_ns: int | None


def plan(before: Observation | None, now: Observation) -> list[Action]:
    """Return what must be done, from what was seen before and now.

    Parameters
    ----------
    before : Observation or None
        The round before, in which a missing answer stands for the last one that came; None in the first round.
    now : Observation
        This round.

    Returns
    -------
    list of Action
        In the order in which to do them.
    """
    seen = [health.sequence for health in now.shards.values() if health is not None]
    actions: list[Action] = []
    if now.ledger_started is False:
        actions.append(Action(step=Step.START_LEDGER))
    if now.feed_started is False and len(seen) == len(now.shards):
        # Nobody may miss a batch: begin after the shard that has the least; the others drop what they know.
        actions.append(Action(step=Step.START_FEED, after=min(seen)))
    actions += [
        Action(step=Step.CATCH_UP, shard=name, after=health.sequence)
        for name, health in now.shards.items()
        if health is not None and now.feed_started and _must_catch_up(before, now, health)
    ]
    if before is not None and now.bus_epoch_ns not in {None, before.bus_epoch_ns}:
        actions += [
            Action(step=Step.REPUBLISH, shard=name) for name, health in now.shards.items() if health is not None
        ]
    return actions


def _must_catch_up(before: Observation | None, now: Observation, health: ShardHealth) -> bool:
    if now.feed is None or health.shard in now.feed.shards_catching_up:
        return False
    old = before.shards.get(health.shard) if before is not None else None
    return health.shard in now.feed.shards_down or (old is not None and old.epoch_ns != health.epoch_ns)


@dataclass(slots=True, kw_only=True)
class _Memory:
    shards: dict[str, ShardHealth] = field(default_factory=dict)
    bus_epoch_ns: int | None = None


@final
class Supervisor:
    """Looks at every part once a round and does what `plan` says.

    Parameters
    ----------
    shards : mapping of str to actor handle
        By name.
    feed, bus, ledger : actor handle
        The other parts.
    checkpoint_period_s : float
        Time between checkpoints, seconds.
    """

    def __init__(
        self,
        shards: Mapping[str, ActorProxy[SymbolActor]],
        feed: ActorProxy[FeedActor],
        bus: ActorProxy[BusActor],
        ledger: ActorProxy[LedgerActor],
        *,
        checkpoint_period_s: float,
    ) -> None:
        self._shards, self._feed, self._bus, self._ledger = shards, feed, bus, ledger
        self._memory = _Memory()
        self._period_ns = int(checkpoint_period_s * _NS_PER_S)
        self._next_checkpoint_ns: int | None = None
        self.restarts = 0
        """Shards whose process was replaced."""
        self.last: Observation | None = None
        """What the newest round saw."""

    def tick(self, now_ns: int) -> list[Action]:
        """Do one round and return what was done.

        Parameters
        ----------
        now_ns : int
            Current instant, ns since the epoch, UTC.
        """
        seen = self._observe()
        before = Observation(
            shards=dict(self._memory.shards),
            feed=None,
            feed_started=None,
            ledger_started=None,
            bus_epoch_ns=self._memory.bus_epoch_ns,
        )
        actions = plan(before if self.last is not None else None, seen)
        if self._next_checkpoint_ns is None or now_ns >= self._next_checkpoint_ns:
            if self._next_checkpoint_ns is not None:
                actions += [Action(step=Step.CHECKPOINT, shard=name) for name in self._shards]
            self._next_checkpoint_ns = now_ns + self._period_ns
        self._remember(seen)
        for action in actions:
            self._do(action)
        return actions

    def _observe(self) -> Observation:
        asked: dict[str, Any] = {name: shard.health.remote() for name, shard in self._shards.items()}
        asked |= {
            "\x00feed": self._feed.health.remote(),
            "\x00started": self._feed.is_started.remote(),
            "\x00ledger": self._ledger.is_started.remote(),
            "\x00bus": self._bus.poll.remote(Stream.HEALTH, 0, 1, 0.0),
        }
        ray.wait(list(asked.values()), num_returns=len(asked), timeout=_PATIENCE_S, fetch_local=True)
        answers = {name: _answer(reference) for name, reference in asked.items()}
        bus = answers["\x00bus"]
        return Observation(
            shards={name: answers[name] for name in self._shards},
            feed=answers["\x00feed"],
            feed_started=answers["\x00started"],
            ledger_started=answers["\x00ledger"],
            bus_epoch_ns=None if bus is None else bus.epoch_ns,
        )

    def _remember(self, seen: Observation) -> None:
        for name, health in seen.shards.items():
            if health is not None:
                old = self._memory.shards.get(name)
                self.restarts += old is not None and old.epoch_ns != health.epoch_ns
                self._memory.shards[name] = health
        self._memory.bus_epoch_ns = seen.bus_epoch_ns or self._memory.bus_epoch_ns
        self.last = seen

    def _do(self, action: Action) -> None:
        if action.step is not Step.CHECKPOINT:
            _LOG.info("supervisor acts", step=action.step.value, shard=action.shard, after=action.after)
        match action.step:
            case Step.START_FEED:
                self._feed.start.remote(action.after)
            case Step.START_LEDGER:
                self._ledger.start.remote()
            case Step.CATCH_UP:
                self._feed.catch_up.remote(action.shard, action.after)
            case Step.REPUBLISH:
                self._shards[action.shard].republish.remote()
            case Step.CHECKPOINT:
                self._shards[action.shard].checkpoint.remote()


def _answer(reference: Any) -> Any:
    try:
        return ray.get(reference, timeout=0.0)
    except GetTimeoutError:
        return None  # busy: it will answer in a later round
    except RayError as error:
        _LOG.warning("a part gave no answer", error=type(error).__name__)
        return None

"""The shard actor: holds a `ShardState`, publishes what it returns, keeps its checkpoint."""

from __future__ import annotations

import fcntl
import gc
import os
import time
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, final

import ray

from actors.addresses import ActorAddress, connect
from actors.bus import BusActor
from actors.codec import encode
from actors.messages import Outgoing, Publication, Receipt, ShardBatch, ShardHealth, SymbolStatus
from actors.metrics import ShardMetrics
from actors.state import ShardConfig, ShardState, SymbolFactory
from market.clock import SystemClock
from market.errors import DataError
from market.ports import Stream

if TYPE_CHECKING:
    from ray.actor import ActorProxy

    from actors.checkpoint import Checkpoint
    from fields.live.config import LiveConfig
    from fields.live.state import SymbolCheckpoint, SymbolState

__all__ = ["SymbolActor"]

_OUTSTANDING: Final = 4  # publications on their way to the bus; more means that the bus is behind
_PATIENCE_S: Final = 5.0
_COLLECT: Final = (20_000, 20, 20)  # new objects before the youngest are searched, and how seldom the older ones are


def _symbol_factory(folder: Path) -> SymbolFactory:
    """Load the kernels, one process at a time: with a cold cache the first one compiles and the others load."""
    with (folder / "kernels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a process that dies lets go
        import actors.checkpoint  # noqa: F401  # its messages bring kernels, too
        from fields.warm import warm_kernels

        warm_kernels()
    # Kernels and modules stay: to search them for cycles, and a thousand states ever again, took a tenth of the time.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECT)
    return _opened


def _opened(_symbol: str, config: LiveConfig, saved: SymbolCheckpoint | None) -> SymbolState:
    from fields.live.state import SymbolState

    return SymbolState(config, saved, perf_ns=time.perf_counter_ns)


@final
class SymbolActor:
    """Sync, single-threaded actor that owns many symbols.

    Parameters
    ----------
    config : ShardConfig
        Settings.
    checkpoint_path : str
        File of the checkpoint; a shard that is restarted resumes from it.
    bus : ActorAddress
        The `BusActor`, where snapshots and health go.
    """

    def __init__(self, config: ShardConfig, checkpoint_path: str, bus: ActorAddress) -> None:
        self._config, self._path, self._clock = config, Path(checkpoint_path), SystemClock()
        self._bus: ActorProxy[BusActor] = connect(bus)
        self._epoch_ns = self._clock.now_ns()
        self._sent: deque[ray.ObjectRef[int]] = deque()
        self._unpublished, self._note = 0, ""
        self._metrics = ShardMetrics(config.name)
        factory = _symbol_factory(self._path.parent)
        restored = self._restore()
        self._restored = 0 if restored is None else len(restored.publications)
        self._state = ShardState(
            config,
            factory,
            self._clock,
            sequence=-1 if restored is None else restored.sequence,
            publications=() if restored is None else restored.publications,
            symbols=() if restored is None else restored.symbols,
            context=None if restored is None else restored.context,
        )
        self._publish(self._state.publications)

    def _restore(self) -> Checkpoint | None:
        from actors.checkpoint import read_checkpoint

        try:
            return read_checkpoint(self._path, run_id=self._config.run_id, shard=self._config.name)
        except DataError as error:
            self._note = str(error)  # start empty and catch up on everything: a bad file must not stop the shard
            return None

    @ray.method
    def on_batch(self, message: ShardBatch) -> Receipt:
        """Compute and publish the fields of a batch."""
        before = self._state.counts.failed, self._state.counts.out_of_order, self._state.counts.compute_ns
        published = self._state.on_batch(message)
        counts = self._state.counts
        receipt = Receipt(
            sequence=message.sequence,
            published=len(published),
            failed=counts.failed - before[0],
            out_of_order=counts.out_of_order - before[1],
            compute_ns=counts.compute_ns - before[2],
        )
        self._publish(published)
        self._metrics.on_batch(message, published, receipt)
        return receipt

    def _publish(self, publications: Sequence[Publication]) -> None:
        messages = [
            Outgoing(key=p.snapshot.symbol, ts_event_ns=p.snapshot.ts_event_ns, payload=encode(p)) for p in publications
        ]
        if messages:
            self._send(Stream.FIELD_SNAPSHOTS, messages)

    def _send(self, topic: Stream, messages: Sequence[Outgoing]) -> None:
        if len(self._sent) >= _OUTSTANDING:
            done, _ = ray.wait([self._sent[0]], timeout=_PATIENCE_S)
            self._unpublished += 0 if done else 1
            self._sent.popleft()
        self._sent.append(self._bus.publish.remote(topic, messages))

    @ray.method
    def republish(self) -> int:
        """Send the latest field of each symbol to a bus that has lost them, and return how many."""
        self._publish(self._state.publications)
        return len(self._state.publications)

    @ray.method
    def health(self) -> ShardHealth:
        """Publish and return the state of the shard."""
        now_ns, counts = self._clock.now_ns(), self._state.counts
        status = self._state.status(now_ns)
        health = ShardHealth(
            shard=self._config.name,
            epoch_ns=self._epoch_ns,
            pid=os.getpid(),
            ts_ns=now_ns,
            sequence=self._state.sequence,
            catching_up=self._state.catching_up,
            restored=self._restored,
            symbols=len(status),
            stale=sum(s.stale for s in status),
            updates=counts.updates,
            failed=counts.failed,
            out_of_order=counts.out_of_order,
            unpublished=self._unpublished,
            reasons=self._state.reasons,
            note=self._note,
        )
        self._metrics.on_status(status)
        self._send(Stream.HEALTH, [Outgoing(key=health.shard, ts_event_ns=now_ns, payload=encode(health))])
        return health

    @ray.method
    def status(self) -> tuple[SymbolStatus, ...]:
        """Return how fresh each symbol is."""
        return self._state.status(self._clock.now_ns())

    @ray.method
    def checkpoint(self) -> int:
        """Write the checkpoint and return its size, bytes."""
        from actors.checkpoint import Checkpoint, write_checkpoint

        return write_checkpoint(
            self._path,
            Checkpoint(
                run_id=self._config.run_id,
                shard=self._config.name,
                sequence=self._state.sequence,
                publications=self._state.publications,
                symbols=self._state.symbols,
                context=self._state.context,
            ),
        )

"""Custom metrics of a shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, final

from ray.util.metrics import Counter, Gauge, Histogram

from actors.messages import Publication, Receipt, ShardBatch, SymbolStatus

__all__ = ["ShardMetrics"]

_BOUNDARIES_MS: Final = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0]


@final
class ShardMetrics:
    """Custom metrics of a shard; they appear on the node's metrics port with the prefix ``ray_``.

    Parameters
    ----------
    shard : str
        Name of the shard.
    """

    def __init__(self, shard: str) -> None:
        tags = {"shard": shard}
        self._updates = Counter("hedgefield_updates", "Fields computed", ("shard",))
        self._failed = Counter("hedgefield_failed", "Chains that gave no field", ("shard",))
        self._latency = Histogram(
            "hedgefield_latency_ms", "From the feed's receipt to publication", _BOUNDARIES_MS, ("shard",)
        )
        self._compute = Histogram("hedgefield_compute_ms", "Field computation of a batch", _BOUNDARIES_MS, ("shard",))
        self._age = Gauge("hedgefield_staleness_s", "Age of the oldest field", ("shard",))
        self._queue = Gauge("hedgefield_queue_depth", "Chains that wait in the feed for the shard", ("shard",))
        for metric in (self._updates, self._failed, self._latency, self._compute, self._age, self._queue):
            metric.set_default_tags(tags)

    def on_batch(self, message: ShardBatch, published: Sequence[Publication], receipt: Receipt) -> None:
        """Note what a batch gave.

        Parameters
        ----------
        message : ShardBatch
            The batch.
        published : sequence of Publication
            Its fields.
        receipt : Receipt
            What the shard did with it.
        """
        self._queue.set(message.queued)
        self._compute.observe(receipt.compute_ns / 1e6)
        if receipt.failed:
            self._failed.inc(receipt.failed)
        if published:
            self._updates.inc(len(published))
            self._latency.observe((published[-1].published_ns - message.received_ns) / 1e6)

    def on_status(self, status: Sequence[SymbolStatus]) -> None:
        """Note the age of the oldest field."""
        self._age.set(max((s.age_s for s in status if s.age_s == s.age_s), default=0.0))

"""Custom metrics of the feed and of a shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, final

from ray.util.metrics import Counter, Gauge, Histogram

from actors.messages import FeedHealth, Publication, Receipt, ShardBatch, StreamKind, SymbolStatus

__all__ = ["FeedMetrics", "ShardMetrics"]

_BOUNDARIES_MS: Final = [0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 5000.0]
_MOST_STREAMS: Final = 100  # series that one desk adds to a database of metrics


@final
class FeedMetrics:
    """Custom metrics of the feed."""

    def __init__(self) -> None:
        self._rate = Counter("hedgefield_feed_chains", "Chains pulled from the feed")
        self._waits = Gauge("hedgefield_feed_queued", "Chains that wait for a shard")
        self._merged = Gauge("hedgefield_feed_coalesced", "Chains replaced by a newer one before delivery, so far")
        self._lost = Gauge("hedgefield_feed_rows_lost", "Quotes and trades that found no room, so far")
        self._lag = Histogram(
            "hedgefield_stream_lag_ms", "Age of the newest row of a batch at its receipt", _BOUNDARIES_MS, ("kind",)
        )
        self._counted = Gauge("hedgefield_feed_counts", "What the feed itself has counted, so far", ("count",))
        by_stream = ("symbol", "kind")
        self._late = Gauge("hedgefield_stream_lag_s", "Age of a stream's newest row at its receipt", by_stream)
        self._silent = Gauge("hedgefield_stream_silent_s", "Time since a stream's newest row, market open", by_stream)

    def on_batch(self, chains: int) -> None:
        """Note that a batch has come."""
        if chains:
            self._rate.inc(chains)

    def on_health(self, health: FeedHealth, lags_s: Mapping[StreamKind, Sequence[float]]) -> None:
        """Note the state of the feed, and the lags of the batches since the report before, seconds by kind."""
        self._waits.set(health.queued)
        self._merged.set(health.coalesced)
        self._lost.set(health.rows_lost)
        for name, count in health.counts.items():
            self._counted.set(count, {"count": name})
        for kind, lags in lags_s.items():
            for lag_s in lags:
                self._lag.observe(lag_s * 1e3, {"kind": kind.value})
        # In an order that does not change, so that the same streams are shown at every report.
        for stream in sorted(health.streams, key=lambda item: (item.symbol, item.kind))[:_MOST_STREAMS]:
            tags = {"symbol": stream.symbol, "kind": stream.kind.value}
            self._late.set(stream.lag_s, tags)
            self._silent.set(0.0 if stream.market_closed else stream.silent_s, tags)


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

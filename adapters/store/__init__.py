"""The point-in-time store: one door to write market data and to read them as they were known.

Examples
--------
>>> from adapters.store import DataKind, open_store
>>> store = open_store("data/store")  # doctest: +SKIP
>>> chain = store.chains.newest("SPX", known_ns=1_685_732_400_000_000_000)  # doctest: +SKIP
>>> for batch in store.scan(DataKind.BARS, "SPY", known_ns=1_685_732_400_000_000_000):  # doctest: +SKIP
...     print(batch.num_rows)
"""

from __future__ import annotations

from adapters.store.chain_reader import ChainKey, ChainReader
from adapters.store.intake import IngestReport, IngestStatus, ingest
from adapters.store.kinds import KINDS, DataKind, Grain, KindSpec
from adapters.store.manifest import Commit, ManifestState, Segment
from adapters.store.recorder import Recorded, RecordingConfig, RecordingFactory, RecordingFeed, StreamRecorder
from adapters.store.segments import Range
from adapters.store.store import PointInTimeStore, open_store
from adapters.store.writer import SegmentWriter

__all__ = [
    "KINDS",
    "ChainKey",
    "ChainReader",
    "Commit",
    "DataKind",
    "Grain",
    "IngestReport",
    "IngestStatus",
    "KindSpec",
    "ManifestState",
    "PointInTimeStore",
    "Range",
    "Recorded",
    "RecordingConfig",
    "RecordingFactory",
    "RecordingFeed",
    "Segment",
    "SegmentWriter",
    "StreamRecorder",
    "ingest",
    "open_store",
]

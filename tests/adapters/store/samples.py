"""Small data for the tests of the store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from pathlib import Path
from typing import Any, final

import numpy as np
import pyarrow as pa
from pyarrow import fs

from adapters.store import PointInTimeStore, open_store
from adapters.store.files import StoreFiles
from market.calendars import expiry_series
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, TradeBatch
from tests.generators import AS_OF_NS, Expiry, synthetic_chain

MINUTE_NS = 60_000_000_000
DAY_NS = 1_440 * MINUTE_NS
FOREVER_NS = 2**62
MONTH = (Expiry(date(2023, 6, 9)), Expiry(date(2023, 7, 7)), Expiry(date(2023, 9, 8)))


@final
class SettableClock:
    """A clock that stands where it is put."""

    def __init__(self, now_ns: int) -> None:
        self.instant_ns = now_ns

    def now_ns(self) -> int:
        """Return the instant."""
        return self.instant_ns


@final
class WatchedFiles:
    """The files of a store, with a list of what was read, that can fail when a commit is to be made."""

    def __init__(self, files: StoreFiles) -> None:
        self._files = files
        self.was_read: list[str] = []
        self.cut_off = False

    @property
    def arrow(self) -> fs.FileSystem:
        """The file system."""
        return self._files.arrow

    def names(self, folder: str) -> list[str]:
        """Pass on."""
        return self._files.names(folder)

    def read(self, path: str) -> bytes:
        """Remember and pass on."""
        self.was_read.append(path)
        return self._files.read(path)

    def create(self, path: str, content: bytes) -> None:
        """Pass on, or die first."""
        if self.cut_off:
            raise KeyboardInterrupt
        self._files.create(path, content)

    def replace(self, path: str, content: bytes) -> None:
        """Pass on."""
        self._files.replace(path, content)

    def scratch(self) -> Path:
        """Pass on."""
        return self._files.scratch()

    def adopt(self, scratch: Path, folder: str, suffix: str) -> tuple[str, str, int]:
        """Pass on."""
        return self._files.adopt(scratch, folder, suffix)


def store_at(path: Path, now_ns: int = AS_OF_NS) -> tuple[PointInTimeStore, SettableClock]:
    """Return an empty store and the clock by which it records."""
    clock = SettableClock(now_ns)
    return open_store(path, clock=clock), clock


def bars(
    starts: list[int] | np.ndarray, closes: list[float] | np.ndarray, *, known: list[int] | None = None
) -> pa.Table:
    """Return minute bars whose open, high, low and close are one price."""
    start = np.asarray(starts, dtype=np.int64)
    close = np.asarray(closes, dtype=np.float64)
    columns: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close"), close)
    columns["event_ns"] = start
    columns["known_ns"] = start + MINUTE_NS if known is None else np.asarray(known, dtype=np.int64)
    columns["length_ns"] = np.full(start.shape, MINUTE_NS)
    return pa.table(columns)


def trades(n: int, *, seed: int = 3, start_ns: int = AS_OF_NS) -> TradeBatch:
    """Return trades of an underlying and two of its options."""
    rng = np.random.default_rng(seed)
    series = (expiry_series(product_of("SPXW"), date(2023, 6, 9)), expiry_series(product_of("SPX"), date(2023, 6, 16)))
    return TradeBatch(
        symbol="SPX",
        ts_event_ns=start_ns + n,
        cause_id="sample",
        provenance=Provenance(source="sample", origin="tests", simulated=True, as_of_source=AsOfSource.STAMPED),
        contracts=ContractTable(
            series=series,
            series_index=np.array([1, 0], dtype=np.int32),
            strike=np.array([4000.0, 4100.0]),
            is_call=np.array([True, False]),
        ),
        contract=rng.integers(UNDERLYING, 2, n).astype(np.int32),
        ts_ns=start_ns + np.arange(n, dtype=np.int64) * 1_000_000,
        trade_id=np.arange(n, dtype=np.int64),
        price=rng.uniform(1.0, 9.0, n),
        size=rng.integers(1, 50, n).astype(np.float64),
        flags=np.zeros(n, dtype=np.uint8),
        venue=rng.integers(-1, 9, n).astype(np.int16),
        aggressor=rng.integers(-1, 2, n).astype(np.int8),
    )


def assert_same(left: Any, right: Any, at: str = "") -> None:
    """Compare two values part by part, arrays to the last bit; NaN is NaN."""
    assert type(left) is type(right), at
    if is_dataclass(left):
        for item in fields(left):
            assert_same(getattr(left, item.name), getattr(right, item.name), f"{at}.{item.name}")
    elif isinstance(left, np.ndarray):
        assert left.dtype == right.dtype or not left.size, at
        assert left.shape == right.shape, at
        assert left.tobytes() == right.tobytes(), at
    elif isinstance(left, tuple | list):
        assert len(left) == len(right), at
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            assert_same(one, other, f"{at}[{place}]")
    elif isinstance(left, Mapping):
        assert list(left) == list(right), at
        for name in left:
            assert_same(left[name], right[name], f"{at}[{name}]")
    else:
        assert left == right or (left != left and right != right), at  # NaN is NaN


def chain_of(close: float = 4000.0, *, as_of_ns: int = AS_OF_NS, noise: float = 0.0) -> Any:
    """Return a chain of three expirations."""
    return synthetic_chain(close, MONTH, as_of_ns=as_of_ns, noise=noise, half_spread=0.1)

"""Closed bars of one symbol and width, and the features made of them: recorded whole, or bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, final

import numpy as np

from market.bars import BarBatch
from market.chains import FloatArray
from market.errors import DataError
from market.trades import UNDERLYING, Int64Array
from strategies.features import Feature, column_of, newest_of
from strategies.views import BarWindow

__all__ = ["BarHistory", "bar_name", "finest_bars", "of_underlying"]

_MINUTE_NS: Final = 60_000_000_000
_COLUMNS: Final = ("open", "high", "low", "close", "volume")
_BAR_COLUMNS: Final = (*_COLUMNS, "vwap", "n_trades")


def bar_name(batch: BarBatch) -> str:
    """Return what bars of a width are called beside others of the same symbol, such as ``SPX@5m`` or ``SPX@1d``."""
    if not batch.n_bars:
        return f"{batch.symbol}@0m"
    minutes = round(float(np.median(batch.end_ns - batch.start_ns)) / _MINUTE_NS)
    return f"{batch.symbol}@1d" if minutes >= 360 else f"{batch.symbol}@{minutes}m"


@final
class BarHistory:
    """Bars of one symbol and width, of which the first `n_known` are closed by now.

    Parameters
    ----------
    name : str
        As `bar_name`.
    features : sequence of Feature
        What is computed of them.
    """

    __slots__ = ("_arrays", "_columns", "_features", "_is_whole", "end_ns", "n_known", "name", "start_ns")

    def __init__(self, name: str, features: Sequence[Feature] = ()) -> None:
        self.name = name
        self.n_known = 0
        self.start_ns: Int64Array = np.zeros(0, dtype=np.int64)
        self.end_ns: Int64Array = np.zeros(0, dtype=np.int64)
        self._arrays: dict[str, FloatArray] = {column: np.zeros(0) for column in _COLUMNS}
        self._features = tuple(features)
        self._columns: dict[str, list[float]] = {feature.name: [] for feature in features}
        self._is_whole = False

    def record(self, batch: BarBatch) -> None:
        """Take a whole recording, whose bars become known one by one as `n_known` is raised.

        Parameters
        ----------
        batch : BarBatch
            Bars of the underlying itself, in order of their ends.
        """
        self._extend(batch)
        self._is_whole = True
        window = self._window(0, self.end_ns.shape[0])
        for feature in self._features:
            self._columns[feature.name][:] = column_of(feature, window).tolist()

    def append(self, batch: BarBatch) -> None:
        """Take bars that have just closed, in order of their ends."""
        if self._is_whole:
            raise DataError(f"bars of {self.name} are recorded whole", found="a new bar", expected="none")
        for row in range(batch.n_bars):
            self._extend(batch, slice(row, row + 1))
            self.n_known += 1
            for feature in self._features:
                window = self.window(feature.lookback)
                self._columns[feature.name].append(newest_of(feature, window))

    def _extend(self, batch: BarBatch, rows: slice = slice(None)) -> None:
        self.start_ns = np.concatenate((self.start_ns, batch.start_ns[rows]))
        self.end_ns = np.concatenate((self.end_ns, batch.end_ns[rows]))
        if (np.diff(self.end_ns) < 0).any():
            raise DataError(f"bars of {self.name} are out of order", expected="rising ends", action="sort them")
        for column in _COLUMNS:
            self._arrays[column] = np.concatenate((self._arrays[column], getattr(batch, column)[rows]))
            self._arrays[column].setflags(write=False)
        self.start_ns.setflags(write=False)
        self.end_ns.setflags(write=False)

    def column(self, name: str) -> FloatArray:
        """Return a whole price column, also of bars that are not closed yet: for the venue, never for a strategy."""
        return self._arrays[name]

    def window(self, count: int) -> BarWindow:
        """Return up to so many closed bars, oldest first."""
        return self._window(max(0, self.n_known - count), self.n_known)

    def _window(self, start: int, stop: int) -> BarWindow:
        arrays = {column: values[start:stop] for column, values in self._arrays.items()}
        return BarWindow(start_ns=self.start_ns[start:stop], end_ns=self.end_ns[start:stop], **arrays)

    def feature_column(self, name: str) -> list[float]:
        """Return the values of a feature, one per bar; the same list for as long as the history lives."""
        return self._columns[name]


def of_underlying(batch: BarBatch) -> BarBatch:
    """Return the bars of the underlying itself, without those of its options."""
    rows = batch.contract == UNDERLYING
    if rows.all():
        return batch
    columns = {name: getattr(batch, name)[rows] for name in ("contract", "start_ns", "end_ns", *_BAR_COLUMNS)}
    return replace(batch, **columns)


def finest_bars(batches: Sequence[BarBatch]) -> dict[str, BarBatch]:
    """Return by symbol the bars of the smallest width; of equal widths the first."""
    found: dict[str, BarBatch] = {}
    for batch in sorted(batches, key=lambda each: float(np.median(each.end_ns - each.start_ns)) if each.n_bars else 0):
        found.setdefault(batch.symbol, batch)
    return found

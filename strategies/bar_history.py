"""Closed bars of one symbol and width, and the features made of them: recorded whole, or bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, final

import numpy as np

from market.bars import BarBatch
from market.errors import DataError
from market.trades import UNDERLYING, Int64Array
from strategies.features.feature import BarFeature, FeatureStream, bars_of, column_of, stream_of
from strategies.views import BarWindow

__all__ = ["BarHistory", "bar_name", "finest_bars", "of_underlying"]

_MINUTE_NS: Final = 60_000_000_000
_INSTANTS: Final = ("start_ns", "end_ns")
_PRICES: Final = ("open", "high", "low", "close", "volume")
_COLUMNS: Final = (*_INSTANTS, *_PRICES)
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
    features : sequence of BarFeature
        What is computed of them.

    Notes
    -----
    Streams of features point into the indicator library and cannot cross a process: a history is made anew from bars.
    """

    __slots__ = ("_arrays", "_columns", "_features", "_is_whole", "_n_held", "_streams", "n_known", "name")

    def __init__(self, name: str, features: Sequence[BarFeature] = ()) -> None:
        self.name = name
        self.n_known = 0
        self._n_held = 0
        self._arrays: dict[str, Any] = {
            column: np.zeros(0, dtype=np.int64 if column in _INSTANTS else np.float64) for column in _COLUMNS
        }
        self._features = tuple(features)
        self._streams: tuple[tuple[FeatureStream, list[float]], ...] = ()
        self._columns: dict[str, list[float]] = {feature.name: [] for feature in features}
        self._is_whole = False

    @property
    def start_ns(self) -> Int64Array:
        """Starts of the bars, ns since the epoch, UTC."""
        found: Int64Array = self.column("start_ns")
        return found

    @property
    def end_ns(self) -> Int64Array:
        """Ends of the bars, ns since the epoch, UTC."""
        found: Int64Array = self.column("end_ns")
        return found

    def record(self, batch: BarBatch) -> None:
        """Take a whole recording, whose bars become known one by one as `n_known` is raised.

        Parameters
        ----------
        batch : BarBatch
            Bars of the underlying itself, in order of their ends.

        Raises
        ------
        DataError
            The bars are out of order, or a column is not of float64.
        """
        self._extend(batch)
        self._is_whole = True
        window = self._window(0, self._n_held)
        for feature in self._features:
            self._columns[feature.name][:] = column_of(feature, window).tolist()

    def append(self, batch: BarBatch) -> None:
        """Take bars that have just closed, in order of their ends.

        Parameters
        ----------
        batch : BarBatch
            Bars of the underlying itself.

        Raises
        ------
        DataError
            The bars are out of order, a column is not of float64, or the history is a whole recording.
        """
        if self._is_whole:
            raise DataError(f"bars of {self.name} are recorded whole", found="a new bar", expected="none")
        if not self._streams:
            self._streams = tuple((stream_of(feature), self._columns[feature.name]) for feature in self._features)
        start = self._n_held
        self._extend(batch)
        self.n_known = self._n_held
        if self._streams:
            for bar in bars_of(self._window(start, self._n_held)):
                for stream, column in self._streams:
                    column.append(stream.update(bar))

    def _extend(self, batch: BarBatch) -> None:
        ends = np.concatenate((self.end_ns[-1:], batch.end_ns))
        if (np.diff(ends) < 0).any():
            raise DataError(f"bars of {self.name} are out of order", expected="rising ends", action="sort them")
        for name in _PRICES:
            kind = getattr(batch, name).dtype
            if kind != np.float64:
                raise DataError(
                    f"the {name} of bars of {self.name} is not of the kind that numbers are here",
                    found=str(kind),
                    expected="float64",
                    action="read the source's own digits as float64",
                )
        held = self._n_held
        self._n_held += batch.n_bars
        for name, array in self._arrays.items():
            if self._n_held > array.shape[0]:
                # Twice the room each time, so that a bar costs the same however many there are.
                grown = np.empty(max(self._n_held, 2 * held if held else 0), dtype=array.dtype)
                grown[:held] = array[:held]
                self._arrays[name] = grown
            self._arrays[name][held : self._n_held] = getattr(batch, name)

    def column(self, name: str) -> Any:
        """Return a whole column, also of bars that are not closed yet: for the venue, never for a strategy."""
        return self._read_only(name, 0, self._n_held)

    def window(self, count: int) -> BarWindow:
        """Return up to so many closed bars, oldest first."""
        return self._window(max(0, self.n_known - count), self.n_known)

    def _window(self, start: int, stop: int) -> BarWindow:
        return BarWindow(**{name: self._read_only(name, start, stop) for name in _COLUMNS})

    def _read_only(self, name: str, start: int, stop: int) -> Any:
        found = self._arrays[name][start:stop]
        found.flags.writeable = False
        return found

    def feature_column(self, name: str) -> list[float]:
        """Return the values of a feature, one per bar; the same list for as long as the history lives."""
        return self._columns[name]


def of_underlying(batch: BarBatch) -> BarBatch:
    """Return the bars of the underlying itself, without those of its options."""
    rows = batch.contract == UNDERLYING
    if rows.all():
        return batch
    columns = {name: getattr(batch, name)[rows] for name in ("contract", *_BAR_COLUMNS)}
    return replace(batch, **columns)


def finest_bars(batches: Sequence[BarBatch]) -> dict[str, BarBatch]:
    """Return by symbol the bars of the smallest width; of equal widths the first."""
    found: dict[str, BarBatch] = {}
    for batch in sorted(batches, key=lambda each: float(np.median(each.end_ns - each.start_ns)) if each.n_bars else 0):
        found.setdefault(batch.symbol, batch)
    return found

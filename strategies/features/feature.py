"""What a feature is: a causal function of closed bars, the same as a whole column and bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Final, Protocol, final, runtime_checkable

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError
from strategies.views import BarWindow

__all__ = ["RESTART_BARS", "Bar", "BarFeature", "FeatureStream", "StreamedFeature", "column_of", "stream_of"]

RESTART_BARS: Final = 600
"""Bars of its own width after which a recursive feature with its default windows is within 1e-9 of one that saw all."""
_PRICES: Final = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One closed bar.

    Parameters
    ----------
    start_ns, end_ns : int
        Its start and end, ns since the epoch, UTC.
    open, high, low, close, volume : float
        As `market.bars.BarBatch`.
    """

    start_ns: int
    end_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class FeatureStream(Protocol):
    """A feature of one symbol as its bars close."""

    def update(self, bar: Bar) -> float:
        """Take the bar that has just closed, and return the value at it; NaN where there is none."""


class BarFeature(Protocol):
    """A causal function of the bars of one symbol: its value at a bar needs that bar and those before it."""

    @property
    def name(self) -> str:
        """What `strategies.views.View.feature` calls it."""

    @property
    def symbol(self) -> str:
        """Whose bars it reads."""

    @property
    def lookback(self) -> int:
        """Bars that the first value needs, >= 1; a feature without a stream never depends on more."""

    def column(self, bars: BarWindow) -> FloatArray:
        """Return one value per bar, shape ``(n_bars,)``; NaN for the first ``lookback - 1``."""


@runtime_checkable
class StreamedFeature(BarFeature, Protocol):
    """A feature that carries its value on from bar to bar."""

    @property
    def is_recursive(self) -> bool:
        """Whether a value depends on all bars so far, and not on the last `lookback` alone."""

    def stream(self) -> FeatureStream:
        """Return a stream that has seen no bar; what it gives is bit for bit the `column`."""


@final
class _WindowStream:
    """A feature that can only do columns, bar by bar: it keeps what one value needs."""

    __slots__ = ("_bars", "_feature")

    def __init__(self, feature: BarFeature) -> None:
        self._feature = feature
        self._bars: list[Bar] = []

    def update(self, bar: Bar) -> float:
        self._bars.append(bar)
        del self._bars[: -self._feature.lookback]
        if len(self._bars) < self._feature.lookback:
            return nan
        return float(self._feature.column(window_of(self._bars))[-1])


def window_of(bars: Sequence[Bar]) -> BarWindow:
    """Return bars as a struct of arrays.

    Parameters
    ----------
    bars : sequence of Bar
        Oldest first.

    Returns
    -------
    BarWindow
        With one row per bar.
    """
    return BarWindow(
        start_ns=np.array([bar.start_ns for bar in bars], dtype=np.int64),
        end_ns=np.array([bar.end_ns for bar in bars], dtype=np.int64),
        **{name: np.array([getattr(bar, name) for bar in bars]) for name in _PRICES},
    )


def bars_of(window: BarWindow) -> list[Bar]:
    """Return a struct of arrays as bars.

    Parameters
    ----------
    window : BarWindow
        Oldest first.

    Returns
    -------
    list of Bar
        One per row.
    """
    names = ("start_ns", "end_ns", *_PRICES)
    rows = zip(*(getattr(window, name).tolist() for name in names), strict=True)
    return [Bar(**dict(zip(names, row, strict=True))) for row in rows]


def stream_of(feature: BarFeature) -> FeatureStream:
    """Return a feature as it comes bar by bar.

    Parameters
    ----------
    feature : BarFeature
        What to compute.

    Returns
    -------
    FeatureStream
        Its own, else one that keeps the bars of its window.
    """
    return feature.stream() if isinstance(feature, StreamedFeature) else _WindowStream(feature)


def column_of(feature: BarFeature, bars: BarWindow, *, n_checks: int = 16) -> FloatArray:
    """Return a feature over all bars of a recording, held at some places against the same feature without the rest.

    Parameters
    ----------
    feature : BarFeature
        What to compute.
    bars : BarWindow
        The whole recording.
    n_checks : int, optional
        Places at which both are compared; three at the most where a value depends on all bars so far.

    Returns
    -------
    ndarray, shape (n_bars,)
        One value per bar.

    Raises
    ------
    ConfigError
        A value of the column is not the one that the bars up to it give (of a windowed feature, those of its window):
        the feature looks ahead, or further back than it declares.
    """
    column = feature.column(bars)
    is_recursive = isinstance(feature, StreamedFeature) and feature.is_recursive
    places = _checked_places(bars.close.shape[0], feature.lookback, min(n_checks, 3) if is_recursive else n_checks)
    for place in places:
        start = 0 if is_recursive else place + 1 - feature.lookback
        alone = float(feature.column(cut(bars, start, place + 1))[-1])
        if alone != column[place] and not (isnan(alone) and isnan(column[place])):
            raise ConfigError(
                f"feature {feature.name} depends on more than its window",
                found=f"{column[place]} at bar {place} of the whole, {alone} without the bars outside its window",
                expected="the same number",
                action="let it read only the bars up to its own, and declare how many",
            )
    return column


def _checked_places(n_bars: int, lookback: int, n_checks: int) -> Sequence[int]:
    if n_bars < lookback:
        return ()
    places: list[int] = np.unique(np.linspace(lookback - 1, n_bars - 1, n_checks).astype(int)).tolist()
    return places


def cut(bars: BarWindow, start: int, stop: int) -> BarWindow:
    """Return some of the bars.

    Parameters
    ----------
    bars : BarWindow
        All of them.
    start, stop : int
        The first, and that behind the last.

    Returns
    -------
    BarWindow
        Views of the arrays.
    """
    return BarWindow(**{name: getattr(bars, name)[start:stop] for name in BarWindow.__dataclass_fields__})

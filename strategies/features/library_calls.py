"""The calls of the indicator library: over whole columns, and carried on bar by bar with the same bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, final

import numpy as np

from fields.indicator_library import indicator_library
from market.chains import BoolArray, FloatArray
from strategies.features.feature import Bar
from strategies.features.inputs import Need, require_float64, serving, serving_rows
from strategies.views import BarWindow

__all__ = ["Call", "LibraryStream", "columns_of_calls", "scattered"]


@final
@dataclass(frozen=True, slots=True)
class Call:
    """One function of the library with its settings.

    Parameters
    ----------
    function : str
        Its name there.
    inputs : tuple of str
        Columns of the bars that it takes.
    settings : tuple of float
        Its parameters in order.
    """

    function: str
    inputs: tuple[str, ...]
    settings: tuple[float, ...]

    def columns(self, inputs: Sequence[FloatArray]) -> tuple[FloatArray, ...]:
        """Return its outputs over whole columns without holes."""
        found = getattr(indicator_library(), self.function)(*inputs, *self.settings)
        return found if isinstance(found, tuple) else (found,)

    def handle(self, inputs: Sequence[FloatArray]) -> Any:
        """Return a handle of the library that has seen a history; an error of the library where that is too short."""
        return getattr(indicator_library().stream, self.function)(*inputs, *self.settings)


def columns_of_calls(bars: BarWindow, need: Need, calls: Sequence[Call]) -> tuple[BoolArray, tuple[FloatArray, ...]]:
    """Return the outputs of several calls over the bars that have what they read.

    Parameters
    ----------
    bars : BarWindow
        All bars; those that do not serve are left out, as if they had not been.
    need : Need
        What is read of a bar.
    calls : sequence of Call
        What to compute.

    Returns
    -------
    tuple of ndarray and tuple of ndarray
        Which bars serve, and the outputs of all calls in order, one row per bar that serves.
    """
    require_float64(bars)
    rows = serving_rows(bars, need)
    inputs = {name: np.ascontiguousarray(getattr(bars, name)[rows]) for call in calls for name in call.inputs}
    if not rows.any():
        return rows, ()
    found = [column for call in calls for column in call.columns([inputs[name] for name in call.inputs])]
    return rows, tuple(found)


def scattered(rows: BoolArray, values: FloatArray | float) -> FloatArray:
    """Return values at the bars that serve, and NaN at the others.

    Parameters
    ----------
    rows : ndarray of bool, shape (n_bars,)
        Which bars serve.
    values : ndarray, shape (n_serving,), or float
        Their values.

    Returns
    -------
    ndarray, shape (n_bars,)
        One value per bar.
    """
    found = np.full(rows.shape, nan)
    found[rows] = values
    return found


@final
class LibraryStream:
    """Calls of the library, carried on bar by bar.

    Parameters
    ----------
    need : Need
        What is read of a bar; one that lacks it has no value, and is left out of what follows.
    calls : sequence of Call
        What to compute.
    lookback : int
        Bars of the first value of all calls.
    read : callable
        From the outputs of the calls in order, and the bar, to the value.
    """

    __slots__ = ("_calls", "_handles", "_history", "_lookback", "_read", "_serves")

    def __init__(
        self,
        need: Need,
        calls: Sequence[Call],
        lookback: int,
        read: Callable[[list[float], Bar], float],
    ) -> None:
        self._serves, self._calls, self._lookback, self._read = serving(need), tuple(calls), lookback, read
        self._history: list[Bar] = []
        self._handles: list[tuple[Any, tuple[str, ...]]] = []

    def update(self, bar: Bar) -> float:
        """Take the bar that has just closed, and return the value at it."""
        if not self._serves(bar):
            return nan
        if not self._handles:
            return self._warm(bar)
        outputs: list[float] = []
        for handle, inputs in self._handles:
            _add(outputs, handle.update(*[getattr(bar, name) for name in inputs]))
        return self._read(outputs, bar)

    def _warm(self, bar: Bar) -> float:
        self._history.append(bar)
        if len(self._history) < self._lookback:
            return nan
        outputs: list[float] = []
        for call in self._calls:
            columns = [np.array([getattr(each, name) for each in self._history]) for name in call.inputs]
            handle = call.handle(columns)
            self._handles.append((handle, call.inputs))
            _add(outputs, handle.value)
        self._history.clear()
        return self._read(outputs, bar)


def _add(outputs: list[float], told: float | tuple[float, ...]) -> None:
    if isinstance(told, tuple):
        outputs.extend(told)
    else:
        outputs.append(told)

"""What a feature is: a causal function of closed bars, the same as a whole column and bar by bar."""

from __future__ import annotations

from collections.abc import Sequence
from math import isnan
from typing import Protocol

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError
from strategies.views import BarWindow

__all__ = ["Feature", "column_of", "newest_of"]


class Feature(Protocol):
    """A causal function of the bars of one symbol: its value at a bar needs that bar and those before it."""

    @property
    def name(self) -> str:
        """What `strategies.views.View.feature` calls it."""

    @property
    def symbol(self) -> str:
        """Whose bars it reads."""

    @property
    def lookback(self) -> int:
        """Bars that one value needs, >= 1: a value never depends on more."""

    def column(self, bars: BarWindow) -> FloatArray:
        """Return one value per bar, shape ``(n_bars,)``; NaN for the first ``lookback - 1``."""


def newest_of(feature: Feature, bars: BarWindow) -> float:
    """Return the value of a feature at the newest bar, as it comes bar by bar.

    Parameters
    ----------
    feature : Feature
        What to compute.
    bars : BarWindow
        At least its lookback; older bars are not looked at.

    Returns
    -------
    float
        NaN with fewer bars.
    """
    n = bars.close.shape[0]
    return float(feature.column(_cut(bars, max(0, n - feature.lookback), n))[-1]) if n >= feature.lookback else np.nan


def column_of(feature: Feature, bars: BarWindow, *, n_checks: int = 16) -> FloatArray:
    """Return a feature over all bars of a recording, held at some places against the same feature bar by bar.

    Parameters
    ----------
    feature : Feature
        What to compute.
    bars : BarWindow
        The whole recording.
    n_checks : int, optional
        Places at which both are compared.

    Returns
    -------
    ndarray, shape (n_bars,)
        One value per bar.

    Raises
    ------
    ConfigError
        A value of the column is not the one that its own window gives: the feature looks ahead, or further back than
        it declares.
    """
    column = feature.column(bars)
    for place in _checked_places(bars.close.shape[0], feature.lookback, n_checks):
        alone = newest_of(feature, _cut(bars, 0, place + 1))
        if alone != column[place] and not (isnan(alone) and isnan(column[place])):
            raise ConfigError(
                f"feature {feature.name} depends on more than its window",
                found=f"{column[place]} at bar {place} of the whole, {alone} from its last {feature.lookback} bars",
                expected="the same number",
                action="let it read only the bars up to its own, and declare how many",
            )
    return column


def _checked_places(n_bars: int, lookback: int, n_checks: int) -> Sequence[int]:
    if n_bars < lookback:
        return ()
    places: list[int] = np.unique(np.linspace(lookback - 1, n_bars - 1, n_checks).astype(int)).tolist()
    return places


def _cut(bars: BarWindow, start: int, stop: int) -> BarWindow:
    return BarWindow(**{name: getattr(bars, name)[start:stop] for name in BarWindow.__dataclass_fields__})

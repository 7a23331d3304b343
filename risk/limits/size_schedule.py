"""Size by the level of a volatility index: a table of steps (Z53b) that can only make a position smaller."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite
from typing import Final, final

from market.errors import ConfigError

__all__ = ["Z53B_STEPS", "SizeSchedule"]

Z53B_STEPS: Final = (
    (8.0, 1.0),
    (15.0, 1.05),
    (20.0, 1.10),
    (25.0, 1.0),
    (30.0, 0.8),
    (40.0, 0.5),
    (50.0, 0.0),
)
"""From which level of the VIX, in points, which multiple of the usual size; below the first nothing is opened.

As Z53b has them; between 8 and 15 and between 25 and 30, where it is silent, the usual size stands.
"""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SizeSchedule:
    """Multiple of the usual size by the level of an index.

    Parameters
    ----------
    index : str
        Series that is read, in index points.
    steps : tuple of (float, float)
        From which level, which multiple >= 0; levels rise. Below the first level nothing is opened.

    Raises
    ------
    ConfigError
        There is no step, levels do not rise, or a number is not finite or negative.
    """

    index: str = "VIX"
    steps: tuple[tuple[float, float], ...] = Z53B_STEPS

    def __post_init__(self) -> None:
        numbers = [number for step in self.steps for number in step]
        rising = all(low[0] < high[0] for low, high in pairwise(self.steps))
        if not (self.steps and rising and all(isfinite(each) and each >= 0.0 for each in numbers)):
            raise ConfigError(
                "a size schedule cannot be",
                found=str(self.steps),
                expected="one step or more, levels rising, finite numbers >= 0",
            )

    def multiple(self, level: float) -> float:
        """Return the multiple at a level, as the table has it; 0 where the level is not known.

        Parameters
        ----------
        level : float
            Index points.

        Returns
        -------
        float
            >= 0; a level at a bound belongs to the step that begins there.
        """
        if not isfinite(level):
            return 0.0
        place = bisect_right([step[0] for step in self.steps], level) - 1
        return self.steps[place][1] if place >= 0 else 0.0

    def ceiling(self, level: float) -> float:
        """Return what of a size is left at a level, 0 to 1: a multiple above 1 lifts no ceiling."""
        return min(self.multiple(level), 1.0)

"""How fast a recording is played."""

from __future__ import annotations

import math
from dataclasses import dataclass

from market.errors import ConfigError

__all__ = ["Pace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Seconds between batches: fixed, or recorded time divided by a speed; exactly one of the two is given.

    Parameters
    ----------
    interval_s : float or None
        Seconds of the machine's clock, >= 0.
    speed : float or None
        How many times faster than recorded time, > 0.
    """

    interval_s: float | None
    speed: float | None

    def __post_init__(self) -> None:
        given = [value for value in (self.interval_s, self.speed) if value is not None]
        bounded = all(math.isfinite(value) for value in given) and (self.speed is None or self.speed > 0.0)
        if len(given) != 1 or not bounded or given[0] < 0.0:
            raise ConfigError(
                "a replay needs one pace",
                found=f"interval_s={self.interval_s}, speed={self.speed}",
                expected="either interval_s >= 0 or speed > 0",
                action="give one of them",
            )

    def delay_s(self, gap_s: float) -> float:
        """Return the seconds to wait where the recording has a gap of `gap_s` seconds."""
        return self.interval_s if self.interval_s is not None else gap_s / (self.speed or 1.0)

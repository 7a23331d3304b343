"""Whether a market looks flat by its options: puts over calls, volume, and how wide the strikes are listed (Z19a)."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan
from typing import Final

import numpy as np

from strategies.decisions import Gate
from strategies.parameters import require_between, require_rising
from strategies.plan.gates import gate
from strategies.views import ChainView

__all__ = ["FlatMarket"]

_N_SIGNS: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatMarket:
    """Signs of a market without a direction, counted over all contracts of a chain.

    Parameters
    ----------
    put_call_low, put_call_high : float
        Contracts of puts traded today over those of calls, ``0 < low < high``; the bounds themselves count.
    min_volume : float
        Least contracts traded today, >= 0.
    min_strike_range : float
        Highest less lowest strike must be above this, as a share of the price of the underlying, >= 0.
    needed : int
        How many of the three must be there, 1 to 3.

    Raises
    ------
    ConfigError
        A bound lies outside its range.

    Notes
    -----
    The bounds are those of the system that the roadmap describes. Of an index the last two hold on every day, so that
    two of three ask for nothing: three leave what says something, the balance of puts and calls.
    """

    put_call_low: float = 0.85
    put_call_high: float = 1.15
    min_volume: float = 500.0
    min_strike_range: float = 0.05
    needed: int = 2

    def __post_init__(self) -> None:
        require_between("flat market", "put_call_low", self.put_call_low, 0.0, inf, open_low=True, open_high=True)
        require_rising("flat market", "put_call_low", self.put_call_low, "put_call_high", self.put_call_high)
        for name in ("min_volume", "min_strike_range"):
            require_between("flat market", name, getattr(self, name), 0.0, inf, open_high=True)
        require_between("flat market", "needed", self.needed, 1, _N_SIGNS)

    def signs(self, view: ChainView) -> tuple[bool, bool, bool]:
        """Return whether puts and calls balance, enough is traded, and strikes range widely; missing is no sign."""
        chain = view.chain
        told = np.isfinite(chain.volume)
        calls = float(chain.volume[told & chain.is_call].sum())
        puts = float(chain.volume[told & ~chain.is_call].sum())
        ratio = puts / calls if calls > 0.0 else nan
        width = float(np.ptp(chain.strike)) / view.spot if chain.strike.size and view.spot > 0.0 else nan
        return (
            self.put_call_low <= ratio <= self.put_call_high,
            bool(told.any()) and puts + calls >= self.min_volume,
            width > self.min_strike_range,
        )

    def gate(self, view: ChainView) -> Gate:
        """Return whether enough signs are there."""
        found = float(sum(self.signs(view)))
        return gate("flat_market", found, float(self.needed), passed=found >= self.needed, reason="not flat enough")

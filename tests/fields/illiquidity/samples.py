"""Synthetic flow whose impact is known exactly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fields.illiquidity.impact import ImpactSample
from market.chains import FloatArray

HORIZON_NS = 300_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """Trades in bars: dollars, the true sign, and the bar that each belongs to."""

    usd: FloatArray
    sign: FloatArray
    bar: NDArray[np.int64]
    n_bars: int

    def by_bar(self, value: FloatArray) -> FloatArray:
        """Return the sum of a value over each bar's trades."""
        return np.asarray(np.bincount(self.bar, weights=value, minlength=self.n_bars), dtype=np.float64)

    def sample(self, log_return: FloatArray, sign: FloatArray | None = None) -> ImpactSample:
        """Return the bars as seen through signs, the true ones by default."""
        seen = self.sign if sign is None else sign
        root = np.sqrt(self.usd)
        return ImpactSample(
            log_return=log_return,
            signed_usd=self.by_bar(seen * self.usd),
            gross_usd=self.by_bar(self.usd),
            signed_root_usd=self.by_bar(seen * root),
            gross_root_usd=self.by_bar(root),
            squared_usd=self.by_bar(self.usd**2),
            horizon_ns=HORIZON_NS,
        )


def tape(rng: np.random.Generator, n_bars: int = 400, per_bar: int = 40, persistence: float = 0.0) -> Tape:
    """Return a tape with lognormal sizes; with persistence, the trades of a bar lean to one side."""
    n = n_bars * per_bar
    bar = np.repeat(np.arange(n_bars), per_bar)
    lean = np.repeat(rng.standard_normal(n_bars), per_bar) * persistence
    sign = np.where(rng.standard_normal(n) + lean > 0.0, 1.0, -1.0)
    return Tape(usd=rng.lognormal(10.0, 0.8, n), sign=sign, bar=bar, n_bars=n_bars)


def misread(rng: np.random.Generator, sign: FloatArray, accuracy: float) -> FloatArray:
    """Return signs of which each is right with a probability."""
    return np.where(rng.random(sign.shape) < accuracy, sign, -sign)

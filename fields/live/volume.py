"""Dollars traded by price, of this session and, ever less, of those before it."""

from __future__ import annotations

from typing import Final, final

import numpy as np

from fields.illiquidity.profiles import volume_profile
from fields.liquidity import LiquidityProfile
from market.chains import FloatArray

__all__ = ["VolumeAtPrice"]

_STEP: Final = 2e-4  # log price; a tenth of the profile's smoothing
_MAX_BUCKETS: Final = 8192
_PER_USD: Final = 1e6  # whole millionths of a dollar: sums of whole numbers do not depend on their order


@final
class VolumeAtPrice:
    """A histogram of traded dollars over log price; bounded memory."""

    def __init__(self) -> None:
        self._usd: dict[int, int] = {}
        # The buckets, rising, and their prices, USD, until a bucket comes or goes.
        self._sorted: tuple[list[int], FloatArray] | None = None

    def add(self, price: FloatArray, usd: FloatArray) -> None:
        """Take trades in the underlying.

        Parameters
        ----------
        price : ndarray, shape (n_trades,)
            USD, > 0.
        usd : ndarray, shape (n_trades,)
            Dollars.
        """
        bucket = np.rint(np.log(price) / _STEP).astype(np.int64)
        for key, value in zip(bucket.tolist(), usd.tolist(), strict=True):
            held = self._usd.get(key)
            self._sorted = None if held is None else self._sorted
            self._usd[key] = (held or 0) + round(value * _PER_USD)
        if len(self._usd) > _MAX_BUCKETS:
            most = sorted(self._usd, key=lambda key: self._usd[key], reverse=True)[: _MAX_BUCKETS // 2]
            self._usd, self._sorted = {key: self._usd[key] for key in most}, None

    def end_session(self) -> None:
        """Let the session that has ended count for half."""
        self._usd = {key: usd >> 1 for key, usd in self._usd.items() if usd > 1}
        self._sorted = None

    def profile(self, spot: float) -> LiquidityProfile | None:
        """Return relative illiquidity by price; None where nothing has traded or spot is unknown.

        Parameters
        ----------
        spot : float
            Reference price, USD.

        Returns
        -------
        LiquidityProfile or None
            1 at spot.
        """
        if not self._usd or not spot > 0.0:
            return None
        if self._sorted is None:
            bucket = sorted(self._usd)
            self._sorted = bucket, np.exp(_STEP * np.array(bucket, dtype=np.float64))
        bucket, price = self._sorted
        usd = np.array([self._usd[key] for key in bucket], dtype=np.float64) / _PER_USD
        return volume_profile(price, usd, spot)

    def checkpoint(self) -> tuple[tuple[int, int], ...]:
        """Return bucket and millionths of a dollar, for a restart."""
        return tuple(sorted(self._usd.items()))

    def restore(self, saved: tuple[tuple[int, int], ...]) -> None:
        """Continue from a checkpoint."""
        self._usd, self._sorted = dict(saved), None

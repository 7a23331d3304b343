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
_FROM_BEFORE: Final = 0.5  # of what a session before leaves to the next


@final
class VolumeAtPrice:
    """A histogram of traded dollars over log price; bounded memory."""

    def __init__(self) -> None:
        self._usd: dict[int, float] = {}

    def add(self, price: FloatArray, usd: FloatArray) -> None:
        """Take trades in the underlying.

        Parameters
        ----------
        price : ndarray, shape (n_trades,)
            USD, > 0.
        usd : ndarray, shape (n_trades,)
            Dollars.
        """
        bucket, place = np.unique(np.rint(np.log(price) / _STEP).astype(np.int64), return_inverse=True)
        for key, value in zip(bucket.tolist(), np.bincount(place, usd).tolist(), strict=True):
            self._usd[key] = self._usd.get(key, 0.0) + value
        if len(self._usd) > _MAX_BUCKETS:
            most = sorted(self._usd, key=lambda key: self._usd[key], reverse=True)[: _MAX_BUCKETS // 2]
            self._usd = {key: self._usd[key] for key in most}

    def end_session(self) -> None:
        """Let the session that has ended count for half."""
        self._usd = {key: _FROM_BEFORE * usd for key, usd in self._usd.items()}

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
        price = np.exp(_STEP * np.fromiter(self._usd, dtype=np.float64))
        return volume_profile(price, np.fromiter(self._usd.values(), dtype=np.float64), spot)

    def checkpoint(self) -> tuple[tuple[int, float], ...]:
        """Return bucket and dollars, for a restart."""
        return tuple(self._usd.items())

    def restore(self, saved: tuple[tuple[int, float], ...]) -> None:
        """Continue from a checkpoint."""
        self._usd = dict(saved)

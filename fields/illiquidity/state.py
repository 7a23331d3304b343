"""The streaming estimate of impact: trades into bars, bars into a bounded window."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, log, nan, sqrt
from typing import final

import numpy as np

from fields.illiquidity.config import ImpactConfig
from fields.illiquidity.impact import ImpactEstimate, ImpactSample, estimate_impact
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["ImpactCheckpoint", "ImpactState"]

# Columns of a bar: signed, gross, signed root, gross root, squared dollars.
_SUMS = 5
# Two below the first bar of the epoch, so that it is nobody's neighbour.
_NO_BAR = -2
_FEW = 8  # a stream tells a few rows at a time: so few are added faster without arrays


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactCheckpoint:
    """All that an `ImpactState` knows.

    Parameters
    ----------
    bars : ndarray, shape (n_bars, 6)
        Closed bars, oldest first: log return, then the five sums of `ImpactSample` in its order.
    bar_index : ndarray of int64, shape (n_bars,)
        Number of each bar since the epoch.
    open_index : int
        Number of the open bar; -2 where none is open.
    open_sums : tuple of float
        The five sums of the open bar.
    last_ts_ns : int
        Newest instant with a price in the open bar; -1 where it has none.
    last_price_sum, last_price_count : float
        Sum and number of the prices at that instant.
    previous_index : int
        Number of the bar closed last; -2 where there is none.
    previous_close : float
        Its last price.
    n_late, n_unusable, n_gaps : int
        Rows that came after their bar had closed, rows without an instant or with broken dollars, and bars without a
        neighbour to take a return from.
    """

    bars: FloatArray
    bar_index: Int64Array
    open_index: int
    open_sums: tuple[float, ...]
    last_ts_ns: int
    last_price_sum: float
    last_price_count: float
    previous_index: int
    previous_close: float
    n_late: int
    n_unusable: int
    n_gaps: int


@final
class ImpactState:
    """Trades of one symbol in, an impact estimate out; one writer, bounded memory, no clock of its own.

    Parameters
    ----------
    config : ImpactConfig, optional
        Settings.
    checkpoint : ImpactCheckpoint, optional
        To go on from.
    """

    def __init__(self, config: ImpactConfig | None = None, checkpoint: ImpactCheckpoint | None = None) -> None:
        self.config = config or ImpactConfig()
        self._bars = np.empty((self.config.window_bars, _SUMS + 1))  # only rows of closed bars are read
        self._bar_index = np.zeros(self.config.window_bars, dtype=np.int64)
        self._n_closed = 0  # ever; the ring holds the newest
        self._open_index, self._sums = _NO_BAR, (0.0,) * _SUMS
        self._last_ts_ns, self._price_sum, self._price_count = -1, 0.0, 0.0
        self._previous_index, self._previous_close = _NO_BAR, nan
        self.n_late = self.n_unusable = self.n_gaps = 0
        self._cached: tuple[int, float, ImpactEstimate] | None = None
        if checkpoint is not None:
            self._restore(checkpoint)

    def update(self, ts_ns: Int64Array, price: FloatArray, signed_usd: FloatArray, gross_usd: FloatArray) -> None:
        """Take trades, or mid prices with zero dollars, in order of arrival.

        Parameters
        ----------
        ts_ns : ndarray of int64, shape (n,)
            Instants.
        price : ndarray, shape (n,)
            Reference price at the trade, best the mid, USD; NaN where unknown.
        signed_usd : ndarray, shape (n,)
            Aggressor sign x dollars; 0 where the sign is unknown.
        gross_usd : ndarray, shape (n,)
            Dollars, >= 0.
        """
        if not ts_ns.shape == price.shape == signed_usd.shape == gross_usd.shape:
            raise DataError(
                "the columns of trades differ in length",
                found=str((ts_ns.shape, price.shape, signed_usd.shape, gross_usd.shape)),
                expected="one shape (n,)",
            )
        if ts_ns.shape[0] <= _FEW:
            columns_of_few = (ts_ns.tolist(), price.tolist(), signed_usd.tolist(), gross_usd.tolist())
            for row in zip(*columns_of_few, strict=True):
                self.update_one(*row)
            return
        usable = (ts_ns >= 0) & np.isfinite(signed_usd) & np.isfinite(gross_usd) & (gross_usd >= np.abs(signed_usd))
        self.n_unusable += int((~usable).sum())
        bar = ts_ns[usable] // self.config.horizon_ns
        if not bar.size:
            return
        newest = np.maximum.accumulate(np.maximum(bar, max(self._open_index, self._previous_index + 1)))
        kept = bar == newest
        self.n_late += int((~kept).sum())
        columns = (ts_ns[usable][kept], price[usable][kept], signed_usd[usable][kept], gross_usd[usable][kept])
        bar = bar[kept]
        if not bar.size:
            return
        starts = np.flatnonzero(np.diff(bar, prepend=_NO_BAR))
        for start, end in zip(starts, [*starts[1:], bar.shape[0]], strict=True):
            self._into(int(bar[start]), *(column[start:end] for column in columns))

    def update_one(self, ts_ns: int, price: float, signed_usd: float, gross_usd: float) -> None:
        """Take one trade or mid price, as `update` does with many, without the cost of arrays.

        Parameters
        ----------
        ts_ns : int
            Instant.
        price : float
            Reference price, USD; NaN where unknown.
        signed_usd : float
            Aggressor sign x dollars.
        gross_usd : float
            Dollars, >= 0.
        """
        if not (ts_ns >= 0 and abs(signed_usd) <= gross_usd < inf):
            self.n_unusable += 1
            return
        bar = ts_ns // self.config.horizon_ns
        if bar < max(self._open_index, self._previous_index + 1):
            self.n_late += 1
            return
        root = sqrt(abs(signed_usd))
        sign = (signed_usd > 0.0) - (signed_usd < 0.0)
        sums = (signed_usd, gross_usd, sign * root, root, signed_usd * signed_usd)
        if 0.0 < price < inf:
            self._merge(bar, sums, ts_ns, price, 1.0)
        else:
            self._merge(bar, sums, -1, 0.0, 0.0)

    def _into(
        self, bar: int, ts_ns: Int64Array, price: FloatArray, signed_usd: FloatArray, gross_usd: FloatArray
    ) -> None:
        root = np.sqrt(np.abs(signed_usd))
        columns = (signed_usd, gross_usd, np.sign(signed_usd) * root, root, signed_usd**2)
        sums = tuple(float(column.sum()) for column in columns)
        priced = (price > 0.0) & (price < inf)
        if not priced.any():
            self._merge(bar, sums, -1, 0.0, 0.0)
            return
        newest = int(ts_ns[priced].max())
        at_last = priced & (ts_ns == newest)
        self._merge(bar, sums, newest, float(price[at_last].sum()), float(at_last.sum()))

    def _merge(self, bar: int, sums: tuple[float, ...], newest: int, price_sum: float, count: float) -> None:
        if bar != self._open_index:
            self._close()
            self._open_index, self._sums = bar, (0.0,) * _SUMS
            self._last_ts_ns, self._price_sum, self._price_count = -1, 0.0, 0.0
        self._sums = tuple(a + b for a, b in zip(self._sums, sums, strict=True))
        # The mean over the newest instant does not depend on the order of rows within it.
        if newest > self._last_ts_ns:
            self._last_ts_ns, self._price_sum, self._price_count = newest, price_sum, count
        elif newest == self._last_ts_ns:
            self._price_sum, self._price_count = self._price_sum + price_sum, self._price_count + count

    def _close(self) -> None:
        if self._open_index == _NO_BAR or not self._price_count:
            return
        close = self._price_sum / self._price_count
        if self._previous_index == self._open_index - 1:
            place = self._n_closed % self.config.window_bars
            self._bars[place, 0] = log(close / self._previous_close)
            self._bars[place, 1:] = self._sums
            self._bar_index[place] = self._open_index
            self._n_closed += 1
        else:
            self.n_gaps += 1
        self._previous_index, self._previous_close = self._open_index, close

    def advance(self, ts_ns: int) -> None:
        """Close the open bar where an instant lies beyond it."""
        if self._open_index != _NO_BAR and ts_ns // self.config.horizon_ns > self._open_index:
            self._close()
            self._open_index = _NO_BAR

    def _order(self) -> Int64Array:
        held = min(self._n_closed, self.config.window_bars)
        return (np.arange(self._n_closed - held, self._n_closed) % self.config.window_bars).astype(np.int64)

    def bar_starts_ns(self) -> Int64Array:
        """Return the start of each closed bar in the window, oldest first."""
        return self._bar_index[self._order()] * self.config.horizon_ns

    def sample(self) -> ImpactSample:
        """Return the closed bars in the window, oldest first."""
        bars = self._bars[self._order()]
        return ImpactSample(
            log_return=bars[:, 0],
            signed_usd=bars[:, 1],
            gross_usd=bars[:, 2],
            signed_root_usd=bars[:, 3],
            gross_root_usd=bars[:, 4],
            squared_usd=bars[:, 5],
            horizon_ns=self.config.horizon_ns,
        )

    def estimate(self, *, signing_accuracy: float = 1.0) -> ImpactEstimate:
        """Return the estimate from the closed bars; computed once per closed bar."""
        key = (self._n_closed, signing_accuracy)
        if self._cached is None or self._cached[:2] != key:
            found = estimate_impact(self.sample(), self.config, signing_accuracy=signing_accuracy)
            self._cached = (*key, found)
        return self._cached[2]

    def checkpoint(self) -> ImpactCheckpoint:
        """Return all that the state knows."""
        order = self._order()
        return ImpactCheckpoint(
            bars=self._bars[order],
            bar_index=self._bar_index[order],
            open_index=self._open_index,
            open_sums=self._sums,
            last_ts_ns=self._last_ts_ns,
            last_price_sum=self._price_sum,
            last_price_count=self._price_count,
            previous_index=self._previous_index,
            previous_close=self._previous_close,
            n_late=self.n_late,
            n_unusable=self.n_unusable,
            n_gaps=self.n_gaps,
        )

    def _restore(self, saved: ImpactCheckpoint) -> None:
        held = min(saved.bars.shape[0], self.config.window_bars)
        self._bars[:held] = saved.bars[saved.bars.shape[0] - held :]
        self._bar_index[:held] = saved.bar_index[saved.bars.shape[0] - held :]
        self._n_closed = held
        self._open_index, self._sums = saved.open_index, saved.open_sums
        self._last_ts_ns, self._price_sum = saved.last_ts_ns, saved.last_price_sum
        self._price_count = saved.last_price_count
        self._previous_index, self._previous_close = saved.previous_index, saved.previous_close
        self.n_late, self.n_unusable, self.n_gaps = saved.n_late, saved.n_unusable, saved.n_gaps

"""The volatility surface of one chain at one instant, as it is passed on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from market.chains import BoolArray, FloatArray

__all__ = ["QUOTE_DROPS", "QuoteDrop", "SliceSource", "VolSurface"]


class SliceSource(IntEnum):
    """Where the three numbers of a slice came from."""

    NONE = 0
    FITTED = 1  # its own quotes, and its neighbours through the bounds
    INTERPOLATED = 2  # between the fitted slices before and after


class QuoteDrop(StrEnum):
    """Why an out-of-the-money quote does not enter the fit."""

    NO_QUOTE = "no_quote"
    ZERO_BID = "zero_bid"
    CROSSED = "crossed"
    OUTSIDE_BOUNDS = "outside_bounds"
    STALE = "stale"


QUOTE_DROPS: Final = tuple(QuoteDrop)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class VolSurface:
    """An eSSVI surface without butterfly and calendar arbitrage; slice s belongs to series s of its chain.

    Arrays have shape ``(n_slices,)`` where nothing else is said. Slices without a fit hold NaN and a reason.

    Parameters
    ----------
    ts_event_ns : int
        Instant of the chain, ns since the epoch, UTC.
    cause_id : str
        Id of the chain.
    expiry_ns : ndarray of int64
        Expiry instants, ns since the epoch, UTC.
    tau : ndarray
        Years on the field's clock.
    forward : ndarray
        Forwards, USD.
    theta, rho, psi : ndarray
        Total variance at the money, correlation and slope of `total_variance`.
    layer : ndarray, shape (n_slices, n_splines)
        What each slice has on top of its three numbers (`fields.surface.layer`); 0, or no columns, without.
    source : ndarray of int64
        `SliceSource`.
    moneyness_low, moneyness_high : ndarray
        Lowest and highest log-moneyness of the quotes fitted.
    rmse_vol, max_vol : ndarray
        Root mean square and largest difference from the mid volatilities, of quotes near the money.
    inside_share : ndarray
        Share of those quotes at which the surface lies between bid and ask.
    n_quotes : ndarray of int64
        Quotes fitted.
    n_dropped : ndarray of int64, shape (n_slices, n_reasons)
        Out-of-the-money quotes left out, by `QUOTE_DROPS`.
    confidence : ndarray
        0 to 1; falls with misfit, bad quotes, few quotes and lag.
    reasons : tuple of str
        Why a slice has no fit or no confidence, or that it is interpolated; empty where it is fitted.
    overall_confidence : float
        Mean confidence of the living slices; 0 where too much of the chain is stale.
    overall_reason : str
        Why that is 0; empty where it is not.
    stale_share : float
        Share of the two-sided out-of-the-money quotes that are stale; NaN where there is none.
    fill_margin : float
        How far beyond the fitted quotes the surface may stand in for a contract, as a share of their range.
    """

    ts_event_ns: int
    cause_id: str
    expiry_ns: NDArray[np.int64]
    tau: FloatArray
    forward: FloatArray
    theta: FloatArray
    rho: FloatArray
    psi: FloatArray
    layer: FloatArray
    source: NDArray[np.int64]
    moneyness_low: FloatArray
    moneyness_high: FloatArray
    rmse_vol: FloatArray
    max_vol: FloatArray
    inside_share: FloatArray
    n_quotes: NDArray[np.int64]
    n_dropped: NDArray[np.int64]
    confidence: FloatArray
    reasons: tuple[str, ...]
    overall_confidence: float
    overall_reason: str
    stale_share: float
    fill_margin: float

    def implied_vol(self, series: ArrayLike, log_moneyness: ArrayLike) -> FloatArray:
        """Return implied volatilities.

        Parameters
        ----------
        series : array_like of int
            Slice of each point.
        log_moneyness : array_like
            ln(strike / forward of the slice), broadcast against `series`.

        Returns
        -------
        ndarray
            Annualised on the field's clock; NaN where the slice has no numbers.
        """
        return np.asarray(np.sqrt(self._read(series, log_moneyness)[0] / self.tau[np.asarray(series, dtype=np.int64)]))

    def total_variance(self, series: ArrayLike, log_moneyness: ArrayLike) -> FloatArray:
        """Return total variance, volatility squared times years.

        Parameters
        ----------
        series : array_like of int
            Slice of each point.
        log_moneyness : array_like
            ln(strike / forward of the slice), broadcast against `series`.

        Returns
        -------
        ndarray
            NaN where the slice has no numbers.
        """
        return np.asarray(self._read(series, log_moneyness)[0])

    def density(self, series: ArrayLike, log_moneyness: ArrayLike) -> FloatArray:
        """Return Durrleman's g, which has the sign of the risk-neutral density.

        Parameters
        ----------
        series : array_like of int
            Slice of each point.
        log_moneyness : array_like
            ln(strike / forward of the slice), broadcast against `series`.

        Returns
        -------
        ndarray
            1 for a flat smile; NaN where the slice has no numbers.
        """
        return np.asarray(self._read(series, log_moneyness)[3])

    def _read(self, series: ArrayLike, log_moneyness: ArrayLike) -> FloatArray:
        """Return total variance, its slope and bend over log-moneyness, and Durrleman's g, along the first axis."""
        # Here and not on top: a process that only passes surfaces on loads no kernel.
        from fields.surface.layer import N_LAYER, fill_layered

        s, k = np.broadcast_arrays(np.asarray(series, dtype=np.int64), np.asarray(log_moneyness, dtype=np.float64))
        found = np.empty((4, k.size))
        places = (np.ascontiguousarray(s.ravel()), np.ascontiguousarray(k.ravel()))
        # The kernel reads its columns without a check.
        layer = self.layer if self.layer.shape[1] == N_LAYER else np.zeros((self.tau.shape[0], N_LAYER))
        fill_layered(self.theta, self.rho, self.psi, layer, *places, found)
        return found.reshape(4, *k.shape)

    @property
    def atm_vol(self) -> FloatArray:
        """Volatility at the forward, per slice."""
        return self.implied_vol(np.arange(self.tau.shape[0]), 0.0)

    @property
    def atm_skew(self) -> FloatArray:
        """Slope of volatility over log-moneyness at the forward, per slice."""
        w, slope, _, _ = self._read(np.arange(self.tau.shape[0]), 0.0)
        return np.asarray(0.5 * slope / np.sqrt(w * self.tau))

    def slice_at(self, tau: ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return theta, rho and psi at any time to expiry; layers are left out.

        Parameters
        ----------
        tau : array_like
            Years, > 0.

        Returns
        -------
        tuple of ndarray
            NaN without a slice.

        Notes
        -----
        Between slices theta, psi and rho psi are linear in time: total variance at the money is, and at any other
        equal moneyness to second order, and neither butterfly nor calendar arbitrage arises (docs/adr/009). Before
        the first slice theta and psi fall to 0 in proportion; after the last theta alone grows.
        """
        t = np.asarray(tau, dtype=np.float64)
        order = (self.source > 0).nonzero()[0]
        order = order[self.tau[order].argsort(kind="stable")]
        if not order.size:
            return (np.full(t.shape, np.nan), np.full(t.shape, np.nan), np.full(t.shape, np.nan))
        at, theta, psi = self.tau[order], self.theta[order], self.psi[order]
        tilt = self.rho[order] * psi
        early, late = np.minimum(t / at[0], 1.0), np.maximum(t / at[-1], 1.0)
        slope = np.interp(t, at, psi) * early
        return np.interp(t, at, theta) * early * late, np.interp(t, at, tilt) * early / slope, slope

    def variance_at(self, tau: ArrayLike, log_moneyness: ArrayLike) -> FloatArray:
        """Return total variance at any time to expiry.

        Parameters
        ----------
        tau : array_like
            Years, > 0.
        log_moneyness : array_like
            ln(strike / forward), broadcast against `tau`.

        Returns
        -------
        ndarray
            See `slice_at`.
        """
        # As above.
        from fields.surface.essvi import total_variance

        return total_variance(*self.slice_at(tau), np.asarray(log_moneyness, dtype=np.float64))

    def may_fill(self, series: NDArray[np.int64], log_moneyness: FloatArray) -> BoolArray:
        """Tell where the surface may stand in for a missing volatility: a fitted slice, in or near its quotes.

        Parameters
        ----------
        series : ndarray of int
            Slice of each point.
        log_moneyness : ndarray
            ln(strike / forward).

        Returns
        -------
        ndarray of bool
            True where it may.
        """
        low, high = self.moneyness_low, self.moneyness_high
        margin = self.fill_margin * (high - low)
        inside = (log_moneyness >= (low - margin)[series]) & (log_moneyness <= (high + margin)[series])
        return np.asarray(inside & (self.source == int(SliceSource.FITTED))[series])

    def is_arbitrage_free(self, log_moneyness: ArrayLike, tolerance: float = 1e-12) -> bool:
        """Tell whether density and calendar are in order at each of some places.

        Parameters
        ----------
        log_moneyness : array_like, shape (n_grid,)
            ln(strike / forward) to look at.
        tolerance : float, optional
            How far below 0 the density factor and the increments of total variance may lie by rounding.

        Returns
        -------
        bool
            True also where there is no slice.
        """
        known = np.flatnonzero(self.source > 0)
        known = known[np.argsort(self.tau[known], kind="stable")][:, None]
        k = np.asarray(log_moneyness, dtype=np.float64)[None, :]
        rises = np.diff(self.total_variance(known, k), axis=0)
        return bool((self.density(known, k) >= -tolerance).all() and (rises >= -tolerance).all())

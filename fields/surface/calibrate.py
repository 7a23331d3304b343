"""From a chain's quotes to its surface: selection, fit, quality and confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from fields.book import SortedBook
from fields.forwards import Forwards
from fields.implied_vol import implied_volatility
from fields.surface.config import SurfaceConfig
from fields.surface.layer import N_LAYER, fit_layers
from fields.surface.message import QUOTE_DROPS, QuoteDrop, SliceSource, VolSurface
from fields.surface.quality import judge_slices
from fields.surface.quotes import SurfaceQuotes, surface_quotes
from fields.surface.slices import calibrate_slices
from fields.timebase import TimeToExpiry
from market.chains import FloatArray
from market.errors import DataError
from market.instruments import ExerciseStyle, ExpirySeries

__all__ = ["calibrate_surface"]

# An array that is compared with a member of an enumeration asks its class for a dozen names first.
_FITTED, _INTERPOLATED = int(SliceSource.FITTED), int(SliceSource.INTERPOLATED)
_STALE = QUOTE_DROPS.index(QuoteDrop.STALE)
_BAD = [QUOTE_DROPS.index(why) for why in (QuoteDrop.CROSSED, QuoteDrop.OUTSIDE_BOUNDS, QuoteDrop.STALE)]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """Numbers of each slice and where they come from; arrays of shape (n_slices,)."""

    theta: FloatArray
    rho: FloatArray
    psi: FloatArray
    layer: FloatArray
    source: NDArray[np.int64]


def _fit(quotes: SurfaceQuotes, tau: FloatArray, alive: NDArray[np.int64], config: SurfaceConfig) -> _Fit:
    """Fit the slices with enough quotes, and interpolate living ones in between."""
    count = quotes.count
    chosen = alive[count[alive] >= config.min_quotes]
    chosen = chosen[np.argsort(tau[chosen], kind="stable")]
    theta, rho, psi = np.full((3, tau.shape[0]), np.nan)
    source, layer = np.zeros(tau.shape[0], dtype=np.int64), np.zeros((tau.shape[0], N_LAYER))
    if not chosen.size:
        return _Fit(theta=theta, rho=rho, psi=psi, layer=layer, source=source)
    start, place = _laid_out(quotes, chosen, count[chosen])
    at = tau[chosen]
    fitted = calibrate_slices(quotes.k[place], quotes.iv[place], quotes.weight[place], start, at, huber=config.huber)
    theta[chosen], rho[chosen], psi[chosen] = fitted.theta, fitted.rho, fitted.psi
    source[chosen] = _FITTED
    between = alive[(source[alive] == 0) & (tau[alive] > at[0]) & (tau[alive] < at[-1])]
    if between.size:
        theta[between] = np.interp(tau[between], at, fitted.theta)
        psi[between] = np.interp(tau[between], at, fitted.psi)
        rho[between] = np.interp(tau[between], at, fitted.rho * fitted.psi) / psi[between]
        source[between] = _INTERPOLATED
    fit = _Fit(theta=theta, rho=rho, psi=psi, layer=layer, source=source)
    if config.layer_rounds:
        _add_layers(quotes, fit, tau, config)
    return fit


def _laid_out(
    quotes: SurfaceQuotes, slices: NDArray[np.int64], count: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64] | slice]:
    """Return where each of some slices begins when they stand end to end, and the places of their quotes."""
    start = np.zeros(count.shape[0] + 1, dtype=np.int64)
    count.cumsum(out=start[1:])
    # Few slices are compared faster as numbers.
    rising = slices.tolist()
    if start.tolist() == quotes.start.tolist() and rising == sorted(rising):
        return start, slice(None)
    return start, np.arange(start[-1]) + np.repeat(quotes.start[slices] - start[:-1], count)


def _add_layers(quotes: SurfaceQuotes, fit: _Fit, tau: FloatArray, config: SurfaceConfig) -> None:
    """Fill the layers of all slices; one that is interpolated has none, but keeps its neighbours' from crossing it."""
    order = fit.source.nonzero()[0]
    order = order[np.argsort(tau[order], kind="stable")]
    count = np.where(fit.source[order] == _FITTED, quotes.count[order], 0)
    start, place = _laid_out(quotes, order, count)
    found = np.empty((order.size, N_LAYER))
    read = (quotes.k[place], quotes.iv[place], quotes.half_spread[place], quotes.freshness[place])
    fit_layers(*read, start, tau[order], fit.theta[order], fit.rho[order], fit.psi[order], config.layer_rounds, found)
    fit.layer[order] = found


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class _Quality:
    """How well each slice meets its quotes; arrays of shape (n_slices,), NaN where it is not fitted."""

    low: FloatArray
    high: FloatArray
    rmse: FloatArray
    largest: FloatArray
    inside: FloatArray
    confidence: FloatArray


def _quality(quotes: SurfaceQuotes, fit: _Fit, tau: FloatArray, config: SurfaceConfig) -> _Quality:
    read = (quotes.k, quotes.iv, quotes.half_spread, quotes.freshness, quotes.start)
    bad = quotes.n_dropped[:, _BAD[0]] + quotes.n_dropped[:, _BAD[1]] + quotes.n_dropped[:, _BAD[2]]
    settings = (config.quality_sd, float(config.min_quotes), config.error_scale_vol)
    found = np.full((6, tau.shape[0]), np.nan)
    judge_slices(*read, fit.theta, fit.rho, fit.psi, fit.layer, fit.source == _FITTED, tau, bad, *settings, found)
    low, high, rmse, largest, inside, confidence = found
    return _Quality(low=low, high=high, rmse=rmse, largest=largest, inside=inside, confidence=confidence)


def _trust_between(confidence: FloatArray, fit: _Fit, tau: FloatArray) -> FloatArray:
    """Return the confidences with half of the lesser neighbour's for interpolated slices."""
    between, found = (fit.source == _INTERPOLATED).nonzero()[0], confidence.copy()
    if not between.size:
        return found
    fitted = (fit.source == _FITTED).nonzero()[0]
    fitted = fitted[np.argsort(tau[fitted], kind="stable")]
    for i in between:
        after = int(np.searchsorted(tau[fitted], tau[i], side="right"))
        found[i] = 0.5 * confidence[fitted[after - 1 : after + 1]].min()
    return found


def _reasons(
    fit: _Fit, count: NDArray[np.int64], forwards: Forwards, time: TimeToExpiry, config: SurfaceConfig
) -> tuple[str, ...]:
    reasons = []
    for s, source in enumerate(fit.source.tolist()):
        if source == _FITTED:
            reasons.append("")
            continue
        few = f"{count[s]} usable quotes, {config.min_quotes} needed"
        if source == _INTERPOLATED:
            reasons.append(f"interpolated between its neighbours: {few}")
        elif time.expired[s]:
            reasons.append("expired")
        elif not forwards.forward[s] > 0.0:
            reasons.append("no forward")
        else:
            reasons.append(f"{few}, and no fitted expiration on both sides")
    return tuple(reasons)


def _stale_share(quotes: SurfaceQuotes) -> float:
    stale = float(quotes.n_dropped[:, _STALE].sum())
    judged = stale + quotes.k.shape[0]
    return stale / judged if judged else float("nan")


def _max_lag_s(series: Sequence[ExpirySeries], config: SurfaceConfig) -> float:
    european = len(series) > 0 and series[0].product.exercise is ExerciseStyle.EUROPEAN
    return config.max_lag_index_s if european else config.max_lag_s


def _staleness(quotes: SurfaceQuotes, fit: _Fit, max_lag_s: float, config: SurfaceConfig) -> tuple[float, str]:
    """Return the share of stale quotes, and why the whole surface is not to be trusted (empty where it is)."""
    stale, most = _stale_share(quotes), config.max_stale_share
    if stale > most:
        return stale, f"{stale:.0%} of the two-sided quotes are older than {max_lag_s:g} s; at most {most:.0%}"
    return stale, "" if (fit.source > 0).any() else "no expiration has enough usable quotes"


def _require_one_each(n_series: int, *counts: int) -> None:
    if any(count != n_series for count in counts):
        found = f"{n_series} series, and clock, forwards and book for {', '.join(map(str, counts))}"
        raise DataError("the surface needs one clock, forward and part of the book per series", found=found)


def calibrate_surface(
    book: SortedBook,
    forwards: Forwards,
    time: TimeToExpiry,
    quote_ts_ns: NDArray[np.int64],
    ts_ns: int,
    config: SurfaceConfig,
    *,
    series: Sequence[ExpirySeries],
    mid_iv: FloatArray | None = None,
    cause_id: str = "",
) -> VolSurface:
    """Fit the surface of a chain.

    Parameters
    ----------
    book : SortedBook
        Sorted chain.
    forwards : Forwards
        Forward and discount per series.
    time : TimeToExpiry
        Time to expiry per series.
    quote_ts_ns : ndarray of int64, shape (n_contracts,)
        Instant of each quote in the order of the book, ns since the epoch, UTC.
    ts_ns : int
        Instant from which lags are counted: the chain's own, ns since the epoch, UTC.
    config : SurfaceConfig
        Settings.
    series : sequence of ExpirySeries
        The expirations of the chain; European exercise has the longer lag allowed.
    mid_iv : ndarray, shape (n_contracts,), optional
        Volatility of each contract's own mid in the order of the book, NaN where it has none, as
        `fields.volatility.ContractVolatility.own_quotes` tells it; computed here without it.
    cause_id : str, optional
        Id of the chain.

    Returns
    -------
    VolSurface
        Free of arbitrage for any quotes; NaN with a reason where there are too few.
    """
    n = len(series)
    _require_one_each(n, time.years.shape[0], forwards.forward.shape[0], book.series_start.shape[0] - 1)
    iv = _mid_volatility(book, forwards, time) if mid_iv is None else mid_iv
    max_lag_s = _max_lag_s(series, config)
    quotes = surface_quotes(book, iv, forwards, time, quote_ts_ns, ts_ns, max_lag_s, config)
    alive = (~time.expired & (forwards.forward > 0.0)).nonzero()[0]
    fit = _fit(quotes, time.years, alive, config)
    quality = _quality(quotes, fit, time.years, config)
    confidence = _trust_between(quality.confidence, fit, time.years)
    reasons = _reasons(fit, quotes.count, forwards, time, config)
    stale, why = _staleness(quotes, fit, max_lag_s, config)
    if stale > config.max_stale_share:
        confidence, reasons = np.zeros(n), tuple("; ".join(filter(None, (each, why))) for each in reasons)
    return VolSurface(
        ts_event_ns=ts_ns,
        cause_id=cause_id,
        expiry_ns=np.array([each.expiry_ns for each in series], dtype=np.int64),
        tau=time.years,
        forward=forwards.forward,
        theta=fit.theta,
        rho=fit.rho,
        psi=fit.psi,
        layer=fit.layer,
        source=fit.source,
        moneyness_low=quality.low,
        moneyness_high=quality.high,
        rmse_vol=quality.rmse,
        max_vol=quality.largest,
        inside_share=quality.inside,
        n_quotes=quotes.count,
        n_dropped=quotes.n_dropped,
        confidence=confidence,
        reasons=reasons,
        overall_confidence=float(confidence[alive].mean()) if alive.size else 0.0,
        overall_reason=why,
        stale_share=stale,
        fill_margin=config.fill_margin,
    )


def _mid_volatility(book: SortedBook, forwards: Forwards, time: TimeToExpiry) -> FloatArray:
    s = book.series
    quoted = (book.bid > 0.0) & (book.ask >= book.bid) & (book.is_call == (book.strike >= forwards.forward[s]))
    place = np.flatnonzero(quoted)
    t = s[place]
    mid, found = 0.5 * (book.bid + book.ask)[place], np.full(s.shape, np.nan)
    found[place] = implied_volatility(
        mid, forwards.forward[t], book.strike[place], time.years[t], forwards.discount[t], book.is_call[place]
    ).volatility
    return found

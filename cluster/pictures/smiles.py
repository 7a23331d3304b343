"""Smiles beside the quotes that they were fitted to: what a picture of the surface shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fields.book import Int64Array, SortedBook, sorted_book
from fields.config import TimeBasis
from fields.forwards import imply_forwards
from fields.implied_vol import implied_volatility
from fields.parity import parity_pairs
from fields.surface.message import SliceSource, VolSurface
from fields.timebase import time_to_expiry, valuation_instant
from market.chains import BoolArray, FloatArray, OptionChain

__all__ = ["Smile", "TermStructure", "smiles_of", "term_structure"]

_WIDTH_SD: Final = 3.5
_CURVE_POINTS: Final = 121
_MIN_QUOTES: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Smile:
    """One expiration: quotes out of the money, and the surface.

    Parameters
    ----------
    expiry_ns : int
        ns since the epoch, UTC.
    deviation : float
        Volatility at the forward times the square root of time: one standard deviation of ln(strike / forward).
    log_moneyness, bid_vol, ask_vol, mid_vol : ndarray, shape (n_quotes,)
        ln(strike / forward) and volatilities of the quotes.
    residual_vol : ndarray, shape (n_quotes,)
        Mid volatility less that of the surface.
    curve_log_moneyness, curve_vol : ndarray, shape (n_points,)
        The surface.
    rmse_vol, inside_share : float
        Fit near the money, as the surface tells it.
    """

    expiry_ns: int
    deviation: float
    log_moneyness: FloatArray
    bid_vol: FloatArray
    ask_vol: FloatArray
    mid_vol: FloatArray
    residual_vol: FloatArray
    curve_log_moneyness: FloatArray
    curve_vol: FloatArray
    rmse_vol: float
    inside_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TermStructure:
    """Volatility at the forward by time to expiry; arrays of shape (n_slices,), in order of time.

    Parameters
    ----------
    tau : ndarray
        Years on the field's clock.
    atm_vol : ndarray
        Annualised volatility.
    fitted : ndarray of bool
        Whether the slice has quotes of its own; else it is interpolated.
    """

    tau: FloatArray
    atm_vol: FloatArray
    fitted: BoolArray


def smiles_of(chain: OptionChain, surface: VolSurface, time_basis: TimeBasis, *, most: int = 4) -> tuple[Smile, ...]:
    """Return smiles of a few fitted expirations with the quotes of a chain.

    Parameters
    ----------
    chain : OptionChain
        The chain of the surface.
    surface : VolSurface
        Fitted to it.
    time_basis : TimeBasis
        The field's clock.
    most : int, optional
        How many; spread over the logarithm of time, the first and the last among them.

    Returns
    -------
    tuple of Smile
        By rising expiry; empty where nothing is fitted.
    """
    valuation_ns = valuation_instant(chain.ts_event_ns, chain.series[0].product)
    time = time_to_expiry(valuation_ns, chain.series, time_basis)
    book = sorted_book(chain)
    discount = imply_forwards(chain, parity_pairs(book), time, valuation_ns).discount
    s = book.series
    outside = book.is_call == (book.strike >= surface.forward[s])
    usable = outside & (book.bid > 0.0) & (book.ask >= book.bid) & (surface.source[s] == SliceSource.FITTED)
    found = [
        _smile(book, surface, place, np.flatnonzero(usable & (s == place)), discount)
        for place in _spread(surface, most)
    ]
    return tuple(smile for smile in found if smile is not None)


def _smile(book: SortedBook, surface: VolSurface, place: int, rows: Int64Array, discount: FloatArray) -> Smile | None:
    columns = (surface.forward[place], book.strike[rows], surface.tau[place], discount[place], book.is_call[rows])
    prices = (book.bid[rows], 0.5 * (book.bid[rows] + book.ask[rows]), book.ask[rows])
    bid_vol, mid_vol, ask_vol = (implied_volatility(price, *columns).volatility for price in prices)
    k = np.log(book.strike[rows] / surface.forward[place])
    deviation = float(surface.atm_vol[place] * np.sqrt(surface.tau[place]))
    near = np.isfinite(mid_vol) & (np.abs(k) <= _WIDTH_SD * deviation)
    if int(near.sum()) < _MIN_QUOTES:
        return None
    k, mid_vol = k[near], mid_vol[near]
    curve = np.linspace(k.min(), k.max(), _CURVE_POINTS)
    return Smile(
        expiry_ns=int(surface.expiry_ns[place]),
        deviation=deviation,
        log_moneyness=k,
        bid_vol=bid_vol[near],
        ask_vol=ask_vol[near],
        mid_vol=mid_vol,
        residual_vol=mid_vol - surface.implied_vol(place, k),
        curve_log_moneyness=curve,
        curve_vol=surface.implied_vol(place, curve),
        rmse_vol=float(surface.rmse_vol[place]),
        inside_share=float(surface.inside_share[place]),
    )


def _spread(surface: VolSurface, most: int) -> list[int]:
    """Return some fitted slices, evenly spread over the logarithm of time."""
    fitted = np.flatnonzero((surface.source == SliceSource.FITTED) & (surface.n_quotes >= _MIN_QUOTES))
    fitted = fitted[np.argsort(surface.tau[fitted], kind="stable")]
    if fitted.size <= most:
        return [int(place) for place in fitted]
    time = np.log(surface.tau[fitted])
    nearest = {int(np.abs(time - target).argmin()) for target in np.linspace(time[0], time[-1], most)}
    return [int(fitted[place]) for place in sorted(nearest)]


def term_structure(surface: VolSurface) -> TermStructure:
    """Return the volatility at the forward by time to expiry; a slice without one is left out.

    Parameters
    ----------
    surface : VolSurface
        The surface.

    Returns
    -------
    TermStructure
        Empty where nothing is fitted.
    """
    vol = surface.atm_vol
    known = np.flatnonzero(np.isfinite(vol) & (surface.source != SliceSource.NONE))
    known = known[np.argsort(surface.tau[known], kind="stable")]
    return TermStructure(tau=surface.tau[known], atm_vol=vol[known], fitted=surface.source[known] == SliceSource.FITTED)

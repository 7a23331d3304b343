"""Forward and discount of every series, and the spot reference that follows (docs/adr/004)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
from scipy.special import ndtri

from fields.book import Int64Array
from fields.jit import BOOL, F64, INT, OUT, REAL, kernel
from fields.parity import ParityPairs, ParitySlopes, parity_levels, parity_slopes
from fields.timebase import TimeToExpiry
from market.chains import BoolArray, FloatArray, OptionChain
from market.instruments import ExerciseStyle, SettlementTime

__all__ = ["ForwardSource", "Forwards", "SpotReference", "imply_forwards"]

# A discount outside these annual rates is noise, not carry: policy rates since 1990 with room on both sides.
_MIN_RATE: Final = -0.02
_MAX_RATE: Final = 0.15
# A series' own rate counts where it is known this well; otherwise the curve through the others is better.
_OWN_RATE_ERROR: Final = 0.002
_ANY_RATE_ERROR: Final = 0.02
# A forward further from spot than 3 % plus 30 % a year is a broken quote set, not carry.
_CARRY_BASE: Final = 0.03
_CARRY_PER_YEAR: Final = 0.30
# Forwards nearer to each other than this tell no annual carry: a cent would count for per cents.
_WEEK: Final = 7.0 / 365.0
_MIN_SPOT_PAIRS: Final = 5
# A series that stopped trading this long before the quotes' instant says nothing about spot now.
_FRESH_NS: Final = 3_600 * 1_000_000_000
_OUT_I64 = INT[::1]


class ForwardSource(IntEnum):
    """Where the forward of a series came from."""

    NONE = 0
    PARITY = 1  # forward and discount from its own quotes
    PARITY_CURVE = 2  # forward from its own quotes, discount from the curve through other expirations
    VENUE = 3  # as the venue publishes it
    CARRY_CURVE = 4  # from spot and the carry of other expirations
    PRINTED_SPOT = 5  # the printed underlying, without carry or discount
    VENUE_DELTA = 6  # read back from the deltas that a coin-settled venue publishes


# An array that is compared with a member of an enumeration asks its class for a dozen names first.
_NONE: Final = int(ForwardSource.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotReference:
    """The spot that the field is measured from.

    Parameters
    ----------
    price : float
        USD; NaN where there is none.
    source : str
        ``parity_forward:DATE``, ``venue_index``, ``venue_forward:DATE``, ``printed_last``, ``printed_mid``,
        ``vendor_delta:DATE`` or ``none``.
    reason : str
        Why it is not a parity forward or a venue's index; empty where it is.
    """

    price: float
    source: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwards:
    """Forward and discount per series; arrays of shape (n_series,).

    Parameters
    ----------
    spot : SpotReference
        The spot reference.
    forward : ndarray
        Forward of the underlying at expiry, USD; NaN where there is none.
    discount : ndarray
        Price today of 1 USD at expiry; NaN where there is no forward.
    dispersion : ndarray
        Standard deviation of the single-strike forwards near the money, USD; NaN where parity was not used.
    source : ndarray of int64
        `ForwardSource` of each series.
    """

    spot: SpotReference
    forward: FloatArray
    discount: FloatArray
    dispersion: FloatArray
    source: Int64Array


@kernel(F64, F64, BOOL, REAL, returns=REAL)
def _curve(node_years: FloatArray, node_value: FloatArray, known: BoolArray, years: float) -> float:
    """Interpolate linearly between known nodes of rising time, flat beyond; NaN without a node."""
    left = right = -1
    for i in range(node_years.shape[0]):
        if known[i] and node_years[i] <= years:
            left = i
        elif known[i] and right < 0:
            right = i
    if left < 0 and right < 0:
        return np.nan
    if left < 0:
        return float(node_value[right])
    if right < 0:
        return float(node_value[left])
    share = (years - node_years[left]) / (node_years[right] - node_years[left])
    return float(node_value[left] + share * (node_value[right] - node_value[left]))


@kernel(F64, BOOL, F64, F64, OUT, _OUT_I64)
def _settle_discounts(
    years: FloatArray,
    american: BoolArray,
    slope: FloatArray,
    slope_error: FloatArray,
    discount: FloatArray,
    source: Int64Array,
) -> None:
    """Keep each series' own discount where it is well known, else read the rate from the curve through the others."""
    n = years.shape[0]
    rate = np.empty(n)
    known = np.zeros(n, dtype=np.bool_)
    best_weight = best_rate = 0.0
    for s in range(n):
        rate[s] = -np.log(slope[s]) / years[s] if slope[s] > 0.0 else np.nan
        error = slope_error[s] / (slope[s] * years[s])
        # Early exercise steepens the slope towards a rate of 0; below it an American slope is noise alone.
        in_range = rate[s] >= (0.0 if american[s] else _MIN_RATE) and rate[s] <= _MAX_RATE
        known[s] = in_range and error <= _OWN_RATE_ERROR
        if in_range and error <= _ANY_RATE_ERROR:
            weight = 1.0 / (error * error + 1e-12)
            best_weight += weight
            best_rate += weight * rate[s]
    fallback = best_rate / best_weight if best_weight > 0.0 else 0.0
    for s in range(n):
        if known[s]:
            discount[s] = slope[s]
            source[s] = 1
            continue
        read = _curve(years, rate, known, years[s])
        discount[s] = np.exp(-(fallback if np.isnan(read) else read) * years[s])
        source[s] = 2


@kernel(REAL, F64, BOOL, OUT, OUT, _OUT_I64)
def _fill_gaps(
    spot: float,
    years: FloatArray,
    expired: BoolArray,
    forward: FloatArray,
    discount: FloatArray,
    source: Int64Array,
) -> None:
    """Drop forwards that cannot be carry, then fill the gaps: log forwards are linear in time, or spot alone."""
    n = years.shape[0]
    known = np.zeros(n, dtype=np.bool_)
    on_curve = np.zeros(n, dtype=np.bool_)
    distance = np.log(forward / spot)
    first = last = -1
    for s in range(n):
        known[s] = source[s] > 0 and abs(distance[s]) <= _CARRY_BASE + _CARRY_PER_YEAR * years[s]
        on_curve[s] = known[s] and not expired[s]
        if on_curve[s]:
            first = s if first < 0 else first
            last = s
    carry = 0.0
    if first >= 0 and years[last] - years[first] >= _WEEK:
        carry = (distance[last] - distance[first]) / (years[last] - years[first])
    for s in range(n):
        if known[s]:
            continue
        if first < 0:
            forward[s] = spot
            discount[s] = 1.0
            source[s] = 5
        else:
            beyond = max(years[s] - years[last], 0.0)
            forward[s] = spot * np.exp(_curve(years, distance, on_curve, years[s]) + carry * beyond)
            source[s] = 4


def _parity_spot(
    chain: OptionChain, forward: FloatArray, slopes: ParitySlopes, source: Int64Array, valuation_ns: int
) -> SpotReference | None:
    for s in ((slopes.near >= _MIN_SPOT_PAIRS) & (source > 0) & (forward > 0.0)).nonzero()[0]:
        series = chain.series[s]
        if series.last_trade_ns >= valuation_ns - _FRESH_NS:
            kind = "venue_forward" if source[s] == ForwardSource.VENUE else "parity_forward"
            return SpotReference(price=float(forward[s]), source=f"{kind}:{series.expiration.isoformat()}", reason="")
    return None


def _printed_spot(chain: OptionChain) -> SpotReference:
    why = "no expiration has 5 two-sided call-put pairs within 3 %"
    if chain.spot_last > 0.0:
        return SpotReference(price=chain.spot_last, source="printed_last", reason=f"{why}; the printed underlying")
    if chain.spot_bid > 0.0 and chain.spot_ask >= chain.spot_bid:
        middle = 0.5 * (chain.spot_bid + chain.spot_ask)
        return SpotReference(price=middle, source="printed_mid", reason=f"{why}; the mid of the printed underlying")
    for s in np.flatnonzero(chain.vendor_forward > 0.0):
        date = chain.series[s].expiration.isoformat()
        price = float(chain.vendor_forward[s])
        return SpotReference(price=price, source=f"venue_forward:{date}", reason=f"{why}; the venue's nearest forward")
    return SpotReference(price=float("nan"), source="none", reason=f"{why}, and no underlying is printed")


def _delta_forwards(chain: OptionChain, time: TimeToExpiry) -> FloatArray:
    """Read the forward of each expiration back from its published deltas: K is known, and delta says how far it lies.

    ``N(d1) = |delta|`` turned round, median over the strikes; NaN with too few. The deltas are rounded, so that only
    those between 0.25 and 0.75 are read.
    """
    years = time.calendar_years[chain.series_index]
    volatility = chain.vendor_iv
    size = np.abs(chain.vendor_delta)
    steep = (size >= 0.25) & (size <= 0.75) & (volatility > 0.0) & ~time.expired[chain.series_index]
    found = np.full(len(chain.series), np.nan)
    for s in np.flatnonzero(~time.expired):
        chosen = np.flatnonzero(steep & (chain.series_index == s))
        if chosen.size >= _MIN_SPOT_PAIRS:
            a = volatility[chosen] * np.sqrt(years[chosen])
            d1 = np.where(chain.is_call[chosen], 1.0, -1.0) * ndtri(size[chosen])
            found[s] = float(np.median(chain.strike[chosen] * np.exp(a * d1 - 0.5 * a * a)))
    return found


def _vendor_delta_spot(chain: OptionChain, level: FloatArray) -> SpotReference | None:
    """Return the level that the nearest expiration's deltas tell; the carry until then is left out."""
    for s in np.flatnonzero(level > 0.0):
        date = chain.series[s].expiration.isoformat()
        why = "no expiration has 5 two-sided call-put pairs within 3 % and no underlying is printed"
        return SpotReference(
            price=float(level[s]), source=f"vendor_delta:{date}", reason=f"{why}; read from published deltas"
        )
    return None


def _venue_spot(chain: OptionChain) -> SpotReference | None:
    """Return the index of a venue that publishes forwards and settles on its own index (crypto), else None."""
    if chain.series[0].product.settlement is not SettlementTime.FIXED_UTC or not chain.spot_last > 0.0:
        return None
    return SpotReference(price=chain.spot_last, source="venue_index", reason="")


def imply_forwards(chain: OptionChain, pairs: ParityPairs, time: TimeToExpiry, valuation_ns: int) -> Forwards:
    """Find forward and discount of every series, and the spot reference.

    Parameters
    ----------
    chain : OptionChain
        With at least one series.
    pairs : ParityPairs
        Its usable call-put pairs.
    time : TimeToExpiry
        Time to expiry per series.
    valuation_ns : int
        Instant of the quotes, ns since the epoch, UTC.

    Returns
    -------
    Forwards
        In order of trust: own parity; the venue's forward (first on venues that settle at a fixed instant, whose
        options are priced off it); there, without prices, what the published deltas tell; the carry curve through the
        other expirations; the printed spot. NaN only where not even a spot is known.
    """
    n = len(chain.series)
    american = np.array([s.product.exercise is ExerciseStyle.AMERICAN for s in chain.series])
    years = time.calendar_years
    slopes = parity_slopes(pairs, american, chain.spot_last)
    discount = np.empty(n)
    source = np.empty(n, dtype=np.int64)
    _settle_discounts(years, american, slopes.discount, slopes.discount_error, discount, source)
    forward, dispersion = parity_levels(pairs, slopes.center, discount)

    off_venue = chain.series[0].product.settlement is not SettlementTime.FIXED_UTC
    source[np.isnan(forward)] = _NONE
    venue = chain.vendor_forward > 0.0
    if off_venue:
        venue &= source == _NONE
    if venue.any():
        forward[venue] = chain.vendor_forward[venue]
        dispersion[venue] = np.nan
        source[venue] = ForwardSource.VENUE
        if not off_venue:
            # Coin-settled premiums are undiscounted prices in coin, so at the venue's forward the discount is 1.
            discount[venue] = 1.0
    spot = _venue_spot(chain) or _parity_spot(chain, forward, slopes, source, valuation_ns) or _printed_spot(chain)
    if np.isnan(spot.price):
        level = _delta_forwards(chain, time)
        spot = _vendor_delta_spot(chain, level) or spot
        told = (level > 0.0) & (source == _NONE)
        if not off_venue and told.any():
            # These deltas are those of Black's formula on the forward, and premiums are not discounted.
            forward[told], discount[told], source[told] = level[told], 1.0, ForwardSource.VENUE_DELTA
    if spot.price > 0.0:
        _fill_gaps(spot.price, years, time.expired, forward, discount, source)
    else:
        forward[:] = discount[:] = np.nan
        source[:] = ForwardSource.NONE
    return Forwards(spot=spot, forward=forward, discount=discount, dispersion=dispersion, source=source)

"""Synthetic option chains whose forward, discount, volatility and positions are known exactly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from datetime import date
from typing import Any, NamedTuple

import numpy as np
from scipy.special import ndtr

from market.calendars import expiry_series
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.instruments import ExpirySeries, product_of
from market.provenance import AsOfSource, Provenance

# Friday 2023-06-02 15:00 New York: inside a session, clear of every expiration used below.
AS_OF_NS = 1_685_732_400 * 1_000_000_000
YEAR_NS = 365 * 86_400 * 1_000_000_000

Smile = Callable[[FloatArray, float], FloatArray]


class Expiry(NamedTuple):
    """One expiration of the synthetic chain."""

    day: date
    rate: float = 0.04
    dividend_yield: float = 0.01


def flat_smile(volatility: float = 0.2) -> Smile:
    """Return a volatility that depends on nothing."""
    return lambda k, _tau: np.full(k.shape, volatility)


def skewed_smile(level: float = 0.18, slope: float = -0.5, curvature: float = 0.8) -> Smile:
    """Return an equity-like skew over log-moneyness, flatter for longer times."""
    return lambda k, tau: level + slope * k / (1.0 + 4.0 * tau) + curvature * k * k / (1.0 + 8.0 * tau)


def black_price(
    forward: float, strike: FloatArray, tau: float, discount: float, volatility: FloatArray, *, call: bool
) -> FloatArray:
    """Return Black's price through SciPy's normal distribution: independent of the code under test."""
    a = volatility * np.sqrt(tau)
    d1 = np.log(forward / strike) / a + 0.5 * a
    sign = 1.0 if call else -1.0
    return np.asarray(discount * sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - a))))


def synthetic_chain(
    spot: float = 4000.0,
    expiries: Sequence[Expiry] = (Expiry(date(2023, 6, 9)), Expiry(date(2023, 7, 7)), Expiry(date(2023, 9, 8))),
    strikes: FloatArray | None = None,
    smile: Smile | None = None,
    half_spread: float = 0.0,
    noise: float = 0.0,
    root: str = "SPXW",
    seed: int = 7,
    as_of_ns: int = AS_OF_NS,
) -> OptionChain:
    """Build a chain from known forwards, discounts and volatilities.

    Quotes are exact prices plus and minus `half_spread`; `noise` moves each mid by a normal draw of that deviation.
    """
    rng = np.random.default_rng(seed)
    product = product_of(root)
    grid = np.round(np.arange(0.85, 1.1501, 0.005) * spot, 6) if strikes is None else strikes
    vol_at = skewed_smile() if smile is None else smile
    series = tuple(expiry_series(product, e.day) for e in expiries)
    parts: list[dict[str, FloatArray]] = []
    for place, (expiry, one) in enumerate(zip(expiries, series, strict=True)):
        tau = (one.expiry_ns - as_of_ns) / YEAR_NS
        forward = spot * np.exp((expiry.rate - expiry.dividend_yield) * tau)
        volatility = vol_at(np.log(grid / forward), tau)
        for call in (True, False):
            mid = black_price(forward, grid, tau, np.exp(-expiry.rate * tau), volatility, call=call)
            mid = mid + noise * rng.standard_normal(grid.shape)
            parts.append(
                {
                    "series_index": np.full(grid.shape, place),
                    "strike": grid,
                    "is_call": np.full(grid.shape, call),
                    "bid": np.maximum(mid - half_spread, 0.0),
                    "ask": mid + half_spread,
                    "open_interest": rng.integers(1, 5_000, grid.shape).astype(float),
                    "vendor_iv": volatility,
                }
            )
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return chain_of_columns(columns, series=series, spot=spot, as_of_ns=as_of_ns)


def chain_of_columns(
    columns: dict[str, FloatArray], *, series: tuple[ExpirySeries, ...], spot: float, as_of_ns: int
) -> OptionChain:
    """Build a chain from its essential columns; the others are missing."""
    n = columns["strike"].shape[0]
    missing = np.full(n, np.nan)
    return OptionChain(
        symbol=series[0].product.underlying,
        session=datetime_of_ns(as_of_ns).date(),
        ts_event_ns=as_of_ns,
        cause_id="synthetic",
        provenance=Provenance(source="synthetic", origin="tests", simulated=True, as_of_source=AsOfSource.STAMPED),
        series=series,
        series_index=columns["series_index"].astype(np.int32),
        strike=columns["strike"].astype(np.float64),
        is_call=columns["is_call"].astype(np.bool_),
        bid=columns["bid"],
        ask=columns["ask"],
        last=missing,
        open_interest=columns["open_interest"],
        volume=missing,
        bid_size=missing,
        ask_size=missing,
        vendor_iv=columns["vendor_iv"],
        vendor_delta=missing,
        vendor_gamma=missing,
        quote_ts_ns=np.full(n, as_of_ns, dtype=np.int64),
        symbols=np.array([], dtype="S1"),
        vendor_forward=np.full(len(series), np.nan),
        spot_last=spot,
        spot_bid=np.nan,
        spot_ask=np.nan,
        spot_ts_ns=as_of_ns,
        n_read=n,
    )


def reordered(chain: OptionChain, order: np.ndarray) -> OptionChain:
    """Return the chain with its contracts in another order, or a part of them."""
    per_contract: dict[str, Any] = {
        item.name: getattr(chain, item.name)[order]
        for item in fields(chain)
        if isinstance(getattr(chain, item.name), np.ndarray) and item.name not in {"symbols", "vendor_forward"}
    }
    return replace(chain, **per_contract, n_read=len(order))

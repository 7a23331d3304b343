"""The book's further Greeks are the differences of what they claim to be derivatives of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fields.book_greeks import book_greeks
from fields.greeks import greeks
from fields.holdings import Holdings

_MINUTES = 525_600.0


def _book(n: int = 200, seed: int = 4) -> Holdings:
    rng = np.random.default_rng(seed)
    place = np.arange(n)
    return Holdings(
        place=place,
        series=np.zeros(n, dtype=np.int64),
        strike=rng.uniform(80.0, 125.0, n),
        is_call=rng.random(n) < 0.5,
        tau=rng.uniform(0.02, 0.5, n),
        volatility=rng.uniform(0.1, 0.4, n),
        rate=np.full(n, 0.04),
        carry=np.full(n, 0.03),
        multiplier=np.full(n, 100.0),
        contracts=rng.normal(0.0, 50.0, n),
        open_interest=np.full(n, 100.0),
    )


def _value(h: Holdings, spot: float) -> tuple[float, float, float]:
    """Return the book's value, vega per vol point and dollar gamma per 1 %."""
    found = greeks(spot, h.strike, h.tau, h.rate, h.rate - h.carry, h.volatility, h.is_call)
    units = h.contracts * h.multiplier
    return (
        float(units @ found.price),
        float(units @ found.vega) * 0.01,
        float(units @ found.gamma) * spot * spot * 0.01,
    )


def test_third_order_sums_are_differences_of_second_order_sums() -> None:
    """Vol point, 1 % and minute are the units: each figure is the slope of the sum that it names."""
    book, spot, h = _book(), 100.0, 1e-4
    found = book_greeks(book, spot, _MINUTES)
    up, down = (replace(book, volatility=book.volatility + s * h * 0.01) for s in (1, -1))
    by_vol = [(a - b) / (2 * h) for a, b in zip(_value(up, spot), _value(down, spot), strict=True)]
    assert found.vega_usd_per_volpt == pytest.approx(by_vol[0], rel=1e-6)
    assert found.volga_usd_per_volpt2 == pytest.approx(by_vol[1], rel=1e-5)
    assert found.zomma_usd_per_pct_volpt == pytest.approx(by_vol[2], rel=1e-5)
    by_spot = [(_value(book, spot * (1 + s * h * 0.01))[2]) for s in (1, -1)]
    assert found.speed_usd_per_pct2 == pytest.approx((by_spot[0] - by_spot[1]) / (2 * h), rel=1e-4)
    later, earlier = (replace(book, tau=book.tau - s * 1e-2 / _MINUTES) for s in (1, -1))
    by_time = [(a - b) / 2e-2 for a, b in zip(_value(later, spot), _value(earlier, spot), strict=True)]
    assert found.theta_usd_per_min == pytest.approx(by_time[0], rel=1e-5)
    assert found.veta_usd_per_volpt_min == pytest.approx(by_time[1], rel=1e-4)
    assert found.color_usd_per_pct_min == pytest.approx(by_time[2], rel=1e-3)


def test_an_empty_book_has_no_greeks() -> None:
    """Without a used contract every sum is NaN, not 0."""
    book = _book()
    empty = replace(book, **{name: getattr(book, name)[:0] for name in book.__dataclass_fields__})
    found = book_greeks(empty, 100.0, _MINUTES)
    assert all(np.isnan(getattr(found, name)) for name in found.__dataclass_fields__)

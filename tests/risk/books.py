"""Books for tests of revaluation, stress and value at risk."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fields.greeks import greeks
from market.chains import FloatArray
from risk.book import PricedBook

__all__ = ["black", "book_of", "option_row"]

Row = tuple[float, bool, float, float, float]  # units, is_call, strike, tau, volatility


def black(spot: float, strike: float, tau: float, volatility: float, *, is_call: bool, rate: float = 0.0) -> float:
    """Return the price of the project's full formula: the oracle of the price-only kernel."""
    return float(greeks(spot, strike, tau, rate, 0.0, volatility, is_call).price[0])


def option_row(units: float, right: str, strike: float, days: float, volatility: float = 0.2) -> Row:
    """Return an option in one line of numbers."""
    return units, right == "C", strike, days / 365.0, volatility


def book_of(
    rows: Sequence[Row], *, spot: float = 100.0, rate: float = 0.0, shares: float = 0.0, american: bool = False
) -> PricedBook:
    """Return a book on one underlying, marked at the model, shares last."""
    options = np.array([row[2:] for row in rows], dtype=np.float64).reshape(-1, 3)
    calls = np.array([row[1] for row in rows], dtype=np.bool_)
    marks = [black(spot, k, t, v, is_call=c, rate=rate) for (k, t, v), c in zip(options.tolist(), calls, strict=True)]
    n_shares = int(shares != 0.0)
    n = len(rows) + n_shares
    return PricedBook(
        ts_event_ns=0,
        underlyings=("SPX",),
        spot=np.array([spot]),
        beta=np.array([1.0]),
        benchmark="SPX",
        benchmark_spot=spot,
        package_ids=tuple(f"p{leg}" for leg in range(n)),
        strategies=("condor",) * n,
        symbols=tuple(f"leg{leg}" for leg in range(n)),
        underlying=np.zeros(n, dtype=np.int64),
        units=np.array([row[0] for row in rows] + [shares] * n_shares),
        multiplier=np.array([100.0] * len(rows) + [1.0] * n_shares),
        is_option=np.arange(n) < len(rows),
        is_call=np.concatenate((calls, np.zeros(n_shares, dtype=np.bool_))),
        strike=_padded(options[:, 0], n, fill=np.nan),
        tau=_padded(options[:, 1], n, fill=np.nan),
        volatility=_padded(options[:, 2], n, fill=np.nan),
        forward_ratio=_padded(np.exp(rate * options[:, 1]), n, fill=1.0),
        discount=_padded(np.exp(-rate * options[:, 1]), n, fill=1.0),
        mark=_padded(np.array(marks, dtype=np.float64), n, fill=spot),
        is_american=np.full(n, american),
    )


def _padded(column: FloatArray, n: int, *, fill: float) -> FloatArray:
    return np.concatenate((column, np.full(n - column.size, fill)))

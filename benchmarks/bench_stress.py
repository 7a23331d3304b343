"""Full revaluation of books: 200 legs under 500 scenarios, 1 000 positions under 50, a map, and value at risk."""

from __future__ import annotations

import numpy as np

from benchmarks.harness import Row, interleaved_ns
from market.chains import FloatArray
from risk.book import PricedBook
from risk.stress.results import spot_vol_grid, worst_stress
from risk.stress.revaluation import Shocks, revalue
from risk.stress.value_at_risk import MarketMoves, VarConfig, book_var

__all__ = ["run"]

_MOST_MS = {"200 legs x 500 scenarios": 50.0, "1 000 positions x 50 scenarios": 1000.0}


def _book(n: int) -> PricedBook:
    rng = np.random.default_rng(7)
    tau = rng.integers(1, 180, n) / 365.0
    return PricedBook(
        ts_event_ns=10**18,
        underlyings=("SPX", "SPY"),
        spot=np.array([6_500.0, 650.0]),
        beta=np.array([1.0, 1.0]),
        benchmark="SPX",
        benchmark_spot=6_500.0,
        package_ids=tuple(f"p{leg // 4}" for leg in range(n)),
        strategies=tuple(f"s{leg % 5}" for leg in range(n)),
        symbols=tuple(f"leg{leg}" for leg in range(n)),
        underlying=np.arange(n, dtype=np.int64) % 2,
        units=rng.integers(-10, 10, n).astype(np.float64),
        multiplier=np.full(n, 100.0),
        is_option=np.ones(n, dtype=np.bool_),
        is_call=rng.random(n) < 0.5,
        strike=np.where(np.arange(n) % 2, 650.0, 6_500.0) * rng.uniform(0.85, 1.15, n),
        tau=tau,
        volatility=rng.uniform(0.1, 0.4, n),
        forward_ratio=np.exp(0.03 * tau),
        discount=np.exp(-0.04 * tau),
        mark=np.full(n, np.nan),
        is_american=np.arange(n) % 2 == 1,
    )


def _shocks(n: int) -> Shocks:
    shocks = Shocks.none(n, 2)
    shocks.spot_return[:] = np.linspace(-0.3, 0.3, n)[:, None]
    shocks.vol_points_scaled[:] = np.linspace(0.3, -0.1, n)[:, None]
    return shocks


def _moves(n: int) -> MarketMoves:
    spot: FloatArray = 0.01 * np.random.default_rng(3).standard_normal((n, 2))
    return MarketMoves(
        known_ns=np.arange(n, dtype=np.int64), underlyings=("SPX", "SPY"), spot_return=spot, vol_log=-4.0 * spot
    )


def run() -> list[Row]:
    """Return wall times of one call each, milliseconds."""
    small, large = _book(200), _book(1000)
    many, few, moves = _shocks(500), _shocks(50), _moves(1000)
    spot, vol = np.linspace(-0.2, 0.1, 9), np.linspace(-0.05, 0.3, 6)
    times = interleaved_ns(
        {
            "200 legs x 500 scenarios": lambda: revalue(small, many).pnl,
            "1 000 positions x 50 scenarios": lambda: revalue(large, few).pnl,
            "standard scenarios of 200 legs": lambda: worst_stress(small, volatility_index=18.0),
            "map of 54 cells of 200 legs": lambda: spot_vol_grid(small, spot, vol),
            "value at risk, 200 legs x 1 000 days, interval": lambda: book_var(
                small, moves, VarConfig(), rng=np.random.default_rng(1)
            ),
        }
    )
    rows = []
    for name, found in times.items():
        milliseconds, most = sorted(found)[len(found) // 2] / 1e6, _MOST_MS.get(name)
        rows.append(
            Row(
                name=f"stress: {name}",
                size=200 if "200" in name else 1000,
                value=milliseconds,
                unit="ms",
                reach="" if most is None else f"<= {most:g}",
                passed=None if most is None else milliseconds <= most,
            )
        )
    return rows

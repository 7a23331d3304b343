"""The spot ladder against NumPy broadcasting, both dynamics, the search for zero gamma and the deposit."""

from __future__ import annotations

import statistics

import numpy as np

from benchmarks.harness import Row, interleaved_ns, ratio_row
from fields.config import PositionSource
from fields.deposit import deposit
from fields.grid import LogGrid
from fields.ladder import LadderContracts, delta_ladder, gamma_ladder, spot_ladder
from fields.roots import zero_gamma_levels
from fields.smile import SmileTable
from market.chains import FloatArray, IntArray

__all__ = ["run"]

_N = 10_000
_MINUTES = 525_600.0
_SHOCKS = (0.1, 0.4, 30.0)
_DAYS = np.array([0.25, 1, 2, 3, 4, 7, 14, 21, 30, 60, 90, 120, 180, 270, 365, 540])


def _book(n: int) -> tuple[LadderContracts, FloatArray, IntArray]:
    """Return an index-like book: sixteen expirations from six hours to eighteen months."""
    rng = np.random.default_rng(1)
    series = np.sort(rng.integers(0, _DAYS.shape[0], n)).astype(np.int32)
    tau = _DAYS[series] / 365.0
    strike = np.round(5_003.0 * np.exp(rng.normal(0.0, 0.03 + 0.12 * np.sqrt(tau))) / 5.0) * 5.0
    k = np.log(strike / 5_003.0)
    contracts = LadderContracts(
        spot=5_003.0,
        strike=strike,
        tau=tau,
        volatility=0.15 - 0.3 * k / (1.0 + 4.0 * np.sqrt(tau)) + 0.6 * k * k,
        carry=np.full(n, 0.035),
        dividend_yield=np.full(n, 0.013),
        is_call=rng.random(n) < 0.5,
    )
    return contracts, rng.lognormal(5.0, 1.5, n), series


def _broadcast(book: LadderContracts, weight: FloatArray, grid: LogGrid) -> FloatArray:
    """Return gamma along the ladder as plain NumPy does it: one row per contract, one column per node."""
    a = book.volatility * np.sqrt(book.tau)
    middle = np.log(book.spot / book.strike) + book.carry * book.tau
    d1 = (middle[:, None] + grid.nodes) / a[:, None] + 0.5 * a[:, None]
    scale = weight * np.exp(-book.dividend_yield * book.tau) / (a * np.sqrt(2.0 * np.pi))
    return np.asarray(0.01 * book.spot * np.exp(grid.nodes) * (scale @ np.exp(-0.5 * d1 * d1)))


def _ms(name: str, nodes: int, times: list[int], note: str = "") -> Row:
    return Row(name=f"ladder: {name}", size=nodes, value=statistics.median(times) / 1e6, unit="ms", note=note)


def _ladders(nodes: int) -> list[Row]:
    book, weight, series = _book(_N)
    grid = LogGrid.about_spot(0.12, nodes)
    k = np.log(book.strike / book.spot) - book.carry * book.tau
    every = np.ones(_N, dtype=np.bool_)
    smile = SmileTable.build(grid, series, k, book.volatility, every)
    fast, slow = gamma_ladder(book, weight, grid).sum(axis=0), _broadcast(book, weight, grid)
    assert np.abs(fast / slow - 1.0).max() < 1e-9, "the alternatives compute different ladders"
    times = interleaved_ns(
        {
            "gamma": lambda: gamma_ladder(book, weight, grid),
            "gamma, vanna, charm, delta, rate": lambda: spot_ladder(book, weight, grid, _MINUTES, shocks=_SHOCKS),
            "delta": lambda: delta_ladder(book, weight, grid),
            "gamma, sticky moneyness": lambda: gamma_ladder(book, weight, grid, smile),
            "all five, sticky moneyness": lambda: spot_ladder(book, weight, grid, _MINUTES, smile, shocks=_SHOCKS),
            "all five, spot-vol slope": lambda: spot_ladder(book, weight, grid, _MINUTES, None, -0.8, _SHOCKS),
            "smile table": lambda: SmileTable.build(grid, series, k, book.volatility, every),
            "NumPy broadcast, gamma": lambda: _broadcast(book, weight, grid),
        },
        rounds=15,
    )
    rows = [_ms(name, nodes, taken, f"{_N} contracts") for name, taken in times.items()]
    gate = 5.0 if nodes == 401 else None
    slow_ns = times["NumPy broadcast, gamma"]
    return [*rows, ratio_row("ladder: NumPy broadcast over gamma", nodes, slow_ns, times["gamma"], reach=gate)]


def _roots_and_deposit() -> list[Row]:
    book, weight, _ = _book(_N)
    grid = LogGrid.about_spot(0.12, 401)
    signed = np.where(book.is_call, weight, -1.2 * weight)
    net = gamma_ladder(book, signed, grid).sum(axis=0)
    found = zero_gamma_levels(book, signed, grid, net, 0.1, PositionSource.USER)
    k, three = np.log(book.strike / book.spot), np.stack((weight, signed, -weight))
    times = interleaved_ns(
        {
            "zero gamma": lambda: zero_gamma_levels(book, signed, grid, net, 0.1, PositionSource.USER),
            "deposit": lambda: deposit(grid, k, three),
        },
        rounds=25,
    )
    per_contract = statistics.median(times["deposit"]) / _N
    return [
        _ms("zero gamma", 401, times["zero gamma"], f"{_N} contracts, {len(found.levels)} roots"),
        Row(name="deposit of three fields", size=_N, value=per_contract, unit="ns/item"),
    ]


def run() -> list[Row]:
    """Return times at 401 and 2001 nodes, and the ratio of NumPy's time to ours."""
    return [*_ladders(401), *_ladders(2_001), *_roots_and_deposit()]

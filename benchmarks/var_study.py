"""How often a told value at risk was exceeded on real days: ``python -m benchmarks.var_study DATA``.

Two books, marked anew each evening: the index itself, and a sold straddle of 30 days at the money, valued by the VIX.
The figure of an evening knows the days up to it; the next day is what it is held against. The straddle's profit is that
of the model at the next close and VIX: it tests the mapping of moves to profits and its tails, not the model.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from cluster.stress.history import read_history
from market.chains import FloatArray
from risk.book import PricedBook
from risk.stress.revaluation import Shocks, revalue
from risk.stress.value_at_risk import MarketMoves, VarConfig, VarMethod, tail_losses
from risk.stress.var_backtest import backtest_var

_WINDOW = 1000
_STEP = 5  # evenings between two figures of the filtered method, which is fitted at each
_TAU = 30.0 / 365.0


def _book(volatility: float, now_ns: int, *, is_index: bool) -> PricedBook:
    n = 1 if is_index else 2
    return PricedBook(
        ts_event_ns=now_ns,
        underlyings=("SPX",),
        spot=np.array([100.0]),
        beta=np.array([1.0]),
        benchmark="SPX",
        benchmark_spot=100.0,
        package_ids=("book",) * n,
        strategies=("book",) * n,
        symbols=tuple(f"leg{leg}" for leg in range(n)),
        underlying=np.zeros(n, dtype=np.int64),
        units=np.full(n, 1.0 if is_index else -1.0),
        multiplier=np.ones(n),
        is_option=np.full(n, not is_index),
        is_call=np.arange(n) > 0,
        strike=np.full(n, np.nan if is_index else 100.0),
        tau=np.full(n, np.nan if is_index else _TAU),
        volatility=np.full(n, np.nan if is_index else volatility),
        forward_ratio=np.ones(n),
        discount=np.ones(n),
        mark=np.full(n, 100.0 if is_index else np.nan),
    )


def _next_profit(book: PricedBook, moves: MarketMoves, day: int) -> float:
    shocks = Shocks.none(1, 1)
    shocks = replace(shocks, spot_return=moves.spot_return[day : day + 1], vol_log=moves.vol_log[day : day + 1])
    return float(revalue(book, shocks).pnl[0])


def _told(moves: MarketMoves, level: FloatArray, config: VarConfig, step: int, *, is_index: bool) -> None:
    figures, profits = [], []
    for day in range(_WINDOW, moves.known_ns.size, step):
        book = _book(0.01 * level[day], int(moves.known_ns[day - 1]), is_index=is_index)
        value, _, reason = tail_losses(book, moves, config)
        if not reason:
            figures.append(value)
            profits.append(_next_profit(book, moves, day))
    found = backtest_var(np.array(profits), np.array(figures), config.confidence)
    print(
        f"{'index' if is_index else 'straddle':9}{config.method:11}{config.confidence:5.2f}{found.n_days:7}"
        f"{found.n_exceptions:6}{found.expected:8.1f}{found.coverage_p:9.3f}{found.independence_p:9.3f}{found.joint_p:9.3f}",
        flush=True,
    )


def main() -> None:
    """Print a row for each book, method and confidence."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.var_study", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of recorded market data")
    folder = parser.parse_args().data / "daily"
    history = read_history([folder / "spx_spy_qqq_daily.parquet", folder / "cboe_vol_indices.parquet"])
    moves = history.moves(("SPX",), "VIX")
    # The level of the evening before each move: that of the first day and what came after it.
    first = history.last("VIX", int(moves.known_ns[0]) - 1)[0]
    level = first * np.exp(np.concatenate((np.zeros(1), np.cumsum(moves.vol_log[:-1, 0]))))
    print(f"{moves.known_ns.size} days, window {_WINDOW}")
    print("book     method     conf   days  exc. expected coverage indep.   joint   (p-values)")
    for is_index in (True, False):
        for confidence in (0.95, 0.99):
            config = VarConfig(confidence=confidence, window_days=_WINDOW)
            _told(moves, level, config, 1, is_index=is_index)
            _told(moves, level, replace(config, method=VarMethod.FILTERED), _STEP, is_index=is_index)


if __name__ == "__main__":
    main()

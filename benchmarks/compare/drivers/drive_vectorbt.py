"""vectorbt: the crossing of two averages, one unit, at the next open, no costs; one pair, and a grid of pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import vectorbt  # type: ignore[import-not-found]  # lives in an environment of its own

from benchmarks.compare.drivers.measure import Done, timed


def _portfolio(opened: Any, fast: Any, slow: Any) -> Any:
    above = fast.ma_crossed_above(slow).vbt.signals.fshift(1)
    below = fast.ma_crossed_below(slow).vbt.signals.fshift(1)
    return vectorbt.Portfolio.from_signals(
        opened, entries=above, short_entries=below, size=1.0, init_cash=1e7, fees=0.0, freq="1min"
    )


def _series(arrays: dict[str, Any], n: int) -> tuple[Any, Any]:
    index = pd.DatetimeIndex(arrays["end_ns"][:n].astype("datetime64[ns]"))
    return pd.Series(arrays["open"][:n], index=index), pd.Series(arrays["close"][:n], index=index)


def bars(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work of one pair over all bars."""
    opened, close = _series(arrays, arrays["close"].shape[0])

    def run() -> Done:
        portfolio = _portfolio(opened, vectorbt.MA.run(close, 50), vectorbt.MA.run(close, 200))
        return Done(orders=int(portfolio.orders.count()))

    return close.shape[0], run


def sweep(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work of 190 pairs of twenty windows over 100,000 bars."""
    n = 100_000
    opened, close = _series(arrays, n)

    def run() -> Done:
        fast, slow = vectorbt.MA.run_combs(close, window=list(range(10, 210, 10)), r=2)
        return Done(orders=int(_portfolio(opened, fast, slow).orders.count().sum()))

    return n * 190, run


if __name__ == "__main__":
    timed(f"vectorbt {vectorbt.__version__}", {"bars": bars, "sweep": sweep})

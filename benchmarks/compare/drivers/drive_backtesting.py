"""backtesting.py: the crossing of two averages, reversed with one unit at the next open, no costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import backtesting  # type: ignore[import-not-found]  # lives in an environment of its own
import pandas as pd

from benchmarks.compare.drivers.measure import Done, timed


def _average(values: Any, window: int) -> Any:
    return pd.Series(values).rolling(window).mean()


class _Cross(backtesting.Strategy):  # type: ignore[misc]  # untyped
    def init(self) -> None:
        self.fast = self.I(_average, self.data.Close, 50)
        self.slow = self.I(_average, self.data.Close, 200)

    def next(self) -> None:
        fast, slow = self.fast[-1], self.slow[-1]
        if fast > slow and not self.position.is_long:
            self.buy(size=1)
        elif fast < slow and not self.position.is_short:
            self.sell(size=1)


def bars(arrays: dict[str, Any]) -> tuple[int, Callable[[], Done]]:
    """Return the work over all bars; an order of the exclusive kind closes what is held and opens the other side."""
    columns = {name.title(): arrays[name] for name in ("open", "high", "low", "close")}
    frame = pd.DataFrame({**columns, "Volume": 0}, index=pd.DatetimeIndex(arrays["end_ns"].astype("datetime64[ns]")))

    def run() -> Done:
        test = backtesting.Backtest(
            frame,
            _Cross,
            cash=10_000_000,
            commission=0.0,
            exclusive_orders=True,
            trade_on_close=False,
            finalize_trades=True,
        )
        stats = test.run()
        return Done(orders=len(stats["_trades"]))

    return len(frame), run


if __name__ == "__main__":
    timed(f"backtesting {backtesting.__version__}", {"bars": bars})

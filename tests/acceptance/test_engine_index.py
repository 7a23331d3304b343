"""Buying and holding a fund over two decades of recorded days is the fund with its dividends."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from cluster.histories.recorded import InputFile, RecordedFiles, recorded_history
from market.tradables import Share
from strategies.buy_and_hold import BuyAndHold
from tests.backtest.recordings import DESCRIPTION

pytestmark = pytest.mark.data

SPY = Share(symbol="SPY")


@pytest.fixture(scope="module")
def history(data_root: Path) -> History:
    """Return SPY by days from 1998 to 2021 with the dividends of its factor file."""
    folder = data_root / "underlying"
    files = RecordedFiles(
        inputs=(InputFile(path=folder / "spy_daily_1998_2021.parquet"),),
        factors={"SPY": folder / "spy_factor_file.csv"},
        instruments=(SPY,),
    )
    return recorded_history(files)


def test_buy_and_hold_earns_the_price_and_every_dividend_to_the_cent(history: History) -> None:
    """Bought at the second day's open; equity is the cash left, the shares at the close, and 94 dividends."""
    config = EngineConfig(initial_cash=Decimal(1_000_000), benchmark="SPY")
    result = run_backtest(config, history, [BuyAndHold(instrument=SPY)], DESCRIPTION)
    assert result.stopped == ""
    (fill,) = result.fills
    assert (fill.ts_event_ns, float(fill.price)) == (int(history.bars[0].start_ns[1]), float(history.bars[0].open[1]))
    end_ns = int(history.bars[0].end_ns[-1])
    paid = sum((each.amount for each in history.dividends if fill.ts_event_ns < each.ex_ns <= end_ns), Decimal(0))
    last = Decimal(repr(float(history.bars[0].close[-1])))
    assert result.curve.equity[-1] == pytest.approx(
        float(1_000_000 + fill.quantity * (last - fill.price + paid)), abs=1e-6
    )


def test_the_benchmark_reinvests_and_ends_where_the_adjusted_prices_end(history: History) -> None:
    """Prices divided back by each dividend over the close before tell the same growth, to a part in a thousand."""
    config = EngineConfig(initial_cash=Decimal(1_000_000), benchmark="SPY")
    result = run_backtest(config, history, [], DESCRIPTION)
    bars = history.bars[0]
    growth = float(bars.close[-1] / bars.close[0])
    for notice in history.dividends:
        day = int(np.searchsorted(bars.start_ns, notice.ex_ns))
        if 0 < day < bars.n_bars:
            growth /= 1.0 - float(notice.amount) / float(bars.close[day - 1])
    assert result.benchmark[-1] / result.benchmark[0] == pytest.approx(growth, rel=1e-3)

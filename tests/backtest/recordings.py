"""Small histories with known prices, and the plain settings that most tests of the engine start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import nan
from typing import Any

import numpy as np

from backtest.config import EngineConfig
from backtest.engine import run_backtest
from backtest.history import History
from backtest.results import RunDescription, RunResult
from market.bars import BarBatch
from market.provenance import AsOfSource, Provenance
from market.tradables import Share
from market.trades import ContractTable
from strategies.decisions import HOLD, Decision
from strategies.views import Strategy, View

MINUTE_NS = 60_000_000_000
# Friday 2023-06-02 15:00 New York.
START_NS = 1_685_732_400 * 1_000_000_000
SHARE = Share(symbol="SYN")
PROVENANCE = Provenance(source="test", origin="hand", simulated=True, as_of_source=AsOfSource.STAMPED)
DESCRIPTION = RunDescription(
    name="test",
    config_digest="",
    code_version="",
    seed=0,
    fill_model="",
    slippage_model="",
    cost_model="",
    sources=(),
    simulated=True,
    n_trials=1,
    currency="USD",
    periods_per_year=252,
)


def bars(
    closes: Sequence[float],
    *,
    opens: Sequence[float] | None = None,
    lows: Sequence[float] | None = None,
    highs: Sequence[float] | None = None,
    symbol: str = "SYN",
    start_ns: int = START_NS,
    width_ns: int = MINUTE_NS,
) -> BarBatch:
    """Return adjoining bars; a bar opens at the close before unless told."""
    close = np.array(closes, dtype=np.float64)
    opened = np.array(opens, dtype=np.float64) if opens is not None else np.concatenate((close[:1], close[:-1]))
    n = close.shape[0]
    start = start_ns + width_ns * np.arange(n, dtype=np.int64)
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(start[-1]) + width_ns,
        cause_id="bars",
        provenance=PROVENANCE,
        contracts=ContractTable.empty(),
        contract=np.full(n, -1, dtype=np.int32),
        start_ns=start,
        end_ns=start + width_ns,
        open=opened,
        high=np.maximum(opened, close) if highs is None else np.array(highs, dtype=np.float64),
        low=np.minimum(opened, close) if lows is None else np.array(lows, dtype=np.float64),
        close=close,
        volume=np.full(n, nan),
        vwap=np.full(n, nan),
        n_trades=np.full(n, nan),
    )


@dataclass(frozen=True)
class Scripted:
    """Answers each view from a list by its number, and holds afterwards; `seen` keeps what it was shown."""

    answers: Sequence[Any]
    name: str = "scripted"
    seen: list[int] = field(default_factory=list)

    def decide(self, view: View) -> Decision:
        """Return the next answer; a callable is given the view."""
        place = len(self.seen)
        self.seen.append(view.now_ns)
        answer = self.answers[place] if place < len(self.answers) else HOLD
        found: Decision = answer(view) if callable(answer) else answer
        return found


def settings(**changed: Any) -> EngineConfig:
    """Return an account of 100 000 that trades at any hour."""
    return replace(EngineConfig(initial_cash=Decimal(100_000), calendars={"SYN": "24/7"}), **changed)


def run(history: History, *strategies: Strategy, **changed: Any) -> RunResult:
    """Run strategies over a history."""
    return run_backtest(settings(**changed), history, strategies, DESCRIPTION)


def of_bars(batch: BarBatch, *more: BarBatch, **parts: Any) -> History:
    """Return a history of bars of a share."""
    return History(sources=(), instruments=(SHARE,), bars=(batch, *more), **parts)

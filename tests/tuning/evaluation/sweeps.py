"""Small sweeps over bars that are made here: settings, data and a space of paths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from backtest.history import DataSource, History
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import settings_of
from market.bars import BarBatch
from market.calendars import sessions_between
from market.errors import ConfigError
from market.provenance import AsOfSource, Provenance
from market.tradables import Perpetual
from market.trades import UNDERLYING, ContractTable
from tuning.work import Point, Value

COIN = Perpetual(symbol="SYN", underlying="SYN", tick=Decimal("0.25"), lot=Decimal(1), currency="USD")
PROVENANCE = Provenance(source="test", origin="walk", simulated=True, as_of_source=AsOfSource.STAMPED)
FIRST, LAST = date(2023, 3, 1), date(2023, 4, 28)

BASE = """
[run]
name = "walk"
from = 2023-03-01
to = 2023-04-28

[data.files]
inputs = ["walk.csv"]

[fills]
latency_ms = 0.0
prints = { name = "fixed", half = 0.25 }

[costs]
model = "none"

[[strategies]]
kind = "moving_average"
parameters = { instrument = "SYN", quantity = "10", fast = 3, slow = 12 }
"""


@dataclass(frozen=True)
class Paths:
    """A space whose dimensions are parameters of the first strategy, by name."""

    def settings_at(self, point: Point, base: BacktestSettings) -> BacktestSettings:
        """Return the base with other parameters."""
        told = base.model_dump(mode="json", by_alias=True)
        for name, value in point.values:
            _put(told, name, value)
        try:
            return BacktestSettings.model_validate(told)
        except ValueError as error:
            raise ConfigError(str(error)) from error


def _put(told: Mapping[str, Any], name: str, value: Value) -> None:
    table: Any = told if "." in name else told["strategies"][0]["parameters"]
    *tables, last = name.split(".")
    for each in tables:
        table = table[each]
    table[last] = value


def base_settings(text: str = BASE) -> BacktestSettings:
    """Return the settings that are varied."""
    return settings_of(text, "walk.toml")


def walk(seed: int = 1, *, per_day: int = 26, first: date = FIRST, last: date = LAST) -> History:
    """Return bars of each session on a grid of quarters."""
    rng = np.random.default_rng(seed)
    sessions = sessions_between("NYSE", first, last)
    width = (sessions[0].close_ns - sessions[0].open_ns) // per_day
    start = np.concatenate([s.open_ns + width * np.arange(per_day, dtype=np.int64) for s in sessions])
    close = (4_000 + np.cumsum(rng.integers(-8, 9, start.shape[0]))) / 4.0
    opened = np.concatenate([[1000.0], close[:-1]]) + rng.integers(-1, 2, start.shape[0]) / 4.0
    empty = np.full(start.shape[0], np.nan)
    batch = BarBatch(
        symbol="SYN",
        ts_event_ns=int(start[-1] + width),
        cause_id="walk",
        provenance=PROVENANCE,
        contracts=ContractTable.empty(),
        contract=np.full(start.shape[0], UNDERLYING, dtype=np.int32),
        start_ns=start,
        end_ns=start + width,
        open=opened,
        high=np.maximum(opened, close),
        low=np.minimum(opened, close),
        close=close,
        volume=empty,
        vwap=empty,
        n_trades=empty,
    )
    return history_of_bars(batch)


def history_of_bars(batch: BarBatch) -> History:
    """Return a history of one recording of bars."""
    source = DataSource(
        name=batch.symbol,
        provenance=batch.provenance,
        digest=f"{hash(batch.close.tobytes()):x}",
        rows=batch.n_bars,
        first_ns=int(batch.start_ns[0]),
        last_ns=int(batch.end_ns[-1]),
    )
    return History(sources=(source,), instruments=(COIN,), bars=(batch,))


def without_days(history: History, *days: date) -> History:
    """Return a history of bars without those of some days."""
    batch = history.bars[0]
    told = (batch.end_ns // 86_400_000_000_000).astype("datetime64[D]")
    kept = ~np.isin(told, np.array(days, dtype="datetime64[D]"))
    names = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
    return history_of_bars(replace(batch, **{name: getattr(batch, name)[kept] for name in names}))

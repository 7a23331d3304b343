"""A market and an account at one instant, given as plain values: strategies are pure, so that is all that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np

from fields.snapshot import FieldSnapshot
from market.series import EventBatch, SeriesPoint, SeriesUnit
from strategies.views import BarWindow, ChainView, HeldPackage, Holding, Quote, TradingState, WorkingOrder

NOW_NS = 1_685_732_400 * 1_000_000_000  # Friday 2023-06-02 15:00 New York


@dataclass(frozen=True, kw_only=True)
class SceneAccount:
    """An account as given."""

    equity: float = 100_000.0
    buying_power: float = 100_000.0
    holdings: Mapping[str, Holding] = field(default_factory=dict)
    packages: Sequence[HeldPackage] = ()
    working: Sequence[WorkingOrder] = ()
    trading_state: TradingState = TradingState.ACTIVE
    exits_ns: Mapping[str, int] = field(default_factory=dict)

    def last_exit_ns(self, strategy: str) -> int:
        """Return the instant given for the strategy, -1 where none was."""
        return self.exits_ns.get(strategy, -1)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A view as given; what is not given is missing."""

    now_ns: int = NOW_NS
    account: SceneAccount = field(default_factory=SceneAccount)
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    closes: Mapping[str, Sequence[float]] = field(default_factory=dict)
    features: Mapping[str, float] = field(default_factory=dict)
    chains: Mapping[str, ChainView] = field(default_factory=dict)
    points: Mapping[str, SeriesPoint] = field(default_factory=dict)
    fields: Mapping[str, FieldSnapshot] = field(default_factory=dict)

    def quote(self, symbol: str) -> Quote | None:
        """Return the quote, if one was given."""
        return self.quotes.get(symbol)

    def bars(self, symbol: str, count: int) -> BarWindow:
        """Return the closes as bars without a range."""
        close = np.array(self.closes.get(symbol, ())[-count:], dtype=np.float64)
        end = self.now_ns - 60_000_000_000 * np.arange(close.shape[0], dtype=np.int64)[::-1]
        start, volume = end - 60_000_000_000, np.full(close.shape, nan)
        return BarWindow(start_ns=start, end_ns=end, open=close, high=close, low=close, close=close, volume=volume)

    def feature(self, name: str) -> float:
        """Return the feature, NaN where none was given."""
        return self.features.get(name, nan)

    def chain(self, symbol: str) -> ChainView | None:
        """Return the chain, if one was given."""
        return self.chains.get(symbol)

    def field(self, symbol: str) -> FieldSnapshot | None:
        """Return the field, if one was given."""
        return self.fields.get(symbol)

    def series(self, name: str) -> SeriesPoint:
        """Return the point, or that there is none."""
        missing = SeriesPoint(
            series=name, unit=SeriesUnit.INDEX_POINTS, event_ns=-1, available_ns=-1, value=nan, reason="not given"
        )
        return self.points.get(name, missing)

    def events(self) -> EventBatch:
        """No strategy here asks for announced events."""
        raise NotImplementedError


def quote(bid: float, ask: float) -> Quote:
    """Return a quote of now without sizes."""
    return Quote(bid=bid, ask=ask, bid_size=nan, ask_size=nan, ts_ns=NOW_NS)

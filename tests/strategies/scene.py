"""A market and an account at one instant, given as plain values: strategies are pure, so that is all that they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import nan

import numpy as np

from fields.live.interpretation import Interpretation
from fields.snapshot import FieldSnapshot
from market.forecasts import Forecast, PolicyReading
from market.series import EventBatch, SeriesPoint, SeriesUnit
from risk.book import PortfolioGreeks
from strategies.views import BarWindow, ChainView, HeldPackage, Holding, PackageMarks, Quote, TradingState, WorkingOrder

_NO_GREEKS = PortfolioGreeks(
    delta_shares=0.0,
    gamma_shares_per_usd=0.0,
    vega_usd_per_volpt=0.0,
    theta_usd_per_day=0.0,
    delta_usd=0.0,
    beta_delta_shares=0.0,
)
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
    weights: Mapping[str, float] = field(default_factory=dict)
    entries_ns: Mapping[str, Sequence[int]] = field(default_factory=dict)
    marks: Mapping[str, PackageMarks] = field(default_factory=dict)
    hard_breaches: tuple[str, ...] = ()
    size_multiplier: float = 1.0
    greeks_of: Mapping[str, PortfolioGreeks] = field(default_factory=dict)
    at_risk: Mapping[str, float] = field(default_factory=dict)

    def greeks(self, strategy: str = "") -> PortfolioGreeks:
        """Return the Greeks given for the strategy, those of nothing where none were."""
        return self.greeks_of.get(strategy, _NO_GREEKS)

    def capital_at_risk(self, strategy: str = "") -> float:
        """Return the amount given for the strategy, 0 where none was."""
        return self.at_risk.get(strategy, 0.0)

    def package_marks(self, package_id: str) -> PackageMarks | None:
        """Return the marks given for the package, if any were."""
        return self.marks.get(package_id)

    def entries_since(self, strategy: str, since_ns: int) -> int:
        """Return how many of the entries given lie at or after an instant."""
        return sum(each >= since_ns for each in self.entries_ns.get(strategy, ()))

    def weight(self, strategy: str) -> float:
        """Return the weight given for the strategy, 1 where none was."""
        return self.weights.get(strategy, 1.0)

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
    read: Mapping[str, Interpretation] = field(default_factory=dict)
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    policies: Mapping[str, PolicyReading] = field(default_factory=dict)

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

    def readings(self, symbol: str, *, with_field: bool = True) -> Interpretation | None:  # noqa: ARG002  # given whole
        """Return the readings, if some were given."""
        return self.read.get(symbol)

    def forecast(self, symbol: str) -> Forecast | None:
        """Return the forecast, if one was given."""
        return self.forecasts.get(symbol)

    def policy(self, symbol: str) -> PolicyReading | None:
        """Return the policy's reading, if one was given."""
        return self.policies.get(symbol)

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

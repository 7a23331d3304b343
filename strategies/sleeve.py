"""A strategy that reckons with a part of the account's money only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

from fields.live.interpretation import Interpretation
from fields.snapshot import FieldSnapshot
from market.forecasts import Forecast, PolicyReading
from market.orders import PositionEffect
from market.series import EventBatch, SeriesPoint
from risk.book import PortfolioGreeks
from risk.limits.orders import TradingState
from strategies.decisions import Decision, Gate
from strategies.features import Feature
from strategies.parameters import require_between
from strategies.views import (
    AccountView,
    BarWindow,
    ChainView,
    HeldPackage,
    Holding,
    PackageMarks,
    Quote,
    Strategy,
    View,
    WorkingOrder,
)

__all__ = ["Sleeve"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Sleeve:
    """Another strategy that sees a share of equity and buying power.

    Parameters
    ----------
    inner : Strategy
        Who decides.
    weight : float or None
        Share of the money, in (0, 1]; None for what the account allocates to the strategy at each instant.

    Raises
    ------
    ConfigError
        The weight lies outside its range.

    Notes
    -----
    A strategy has to size by the equity and the buying power that it sees; one of a fixed size trades as much with any
    weight but 0, with which nothing is opened. Money is not moved between sleeves: the share is of the whole account
    at each instant, so what one sleeve loses makes all of them smaller in proportion.
    """

    inner: Strategy
    weight: float | None

    def __post_init__(self) -> None:
        if self.weight is not None:
            require_between(self.name, "weight", self.weight, 0.0, 1.0, open_low=True)

    @property
    def name(self) -> str:
        """That of the strategy within."""
        return self.inner.name

    @property
    def features(self) -> tuple[Feature, ...]:
        """Those of the strategy within."""
        return tuple(getattr(self.inner, "features", ()))

    def decide(self, view: View) -> Decision:
        """Return what the strategy within decides, with so much money."""
        weight = view.account.weight(self.name) if self.weight is None else self.weight
        decision = self.inner.decide(_PartView(view, _PartAccount(view.account, weight)))
        return decision if weight > 0.0 else _without_openings(decision)


def _without_openings(decision: Decision) -> Decision:
    """Return a decision that only reduces: a strategy of fixed size would trade on without any money."""
    closing = tuple(each for each in decision.proposals if each.effect is PositionEffect.CLOSE)
    if len(closing) == len(decision.proposals):
        return decision
    gate = Gate(name="money_allocated", passed=False, value=0.0, bound=0.0, reason="nothing is allocated to it")
    return replace(decision, proposals=closing, gates=(*decision.gates, gate))


@final
class _PartAccount:
    __slots__ = ("_account", "_weight")

    def __init__(self, account: AccountView, weight: float) -> None:
        self._account, self._weight = account, weight

    @property
    def equity(self) -> float:
        return self._account.equity * self._weight

    @property
    def buying_power(self) -> float:
        return self._account.buying_power * self._weight

    @property
    def holdings(self) -> Mapping[str, Holding]:
        return self._account.holdings

    @property
    def packages(self) -> Sequence[HeldPackage]:
        return self._account.packages

    @property
    def working(self) -> Sequence[WorkingOrder]:
        return self._account.working

    @property
    def trading_state(self) -> TradingState:
        return self._account.trading_state

    @property
    def size_multiplier(self) -> float:
        return self._account.size_multiplier

    def greeks(self, strategy: str = "") -> PortfolioGreeks:
        return self._account.greeks(strategy)

    def capital_at_risk(self, strategy: str = "") -> float:
        return self._account.capital_at_risk(strategy)

    @property
    def hard_breaches(self) -> tuple[str, ...]:
        return self._account.hard_breaches

    def package_marks(self, package_id: str) -> PackageMarks | None:
        return self._account.package_marks(package_id)

    def entries_since(self, strategy: str, since_ns: int) -> int:
        return self._account.entries_since(strategy, since_ns)

    def weight(self, strategy: str) -> float:
        return self._account.weight(strategy)

    def last_exit_ns(self, strategy: str) -> int:
        return self._account.last_exit_ns(strategy)


@final
class _PartView:
    __slots__ = ("_view", "account")

    def __init__(self, view: View, account: _PartAccount) -> None:
        self._view, self.account = view, account

    @property
    def now_ns(self) -> int:
        return self._view.now_ns

    def quote(self, symbol: str) -> Quote | None:
        return self._view.quote(symbol)

    def bars(self, symbol: str, count: int) -> BarWindow:
        return self._view.bars(symbol, count)

    def feature(self, name: str) -> float:
        return self._view.feature(name)

    def chain(self, symbol: str) -> ChainView | None:
        return self._view.chain(symbol)

    def field(self, symbol: str) -> FieldSnapshot | None:
        return self._view.field(symbol)

    def readings(self, symbol: str, *, with_field: bool = True) -> Interpretation | None:
        return self._view.readings(symbol, with_field=with_field)

    def forecast(self, symbol: str) -> Forecast | None:
        return self._view.forecast(symbol)

    def policy(self, symbol: str) -> PolicyReading | None:
        return self._view.policy(symbol)

    def series(self, name: str) -> SeriesPoint:
        return self._view.series(name)

    def events(self) -> EventBatch:
        return self._view.events()

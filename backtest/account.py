"""The account as strategies see it: read from ledger, packages and orders, never written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, final

from execution.exposure import Exposure
from execution.ledger import Ledger
from execution.order_book import OrderBook
from execution.package_book import PackageBook
from risk.book import PortfolioGreeks
from risk.limits.rules import RiskRules
from risk.trading_state import TradingState, most_restrictive
from strategies.market_state import MarketState
from strategies.priced_book import Benchmark
from strategies.views import HeldPackage, Holding, PackageMarks, WorkingOrder

__all__ = ["AccountNow", "Headroom"]


class Headroom(Protocol):
    """What new positions may require."""

    def buying_power(self) -> float:
        """Return it, account currency; NaN where margin cannot be told."""


@final
class AccountNow:
    """Implements `strategies.views.AccountView`.

    Parameters
    ----------
    ledger : Ledger
        Money and holdings.
    packages : PackageBook
        Open structures.
    orders : OrderBook
        Working orders.
    headroom : Headroom
        Margin.
    market : MarketState
        The instant, and prices.
    rules : RiskRules
        What deltas are weighted by, and what of a size the level of volatility leaves.
    """

    def __init__(
        self,
        ledger: Ledger,
        packages: PackageBook,
        orders: OrderBook,
        headroom: Headroom,
        market: MarketState,
        rules: RiskRules,
    ) -> None:
        self._ledger, self._packages, self._orders, self._headroom = ledger, packages, orders, headroom
        self._market, self._schedule = market, rules.schedule
        self.exposure = Exposure(ledger, orders, market, Benchmark(symbol=rules.benchmark, betas=rules.betas))
        """What is at stake."""
        self._exits: dict[str, int] = {}
        self.weights: Mapping[str, float] = {}
        """Share of the money by strategy; whoever shares it sets it."""
        self.broker_state = TradingState.ACTIVE
        """What the broker allows; it only lets reduce while a margin call stands."""
        self.risk_state = TradingState.ACTIVE
        """What the risk service allows."""
        self.hard_breaches: tuple[str, ...] = ()
        """Names of the hard limits that stand broken now; whoever reads them sets it."""

    @property
    def trading_state(self) -> TradingState:
        """What is allowed: the more restrictive of broker and risk service."""
        return most_restrictive((self.broker_state, self.risk_state))

    @property
    def equity(self) -> float:
        """Cash plus marked value, account currency."""
        return float(self._ledger.equity)

    @property
    def buying_power(self) -> float:
        """What new positions may require, account currency; NaN where margin cannot be told."""
        return self._headroom.buying_power()

    @property
    def holdings(self) -> Mapping[str, Holding]:
        """Open positions by symbol."""
        return self._ledger.holdings

    @property
    def packages(self) -> tuple[HeldPackage, ...]:
        """Open structures, oldest first."""
        return self._packages.packages

    @property
    def working(self) -> tuple[WorkingOrder, ...]:
        """Orders that may still be filled, oldest first."""
        return self._orders.working()

    @property
    def size_multiplier(self) -> float:
        """Part of a usual size that the level of volatility of now leaves, 0 to 1; 1 without a schedule."""
        if self._schedule is None:
            return 1.0
        return self._schedule.ceiling(self._market.series(self._schedule.index).level(self._market.now_ns))

    def greeks(self, strategy: str = "") -> PortfolioGreeks:
        """Return the Greeks of the open positions, or of those of one strategy; NaN with the reason where unknown."""
        return self.exposure.greeks(self._market.now_ns, strategy)

    def capital_at_risk(self, strategy: str = "") -> float:
        """Return the worst losses of open packages and of working orders that open, account currency."""
        return self.exposure.capital_at_risk(strategy)

    def package_marks(self, package_id: str) -> PackageMarks | None:
        """Return how an open package stands at its marks; None where none is open."""
        return self._packages.marks(package_id)

    def entries_since(self, strategy: str, since_ns: int) -> int:
        """Return how many packages of a strategy were opened at or after an instant."""
        return self._packages.entries_since(strategy, since_ns)

    def weight(self, strategy: str) -> float:
        """Return the share of the money that is allocated to a strategy; 1 where the money is not shared."""
        return self.weights.get(strategy, 1.0)

    def last_exit_ns(self, strategy: str) -> int:
        """Return when the newest ended package of a strategy became flat, ns since the epoch; -1 before the first."""
        return self._exits.get(strategy, -1)

    def ended(self, strategy: str, ts_ns: int) -> None:
        """Take note that a package of a strategy became flat."""
        self._exits[strategy] = ts_ns

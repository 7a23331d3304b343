"""The account as strategies see it: read from ledger, packages and orders, never written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, final

from execution.ledger import Ledger
from execution.order_book import OrderBook
from execution.package_book import PackageBook
from risk.limits import TradingState
from strategies.views import HeldPackage, Holding, WorkingOrder

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
    """

    def __init__(self, ledger: Ledger, packages: PackageBook, orders: OrderBook, headroom: Headroom) -> None:
        self._ledger, self._packages, self._orders, self._headroom = ledger, packages, orders, headroom
        self._exits: dict[str, int] = {}
        self.trading_state = TradingState.ACTIVE
        """What is allowed; the desk sets it after a margin call."""

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

    def last_exit_ns(self, strategy: str) -> int:
        """Return when the newest ended package of a strategy became flat, ns since the epoch; -1 before the first."""
        return self._exits.get(strategy, -1)

    def ended(self, strategy: str, ts_ns: int) -> None:
        """Take note that a package of a strategy became flat."""
        self._exits[strategy] = ts_ns

"""The risk service's memory in a run: fed from the ledger's marks, the trades and the orders that passed."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final, Protocol, final

from backtest.account import AccountNow
from execution.ledger import Ledger
from execution.order_book import OrderBook
from execution.trades import Trade
from market.calendars import latest_session, next_open_ns
from market.orders import PositionEffect
from risk.events import (
    EquityMarked,
    IntentDenied,
    IntentPassed,
    PackageEnded,
    ProfitRealised,
    RiskEvent,
    SessionStarted,
    VolatilityRead,
)
from risk.limits.pretrade import PretradeLimits
from risk.limits.rules import RiskRules
from risk.service import RiskService
from risk.state import BreakerClass, HoldCause, RiskState
from risk.trading_state import TradingState
from strategies.market_state import MarketState

__all__ = ["RiskMemory", "RiskyBooks"]

_DAY_NS: Final = 86_400_000_000_000
_ZERO: Final = Decimal(0)
_SESSIONS_OF: Final = "NYSE"
_HARD_HOLDS: Final = (HoldCause.DAILY_LOSS, HoldCause.DRAWDOWN)


class RiskyBooks(Protocol):
    """Money and orders that the service watches."""

    ledger: Ledger
    orders: OrderBook
    account: AccountNow

    def cancel(self, order_ids: Sequence[str], now_ns: int) -> None:
        """Ask the venue to cancel working orders."""


@final
class RiskMemory:
    """Service and memory of one account.

    Parameters
    ----------
    books : RiskyBooks
        Money and orders.
    market : MarketState
        The volatility index.
    limits : PretradeLimits
        Bounds of one order.
    rules : RiskRules
        Bounds of the whole account; without any row the account is not watched, which costs nothing.
    start_ns : int
        Instant of the first event, ns since the epoch, UTC.
    is_utc : bool
        Whether days end at midnight UTC, as those of coins; else they are sessions of New York.

    Notes
    -----
    A session begins at its open, with the last mark before it. When the account leaves ACTIVE, its working orders that
    open something are cancelled: what was allowed before is not what would be allowed now.
    """

    def __init__(
        self,
        books: RiskyBooks,
        market: MarketState,
        limits: PretradeLimits,
        rules: RiskRules,
        start_ns: int,
        *,
        is_utc: bool,
    ) -> None:
        self._books, self._market, self._is_utc = books, market, is_utc
        self.service = RiskService(limits, rules)
        self.state = self.service.started(RiskState(), start_ns)
        self.is_watching = not rules.is_empty
        """Whether the account is marked at every instant."""
        self._next_session_ns = -1
        self._realised = _ZERO

    def passed(self, intent_id: str, now_ns: int) -> None:
        """Take note of an intent that became an order: it counts for the rate, and never passes twice."""
        self._take(IntentPassed(ts_ns=now_ns, intent_id=intent_id))

    def denied(self, limit: str, now_ns: int) -> None:
        """Take note of a denial."""
        self._take(IntentDenied(ts_ns=now_ns, limit=limit))

    def ended(self, trade: Trade) -> None:
        """Take note of a package that became flat."""
        if self.is_watching:
            self._take(PackageEnded(ts_ns=trade.closed_ns, strategy=trade.strategy, net_pnl=trade.net_pnl))

    def mark(self, now_ns: int) -> None:
        """Hold the account against its losses.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC; its data and fills are known.
        """
        ledger = self._books.ledger
        if now_ns >= self._next_session_ns:
            self._take(SessionStarted(ts_ns=now_ns, session=self._session(now_ns)))
        self._take(EquityMarked(ts_ns=now_ns, equity=ledger.equity, deposits=ledger.deposits))
        realised = ledger.realised - ledger.costs + ledger.income
        if realised != self._realised:
            self._take(ProfitRealised(ts_ns=now_ns, amount=realised - self._realised))
            self._realised = realised
        if BreakerClass.VOLATILITY in self.service.rules.breakers:
            level = self._market.series(self.service.rules.volatility_index).value
            self._take(VolatilityRead(ts_ns=now_ns, level=level))
        self._apply(now_ns)

    def _take(self, event: RiskEvent) -> None:
        self.state = self.service.advance(self.state, event)

    def _session(self, now_ns: int) -> str:
        """Return the name of the day under way, and remember when the next one begins."""
        if self._is_utc:
            day = now_ns // _DAY_NS
            self._next_session_ns = (day + 1) * _DAY_NS
            return f"day {day}"
        self._next_session_ns = next_open_ns(_SESSIONS_OF, now_ns)
        return latest_session(_SESSIONS_OF, now_ns).day.isoformat()

    def _apply(self, now_ns: int) -> None:
        """Let strategies see what holds the account, and withdraw what would open something while it is held."""
        account, state = self._books.account, self.state
        before, account.risk_state = account.risk_state, state.trading_state
        hard = [cause.value for cause in _HARD_HOLDS if state.is_held_by(cause)]
        if state.cooldowns.get(BreakerClass.VOLATILITY, now_ns) > now_ns:
            hard.append(f"breaker_{BreakerClass.VOLATILITY}")
        account.hard_breaches = tuple(hard)
        if before is TradingState.ACTIVE and account.risk_state is not TradingState.ACTIVE:
            working = self._books.orders.working()
            self._books.cancel([each.order_id for each in working if each.effect is PositionEffect.OPEN], now_ns)

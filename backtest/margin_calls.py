"""Margin calls in a run: maintenance is read at closes or always, and what it lacks is closed for the account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import isnan
from typing import Final, Protocol, final

from backtest.account import AccountNow
from backtest.config import EngineConfig
from backtest.margin_book import MarginBook
from backtest.sessions import TradingHours
from execution.forced_closing import Closing, QuoteOf, closings
from execution.identity import decision_id, intent_id
from execution.ledger import Ledger
from execution.margin_call import CalledAccount, CureBy, MarginCall, ReadAt, Standing, is_kept, standing
from execution.order_book import OrderBook
from market.orders import OrderIntent, PositionEffect, TimeInForce
from market.tradables import Future, Instrument, OptionContract, Perpetual, Share
from risk.limits.orders import TradingState
from risk.margin.reg_t import MarginStage
from strategies.decisions import Decision
from strategies.views import Holding

__all__ = ["CalledDesk", "MarginCalls"]

_NEVER: Final = 1 << 62
_DAY_NS: Final = 86_400_000_000_000
_ZERO: Final = Decimal(0)
_REASON: Final = "margin_call"


class CalledDesk(Protocol):
    """What margin calls need of a desk."""

    ledger: Ledger
    orders: OrderBook
    account: AccountNow
    margin: MarginBook
    counts: Counter[str]

    def withdraw(self, symbol: str, now_ns: int, reason: str) -> None:
        """Take working orders in an instrument off the venue's book."""

    def cancel(self, order_ids: Sequence[str], now_ns: int) -> None:
        """Ask the venue to cancel orders."""

    def force(self, intent: OrderIntent, now_ns: int) -> str:
        """Send an order that no strategy asked for, and return its client order id."""


@final
class MarginCalls:
    """The broker's watch over the maintenance of shares and options.

    Parameters
    ----------
    desk : CalledDesk
        Positions, money and orders.
    quote_of : callable
        The newest quote of an instrument.
    hours : TradingHours
        Closes.
    config : EngineConfig
        Rules of the call, rates of the maintenance, terms of perpetuals and charges.

    Notes
    -----
    While a call stands the account only reduces, its opening orders are cancelled, and it is read at every instant.
    From the deadline on the broker sends orders that the next quotes fill or cancel; what is not filled is priced anew,
    farther beyond the closing side. Working orders of the strategies in the same underlying are withdrawn first, so
    that two closings never take one position twice.
    """

    def __init__(self, desk: CalledDesk, quote_of: QuoteOf, hours: TradingHours, config: EngineConfig) -> None:
        self._desk, self._quote_of, self._hours = desk, quote_of, hours
        self._config, self._rules = config, config.margin_calls
        self._maintenance = replace(config.margin, stage=MarginStage.MAINTENANCE)
        self._held: list[Instrument] = []
        self._sent: set[str] = set()
        self._attempt = 0
        self._is_called = False
        self.calls: list[MarginCall] = []
        """All calls in order; the last may stand."""
        self.due_ns = _NEVER
        """The next close at which maintenance is read, ns since the epoch, UTC."""
        self.is_watching = False
        """Whether it is read at every instant."""

    def hold(self, holdings: Sequence[Holding], now_ns: int) -> None:
        """Take what is held from now on.

        Parameters
        ----------
        holdings : sequence of Holding
            All positions.
        now_ns : int
            Instant, ns since the epoch, UTC.
        """
        if self._rules is None:
            return
        self._held = [each.instrument for each in holdings if isinstance(each.instrument, Share | OptionContract)]
        self.due_ns = self._next_close_ns(now_ns)
        self.is_watching = self._is_called or (self._rules.read_at is ReadAt.ALWAYS and bool(self._held))

    def read(self, now_ns: int) -> None:
        """Hold the account against its maintenance, call it where it lacks some, and close where it is time.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC; its data are known.
        """
        if self.due_ns <= now_ns:
            self.due_ns = self._next_close_ns(now_ns + 1)
        account = self._account()
        if is_kept(account):
            self._cure(now_ns)
            return
        now = standing(account)
        if isnan(now.excess):
            self._desk.counts["margin_untold"] += 1
            return
        if now.excess >= 0.0:
            self._cure(now_ns)
            return
        if not self._is_called:
            self._call(now, now_ns)
        if now_ns >= self.calls[-1].deadline_ns:
            self._close(account, now_ns)

    def permitted(self, decision: Decision) -> Decision:
        """Return a decision without what the broker does already: closings and cancels of what it closes."""
        own = [each for each in self._desk.orders.working() if each.order_id in self._sent] if self._sent else []
        working = {each.order_id: each.package_id for each in own}
        if not working:
            return decision
        packages = set(working.values())
        proposals = tuple(
            each for each in decision.proposals if each.effect is PositionEffect.OPEN or each.package_id not in packages
        )
        cancel = tuple(each for each in decision.cancel if each not in working)
        left_out = len(decision.proposals) - len(proposals) + len(decision.cancel) - len(cancel)
        self._desk.counts["margin_call_overtook"] += left_out
        return replace(decision, proposals=proposals, cancel=cancel)

    def _next_close_ns(self, now_ns: int) -> int:
        closes = (self._hours.next_close_ns(each, now_ns) for each in self._held)
        midnight = -(-now_ns // _DAY_NS) * _DAY_NS  # what never closes is read at midnight, UTC
        return min((close if close < _NEVER else midnight for close in closes), default=_NEVER)

    def _deadline_ns(self, now_ns: int) -> int:
        is_given = self._rules is not None and self._rules.cure_by is CureBy.NEXT_CLOSE
        return self._next_close_ns(now_ns + 1) if is_given else now_ns

    def _account(self) -> CalledAccount:
        ledger = self._desk.ledger
        positions = tuple(each for each in ledger.positions() if isinstance(each.instrument, Share | OptionContract))
        prices = self._desk.margin.prices([(each.instrument, each.quantity) for each in positions])
        return CalledAccount(
            equity=ledger.equity,
            positions=positions,
            prices=prices,
            rules=self._maintenance,
            elsewhere=self._kept_elsewhere(),
        )

    def _kept_elsewhere(self) -> float:
        """Return the maintenance of perpetuals and futures: their whole notional where no terms are known."""
        total, ledger = _ZERO, self._desk.ledger
        for symbol, holding in ledger.holdings.items():
            if isinstance(holding.instrument, Perpetual | Future):
                notional = abs(holding.quantity) * holding.instrument.multiplier * (ledger.price(symbol) or _ZERO)
                terms = self._config.perpetuals.get(symbol)
                total += notional if terms is None else terms.maintenance(notional)
        return float(total)

    def _call(self, now: Standing, now_ns: int) -> None:
        desk, deadline_ns = self._desk, self._deadline_ns(now_ns)
        self.calls.append(
            MarginCall(called_ns=now_ns, deadline_ns=deadline_ns, equity=now.equity, required=now.required)
        )
        self._is_called = self.is_watching = True
        self._attempt = 0
        desk.counts["margin_calls"] += 1
        desk.account.broker_state = TradingState.REDUCING
        opening = [each.order_id for each in desk.orders.working() if each.effect is PositionEffect.OPEN]
        desk.cancel(opening, now_ns)

    def _cure(self, now_ns: int) -> None:
        if self._is_called:
            self.calls[-1] = replace(self.calls[-1], cured_ns=now_ns)
            self._is_called = False
            self._desk.account.broker_state = TradingState.ACTIVE
            self.is_watching = self._rules is not None and self._rules.read_at is ReadAt.ALWAYS and bool(self._held)

    def _close(self, account: CalledAccount, now_ns: int) -> None:
        desk, rules = self._desk, self._rules
        if rules is None or any(each.order_id in self._sent for each in desk.orders.working()):
            return

        def fees_of(instrument: Instrument, units: Decimal, price: Decimal) -> Decimal:
            charges = self._config.costs.costs(instrument, units, price, now_ns, PositionEffect.CLOSE)
            return sum((charge.amount for charge in charges), _ZERO)

        plan = closings(account, self._quote_of, fees_of, rules, attempt=self._attempt + 1)
        if not plan.closings:
            desk.counts["margin_call_waits"] += bool(account.positions)
            return
        self._attempt += 1
        cause = decision_id(_REASON, "", now_ns, ())
        for place, closing in enumerate(plan.closings):
            self._send(closing, cause, place, now_ns)

    def _send(self, closing: Closing, cause: str, place: int, now_ns: int) -> None:
        for underlying in sorted({leg.instrument.underlying for leg in closing.legs}):
            self._desk.withdraw(underlying, now_ns, _REASON)
        intent = OrderIntent(
            intent_id=intent_id(cause, place),
            cause_id=cause,
            ts_event_ns=now_ns,
            strategy=closing.strategy,
            package_id=closing.package_id,
            legs=closing.legs,
            quantity=closing.quantity,
            limit_price=closing.limit_price,
            effect=PositionEffect.CLOSE,
            time_in_force=TimeInForce.IOC,
            reason=_REASON,
        )
        self._sent.add(self._desk.force(intent, now_ns))
        self._desk.counts["margin_call_orders"] += 1
        self.calls[-1] = replace(self.calls[-1], n_orders=self.calls[-1].n_orders + 1)

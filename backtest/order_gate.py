"""What the gate before the venue is told of an intent: quotes, package, margin, and the orders that went before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from math import isfinite, nan
from typing import Final, Protocol, final

from backtest.account import AccountNow
from backtest.config import EngineConfig
from backtest.margin_book import MarginBook
from backtest.marking import half_spread_of, mid_of
from backtest.order_stake import OrderStake
from backtest.past_days import PastDays
from backtest.risk_memory import RiskMemory
from backtest.sessions import TradingHours
from execution.events import DividendNotice
from execution.intents import units_of
from execution.order_book import OrderBook
from market.orders import OrderIntent, PositionEffect
from market.tradables import Instrument, OptionContract
from risk.limits.facts import OrderFacts
from risk.limits.pretrade import Verdict
from strategies.market_state import MarketState
from strategies.views import Quote

__all__ = ["OrderGate"]

_ZERO: Final = Decimal(0)
_REDUCES: Final = Verdict(is_reduction=True)
_NO_QUOTE: Final = Quote(bid=nan, ask=nan, bid_size=nan, ask_size=nan, ts_ns=-1)


class GatedBooks(Protocol):
    """What the gate reads of an account."""

    account: AccountNow
    orders: OrderBook
    margin: MarginBook
    risk: RiskMemory


@final
class OrderGate:
    """The table of limits, fed by one account.

    Parameters
    ----------
    config : EngineConfig
        Limits and costs.
    market : MarketState
        Quotes of now.
    hours : TradingHours
        Closes.
    books : GatedBooks
        Packages, orders, margin, and the memory of the risk service.
    dividends : sequence of DividendNotice
        For calls that may be assigned early.
    past_days : PastDays or None
        For the limits of the tail.
    """

    def __init__(
        self,
        config: EngineConfig,
        market: MarketState,
        hours: TradingHours,
        books: GatedBooks,
        dividends: Sequence[DividendNotice] = (),
        past_days: PastDays | None = None,
    ) -> None:
        self._costs, self._market, self._hours = config.costs, market, hours
        self._account, self._orders, self._margin = books.account, books.orders, books.margin
        self._risk = books.risk
        self._covered: frozenset[str] = frozenset()
        self._stake = OrderStake(config.risk, books.account, books.margin, market, dividends, self.quote_of, past_days)

    def quotes(self, intent: OrderIntent) -> tuple[Quote, ...]:
        """Return the quote of each leg that the decision saw; NaN where there was none."""
        return tuple(self.quote_of(leg.instrument) for leg in intent.legs)

    def check(self, intent: OrderIntent, quotes: tuple[Quote, ...], now_ns: int) -> tuple[Verdict, float]:
        """Hold an intent against the limits.

        Parameters
        ----------
        intent : OrderIntent
            What is asked.
        quotes : tuple of Quote
            As `quotes`.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        Verdict
            Whether it may go, or what denies it.
        float
            What it takes of the buying power; 0 of a reduction, which needs none, and margin is dear to tell.
        """
        service, state = self._risk.service, self._risk.state
        if intent.intent_id in self._covered and intent.intent_id not in state.seen:
            return _REDUCES, 0.0
        facts = replace(self._facts(intent, quotes, now_ns), stake=self._stake.of_reduction(intent, now_ns))
        verdict = service.check(intent, facts, state)
        if verdict.is_reduction:
            return verdict, 0.0
        facts = self._measured(intent, quotes, now_ns)
        verdict = service.check(intent, facts, state)
        if not verdict.is_allowed and self._risk.is_watching:
            most = service.largest(intent, lambda sized: self._measured(sized, quotes, now_ns), state)
            verdict = replace(verdict, most_quantity=most)
        return verdict, facts.buying_power_effect

    def cover(self, whole: OrderIntent, parts: Sequence[OrderIntent], now_ns: int) -> None:
        """Let the orders of a package pass that together are a reduction, though none of them is one alone.

        Parameters
        ----------
        whole : OrderIntent
            Closes a package of more legs than the venue takes in one order.
        parts : sequence of OrderIntent
            What is sent of it, at this instant.
        now_ns : int
            Instant, ns since the epoch, UTC.
        """
        is_reduction = self.check(whole, self.quotes(whole), now_ns)[0].is_reduction
        self._covered = frozenset(part.intent_id for part in parts) if is_reduction else frozenset()

    def _measured(self, intent: OrderIntent, quotes: tuple[Quote, ...], now_ns: int) -> OrderFacts:
        """Return all that is known of an order, also what is dear to tell."""
        return replace(
            self._facts(intent, quotes, now_ns),
            buying_power=self._margin.buying_power(),
            buying_power_effect=self._margin.effect(intent, quotes, self._fees(intent, quotes, now_ns)),
            stake=self._stake.of(intent, now_ns),
        )

    def quote_of(self, instrument: Instrument) -> Quote:
        """Return the newest quote of an instrument; NaN where there is none."""
        if not isinstance(instrument, OptionContract):
            return self._market.quote(instrument.symbol) or _NO_QUOTE
        view = self._market.chain(instrument.underlying)
        place = -1 if view is None else view.place(instrument)
        return _NO_QUOTE if view is None or place < 0 else view.quote(place)

    def _facts(self, intent: OrderIntent, quotes: tuple[Quote, ...], now_ns: int) -> OrderFacts:
        packages = self._account.packages
        held = next((units_of(each) for each in packages if each.package_id == intent.package_id), {})
        # What is about to be withdrawn makes room for what replaces it: the venue counts its last fills against that.
        closing = self._orders.closing_units(self._orders.leaving).get(intent.package_id, {})
        opening = {order.package_id for order in self._orders.working() if order.effect is PositionEffect.OPEN}
        closes = [self._hours.close_after_ns(leg.instrument, now_ns) for leg in intent.legs]
        return OrderFacts(
            now_ns=now_ns,
            state=self._account.trading_state,
            leg_prices=tuple(mid_of(quote) for quote in quotes),
            leg_half_spreads=tuple(half_spread_of(quote) for quote in quotes),
            package={symbol: units + closing.get(symbol, _ZERO) for symbol, units in held.items()},
            input_ns=min(quote.ts_ns for quote in quotes),
            # The other parts of a linked package are on their way under its own id.
            open_packages=len({package.package_id for package in packages} | (opening - {intent.package_id})),
            session_close_ns=min(closes),
        )

    def _fees(self, intent: OrderIntent, quotes: tuple[Quote, ...], now_ns: int) -> Decimal:
        """Return what a fill at the mids would be charged; 0 where a leg has no mid, which the gate denies anyway."""
        total = _ZERO
        for leg, quote in zip(intent.legs, quotes, strict=True):
            mid = mid_of(quote)
            if isfinite(mid):
                units = leg.ratio * intent.quantity
                charges = self._costs.costs(leg.instrument, units, Decimal(repr(mid)), now_ns, intent.effect)
                total += sum((charge.amount for charge in charges), _ZERO)
        return total

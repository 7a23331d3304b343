"""What the gate before the venue is told of an intent: quotes, package, margin, and the orders that went before."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import isfinite, nan
from typing import Final, final

from backtest.account import AccountNow
from backtest.config import EngineConfig
from backtest.margin_book import MarginBook
from backtest.marking import half_spread_of, mid_of
from backtest.sessions import TradingHours
from execution.intents import units_of
from execution.order_book import OrderBook
from market.orders import OrderIntent, PositionEffect
from market.tradables import Instrument, OptionContract
from risk.limits import OrderFacts, TokenBucket
from risk.pretrade import PretradeGate, Verdict
from strategies.market_state import MarketState
from strategies.views import Quote

__all__ = ["OrderGate"]

_ZERO: Final = Decimal(0)
_NO_QUOTE: Final = Quote(bid=nan, ask=nan, bid_size=nan, ask_size=nan, ts_ns=-1)


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
    account : AccountNow
        Packages and what is allowed.
    orders : OrderBook
        What works.
    margin : MarginBook
        What positions and orders require.
    """

    def __init__(
        self,
        config: EngineConfig,
        market: MarketState,
        hours: TradingHours,
        account: AccountNow,
        orders: OrderBook,
        margin: MarginBook,
    ) -> None:
        self._costs, self._market, self._hours = config.costs, market, hours
        self._account, self._orders, self._margin = account, orders, margin
        self._gate = PretradeGate(config.limits)
        self._seen: set[str] = set()
        limits = config.limits
        self._bucket: TokenBucket | None = None
        if limits.orders_per_second is not None and limits.order_burst is not None:
            self._bucket = TokenBucket.full(
                capacity=limits.order_burst, per_second=limits.orders_per_second, now_ns=config.start_ns
            )

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
        facts = self._facts(intent, quotes, now_ns)
        verdict = self._gate.check(intent, facts)
        if verdict.is_reduction:
            return verdict, 0.0
        effect = self._margin.effect(intent, quotes, self._fees(intent, quotes, now_ns))
        facts = replace(facts, buying_power=self._margin.buying_power(), buying_power_effect=effect)
        return self._gate.check(intent, facts), effect

    def let_through(self, intent: OrderIntent, now_ns: int) -> None:
        """Take note of an intent that became an order: it counts for the rate, and never passes twice."""
        self._seen.add(intent.intent_id)
        if self._bucket is not None:
            self._bucket = self._bucket.taken(now_ns)

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
        closing = self._orders.closing_units().get(intent.package_id, {})
        opening = {order.package_id for order in self._orders.working() if order.effect is PositionEffect.OPEN}
        closes = [self._hours.close_after_ns(leg.instrument, now_ns) for leg in intent.legs]
        return OrderFacts(
            now_ns=now_ns,
            state=self._account.trading_state,
            leg_prices=tuple(mid_of(quote) for quote in quotes),
            leg_half_spreads=tuple(half_spread_of(quote) for quote in quotes),
            package={symbol: units + closing.get(symbol, _ZERO) for symbol, units in held.items()},
            input_ns=min(quote.ts_ns for quote in quotes),
            open_packages=len({package.package_id for package in packages} | opening),
            session_close_ns=min(closes),
            bucket=self._bucket,
            seen=self._seen,
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

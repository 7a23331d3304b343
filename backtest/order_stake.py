"""What the limits of the whole account are told of an order: what is at stake already, and what it would add."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import isnan, nan
from typing import Final, final

from backtest.account import AccountNow
from backtest.margin_book import MarginBook
from backtest.marking import mid_of
from backtest.past_days import PastDays
from execution.events import DividendNotice
from market.orders import OrderIntent, PositionEffect
from market.tradables import Instrument
from risk.limits.facts import Dividend, Stake
from risk.limits.rules import RiskRules
from risk.trading_state import TradingState
from strategies.market_state import MarketState
from strategies.views import Quote

__all__ = ["OrderStake"]

_NOTHING: Final = Stake()


@final
class OrderStake:
    """Measures the stake of orders, as far as rows ask for it.

    Parameters
    ----------
    rules : RiskRules
        Rows of the whole account.
    account : AccountNow
        Positions and working orders.
    margin : MarginBook
        Money that deliveries could take.
    market : MarketState
        Prices and the volatility index.
    dividends : sequence of DividendNotice
        Known from their announcement on.
    quote_of : callable
        The newest quote of an instrument.
    past_days : PastDays or None
        Past days of the market, for rows that need them.
    """

    def __init__(
        self,
        rules: RiskRules,
        account: AccountNow,
        margin: MarginBook,
        market: MarketState,
        dividends: Sequence[DividendNotice],
        quote_of: Callable[[Instrument], Quote],
        past_days: PastDays | None = None,
    ) -> None:
        self._rules, self._account, self._margin, self._market = rules, account, margin, market
        self._quote_of, self._past_days = quote_of, past_days
        self._is_asked = not rules.is_empty
        self._dividends: dict[str, list[DividendNotice]] = {}
        for notice in sorted(dividends, key=lambda each: each.ex_ns) if rules.watches_dividends else ():
            self._dividends.setdefault(notice.symbol, []).append(notice)

    def of(self, intent: OrderIntent, now_ns: int) -> Stake:
        """Return the stake of an order that opens something, or that closes without being a reduction.

        Parameters
        ----------
        intent : OrderIntent
            The order.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        Stake
            Numbers that no row reads are left unknown.
        """
        if not self._is_asked:
            return self.of_reduction(intent, now_ns)
        rules, exposure = self._rules, self._account.exposure
        underlyings = {leg.instrument.underlying for leg in intent.legs}
        order = book = moves = None
        if rules.has_greeks:
            order = exposure.order_greeks(intent, intent.quantity, self._mark_of, now_ns)
            book = exposure.greeks(now_ns)
        after = exposure.book_with(intent, self._mark_of, now_ns) if rules.revalues_book else None
        if after is not None and self._past_days is not None and rules.reads_past_days:
            moves = self._past_days.moves(after.underlyings)
        return Stake(
            strategy_at_risk=exposure.capital_at_risk(intent.strategy),
            symbol_at_risk=_most(exposure.capital_at_risk(underlying=each) for each in underlyings),
            strategy_packages=self._packages_of(intent),
            order=order,
            book=book,
            working=exposure.working_greeks(self._mark_of, now_ns) if rules.has_greeks else (),
            volatility=self._market.series(rules.volatility_index).level(now_ns),
            cash_to_settle=self._margin.buying_power() if rules.broker_cutoff_minutes is not None else nan,
            spot={each: self._market.spot(each) for each in underlyings},
            dividends=self._ahead(underlyings, now_ns),
            package_delta=self.of_reduction(intent, now_ns).package_delta,
            after=after,
            moves=moves,
        )

    def of_reduction(self, intent: OrderIntent, now_ns: int) -> Stake:
        """Return what a closing order does to the delta of its package, where the risk service only lets reduce.

        Not while a margin call stands: what the broker closes leg by leg frees money first.
        """
        account = self._account
        is_bought_back = intent.effect is PositionEffect.CLOSE and all(leg.ratio > 0 for leg in intent.legs)
        is_held = account.risk_state is not TradingState.ACTIVE and account.broker_state is TradingState.ACTIVE
        if not (is_bought_back and is_held):
            return _NOTHING
        exposure = self._account.exposure
        before = exposure.package_delta(now_ns, intent.package_id)
        added = exposure.order_greeks(intent, intent.quantity, self._mark_of, now_ns).delta_shares
        return Stake(package_delta=(abs(before), abs(before + added)))

    def _mark_of(self, instrument: Instrument) -> float:
        return mid_of(self._quote_of(instrument))

    def _packages_of(self, intent: OrderIntent) -> int:
        """Return the packages of the strategy; of its own an order counts what is held, and not its other parts."""
        account, strategy = self._account, intent.strategy
        own = {each.package_id for each in account.packages if each.strategy == strategy}
        opening = (each for each in account.working if each.effect is PositionEffect.OPEN)
        working = {each.package_id for each in opening if each.strategy == strategy}
        return len(own | (working - {intent.package_id}))

    def _ahead(self, underlyings: set[str], now_ns: int) -> dict[str, Dividend]:
        """Return the next dividend of each underlying that is announced."""
        found: dict[str, Dividend] = {}
        for symbol in underlyings & self._dividends.keys():
            ahead = (each for each in self._dividends[symbol] if each.announced_ns <= now_ns < each.ex_ns)
            notice = next(ahead, None)
            if notice is not None:
                found[symbol] = Dividend(ex_ns=notice.ex_ns, amount=float(notice.amount))
        return found


def _most(amounts: Iterable[float]) -> float:
    """Return the largest; NaN where one is not known, which `max` would pass over."""
    found = list(amounts)
    return nan if any(isnan(each) for each in found) else max(found)

"""Early assignment in a run: at each close, what short American options of shares are exercised against us."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from math import isfinite, nan
from typing import Final, final

from backtest.calendar_events import Books
from backtest.costs.carry import RateSource
from backtest.sessions import TradingHours
from execution.assignment import Evening, early_assignments
from execution.events import DividendNotice
from market.calendars import next_open_ns
from market.instruments import ExerciseStyle
from market.tradables import OptionContract
from strategies.market_state import MarketState
from strategies.views import Holding, Quote

__all__ = ["Evenings"]

_NEVER: Final = 1 << 62


@final
class Evenings:
    """The closes at which something short could be assigned.

    Parameters
    ----------
    desk : Books
        Whose positions are assigned.
    market : MarketState
        Closing prices and quotes.
    hours : TradingHours
        Closes.
    dividends : sequence of DividendNotice
        Looked at from their announcement on.
    rate : RateSource or None
        What exercise earns or gives up; None takes 0, so that no put is exercised for interest, and is counted.
    """

    def __init__(
        self,
        desk: Books,
        market: MarketState,
        hours: TradingHours,
        dividends: Sequence[DividendNotice],
        rate: RateSource | None,
    ) -> None:
        self._desk, self._market, self._hours, self._rate = desk, market, hours, rate
        self._dividends = tuple(dividends)
        self._exposed: dict[str, OptionContract] = {}
        self.due_ns = _NEVER
        """The next close that matters, ns since the epoch, UTC."""

    def hold(self, holdings: Sequence[Holding], now_ns: int) -> None:
        """Take what is held from now on.

        Parameters
        ----------
        holdings : sequence of Holding
            All positions.
        now_ns : int
            Instant, ns since the epoch, UTC.
        """
        self._exposed = {
            each.instrument.underlying: each.instrument
            for each in holdings
            if isinstance(each.instrument, OptionContract) and _is_exposed(each.instrument) and each.quantity < 0
        }
        self.due_ns = min((self._hours.next_close_ns(each, now_ns) for each in self._exposed.values()), default=_NEVER)

    def run(self) -> None:
        """Let the close that is due happen: assign, and look at the next."""
        close_ns = self.due_ns
        for underlying, contract in sorted(self._exposed.items()):
            (price, priced_ns), view = self._market.price(underlying), self._market.chain(underlying)
            opened_ns = self._hours.opened_ns(contract, close_ns)
            if not isfinite(price) or priced_ns < opened_ns:
                self._desk.counts["evenings_without_price"] += 1
                continue
            self._desk.counts["evenings_without_rate"] += self._rate is None
            evening = Evening(
                underlying=underlying,
                now_ns=close_ns,
                next_open_ns=next_open_ns(self._hours.calendar_of(contract), close_ns),
                price=Decimal(repr(price)),
                rate=float(self._rate.at(close_ns)) if self._rate is not None else 0.0,
                dividends=self._dividends,
                quotes_from_ns=opened_ns,
                quoted_price=view.spot if view is not None else nan,
            )
            self._assign(evening, price)
        self.hold(list(self._desk.ledger.holdings.values()), close_ns + 1)

    def _assign(self, evening: Evening, price: float) -> None:
        desk = self._desk
        share = desk.share_of(evening.underlying)
        # What one package is short and another long, the account does not owe.
        net_short = {symbol for symbol, each in desk.ledger.holdings.items() if each.quantity < 0}
        held = [each for each in desk.ledger.positions() if each.instrument.symbol in net_short]
        reading = early_assignments(held, evening, self._quote_of, share=share)
        desk.counts["assignment_untold"] += len(reading.untold)
        for settlement in reading.settlements:
            desk.counts["assigned_early"] += 1
            desk.book(settlement)
            desk.mark_last(evening.underlying, price, evening.now_ns)

    def _quote_of(self, contract: OptionContract) -> Quote | None:
        view = self._market.chain(contract.underlying)
        place = -1 if view is None else view.place(contract)
        return None if view is None or place < 0 else view.quote(place)


def _is_exposed(contract: OptionContract) -> bool:
    return contract.series.product.exercise is ExerciseStyle.AMERICAN and not contract.is_cash_settled

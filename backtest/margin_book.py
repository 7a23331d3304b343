"""What the account's positions require, and what an order would take of the buying power."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import isfinite, nan
from typing import Final, final

from backtest.marking import mid_of
from execution.ledger import Ledger
from market.orders import OrderIntent, unit_multiplier
from market.tradables import Future, Instrument, Perpetual
from risk.margin.perpetual import PerpetualTerms
from risk.margin.reg_t import MarginReading, RegTRules, strategy_margin
from strategies.market_state import MarketState
from strategies.views import Quote

__all__ = ["MarginBook"]

_ZERO: Final = Decimal(0)
_ANY_LEVERAGE: Final = Decimal("Infinity")  # the least that the venue asks
_NOTHING: Final = MarginReading(requirement=0.0, option_value=0.0)
_Positions = list[tuple[Instrument, Decimal]]


@final
class MarginBook:
    """Requirement and buying power of one account.

    Parameters
    ----------
    ledger : Ledger
        Positions and marks.
    market : MarketState
        Prices of underlyings.
    rules : RegTRules
        Of shares and options.
    perpetuals : mapping of str to PerpetualTerms
        By symbol; a perpetual or future without terms requires its whole notional.
    leverage : Decimal or None
        Leverage at which perpetuals with terms are margined; None for the least margin that the venue asks.

    Notes
    -----
    What working orders take stays reserved until they end, so that two orders of one instant cannot both count on the
    same money.
    """

    def __init__(
        self,
        ledger: Ledger,
        market: MarketState,
        rules: RegTRules,
        perpetuals: Mapping[str, PerpetualTerms],
        leverage: Decimal | None = None,
    ) -> None:
        self._ledger, self._market, self._rules, self._perpetuals = ledger, market, rules, perpetuals
        self._leverage = _ANY_LEVERAGE if leverage is None else leverage
        self._reserved: dict[str, float] = {}
        self._read: tuple[int, Decimal, MarginReading] | None = None

    def reserve(self, order_id: str, effect: float) -> None:
        """Keep what a working order takes."""
        self._reserved[order_id] = max(effect, 0.0)

    def release(self, order_id: str) -> None:
        """Free what an order took that has ended."""
        self._reserved.pop(order_id, None)

    def requirement(self) -> float:
        """Return what the open positions require, account currency; NaN where it cannot be told."""
        held, futures = self._positions()
        return futures + self._reading(held).requirement

    def buying_power(self) -> float:
        """Return the equity that new positions may tie up, account currency; NaN where margin cannot be told."""
        held, futures = self._positions()
        free = self._reading(held).buying_power(float(self._ledger.equity))
        return free - futures - sum(self._reserved.values())

    def effect(self, intent: OrderIntent, quotes: Sequence[Quote], fees: Decimal) -> float:
        """Return what an order takes of the buying power at its limit.

        Parameters
        ----------
        intent : OrderIntent
            The order.
        quotes : sequence of Quote
            Of its legs, as the decision saw them.
        fees : Decimal
            Charges of a fill, account currency.

        Returns
        -------
        float
            Account currency; negative where it frees some, NaN where a leg has no price. Where the order could be
            carried without pairing it with what is held, what it takes alone, which is never less.
        """
        mids = {leg.instrument.symbol: _decimal(mid_of(quote)) for leg, quote in zip(intent.legs, quotes, strict=True)}
        if not all(mid.is_finite() for mid in mids.values()):
            return nan
        added = [(leg.instrument, leg.ratio * intent.quantity) for leg in intent.legs]
        worth = sum((units * each.multiplier * mids[each.symbol] for each, units in added), _ZERO)
        over = intent.limit_price * unit_multiplier(intent.legs) * intent.quantity - worth + fees
        if any(isinstance(each, Perpetual | Future) for each, _ in added):
            return self._future_effect(added, mids) + float(fees)
        held, _ = self._positions()
        prices = self.prices([*held, *added]) | mids
        # Two accounts never require less apart than together: what is enough alone needs no pairing with the rest.
        alone = strategy_margin(added, prices, self._rules).tied_equity + float(over)
        if not held or alone <= self.buying_power():
            return alone
        after = strategy_margin([*held, *added], prices, self._rules)
        return after.tied_equity - self._reading(held).tied_equity + float(over)

    def _reading(self, held: _Positions) -> MarginReading:
        """Return what shares and options require, read once per instant and booking."""
        if not held:
            return _NOTHING
        now_ns, cash = self._market.now_ns, self._ledger.cash
        if self._read is None or self._read[:2] != (now_ns, cash):
            self._read = (now_ns, cash, strategy_margin(held, self.prices(held), self._rules))
        return self._read[2]

    def _positions(self) -> tuple[_Positions, float]:
        """Return shares and options, and what perpetuals and futures require."""
        held: _Positions = []
        required = 0.0
        for holding in self._ledger.holdings.values():
            if isinstance(holding.instrument, Perpetual | Future):
                price = self._ledger.price(holding.instrument.symbol) or _ZERO
                required += self._of_future(holding.instrument, holding.quantity, price)
            else:
                held.append((holding.instrument, holding.quantity))
        return held, required

    def _of_future(self, instrument: Instrument, units: Decimal, price: Decimal) -> float:
        notional = abs(units) * instrument.multiplier * price
        terms = self._perpetuals.get(instrument.symbol)
        return float(notional if terms is None else terms.initial(notional, self._leverage))

    def _future_effect(self, added: _Positions, mids: Mapping[str, Decimal]) -> float:
        total = 0.0
        for instrument, units in added:
            holding = self._ledger.holdings.get(instrument.symbol)
            before = holding.quantity if holding is not None else _ZERO
            price = mids[instrument.symbol]
            total += self._of_future(instrument, before + units, price) - self._of_future(instrument, before, price)
        return total

    def prices(self, positions: Sequence[tuple[Instrument, Decimal]]) -> dict[str, Decimal]:
        """Return the marks of positions and the prices of their underlyings by symbol, as far as they are known."""
        prices: dict[str, Decimal] = {}
        for instrument, _ in positions:
            underlying = instrument.underlying
            if underlying not in prices:
                price = self._market.spot(underlying)
                if isfinite(price):
                    prices[underlying] = _decimal(price)
        for instrument, _ in positions:
            mark = self._ledger.price(instrument.symbol)
            if mark is not None:
                prices[instrument.symbol] = mark
        return prices


def _decimal(price: float) -> Decimal:
    return Decimal(repr(price))

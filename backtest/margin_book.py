"""What the account's positions require, and what an order would add to it."""

from __future__ import annotations

from decimal import Decimal
from math import inf, isfinite
from typing import Final, final

from execution.ledger import Ledger
from execution.packages import worst_loss
from market.orders import Leg, OrderIntent, PositionEffect, unit_multiplier
from market.tradables import OptionContract

__all__ = ["MarginBook"]

_HALF: Final = Decimal("0.5")


@final
class MarginBook:
    """Requirement and buying power.

    Parameters
    ----------
    ledger : Ledger
        Positions and marks.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def requirement(self) -> float:
        """Return what the open positions require, account currency; NaN where it cannot be told."""
        options: list[Leg] = []
        total = Decimal(0)
        for holding in self._ledger.holdings.values():
            if isinstance(holding.instrument, OptionContract):
                options.append(Leg(instrument=holding.instrument, ratio=int(holding.quantity)))
            else:
                price = self._ledger.price(holding.instrument.symbol) or Decimal(0)
                total += abs(holding.quantity) * holding.instrument.multiplier * price * _HALF
        return float(total + (worst_loss(options) if options else 0))

    def buying_power(self) -> float:
        """Return equity less requirement, account currency; NaN where margin cannot be told."""
        return float(self._ledger.equity) - self.requirement()

    def effect(self, intent: OrderIntent) -> float:
        """Return what an order takes of the buying power at its limit, account currency."""
        if intent.effect is PositionEffect.CLOSE:
            return 0.0
        if all(not isinstance(leg.instrument, OptionContract) for leg in intent.legs):
            notional = sum(abs(leg.ratio) * leg.instrument.multiplier for leg in intent.legs) * abs(intent.limit_price)
            return float(intent.quantity * notional * _HALF)
        paid = intent.limit_price * unit_multiplier(intent.legs)
        loss = float(worst_loss(intent.legs) + paid)
        return float(intent.quantity) * loss if isfinite(loss) else inf

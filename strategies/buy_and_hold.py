"""Buy once and hold: the baseline that every other strategy is held against."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import isfinite

from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Future, Perpetual, Share
from strategies.decisions import HOLD, Decision, Gate, Proposal, SizingTerm
from strategies.marketable import marketable_limit, reference_price
from strategies.ownership import has_package, has_working
from strategies.parameters import require_between
from strategies.views import View

__all__ = ["BuyAndHold"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyAndHold:
    """Buy at the first price with a share of the equity, and never sell; dividends stay cash.

    Parameters
    ----------
    instrument : Share, Perpetual or Future
        What to hold.
    fraction : float, optional
        Part of the equity to invest, in (0, 1].
    collar : float, optional
        How far above the price the order may fill, fraction in [0, 0.2]. The quantity is reckoned at that worst price,
        so the account is never overdrawn.
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range.
    """

    instrument: Share | Perpetual | Future
    fraction: float = 1.0
    collar: float = 0.01
    name: str = "buy_and_hold"

    def __post_init__(self) -> None:
        require_between(self.name, "fraction", self.fraction, 0.0, 1.0, open_low=True)
        require_between(self.name, "collar", self.collar, 0.0, 0.2)

    def decide(self, view: View) -> Decision:
        """Return the purchase while nothing is held or under way, else a hold."""
        account = view.account
        if has_package(account, self.name) or has_working(account, self.name):
            return HOLD
        price = reference_price(view, self.instrument.symbol, is_buy=True)
        gates = (_price_gate(price),)
        if not gates[0].passed:
            return Decision(reason="no_price", gates=gates)
        limit = marketable_limit(self.instrument, price, is_buy=True, collar=self.collar)
        affordable = self._affordable(account.equity, limit)
        sizing = (SizingTerm(name="equity_share", quantity=float(affordable), is_binding=True),)
        if affordable <= 0:
            return Decision(reason="too_small", gates=gates, sizing=sizing)
        bought = Proposal(
            structure="long",
            legs=(Leg(instrument=self.instrument, ratio=1),),
            quantity=affordable,
            limit_price=limit,
            effect=PositionEffect.OPEN,
            reason="first_price",
            time_in_force=TimeInForce.GTC,
        )
        return Decision(
            reason="first_price", proposals=(bought,), gates=gates, sizing=sizing, factors=(("price", price),)
        )

    def _affordable(self, equity: float, limit: Decimal) -> Decimal:
        if not isfinite(equity):
            return Decimal(0)
        lot = self.instrument.lot if isinstance(self.instrument, Perpetual) else Decimal(1)
        unit = limit * self.instrument.multiplier * lot
        money = Decimal(repr(equity)) * Decimal(repr(self.fraction))
        return (money / unit).to_integral_value(rounding=ROUND_FLOOR) * lot


def _price_gate(price: float) -> Gate:
    found = isfinite(price) and price > 0.0
    return Gate(name="price_known", passed=found, value=price, reason="" if found else "no quote and no closed bar")

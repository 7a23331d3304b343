"""A strategy of one's own: buys a share well below the average of its last closes, sells it back at the average."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from market.orders import Leg, PositionEffect
from market.tradables import Share
from strategies.decisions import HOLD, Decision, Gate, Proposal
from strategies.marketable import marketable_limit, reference_price
from strategies.ownership import has_working, own_packages
from strategies.parameters import require_between
from strategies.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class DipBuyer:
    """Fields are the parameters of the configuration; `__post_init__` refuses what cannot be."""

    instrument: Share
    window: int = 60
    dip: float = 0.002
    quantity: Decimal = Decimal(10)
    name: str = "dip_buyer"

    def __post_init__(self) -> None:
        require_between(self.name, "window", self.window, 2, 10_000)
        require_between(self.name, "dip", self.dip, 0.0, 0.5)

    def decide(self, view: View) -> Decision:
        """Look at what was known, answer with what is wanted; the engine does the rest."""
        held = own_packages(view.account, self.name)
        closes = view.bars(self.instrument.symbol, self.window).close
        if closes.shape[0] < self.window or has_working(view.account, self.name):
            return HOLD
        average, last = float(closes.mean()), float(closes[-1])
        below = 1.0 - last / average
        if held:
            return self._order(view, held[0].package_id, below) if last >= average else HOLD
        gate = Gate(name="dip_deep_enough", passed=below >= self.dip, value=below, bound=self.dip)
        if not gate.passed:
            return HOLD
        return self._order(view, "", below, gate)

    def _order(self, view: View, package_id: str, below: float, *gates: Gate) -> Decision:
        is_buy, reason = not package_id, "back_at_average" if package_id else "dip"
        price = reference_price(view, self.instrument.symbol, is_buy=is_buy)
        wanted = Proposal(
            structure="long",
            legs=(Leg(instrument=self.instrument, ratio=1 if is_buy else -1),),
            quantity=self.quantity,
            limit_price=marketable_limit(self.instrument, price, is_buy=is_buy, collar=0.005),
            effect=PositionEffect.OPEN if is_buy else PositionEffect.CLOSE,
            package_id=package_id,
            reason=reason,
        )
        return Decision(reason=reason, proposals=(wanted,), gates=gates, factors=(("below_average", below),))

"""A strategy of one's own with features: buys weak hours while implied volatility ranks high, sells strong ones."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import isfinite

from market.orders import Leg, PositionEffect
from market.tradables import Share
from strategies.decisions import HOLD, Decision, Gate, Proposal
from strategies.features import AtTimeframe, Feature, IvRank, RelativeStrengthIndex
from strategies.marketable import marketable_limit, reference_price
from strategies.ownership import has_working, own_packages
from strategies.parameters import require_between, require_rising
from strategies.views import View


@dataclass(frozen=True, slots=True, kw_only=True)
class HourStrength:
    """Two features decide: strength of the hours that have closed, and the IV rank of the newest day."""

    instrument: Share
    timeframe: str = "1h"
    weak: float = 35.0
    strong: float = 60.0
    min_iv_rank: float = 0.3
    quantity: Decimal = Decimal(10)
    name: str = "hour_strength"

    def __post_init__(self) -> None:
        require_between(self.name, "min_iv_rank", self.min_iv_rank, 0.0, 1.0)
        require_rising(self.name, "weak", self.weak, "strong", self.strong)

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the engine computes, and `View.feature` returns by these names."""
        strength = RelativeStrengthIndex(name=f"{self.name}.rsi", symbol=self.instrument.symbol, n_bars=14)
        return (
            AtTimeframe(feature=strength, timeframe=self.timeframe, calendar="NYSE"),
            IvRank(name=f"{self.name}.iv_rank", series="VIX", n_days=252),
        )

    def decide(self, view: View) -> Decision:
        """Hold what is missing against nothing: without either number there is no entry."""
        strength, rank = view.feature(f"{self.name}.rsi"), view.feature(f"{self.name}.iv_rank")
        if not isfinite(strength) or has_working(view.account, self.name):
            return HOLD
        factors = (("rsi", strength), ("iv_rank", rank))
        held = own_packages(view.account, self.name)
        if held:
            return self._order(view, held[0].package_id, factors) if strength >= self.strong else HOLD
        if strength > self.weak:
            return HOLD
        gate = Gate(name="iv_rank_at_least", passed=rank >= self.min_iv_rank, value=rank, bound=self.min_iv_rank)
        if not gate.passed:  # also where the rank is missing: NaN is at least nothing
            return Decision(reason="iv_rank_low", gates=(gate,), factors=factors)
        return self._order(view, "", factors, gate)

    def _order(self, view: View, package_id: str, factors: tuple[tuple[str, float], ...], *gates: Gate) -> Decision:
        is_buy, reason = not package_id, "strong" if package_id else "weak"
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
        return Decision(reason=reason, proposals=(wanted,), gates=gates, factors=factors)

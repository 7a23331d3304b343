"""Hedge the delta of a book with index futures while a divergence stands, and take the hedge off when it has gone."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import inf, isfinite

from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Future, Perpetual, Share
from strategies.decisions import HOLD, Decision, Proposal, SizingTerm
from strategies.divergence.rules import DivergenceRules
from strategies.marketable import marketable_limit, reference_price
from strategies.ownership import has_working, own_packages
from strategies.parameters import require_between
from strategies.plan.gates import gate, until_first_failure
from strategies.views import HeldPackage, View

__all__ = ["DivergenceHedge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceHedge:
    """Futures against the delta of the book, where a divergence points against that delta (Q52).

    Parameters
    ----------
    instrument : Future, Share or Perpetual
        Such as ES (50 USD a point) or MES (5 USD); one ES is worth the delta of about 500 shares of SPY.
    rules : DivergenceRules, optional
        When a divergence counts.
    hedge_share : float, optional
        Part of the book's delta that is hedged, in (0, 1].
    most : int, optional
        Contracts at most, >= 1.
    exit_z : float, optional
        Size in standard deviations below which the hedge goes, >= 0.
    max_hold_s : float, optional
        Seconds after which it goes in any case, > 0.
    collar : float, optional
        How far beyond the price seen an order may fill, fraction in [0, 0.2].
    name : str, optional
        Tells strategies of one account apart.

    Raises
    ------
    ConfigError
        A parameter lies outside its range.

    Notes
    -----
    It only hedges: a book whose delta is not known, or that the divergence favours, gets nothing. That a divergence
    predicts anything is a hypothesis; a gap against the last close is not a mispricing (EQ7).
    """

    instrument: Share | Perpetual | Future
    rules: DivergenceRules = DivergenceRules()  # noqa: RUF009  # frozen
    hedge_share: float = 1.0
    most: int = 10
    exit_z: float = 0.5
    max_hold_s: float = 23_400.0
    collar: float = 0.002
    name: str = "divergence_hedge"

    def __post_init__(self) -> None:
        require_between(self.name, "hedge_share", self.hedge_share, 0.0, 1.0, open_low=True)
        require_between(self.name, "most", self.most, 1, 1_000_000)
        require_between(self.name, "exit_z", self.exit_z, 0.0, inf, open_high=True)
        require_between(self.name, "max_hold_s", self.max_hold_s, 0.0, inf, open_low=True)
        require_between(self.name, "collar", self.collar, 0.0, 0.2)

    def decide(self, view: View) -> Decision:
        """Return the hedge, its end, or a hold."""
        if not self.rules.enabled or has_working(view.account, self.name):
            return HOLD
        found = self.rules.read(view)
        held = own_packages(view.account, self.name)
        if held:
            return self._leave(view, held[0], found.z)
        direction = self.rules.direction(found)
        delta_usd = view.account.greeks().delta_usd
        price = reference_price(view, self.instrument.symbol, is_buy=delta_usd < 0.0)
        gates = until_first_failure(
            (
                *self.rules.gates(found),
                gate("delta_known", delta_usd, passed=isfinite(delta_usd), reason="the delta of the book is not known"),
                gate(
                    "delta_against",
                    delta_usd,
                    0.0,
                    passed=delta_usd * direction < 0.0,
                    reason="the book gains where the divergence points",
                ),
                gate("price_known", price, 0.0, passed=price > 0.0, reason="no quote and no closed bar"),
            )
        )
        factors = (("divergence", found.size), ("divergence_z", found.z), ("delta_usd", delta_usd))
        if not gates[-1].passed:
            return Decision(reason=gates[-1].name, gates=gates, factors=factors)
        wanted = self.hedge_share * abs(delta_usd) / (price * float(self.instrument.multiplier))
        quantity = min(int(wanted), self.most)
        sizing = (
            SizingTerm(name="book_delta", quantity=wanted, is_binding=wanted <= self.most),
            SizingTerm(name="most", quantity=float(self.most), is_binding=wanted > self.most),
        )
        sized = gate("size_at_least_one", wanted, 1.0, passed=quantity >= 1, reason="less than one contract")
        if quantity < 1:
            return Decision(reason=sized.name, gates=(*gates, sized), sizing=sizing, factors=factors)
        side = -1 if delta_usd > 0.0 else 1
        opening = Proposal(
            structure="divergence_hedge",
            legs=(Leg(instrument=self.instrument, ratio=side),),
            quantity=Decimal(quantity),
            limit_price=marketable_limit(self.instrument, price, is_buy=side > 0, collar=self.collar),
            effect=PositionEffect.OPEN,
            reason="divergence",
            time_in_force=TimeInForce.DAY,
        )
        return Decision(
            reason="divergence", proposals=(opening,), gates=(*gates, sized), sizing=sizing, factors=factors
        )

    def _leave(self, view: View, package: HeldPackage, z: float) -> Decision:
        held_s = (view.now_ns - package.opened_ns) / 1e9
        # A divergence that is no longer measured is no reason to keep a position.
        reason = "divergence_gone" if not abs(z) >= self.exit_z else "time_stop" if held_s >= self.max_hold_s else ""
        if not reason:
            return HOLD
        is_buy = package.legs[0].ratio < 0
        price = reference_price(view, self.instrument.symbol, is_buy=is_buy)
        priced = gate("price_known", price, 0.0, passed=price > 0.0, reason="no quote and no closed bar")
        if not priced.passed:
            return Decision(reason=reason, gates=(priced,))
        closing = Proposal(
            structure=package.structure,
            legs=(Leg(instrument=self.instrument, ratio=-package.legs[0].ratio),),
            quantity=package.quantity,
            limit_price=marketable_limit(self.instrument, price, is_buy=is_buy, collar=self.collar),
            effect=PositionEffect.CLOSE,
            package_id=package.package_id,
            reason=reason,
            time_in_force=TimeInForce.DAY,
        )
        return Decision(reason=reason, proposals=(closing,), factors=(("divergence_z", z),))

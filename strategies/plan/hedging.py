"""Holding the delta of a plan within bounds with the underlying: reductions alone, never more than needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from math import inf, isfinite, nan
from typing import Final

import numpy as np

from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Future, OptionContract, Perpetual, Share
from strategies.decisions import Decision, Gate, Proposal
from strategies.marketable import marketable_limit, reference_price
from strategies.parameters import require, require_between
from strategies.plan.exits import ExitReason
from strategies.views import ChainView, HeldPackage, View

__all__ = ["HedgeRules", "closed_hedges", "delta_of", "excess_delta", "hedged"]

_ZERO: Final = Decimal(0)
_REASON: Final = ExitReason.DELTA_HEDGE.value


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeRules:
    """When and with what the delta of a plan is brought back.

    Parameters
    ----------
    instrument : Share, Future or Perpetual
        What is traded: the underlying, or what moves with it.
    units_per_delta : float
        Units of the instrument that move as one unit of the options' underlying, > 0: 1 for a share of it, 10 for a
        fund at a tenth of an index. The multiplier of the instrument is counted beside that.
    max_delta : float
        Size of delta, units of the underlying, beyond which it is hedged, > 0.
    target : float
        Share of `max_delta` to which it is brought, in [0, 1).
    collar : float
        How far beyond the price seen the hedge may fill, as a fraction, in [0, 1).
    """

    instrument: Share | Future | Perpetual
    max_delta: float
    units_per_delta: float = 1.0
    target: float = 0.0
    collar: float = 0.005

    def __post_init__(self) -> None:
        require("hedge", "max_delta", self.max_delta, "finite, above 0", holds=0.0 < self.max_delta < inf)
        ratio = self.units_per_delta
        require("hedge", "units_per_delta", ratio, "finite, above 0", holds=0.0 < ratio < inf)
        require_between("hedge", "target", self.target, 0.0, 1.0, open_high=True)
        require_between("hedge", "collar", self.collar, 0.0, 1.0, open_high=True)

    @property
    def delta_per_unit(self) -> float:
        """Delta of one unit of the instrument, units of the options' underlying."""
        return float(self.instrument.multiplier) / self.units_per_delta

    @property
    def step(self) -> Decimal:
        """Least quantity that is traded."""
        return self.instrument.lot if isinstance(self.instrument, Perpetual) else Decimal(1)


def delta_of(
    rules: HedgeRules, chain: ChainView, packages: Sequence[HeldPackage], hedges: Sequence[HeldPackage]
) -> float:
    """Return the delta of a plan's packages with their hedges, units of the underlying.

    Parameters
    ----------
    rules : HedgeRules
        What a unit of the hedge counts.
    chain : ChainView
        Deltas of the options.
    packages, hedges : sequence of HeldPackage
        Open.

    Returns
    -------
    float
        NaN where a delta is not known.
    """
    total = 0.0
    for package in packages:
        for leg in package.legs:
            contract = leg.instrument
            units = package.units.get(contract.symbol, leg.ratio * package.quantity)
            if not units or not isinstance(contract, OptionContract):
                continue
            place = chain.place(contract)
            delta = float(chain.delta(np.array([place]))[0]) if place >= 0 else nan
            total += delta * float(units * contract.multiplier)
    return total + sum(float(_held(hedge)) for hedge in hedges) * rules.delta_per_unit


def excess_delta(rules: HedgeRules, delta: float) -> float:
    """Return how far a delta lies beyond the bound, signed; 0 within, and where it is not known."""
    beyond = abs(delta) - rules.max_delta
    return (beyond if delta > 0.0 else -beyond) if beyond > 0.0 else 0.0


def hedged(rules: HedgeRules, view: View, structure: str, delta: float, hedges: Sequence[HeldPackage]) -> Decision:
    """Return the trade that brings a delta back to its target.

    Parameters
    ----------
    rules : HedgeRules
        Instrument and bounds.
    view : View
        Quotes.
    structure : str
        Name of the hedges of the plan.
    delta : float
        With the hedges that are open.
    hedges : sequence of HeldPackage
        Open, oldest first.

    Returns
    -------
    Decision
        Hedges on the wrong side are closed first; only when none is left is a new one opened. The quantity is rounded
        down, so that the delta never turns.
    """
    side = 1 if delta > 0.0 else -1
    wanted = (abs(delta) - rules.target * rules.max_delta) / rules.delta_per_unit
    steps = (Decimal(repr(wanted)) / rules.step).to_integral_value(ROUND_FLOOR)
    quantity = max(steps, _ZERO) * rules.step
    price = reference_price(view, rules.instrument.symbol, is_buy=side < 0)
    factors = (("delta", delta), ("hedge_units", -side * float(quantity)))
    if not (quantity and isfinite(price)):
        why = "no quote of the hedge" if quantity else "less than one unit"
        gate = Gate(name="hedge_possible", passed=False, value=float(quantity), bound=float(rules.step), reason=why)
        return Decision(reason=_REASON, gates=(gate,), factors=factors)
    proposals = []
    for hedge in hedges:
        held = _held(hedge)
        if held * side > 0 and quantity > 0:
            part = min(abs(held), quantity)
            quantity -= part
            proposals.append(_traded(rules, structure, price, -side, part, _REASON, hedge.package_id))
    if quantity and not proposals:
        proposals.append(_traded(rules, structure, price, -side, quantity, _REASON))
    return Decision(reason=_REASON, proposals=tuple(proposals), factors=factors)


def closed_hedges(
    rules: HedgeRules, view: View, structure: str, hedges: Sequence[HeldPackage], reason: str
) -> tuple[Proposal, ...]:
    """Return the orders that close all hedges of a plan; those without a quote are left to the next view."""
    proposals = []
    for hedge in hedges:
        held = _held(hedge)
        side = -1 if held > 0 else 1
        price = reference_price(view, rules.instrument.symbol, is_buy=side > 0)
        if held and isfinite(price):
            proposals.append(_traded(rules, structure, price, side, abs(held), reason, hedge.package_id))
    return tuple(proposals)


def _held(hedge: HeldPackage) -> Decimal:
    """Return the signed units of a hedge, which has one leg."""
    leg = hedge.legs[0]
    return hedge.units.get(leg.instrument.symbol, leg.ratio * hedge.quantity)


def _traded(
    rules: HedgeRules, structure: str, price: float, side: int, quantity: Decimal, reason: str, package_id: str = ""
) -> Proposal:
    return Proposal(
        structure=structure,
        legs=(Leg(instrument=rules.instrument, ratio=side),),
        quantity=quantity,
        limit_price=marketable_limit(rules.instrument, price, is_buy=side > 0, collar=rules.collar),
        effect=PositionEffect.CLOSE if package_id else PositionEffect.OPEN,
        package_id=package_id,
        reason=reason,
        time_in_force=TimeInForce.IOC,
    )

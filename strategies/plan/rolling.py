"""Rolls and adjustments: one decision that closes a package and opens the same structure later, or around the price."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from market.orders import Leg
from market.tradables import OptionContract
from strategies.decisions import Decision, Proposal
from strategies.plan.exits import ExitReason, NextAction, Step
from strategies.plan.gates import gate
from strategies.plan.opening import Opening, Replaced
from strategies.views import ChainView, HeldPackage, View

__all__ = ["rolled"]

_ALONE: Final = {
    ExitReason.DAYS_ROLL: ExitReason.DAYS_EXIT.value,
    ExitReason.BAND_ADJUST: ExitReason.BAND_EXIT.value,
    ExitReason.DELTA_ADJUST: ExitReason.DELTA_EXIT.value,
}


def rolled(
    opening: Opening,
    view: View,
    chain: ChainView,
    package: HeldPackage,
    step: Step,
    closing: Decision,
    others: Sequence[HeldPackage],
) -> Decision:
    """Return a close with its replacement, or the close alone where there can be none.

    Parameters
    ----------
    opening : Opening
        The way in.
    view : View
        Market and account.
    chain : ChainView
        Of the underlying.
    package : HeldPackage
        What leaves.
    step : Step
        Roll or adjust, and why.
    closing : Decision
        The order that closes it, or why it cannot be priced.
    others : sequence of HeldPackage
        Open packages of the strategy beside it.

    Returns
    -------
    Decision
        Two proposals, or one. Every gate of an entry must pass, apart from those of the session's other entries, no
        more packages are opened than are closed, and a roll must leave a credit at both limits. Where more packages are
        open than are allowed, one is a replacement whose predecessor was not closed: that is not replaced again.

    Notes
    -----
    Both orders are independent. Where the close alone fills, the position has ended. Where the replacement alone fills,
    the old package is still due at the next view and is closed without another replacement.
    """
    if not closing.proposals or step.reason is None:
        return closing
    (out,) = closing.proposals
    alone = replace(closing, reason=_ALONE[step.reason], proposals=(replace(out, reason=_ALONE[step.reason]),))
    if len(others) >= opening.entry.max_open:
        return alone
    adjusts = step.action is NextAction.ADJUST
    replacement = opening.decide(
        view,
        chain,
        others,
        Replaced(
            quantity=package.quantity,
            series=_series_of(chain, package.legs) if adjusts else (),
            adjustments=int(package.factors.get("adjustments", 0.0)) + adjusts,
            leaving=closing.cancel,
        ),
    )
    gates = [replace(each, name=f"roll_{each.name}") for each in replacement.gates]
    if not replacement.proposals:
        return replace(alone, gates=tuple(gates), sizing=replacement.sizing)
    (new,) = replacement.proposals
    if not adjusts:
        net = _paid(out) + _paid(new)
        gates.append(gate("roll_for_credit", -net, 0.0, passed=net < 0.0, reason="the roll would cost a debit"))
        if net >= 0.0:
            return replace(alone, gates=tuple(gates), sizing=replacement.sizing)
    out = replace(out, factors=closing.factors)
    new = replace(new, reason=step.reason.value, factors=replacement.factors)
    return replace(closing, proposals=(out, new), gates=tuple(gates), sizing=replacement.sizing)


def _paid(proposal: Proposal) -> float:
    """Return what a proposal pays at its limit, per unit of one package times packages."""
    return float(proposal.limit_price * proposal.quantity)


def _series_of(chain: ChainView, legs: Sequence[Leg]) -> tuple[int, ...]:
    """Return the places of the expirations of some legs, nearest first; empty where one is not listed."""
    places = [chain.place(leg.instrument) for leg in legs if isinstance(leg.instrument, OptionContract)]
    if not places or min(places) < 0:
        return ()
    return tuple(sorted({int(chain.chain.series_index[place]) for place in places}))

"""What is done with several packages at one view, as one decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from strategies.decisions import HOLD, Decision

__all__ = ["joined"]


def joined(decisions: Sequence[Decision]) -> Decision:
    """Return decisions about different packages as one.

    Parameters
    ----------
    decisions : sequence of Decision
        One for each package; holds are left out.

    Returns
    -------
    Decision
        With all proposals, each with the factors of its own package, all cancels once, and all gates. Reason and
        factors are those of the first that trades, else of the first that says why it cannot, else of the first.
    """
    found = [each for each in decisions if each is not HOLD]
    if len(found) <= 1:
        return found[0] if found else HOLD
    first = max(found, key=lambda each: (bool(each.proposals), bool(each.gates)))  # the first of several
    told = [replace(each, factors=each.factors or of.factors) for of in found for each in of.proposals]
    return Decision(
        reason=first.reason,
        proposals=tuple(told),
        cancel=tuple(dict.fromkeys(order_id for each in found for order_id in each.cancel)),
        gates=tuple(gate for each in found for gate in each.gates),
        sizing=tuple(term for each in found for term in each.sizing),
        factors=first.factors,
    )

"""What a strategy answers: the gates that it passed, the sizes that bound it, and the packages that it wants."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from market.orders import Leg, PositionEffect, TimeInForce

__all__ = ["HOLD", "Decision", "Gate", "Proposal", "SizingTerm"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """One test on the way to a trade.

    Parameters
    ----------
    name : str
        What is tested, such as ``vix_below`` or ``credit_to_width``.
    passed : bool
        Whether the candidate went on. A gate that could not be tested has not passed.
    value : float
        What was found; NaN where it is missing.
    bound : float
        What it was held against; NaN where there is no number.
    reason : str
        Why it failed or could not be tested; empty where it passed.
    """

    name: str
    passed: bool
    value: float = float("nan")
    bound: float = float("nan")
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SizingTerm:
    """One ceiling of the size; the smallest binds, and none can lift another.

    Parameters
    ----------
    name : str
        Such as ``risk_budget`` or ``buying_power``.
    quantity : float
        Packages that it allows, >= 0.
    is_binding : bool
        Whether it is the smallest.
    """

    name: str
    quantity: float
    is_binding: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A package that a strategy wants; `execution.intents` gives it ids.

    Parameters
    ----------
    structure : str
        Name of the structure, such as ``iron_condor``.
    legs : tuple of Leg
        As in `market.orders.OrderIntent`.
    quantity : Decimal
        Packages, > 0.
    limit_price : Decimal
        Worst net price per unit; positive pays, negative receives.
    effect : PositionEffect
        Open or close.
    package_id : str
        The open package that is closed; empty where a new one is opened.
    reason : str
        Code of the rule.
    time_in_force : TimeInForce
        How long it rests.
    good_for_ns : int
        Time after which it is cancelled; 0 where the time in force alone decides.
    factors : tuple of (str, float)
        Numbers that this proposal was decided by; empty where those of the decision are.
    """

    structure: str
    legs: tuple[Leg, ...]
    quantity: Decimal
    limit_price: Decimal
    effect: PositionEffect
    package_id: str = ""
    reason: str = ""
    time_in_force: TimeInForce = TimeInForce.DAY
    good_for_ns: int = 0
    factors: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer of a strategy to one view; whoever asked adds the instant, the ids of the inputs and its own id.

    Parameters
    ----------
    reason : str
        Code of the rule that decided, such as ``no_signal`` or ``profit_target``.
    proposals : tuple of Proposal
        What to trade; empty for nothing.
    cancel : tuple of str
        Client order ids of working orders to be withdrawn.
    gates : tuple of Gate
        The funnel, in the order of the tests, up to and with the first that failed.
    sizing : tuple of SizingTerm
        Ceilings of the size; empty where no size was asked for.
    factors : tuple of (str, float)
        Numbers known before the trade, which attribution later holds against its result; NaN where missing.
    """

    reason: str
    proposals: tuple[Proposal, ...] = ()
    cancel: tuple[str, ...] = ()
    gates: tuple[Gate, ...] = ()
    sizing: tuple[SizingTerm, ...] = ()
    factors: tuple[tuple[str, float], ...] = ()


HOLD: Final = Decision(reason="hold")
"""Nothing to do; one object, because most views of most strategies end here."""

"""How many packages: the smallest of independent ceilings, rounded down; none can lift another, and 0 is legal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from math import floor, isfinite

from strategies.decisions import SizingTerm
from strategies.parameters import require_between

__all__ = ["SizeRules", "smallest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRules:
    """How large a package may be.

    Parameters
    ----------
    max_packages : int
        Hard ceiling, >= 1.
    risk_share : float
        Share of the equity that one trade may lose, in (0, 1]: at expiry where the loss is bounded, else at the stop.
    margin_share : float
        Margin of an unbounded structure as a share of the underlying's value, in (0, 1]; a bounded one needs its loss.
    """

    max_packages: int = 1
    risk_share: float = 0.02
    margin_share: float = 0.2

    def __post_init__(self) -> None:
        require_between("sizing", "max_packages", self.max_packages, 1, 1_000_000)
        require_between("sizing", "risk_share", self.risk_share, 0.0, 1.0, open_low=True)
        require_between("sizing", "margin_share", self.margin_share, 0.0, 1.0, open_low=True)


def smallest(ceilings: Iterable[tuple[str, float]]) -> tuple[Decimal, tuple[SizingTerm, ...]]:
    """Return the whole number of packages that every ceiling allows.

    Parameters
    ----------
    ceilings : iterable of (str, float)
        Name and packages that it allows. What is not finite and not above 0 allows nothing: a ceiling that cannot be
        told is closed. Infinity, which bounds nothing, is left out by the caller.

    Returns
    -------
    quantity : Decimal
        Whole, >= 0; 0 without any ceiling.
    terms : tuple of SizingTerm
        In the order given; the first smallest is marked as binding.
    """
    found = [(name, value if isfinite(value) and value > 0.0 else 0.0) for name, value in ceilings]
    if not found:
        return Decimal(0), ()
    binding = min(range(len(found)), key=lambda place: found[place][1])
    terms = (
        SizingTerm(name=name, quantity=value, is_binding=place == binding) for place, (name, value) in enumerate(found)
    )
    return Decimal(floor(found[binding][1])), tuple(terms)

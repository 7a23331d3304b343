"""How many packages: the smallest of independent ceilings, rounded down; none can lift another, and 0 is legal."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import floor, isfinite

from strategies.decisions import SizingTerm

__all__ = ["smallest"]


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

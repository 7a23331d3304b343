"""A trade: one package from its first fill to flat, with what it earned and why it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from market.orders import Leg

__all__ = ["Trade"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """A closed package.

    Parameters
    ----------
    package_id, strategy, structure : str
        Which, whose and what.
    legs : tuple of Leg
        As opened.
    quantity : Decimal
        Packages at their most.
    opened_ns, closed_ns : int
        First and last booking, ns since the epoch, UTC.
    entry_price, exit_price : float
        Net price per unit at which it was opened, and closed or settled; positive paid, negative received.
    gross_pnl, costs, net_pnl : Decimal
        Account currency: by prices; all charges and cash booked to the package, costs positive; gross less costs.
    exit_reason : str
        Code of the rule that closed it, or how it ended, such as ``expired``.
    best_pnl, worst_pnl : float
        Highest and lowest marked profit on the way, account currency, net of costs so far.
    factors : mapping of str to float
        Numbers known before the entry; NaN where missing.
    entry_context, exit_context : mapping of str to float
        Market and Greeks at the entry and at the exit; NaN where missing.
    flags : frozenset of str
        What a reader must know, such as ``assigned``, ``pinned`` or ``marked_from_model``.
    """

    package_id: str
    strategy: str
    structure: str
    legs: tuple[Leg, ...]
    quantity: Decimal
    opened_ns: int
    closed_ns: int
    entry_price: float
    exit_price: float
    gross_pnl: Decimal
    costs: Decimal
    net_pnl: Decimal
    exit_reason: str
    best_pnl: float
    worst_pnl: float
    factors: Mapping[str, float]
    entry_context: Mapping[str, float]
    exit_context: Mapping[str, float]
    flags: frozenset[str]

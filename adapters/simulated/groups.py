"""Who the customers are."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CustomerGroup"]


class CustomerGroup(IntEnum):
    """Who stands on the other side of the dealers; each group is long only or short only."""

    OVERWRITER = 0  # sells calls above the money, 2 to 10 weeks out
    HEDGER = 1  # buys puts below the money, 1 to 6 months out
    SPECULATOR = 2  # buys calls that expire within days
    NOISE_BUYER = 3  # buys any option
    NOISE_SELLER = 4  # sells any option

"""The choices that a field stands on: dealer convention, volatility dynamics, clock and boundary."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Boundary", "Dynamics", "LiquiditySource", "PositionSource", "TimeBasis"]


class PositionSource(StrEnum):
    """How dealer contracts are inferred (+ dealer long)."""

    OI_NAIVE = "oi_naive"  # dealers long calls, short puts: customers overwrite calls and buy puts
    ALL_SHORT = "all_short"
    ALL_LONG = "all_long"
    USER = "user"  # a vector of signed contracts
    FLOW = "flow"  # signed trades only: what dealers have taken on since the book was opened
    HYBRID = "hybrid"  # opened by a convention on open interest, moved by signed trades


class Dynamics(StrEnum):
    """What each contract's volatility does when spot moves along the ladder."""

    STICKY_STRIKE = "sticky_strike"
    STICKY_MONEYNESS = "sticky_moneyness"
    SPOT_VOL_SLOPE = "spot_vol_slope"  # each strike's volatility moves by a given slope per unit of log spot


class TimeBasis(StrEnum):
    """The clock of time to expiry and of all per-time Greeks."""

    CALENDAR = "calendar"  # ACT/365: 525 600 minutes a year
    TRADING = "trading"  # 252 sessions of 390 minutes: 98 280 minutes a year


class Boundary(StrEnum):
    """What lies beyond the ladder's ends."""

    NEUMANN = "neumann"  # no flux: mass stays inside
    OPEN = "open"  # an infinite medium


class LiquiditySource(StrEnum):
    """What a liquidity profile stands on."""

    CONSTANT = "constant"  # nothing is known by price: the stated default
    DEPTH = "depth"  # resting orders of a book
    VOLUME_AT_PRICE = "volume_at_price"  # traded volume by price
    GIVEN = "given"  # made by the caller

"""What an open package looks like at one instant: everything that the table of exits asks about it."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

__all__ = ["Mark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an open package looks like now; what is missing is NaN, and no rule that needs it holds.

    Parameters
    ----------
    entry_price : float
        Net price per unit at which it was opened: paid above 0, received below.
    closing_price : float
        Net price at which it could be closed at once, per unit, of the closing package: paid above 0.
    max_loss, max_profit : float
        Largest loss and profit per unit; infinite where unbounded.
    seconds_left : float
        To the last trade of its nearest expiration.
    days_left, days_at_entry : int
        Calendar days to its nearest expiration now, and when it was opened.
    seconds_held : float
        Since its first fill.
    is_past_close_at, is_past_broker_cutoff : bool
        Whether those wall times are passed on the day of its nearest expiration; the latter only where the account
        could not settle it.
    profit, best_profit : float
        Marked profit per unit net of costs now, and its highest since the entry.
    unmarked_s : float
        Seconds since it last had a valid mark; 0 where it has one now.
    is_whole : bool
        Whether its legs are in proportion.
    is_halted : bool
        Whether trading is halted.
    hard_breaches : tuple of str
        Hard limits of the account that stand broken.
    is_crash : bool
        Whether the market regime is CRASH.
    band : float
        Position of the price in its Bollinger band.
    atr_moves : float
        Move of the underlying since the entry in average true ranges, signed.
    delta : float
        Delta of the package per unit.
    delta_excess : float
        How far the hedged delta lies beyond its limit, in units of the underlying; 0 within.
    adjustments : int
        How often the position was moved before.
    """

    entry_price: float
    closing_price: float
    max_loss: float
    seconds_left: float
    days_left: int
    days_at_entry: int
    max_profit: float = nan
    seconds_held: float = 0.0
    is_past_close_at: bool = False
    is_past_broker_cutoff: bool = False
    profit: float = nan
    best_profit: float = nan
    unmarked_s: float = 0.0
    is_whole: bool = True
    is_halted: bool = False
    hard_breaches: tuple[str, ...] = ()
    is_crash: bool = False
    band: float = nan
    atr_moves: float = nan
    delta: float = nan
    delta_excess: float = 0.0
    adjustments: int = 0

    @property
    def loss(self) -> float:
        """Loss per unit if it were closed at once; negative for a profit, NaN without a price."""
        return self.closing_price + self.entry_price

"""What must hold for an entry."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf

from strategies.parameters import require, require_between

__all__ = ["EntryRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryRules:
    """What must hold for an entry.

    Parameters
    ----------
    min_credit_share : float
        Smallest credit as a share of the width, in [0, 1); 0 asks for any credit. Not asked of unbounded structures.
    max_short_delta : float
        Largest size of delta of a sold leg, in (0, 1].
    max_volatility_index : float
        Highest level of the volatility index, index points, > 0; infinite for no such gate.
    volatility_index : str
        Name of its series, such as ``VIX``.
    cool_down_s : float
        Seconds after the strategy's last exit in which nothing is opened, >= 0 (L39).
    max_open : int
        Packages of the strategy that may be open at once, >= 1.
    max_chain_age_s : float
        Oldest quotes that are acted upon, seconds, > 0.
    reenters : bool
        Whether another package may be opened in the session in which one has ended.
    """

    min_credit_share: float = 0.0
    max_short_delta: float = 1.0
    max_volatility_index: float = inf
    volatility_index: str = "VIX"
    cool_down_s: float = 300.0
    max_open: int = 1
    max_chain_age_s: float = 300.0
    reenters: bool = False

    def __post_init__(self) -> None:
        require_between("entry", "min_credit_share", self.min_credit_share, 0.0, 1.0, open_high=True)
        require_between("entry", "max_short_delta", self.max_short_delta, 0.0, 1.0, open_low=True)
        require(
            "entry", "max_volatility_index", self.max_volatility_index, "above 0", holds=self.max_volatility_index > 0
        )
        require_between("entry", "cool_down_s", self.cool_down_s, 0.0, inf, open_high=True)
        require_between("entry", "max_open", self.max_open, 1, 1_000)
        require_between("entry", "max_chain_age_s", self.max_chain_age_s, 0.0, inf, open_low=True)

"""Settings of the dealer book: where it opens, what moves it, and how sure its assumptions are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fields.config import PositionSource
from market.errors import ConfigError

__all__ = ["DealerConfig", "OpeningMode"]

_MOVED_BY_FLOW = frozenset({PositionSource.FLOW, PositionSource.HYBRID})


class OpeningMode(StrEnum):
    """What a hybrid book assumes of the open interest that it has not seen traded (+ dealer long)."""

    OI_NAIVE = "oi_naive"  # dealers long calls, short puts
    ALL_SHORT = "all_short"
    ALL_LONG = "all_long"
    USER = "user"  # a vector of signed contracts, taken as exact
    FLAT = "flat"  # nothing known: zero, anywhere between short and long of all of it


@dataclass(frozen=True, slots=True, kw_only=True)
class DealerConfig:
    """Settings of one dealer book.

    Parameters
    ----------
    source : PositionSource
        ``hybrid`` opens by `opening` and moves with signed flow; ``flow`` opens at zero and moves with it; the others
        follow their convention on each published open interest, and flow is only recorded beside them.
    opening : OpeningMode
        How a ``hybrid`` book opens; the other sources do not read it.
    opening_error_share : float
        Standard error of a position that an assumption gives, as a share of open interest. It is an assumption itself.
        The default 1/sqrt(3) is the root mean square error where dealers hold the assumed side of a share of the open
        interest that is uniform on 0 to 1, and under ``flat`` where the position is uniform on -OI to OI.
    min_probability : float
        A sign that is right with a smaller probability counts as unsigned: 1 / (2p - 1) would make it noise; 0.5 to 1.
    diluted_share : float
        Share of an auction or complex print that counts as signed; the rest counts as unsigned; 0 to 1.
    max_missing_share : float
        Share of the open interest of living contracts that may be missing from a newly published one; beyond it the
        new one is refused, because it probably speaks of other contract terms (a split); 0 to 1.
    max_contracts : int
        Bound on contract numbers, and so on memory.
    """

    source: PositionSource = PositionSource.HYBRID
    opening: OpeningMode = OpeningMode.OI_NAIVE
    opening_error_share: float = 3.0**-0.5
    min_probability: float = 0.55
    diluted_share: float = 0.5
    max_missing_share: float = 0.5
    max_contracts: int = 1 << 20

    def __post_init__(self) -> None:
        if not self.opening_error_share >= 0.0:
            raise _outside("opening_error_share", self.opening_error_share, "0 or more")
        if not 0.5 < self.min_probability <= 1.0:
            raise _outside("min_probability", self.min_probability, "above 0.5, at most 1")
        for name in ("diluted_share", "max_missing_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise _outside(name, getattr(self, name), "0 to 1")
        if self.max_contracts < 1:
            raise _outside("max_contracts", self.max_contracts, "1 or more")

    @property
    def moved_by_flow(self) -> bool:
        """Whether signed trades move the position."""
        return self.source in _MOVED_BY_FLOW


def _outside(name: str, found: float, expected: str) -> ConfigError:
    return ConfigError(f"{name} of the dealer book is out of range", found=str(found), expected=expected)

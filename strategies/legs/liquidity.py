"""What a leg's quote must be like to be traded, as data."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

from strategies.parameters import require, require_between
from strategies.views import ChainView

__all__ = ["Liquidity", "illiquid"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidity:
    """Bounds that each leg of a structure must keep; what a source does not tell has not passed.

    Parameters
    ----------
    min_bid : float
        Least bid, per unit, >= 0; 0 for no bound.
    max_relative_spread : float
        Widest spread as a share of the mid price, > 0; infinite for no bound.
    min_open_interest, min_volume : float
        Contracts, >= 0; 0 for no bound.
    """

    min_bid: float = 0.0
    max_relative_spread: float = inf
    min_open_interest: float = 0.0
    min_volume: float = 0.0

    def __post_init__(self) -> None:
        for name in ("min_bid", "min_open_interest", "min_volume"):
            require_between("liquidity", name, getattr(self, name), 0.0, inf, open_high=True)
        widest = self.max_relative_spread
        require("liquidity", "max_relative_spread", widest, "above 0", holds=widest > 0.0)


def illiquid(view: ChainView, place: int, bounds: Liquidity) -> str:
    """Return which bound a contract breaks.

    Parameters
    ----------
    view : ChainView
        The chain.
    place : int
        Place of the contract.
    bounds : Liquidity
        The bounds.

    Returns
    -------
    str
        With what was found and asked; empty where it keeps all.
    """
    chain, quote = view.chain, view.quote(place)
    if isfinite(bounds.max_relative_spread):
        spread = 2.0 * (quote.ask - quote.bid) / (quote.ask + quote.bid)
        if not 0.0 <= spread <= bounds.max_relative_spread:
            return f"relative spread {spread:.3g}, at most {bounds.max_relative_spread:g} is asked"
    asked = (
        ("bid", quote.bid, bounds.min_bid),
        ("open interest", float(chain.open_interest[place]), bounds.min_open_interest),
        ("volume", float(chain.volume[place]), bounds.min_volume),
    )
    for name, found, least in asked:
        if least and not found >= least:
            return f"{name} {found:g}, at least {least:g} is asked"
    return ""

"""Positions of a whole account as a struct of arrays: what Greeks, stress and limits are computed from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Final

import numpy as np

from market.chains import BoolArray, FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["PortfolioGreeks", "PricedBook"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedBook:
    """Positions with all that their value depends on; arrays over underlyings and over legs.

    Parameters
    ----------
    ts_event_ns : int
        Instant of the prices, ns since the epoch, UTC.
    underlyings : tuple of str
        Names, unlike each other.
    spot : ndarray, shape (n_underlyings,)
        Price of each, quote currency; NaN where it is not known.
    beta : ndarray, shape (n_underlyings,)
        Return of the underlying for one of the benchmark; NaN where it is not known.
    benchmark : str
        What betas refer to; empty where there is none.
    benchmark_spot : float
        Its price; NaN where it is not known.
    package_ids : tuple of str
        Of each leg: the package that it belongs to.
    strategies : tuple of str
        Of each leg: who holds it.
    symbols : tuple of str
        Of each leg: its instrument.
    underlying : ndarray of int64, shape (n_legs,)
        Place in `underlyings`.
    units : ndarray, shape (n_legs,)
        Shares, contracts or coins, positive long.
    multiplier : ndarray, shape (n_legs,)
        Units of the underlying in one unit, > 0.
    is_option, is_call : ndarray of bool, shape (n_legs,)
        Kind; `is_call` of what is no option is False.
    strike : ndarray, shape (n_legs,)
        Strikes, quote currency; NaN for what is no option.
    tau : ndarray, shape (n_legs,)
        Years to expiry, ACT/365, > 0; NaN for what is no option.
    volatility : ndarray, shape (n_legs,)
        Annualised, of the position's own mark; NaN for what is no option or has no mark that tells it.
    forward_ratio : ndarray, shape (n_legs,)
        Forward to the expiry over `spot`; 1 for what is no option, NaN where it is not known.
    discount : ndarray, shape (n_legs,)
        Present value of 1 paid at expiry; 1 for what is no option, NaN where it is not known.
    mark : ndarray, shape (n_legs,)
        What one unit of the underlying in it is worth now, quote currency; NaN where there is no mark.
    is_american : ndarray of bool, shape (n_legs,) or (0,)
        Whether its holder may exercise early; empty where none may.

    Raises
    ------
    DataError
        Arrays differ in length, or a leg points at no underlying.

    Notes
    -----
    What is missing stays NaN: whoever needs it says which leg, and fails closed. Values of options are
    ``discount * Black(spot * forward_ratio, strike, volatility, tau)``, early exercise left out.
    """

    ts_event_ns: int
    underlyings: tuple[str, ...]
    spot: FloatArray
    beta: FloatArray
    benchmark: str
    benchmark_spot: float
    package_ids: tuple[str, ...]
    strategies: tuple[str, ...]
    symbols: tuple[str, ...]
    underlying: Int64Array
    units: FloatArray
    multiplier: FloatArray
    is_option: BoolArray
    is_call: BoolArray
    strike: FloatArray
    tau: FloatArray
    volatility: FloatArray
    forward_ratio: FloatArray
    discount: FloatArray
    mark: FloatArray
    is_american: BoolArray = field(default_factory=lambda: np.zeros(0, dtype=np.bool_))

    def __post_init__(self) -> None:
        n_underlyings, n_legs = len(self.underlyings), len(self.symbols)
        for name in _OF_LEGS:
            _require_length(name, len(getattr(self, name)), n_legs)
        for name in ("spot", "beta"):
            _require_length(name, len(getattr(self, name)), n_underlyings)
        if self.is_american.size:
            _require_length("is_american", len(self.is_american), n_legs)
        if n_legs and not (self.underlying.min() >= 0 and self.underlying.max() < n_underlyings):
            raise DataError("a leg points at no underlying", found=str(self.underlying), expected=f"< {n_underlyings}")

    @property
    def n_legs(self) -> int:
        """Number of legs."""
        return len(self.symbols)


_REST: Final = ("ts_event_ns", "underlyings", "spot", "beta", "benchmark", "benchmark_spot", "is_american")
_OF_LEGS: Final = tuple(item.name for item in fields(PricedBook) if item.name not in _REST)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioGreeks:
    """Sums over positions in the units of Q18; a sum with a leg that cannot be valued is NaN.

    Parameters
    ----------
    delta_shares : float
        Share equivalents: units x multiplier x delta.
    gamma_shares_per_usd : float
        Change of `delta_shares` for 1 of price.
    vega_usd_per_volpt : float
        Account currency for one vol point (0.01).
    theta_usd_per_day : float
        Account currency for one calendar day.
    delta_usd : float
        Account currency: `delta_shares` times price, summed over underlyings.
    beta_delta_shares : float
        Shares of the benchmark that move as much: sum of ``delta_shares x beta x spot / benchmark_spot``.
    reason : str
        Why a number is NaN: which leg lacks what; empty where none is.
    """

    delta_shares: float
    gamma_shares_per_usd: float
    vega_usd_per_volpt: float
    theta_usd_per_day: float
    delta_usd: float
    beta_delta_shares: float
    reason: str = ""


def _require_length(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise DataError(f"array {name} breaks the book", found=f"{found} values", expected=f"{expected}")

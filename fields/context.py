"""What a field is computed with besides the chain and its settings: the dealers' book and the market's liquidity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fields.liquidity import LiquidityProfile
from market.chains import FloatArray

__all__ = ["NO_CONTEXT", "FieldContext"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldContext:
    """Inputs from outside the chain; each may be missing.

    Parameters
    ----------
    contracts : ndarray, shape (n_contracts,), optional
        Signed dealer contracts in the order of the chain (+ long), NaN where unknown; needed by the ``user``, ``flow``
        and ``hybrid`` position sources, not read by the others.
    standard_error : ndarray, shape (n_contracts,), optional
        Standard error of the dealers' contracts; without it no error of an exposure is known.
    liquidity : LiquidityProfile, optional
        Relative illiquidity by price for the potential; constant without it.
    """

    contracts: FloatArray | None = None
    standard_error: FloatArray | None = None
    liquidity: LiquidityProfile | None = None


NO_CONTEXT: Final = FieldContext()
"""A chain alone."""

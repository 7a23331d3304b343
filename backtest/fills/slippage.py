"""What a leg pays beyond the far side of its quote; each model named with its numbers."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Protocol

from market.errors import ConfigError
from strategies.views import Quote

__all__ = ["FixedSlippage", "ImpactSlippage", "MidSlippage", "NoSlippage", "SlippageModel", "VolumeShareSlippage"]


class SlippageModel(Protocol):
    """How much worse than the far side a leg trades."""

    @property
    def name(self) -> str:
        """What reports call it, with its numbers."""

    def beyond(self, quote: Quote, quantity: float, *, is_buy: bool) -> float:
        """Return the distance beyond the far side, >= 0.

        Parameters
        ----------
        quote : Quote
            What the leg meets; both sides finite.
        quantity : float
            Units of the leg, > 0.
        is_buy : bool
            Side.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class NoSlippage:
    """Nothing beyond the far side."""

    @property
    def name(self) -> str:
        """That there is none."""
        return "no slippage"

    def beyond(self, quote: Quote, quantity: float, *, is_buy: bool) -> float:  # noqa: ARG002
        """Return 0."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedSlippage:
    """The same amount per unit for every leg (Q10).

    Parameters
    ----------
    amount : float
        Quote currency per unit, >= 0.
    """

    amount: float = 0.02

    def __post_init__(self) -> None:
        _require(self.amount)

    @property
    def name(self) -> str:
        """The amount."""
        return f"slippage {self.amount:g} per leg"

    def beyond(self, quote: Quote, quantity: float, *, is_buy: bool) -> float:  # noqa: ARG002
        """Return the amount."""
        return self.amount


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactSlippage:
    """A share of the half spread that grows with the root of the quantity (Q10).

    Parameters
    ----------
    share : float
        Part of the half spread at a quantity of one, >= 0.
    """

    share: float = 0.10

    def __post_init__(self) -> None:
        _require(self.share)

    @property
    def name(self) -> str:
        """The share."""
        return f"slippage {self.share:g} of half the spread x root of quantity"

    def beyond(self, quote: Quote, quantity: float, *, is_buy: bool) -> float:  # noqa: ARG002
        """Return the share of half the spread times the root."""
        return self.share * max(0.0, 0.5 * (quote.ask - quote.bid)) * sqrt(quantity)


@dataclass(frozen=True, slots=True, kw_only=True)
class MidSlippage:
    """A part of the mid (L34: 10 basis points).

    Parameters
    ----------
    mid_bps : float
        Basis points of the mid, >= 0.
    """

    mid_bps: float = 10.0

    def __post_init__(self) -> None:
        _require(self.mid_bps)

    @property
    def name(self) -> str:
        """The basis points."""
        return f"slippage {self.mid_bps:g} bp of mid"

    def beyond(self, quote: Quote, quantity: float, *, is_buy: bool) -> float:  # noqa: ARG002
        """Return the part of the mid."""
        return self.mid_bps * 1e-4 * abs(0.5 * (quote.bid + quote.ask))


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeShareSlippage:
    """Impact that grows with the square of the share taken of the displayed size.

    Parameters
    ----------
    impact : float
        Part of the mid at a share of one, >= 0.
    unknown_share : float
        Share that is assumed where no size is told, >= 0.
    """

    impact: float = 0.1
    unknown_share: float = 0.025

    def __post_init__(self) -> None:
        _require(self.impact)
        _require(self.unknown_share)

    @property
    def name(self) -> str:
        """Impact, and the share where no size is told."""
        return f"slippage {self.impact:g} of mid x share of size squared ({self.unknown_share:g} where not told)"

    def beyond(self, quote: Quote, quantity: float, *, is_buy: bool) -> float:
        """Return the impact of the share."""
        size = quote.ask_size if is_buy else quote.bid_size
        share = min(1.0, quantity / size) if size > 0.0 else self.unknown_share
        return self.impact * share * share * abs(0.5 * (quote.bid + quote.ask))


def _require(value: float) -> None:
    if not (isfinite(value) and value >= 0.0):
        raise ConfigError("a number of a slippage model cannot be", found=str(value), expected="a finite number >= 0")

"""Where between bid and ask an order trades, when a resting order is reached, and how much of it; each named."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from market.errors import ConfigError

__all__ = ["CrossSpread", "FillModel", "MidPlusFraction", "QueuelessLimit", "SizeRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """How much of the displayed size an order may take at one instant.

    Parameters
    ----------
    share : Decimal
        Part of the displayed size, above 0 and up to 1.
    unknown : Decimal or None
        Units per leg where no size is told; None lets the whole order through.
    """

    share: Decimal = Decimal(1)
    unknown: Decimal | None = None

    def __post_init__(self) -> None:
        if not (Decimal(0) < self.share <= Decimal(1)):
            raise ConfigError("a share of the displayed size cannot be", found=str(self.share), expected="0 to 1")
        if self.unknown is not None and not self.unknown > Decimal(0):
            raise ConfigError(
                "a size for unknown sizes cannot be", found=str(self.unknown), expected="a number above 0"
            )

    @property
    def name(self) -> str:
        """Share, and what is done where no size is told."""
        unknown = "all" if self.unknown is None else str(self.unknown)
        return f"{self.share} of displayed size, {unknown} where none is told"


class FillModel(Protocol):
    """Two places between mid (0) and far side (1), and a size."""

    @property
    def name(self) -> str:
        """What reports call it, with its numbers."""

    @property
    def taking(self) -> float:
        """Where an order trades that is marketable when it arrives."""

    @property
    def resting(self) -> float:
        """What must reach the limit of a resting order, which then fills at its limit."""

    @property
    def size(self) -> SizeRule:
        """How much of the displayed size it may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossSpread:
    """The conservative default: every leg pays the far side, and a limit is reached by the far side only.

    Parameters
    ----------
    size : SizeRule
        How much of the displayed size an order may take.
    """

    size: SizeRule = SizeRule()

    @property
    def name(self) -> str:
        """The rule of sizes."""
        return f"cross the spread; {self.size.name}"

    @property
    def taking(self) -> float:
        """The far side."""
        return 1.0

    @property
    def resting(self) -> float:
        """The far side."""
        return 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MidPlusFraction:
    """Every leg trades between mid and far side: optimistic, and named so.

    Parameters
    ----------
    fraction : float
        0 at the mid, 1 at the far side.
    size : SizeRule
        How much of the displayed size an order may take.
    """

    fraction: float
    size: SizeRule = SizeRule()

    def __post_init__(self) -> None:
        if not 0.0 <= self.fraction <= 1.0:
            raise ConfigError("a place between mid and far side cannot be", found=str(self.fraction), expected="0 to 1")

    @property
    def name(self) -> str:
        """Fraction and the rule of sizes."""
        return f"mid plus {self.fraction:g} of half the spread; {self.size.name}"

    @property
    def taking(self) -> float:
        """The fraction."""
        return self.fraction

    @property
    def resting(self) -> float:
        """The fraction."""
        return self.fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuelessLimit:
    """Crosses like the default, but a resting order is first in its queue: it fills once the mid is at its limit.

    Parameters
    ----------
    size : SizeRule
        How much of the displayed size an order may take.
    """

    size: SizeRule = SizeRule()

    @property
    def name(self) -> str:
        """The rule of sizes."""
        return f"cross the spread, resting orders first in the queue; {self.size.name}"

    @property
    def taking(self) -> float:
        """The far side."""
        return 1.0

    @property
    def resting(self) -> float:
        """The mid."""
        return 0.0

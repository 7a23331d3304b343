"""Every structure by its name, with what it needs by default: what the selector, the pages and the tests go through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from strategies.legs.rules import Structure
from strategies.structures.broken_wing import broken_wing
from strategies.structures.butterfly import butterfly
from strategies.structures.calendar import calendar
from strategies.structures.diagonal import diagonal
from strategies.structures.expected_move_condor import condor_by_expected_move
from strategies.structures.flyagonal import flyagonal
from strategies.structures.iron_butterfly import iron_butterfly
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.long_put import long_put
from strategies.structures.straddle import straddle
from strategies.structures.strangle import strangle
from strategies.structures.vertical import credit_spread, debit_spread

__all__ = ["SHAPES", "Shape"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One structure with its default parameters, which are those of an index such as SPX.

    Parameters
    ----------
    structure : Structure
        The legs.
    days : tuple of int
        Calendar days to each expiration that it needs, rising.
    is_sold : bool
        Whether it is opened for a credit; a broken wing is only where that is asked for.
    summary : str
        What it is, in one sentence.
    """

    structure: Structure
    days: tuple[int, ...]
    is_sold: bool
    summary: str

    @property
    def name(self) -> str:
        """Name of the structure."""
        return self.structure.name

    @property
    def is_defined_risk(self) -> bool:
        """Whether each sold leg is covered."""
        return self.structure.is_defined_risk


_MONTH: Final = (45,)
_MONTHS: Final = (30, 60)

_ALL: Final = (
    Shape(
        structure=credit_spread(0.2, 50.0, is_bullish=True),
        days=_MONTH,
        is_sold=True,
        summary="A put spread sold below the price: it keeps the credit while the price stays above the sold strike.",
    ),
    Shape(
        structure=credit_spread(0.2, 50.0, is_bullish=False),
        days=_MONTH,
        is_sold=True,
        summary="A call spread sold above the price: it keeps the credit while the price stays below the sold strike.",
    ),
    Shape(
        structure=debit_spread(0.5, 50.0, is_bullish=True),
        days=_MONTH,
        is_sold=False,
        summary="A call bought at the money against one sold above it: a rise up to the sold strike, for a debit.",
    ),
    Shape(
        structure=debit_spread(0.5, 50.0, is_bullish=False),
        days=_MONTH,
        is_sold=False,
        summary="A put bought at the money against one sold below it: a fall down to the sold strike, for a debit.",
    ),
    Shape(
        structure=condor_by_delta(0.16, 50.0),
        days=_MONTH,
        is_sold=True,
        summary="A put spread and a call spread sold around the price by delta: it keeps the credit between them.",
    ),
    Shape(
        structure=condor_by_expected_move(),
        days=_MONTH,
        is_sold=True,
        summary="An iron condor whose strikes lie at one and one and a half expected moves of the straddle.",
    ),
    Shape(
        structure=iron_butterfly(50.0, step=25.0),
        days=_MONTH,
        is_sold=True,
        summary="A straddle sold at the money between two bought wings: the most credit, kept only at one price.",
    ),
    Shape(
        structure=butterfly(50.0, step=25.0),
        days=_MONTH,
        is_sold=False,
        summary="Two contracts sold at the body between two bought wings: a small debit against a price at the body.",
    ),
    Shape(
        structure=butterfly(50.0, is_sold=True, step=25.0),
        days=_MONTH,
        is_sold=True,
        summary="The butterfly sold: a small credit that is kept where the price ends beyond the wings.",
    ),
    Shape(
        structure=broken_wing(25.0, 50.0, is_bullish=True, step=25.0),
        days=_MONTH,
        is_sold=True,
        summary="A put butterfly whose lower wing stands farther away: for a credit there is no loss above.",
    ),
    Shape(
        structure=broken_wing(25.0, 50.0, is_bullish=False, step=25.0),
        days=_MONTH,
        is_sold=True,
        summary="A call butterfly whose upper wing stands farther away: for a credit there is no loss below.",
    ),
    Shape(
        structure=calendar(step=25.0),
        days=_MONTHS,
        is_sold=False,
        summary="The near month sold and a later one bought at one strike: it gains where the price stays there.",
    ),
    Shape(
        structure=diagonal(0.3, -25.0),
        days=_MONTHS,
        is_sold=False,
        summary="A calendar of two strikes: the later call stands nearer to the money than the one that is sold.",
    ),
    Shape(
        structure=straddle(is_sold=False),
        days=_MONTH,
        is_sold=False,
        summary="A call and a put bought at the money: a move of either sign beyond what they cost.",
    ),
    Shape(
        structure=straddle(is_sold=True),
        days=_MONTH,
        is_sold=True,
        summary="A call and a put sold at the money: it keeps what is left of the credit; the loss has no bound.",
    ),
    Shape(
        structure=strangle(0.3, is_sold=False),
        days=_MONTH,
        is_sold=False,
        summary="A put bought below and a call bought above the price: a large move of either sign.",
    ),
    Shape(
        structure=strangle(0.16, is_sold=True),
        days=_MONTH,
        is_sold=True,
        summary="A put sold below and a call sold above the price: it keeps the credit between; no bound beyond.",
    ),
    Shape(
        structure=flyagonal(),
        days=(8, 16),
        is_sold=False,
        summary="A broken-wing butterfly of calls above the price and a diagonal of puts below it.",
    ),
    Shape(
        structure=long_put(0.25),
        days=_MONTH,
        is_sold=False,
        summary="A put bought for a crash: its price is all that it can lose.",
    ),
)

SHAPES: Final[Mapping[str, Shape]] = MappingProxyType({shape.name: shape for shape in _ALL})
"""The structures, in the order in which a page shows them."""

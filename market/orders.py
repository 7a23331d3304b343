"""What is asked of a venue: packages of legs at a limit. A market order cannot be expressed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from math import gcd

from market.errors import DataError
from market.tradables import Instrument

__all__ = ["Leg", "OrderIntent", "PositionEffect", "TimeInForce", "unit_multiplier"]


class PositionEffect(StrEnum):
    """What an order may do to the position: one that closes can never enlarge or turn it."""

    OPEN = "open"
    CLOSE = "close"


class TimeInForce(StrEnum):
    """How long an order rests."""

    DAY = "day"  # until the close of the session
    GTC = "gtc"  # until cancelled
    IOC = "ioc"  # what cannot be filled at once is cancelled


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One part of a package.

    Parameters
    ----------
    instrument : Instrument
        What to trade.
    ratio : int
        Units per package, not 0: positive buys, negative sells.
    """

    instrument: Instrument
    ratio: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderIntent:
    """The wish to trade a package; it becomes an order only behind risk and journal.

    Parameters
    ----------
    intent_id : str
        Derived from the decision (`execution.identity`): the same decision asks with the same id.
    cause_id : str
        Id of the decision.
    ts_event_ns : int
        Instant of the decision, ns since the epoch, UTC.
    strategy : str
        Name of the strategy.
    package_id : str
        The position that it opens or reduces: one package from its first fill to flat.
    legs : tuple of Leg
        Unlike instruments, ratios reduced by their greatest common divisor. A single leg has ratio 1 or -1.
    quantity : Decimal
        Packages, > 0; whole where any leg is an option or a future.
    limit_price : Decimal
        Worst net price of one package per unit of its multiplier (`unit_multiplier`): sum of ratio x price. Positive
        pays, negative receives; so the order may never pay more, or receive less, than this. Of a single bought leg it
        is the price, of a single sold leg minus the price.
    effect : PositionEffect
        Open or close.
    time_in_force : TimeInForce
        How long it rests.
    good_until_ns : int
        Instant at which it is cancelled, ns since the epoch, UTC; 0 where the time in force alone decides.
    reason : str
        Code of the rule that asks for it.
    structure : str
        Name of the structure, so that a package is known by it from its first fill on; empty where nobody gave one.
    """

    intent_id: str
    cause_id: str
    ts_event_ns: int
    strategy: str
    package_id: str
    legs: tuple[Leg, ...]
    quantity: Decimal
    limit_price: Decimal
    effect: PositionEffect
    time_in_force: TimeInForce
    good_until_ns: int = 0
    reason: str = ""
    structure: str = ""

    def __post_init__(self) -> None:
        ratios = [leg.ratio for leg in self.legs]
        symbols = {leg.instrument.symbol for leg in self.legs}
        if not ratios or 0 in ratios or gcd(*ratios) != 1:
            raise _broken("ratios", str(ratios), "one or more, none 0, without a common divisor")
        if len(symbols) != len(ratios):
            raise _broken("legs", f"{len(ratios)} legs of {len(symbols)} instruments", "unlike instruments")
        if not self.quantity.is_finite() or self.quantity <= 0:
            raise _broken("quantity", str(self.quantity), "a finite number above 0")
        if not self.limit_price.is_finite():
            raise _broken("limit price", str(self.limit_price), "a finite price")


def unit_multiplier(legs: tuple[Leg, ...]) -> Decimal:
    """Return the multiplier that a package's net price is quoted per: the largest of its legs.

    Parameters
    ----------
    legs : tuple of Leg
        The package.

    Returns
    -------
    Decimal
        100 for a spread of equity options, also for one with 100 shares beside it, whose price then counts once.
    """
    return max(leg.instrument.multiplier for leg in legs)


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"the {what} of an order cannot be", found=found, expected=expected)

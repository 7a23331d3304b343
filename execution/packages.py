"""Packages of legs: their one form, their net price, and how one with too many legs becomes linked orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_FLOOR, Context, Decimal
from functools import cache
from itertools import combinations
from math import gcd
from typing import Final

from execution.identity import intent_id
from market.errors import DataError
from market.orders import Leg, OrderIntent, unit_multiplier
from market.tradables import OptionContract
from risk.book_loss import least_value

__all__ = [
    "Package",
    "linked_groups",
    "linked_intents",
    "net_price",
    "package_tick",
    "reduced",
    "rounded_limit",
    "worst_loss",
]

_ZERO: Final = Decimal(0)
# A price that has to be rounded is rounded towards paying less.
_FLOOR: Final = Context(prec=28, rounding=ROUND_FLOOR)
_MAX_LEGS: Final = 12  # 5,775 ways to make three groups of four; beyond, the search would be felt


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A package in its one form: ratios without a common divisor, a single leg with ratio 1 or -1.

    Parameters
    ----------
    legs : tuple of Leg
        In the order in which they were given.
    quantity : Decimal
        Packages.
    price : Decimal
        Net price of one package per unit of its multiplier; positive pays, negative receives.
    """

    legs: tuple[Leg, ...]
    quantity: Decimal
    price: Decimal


def reduced(legs: Sequence[Leg], quantity: Decimal, price: Decimal) -> Package:
    """Divide the ratios by their greatest common divisor; quantity grows and price falls by it.

    Parameters
    ----------
    legs : sequence of Leg
        Ratios other than 0.
    quantity : Decimal
        Packages of these ratios.
    price : Decimal
        Net price of one of them per unit.

    Returns
    -------
    Package
        The same units at the same money; a price that does not divide is rounded down, so that it never pays more.
    """
    divisor = gcd(*(leg.ratio for leg in legs))
    if divisor <= 1:
        return Package(legs=tuple(legs), quantity=quantity, price=price)
    smaller = tuple(Leg(instrument=leg.instrument, ratio=leg.ratio // divisor) for leg in legs)
    return Package(legs=smaller, quantity=quantity * divisor, price=_FLOOR.divide(price, Decimal(divisor)))


def net_price(legs: Sequence[Leg], prices: Sequence[Decimal]) -> Decimal:
    """Return the net price of one package per unit of its multiplier.

    Parameters
    ----------
    legs : sequence of Leg
        The package.
    prices : sequence of Decimal
        Price of each leg per unit of the underlying.

    Returns
    -------
    Decimal
        Positive pays, negative receives: sum of ratio x price, where a leg with a smaller multiplier counts by it.
    """
    return _FLOOR.divide(_money(legs, prices), unit_multiplier(tuple(legs)))


def package_tick(legs: Sequence[Leg], price: Decimal) -> Decimal:
    """Return the smallest step of a package's net price.

    Parameters
    ----------
    legs : sequence of Leg
        The package.
    price : Decimal
        Net price per unit.

    Returns
    -------
    Decimal
        Of a single leg its tick at that price; of several the finest tick that any of them has, as complex order
        books quote.
    """
    if len(legs) == 1:
        return legs[0].instrument.tick_at(abs(price))
    return min(leg.instrument.tick_at(_ZERO) for leg in legs)


def rounded_limit(legs: Sequence[Leg], price: Decimal) -> Decimal:
    """Round a limit to the tick in the direction that never pays more and never receives less.

    Parameters
    ----------
    legs : sequence of Leg
        The package.
    price : Decimal
        Worst net price per unit.

    Returns
    -------
    Decimal
        The next tick at or below it.
    """
    tick = package_tick(legs, price)
    return (price / tick).to_integral_value(ROUND_FLOOR) * tick


def worst_loss(legs: Sequence[Leg]) -> Decimal:
    """Return what one package can lose at expiry besides its price.

    Parameters
    ----------
    legs : sequence of Leg
        On one underlying.

    Returns
    -------
    Decimal
        Account currency, >= 0: 0 for long options, the width of a vertical spread, infinite for what is uncovered.

    Notes
    -----
    A long option that ends before a short one covers nothing and counts 0; a later one counts its intrinsic value.
    """
    return max(-least_value((leg.instrument, Decimal(leg.ratio)) for leg in legs), _ZERO)


def linked_groups(legs: Sequence[Leg], leg_limit: int) -> tuple[tuple[Leg, ...], ...]:
    """Split a package into as few groups as the venue needs, the one safest to hold alone first.

    Parameters
    ----------
    legs : sequence of Leg
        At most 12.
    leg_limit : int
        Most legs that the venue takes in one order, >= 1.

    Returns
    -------
    tuple of tuple of Leg
        Ratios as in the package. Of all splits the one with the fewest uncovered groups; of those the one that keeps
        expirations and rights together; of those the one whose groups can lose least. Of the groups those without a
        bound go last, and of the others those first that are long premium, whose bought legs outlast what they sell:
        what is held alone keeps its time value, and can be sold again at leisure. Then what can lose least.

    Raises
    ------
    DataError
        No legs, too many, or a limit below 1.
    """
    if not 0 < len(legs) <= _MAX_LEGS or leg_limit < 1:
        raise DataError(
            "a package cannot be split into orders",
            found=f"{len(legs)} legs, {leg_limit} an order",
            expected=f"1 to {_MAX_LEGS} legs, 1 or more an order",
        )
    if len(legs) <= leg_limit:
        return (tuple(legs),)

    @cache
    def loss(group: tuple[int, ...]) -> Decimal:
        return worst_loss([legs[place] for place in group])

    def score(split: tuple[tuple[int, ...], ...]) -> tuple[int, int, Decimal]:
        losses = [loss(group) for group in split]
        uncovered = sum(not each.is_finite() for each in losses)
        return uncovered, _torn(legs, split), sum((each for each in losses if each.is_finite()), _ZERO)

    best = min(_splits(tuple(range(len(legs))), leg_limit), key=score)

    def order(group: tuple[int, ...]) -> tuple[bool, bool, Decimal, tuple[int, ...]]:
        return not loss(group).is_finite(), not _is_long_premium([legs[place] for place in group]), loss(group), group

    return tuple(tuple(legs[place] for place in group) for group in sorted(best, key=order))


def linked_intents(intent: OrderIntent, prices: Sequence[Decimal], leg_limit: int) -> tuple[OrderIntent, ...]:
    """Split an intent into linked ones of the same package, in the order in which they are to be sent.

    Parameters
    ----------
    intent : OrderIntent
        A package of any number of legs.
    prices : sequence of Decimal
        What each leg is worth now, per unit of the underlying.
    leg_limit : int
        As `linked_groups`.

    Returns
    -------
    tuple of OrderIntent
        The intent itself where the venue takes it whole. Else each group has the net price of its legs plus its share,
        by legs, of what the limit leaves above or below the whole net price, rounded to its tick so that all limits
        together never pay more than the intent's.

    Raises
    ------
    DataError
        As `linked_groups`, or there is not one price for each leg.
    """
    if len(prices) != len(intent.legs) or not all(price.is_finite() for price in prices):
        raise DataError(
            "the prices of a package's legs cannot be",
            found=f"{[str(price) for price in prices]} for {len(intent.legs)} legs",
            expected="a finite price for each",
        )
    groups = linked_groups(intent.legs, leg_limit)
    if len(groups) == 1:
        return (intent,)
    price_of = {leg.instrument.symbol: price for leg, price in zip(intent.legs, prices, strict=True)}
    slack = intent.limit_price * unit_multiplier(intent.legs) - _money(intent.legs, prices)
    share = _FLOOR.divide(slack, Decimal(len(intent.legs)))
    made: list[OrderIntent] = []
    for place, group in enumerate(groups):
        money = _money(group, [price_of[leg.instrument.symbol] for leg in group]) + share * len(group)
        package = reduced(group, intent.quantity, _FLOOR.divide(money, unit_multiplier(group)))
        made.append(
            replace(
                intent,
                intent_id=intent_id(intent.intent_id, place),
                legs=package.legs,
                quantity=package.quantity,
                limit_price=rounded_limit(package.legs, package.price),
            )
        )
    return tuple(made)


def _money(legs: Sequence[Leg], prices: Sequence[Decimal]) -> Decimal:
    """Return what one package costs, account currency."""
    pairs = zip(legs, prices, strict=True)
    return sum((leg.ratio * leg.instrument.multiplier * price for leg, price in pairs), _ZERO)


def _is_long_premium(legs: Sequence[Leg]) -> bool:
    """Return whether what is bought outlasts all that is sold."""
    ends = [
        (leg.instrument.series.expiry_ns, leg.ratio > 0) for leg in legs if isinstance(leg.instrument, OptionContract)
    ]
    sold = max((end for end, is_bought in ends if not is_bought), default=-1)
    return any(is_bought and end > sold for end, is_bought in ends)


def _splits(places: tuple[int, ...], limit: int) -> Iterator[tuple[tuple[int, ...], ...]]:
    """Yield each way to make the fewest groups of at most so many places."""
    if not places:
        yield ()
        return
    n_groups = -(-len(places) // limit)
    first, rest = places[0], places[1:]
    for size in range(max(len(places) - (n_groups - 1) * limit, 1), limit + 1):
        for others in combinations(rest, size - 1):
            left = tuple(place for place in rest if place not in others)
            for split in _splits(left, limit):
                yield ((first, *others), *split)


def _torn(legs: Sequence[Leg], split: tuple[tuple[int, ...], ...]) -> int:
    """Count in how many groups too many the legs of one expiration and right stand."""
    cells = [{_cell(legs[place]) for place in group} for group in split]
    return sum(map(len, cells)) - len(set().union(*cells))


def _cell(leg: Leg) -> tuple[int, bool]:
    option = leg.instrument
    return (option.series.expiry_ns, option.is_call) if isinstance(option, OptionContract) else (0, False)

"""What a broker closes of an account in a margin call: reductions at limits, most relief for the least cost first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import gcd, inf, isfinite
from typing import Final

from execution.holdings import PackagePosition
from execution.liquidation import reducing
from execution.margin_call import CalledAccount, MarginCallRules, Standing, margined_units, standing
from execution.packages import net_price, rounded_limit
from market.orders import Leg
from market.tradables import Instrument, OptionContract
from risk.margin.reg_t import strategy_margin
from strategies.views import Quote

__all__ = ["Closing", "ClosingPlan", "FeesOf", "QuoteOf", "closings"]

_ZERO: Final = Decimal(0)
QuoteOf = Callable[[Instrument], Quote]
"""The newest quote of an instrument; without executable sides where there is none."""
FeesOf = Callable[[Instrument, Decimal, Decimal], Decimal]
"""Charges of an instrument, signed units and price, account currency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """One order of the broker.

    Parameters
    ----------
    package_id, strategy : str
        Whose.
    legs : tuple of Leg
        As in `market.orders.OrderIntent`.
    quantity : Decimal
        Of these legs, > 0.
    limit_price : Decimal
        Net price per unit, beyond the closing sides: it trades with the next quotes unless they leap.
    cost : Decimal
        What it loses against the marks at the closing sides, with charges, account currency.
    relief : float
        By how much less has to stay, account currency.
    """

    package_id: str
    strategy: str
    legs: tuple[Leg, ...]
    quantity: Decimal
    limit_price: Decimal
    cost: Decimal
    relief: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosingPlan:
    """What the broker does now.

    Parameters
    ----------
    closings : tuple of Closing
        Largest relief per cost first, at most one for each underlying: whichever of them trade, and however much,
        none leaves the others with a larger requirement.
    unquoted : tuple of str
        Packages that would be looked at if their legs had quotes.
    """

    closings: tuple[Closing, ...] = ()
    unquoted: tuple[str, ...] = ()


def closings(
    account: CalledAccount, quote_of: QuoteOf, fees_of: FeesOf, rules: MarginCallRules, *, attempt: int = 1
) -> ClosingPlan:
    """Return what the broker closes of an account that does not keep its maintenance.

    Parameters
    ----------
    account : CalledAccount
        What is held.
    quote_of : callable
        The newest quote of an instrument; without executable sides where there is none.
    fees_of : callable
        Charges of an instrument, signed units and price, account currency.
    rules : MarginCallRules
        How far beyond the closing sides.
    attempt : int
        1 for the first orders of a call; it widens the limits.

    Returns
    -------
    ClosingPlan
        Nothing where maintenance holds, or where it cannot be told.

    Notes
    -----
    A package is closed in proportion, and no more of it than the maintenance needs. A package that does not divide
    into whole parts, or whose legs cannot all be traded, is closed leg by leg where no package helps. What frees
    nothing by itself goes last: of a naked call and a naked put only the dearer side is margined, so that one of them
    has to go before the other helps. No order enlarges or turns the account's position in any instrument, and none
    raises the requirement: a long leg that covers another package is sold after it. A part raises no more than the
    whole, because the least cost of covering is convex in what is to be covered.
    """
    found: list[Closing] = []
    taken: set[str] = set()
    unquoted: set[str] = set()
    while True:
        best = _best(account, _Terms(quote_of, fees_of, rules, attempt), taken, unquoted)
        if best is None:
            return ClosingPlan(closings=tuple(found), unquoted=tuple(sorted(unquoted)))
        found.append(best)
        taken |= {leg.instrument.underlying for leg in best.legs}
        account = _after(account, best)


@dataclass(frozen=True, slots=True)
class _Terms:
    """How orders are priced."""

    quote_of: QuoteOf
    fees_of: FeesOf
    rules: MarginCallRules
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wish:
    """A package, or one leg of it, that could be closed: legs and the most of them."""

    package_id: str
    strategy: str
    legs: tuple[Leg, ...]
    most: Decimal
    is_package: bool


def _best(account: CalledAccount, terms: _Terms, taken: set[str], unquoted: set[str]) -> Closing | None:
    """Return the closing with the largest relief per cost of the first rank that has any."""
    now = standing(account)
    if not now.excess < 0.0:
        return None
    barred = _barred(account) if now.requirement == inf else frozenset()
    ranks: dict[tuple[bool, bool], list[Closing]] = {}
    for wish in _wishes(account):
        if taken & {leg.instrument.underlying for leg in wish.legs}:
            continue
        sides = _sides(wish.legs, terms.quote_of)
        if sides is None:
            unquoted.add(wish.package_id)
            continue
        found = _smallest(account, now, _Priced(wish, sides, terms), barred)
        if found is not None:
            closing, helps = found
            ranks.setdefault((not helps, not wish.is_package), []).append(closing)
    return min(ranks[min(ranks)], key=_dearness) if ranks else None


def _dearness(closing: Closing) -> tuple[float, float, str, tuple[str, ...]]:
    """Order closings by cost per relief; names decide ties, so that the same account gives the same orders."""
    rate = max(float(closing.cost), 0.0) / closing.relief if closing.relief > 0.0 else inf
    return rate, -closing.relief, closing.package_id, tuple(leg.instrument.symbol for leg in closing.legs)


def _barred(account: CalledAccount) -> frozenset[str]:
    """Return the underlyings whose positions the account may not hold at all."""
    found = set()
    for underlying in {each.instrument.underlying for each in account.positions}:
        own = [each for each in account.positions if each.instrument.underlying == underlying]
        if strategy_margin(margined_units(own), account.prices, account.rules).requirement == inf:
            found.add(underlying)
    return frozenset(found)


def _wishes(account: CalledAccount) -> Iterator[_Wish]:
    """Yield what could be closed of each package without turning the account's position in anything."""
    net: dict[str, Decimal] = {}
    packages: dict[str, list[PackagePosition]] = {}
    for each in sorted(account.positions, key=lambda position: position.instrument.symbol):
        net[each.instrument.symbol] = net.get(each.instrument.symbol, _ZERO) + each.quantity
        packages.setdefault(each.package_id, []).append(each)
    for parts in packages.values():
        if len(parts) > 1:
            whole = _wish(parts, net)
            yield from [whole] if whole is not None else []
        for part in parts:
            alone = _wish([part], net, is_package=len(parts) == 1)
            yield from [alone] if alone is not None else []


def _wish(parts: Sequence[PackagePosition], net: Mapping[str, Decimal], *, is_package: bool = True) -> _Wish | None:
    """Return the legs that close some positions in proportion; None where they have no whole proportion."""
    if len(parts) == 1:
        ratios, most = [-1 if parts[0].quantity > 0 else 1], abs(parts[0].quantity)
    elif any(part.quantity != part.quantity.to_integral_value() for part in parts):
        return None
    else:
        divisor = gcd(*(int(part.quantity) for part in parts))
        ratios, most = [-int(part.quantity) // divisor for part in parts], Decimal(divisor)
    for part, ratio in zip(parts, ratios, strict=True):
        allowed = abs(reducing(net[part.instrument.symbol], ratio * most)) / abs(ratio)
        whole = isinstance(part.instrument, OptionContract) or len(parts) > 1
        most = min(most, allowed.to_integral_value(ROUND_FLOOR) if whole else allowed)
    if most <= 0:
        return None
    legs = tuple(Leg(instrument=part.instrument, ratio=ratio) for part, ratio in zip(parts, ratios, strict=True))
    return _Wish(
        package_id=parts[0].package_id, strategy=parts[0].strategy, legs=legs, most=most, is_package=is_package
    )


def _sides(legs: Sequence[Leg], quote_of: QuoteOf) -> tuple[Decimal, ...] | None:
    """Return the closing side of each leg; None where one cannot be traded."""
    sides = []
    for leg in legs:
        quote = quote_of(leg.instrument)
        bid = max(0.0, quote.bid)  # 0 also for NaN: nobody bids
        if not (isfinite(quote.ask) and quote.ask > 0.0 and quote.ask >= bid):
            return None
        if leg.ratio < 0 and bid == 0.0 and len(legs) == 1:
            return None  # within a package it is thrown in, alone it finds no buyer
        sides.append(Decimal(repr(quote.ask if leg.ratio > 0 else bid)))
    return tuple(sides)


@dataclass(frozen=True, slots=True)
class _Priced:
    """What could be closed, with the sides at which it could be."""

    wish: _Wish
    sides: tuple[Decimal, ...]
    terms: _Terms

    def part(self, account: CalledAccount, now: Standing, quantity: Decimal) -> tuple[Closing, Standing]:
        """Return the order for a part, and where the account stands once it has traded at the sides."""
        wish, cost = self.wish, _ZERO
        for leg, side in zip(wish.legs, self.sides, strict=True):
            units = leg.ratio * quantity
            cost += units * leg.instrument.multiplier * (side - account.prices[leg.instrument.symbol])
            cost += self.terms.fees_of(leg.instrument, units, side)
        closing = Closing(
            package_id=wish.package_id,
            strategy=wish.strategy,
            legs=wish.legs,
            quantity=quantity,
            limit_price=_limit(wish.legs, self.sides, self.terms.rules, self.terms.attempt),
            cost=cost,
            relief=0.0,
        )
        after = standing(_after(account, closing))
        relief = now.required - after.required
        return replace(closing, relief=relief if relief == relief else 0.0), after  # noqa: PLR0124  # two infinities


def _smallest(
    account: CalledAccount, now: Standing, priced: _Priced, barred: frozenset[str]
) -> tuple[Closing, bool] | None:
    """Return the least part that restores the maintenance, else the best, and whether it helps by itself."""

    def part(count: int) -> tuple[Closing, Standing]:
        return priced.part(account, now, min(Decimal(count), priced.wish.most))

    most = int(priced.wish.most.to_integral_value(ROUND_CEILING))
    low, high = 1, most
    while low < high:  # the excess rises up to some part and falls from it on
        middle = (low + high) // 2
        if part(middle + 1)[1].excess >= part(middle)[1].excess:
            low = middle + 1
        else:
            high = middle
    best, after = part(low)
    frees = any(leg.ratio > 0 and leg.instrument.underlying in barred for leg in priced.wish.legs)
    helps = frees or after.excess > now.excess
    if not helps:
        best, after = part(most)
    elif after.excess >= 0.0:
        best, after = _least(part, low)
    return None if after.requirement > now.requirement else (best, helps)


def _least(part: Callable[[int], tuple[Closing, Standing]], enough: int) -> tuple[Closing, Standing]:
    """Return the smallest part that restores the maintenance."""
    low, high = 0, enough
    while high - low > 1:
        middle = (low + high) // 2
        if part(middle)[1].excess >= 0.0:
            high = middle
        else:
            low = middle
    return part(high)


def _limit(legs: tuple[Leg, ...], sides: tuple[Decimal, ...], rules: MarginCallRules, attempt: int) -> Decimal:
    """Return the net limit with every leg beyond its side, rounded towards the market."""
    prices = []
    for leg, side in zip(legs, sides, strict=True):
        tick = leg.instrument.tick_at(side)
        steps = (max(side * rules.beyond, rules.beyond_least) * attempt / tick).to_integral_value(ROUND_CEILING)
        moved = side + steps * tick if leg.ratio > 0 else side - steps * tick
        prices.append(max(moved, tick if len(legs) == 1 else _ZERO))
    return -rounded_limit(legs, -net_price(legs, prices))


def _after(account: CalledAccount, closing: Closing) -> CalledAccount:
    """Return the account once a closing has traded at the closing sides."""
    traded = {leg.instrument.symbol: leg.ratio * closing.quantity for leg in closing.legs}
    positions = []
    for each in account.positions:
        units = traded.get(each.instrument.symbol, _ZERO) if each.package_id == closing.package_id else _ZERO
        if each.quantity + units:
            positions.append(replace(each, quantity=each.quantity + units) if units else each)
    return replace(account, equity=account.equity - closing.cost, positions=tuple(positions))

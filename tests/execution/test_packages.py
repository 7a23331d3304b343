"""Packages in their one form, and those that a venue does not take whole."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from execution.packages import (
    linked_groups,
    linked_intents,
    net_price,
    package_tick,
    reduced,
    rounded_limit,
    worst_loss,
)
from market.errors import DataError
from market.orders import Leg, unit_multiplier
from market.tradables import OptionContract, Perpetual
from tests.execution.order_samples import FAR, NEAR, SHARE, call, condor, intent_for, option, put

_SPY_CALL = option(420, is_call=True, root="SPY")
_RATIOS = st.lists(st.integers(-6, 6).filter(bool), min_size=1, max_size=4)
_PRICES = st.decimals(-500, 500, places=2)


def _legs(ratios: list[int]) -> tuple[Leg, ...]:
    return tuple(put(4000 + 25 * place, ratio) for place, ratio in enumerate(ratios))


def _symbols(groups: tuple[tuple[Leg, ...], ...]) -> list[list[str]]:
    return [[leg.instrument.symbol for leg in group] for group in groups]


@given(_RATIOS, st.integers(1, 50), _PRICES)
def test_reducing_keeps_the_units_and_never_pays_more(ratios: list[int], quantity: int, price: Decimal) -> None:
    """The same units of each leg, no common divisor, and at most the same money: less only by what does not divide."""
    legs = _legs(ratios)
    package = reduced(legs, Decimal(quantity), price)
    assert gcd(*(leg.ratio for leg in package.legs)) == 1
    for before, after in zip(legs, package.legs, strict=True):
        assert after.ratio * package.quantity == before.ratio * quantity
    paid, allowed = package.price * package.quantity, price * quantity
    assert allowed - Decimal("1e-20") <= paid <= allowed


def test_a_single_leg_becomes_one_unit_a_package() -> None:
    """Three contracts sold as one package of three are three packages of one."""
    package = reduced((put(4000, -3),), Decimal(2), Decimal("-6.30"))
    assert (package.legs[0].ratio, package.quantity, package.price) == (-1, Decimal(6), Decimal("-2.1"))


def test_a_net_price_counts_shares_beside_an_option_once() -> None:
    """A covered call: 100 shares at 420 less a call at 3 is 417 per share."""
    legs = (Leg(instrument=SHARE, ratio=100), Leg(instrument=_SPY_CALL, ratio=-1))
    assert net_price(legs, (Decimal(420), Decimal(3))) == 417
    assert net_price(condor(), tuple(map(Decimal, ("1.0", "1.6", "1.5", "0.9")))) == Decimal("-1.2")


@given(_RATIOS, _PRICES)
def test_a_rounded_limit_is_on_the_tick_and_never_pays_more(ratios: list[int], price: Decimal) -> None:
    """Down by less than a tick, whatever the sign: a buyer pays at most the limit, a seller receives at least it."""
    legs = reduced(_legs(ratios), Decimal(1), price).legs
    limit, tick = rounded_limit(legs, price), package_tick(legs, price)
    assert limit <= price < limit + tick
    assert limit % tick == 0


def test_ticks_are_those_of_the_instrument_and_of_the_finest_leg() -> None:
    """Index options step in dimes from 3 on; their packages in nickels; a perpetual as its venue says."""
    coin = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))
    assert rounded_limit((put(4000, 1),), Decimal("3.17")) == Decimal("3.10")
    assert rounded_limit((put(4000, -1),), Decimal("-2.97")) == Decimal("-3.00")
    assert rounded_limit(condor(), Decimal("-4.98")) == Decimal("-5.00")
    assert rounded_limit((Leg(instrument=coin, ratio=1),), Decimal("27000.19")) == Decimal("27000.1")


def test_what_a_group_can_lose_alone_is_its_width_or_without_end() -> None:
    """Long options lose only their price, spreads their width, short calls everything; an early long covers nothing."""
    assert worst_loss((put(4000, 1), call(4200, 1))) == 0
    assert worst_loss((put(4000, 1), put(4025, -1))) == 2500
    assert worst_loss((call(4200, -1),)) == Decimal("Infinity")
    assert worst_loss((put(4000, -1, FAR), put(3990, 1, NEAR))) == 400_000
    # a European put that lives four weeks longer may be worth less than its exercise
    assert worst_loss((put(4000, -1, NEAR), put(3990, 1, FAR))) == 3449


def test_two_condors_of_two_expirations_split_into_the_condors() -> None:
    """Eight legs become two covered groups, expirations together."""
    legs = tuple(leg for pair in zip(condor(NEAR), condor(FAR), strict=True) for leg in pair)
    groups = linked_groups(legs, 4)
    assert sorted(map(sorted, _symbols(groups))) == sorted(map(sorted, _symbols((condor(NEAR), condor(FAR)))))


def test_a_butterfly_with_a_diagonal_splits_where_each_part_is_covered() -> None:
    """The flyagonal: the diagonal, whose bought put outlasts the sold one, goes first, and each part stays whole."""
    diagonal, butterfly = (put(4000, -1, NEAR), put(3990, 1, FAR)), (call(4200, 1), call(4225, -2), call(4250, 1))
    assert linked_groups((*diagonal, *butterfly), 4) == (diagonal, butterfly)


def test_cover_counts_for_more_than_one_expiration() -> None:
    """Two diagonals at a venue of two legs: each short stays with a long, though expirations are torn apart."""
    groups = linked_groups((call(4200, -1, NEAR), call(4210, -1, NEAR), call(4225, 1, FAR), call(4235, 1, FAR)), 2)
    assert all(worst_loss(group).is_finite() for group in groups)


def test_long_premium_goes_before_what_is_short() -> None:
    """A venue of single legs gets the long ones first, then the short ones that they cover."""
    groups = linked_groups((call(4200, -1), call(4225, 1), put(4025, -1), put(4000, 1)), 1)
    assert [group[0].ratio for group in groups] == [1, 1, -1, -1]


_DAYS = st.sampled_from((NEAR, FAR))


@st.composite
def _many_legs(draw: st.DrawFn) -> tuple[Leg, ...]:
    terms = draw(st.lists(st.tuples(st.integers(0, 6), st.booleans(), _DAYS), min_size=5, max_size=8, unique=True))
    ratios = draw(st.lists(st.sampled_from((-2, -1, 1, 2, 3)), min_size=len(terms), max_size=len(terms)))
    return tuple(_leg(term, ratio) for term, ratio in zip(terms, ratios, strict=True))


def _leg(term: tuple[int, bool, date], ratio: int) -> Leg:
    place, is_call, day = term
    return (call if is_call else put)(4000 + 25 * place, ratio, day)


@given(_many_legs(), st.integers(2, 4))
def test_a_split_keeps_every_leg_once_in_the_fewest_orders(legs: tuple[Leg, ...], limit: int) -> None:
    """No leg is lost or doubled, no order too long; covered groups go first, of them long premium, then the least."""
    groups = linked_groups(legs, limit)
    assert sorted(symbol for group in _symbols(groups) for symbol in group) == sorted(
        leg.instrument.symbol for leg in legs
    )
    assert len(groups) == -(-len(legs) // limit)
    assert max(map(len, groups)) <= limit
    keys = [(not worst_loss(group).is_finite(), not _outlasts(group), worst_loss(group)) for group in groups]
    assert keys == sorted(keys)


def _outlasts(group: tuple[Leg, ...]) -> bool:
    days = [
        (leg.instrument.series.expiration, leg.ratio) for leg in group if isinstance(leg.instrument, OptionContract)
    ]
    return any(ratio > 0 and all(day > other for other, sold in days if sold < 0) for day, ratio in days)


@given(_many_legs(), st.data())
def test_linked_intents_ask_for_the_same_units_at_no_more_money(legs: tuple[Leg, ...], data: st.DataObject) -> None:
    """All limits together never pay more than the whole package's limit, and fall short by ticks alone."""
    package = reduced(legs, Decimal(3), data.draw(_PRICES))
    prices = data.draw(st.lists(st.decimals(0, 200, places=2), min_size=len(legs), max_size=len(legs)).map(tuple))
    intent = intent_for(package.legs, str(package.quantity), str(package.price))
    groups = linked_intents(intent, prices, 4)
    asked = {leg.instrument.symbol: leg.ratio * each.quantity for each in groups for leg in each.legs}
    assert asked == {leg.instrument.symbol: leg.ratio * intent.quantity for leg in intent.legs}
    money = sum(each.limit_price * each.quantity * unit_multiplier(each.legs) for each in groups)
    allowed = intent.limit_price * intent.quantity * unit_multiplier(intent.legs)
    steps = sum(each.quantity * unit_multiplier(each.legs) * Decimal("0.11") for each in groups)
    assert allowed - steps <= money <= allowed
    assert len({each.intent_id for each in groups}) == len(groups)
    assert {each.package_id for each in groups} == {intent.package_id}


def test_a_package_that_the_venue_takes_whole_stays_as_it_is() -> None:
    """Four legs at a venue of four are one order, with their own id."""
    intent = intent_for(condor(), "2", "-5.00")
    assert linked_intents(intent, (Decimal(1),) * 4, 4) == (intent,)


@pytest.mark.parametrize(("legs", "limit"), [((), 4), (condor(), 0), (_legs([1] * 13), 4)])
def test_what_cannot_be_split_is_refused(legs: tuple[Leg, ...], limit: int) -> None:
    """No legs, too many of them, or a venue that takes none."""
    with pytest.raises(DataError, match="cannot be split"):
        linked_groups(legs, limit)


@pytest.mark.parametrize("prices", [(Decimal(1),), (Decimal(1), Decimal(1), Decimal(1), Decimal("NaN"))])
def test_a_split_needs_a_price_for_each_leg(prices: tuple[Decimal, ...]) -> None:
    """A missing price is not taken for 0."""
    with pytest.raises(DataError, match="a finite price for each"):
        linked_intents(intent_for(condor(), "2", "-5.00"), prices, 2)

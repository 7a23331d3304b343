"""From decisions to intents, and what a strategy is told that asks the impossible."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from execution.intents import Asking, intents_of, units_of
from market.errors import DataError
from market.orders import Leg, PositionEffect, TimeInForce
from market.tradables import Perpetual
from strategies.decisions import HOLD, Decision, Proposal
from strategies.views import HeldPackage
from tests.execution.order_samples import NEAR, NOW_NS, SHARE, call, condor, option, put

_COIN = Perpetual(symbol="BTC/USDT:USDT", underlying="BTC", tick=Decimal("0.1"), lot=Decimal("0.001"))


def _opening(**changes: Any) -> Proposal:
    plain = Proposal(
        structure="iron_condor",
        legs=condor(),
        quantity=Decimal(2),
        limit_price=Decimal("-5.03"),
        effect=PositionEffect.OPEN,
        reason="entry",
        good_for_ns=60,
    )
    return replace(plain, **changes)


_HELD = HeldPackage(
    package_id="p1",
    strategy="condor",
    structure="iron_condor",
    legs=condor(),
    quantity=Decimal(3),
    opened_ns=NOW_NS - 1,
    entry_price=-5.0,
    is_whole=True,
)


def _against(legs: tuple[Leg, ...]) -> tuple[Leg, ...]:
    return tuple(Leg(instrument=leg.instrument, ratio=-leg.ratio) for leg in legs)


def _closing(**changes: Any) -> Proposal:
    closing = {"legs": _against(condor()), "limit_price": Decimal("2.52"), "effect": PositionEffect.CLOSE}
    return _opening(**{**closing, "package_id": "p1", **changes})


def _asking(**changes: Any) -> Asking:
    plain = Asking(strategy="condor", decision_id="d1", ts_event_ns=NOW_NS, currency="USD", packages=(_HELD,))
    return replace(plain, **changes)


def _decision(*proposals: Proposal) -> Decision:
    return Decision(reason="entry", proposals=proposals)


def test_a_hold_asks_for_nothing() -> None:
    """The most frequent decision makes no intent."""
    assert intents_of(HOLD, _asking()) == ()


def test_an_intent_carries_the_decision_and_a_limit_on_the_tick() -> None:
    """Ids, instant, reason and structure come along; the credit is rounded up to the next nickel."""
    (intent,) = intents_of(_decision(_opening()), _asking())
    assert (intent.cause_id, intent.strategy, intent.structure, intent.reason) == (
        "d1",
        "condor",
        "iron_condor",
        "entry",
    )
    assert (intent.ts_event_ns, intent.good_until_ns) == (NOW_NS, NOW_NS + 60)
    assert intent.limit_price == Decimal("-5.05")
    assert intent.package_id


def test_the_same_decision_gives_the_same_intents_and_each_proposal_its_own() -> None:
    """Ids are derived, so that a decision that is taken twice is ordered once."""
    first = intents_of(_decision(_opening(), _opening()), _asking())
    assert first == intents_of(_decision(_opening(), _opening()), _asking())
    ids = {each.intent_id for each in first} | {each.package_id for each in first}
    assert len(ids) == 4
    assert not ids & {each.intent_id for each in intents_of(_decision(_opening()), _asking(decision_id="d2"))}


def test_ratios_with_a_common_divisor_are_reduced() -> None:
    """Two times two spreads at 10 are four spreads at 5."""
    legs = (put(4000, 2), put(4025, -2))
    (intent,) = intents_of(_decision(_opening(legs=legs, limit_price=Decimal("-10.00"))), _asking())
    assert [leg.ratio for leg in intent.legs] == [1, -1]
    assert (intent.quantity, intent.limit_price) == (Decimal(4), Decimal("-5.00"))


def test_a_held_package_may_be_closed_in_whole_in_part_and_by_single_legs() -> None:
    """Each closes at most what is held; parts of one decision add up."""
    assert intents_of(_decision(_closing(quantity=Decimal(3))), _asking())[0].package_id == "p1"
    shorts = _against(condor())[1:3]
    parts = (_closing(legs=shorts, quantity=Decimal(2)), _closing(quantity=Decimal(1)))
    assert len(intents_of(_decision(*parts), _asking())) == 2
    with pytest.raises(DataError, match="quantity of proposal 1"):
        intents_of(_decision(*parts, _closing()), _asking(packages=(replace(_HELD, quantity=Decimal(2)),)))


def test_a_package_out_of_proportion_is_closed_by_its_units() -> None:
    """What an assignment delivered is closed like any other unit; what is no longer held cannot be."""
    broken = replace(_HELD, is_whole=False, quantity=Decimal(0), units={"SPY": Decimal(-100)})
    assert units_of(_HELD)[condor()[1].instrument.symbol] == -3
    cover = _closing(legs=(Leg(instrument=SHARE, ratio=1),), quantity=Decimal(100), limit_price=Decimal(420))
    assert intents_of(_decision(cover), _asking(packages=(broken,)))[0].quantity == 100
    with pytest.raises(DataError, match="at most the 0 that close"):
        intents_of(_decision(_closing()), _asking(packages=(broken,)))


def test_units_that_another_order_is_closing_are_not_closed_twice() -> None:
    """Two closing orders that both fill would turn the position."""
    under_way = {"p1": {leg.instrument.symbol: leg.ratio * Decimal(2) for leg in _against(condor())}}
    assert intents_of(_decision(_closing(quantity=Decimal(1))), _asking(closing=under_way))
    with pytest.raises(DataError, match="held and free"):
        intents_of(_decision(_closing()), _asking(closing=under_way))


_IMPOSSIBLE: list[tuple[Proposal, str, str]] = [
    (_opening(quantity=Decimal("1.5")), "quantity", "whole contracts"),
    (_opening(quantity=Decimal(0)), "quantity", "more than 0"),
    (_opening(quantity=Decimal(-1)), "quantity", "more than 0"),
    (_opening(quantity=Decimal("NaN")), "quantity", "a finite number"),
    (_opening(quantity=2.0), "quantity", "a Decimal"),
    (_opening(limit_price=Decimal("Infinity")), "limit_price", "a finite number"),
    (_opening(limit_price=-5.0), "limit_price", "a Decimal"),
    (_opening(effect="open"), "effect", "a PositionEffect"),
    (_opening(time_in_force="day"), "time_in_force", "a TimeInForce"),
    (_opening(good_for_ns=-1), "good_for_ns", "0 or more"),
    (_opening(legs=()), "legs", "one or more"),
    (_opening(legs=(put(4000, 0),)), "legs", "ratios other than 0"),
    (_opening(legs=(Leg(instrument=SHARE, ratio=0.5),)), "legs", "whole ratios"),  # type: ignore[arg-type]  # the error under test
    (_opening(legs=(put(4000, 1), put(4000, -1))), "legs", "each instrument once"),
    (_opening(legs=(put(4000, 1), Leg(instrument=SHARE, ratio=1))), "legs", "one underlying"),
    (_opening(legs=(Leg(instrument=_COIN, ratio=1),)), "legs", "USD alone"),
    (_opening(legs=(put(4000, 1),)), "limit_price", "a bought leg pays"),
    (_opening(legs=(put(4000, -1),), limit_price=Decimal(1)), "limit_price", "a bought leg pays"),
    (_opening(package_id="p1"), "package_id", "does not grow"),
    (_closing(package_id="p2"), "package_id", r"an open package of the strategy: \['p1'\]"),
    (_closing(package_id=""), "package_id", "an open package"),
    (_closing(quantity=Decimal(4)), "quantity", "at most the -3"),
    (_closing(legs=condor(), limit_price=Decimal(-5)), "quantity", "at most the -3"),
    (_closing(legs=(call(4300, 1),)), "quantity", "at most the 0"),
]


@pytest.mark.parametrize(("proposal", "field", "expected"), _IMPOSSIBLE)
def test_an_impossible_order_names_strategy_instant_and_field(proposal: Proposal, field: str, expected: str) -> None:
    """Whoever wrote the strategy can find the line: who, when, which proposal, which field, what would be right."""
    place = rf"strategy condor asks at 2023-06-02T19:00:00.* {field} of proposal 1 \(iron_condor\)"
    with pytest.raises(DataError, match=rf"{place}; found .+; expected .*{expected}"):
        intents_of(_decision(_opening(), proposal), _asking())


def test_the_package_of_another_strategy_cannot_be_closed() -> None:
    """Strategies of one account keep their hands off each other's positions."""
    with pytest.raises(DataError, match=r"package_id.*it has none"):
        intents_of(_decision(_closing()), _asking(packages=(replace(_HELD, strategy="other"),)))


def test_a_contract_that_no_longer_trades_cannot_be_ordered() -> None:
    """At its last instant of trading it is over."""
    last_ns = option(4000, is_call=False, day=NEAR).series.last_trade_ns
    assert intents_of(_decision(_opening()), _asking(ts_event_ns=last_ns - 1))
    with pytest.raises(DataError, match="contracts that trade"):
        intents_of(_decision(_opening()), _asking(ts_event_ns=last_ns))


def test_a_coin_is_ordered_in_multiples_of_its_lot() -> None:
    """Perpetuals trade in fractions, in steps."""
    coins = _opening(legs=(Leg(instrument=_COIN, ratio=-1),), limit_price=Decimal(-27000), quantity=Decimal("0.012"))
    (intent,) = intents_of(_decision(coins), _asking(currency="USDT"))
    assert (intent.quantity, intent.time_in_force) == (Decimal("0.012"), TimeInForce.DAY)
    with pytest.raises(DataError, match=r"a multiple of its lot 0\.001"):
        intents_of(_decision(replace(coins, quantity=Decimal("0.0125"))), _asking(currency="USDT"))

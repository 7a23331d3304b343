"""Structures that are bought, and structures of several expirations, through the whole flow."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf, isfinite, isnan

import pytest

from market.errors import ConfigError
from strategies.chain_lookup import ChainLookup
from strategies.plan.entry import EntryRules, Premium
from strategies.plan.exits import ExitRules, ProfitBasis
from strategies.plan.package_plan import PackagePlan
from strategies.plan.sizing import SizeRules
from strategies.structures.vertical import debit_spread
from tests.strategies.plan.plans import CALENDAR_LEGS, CONDOR, FRONT_BACK, found, opened, scene, three_expiries

_SPREAD = replace(
    CONDOR,
    name="spread",
    structure=debit_spread(0.5, 50.0, is_bullish=True),
    entry=EntryRules(premium=Premium.DEBIT, reenters=True, cool_down_s=0.0),
    exits=ExitRules(profit_basis=ProfitBasis.DEBIT, profit_target=0.5, stop_debit=0.5),
)
_CALENDAR = PackagePlan(
    name="calendar",
    underlying="SPX",
    structure=CALENDAR_LEGS,
    schedule=FRONT_BACK,
    entry=EntryRules(premium=Premium.DEBIT, reenters=True, cool_down_s=0.0),
    size=SizeRules(risk_share=0.2, max_packages=5),
    exits=ExitRules(profit_basis=ProfitBasis.MAX_LOSS, profit_target=0.1, stop_share=0.5, stop_debit=inf),
)


def test_a_spread_is_bought_and_its_debit_is_what_it_can_lose() -> None:
    """The size stands on the debit at the limit of the order, and the limit pays."""
    decision = _SPREAD.decide(scene())
    (bought,) = decision.proposals
    assert [gate.name for gate in decision.gates][-3:] == ["quotes_complete", "debit_positive", "size_at_least_one"]
    assert bought.limit_price > 0
    budget = next(term.quantity for term in decision.sizing if term.name == "risk_budget")
    assert budget == pytest.approx(0.1 * 100_000.0 / (100.0 * float(bought.limit_price)))


def test_a_debit_may_be_too_large_a_share_of_what_it_can_become() -> None:
    """A spread of 50 points for about half of them passes at six tenths and fails at four."""
    shares = {}
    for most in (0.4, 0.6):
        plan = replace(_SPREAD, entry=replace(_SPREAD.entry, max_debit_share=most))
        shares[most] = plan.decide(scene())
    assert shares[0.6].proposals
    assert (shares[0.4].reason, shares[0.4].proposals) == ("debit_to_reach", ())
    assert 0.4 < shares[0.4].gates[-1].value < 0.6


def test_a_structure_that_asks_nothing_is_not_the_one_that_was_meant() -> None:
    """A condor is no debit, and a spread that is bought no credit: neither is opened as the other."""
    sold = replace(CONDOR, entry=replace(CONDOR.entry, premium=Premium.DEBIT), exits=_CALENDAR.exits)
    assert sold.decide(scene()).reason == "debit_positive"
    bought = replace(_SPREAD, entry=replace(_SPREAD.entry, premium=Premium.CREDIT), exits=ExitRules())
    assert bought.decide(scene()).reason == "credit_positive"


def test_a_target_must_be_of_what_the_plan_does() -> None:
    """A share of the credit of what is bought would never be reached."""
    with pytest.raises(ConfigError, match="profit_basis"):
        replace(_SPREAD, exits=ExitRules(profit_basis=ProfitBasis.CREDIT))


def test_wide_quotes_stop_it_where_they_are_asked() -> None:
    """Crossing costs a tenth of a unit a leg: half a per cent of the price here."""
    plan = replace(_SPREAD, entry=replace(_SPREAD.entry, max_spread_share=0.001))
    decision = plan.decide(scene())
    assert (decision.reason, decision.gates[-1].bound) == ("spread", 0.001)
    assert replace(_SPREAD, entry=replace(_SPREAD.entry, max_spread_share=0.1)).decide(scene()).proposals


def test_a_spread_is_sold_at_its_target_and_at_its_stop() -> None:
    """Half of the debit either way, at the prices at which it can be sold."""
    package = opened(_SPREAD, three_expiries())
    assert _SPREAD.decide(scene(packages=(package,))).reason == "hold"
    up = _SPREAD.decide(scene(three_expiries(4150.0), packages=(package,)))
    down = _SPREAD.decide(scene(three_expiries(3800.0), packages=(package,)))
    assert (up.reason, down.reason) == ("profit_target", "stop_loss")
    assert up.proposals[0].limit_price < down.proposals[0].limit_price < 0


def test_a_calendar_takes_a_near_and_a_later_expiration() -> None:
    """Sold in five weeks, bought in ten, at one strike; its loss is bounded, and told to its exits."""
    decision = _CALENDAR.decide(scene())
    (bought,) = decision.proposals
    ends = [leg.instrument.series.expiration for leg in bought.legs]  # type: ignore[union-attr]  # options
    assert ends[0] < ends[1]
    assert bought.limit_price > 0
    width = dict(decision.factors)["width"]
    assert isfinite(width)
    assert width < float(bought.limit_price)


def test_a_calendar_is_left_by_a_share_of_what_it_can_lose() -> None:
    """With the width of its entry; without it nothing is known of its loss and no share of it is reached."""
    view = three_expiries()
    package = opened(_CALENDAR, view)
    package = replace(package, factors={"width": 0.0}, entry_price=2.5 * package.entry_price)
    assert _CALENDAR.decide(scene(view, packages=(package,))).reason == "stop_loss"
    unknown = replace(package, factors={})
    assert _CALENDAR.decide(scene(view, packages=(unknown,))).reason == "hold"


def test_what_lives_on_after_its_front_is_closed() -> None:
    """When the sold leg has ended the rest is no calendar any more."""
    package = opened(_CALENDAR, three_expiries())
    back = package.legs[1].instrument.symbol
    rest = replace(package, quantity=Decimal(0), is_whole=False, units={back: Decimal(1)})
    decision = _CALENDAR.decide(scene(packages=(rest,)))
    (closing,) = decision.proposals
    assert decision.reason == "broken_package"
    assert [(leg.instrument.symbol, leg.ratio) for leg in closing.legs] == [(back, -1)]


def test_a_missing_quote_has_no_price_either_way() -> None:
    """NaN, and not a debit of nothing."""
    chain = three_expiries().chain
    ask = chain.ask.copy()
    ask[found(_SPREAD, three_expiries()).places[0]] = 0.0
    decision = _SPREAD.decide(scene(ChainLookup().view(replace(chain, ask=ask))))
    assert decision.reason == "quotes_complete"
    assert isnan(decision.gates[-1].value)

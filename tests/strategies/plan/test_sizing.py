"""Ceilings of a size: each alone by its numbers, all of them together only ever lower."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf, isfinite, isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from market.forecasts import PolicyReading
from risk.book import PortfolioGreeks
from strategies.chain_lookup import ChainLookup
from strategies.decisions import Decision
from strategies.legs.rules import LegRule, Structure
from strategies.legs.strikes import AtDelta
from strategies.plan.package_plan import PackagePlan
from strategies.plan.sizing import (
    GreekLimits,
    SizeRules,
    greek_ceiling,
    kelly_ceiling,
    liquidity_ceiling,
    risk_ceiling,
    room_ceiling,
    smallest,
)
from tests.strategies.chains import IN_FIVE_WEEKS, TODAY, chain_at
from tests.strategies.plan.plans import CONDOR, FRONT_BACK, scene, three_expiries

_MONEY = st.floats(1.0, 1e7)


def _greeks(delta: float = 0.0, vega: float = 0.0) -> PortfolioGreeks:
    return PortfolioGreeks(
        delta_shares=delta,
        gamma_shares_per_usd=0.0,
        vega_usd_per_volpt=vega,
        theta_usd_per_day=0.0,
        delta_usd=nan,
        beta_delta_shares=nan,
    )


def _sized(decision: Decision) -> float:
    return float(decision.proposals[0].quantity) if decision.proposals else 0.0


def _with_size(**rules: Any) -> PackagePlan:
    return replace(CONDOR, size=replace(CONDOR.size, **rules))


def test_the_example_of_the_requirements_gives_two() -> None:
    """Q58: a score of .65, a discount of .30 and a base of 5 allow 2.275, which is 2 packages."""
    quantity, terms = smallest([("max_packages", 10.0), ("risk_budget", 7.0), ("fuzzy", 5.0 * 0.65 * (1.0 - 0.30))])
    assert quantity == Decimal(2)
    assert terms[2].quantity == pytest.approx(2.275)
    assert [term.name for term in terms if term.is_binding] == ["fuzzy"]


def test_budget_and_loss_are_both_dollars() -> None:
    """Q29: 2 % of 100 000 at a loss of 450 a package is 4.44, not 444."""
    assert risk_ceiling(0.02, 100_000.0, 450.0) == pytest.approx(4.4444, abs=1e-4)
    assert isnan(risk_ceiling(0.02, 100_000.0, 0.0))


def test_what_is_left_of_a_limit_is_never_negative() -> None:
    """A tenth of 100 000 less 9 100 at risk leaves room for two of 450; more at risk leaves none; unknown is closed."""
    assert room_ceiling(10_000.0, 9_100.0, 450.0) == 2.0
    assert room_ceiling(10_000.0, 20_000.0, 450.0) == 0.0
    assert isnan(room_ceiling(10_000.0, inf, 450.0))
    assert smallest([("concentration", room_ceiling(10_000.0, nan, 450.0))])[0] == 0


@given(limit=st.floats(0.5, 1e4), each=st.floats(-500.0, 500.0), now=st.floats(-2e4, 2e4), share=st.floats(0.0, 1.0))
def test_greeks_stay_within_their_limit_up_to_the_ceiling(limit: float, each: float, now: float, share: float) -> None:
    """At the ceiling and at every smaller size no position grows beyond the limit; unknown Greeks are closed."""
    n = greek_ceiling(GreekLimits(delta_shares=limit), _greeks(each), _greeks(now))
    if isfinite(n) and n >= 0.0:
        after = abs(now + share * n * each)
        assert after <= max(limit, abs(now)) * (1.0 + 1e-9) + 1e-9
    assert isnan(greek_ceiling(GreekLimits(delta_shares=limit), _greeks(nan), _greeks(now)))
    assert greek_ceiling(GreekLimits(), _greeks(each), _greeks(now)) == inf


def test_a_leg_that_shows_nothing_closes_the_size() -> None:
    """A fifth of 10 at two a package is 1; of a missing size nothing is known."""
    assert liquidity_ceiling(0.2, [(1, 40.0), (-2, 10.0)]) == 1.0
    assert isnan(liquidity_ceiling(0.2, [(1, 40.0), (-2, nan)]))
    assert isnan(liquidity_ceiling(0.2, []))


def test_kelly_bets_nothing_without_an_edge() -> None:
    """At 60 % and even money the full bet is a fifth: a half of it is a tenth, capped; at 50 % it is nothing."""
    rules = SizeRules(win_probability=0.6, win_ratio=1.0, kelly_share=0.5, kelly_cap=0.2)
    assert kelly_ceiling(rules, 100_000.0, 1_000.0, nan) == pytest.approx(10.0)
    assert kelly_ceiling(replace(rules, kelly_cap=0.05), 100_000.0, 1_000.0, nan) == pytest.approx(5.0)
    assert kelly_ceiling(replace(rules, win_probability=0.5), 100_000.0, 1_000.0, nan) == 0.0
    assert isnan(kelly_ceiling(replace(rules, win_ratio=nan), 100_000.0, 1_000.0, nan))


@given(st.lists(st.one_of(st.floats(0.0, 1e6), st.just(nan), st.just(inf)), max_size=8), st.floats(0.0, 1e6))
def test_a_further_ceiling_never_raises_a_size(ceilings: list[float], more: float) -> None:
    """And the size never exceeds any of them; exactly one binds."""
    named = [(str(place), value) for place, value in enumerate(ceilings)]
    before, _ = smallest(named)
    after, terms = smallest([*named, ("more", more)])
    assert after <= before or not ceilings
    assert all(after <= term.quantity for term in terms)
    assert sum(term.is_binding for term in terms) == 1


@settings(deadline=None, max_examples=25)
@given(
    poor=_MONEY,
    rich=_MONEY,
    power=_MONEY,
    rules=st.fixed_dictionaries(
        {"cash_reserve": st.floats(0.0, 0.9), "concentration": st.floats(0.01, 0.9), "risk_share": st.floats(0.01, 1.0)}
    ),
)
def test_more_equity_never_makes_a_plan_smaller(
    poor: float, rich: float, power: float, rules: dict[str, float]
) -> None:
    """Every ceiling of money rises with it."""
    plan = _with_size(max_packages=1_000, win_probability=0.9, kelly_share=0.5, **rules)
    low, high = sorted((poor, rich))
    sizes = [_sized(plan.decide(scene(equity=each, buying_power=power))) for each in (low, high)]
    assert sizes[0] <= sizes[1]


@pytest.mark.parametrize(
    "rules",
    [
        {"cash_reserve": 0.5},
        {"trade_greeks": GreekLimits(vega_usd_per_volpt=200.0)},
        {"book_greeks": GreekLimits(theta_usd_per_day=100.0)},
        {"max_quote_share": 0.1},
        {"max_interest_share": 0.001},
        {"max_volume_share": 0.001},
        {"win_probability": 0.8, "kelly_share": 0.25},
        {"concentration": 0.05},
    ],
)
def test_each_rule_only_lowers_the_size_of_a_plan(rules: dict[str, Any]) -> None:
    """Each adds its term, and what it does not know counts as 0."""
    plain = _with_size(max_packages=50, risk_share=0.5)
    ruled = replace(plain, size=replace(plain.size, **rules))
    assert _sized(ruled.decide(scene())) <= _sized(plain.decide(scene()))
    more = {term.name for term in ruled.decide(scene()).sizing} - {term.name for term in plain.decide(scene()).sizing}
    assert len(more) == (0 if "cash_reserve" in rules else 1)


def test_a_size_that_is_not_shown_opens_nothing_where_it_is_asked_for() -> None:
    """The synthetic chain shows no sizes: with a share of them as a ceiling nothing is opened, and it is named."""
    decision = _with_size(max_quote_share=0.5).decide(scene())
    assert decision.reason == "size_at_least_one"
    assert [term.name for term in decision.sizing if term.is_binding] == ["displayed_size"]


def test_without_a_calibrated_probability_there_is_no_kelly_and_it_says_so() -> None:
    """What quotes imply is no probability of this strategy's profit."""
    decision = _with_size(kelly_share=0.25).decide(scene())
    assert "kelly" not in [term.name for term in decision.sizing]
    assert dict(decision.factors)["kelly_uncalibrated"] == 1.0


def _spoken() -> PolicyReading:
    """Return what a policy says now: half the size."""
    return PolicyReading(
        symbol="SPX",
        ts_event_ns=scene().now_ns,
        cause_id="c",
        model="m",
        probabilities=(0.7, 0.1, 0.1, 0.1),
        size=0.5,
    )


@pytest.mark.parametrize("age_s", [-1, 301])
def test_a_policy_that_is_not_of_now_leaves_nothing(age_s: int) -> None:
    """As one that has not spoken: also where its share was all, and also where its model had no size head."""
    plan = replace(_with_size(max_packages=2), follows_policy=True)
    for size in (1.0, nan):
        told = replace(_spoken(), size=size)
        assert _sized(plan.decide(scene(policies={"SPX": told}))) == 2.0
        late = replace(told, ts_event_ns=told.ts_event_ns - age_s * 1_000_000_000)
        mute = replace(told, probabilities=(nan,) * 4, reason="too few bars")
        assert [_sized(plan.decide(scene(policies={"SPX": each}))) for each in (late, mute)] == [0.0, 0.0]


_CREDIT_DIAGONAL = Structure(
    name="credit_diagonal",
    legs=(
        LegRule(ratio=-1, is_call=False, strike=AtDelta(delta=0.4, within=0.1)),
        LegRule(ratio=1, is_call=False, strike=AtDelta(delta=0.1, within=0.05), expiry=1),
    ),
)


def test_a_bound_that_cannot_be_told_is_not_replaced_by_a_stop() -> None:
    """Without calls the later expiration has no forward, so that a covered put has no known bound: size 0."""
    plan = replace(CONDOR, structure=_CREDIT_DIAGONAL, schedule=FRONT_BACK, size=SizeRules(risk_share=1.0))
    known = three_expiries().chain
    is_lost = (known.series_index == 2) & known.is_call
    less = replace(known, bid=np.where(is_lost, nan, known.bid), ask=np.where(is_lost, nan, known.ask))
    found = [plan.decide(scene(ChainLookup().view(each))) for each in (known, less)]
    assert [_sized(each) for each in found] == [1.0, 0.0]
    assert [term.name for term in found[1].sizing if term.is_binding] == ["risk_budget"]


def test_a_schedule_and_a_policy_leave_shares_of_the_size() -> None:
    """Shares of 2, rounded down; a policy that has not spoken, or a level that is not known, leaves nothing."""
    plan = replace(_with_size(max_packages=2), follows_policy=True)
    assert _sized(plan.decide(scene(policies={"SPX": _spoken()}))) == 1.0
    assert _sized(plan.decide(scene(policies={"SPX": replace(_spoken(), size=nan)}))) == 2.0
    assert _sized(plan.decide(scene())) == 0.0
    calm = _with_size(max_packages=2)
    assert [_sized(calm.decide(scene(size_multiplier=share))) for share in (1.0, 0.8, 0.0, nan)] == [2.0, 1.0, 0.0, 0.0]


def test_wider_quotes_and_higher_volatility_never_raise_a_size() -> None:
    """Wider quotes leave less credit, and so a larger loss of each package."""
    plan = _with_size(max_packages=1_000, risk_share=0.5)
    chain = chain_at(expiries=(TODAY, IN_FIVE_WEEKS))
    sizes = []
    for wide in (0.0, 0.5, 1.0, 2.0):
        worse = replace(chain, bid=(chain.bid - wide).clip(0.0), ask=chain.ask + wide)
        sizes.append(_sized(plan.decide(scene(ChainLookup().view(worse)))))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[-1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"cash_reserve": 1.0},
        {"kelly_share": 1.5},
        {"win_probability": 1.1},
        {"win_ratio": 0.0},
        {"concentration": 0.0},
        {"max_quote_share": 0.0},
    ],
)
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    """Each range is checked."""
    with pytest.raises(ConfigError, match="cannot be"):
        SizeRules(**wrong)  # type: ignore[arg-type]  # the numbers alone


def test_the_plan_names_what_binds() -> None:
    """With an account of ten thousand the budget does."""
    decision = CONDOR.decide(scene(three_expiries(), equity=70_000.0))
    assert [term.name for term in decision.sizing if term.is_binding] == ["risk_budget"]

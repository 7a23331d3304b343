"""The selector's table: each combination of states has one answer, and nothing that a veto forbids is chosen."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from math import nan

import pytest

from fields.regime import Market, TermStructure
from fields.snapshot import Feedback
from market.errors import ConfigError
from strategies.selector.table import SHORT_PREMIUM, TABLE, Choice, RegimeFacts, SelectorConfig, select

_LEVELS = (nan, 11.99, 12.0, 15.0, 20.0)
_RANKS = (nan, 0.19, 0.2, 0.5)
_SKEWS = (nan, 139.99, 140.0)
_ON = SelectorConfig(enable_calendar_spreads=True, enable_broken_wing=True, enable_long_puts=True)
_CONFIGS = tuple(
    SelectorConfig(
        enable_calendar_spreads=calendar,
        enable_broken_wing=wing,
        enable_long_puts=put,
        low_vol_fallback=fallback,
        trend_fallback=fallback,
        vetoes_unknown_feedback=strict,
        vetoes_unknown_term_structure=strict,
    )
    for calendar, wing, put, strict in product((False, True), repeat=4)
    for fallback in (Choice.STAND_ASIDE, Choice.NARROW_CONDOR)
)
_CALM = RegimeFacts(
    market=Market.HIGH_VOL_RANGE,
    feedback=Feedback.LONG_DAMPING,
    term_structure=TermStructure.CONTANGO,
    vix=22.0,
    iv_rank=0.1,
    skew=145.0,
)


@pytest.mark.parametrize(
    ("market", "skew", "choice"),
    [
        (Market.BULL_TREND, 140.0, Choice.BULLISH_BROKEN_WING),
        (Market.BULL_TREND, 139.99, Choice.STAND_ASIDE),
        (Market.BEAR_TREND, 140.0, Choice.BEARISH_BROKEN_WING),
        (Market.BEAR_TREND, nan, Choice.STAND_ASIDE),
    ],
)
def test_a_broken_wing_needs_a_skew_of_140_and_no_more(market: Market, skew: float, choice: Choice) -> None:
    """Q49: the bound itself is enough, just below it and without a level the fallback stands."""
    assert select(replace(_CALM, market=market, skew=skew), _ON).choice is choice


@pytest.mark.parametrize(
    ("vix", "rank", "choice"),
    [
        (11.99, 0.19, Choice.CALENDAR),
        (12.0, 0.19, Choice.NARROW_CONDOR),
        (11.99, 0.2, Choice.NARROW_CONDOR),
        (20.0, 0.5, Choice.NARROW_CONDOR),
    ],
)
def test_a_calendar_needs_a_vix_below_12_and_a_rank_below_a_fifth(vix: float, rank: float, choice: Choice) -> None:
    """Q44; from 12 to 20 the fallback stands (Q37)."""
    assert select(replace(_CALM, market=Market.LOW_VOL_RANGE, vix=vix, iv_rank=rank), _ON).choice is choice


def _every_fact() -> list[RegimeFacts]:
    axes = product(Market, Feedback, TermStructure, _LEVELS, _RANKS, _SKEWS)
    names = ("market", "feedback", "term_structure", "vix", "iv_rank", "skew")
    return [RegimeFacts(**dict(zip(names, each, strict=True))) for each in axes]  # type: ignore[arg-type]  # by name


def _forbidden(facts: RegimeFacts, config: SelectorConfig) -> frozenset[Choice]:
    """Return what must not be chosen, said another way than the table does."""
    found: set[Choice] = set()
    if facts.feedback in {Feedback.CRITICAL, Feedback.UNSTABLE} or facts.term_structure is TermStructure.INVERTED:
        found |= SHORT_PREMIUM
    if config.vetoes_unknown_feedback and facts.feedback is Feedback.UNKNOWN:
        found |= SHORT_PREMIUM
    if config.vetoes_unknown_term_structure and facts.term_structure is TermStructure.UNKNOWN:
        found |= SHORT_PREMIUM
    if not (config.enable_broken_wing and facts.skew >= 140.0):
        found |= {Choice.BULLISH_BROKEN_WING, Choice.BEARISH_BROKEN_WING}
    if not (config.enable_calendar_spreads and facts.vix < 12.0 and facts.iv_rank < 0.2):
        found.add(Choice.CALENDAR)
    if not (config.enable_long_puts and facts.market is Market.CRASH):
        found.add(Choice.LONG_PUT)
    return frozenset(found)


@pytest.mark.parametrize("config", _CONFIGS, ids=range(len(_CONFIGS)))
def test_each_combination_has_one_answer_and_a_reason_for_none(config: SelectorConfig) -> None:
    """Nothing forbidden is chosen; standing aside says why at the gate that failed, and a choice has passed all."""
    for facts in _every_fact():
        found = select(facts, config)
        assert found.choice not in _forbidden(facts, config)
        is_aside = found.choice is Choice.STAND_ASIDE
        assert found.gates[-1].passed is not is_aside
        assert all(gate.passed for gate in found.gates[:-1])
        assert not is_aside or (found.vetoes and found.gates[-1].reason)
        if facts.market in {Market.CRASH, Market.UNKNOWN}:
            assert found.choice in {Choice.STAND_ASIDE, Choice.LONG_PUT}


@pytest.mark.parametrize(
    ("market", "choice"),
    [
        (Market.CRASH, Choice.LONG_PUT),
        (Market.BULL_TREND, Choice.BULLISH_BROKEN_WING),
        (Market.BEAR_TREND, Choice.BEARISH_BROKEN_WING),
        (Market.HIGH_VOL_RANGE, Choice.WIDE_CONDOR),
        (Market.LOW_VOL_RANGE, Choice.CALENDAR),
        (Market.UNKNOWN, Choice.STAND_ASIDE),
    ],
)
def test_each_regime_has_the_structure_of_the_requirements(market: Market, choice: Choice) -> None:
    """Rows Q37 to Q41, with every flag on and a calm market."""
    assert select(replace(_CALM, market=market, vix=11.0), _ON).choice is choice


def test_by_default_only_condors_are_traded() -> None:
    """Flags are off (Q53): a crash, a trend and what is unknown stand aside."""
    found = {market: select(replace(_CALM, market=market, vix=11.0), SelectorConfig()).choice for market in Market}
    assert {market for market, choice in found.items() if choice is not Choice.STAND_ASIDE} == {
        Market.HIGH_VOL_RANGE,
        Market.LOW_VOL_RANGE,
    }
    assert (found[Market.HIGH_VOL_RANGE], found[Market.LOW_VOL_RANGE]) == (Choice.WIDE_CONDOR, Choice.NARROW_CONDOR)


@pytest.mark.parametrize(
    ("vix", "rank", "choice"),
    [
        (11.99, 0.19, Choice.CALENDAR),
        (12.0, 0.19, Choice.NARROW_CONDOR),
        (19.9, 0.19, Choice.NARROW_CONDOR),
        (11.99, 0.2, Choice.NARROW_CONDOR),
        (nan, 0.19, Choice.NARROW_CONDOR),
        (11.99, nan, Choice.NARROW_CONDOR),
    ],
)
def test_a_calendar_needs_a_low_vix_and_a_low_rank(vix: float, rank: float, choice: Choice) -> None:
    """The gap from 12 to 20 has its fallback, and says why no calendar."""
    found = select(replace(_CALM, market=Market.LOW_VOL_RANGE, vix=vix, iv_rank=rank), _ON)
    assert found.choice is choice
    assert (len(found.vetoes) == 1) is (choice is not Choice.CALENDAR)


def test_a_long_put_is_no_short_premium() -> None:
    """An inverted curve and unstable dealers are what a crash looks like."""
    crash = replace(
        _CALM, market=Market.CRASH, feedback=Feedback.UNSTABLE, term_structure=TermStructure.INVERTED, vix=50.0
    )
    assert select(crash, _ON).choice is Choice.LONG_PUT


def test_vetoes_name_every_structure_that_was_tried() -> None:
    """In the order in which they were."""
    facts = replace(_CALM, market=Market.BEAR_TREND, skew=120.0, feedback=Feedback.CRITICAL)
    found = select(facts, replace(_ON, trend_fallback=Choice.WIDE_CONDOR))
    assert found.vetoes == (
        "bearish_broken_wing: SKEW is below the bound of broken wings",
        "wide_condor: dealers' feedback is critical or unstable",
    )
    assert found.gates[-1].name == "feedback_calm"


@pytest.mark.parametrize(
    "wrong",
    [
        {"calendar_vix": 0.0},
        {"calendar_iv_rank": 20.0},
        {"bwb_skew_threshold": -1.0},
        {"low_vol_fallback": Choice.CALENDAR},
        {"trend_fallback": Choice.LONG_PUT},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    """A rank is a share of 1, not of 100; a fallback needs no flag of its own."""
    with pytest.raises(ConfigError):
        SelectorConfig(**wrong)  # type: ignore[arg-type]  # that is the point


def test_the_table_covers_every_regime() -> None:
    """A state that is added without a row is found."""
    assert set(TABLE) == set(Market)

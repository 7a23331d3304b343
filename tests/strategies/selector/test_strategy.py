"""The selector as a strategy: regimes choose what is opened, and each structure is looked after whatever they say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from fields.regime import Axis, AxisReading, Market, TermStructure
from fields.regime.history import ImpliedVolRank
from fields.snapshot import Feedback
from market.orders import Leg, PositionEffect
from market.series import SeriesPoint, SeriesUnit
from strategies.decisions import HOLD, Decision
from strategies.legs.rules import placed
from strategies.plan.schedules import DaysOut, NoEntries
from strategies.selector.plans import SelectorTerms
from strategies.selector.strategy import RegimeSelector
from strategies.selector.table import Choice, SelectorConfig
from strategies.views import HeldPackage
from tests.strategies.chains import view_at
from tests.strategies.field_signals.signals import readings
from tests.strategies.scene import NOW_NS, Scene, SceneAccount

_DAY_NS = 86_400_000_000_000
_TERMS = SelectorTerms(put_days=DaysOut(days=35, shortest=30, longest=40))
_ON = SelectorConfig(enable_broken_wing=True, enable_long_puts=True)


def _axis(axis: Axis, state: str, *inputs: tuple[str, float], ts_ns: int = NOW_NS) -> AxisReading:
    return AxisReading(
        axis=axis,
        state=state,
        unheld_state=state,
        since_ns=ts_ns,
        ts_event_ns=ts_ns,
        margin=nan,
        margin_input=None,
        margin_to=None,
        probability=nan,
        is_held=False,
        inputs=inputs,
        version="t",
        cause_id="hand",
        reason="",
    )


def _scene(
    market: Market,
    *,
    feedback: Feedback = Feedback.LONG_DAMPING,
    term: TermStructure = TermStructure.CONTANGO,
    vix: float = 22.0,
    skew: float = 145.0,
    ts_ns: int = NOW_NS,
    **parts: Any,
) -> Scene:
    found = replace(
        readings(),
        regimes=(
            _axis(Axis.MARKET, market, ("vix", vix), ts_ns=ts_ns),
            _axis(Axis.FEEDBACK, feedback),
            _axis(Axis.TERM_STRUCTURE, term),
        ),
        implied_vol_rank=ImpliedVolRank(rank=0.1, percentile=0.1, n_days=100, reason=""),
    )
    point = SeriesPoint(
        series="SKEW", unit=SeriesUnit.INDEX_POINTS, event_ns=NOW_NS, available_ns=NOW_NS, value=skew, reason=""
    )
    account = parts.pop("account", SceneAccount(equity=1e6, buying_power=1e6))
    return Scene(chains={"SPX": view_at()}, read={"SPX": found}, points={"SKEW": point}, account=account, **parts)


def _selector(config: SelectorConfig = _ON) -> RegimeSelector:
    return RegimeSelector(underlying="SPX", selector=config, terms=_TERMS)


def _held(choice: Choice, *, opened_days: float = 1.0, price: float = -3.0) -> HeldPackage:
    plan, chain = _selector().plans[choice], view_at()
    found = placed(chain, plan.schedule.series(chain), plan.structure)
    assert found.legs
    return HeldPackage(
        package_id=f"p {choice}",
        strategy="regime_selector",
        structure=plan.structure.name,
        legs=found.legs,
        quantity=Decimal(1),
        opened_ns=NOW_NS - int(opened_days * _DAY_NS),
        entry_price=price,
        is_whole=True,
    )


@pytest.mark.parametrize(
    ("market", "structure", "rights"),
    [
        (Market.BULL_TREND, "bullish_broken_wing", {False}),
        (Market.BEAR_TREND, "bearish_broken_wing", {True}),
        (Market.HIGH_VOL_RANGE, "wide_condor", {False, True}),
        (Market.LOW_VOL_RANGE, "narrow_condor", {False, True}),
    ],
)
def test_the_structure_of_the_regime_is_opened(market: Market, structure: str, rights: set[bool]) -> None:
    """Puts for a rise and calls for a fall; the gates show the axes before those of the plan."""
    decision = _selector().decide(_scene(market))
    names = [gate.name for gate in decision.gates]
    assert names[:3] == ["regime_read", f"market_{market}".lower(), "feedback_long_damping"]
    assert "chain_fresh" in names
    if decision.proposals:
        (opening,) = decision.proposals
        assert (opening.structure, opening.effect) == (structure, PositionEffect.OPEN)
        assert {leg.instrument.is_call for leg in opening.legs} == rights  # type: ignore[union-attr]  # options all
    else:  # a smile that is flat gives a broken wing no credit
        assert decision.gates[-1].name in {"credit_positive", "credit_to_width"}
        assert "broken_wing" in structure


def test_a_crash_stands_aside_or_buys_a_put_by_flag() -> None:
    """Q41: off by default."""
    aside = _selector(SelectorConfig()).decide(_scene(Market.CRASH, vix=50.0))
    assert (aside.reason, aside.gates[-1].reason) == ("stand_aside", "long_put: long puts are off")
    (bought,) = _selector().decide(_scene(Market.CRASH, vix=50.0)).proposals
    assert (bought.structure, bought.limit_price > 0) == ("long_put", True)


def test_vetoes_and_missing_regimes_open_nothing_and_say_why() -> None:
    """Each with its gate; an old reading is no reading."""
    cases = {
        "feedback_calm": _scene(Market.HIGH_VOL_RANGE, feedback=Feedback.UNSTABLE),
        "term_structure_upright": _scene(Market.HIGH_VOL_RANGE, term=TermStructure.INVERTED),
        "market_known": _scene(Market.UNKNOWN, vix=nan),
        "regime_read": _scene(Market.HIGH_VOL_RANGE, ts_ns=NOW_NS - 901_000_000_000),
    }
    for name, view in cases.items():
        decision = _selector().decide(view)
        assert (decision.proposals, decision.gates[-1].name, decision.gates[-1].passed) == ((), name, False)
        assert decision.gates[-1].reason
    assert _selector().decide(replace(_scene(Market.CRASH), read={})).gates[-1].name == "regime_read"
    assert _selector().decide(_scene(Market.CRASH, ts_ns=NOW_NS + 1)).gates[-1].name == "regime_read"


@pytest.mark.parametrize("choice", [Choice.WIDE_CONDOR, Choice.NARROW_CONDOR, Choice.LONG_PUT])
@pytest.mark.parametrize("market", list(Market))
def test_what_is_held_is_closed_by_its_own_rules_in_any_regime(choice: Choice, market: Market) -> None:
    """A package that was sold for far more than it costs now has met its target; a put that lost half is stopped."""
    price = 400.0 if choice is Choice.LONG_PUT else -40.0
    account = SceneAccount(equity=1e6, packages=(_held(choice, price=price),))
    decision = _selector().decide(_scene(market, account=account))
    (closing,) = decision.proposals
    assert (closing.effect, closing.package_id) == (PositionEffect.CLOSE, f"p {choice}")


def test_two_structures_that_are_due_are_both_closed() -> None:
    """Each by the plan of its structure, in one decision."""
    packages = (_held(Choice.WIDE_CONDOR, price=-40.0), _held(Choice.NARROW_CONDOR, price=-40.0))
    decision = _selector().decide(_scene(Market.UNKNOWN, account=SceneAccount(equity=1e6, packages=packages)))
    assert {each.package_id for each in decision.proposals} == {"p wide_condor", "p narrow_condor"}


def test_a_crash_closes_what_is_sold_and_keeps_the_put() -> None:
    """The market axis reaches the table of exits (Q79)."""
    condor = _held(Choice.WIDE_CONDOR, price=-2.0)
    view = _scene(Market.CRASH, vix=50.0, account=SceneAccount(equity=1e6, packages=(condor,)))
    assert _selector().decide(view).reason == "crash_regime"
    put = _held(Choice.LONG_PUT, price=25.0)
    cheap = _scene(Market.CRASH, vix=50.0, account=SceneAccount(equity=1e6, packages=(put,)))
    assert _selector().decide(cheap) is HOLD


def test_a_full_book_opens_nothing() -> None:
    """`max_open` counts the packages of all structures."""
    account = SceneAccount(equity=1e6, packages=(_held(Choice.LONG_PUT, price=25.0),))
    found = _selector().decide(_scene(Market.HIGH_VOL_RANGE, account=account))
    assert not any(each.effect is PositionEffect.OPEN for each in found.proposals)


def test_plans_share_the_name_and_no_structure() -> None:
    """Each finds its own packages among those of the strategy."""
    selector = _selector()
    assert {plan.name for plan in selector.plans.values()} == {selector.name}
    structures = [plan.structure.name for plan in selector.plans.values()]
    assert len(set(structures)) == len(structures) == len(Choice) - 1
    chain = view_at()
    closed = NoEntries(inner=selector.plans[Choice.CALENDAR].schedule)
    assert not closed.is_candidate(chain, NOW_NS)
    assert closed.series(chain) == closed.inner.series(chain)
    assert isinstance(selector.decide(Scene()), Decision)
    assert selector.decide(Scene()) is HOLD
    assert all(isinstance(leg, Leg) for leg in _held(Choice.WIDE_CONDOR).legs)

"""What each strategy of a structure proposes, and when it leaves: its own data through the one plan."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time
from decimal import Decimal
from math import isfinite, nan
from typing import Any

import numpy as np
import pytest

from market.clock import datetime_of_ns
from market.orders import PositionEffect
from market.series import SeriesPoint, SeriesUnit
from strategies.catalogue import CATALOGUE, parameters_of, strategy_of
from strategies.chain_lookup import ChainLookup
from strategies.decisions import Decision
from strategies.plan.package_plan import PackagePlan
from strategies.structures.shapes import SHAPES
from strategies.views import ChainView, HeldPackage
from tests.generators import Expiry, skewed_smile, synthetic_chain
from tests.strategies.scene import NOW_NS, Scene, SceneAccount

_HALF_PAST_TWO_NS = NOW_NS - 1_800 * 10**9
_DAY_NS = 86_400 * 10**9
_DAYS = tuple(Expiry(date(2023, *day)) for day in ((6, 2), (6, 10), (6, 20), (7, 3), (7, 17), (8, 1)))
_STRUCTURES = sorted(
    name
    for name, kind in CATALOGUE.items()
    if kind.__module__.startswith("strategies.structures.") and "orders" in {each.name for each in parameters_of(name)}
)


def _view(spot: float = 4000.0, as_of_ns: int = _HALF_PAST_TWO_NS) -> ChainView:
    strikes, today = np.arange(3000.0, 5005.0, 5.0), datetime_of_ns(as_of_ns).date()
    days = [each for each in _DAYS if each.day >= today]
    chain = synthetic_chain(spot, days, strikes, smile=skewed_smile(), half_spread=0.05, root="SPXW", as_of_ns=as_of_ns)
    return ChainLookup().view(chain)


def _scene(view: ChainView, vix: float = 18.0, **account: Any) -> Scene:
    money: dict[str, Any] = {"equity": 2e6, "buying_power": 2e6} | account
    now_ns = view.chain.ts_event_ns
    level = SeriesPoint(series="VIX", unit=SeriesUnit.INDEX_POINTS, event_ns=now_ns, available_ns=now_ns, value=vix)
    return Scene(now_ns=now_ns, account=SceneAccount(**money), chains={"SPX": view}, points={"VIX": level})


def _strategy(name: str, **parameters: object) -> Any:
    allowed = {"allows_undefined_risk": True} if "allows_undefined_risk" in _names(name) else {}
    return strategy_of(name, {"underlying": "SPX", **allowed, **parameters})


def _names(name: str) -> set[str]:
    return {each.name for each in parameters_of(name)}


def _held(decision: Decision, name: str, *, days_ago: float) -> HeldPackage:
    (opened,) = decision.proposals
    return HeldPackage(
        package_id="p1",
        strategy=name,
        structure=opened.structure,
        legs=opened.legs,
        quantity=Decimal(1),
        opened_ns=_HALF_PAST_TWO_NS - int(days_ago * _DAY_NS),
        entry_price=float(opened.limit_price),
        is_whole=True,
    )


@pytest.mark.parametrize("name", _STRUCTURES)
def test_with_its_defaults_each_structure_is_opened(name: str) -> None:
    """All gates pass on a quiet chain, the structure is one of the shapes, and the size bears its name."""
    strategy = _strategy(name)
    decision = strategy.decide(_scene(_view()))
    assert [gate.reason for gate in decision.gates if not gate.passed] == []
    (opened,) = decision.proposals
    shape = SHAPES[opened.structure]
    assert (opened.effect, opened.quantity >= 1) == (PositionEffect.OPEN, True)
    assert [leg.ratio for leg in opened.legs] == [leg.ratio for leg in shape.structure.legs]
    assert sum(term.is_binding for term in decision.sizing) == 1
    if opened.structure != "flyagonal":
        assert (opened.limit_price < 0) is shape.is_sold


@pytest.mark.parametrize("name", _STRUCTURES)
def test_what_was_just_opened_stays(name: str) -> None:
    """At its own entry price nothing closes it: stop and target have room on both sides."""
    strategy, view = _strategy(name), _view()
    package = _held(strategy.decide(_scene(view)), name, days_ago=0.0)
    middle = replace(package, entry_price=package.entry_price * (1.0 - 0.05 * np.sign(package.entry_price)))
    assert strategy.decide(_scene(view, packages=(middle,))).proposals == ()


@pytest.mark.parametrize("name", ["calendar", "diagonal", "flyagonal"])
def test_several_expirations_are_closed_before_the_front_ends(name: str) -> None:
    """A day before the front, whatever the price: beyond it what is left is another position."""
    strategy = _strategy(name)
    package = _held(strategy.decide(_scene(_view())), name, days_ago=0.0)
    ends = [leg.instrument.series.last_trade_ns for leg in package.legs]  # type: ignore[union-attr]  # all options
    late = _view(as_of_ns=min(ends) - _DAY_NS)
    (closing,) = strategy.decide(_scene(late, packages=(package,))).proposals
    assert (closing.effect, closing.package_id) == (PositionEffect.CLOSE, "p1")
    assert [leg.ratio for leg in closing.legs] == [-leg.ratio for leg in package.legs]


def test_a_flyagonal_is_held_about_four_and_a_half_days() -> None:
    """Z53b: an hour before it stays, and from then on it is closed."""
    strategy, view = _strategy("flyagonal"), _view()
    opened = strategy.decide(_scene(view))
    for days, reason in ((4.4, ""), (4.5, "max_hold")):
        package = _held(opened, "flyagonal", days_ago=days)
        decision = strategy.decide(_scene(view, packages=(package,), exits_ns={"flyagonal": view.chain.ts_event_ns}))
        assert [each.reason for each in decision.proposals if each.effect is PositionEffect.CLOSE] == [reason] * bool(
            reason
        )


@pytest.mark.parametrize(
    ("vix", "share"),
    [(7.9, None), (8.0, 1.0), (20.0, 1.0), (30.0, 0.8), (40.0, 0.5), (50.0, 0.0), (50.1, None), (nan, None)],
)
def test_a_flyagonal_is_sized_by_the_volatility_index(vix: float, share: float | None) -> None:
    """None below 8 or above 50 or without a level, four fifths from 30 on, half from 40 on; no share above 1 (Z53b)."""
    strategy = _strategy("flyagonal", size={"max_packages": 10, "risk_share": 1.0})
    decision = strategy.decide(_scene(_view(), vix=vix))
    if share is None:
        assert (decision.reason.startswith("vix_at"), decision.proposals) == (True, ())
    else:
        assert sum(each.quantity for each in decision.proposals) == int(10 * share)


def test_a_broken_wing_asks_for_a_credit_unless_told_otherwise() -> None:
    """A wing that is only a little farther away costs money: refused as it stands, taken where either will do."""
    narrow = {"near": 50.0, "far": 55.0}
    refused = _strategy("broken_wing", **narrow).decide(_scene(_view()))
    assert (refused.reason, refused.proposals) == ("credit_positive", ())
    taken = _strategy("broken_wing", **narrow, entry={"premium": "either"}).decide(_scene(_view()))
    assert [each.limit_price > 0 for each in taken.proposals] == [True]


@pytest.mark.parametrize("name", ["intraday_condor", "intraday_butterfly", "intraday_straddle"])
def test_the_windows_of_a_day_are_data(name: str) -> None:
    """Four of them, two entries, four hours, half past three (Z5)."""
    strategy = _strategy(name)
    assert [each.at for each in strategy.windows.times] == [time(10, 0), time(11, 30), time(13, 0), time(14, 30)]
    assert (strategy.windows.most, strategy.exits.max_hold_s) == (2, 14_400.0)
    assert strategy.exits.close_at == time(15, 30)
    moved = _strategy(name, windows={"times": [{"at": "15:00"}], "most": 1})
    assert not moved.decide(_scene(_view())).proposals
    assert moved.decide(_scene(_view(as_of_ns=NOW_NS))).proposals


@pytest.mark.parametrize("name", _STRUCTURES)
def test_the_plan_is_made_of_the_parameters(name: str) -> None:
    """Rules of the strategy and of its plan are the same objects, and its liquidity is that of its structure."""
    strategy = _strategy(name, liquidity={"min_open_interest": 10_000.0})
    plan = strategy.plan
    assert isinstance(plan, PackagePlan)
    assert (plan.entry, plan.size, plan.exits) == (strategy.entry, strategy.size, strategy.exits)
    decision = strategy.decide(_scene(_view()))
    assert decision.reason == "strikes_found"
    assert "open interest" in decision.gates[-1].reason


def test_undefined_risk_needs_margin_too() -> None:
    """What is allowed is still bounded by the margin of its underlying: a fifth of it and the credit."""
    strategy = _strategy("short_strangle", size={"max_packages": 100, "risk_share": 1.0})
    decision = strategy.decide(_scene(_view(), buying_power=200_000.0))
    (sold,) = decision.proposals
    terms = {term.name: term for term in decision.sizing}
    assert terms["buying_power"].is_binding
    spot = dict(decision.factors)["spot"]
    assert terms["buying_power"].quantity == pytest.approx(
        2e5 / (100.0 * (0.2 * spot - float(sold.limit_price))), rel=1e-6
    )
    assert isfinite(terms["buying_power"].quantity)

"""Field signals as trades: both sides alike, sized by what is known of them, and closed in a fixed order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from math import nan, sqrt
from typing import Any

import pytest

from fields.signals import SignalKind
from market.errors import ConfigError
from market.orders import Leg, PositionEffect
from market.tradables import OptionContract, Share
from strategies.decisions import HOLD, Decision
from strategies.features import AverageTrueRange
from strategies.field_signals.gamma_flip import GammaFlip
from strategies.field_signals.mean_reversion import MeanReversion
from strategies.field_signals.momentum import FieldMomentum
from strategies.field_signals.terms import OptionTerms, SignalTerms, StopUnit, Vehicle
from strategies.field_signals.vanna import VannaDrift
from strategies.views import HeldPackage, Strategy
from tests.strategies.field_signals.signals import field, readings, scene, signal
from tests.strategies.scene import NOW_NS, SceneAccount, quote

_SPY = Share(symbol="SPY")
_KIND = SignalKind.MEAN_REVERSION
_MINUTE_NS = 60_000_000_000
_MAKERS: tuple[tuple[SignalKind, Callable[..., Strategy]], ...] = (
    (SignalKind.MEAN_REVERSION, MeanReversion),
    (SignalKind.MOMENTUM, FieldMomentum),
    (SignalKind.GAMMA_FLIP, GammaFlip),
    (SignalKind.VANNA, VannaDrift),
)


def _strategy(**terms: Any) -> MeanReversion:
    return MeanReversion(underlying="SPX", instrument=_SPY, terms=SignalTerms(**terms))


def _quantity(decision: Decision) -> Decimal:
    return decision.proposals[0].quantity if decision.proposals else Decimal(0)


def _held(direction: int = 1, *, minutes: float = 5.0, **factors: float) -> HeldPackage:
    told = {"direction": float(direction), "level": 400.0, "stop_distance": 2.0} | factors
    return HeldPackage(
        package_id="p1",
        strategy="mean_reversion",
        structure="long" if direction > 0 else "short",
        legs=(Leg(instrument=_SPY, ratio=direction),),
        quantity=Decimal(10),
        opened_ns=NOW_NS - int(minutes * _MINUTE_NS),
        entry_price=400.0 * direction,
        is_whole=True,
        factors=told,
    )


def _closing(package: HeldPackage, *signals: Any, price: float = 400.0, now_ns: int = NOW_NS, **terms: Any) -> Decision:
    view = scene(
        *signals,
        account=SceneAccount(packages=(package,)),
        quotes={"SPY": quote(price - 0.01, price + 0.01)},
        now_ns=now_ns,
    )
    return _strategy(**terms).decide(view)


@pytest.mark.parametrize(("kind", "make"), _MAKERS, ids=[kind.value for kind, _ in _MAKERS])
@pytest.mark.parametrize("direction", [1, -1])
def test_each_signal_is_traded_both_ways_alike(kind: SignalKind, make: Callable[..., Strategy], direction: int) -> None:
    """The same size, the limit on the other side, and no other signal counts."""
    strategy = make(underlying="SPX", instrument=_SPY)
    (opening,) = strategy.decide(scene(signal(kind, direction))).proposals
    (mirrored,) = strategy.decide(scene(signal(kind, -direction))).proposals
    assert (opening.legs[0].ratio, opening.effect) == (direction, PositionEffect.OPEN)
    assert opening.quantity == mirrored.quantity > 0
    assert opening.limit_price * direction > 0
    others = [signal(each, direction) for each in SignalKind if each is not kind]
    assert not strategy.decide(scene(signal(kind, 0), *others)).proposals


def test_what_is_lost_at_the_stop_is_the_budget() -> None:
    """Share of the equity, times the part that the signal is worth, over the distance of the stop."""
    decision = _strategy(max_notional_share=1e6, max_hold_s=3_600.0).decide(
        scene(signal(_KIND, 1, confidence=0.7), account=SceneAccount(equity=1e6, buying_power=1e9))
    )
    told = dict(decision.factors)
    assert told["stop_distance"] == pytest.approx(0.2 * sqrt(3_600.0 / (252 * 23_400.0)) * 400.0)
    edge = 2.0 * told["probability"] - 1.0
    assert edge == pytest.approx(0.4 * told["field_quality"])
    assert _quantity(decision) == int(edge * 0.005 * 1e6 / told["stop_distance"])
    assert next(term.name for term in decision.sizing if term.is_binding) == "risk_budget"


def test_without_a_calibration_strength_sizes_and_the_mark_says_so() -> None:
    """A stronger reading is worth more, up to its part; the factors carry the mark."""
    shares = []
    for z in (1.0, 2.0, 4.0, 40.0):
        told = dict(_strategy().decide(scene(signal(_KIND, 1, z))).factors)
        assert told["is_calibrated"] == 0.0
        assert told["probability"] != told["probability"]
        shares.append(told["signal_share"])
    assert shares == sorted(shares)
    assert shares[2] == shares[3] == pytest.approx(0.25 * told["field_quality"])


@pytest.mark.parametrize(
    ("given", "terms", "gate"),
    [
        ({"direction": 0}, {}, "signal_given"),
        ({"direction": 1, "ts_ns": NOW_NS - 601_000_000_000}, {}, "signal_fresh"),
        ({"direction": 1}, {"min_quality": 1.0}, "field_quality"),
        ({"direction": 1, "confidence": 0.52}, {"min_confidence": 0.55}, "probability"),
        ({"direction": 1, "z": 0.9}, {"min_strength": 1.0}, "uncalibrated_strength"),
        ({"direction": 1, "z": nan}, {}, "uncalibrated_strength"),
        ({"direction": 1}, {"uncalibrated_share": 0.0}, "uncalibrated_strength"),
        ({"direction": 1}, {"risk_share": 1e-9}, "size_at_least_one"),
        ({"direction": 1}, {"flat_before_close_s": 3_600.0}, "time_before_close"),
    ],
)
def test_the_funnel_names_where_a_signal_dies(given: dict[str, Any], terms: dict[str, Any], gate: str) -> None:
    """Each at its gate, and nothing is proposed."""
    decision = _strategy(**terms).decide(scene(signal(_KIND, **given)))
    assert (decision.reason, decision.gates[-1].passed) == (gate, False)
    assert decision.gates[-1].reason
    assert not decision.proposals


def test_without_volatility_or_readings_there_is_no_entry() -> None:
    """A stop that cannot be told is no stop."""
    assert _strategy().decide(scene(signal(_KIND, 1), volatility=nan)).reason == "stop_known"
    assert _strategy().decide(replace(scene(), read={})).reason == "signal_read"
    by_range = _strategy(stop_unit=StopUnit.ATR, stop_distance=2.0)
    assert by_range.decide(scene(signal(_KIND, 1))).reason == "stop_known"
    found = by_range.decide(scene(signal(_KIND, 1), features={"mean_reversion.atr": 1.5}))
    assert dict(found.factors)["stop_distance"] == 3.0
    assert by_range.features == (AverageTrueRange(name="mean_reversion.atr", symbol="SPY", n_bars=14),)


def test_worse_fields_never_make_a_trade_larger() -> None:
    """Confidence of the surface is drawn down: probability and size fall with it (D125x)."""
    whole, sizes = field(), []
    for confidence in (1.0, 0.8, 0.6, 0.4):
        worse = replace(whole, surface=replace(whole.surface, overall_confidence=confidence, overall_reason="worse"))
        view = scene(signal(_KIND, 1, confidence=0.8), fields={"SPX": worse})
        sizes.append(_quantity(_strategy(max_notional_share=1e6, min_quality=0.5).decide(view)))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > sizes[2] > sizes[3] == 0


@pytest.mark.parametrize(
    ("package", "signals", "more", "reason"),
    [
        (_held(1), (), {"price": 397.9}, "stop_loss"),
        (_held(-1), (), {"price": 402.1}, "stop_loss"),
        (_held(1), (), {"price": 402.1}, ""),
        (_held(1, minutes=61), (), {}, "time_stop"),
        (_held(1, minutes=59), (), {}, ""),
        (_held(1), (signal(_KIND, -1),), {}, "opposite_signal"),
        (_held(1), (signal(_KIND, 1),), {}, ""),
        (_held(-1), (signal(_KIND, 1),), {}, "opposite_signal"),
        (_held(1, minutes=61), (signal(_KIND, -1),), {"price": 390.0}, "stop_loss"),
        (_held(1, stop_distance=nan), (), {}, "stop_unknown"),
        (_held(1, minutes=61), (), {"now_ns": NOW_NS + 50 * _MINUTE_NS}, "session_end"),
    ],
)
def test_the_first_rule_in_the_order_closes(
    package: HeldPackage, signals: tuple[Any, ...], more: dict[str, Any], reason: str
) -> None:
    """Stop, session, time, opposite signal; a position whose stop is not known is closed."""
    decision = _closing(package, *signals, **more)
    if not reason:
        assert decision is HOLD
        return
    (closing,) = decision.proposals
    assert (decision.reason, closing.effect, closing.package_id) == (reason, PositionEffect.CLOSE, "p1")
    assert (closing.legs[0].ratio, closing.quantity) == (-package.legs[0].ratio, package.quantity)


@pytest.mark.parametrize("vehicle", [Vehicle.LONG_OPTION, Vehicle.VERTICAL])
@pytest.mark.parametrize("direction", [1, -1])
def test_options_have_a_bounded_loss_and_go_the_way_of_the_signal(vehicle: Vehicle, direction: int) -> None:
    """Calls for a rise, puts for a fall; the budget is their whole price, and they close at the quotes."""
    terms = {"vehicle": vehicle, "option": OptionTerms(days=35, shortest=20, longest=40), "risk_share": 0.5}
    account = SceneAccount(equity=1e6, buying_power=1e6)
    decision = _strategy(**terms).decide(scene(signal(_KIND, direction), account=account))
    (opening,) = decision.proposals
    bought = opening.legs[0].instrument
    assert isinstance(bought, OptionContract)
    assert bought.is_call is (direction > 0)
    assert opening.limit_price > 0
    assert len(opening.legs) == (1 if vehicle is Vehicle.LONG_OPTION else 2)
    held = replace(_held(direction, level=4000.0, minutes=90), structure=opening.structure, legs=opening.legs)
    closed = _strategy(**terms).decide(scene(account=SceneAccount(packages=(held,))))
    assert closed.reason == "time_stop"
    assert closed.proposals[0].limit_price < 0


def test_the_underlying_is_traded_only_by_an_instrument() -> None:
    """Without one a signal would come and nothing could be sent; an option is found by the name of its underlying."""
    with pytest.raises(ConfigError, match="instrument cannot be"):
        MeanReversion(underlying="SPX")
    assert MeanReversion(underlying="SPX", terms=SignalTerms(vehicle=Vehicle.VERTICAL)).instrument is None


def test_terms_that_cannot_be_are_refused() -> None:
    """By name, before a run."""
    for wrong in ({"min_confidence": 0.4}, {"stop_distance": 0.0}, {"min_strength": 5.0}, {"collar": 0.5}):
        with pytest.raises(ConfigError):
            SignalTerms(**wrong)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(ConfigError):
        OptionTerms(days=20)
    assert readings().signals == ()

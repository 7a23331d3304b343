"""A policy's choice as trades: what is bought, what stops it, and that closing needs no permission."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import nan
from typing import Any

import pytest

from market.errors import ConfigError
from market.forecasts import Forecast, PolicyAction, PolicyReading
from market.orders import Leg, PositionEffect
from market.tradables import OptionContract
from strategies.catalogue import strategy_of
from strategies.decisions import HOLD, Decision
from strategies.policy import PolicyTrader
from strategies.views import HeldPackage, WorkingOrder
from tests.strategies.chains import view_at
from tests.strategies.scene import NOW_NS, Scene, SceneAccount

_S = 1_000_000_000
_TRADER = PolicyTrader(underlying="SPX", within=0.2)
_CHAIN = view_at()


def _policy(action: PolicyAction, *, chance: float = 0.7, **changes: Any) -> PolicyReading:
    rest = (1.0 - chance) / 3.0
    made = {
        "symbol": "SPX",
        "ts_event_ns": NOW_NS - 30 * _S,
        "cause_id": "c",
        "model": "m",
        "probabilities": tuple(chance if each is action else rest for each in PolicyAction),
    }
    return PolicyReading(**{**made, **changes})


_FORECAST = Forecast(
    symbol="SPX",
    ts_event_ns=NOW_NS - 30 * _S,
    cause_id="c",
    model="m",
    horizon_ns=600 * _S,
    prob_bull=0.5,
    prob_bear=0.3,
    prob_neutral=0.2,
    confidence=0.6,
)


def _scene(reading: PolicyReading | None, account: SceneAccount | None = None, **changes: Any) -> Scene:
    return Scene(
        **{
            "account": account or SceneAccount(equity=1e6, buying_power=1e6),
            "chains": {"SPX": _CHAIN},
            "policies": {} if reading is None else {"SPX": reading},
            "forecasts": {"SPX": _FORECAST},
            **changes,
        }
    )


def _opening(reading: PolicyReading, trader: PolicyTrader = _TRADER) -> Decision:
    return trader.decide(_scene(reading))


def _held(structure: str) -> HeldPackage:
    action = PolicyAction.BUY_CALL if structure == "long_call" else PolicyAction.BUY_PUT
    (bought,) = _opening(_policy(action)).proposals
    return HeldPackage(
        package_id="p1",
        strategy="policy",
        structure=structure,
        legs=bought.legs,
        quantity=Decimal(1),
        opened_ns=NOW_NS - 600 * _S,
        entry_price=float(bought.limit_price),
        is_whole=True,
    )


@pytest.mark.parametrize(("action", "is_call"), [(PolicyAction.BUY_CALL, True), (PolicyAction.BUY_PUT, False)])
def test_a_choice_to_buy_becomes_one_leg_of_that_right(action: PolicyAction, is_call: bool) -> None:  # noqa: FBT001
    """A call or a put by delta in the session's own expiration, paid for, with the policy's gates before the plan's."""
    found = _opening(_policy(action))
    (bought,) = found.proposals
    (leg,) = bought.legs
    assert isinstance(leg.instrument, OptionContract)
    assert (leg.ratio, leg.instrument.is_call) == (1, is_call)
    assert bought.effect is PositionEffect.OPEN
    assert bought.limit_price > 0
    assert [each.name for each in found.gates][:3] == ["policy_known", "policy_probability", "model_confidence"]
    assert all(each.passed for each in found.gates)


def test_holding_is_no_candidate() -> None:
    """The policy's most frequent answer leaves no trace in the funnel."""
    assert _opening(_policy(PolicyAction.HOLD)) is HOLD


@pytest.mark.parametrize(
    ("reading", "reason"),
    [
        (None, "no policy has spoken"),
        (_policy(PolicyAction.BUY_CALL, ts_event_ns=NOW_NS - 121 * _S), "stale policy"),
        (_policy(PolicyAction.BUY_CALL, ts_event_ns=NOW_NS + 1), "a policy of later"),
        (_policy(PolicyAction.BUY_CALL, probabilities=(nan,) * 4, reason="too few bars"), "too few bars"),
    ],
)
def test_a_policy_that_is_not_of_now_opens_nothing(reading: PolicyReading | None, reason: str) -> None:
    """Silent, stale, from later or undecided: refused with the reason."""
    found = _TRADER.decide(_scene(reading))
    assert (found.reason, found.proposals, found.gates[-1].reason) == ("policy_known", (), reason)


@pytest.mark.parametrize(
    ("trader", "forecast", "refused", "reason"),
    [
        (replace(_TRADER, min_probability=0.8), _FORECAST, "policy_probability", "not sure enough"),
        (_TRADER, replace(_FORECAST, confidence=0.4), "model_confidence", "too low"),
        (_TRADER, replace(_FORECAST, confidence=nan), "model_confidence", "no calibrated confidence of now"),
        (_TRADER, replace(_FORECAST, ts_event_ns=0), "model_confidence", "no calibrated confidence of now"),
        (replace(_TRADER, min_value=0.0), _FORECAST, "policy_value", "the policy has no value head"),
    ],
)
def test_each_gate_of_the_policy_can_refuse(
    trader: PolicyTrader, forecast: Forecast, refused: str, reason: str
) -> None:
    """Not sure, not confident, not calibrated, not fresh, or without the head that was asked for."""
    found = trader.decide(_scene(_policy(PolicyAction.BUY_CALL), forecasts={"SPX": forecast}))
    assert (found.reason, found.proposals, found.gates[-1].reason) == (refused, (), reason)


@pytest.mark.parametrize(("value", "opens"), [(-0.01, False), (0.0, False), (0.01, True)])
def test_what_costs_more_than_it_brings_is_not_opened(value: float, opens: bool) -> None:  # noqa: FBT001
    """The value head speaks of the return after costs; it must lie above the bound."""
    found = _opening(_policy(PolicyAction.BUY_CALL, value=value), replace(_TRADER, min_value=0.0))
    assert bool(found.proposals) is opens


def test_the_size_head_makes_an_order_smaller_and_never_larger() -> None:
    """A share of what the other ceilings leave; a policy without the head binds nothing."""
    trader = replace(_TRADER, size=replace(_TRADER.size, max_packages=10, risk_share=1.0))
    sizes = [_opening(_policy(PolicyAction.BUY_CALL, size=size), trader).sizing for size in (nan, 1.0, 0.55, 0.0)]
    assert [min(term.quantity for term in terms) for terms in sizes] == pytest.approx([10.0, 10.0, 5.5, 0.0])
    quantity = _opening(_policy(PolicyAction.BUY_CALL, size=0.55), trader).proposals[0].quantity
    assert quantity == 5


@pytest.mark.parametrize("chance", [0.26, 0.9])
def test_closing_needs_no_probability(chance: float) -> None:
    """The likeliest choice closes what is open, however unsure it is and whatever the model's confidence."""
    account = SceneAccount(packages=(_held("long_call"),))
    found = _TRADER.decide(_scene(_policy(PolicyAction.CLOSE, chance=chance), account, forecasts={}))
    (closing,) = found.proposals
    assert (found.reason, closing.effect, closing.package_id) == ("policy_close", PositionEffect.CLOSE, "p1")
    assert closing.limit_price < 0


def test_the_other_side_closes_before_it_opens() -> None:
    """A put is bought only once the call is gone."""
    account = SceneAccount(packages=(_held("long_call"),))
    found = _TRADER.decide(_scene(_policy(PolicyAction.BUY_PUT), account))
    assert [each.reason for each in found.proposals] == ["policy_reversed"]
    assert _TRADER.decide(_scene(_policy(PolicyAction.BUY_CALL), account)) is HOLD


def test_the_ways_out_of_the_plan_hold_without_a_policy() -> None:
    """A package that has doubled is sold although nobody has spoken."""
    cheap = replace(_held("long_call"), entry_price=0.5)
    found = _TRADER.decide(_scene(None, SceneAccount(packages=(cheap,))))
    assert [(each.effect, each.reason) for each in found.proposals] == [(PositionEffect.CLOSE, "profit_target")]


def test_a_choice_to_close_withdraws_what_still_opens() -> None:
    """An opening order that works is cancelled, and an exit that is under way is not sent again."""

    def order(effect: PositionEffect) -> WorkingOrder:
        return WorkingOrder(
            order_id=f"o {effect}",
            package_id="p1",
            strategy="policy",
            reason="r",
            remaining=Decimal(1),
            effect=effect,
            decided_ns=NOW_NS - _S,
        )

    opens, closes = order(PositionEffect.OPEN), order(PositionEffect.CLOSE)
    account = SceneAccount(packages=(_held("long_call"),), working=(closes,))
    assert _TRADER.decide(_scene(_policy(PolicyAction.CLOSE), account)) is HOLD
    found = _TRADER.decide(_scene(_policy(PolicyAction.CLOSE), replace(account, packages=(), working=(opens,))))
    assert (found.proposals, found.cancel) == ((), (opens.order_id,))


def test_it_rests_after_an_exit() -> None:
    """Within the cool-down nothing is opened (L39)."""
    account = SceneAccount(equity=1e6, buying_power=1e6, exits_ns={"policy": NOW_NS - 299 * _S})
    found = _TRADER.decide(_scene(_policy(PolicyAction.BUY_CALL), account))
    assert (found.reason, found.proposals) == ("cooled_down", ())


def test_it_is_made_from_plain_data_and_refuses_what_cannot_be() -> None:
    """By its name in a configuration, with bounds checked."""
    made = strategy_of("policy", {"underlying": "SPX", "delta": 0.3, "within": 0.2, "exits": {"stop_debit": 0.4}})
    assert made == replace(_TRADER, delta=0.3, exits=replace(_TRADER.exits, stop_debit=0.4))
    for changes in ({"min_probability": 1.1}, {"min_confidence": -0.1}, {"max_reading_age_s": 0.0}, {"delta": 1.0}):
        with pytest.raises(ConfigError):
            strategy_of("policy", {"underlying": "SPX", **changes})


def test_a_leg_is_what_is_closed() -> None:
    """The exit sells exactly what was bought."""
    package = _held("long_put")
    found = _TRADER.decide(_scene(_policy(PolicyAction.CLOSE), SceneAccount(packages=(package,))))
    assert found.proposals[0].legs == (Leg(instrument=package.legs[0].instrument, ratio=-1),)

"""The way out of open packages: what the plan reads of market and account, and the orders that it sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from math import nan
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fields.amplification import feedback_uncertainty
from fields.live.interpretation import Interpretation
from fields.regime import Axis, AxisReading, ImpliedVolRank, Market
from market.orders import PositionEffect
from market.tradables import OptionContract, Share
from risk.limits.orders import TradingState
from strategies.chain_lookup import ChainLookup
from strategies.decisions import HOLD
from strategies.features import AverageTrueRange
from strategies.plan.exits import ExitReason, ExitRules
from strategies.views import HeldPackage, Holding, PackageMarks, WorkingOrder
from tests.generators import Expiry
from tests.strategies.chains import chain_at
from tests.strategies.plan.plans import CONDOR, opened, scene, three_expiries
from tests.strategies.scene import NOW_NS, Scene, SceneAccount, quote

_S = 1_000_000_000
_VIEW = three_expiries()
_PACKAGE = opened(CONDOR, _VIEW)


def _marks(**told: Any) -> Mapping[str, PackageMarks]:
    base = PackageMarks(profit=0.0, best_profit=0.0, worst_profit=0.0, value=-500.0, marked_ns=NOW_NS)
    return {"p1": replace(base, **told)}


def _with_exits(**rules: Any) -> Any:
    return replace(CONDOR, exits=replace(CONDOR.exits, **rules))


def _order(effect: PositionEffect, *, package_id: str = "p1", age_s: int = 60) -> WorkingOrder:
    return WorkingOrder(
        order_id="o",
        package_id=package_id,
        strategy="condor",
        reason="entry",
        remaining=Decimal(1),
        effect=effect,
        decided_ns=NOW_NS - age_s * _S,
    )


def _unquoted(package: HeldPackage) -> Any:
    """Return a view in which one leg of a package has no ask."""
    chain = chain_at(expiries=(Expiry(date(2023, 6, 2)), Expiry(date(2023, 7, 7)), Expiry(date(2023, 8, 11))))
    ask = chain.ask.copy()
    ask[_VIEW.place(package.legs[0].instrument)] = 0.0
    return ChainLookup().view(replace(chain, ask=ask))


@pytest.mark.parametrize("state", list(TradingState))
def test_no_state_of_the_account_holds_an_exit_back(state: TradingState) -> None:
    """A stop is sent where the account only reduces, and where it is halted all of it is closed at once."""
    decision = CONDOR.decide(scene(three_expiries(3700.0), packages=(_PACKAGE,), trading_state=state))
    (closing,) = decision.proposals
    expected = ExitReason.HALTED if state is TradingState.HALTED else ExitReason.STOP_LOSS
    assert (decision.reason, closing.effect, closing.package_id) == (expected, PositionEffect.CLOSE, "p1")


def test_missing_money_holds_no_exit_back() -> None:
    """Equity and buying power that are not known stop an entry, and nothing else."""
    decision = CONDOR.decide(scene(three_expiries(3700.0), packages=(_PACKAGE,), equity=nan, buying_power=nan))
    assert decision.reason == "stop_loss"
    assert decision.proposals


def test_what_cannot_be_marked_stops_new_orders_and_is_reported() -> None:
    """With the seconds since the last mark, and without an entry beside it; nothing is sent before the time-out."""
    marks = _marks(marked_ns=NOW_NS - 50 * _S)
    decision = _with_exits(mark_timeout_s=50.0).decide(scene(_unquoted(_PACKAGE), packages=(_PACKAGE,), marks=marks))
    assert (decision.reason, decision.proposals, decision.gates) == ("no_valid_mark", (), ())
    assert dict(decision.factors)["unmarked_s"] == 50.0
    roomy = replace(CONDOR, entry=replace(CONDOR.entry, max_open=3))
    assert roomy.decide(scene(_unquoted(_PACKAGE), packages=(_PACKAGE,), marks=marks)).reason == "no_valid_mark"


def test_after_the_time_out_it_is_closed_around_its_last_mark() -> None:
    """Worth -500 a package of multiplier 100: bought back for 5, and half as much again."""
    marks = _marks(marked_ns=NOW_NS - 51 * _S)
    decision = _with_exits(mark_timeout_s=50.0).decide(scene(_unquoted(_PACKAGE), packages=(_PACKAGE,), marks=marks))
    (closing,) = decision.proposals
    assert (decision.reason, closing.limit_price) == ("mark_timeout", Decimal("7.50"))


@pytest.mark.parametrize("reason", ["trading_halted", "broken_package"])
def test_what_goes_before_the_time_out_does_not_take_its_price_away(reason: str) -> None:
    """Halted or out of proportion, an unquoted package leaves around its last mark; without one a gate says so."""
    package = replace(_PACKAGE, is_whole=reason == "trading_halted")
    account: dict[str, Any] = {
        "packages": (package,),
        "trading_state": TradingState.HALTED if package.is_whole else TradingState.ACTIVE,
    }
    plan, view = _with_exits(mark_timeout_s=50.0), _unquoted(_PACKAGE)
    (closing,) = plan.decide(scene(view, marks=_marks(marked_ns=NOW_NS - 51 * _S), **account)).proposals
    assert (closing.reason, closing.limit_price) == (reason, Decimal("7.50"))
    for marks in (_marks(marked_ns=NOW_NS - 50 * _S), _marks(marked_ns=NOW_NS - 51 * _S, value=nan), {}):
        decision = plan.decide(scene(view, marks=marks, **account))
        assert (decision.reason, decision.proposals) == (reason, ())
        assert [gate.name for gate in decision.gates] == ["closing_price_known"]


def test_a_unit_of_nothing_is_no_leg() -> None:
    """What has been sold to the last unit is not among the legs of what closes the rest."""
    units = dict.fromkeys(_PACKAGE.units, Decimal(0)) | {_PACKAGE.legs[0].instrument.symbol: Decimal(-2)}
    rest = replace(_PACKAGE, units=units, is_whole=False, quantity=Decimal(0))
    (closing,) = CONDOR.decide(scene(packages=(rest,))).proposals
    assert [(leg.instrument, leg.ratio) for leg in closing.legs] == [(_PACKAGE.legs[0].instrument, 1)]
    assert closing.quantity == 2
    empty = replace(rest, units=dict.fromkeys(units, Decimal(0)))
    assert CONDOR.decide(scene(packages=(empty,))).proposals == ()


def test_without_any_mark_nothing_is_sent() -> None:
    """No price, no limit: a gate says so."""
    decision = _with_exits(mark_timeout_s=50.0).decide(scene(_unquoted(_PACKAGE), packages=(_PACKAGE,)))
    assert (decision.reason, decision.proposals) == ("mark_timeout", ())
    assert [gate.name for gate in decision.gates] == ["closing_price_known"]


def test_stale_quotes_are_no_mark() -> None:
    """Six minutes old where five are allowed: a stop is not read from them."""
    late = NOW_NS + 360 * _S
    decision = CONDOR.decide(scene(three_expiries(3700.0), now_ns=late, packages=(_PACKAGE,), marks=_marks()))
    assert (decision.reason, decision.proposals) == ("no_valid_mark", ())


def test_a_hard_limit_and_a_crash_close_what_is_open() -> None:
    """Both by the account and the readings; a regime that is not read closes nothing."""
    broken = CONDOR.decide(scene(packages=(_PACKAGE,), hard_breaches=("daily_loss",)))
    assert (broken.reason, len(broken.proposals)) == ("hard_risk", 1)
    crash = {"SPX": _regime(Market.CRASH)}
    assert CONDOR.decide(scene(packages=(_PACKAGE,), read=crash)).reason == "crash_regime"
    assert _with_exits(closes_in_crash=False).decide(scene(packages=(_PACKAGE,), read=crash)) is HOLD
    assert CONDOR.decide(scene(packages=(_PACKAGE,), read={"SPX": _regime(Market.UNKNOWN)})) is HOLD


def test_nothing_is_opened_in_a_crash() -> None:
    """Where a crash closes, an entry would be closed at the next view."""
    decision = CONDOR.decide(scene(read={"SPX": _regime(Market.CRASH)}))
    assert (decision.reason, decision.proposals) == ("no_crash", ())


def _regime(state: Market) -> Interpretation:
    reading = AxisReading(
        axis=Axis.MARKET,
        state=state,
        unheld_state=state,
        since_ns=0,
        ts_event_ns=NOW_NS,
        margin=nan,
        margin_input=None,
        margin_to=None,
        probability=nan,
        is_held=False,
        inputs=(),
        version="test",
        cause_id="test",
        reason="",
    )
    return Interpretation(
        feedback=feedback_uncertainty(nan, nan),
        regimes=(reading,),
        signals=(),
        implied_vol_30d=nan,
        implied_vol_rank=ImpliedVolRank(rank=nan, percentile=nan, n_days=0, reason="not given"),
    )


def test_times_of_day_count_on_the_day_of_expiration_alone() -> None:
    """At 15:00 of its last day, and not five weeks before it."""
    today = replace(CONDOR.schedule, days=0, shortest=0, longest=1)  # type: ignore[type-var]  # of days
    plan = replace(_with_exits(close_at=time(15, 0)), schedule=today)
    assert plan.decide(scene(packages=(opened(plan, _VIEW),))).reason == "close_at"
    later = _with_exits(close_at=time(15, 0))
    assert later.decide(scene(packages=(_PACKAGE,))) is HOLD
    cash_settled = replace(plan, exits=ExitRules(broker_cutoff=time(15, 0)))
    assert cash_settled.decide(scene(packages=(opened(plan, _VIEW),), buying_power=0.0)) is HOLD


def test_shares_that_could_not_be_paid_for_are_not_waited_for_at_the_brokers_cutoff() -> None:
    """A condor takes two lots of shares or delivers two: a little over the half of its four strikes pays."""
    today = replace(CONDOR.schedule, days=0, shortest=0, longest=1)  # type: ignore[type-var]  # of days
    plan = replace(CONDOR, underlying="SPY", schedule=today, exits=ExitRules(broker_cutoff=time(15, 0)))
    view = ChainLookup().view(chain_at(root="SPY"))
    package = opened(plan, view)
    contracts = [leg.instrument for leg in package.legs]
    strikes = 100.0 * sum(float(each.strike) for each in contracts if isinstance(each, OptionContract))
    for share, reason in ((0.55, "hold"), (0.45, "broker_cutoff"), (nan, "broker_cutoff")):
        account = SceneAccount(packages=(package,), buying_power=share * strikes)
        assert plan.decide(Scene(account=account, chains={"SPY": view})).reason == reason


@pytest.mark.parametrize(("minute", "reason"), [(29, "hold"), (30, "close_at")])
def test_on_an_early_close_wall_times_come_as_much_earlier(minute: int, reason: str) -> None:
    """On 3 July 2023 New York closed at 13:00: what is closed at 15:30 of a whole day is closed at 12:30."""
    at = datetime(2023, 7, 3, 12, minute, tzinfo=ZoneInfo("America/New_York"))
    now_ns = int(at.timestamp()) * _S
    view = ChainLookup().view(chain_at(expiries=(Expiry(date(2023, 7, 3)),), as_of_ns=now_ns))
    today = replace(CONDOR.schedule, days=0, shortest=0, longest=1)  # type: ignore[type-var]  # of days
    plan = replace(CONDOR, schedule=today, exits=ExitRules(close_at=time(15, 30)))
    package = opened(plan, view, opened_ns=now_ns - 3_600 * _S)
    assert plan.decide(scene(view, now_ns=now_ns, packages=(package,))).reason == reason


def test_what_settles_on_an_opening_print_has_no_early_close() -> None:
    """It stopped trading the day before: its last morning begins no exit of the afternoon."""
    at = datetime(2023, 6, 16, 9, 0, tzinfo=ZoneInfo("America/New_York"))
    now_ns = int(at.timestamp()) * _S
    view = ChainLookup().view(chain_at(expiries=(Expiry(date(2023, 6, 16)),), as_of_ns=now_ns, root="SPX"))
    contract = next(each for each in (leg.instrument for leg in _PACKAGE.legs) if isinstance(each, OptionContract))
    legs = tuple(replace(leg, instrument=replace(contract, series=view.chain.series[0])) for leg in _PACKAGE.legs[:1])
    package = replace(_PACKAGE, legs=legs, units={legs[0].instrument.symbol: Decimal(-1)})
    plan = replace(CONDOR, exits=ExitRules(close_at=time(15, 30)))
    assert plan.decide(scene(view, now_ns=now_ns, packages=(package,))).reason != "close_at"


def test_the_brokers_cutoff_stands_by_default() -> None:
    """At Alpaca flat by 15:10 whatever could not be settled, on a day that closes at 16:00 (requirements 2.6)."""
    assert (ExitRules().broker_cutoff, ExitRules().regular_close) == (time(15, 10), time(16, 0))


def test_the_highest_profit_of_the_account_trails() -> None:
    """Best 300 of a package at 100 a unit arms it; less than 210 left of them closes it."""
    plan = _with_exits(trailing_keep=0.7, trailing_start=0.1)
    for profit, reason in ((209.0, "trailing_stop"), (211.0, "hold")):
        marks = _marks(best_profit=300.0, profit=profit)
        assert plan.decide(scene(packages=(_PACKAGE,), marks=marks)).reason == reason


def test_true_ranges_are_counted_from_the_price_at_entry() -> None:
    """Opened at 3960 with ranges of 20: two of them away at 4000; without the price of the entry nothing is known."""
    atr = AverageTrueRange(name="atr", symbol="SPX")
    plan = replace(CONDOR, exits=ExitRules(atr_multiple=1.9), atr=atr)
    assert plan.features == (atr,)
    package = replace(_PACKAGE, factors={"spot": 3960.0})
    assert plan.decide(scene(packages=(package,), features={atr.name: 20.0})).reason == "atr_stop"
    assert plan.decide(scene(packages=(_PACKAGE,), features={atr.name: 20.0})) is HOLD


def test_several_packages_leave_in_one_decision_each_with_its_own_numbers() -> None:
    """Two stops: two orders, and each tells the price that it was decided by."""
    other = opened(CONDOR, _VIEW, package_id="p2", entry_price=-9.0)
    decision = CONDOR.decide(scene(three_expiries(3700.0), packages=(_PACKAGE, other)))
    assert [each.package_id for each in decision.proposals] == ["p1", "p2"]
    assert [dict(each.factors)["credit"] for each in decision.proposals] == [-_PACKAGE.entry_price, 9.0]


def test_a_package_without_a_price_does_not_hold_another_back() -> None:
    """The other is closed."""
    other = opened(CONDOR, three_expiries(4100.0), package_id="p2", entry_price=-0.01)
    marks = _marks(marked_ns=NOW_NS - _S)
    decision = CONDOR.decide(scene(_unquoted(_PACKAGE), packages=(_PACKAGE, other), marks=marks))
    assert [each.package_id for each in decision.proposals] == ["p2"]


def test_an_exit_overtakes_the_order_that_still_opens_its_package() -> None:
    """The rest of the entry is withdrawn and what is held is closed; a closing order under way is not doubled."""
    held = scene(three_expiries(3700.0), packages=(_PACKAGE,), working=(_order(PositionEffect.OPEN),))
    decision = CONDOR.decide(held)
    assert (decision.reason, decision.cancel, len(decision.proposals)) == ("stop_loss", ("o",), 1)
    closing = scene(three_expiries(3700.0), packages=(_PACKAGE,), working=(_order(PositionEffect.CLOSE),))
    assert CONDOR.decide(closing) is HOLD


def test_what_is_out_of_proportion_is_closed_as_it_is() -> None:
    """Three condors less one call wing: all units are closed in one order, in their own ratios."""
    package = opened(CONDOR, _VIEW, quantity=3)
    wing = package.legs[3].instrument.symbol
    broken = replace(package, is_whole=False, units={**package.units, wing: Decimal(2)})
    decision = CONDOR.decide(scene(packages=(broken,)))
    (closing,) = decision.proposals
    assert decision.reason == "broken_package"
    assert {leg.instrument.symbol: leg.ratio * closing.quantity for leg in closing.legs} == {
        symbol: -units for symbol, units in broken.units.items()
    }
    opening = scene(packages=(broken,), working=(_order(PositionEffect.OPEN),))
    assert CONDOR.decide(opening) is HOLD


def test_delivered_shares_are_sold_with_what_is_left() -> None:
    """After an assignment the package holds shares, which were not among its legs."""
    share = Share(symbol="SPX")
    units = {"SPX": Decimal(100), _PACKAGE.legs[1].instrument.symbol: Decimal(1)}
    broken = replace(_PACKAGE, is_whole=False, quantity=Decimal(0), units=units)
    holding = Holding(instrument=share, quantity=Decimal(100), average_price=Decimal(3800))
    decision = CONDOR.decide(
        scene(packages=(broken,), holdings={"SPX": holding}, quotes={"SPX": quote(3999.0, 4001.0)})
    )
    (closing,) = decision.proposals
    assert {leg.instrument.symbol: leg.ratio for leg in closing.legs} == {
        "SPX": -100,
        _PACKAGE.legs[1].instrument.symbol: -1,
    }
    assert float(closing.limit_price) > -3999.0


@settings(deadline=None, max_examples=30)
@given(spot=st.floats(3500.0, 4500.0), entry=st.floats(-40.0, -0.5), age_s=st.integers(0, 400))
def test_at_every_market_a_package_has_one_next_action(spot: float, entry: float, age_s: int) -> None:
    """One order at most for it, the same at the same view, and never an entry beside an exit of it."""
    view = three_expiries(round(spot, 1))
    package = replace(_PACKAGE, entry_price=entry)
    now = scene(view, now_ns=NOW_NS + age_s * _S, packages=(package,), marks=_marks())
    decision = CONDOR.decide(now)
    assert decision == CONDOR.decide(now)
    assert len(decision.proposals) <= 1
    assert all(each.effect is PositionEffect.CLOSE for each in decision.proposals)


def test_another_structure_of_the_same_name_is_left_alone() -> None:
    """Plans that share the name of a strategy look each after its own; the count of open packages is of all."""
    other = replace(_PACKAGE, structure="iron_butterfly")
    decision = CONDOR.decide(scene(three_expiries(3700.0), packages=(other,)))
    assert decision is HOLD

"""Limits of the whole account: each from both sides of its bound, as the requirements have it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf, nan, nextafter

import pytest

from market.errors import ConfigError
from market.orders import OrderIntent
from market.tradables import Share
from risk.book import PortfolioGreeks
from risk.limits.facts import Dividend, OrderFacts, Stake
from risk.limits.orders import TokenBucket
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES, BreakerRule, RiskRules
from risk.limits.size_schedule import SizeSchedule
from risk.service import RiskService
from risk.state import BreakerClass, Hold, HoldCause, LastExit, RiskState
from risk.trading_state import TradingState
from tests.risk.contracts import FAR, NOON_NS, option, order

_MINUTE_NS = 60_000_000_000
_SPREAD = ((-1, option("P", 390)), (1, option("P", 380)))
_NO_GREEKS = PortfolioGreeks(
    delta_shares=0.0,
    gamma_shares_per_usd=0.0,
    vega_usd_per_volpt=0.0,
    theta_usd_per_day=0.0,
    delta_usd=0.0,
    beta_delta_shares=0.0,
)
_STAKE = Stake(
    strategy_at_risk=0.0,
    symbol_at_risk=0.0,
    strategy_packages=0,
    order=_NO_GREEKS,
    book=_NO_GREEKS,
    volatility=18.0,
    cash_to_settle=0.0,
    spot={"SPY": 400.0},
)
_FACTS = OrderFacts(
    now_ns=NOON_NS,
    state=TradingState.ACTIVE,
    leg_prices=(3.0, 1.0),
    input_ns=NOON_NS,
    open_packages=0,
    buying_power=1e6,
    buying_power_effect=100.0,
    session_close_ns=NOON_NS + 240 * _MINUTE_NS,
    stake=_STAKE,
)
_STATE = RiskState(
    ts_ns=NOON_NS,
    session="2023-06-16",
    day_start_equity=Decimal(25_000),
    equity=Decimal(25_000),
    deposits=Decimal(25_000),
    high_water=Decimal(25_000),
    bucket=TokenBucket(capacity=10.0, per_second=10.0 / 60.0, tokens=10.0, ts_ns=NOON_NS),
)


def _spread(loss_per_share: float = 1.0, quantity: int = 1) -> OrderIntent:
    """Return a put spread ten wide that can lose so much a share."""
    return order(*_SPREAD, limit=str(loss_per_share - 10.0), quantity=str(quantity))


def _denied(
    intent: OrderIntent | None = None,
    facts: OrderFacts = _FACTS,
    state: RiskState = _STATE,
    rules: RiskRules = HEDGEFIELD_RULES,
) -> list[str]:
    limits = replace(HEDGEFIELD_LIMITS, collar_fraction=None)
    verdict = RiskService(limits, rules).check(intent or _spread(), facts, state)
    return [breach.limit for breach in verdict.breaches]


def _greeks(**told: float) -> PortfolioGreeks:
    return replace(_NO_GREEKS, **told)  # type: ignore[arg-type]  # numbers, not the reason


def _stake(**told: object) -> OrderFacts:
    return replace(_FACTS, stake=replace(_STAKE, **told))  # type: ignore[arg-type]  # a table of cases


def _state(**told: object) -> RiskState:
    return replace(_STATE, **told)  # type: ignore[arg-type]  # a table of cases


def test_an_order_within_the_whole_table_passes() -> None:
    """With everything known and nothing at its bound the preset lets an order through."""
    assert not _denied()


def test_one_order_may_lose_two_per_cent_of_the_equity() -> None:
    """Z82: of 25 000 at most 500 at the defined worst loss; five of 100 pass, six do not."""
    assert not _denied(_spread(1.0, 5))
    assert _denied(_spread(1.0, 6)) == ["risk_per_trade"]


@pytest.mark.parametrize(
    ("level", "packages"),
    [(8.0, 5), (15.0, 5), (19.99, 5), (20.0, 5), (24.99, 5), (29.99, 5), (30.0, 4), (39.99, 4), (40.0, 2), (49.99, 2)],
)
def test_high_volatility_leaves_a_part_of_the_risk_per_trade(level: float, packages: int) -> None:
    """Z53b, Z85: four fifths from a VIX of 30, half from 40; what is above 1 lifts no ceiling."""
    rules = replace(HEDGEFIELD_RULES, most_volatility=None)
    facts = _stake(volatility=level)
    assert not _denied(_spread(1.0, packages), facts, rules=rules)
    assert _denied(_spread(1.0, packages + 1), facts, rules=rules) == ["risk_per_trade"]


@pytest.mark.parametrize("level", [7.99, 50.0, 80.0])
def test_nothing_is_opened_where_the_schedule_leaves_no_size(level: float) -> None:
    """Z53b: none below a VIX of 8, and none from 50 on."""
    rules = replace(HEDGEFIELD_RULES, most_volatility=None)
    assert _denied(facts=_stake(volatility=level), rules=rules) == ["size_schedule", "risk_per_trade"]


def test_the_schedule_has_the_steps_of_z53b() -> None:
    """x1.05 from 15, x1.1 from 20, x0.8 from 30, x0.5 from 40; as a ceiling never above 1, unknown is none."""
    schedule = SizeSchedule()
    levels = (7.9, 8.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0, nan)
    assert [schedule.multiple(level) for level in levels] == [0.0, 1.0, 1.05, 1.1, 1.0, 0.8, 0.5, 0.0, 0.0]
    assert [schedule.ceiling(level) for level in levels] == [0.0, 1.0, 1.0, 1.0, 1.0, 0.8, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("name", "facts", "over"),
    [
        # 2.6 and Z84: 10 % of 25 000, of which the order takes 100
        ("strategy_at_risk", {"strategy_at_risk": 2_400.0}, {"strategy_at_risk": 2_400.01}),
        ("symbol_at_risk", {"symbol_at_risk": 2_400.0}, {"symbol_at_risk": 2_400.01}),
        ("strategy_packages", {"strategy_packages": 1}, {"strategy_packages": 2}),
        # Q23 to Q27 in the units of Q18
        ("trade_delta", {"order": _greeks(delta_shares=-30.0)}, {"order": _greeks(delta_shares=-30.01)}),
        ("trade_vega", {"order": _greeks(vega_usd_per_volpt=100.0)}, {"order": _greeks(vega_usd_per_volpt=100.1)}),
        ("book_delta", {"book": _greeks(delta_shares=200.0)}, {"book": _greeks(delta_shares=-200.1)}),
        ("book_gamma", {"book": _greeks(gamma_shares_per_usd=-50.0)}, {"book": _greeks(gamma_shares_per_usd=50.1)}),
        ("book_vega", {"book": _greeks(vega_usd_per_volpt=-500.0)}, {"book": _greeks(vega_usd_per_volpt=500.1)}),
        ("volatility_index", {"volatility": 25.0}, {"volatility": nextafter(25.0, inf)}),
    ],
)
def test_each_row_of_the_account_holds_up_to_its_bound(
    name: str, facts: dict[str, object], over: dict[str, object]
) -> None:
    """At the bound an order passes; beyond it, and where the number is missing, this row alone denies."""
    assert not _denied(facts=_stake(**facts))
    assert _denied(facts=_stake(**over)) == [name]
    missing = {
        key: -1 if isinstance(value, int) else None if "book" in key or key == "order" else nan
        for key, value in over.items()
    }
    assert name in _denied(facts=_stake(**missing))


def test_working_orders_count_as_the_worst_of_filled_and_not() -> None:
    """Two opposite orders on their way do not cancel: either may be filled alone."""
    working = (_greeks(delta_shares=150.0), _greeks(delta_shares=-150.0))
    facts = _stake(book=_greeks(delta_shares=40.0), working=working)
    assert not _denied(facts=facts)
    assert _denied(facts=_stake(book=_greeks(delta_shares=60.0), working=working)) == ["book_delta"]
    unknown = _stake(working=(_greeks(delta_shares=nan),))
    assert _denied(facts=unknown) == ["book_delta"]


def test_beta_weighted_deltas_are_those_of_the_benchmark() -> None:
    """With the option set, 1 000 shares that move as 25 of the benchmark count 25."""
    facts = _stake(order=_greeks(delta_shares=1_000.0, beta_delta_shares=25.0))
    assert _denied(facts=facts) == ["trade_delta", "book_delta"]
    assert not _denied(facts=facts, rules=replace(HEDGEFIELD_RULES, is_beta_weighted=True))


@pytest.mark.parametrize(("start", "bound"), [(25_000, 500), (100_000, 500), (10_000, 200)])
def test_the_daily_loss_is_the_smaller_of_two_per_cent_and_500(start: int, bound: int) -> None:
    """Q28, Z83: a loss that reaches min(2 % of the day's start, 500) ends new positions."""
    low, high = Decimal(start - bound), Decimal(start) - bound + Decimal("0.01")
    known = {"day_start_equity": Decimal(start), "high_water": Decimal(start)}
    assert "daily_loss" not in _denied(state=_state(equity=high, **known))
    assert _denied(state=_state(equity=low, **known))[0] == "daily_loss"
    assert _denied(state=_state(equity=None, **known))[0] == "daily_loss"


def test_a_drawdown_of_a_tenth_ends_new_positions() -> None:
    """H41: measured from the highest equity; at 10 % nothing more is opened."""
    rules = replace(HEDGEFIELD_RULES, daily_loss_share=None, daily_loss_amount=None)
    held = {"high_water": Decimal(25_000), "day_start_equity": Decimal(23_000)}
    assert not _denied(state=_state(equity=Decimal("22500.01"), **held), rules=rules)
    assert _denied(state=_state(equity=Decimal(22_500), **held), rules=rules) == ["drawdown"]


def test_a_strategy_waits_five_minutes_after_an_exit() -> None:
    """L39: another strategy does not wait; after a loss the longer of both pauses holds."""
    rules = replace(HEDGEFIELD_RULES, loss_cooldown_minutes=30.0)
    early, due = (NOON_NS - 5 * _MINUTE_NS + late for late in (1, 0))
    assert _denied(state=_state(exits={"test": LastExit(ts_ns=early)}), rules=rules) == ["cooldown_minutes"]
    assert not _denied(state=_state(exits={"test": LastExit(ts_ns=due)}), rules=rules)
    assert not _denied(state=_state(exits={"other": LastExit(ts_ns=early)}), rules=rules)
    lost = LastExit(ts_ns=due, loss_ns=due)
    assert _denied(state=_state(exits={"test": lost}), rules=rules) == ["cooldown_minutes"]


@pytest.mark.parametrize("breaker", BreakerClass)
def test_a_tripped_breaker_denies_until_its_cooldown_is_over(breaker: BreakerClass) -> None:
    """Z86: each class has a row of its own, which passes at the very instant at which the pause ends."""
    assert _denied(state=_state(cooldowns={breaker: NOON_NS + 1})) == [f"breaker_{breaker}"]
    assert not _denied(state=_state(cooldowns={breaker: NOON_NS}))


def test_ten_orders_a_minute() -> None:
    """H54: with less than one order left in the bucket the next one waits."""
    bucket = TokenBucket(capacity=10.0, per_second=10.0 / 60.0, tokens=1.0, ts_ns=NOON_NS)
    assert not _denied(state=_state(bucket=bucket))
    assert _denied(state=_state(bucket=bucket.taken(NOON_NS))) == ["order_rate"]
    later = replace(_FACTS, now_ns=NOON_NS + 6_000_000_000)
    assert not _denied(facts=later, state=_state(bucket=bucket.taken(NOON_NS)))


def test_after_the_broker_cut_off_nothing_is_opened_that_cannot_be_settled() -> None:
    """At 15:10 shares that the account cannot pay end it for options of the day, and for those alone."""
    close = option("P", 390).series.last_trade_ns
    at, after = (
        replace(_FACTS, now_ns=close - 50 * _MINUTE_NS + late, session_close_ns=close, input_ns=close - 51 * _MINUTE_NS)
        for late in (0, 1)
    )
    assert not _denied(facts=at)
    assert _denied(facts=after) == ["minutes_to_broker_cutoff"]
    rich = replace(after, stake=replace(_STAKE, cash_to_settle=39_000.0))
    assert not _denied(facts=rich)
    assert not _denied(order((-1, option("P", 390, day=FAR)), (1, option("P", 380, day=FAR)), limit="-9"), after)
    index = order((-1, option("P", 390, root="SPXW")), (1, option("P", 380, root="SPXW")), limit="-9")
    assert not _denied(index, after)


def test_no_call_is_sold_in_the_money_before_a_dividend_above_its_time_value() -> None:
    """A call with 1.50 of time value is exercised for a dividend of 1.51, and not for one of 1.50."""
    sold = order((-1, option("C", 390, day=FAR)), (1, option("C", 400, day=FAR)), limit="-9")
    facts = replace(_FACTS, leg_prices=(11.5, 4.0))

    def paying(amount: float, ex_ns: int = NOON_NS + 86_400_000_000_000) -> OrderFacts:
        return replace(facts, stake=replace(_STAKE, dividends={"SPY": Dividend(ex_ns=ex_ns, amount=amount)}))

    assert not _denied(sold, paying(1.5))
    assert _denied(sold, paying(1.51)) == ["time_value_over_dividend"]
    assert not _denied(sold, paying(1.51, option("C", 390, day=FAR).series.expiry_ns + 1))
    assert not _denied(sold, replace(paying(1.51), stake=replace(paying(1.51).stake, spot={"SPY": 389.0})))
    assert _denied(sold, replace(paying(1.51), stake=replace(paying(1.51).stake, spot={}))) == [
        "time_value_over_dividend"
    ]


def test_the_account_has_three_packages_and_inputs_of_five_minutes() -> None:
    """The order's own package is the third (L43); quotes of five minutes ago are the oldest that count."""
    held = (replace(_FACTS, open_packages=each) for each in (2, 3))
    assert [_denied(facts=each) for each in held] == [[], ["open_packages"]]
    ages = (replace(_FACTS, input_ns=NOON_NS - 300 * 10**9 - late) for late in (0, 1))
    assert [_denied(facts=each) for each in ages] == [[], ["input_age_s"]]


def test_no_short_dated_entry_in_the_last_half_hour() -> None:
    """L41: the preset keeps options of the day from being opened with less than 30 minutes to go."""
    index = order((-1, option("P", 390, root="SPXW")), (1, option("P", 380, root="SPXW")), limit="-9")
    close = option("P", 390, root="SPXW").series.last_trade_ns
    facts = replace(_FACTS, session_close_ns=close)
    at, after = (
        replace(facts, now_ns=close - 30 * _MINUTE_NS + late, input_ns=close - 31 * _MINUTE_NS) for late in (0, 1)
    )
    assert not _denied(index, at)
    assert _denied(index, after) == ["minutes_to_close"]


def test_what_set_the_state_is_named_before_the_state() -> None:
    """A hold of the daily loss denies by that name, also after the loss was made good."""
    hold = Hold(cause=HoldCause.DAILY_LOSS, state=TradingState.REDUCING, since_ns=NOON_NS)
    assert _denied(state=_state(holds=(hold,))) == ["daily_loss", "trading_state"]


def test_without_a_memory_the_rows_that_need_one_deny() -> None:
    """A service that does not know the account's past opens nothing."""
    blank = RiskService(HEDGEFIELD_LIMITS, HEDGEFIELD_RULES).started(RiskState(), NOON_NS)
    facts = replace(_FACTS, leg_prices=(3.0, 4.0))
    assert _denied(facts=facts, state=blank)[:2] == ["daily_loss", "drawdown"]


def test_an_order_in_shares_may_lose_all_of_its_price() -> None:
    """A share has no stop that the table would believe in: 5 at 100 are 500, 6 are too much."""
    facts = replace(_FACTS, leg_prices=(100.0,))
    assert not _denied(order((1, Share(symbol="SPY")), limit="100", quantity="5"), facts)
    assert _denied(order((1, Share(symbol="SPY")), limit="100", quantity="6"), facts) == ["risk_per_trade"]


@pytest.mark.parametrize(
    "told",
    [
        {"risk_share": 1.01},
        {"risk_share": nan},
        {"trade_delta": -1.0},
        {"betas": {"SPY": nan}},
        {"memory_s": 0.0},
        {"schedule": SizeSchedule(index="VXN")},
    ],
)
def test_rules_that_cannot_be_are_refused(told: dict[str, object]) -> None:
    """A bound outside its range is an error of the configuration."""
    with pytest.raises(ConfigError):
        RiskRules(**told)  # type: ignore[arg-type]  # a table of cases


@pytest.mark.parametrize("steps", [(), ((10.0, 1.0), (10.0, 0.5)), ((10.0, -1.0),), ((nan, 1.0),)])
def test_schedules_that_cannot_be_are_refused(steps: tuple[tuple[float, float], ...]) -> None:
    """Levels rise and multiples are numbers >= 0."""
    with pytest.raises(ConfigError):
        SizeSchedule(steps=steps)


@pytest.mark.parametrize("told", [(0.0, 60.0), (3.0, 0.0), (nan, 60.0)])
def test_breakers_that_cannot_be_are_refused(told: tuple[float, float]) -> None:
    """A breaker trips at a number above 0, for some time."""
    with pytest.raises(ConfigError):
        BreakerRule(at=told[0], minutes=told[1])

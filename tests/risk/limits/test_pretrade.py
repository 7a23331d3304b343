"""The gate: what denies, what always passes, and that no row ever permits."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError, DataError
from market.orders import OrderIntent, PositionEffect
from market.tradables import Perpetual, Share
from risk.limits.orders import Limit, LossLimit, NotionalLimit, OrderFacts, QuantityLimit, TokenBucket, TradingState
from risk.limits.pretrade import PretradeGate, PretradeLimits
from tests.risk.contracts import FAR, NOON_NS, option, order

_SHARE = Share(symbol="SPY")
_SECOND = 1_000_000_000
_OPEN_LIMITS = PretradeLimits(collar_fraction=None)
_FACTS = OrderFacts(
    now_ns=NOON_NS, state=TradingState.ACTIVE, leg_prices=(100.0,), buying_power=1e6, buying_power_effect=100.0
)


def _names(limits: PretradeLimits, facts: OrderFacts, intent: OrderIntent) -> list[str]:
    return [breach.limit for breach in PretradeGate(limits).check(intent, facts).breaches]


def _buy(quantity: str = "1", limit: str = "100") -> OrderIntent:
    return order((1, _SHARE), quantity=quantity, limit=limit)


@pytest.mark.parametrize(
    ("limits", "facts", "intent", "name"),
    [
        ({}, {"state": TradingState.REDUCING}, _buy(), "trading_state"),
        ({}, {"state": TradingState.HALTED}, _buy(), "trading_state"),
        ({}, {"seen": {"a"}}, _buy(), "duplicate_intent"),
        ({}, {"buying_power_effect": 1e7}, _buy(), "buying_power"),
        ({}, {"buying_power": float("nan")}, _buy(), "buying_power"),
        ({"collar_fraction": 0.01, "collar_least": 0.0}, {}, _buy(limit="101.02"), "price_collar"),
        ({"collar_fraction": 0.01}, {"leg_half_spreads": (float("nan"),)}, _buy(), "price_collar"),
        ({"collar_fraction": 0.01}, {"leg_prices": (float("nan"),)}, _buy(), "price_collar"),
        ({"most_quantity": 9.0}, {}, _buy("10"), "order_quantity"),
        ({"most_notional": 999.0}, {}, _buy("10"), "order_notional"),
        ({"most_loss": 99.0}, {}, _buy(), "order_loss"),
        ({"most_packages": 2}, {"open_packages": 2}, _buy(), "open_packages"),
        ({"most_packages": 2}, {}, _buy(), "open_packages"),
        ({"orders_per_second": 1.0, "order_burst": 2.0}, {}, _buy(), "order_rate"),
        ({"most_input_age_s": 60.0}, {"input_ns": NOON_NS - 61 * _SECOND}, _buy(), "input_age_s"),
        ({"most_input_age_s": 60.0}, {"input_ns": NOON_NS + 1}, _buy(), "input_age_s"),
        ({"most_input_age_s": 60.0}, {}, _buy(), "input_age_s"),
    ],
)
def test_each_limit_denies_by_its_name(
    limits: dict[str, float], facts: dict[str, object], intent: OrderIntent, name: str
) -> None:
    """An order beyond one bound, or whose number is missing, is denied by that limit alone."""
    config = replace(_OPEN_LIMITS, **limits)  # type: ignore[arg-type]  # a table of cases
    assert _names(config, replace(_FACTS, **facts), intent) == [name]  # type: ignore[arg-type]  # the same


def test_an_order_within_all_limits_passes() -> None:
    """The same limits let a small, fresh and affordable order through, up to and with each bound."""
    limits = PretradeLimits(
        collar_fraction=0.01,
        collar_least=0.0,
        most_quantity=1.0,
        most_notional=100.0,
        most_loss=101.0,
        most_packages=2,
        orders_per_second=1.0,
        order_burst=1.0,
        most_input_age_s=60.0,
        cutoff_minutes=30.0,
    )
    bucket = TokenBucket.full(capacity=1.0, per_second=1.0, now_ns=NOON_NS)
    facts = replace(_FACTS, open_packages=1, input_ns=NOON_NS - 60 * _SECOND, bucket=bucket, buying_power_effect=1e6)
    verdict = PretradeGate(limits).check(_buy(limit="101"), facts)
    assert verdict.is_allowed
    assert verdict.binding is None


def test_a_denial_tells_value_and_bound() -> None:
    """The binding limit stands first, with what was found and what was allowed."""
    facts = replace(_FACTS, buying_power=50.0)
    verdict = PretradeGate(replace(_OPEN_LIMITS, most_quantity=5.0)).check(_buy("7"), facts)
    assert [(b.limit, b.value, b.bound) for b in verdict.breaches] == [
        ("order_quantity", 7.0, 5.0),
        ("buying_power", 100.0, 50.0),
    ]
    assert verdict.binding is not None
    assert verdict.binding.reason == "order_quantity 7 is above 5"


@pytest.mark.parametrize("state", TradingState)
def test_a_reduction_passes_whatever_is_missing(state: TradingState) -> None:
    """Closing a spread as a whole passes in every state, without a price, an age, a budget or buying power."""
    intent = order((1, option("C", 400)), (-1, option("C", 410)), quantity="2", limit="-1", effect=PositionEffect.CLOSE)
    held = {option("C", 400).symbol: Decimal(-3), option("C", 410).symbol: Decimal(3)}
    nan = float("nan")
    facts = OrderFacts(now_ns=NOON_NS, state=state, leg_prices=(nan, nan), package=held)
    limits = PretradeLimits(most_quantity=0.0, most_loss=0.0, most_packages=0, most_input_age_s=0.0)
    assert PretradeGate(limits).check(intent, facts).is_reduction


def test_selling_the_cover_of_a_short_leg_is_no_reduction() -> None:
    """Of a spread the short side may be bought back alone; the long side may not be sold alone without limits."""
    held = {option("C", 400).symbol: Decimal(-1), option("C", 410).symbol: Decimal(1)}
    facts = replace(_FACTS, state=TradingState.REDUCING, package=held)
    back = order((1, option("C", 400)), effect=PositionEffect.CLOSE)
    naked = order((-1, option("C", 410)), effect=PositionEffect.CLOSE)
    assert PretradeGate(_OPEN_LIMITS).check(back, facts).is_reduction
    assert _names(_OPEN_LIMITS, facts, naked) == ["trading_state"]


@pytest.mark.parametrize("quantity", ["4", "3.5"])
def test_a_closing_order_beyond_the_position_is_denied(quantity: str) -> None:
    """A close that would turn the position is denied by name, in the active state too, with the excess."""
    facts = replace(_FACTS, package={"SPY": Decimal(3)})
    intent = order((-1, _SHARE), quantity=quantity, limit="-100", effect=PositionEffect.CLOSE)
    (breach,) = PretradeGate(_OPEN_LIMITS).check(intent, facts).breaches
    assert (breach.limit, breach.value) == ("close_beyond_position", float(quantity) - 3.0)


def test_a_reduction_is_sent_once() -> None:
    """The same intent a second time is no reduction, and denied as a duplicate."""
    facts = replace(_FACTS, package={"SPY": Decimal(3)}, seen={"a"})
    intent = order((-1, _SHARE), limit="-100", effect=PositionEffect.CLOSE)
    assert _names(_OPEN_LIMITS, facts, intent) == ["duplicate_intent"]


@given(held=st.integers(-5, 5), ratio=st.sampled_from([-1, 1]), quantity=st.integers(1, 9))
def test_a_reduction_never_enlarges_nor_turns(held: int, ratio: int, quantity: int) -> None:
    """Whatever passes as a reduction leaves less of the position on the same side, or nothing."""
    facts = replace(_FACTS, package={"SPY": Decimal(held)})
    intent = order((ratio, _SHARE), quantity=str(quantity), effect=PositionEffect.CLOSE)
    after = held + ratio * quantity
    reduces = abs(after) < abs(held) and after * held >= 0
    assert PretradeGate(_OPEN_LIMITS).check(intent, facts).is_reduction is reduces


_ROWS = st.lists(
    st.one_of(
        st.builds(QuantityLimit, most=st.floats(0, 20)),
        st.builds(NotionalLimit, most=st.floats(0, 2_000)),
        st.builds(LossLimit, most=st.floats(0, 2_000)),
    ),
    max_size=4,
)


@given(rows=_ROWS, more=_ROWS, quantity=st.integers(1, 20), price=st.one_of(st.floats(1, 200), st.just(float("nan"))))
def test_adding_a_limit_never_permits_more(rows: list[Limit], more: list[Limit], quantity: int, price: float) -> None:
    """Every denial of a table is a denial of the longer table, and its breaches are among the longer one's."""
    facts, intent = replace(_FACTS, leg_prices=(price,)), _buy(str(quantity))
    short = PretradeGate(_OPEN_LIMITS, rows).check(intent, facts)
    long = PretradeGate(_OPEN_LIMITS, [*rows, *more]).check(intent, facts)
    assert {b.reason for b in short.breaches} <= {b.reason for b in long.breaches}
    assert short.is_allowed or not long.is_allowed


def test_no_short_dated_entry_before_the_close() -> None:
    """An option of the day is not opened in the last half hour of its trading; one of next month is."""
    limits = replace(_OPEN_LIMITS, cutoff_minutes=30.0)
    close = option("C", 400).series.last_trade_ns
    early, late = (replace(_FACTS, now_ns=close - m * 60 * _SECOND, session_close_ns=close) for m in (30, 29))
    today, later = order((1, option("C", 400))), order((1, option("C", 400, day=FAR)))
    assert not _names(limits, early, today)
    assert _names(limits, late, today) == ["minutes_to_close"]
    assert not _names(limits, late, later)
    assert _names(limits, replace(early, session_close_ns=-1), today) == ["minutes_to_close"]


@pytest.mark.parametrize(
    ("intent", "loss"),
    [
        (order((-1, option("C", 400)), (1, option("C", 410)), limit="-3"), 700.0),
        (order((-1, option("P", 400)), limit="-3"), 39_700.0),
        (order((-1, option("C", 400)), limit="-3"), float("inf")),
        (order((1, _SHARE), limit="400", quantity="2"), 800.0),
        (order((-1, Perpetual(symbol="BTC", underlying="BTC", tick=Decimal(1), lot=Decimal(1)))), float("inf")),
        (order((1, _SHARE), (1, Share(symbol="QQQ"))), 1.0),
        (order((1, _SHARE), (-1, Share(symbol="QQQ"))), float("inf")),
    ],
)
def test_the_worst_loss_of_an_order_is_that_of_its_payoff(intent: OrderIntent, loss: float) -> None:
    """Width less credit for a spread, the strike for a put, no bound for a naked call, each underlying at its worst."""
    value, bound = LossLimit(most=1.0).measure(intent, _FACTS)
    assert (value, bound) == (loss, 1.0)


def test_a_long_option_that_ends_earlier_covers_nothing() -> None:
    """A calendar with the short leg behind can lose without bound; with the long leg behind only what it cost."""
    near, far = option("C", 400), option("C", 400, day=FAR)
    reverse = LossLimit(most=1.0).measure(order((1, near), (-1, far), limit="-2"), _FACTS)[0]
    calendar = LossLimit(most=1.0).measure(order((-1, near), (1, far), limit="2"), _FACTS)[0]
    assert (reverse, calendar) == (float("inf"), 200.0)


def test_a_bucket_fills_with_time_and_not_beyond_its_capacity() -> None:
    """Two orders may go at once, one more per half second; a clock that runs back gives nothing."""
    bucket = TokenBucket.full(capacity=2.0, per_second=2.0, now_ns=NOON_NS)
    empty = bucket.taken(NOON_NS).taken(NOON_NS)
    assert empty.left(NOON_NS) == 0.0
    assert empty.left(NOON_NS + _SECOND // 2) == 1.0
    assert empty.left(NOON_NS + 60 * _SECOND) == 2.0
    assert empty.left(NOON_NS - 60 * _SECOND) == 0.0


@pytest.mark.parametrize(
    "bad",
    [
        {"most_loss": float("nan")},
        {"most_quantity": -1.0},
        {"orders_per_second": 1.0},
        {"orders_per_second": 1.0, "order_burst": 0.5},
    ],
)
def test_bounds_that_are_no_bounds_are_refused(bad: dict[str, float]) -> None:
    """NaN, negative numbers and half a token bucket are errors of the configuration."""
    with pytest.raises(ConfigError):
        PretradeLimits(**bad)  # type: ignore[arg-type]  # a table of cases


def test_prices_of_other_legs_are_an_error() -> None:
    """A gate that is told two prices for one leg does not guess."""
    with pytest.raises(DataError, match="2 prices"):
        PretradeGate(_OPEN_LIMITS).check(_buy(), replace(_FACTS, leg_prices=(1.0, 2.0)))

"""The memory of the risk service: what each event does to it, and that a restart changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import DataError
from risk.events import (
    BreakerReset,
    EquityMarked,
    ErrorKind,
    Failed,
    HeartbeatLost,
    IntentDenied,
    IntentPassed,
    OperatorCommand,
    PackageEnded,
    ProfitRealised,
    Recovered,
    RiskEvent,
    SessionStarted,
    VolatilityRead,
)
from risk.limits.rules import HEDGEFIELD_LIMITS, HEDGEFIELD_RULES
from risk.service import RiskService, advance
from risk.state import HOLD_RULES, BreakerClass, HoldCause, LastExit, RiskState, revived, saved
from risk.trading_state import TradingState

_MINUTE_NS = 60_000_000_000
_SERVICE = RiskService(HEDGEFIELD_LIMITS, HEDGEFIELD_RULES)
_START = _SERVICE.started(RiskState(), 0)


def _after(events: Sequence[RiskEvent], state: RiskState = _START) -> RiskState:
    for event in events:
        state = advance(state, event, HEDGEFIELD_RULES)
    return state


def _marked(equity: str, *, ts_ns: int = 0, deposits: str = "25000") -> EquityMarked:
    return EquityMarked(ts_ns=ts_ns, equity=Decimal(equity), deposits=Decimal(deposits))


_OPENED = (SessionStarted(ts_ns=0, session="mon"), _marked("25000"))


def test_the_night_belongs_to_the_day_after_it() -> None:
    """A session begins at the last mark before it, so that a gap at the open is a loss of the day."""
    state = _after([*_OPENED, _marked("25100"), SessionStarted(ts_ns=1, session="tue"), _marked("24700", ts_ns=2)])
    assert (state.day_start_equity, state.day_loss) == (Decimal(25_100), Decimal(400))
    assert state.high_water == Decimal(25_100)


def test_a_session_told_again_does_not_begin_the_day_anew() -> None:
    """After a restart in the session its start is still that of the morning."""
    state = _after([*_OPENED, _marked("24600")])
    assert _after([SessionStarted(ts_ns=1, session="mon")], state) == replace(state, ts_ns=1)


def test_money_paid_in_or_out_is_neither_profit_nor_loss() -> None:
    """Start of day and highest equity move with it."""
    state = _after([*_OPENED, _marked("24800"), _marked("34800", deposits="35000"), _marked("14800", deposits="15000")])
    assert (state.day_loss, state.high_water) == (Decimal(200), Decimal(15_000))
    assert state.trading_state is TradingState.ACTIVE


def test_a_daily_loss_holds_until_the_next_session() -> None:
    """At 500 of 25 000 the account only reduces, though it is made good; the next session lifts it."""
    assert _after([*_OPENED, _marked("24500.01")]).trading_state is TradingState.ACTIVE
    state = _after([*_OPENED, _marked("24500"), _marked("25400")])
    assert state.trading_state is TradingState.REDUCING
    assert _after([SessionStarted(ts_ns=9, session="tue")], state).trading_state is TradingState.ACTIVE


def test_a_drawdown_holds_until_the_operator_releases_it() -> None:
    """No session lifts it; what the operator releases counts from then on."""
    events: list[RiskEvent] = [
        *_OPENED,
        _marked("22500"),
        SessionStarted(ts_ns=1, session="tue"),
        _marked("22500", ts_ns=1),
    ]
    state = _after(events)
    assert [hold.cause for hold in state.holds] == [HoldCause.DRAWDOWN]
    free = _after([OperatorCommand(ts_ns=2, by="anna", state=TradingState.ACTIVE), _marked("22400", ts_ns=3)], state)
    assert (free.trading_state, free.high_water, free.day_loss) == (TradingState.ACTIVE, Decimal(22_500), Decimal(100))


def test_only_operator_and_dead_man_halt() -> None:
    """The table of transitions: no rule of losses may halt, and only the daily loss ends with a session."""
    assert {cause for cause, rule in HOLD_RULES.items() if TradingState.HALTED in rule.states} == {
        HoldCause.OPERATOR,
        HoldCause.DEAD_MAN,
    }
    assert [cause for cause, rule in HOLD_RULES.items() if rule.ends_with_session] == [HoldCause.DAILY_LOSS]
    assert set(HOLD_RULES) == set(HoldCause)
    state = _after([HeartbeatLost(ts_ns=5)])
    assert state.trading_state is TradingState.HALTED
    assert _after([SessionStarted(ts_ns=9, session="tue")], state).trading_state is TradingState.HALTED
    assert _after([OperatorCommand(ts_ns=9, by="anna", state=TradingState.ACTIVE)], state).holds == ()


def test_a_hold_of_the_operator_has_a_name_and_may_expire() -> None:
    """H49: who set it is remembered; at its end the account is free again, and the most restrictive hold counts."""
    halt = OperatorCommand(ts_ns=5, by="anna", state=TradingState.HALTED, until_ns=100)
    state = _after([*_OPENED, _marked("24000"), halt])
    assert [(hold.cause, hold.by) for hold in state.holds] == [(HoldCause.DAILY_LOSS, ""), (HoldCause.OPERATOR, "anna")]
    assert state.trading_state is TradingState.HALTED
    assert _after([IntentDenied(ts_ns=100, limit="x")], state).trading_state is TradingState.REDUCING


@pytest.mark.parametrize(
    ("events", "breaker", "minutes"),
    [
        ([PackageEnded(ts_ns=7, strategy="a", net_pnl=Decimal(-1))] * 3, BreakerClass.CONSECUTIVE_LOSSES, 60),
        ([Failed(ts_ns=7, kind=ErrorKind.DATA)] * 3, BreakerClass.DATA_ERRORS, 30),
        ([Failed(ts_ns=7, kind=ErrorKind.VENUE)] * 3, BreakerClass.VENUE_ERRORS, 120),
        ([VolatilityRead(ts_ns=7, level=35.0)], BreakerClass.VOLATILITY, 1440),
    ],
)
def test_breakers_pause_for_their_own_time(events: list[RiskEvent], breaker: BreakerClass, minutes: int) -> None:
    """H51: three in a row, or a level, trip one class; one less, or a break in the row, does not."""
    assert _after(events).cooldowns == {breaker: 7 + minutes * _MINUTE_NS}
    below = events[:-1] or [VolatilityRead(ts_ns=7, level=34.99), VolatilityRead(ts_ns=7, level=float("nan"))]
    assert not _after(below).cooldowns
    good: list[RiskEvent] = [
        PackageEnded(ts_ns=7, strategy="b", net_pnl=Decimal(0)),
        Recovered(ts_ns=7, kind=ErrorKind.DATA),
        Recovered(ts_ns=7, kind=ErrorKind.VENUE),
    ]
    assert not _after([*below, *good, *below]).cooldowns


def test_three_losing_days_pause_for_a_day() -> None:
    """H51: days that end below their start, without a better one between; days without a change do not count."""
    equities = ["25000", "24900", "24900", "24800", "24700"]
    events: list[RiskEvent] = []
    for day, equity in enumerate(equities):
        events += [SessionStarted(ts_ns=day, session=str(day)), _marked(equity, ts_ns=day)]
    assert not _after(events).cooldowns
    state = _after([*events, SessionStarted(ts_ns=9, session="last")])
    assert state.cooldowns == {BreakerClass.LOSING_DAYS: 9 + 1440 * _MINUTE_NS}
    assert state.losing_days == 3


def test_a_cooldown_ends_by_time_or_by_the_operator() -> None:
    """Time cannot end it early; an operator can."""
    state = _after([Failed(ts_ns=0, kind=ErrorKind.DATA)] * 3)
    early = BreakerReset(ts_ns=1, breaker=BreakerClass.DATA_ERRORS)
    assert _after([early], state).cooldowns
    assert not _after([replace(early, by="anna")], state).cooldowns
    assert not _after([replace(early, ts_ns=30 * _MINUTE_NS)], state).cooldowns


def test_exits_are_remembered_by_strategy() -> None:
    """The newest exit and the newest with a loss; a result that cannot be told counts as a loss."""
    events = [
        PackageEnded(ts_ns=1, strategy="a", net_pnl=Decimal(-5)),
        PackageEnded(ts_ns=2, strategy="a", net_pnl=Decimal(5)),
        PackageEnded(ts_ns=3, strategy="b", net_pnl=Decimal("NaN")),
    ]
    assert _after(events).exits == {"a": LastExit(ts_ns=2, loss_ns=1), "b": LastExit(ts_ns=3, loss_ns=3)}


def test_ids_of_intents_are_forgotten_after_their_time() -> None:
    """Memory is bounded: after a day an id is gone; the token it took is given back by time alone."""
    day_ns = 86_400 * 1_000_000_000
    state = _after([IntentPassed(ts_ns=0, intent_id="a"), IntentPassed(ts_ns=day_ns, intent_id="b")])
    assert set(state.seen) == {"a", "b"}
    assert set(_after([IntentPassed(ts_ns=day_ns + 1, intent_id="c")], state).seen) == {"b", "c"}
    assert state.bucket is not None
    assert state.bucket.tokens == 9.0


def test_a_mark_that_cannot_be_told_leaves_nothing_known() -> None:
    """Without an equity there is no daily loss, so that its row denies; the start of the day is kept."""
    state = _after([*_OPENED, _marked("NaN")])
    assert (state.equity, state.day_loss, state.drawdown) == (None, None, None)
    assert _after([_marked("24900")], state).day_loss == Decimal(100)


def test_a_mark_that_is_missing_at_the_open_hides_no_loss() -> None:
    """The day is counted from the last mark that was known, also where nothing was known at its start."""
    night: list[RiskEvent] = [
        *_OPENED,
        _marked("25100"),
        _marked("NaN", ts_ns=1),
        SessionStarted(ts_ns=2, session="tue"),
    ]
    assert _after(night).day_loss is None
    state = _after([*night, _marked("24600", ts_ns=3)])
    assert (state.day_start_equity, state.day_loss) == (Decimal(25_100), Decimal(500))
    paid_in = _after([*night, _marked("34600", ts_ns=3, deposits="35000")])
    assert paid_in.day_loss == Decimal(500)


def test_a_session_that_is_over_told_again_lifts_no_hold() -> None:
    """A replay of Monday on Tuesday neither begins the day anew nor releases what a loss of Tuesday holds."""
    tuesday: list[RiskEvent] = [SessionStarted(ts_ns=8, session="tue"), _marked("24000", ts_ns=9)]
    state = _after([*_OPENED, *tuesday])
    assert state.trading_state is TradingState.REDUCING
    assert _after([_OPENED[0], tuesday[0]], state) == state


_TIMES = st.integers(0, 3 * 1440 * _MINUTE_NS)
_AMOUNTS = st.decimals(-30_000, 30_000, places=2) | st.just(Decimal("NaN"))
_EVENTS = st.one_of(
    st.builds(SessionStarted, ts_ns=_TIMES, session=st.sampled_from(["mon", "tue", "wed"])),
    st.builds(EquityMarked, ts_ns=_TIMES, equity=_AMOUNTS, deposits=st.decimals(0, 50_000, places=2)),
    st.builds(ProfitRealised, ts_ns=_TIMES, amount=_AMOUNTS),
    st.builds(PackageEnded, ts_ns=_TIMES, strategy=st.sampled_from("ab"), net_pnl=_AMOUNTS),
    st.builds(IntentPassed, ts_ns=_TIMES, intent_id=st.sampled_from("xyz")),
    st.builds(IntentDenied, ts_ns=_TIMES, limit=st.just("order_rate")),
    st.builds(Failed, ts_ns=_TIMES, kind=st.sampled_from(ErrorKind)),
    st.builds(Recovered, ts_ns=_TIMES, kind=st.sampled_from(ErrorKind)),
    st.builds(VolatilityRead, ts_ns=_TIMES, level=st.floats(0, 90) | st.just(float("nan"))),
    st.builds(
        OperatorCommand,
        ts_ns=_TIMES,
        by=st.just("anna"),
        state=st.sampled_from(TradingState),
        until_ns=st.just(0) | _TIMES,
    ),
    st.builds(HeartbeatLost, ts_ns=_TIMES),
    st.builds(BreakerReset, ts_ns=_TIMES, breaker=st.sampled_from(BreakerClass), by=st.sampled_from(["", "anna"])),
)


@given(events=st.lists(_EVENTS, max_size=25), cuts=st.sets(st.integers(0, 25)))
def test_a_restart_at_any_point_changes_nothing(events: list[RiskEvent], cuts: set[int]) -> None:
    """Saved and revived between any events, the memory is that of a run without a break."""
    state = _START
    for place, event in enumerate(events):
        if place in cuts:
            state = _SERVICE.started(revived(saved(state)), event.ts_ns)
        state = advance(state, event, HEDGEFIELD_RULES)
    assert state == _after(events)
    assert revived(saved(state)) == state


@given(events=st.lists(_EVENTS, max_size=25))
def test_time_never_runs_back_and_no_hold_outlives_its_rule(events: list[RiskEvent]) -> None:
    """Every event is taken in every state; one hold a cause, each in a state that the table allows it."""
    state = _START
    for event in events:
        after = advance(state, event, HEDGEFIELD_RULES)
        assert after.ts_ns == max(state.ts_ns, event.ts_ns)
        assert len({hold.cause for hold in after.holds}) == len(after.holds)
        assert all(hold.state in HOLD_RULES[hold.cause].states for hold in after.holds)
        state = after


@pytest.mark.parametrize("data", [b"", b"{", b'{"holds": 3}', b'{"equity": "many"}'])
def test_a_damaged_memory_is_an_error(data: bytes) -> None:
    """A service never begins anew because it cannot read what it knew."""
    with pytest.raises(DataError, match="cannot be read"):
        revived(data)


def test_a_restart_gives_no_orders_back() -> None:
    """With other limits the bucket has their size and no more tokens than before."""
    spent = _after([IntentPassed(ts_ns=0, intent_id=str(place)) for place in range(8)])
    slower = RiskService(replace(HEDGEFIELD_LIMITS, order_burst=5.0), HEDGEFIELD_RULES).started(spent, 0)
    assert slower.bucket is not None
    assert (slower.bucket.tokens, slower.bucket.capacity) == (2.0, 5.0)
    without = RiskService(replace(HEDGEFIELD_LIMITS, order_burst=None, orders_per_second=None))
    assert without.started(spent, 0).bucket is None

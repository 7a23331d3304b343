"""The one risk service: a table that every order passes, and a memory that every event moves; both are pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from math import inf, isfinite
from typing import Final, assert_never, final

from market.orders import OrderIntent
from market.tradables import Perpetual
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
from risk.limits.account import GreekLimit, daily_loss_bound
from risk.limits.facts import OrderFacts
from risk.limits.orders import Limit
from risk.limits.pretrade import PretradeGate, PretradeLimits, Verdict
from risk.limits.rules import RiskRules
from risk.state import HOLD_RULES, BreakerClass, Hold, HoldCause, LastExit, RiskState
from risk.trading_state import TokenBucket, TradingState, most_restrictive

__all__ = ["RiskService", "advance"]

_ZERO: Final = Decimal(0)
_ONE: Final = Decimal(1)
_NS: Final = 1_000_000_000
_MINUTE_NS: Final = 60 * _NS
_CAUSES: Final = tuple(HoldCause)


def advance(state: RiskState, event: RiskEvent, rules: RiskRules) -> RiskState:
    """Return the memory after an event.

    Parameters
    ----------
    state : RiskState
        Before it.
    event : RiskEvent
        What happened; an instant before the newest known one counts as that one.
    rules : RiskRules
        Bounds at which losses hold the account and breakers trip.

    Returns
    -------
    RiskState
        After it. Every event can happen in every state; one that says nothing new gives an equal state but for the
        instant.
    """
    now_ns = max(state.ts_ns, event.ts_ns)
    state = replace(state, ts_ns=now_ns, holds=tuple(hold for hold in state.holds if not _is_over(hold, now_ns)))
    match event:
        case SessionStarted():
            after = _start_session(state, event, rules)
        case EquityMarked():
            after = _mark(state, event, rules)
        case ProfitRealised():
            known = event.amount if event.amount.is_finite() else _ZERO
            after = replace(state, realised_today=state.realised_today + known)
        case PackageEnded():
            after = _end_package(state, event, rules)
        case IntentPassed():
            after = _pass(state, event, rules)
        case IntentDenied():
            after = state
        case Failed() | Recovered():
            after = _count_error(state, event, rules)
        case VolatilityRead():
            after = _tripped(state, BreakerClass.VOLATILITY, event.level, rules)
        case OperatorCommand():
            after = _obey(state, event)
        case HeartbeatLost():
            after = _held(state, HoldCause.DEAD_MAN, TradingState.HALTED)
        case BreakerReset():
            after = _reset(state, event)
        case _:
            assert_never(event)
    return after


@final
class RiskService:
    """The gate with the rows of one order and of the whole account.

    Parameters
    ----------
    limits : PretradeLimits
        Bounds of one order.
    rules : RiskRules, optional
        Bounds of the whole account; none without it.
    """

    def __init__(self, limits: PretradeLimits, rules: RiskRules | None = None) -> None:
        self._limits, self._rules = limits, rules or RiskRules()
        self._gate = PretradeGate(limits, self._rules.rows(), first=self._rules.first_rows())

    @property
    def rules(self) -> RiskRules:
        """Bounds of the whole account."""
        return self._rules

    @property
    def rows(self) -> tuple[Limit, ...]:
        """The table."""
        return self._gate.rows

    def started(self, state: RiskState, now_ns: int) -> RiskState:
        """Return a memory, new or revived, with the order rate of these limits.

        Parameters
        ----------
        state : RiskState
            ``RiskState()`` for a new account.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        RiskState
            With no more tokens than it had, and than the limits allow; a restart gives nothing back.
        """
        per_second, burst = self._limits.orders_per_second, self._limits.order_burst
        if per_second is None or burst is None:
            return replace(state, bucket=None)
        if state.bucket is None:
            return replace(state, bucket=TokenBucket.full(capacity=burst, per_second=per_second, now_ns=now_ns))
        tokens = min(state.bucket.tokens, burst)
        return replace(state, bucket=replace(state.bucket, capacity=burst, per_second=per_second, tokens=tokens))

    def advance(self, state: RiskState, event: RiskEvent) -> RiskState:
        """Return the memory after an event, as the function of that name."""
        return advance(state, event, self._rules)

    def check(self, intent: OrderIntent, facts: OrderFacts, state: RiskState) -> Verdict:
        """Say whether an intent may go.

        Parameters
        ----------
        intent : OrderIntent
            What is asked.
        facts : OrderFacts
            Account and market at this instant. A state that is told beside the service's own, such as of a margin call,
            counts where it is the more restrictive.
        state : RiskState
            Memory.

        Returns
        -------
        Verdict
            With every limit that denies it, the binding one first; NaN is denied, a reduction passes.

        Raises
        ------
        DataError
            The prices are not those of the intent's legs.
        """
        holds = (hold.state for hold in state.holds if not _is_over(hold, facts.now_ns))
        known = replace(
            facts,
            state=most_restrictive((facts.state, *holds)),
            bucket=state.bucket,
            seen=state.seen,
            risk=state,
        )
        return self._gate.check(intent, known)

    def largest(self, intent: OrderIntent, facts_of: Callable[[OrderIntent], OrderFacts], state: RiskState) -> Decimal:
        """Return the largest quantity, up to the intent's own, that passes all rows.

        Parameters
        ----------
        intent : OrderIntent
            What is asked.
        facts_of : callable
            What is known of the same intent with another quantity.
        state : RiskState
            Memory.

        Returns
        -------
        Decimal
            Whole packages, of a single perpetual whole lots; 0 where none passes. What it returns passes.

        Notes
        -----
        Each row measures more of a larger order, except that a Greek of the book may first fall: then a smaller order
        may be denied where a larger one passes. From the largest quantity at which the Greeks fit, which is a closed
        form because they grow in proportion, the others are bisected.
        """
        step = _lot_of(intent)
        most = int((intent.quantity / step).to_integral_value(ROUND_FLOOR))
        high = min(most, self._fitting(intent, facts_of(intent), state, step))

        def passes(lots: int) -> bool:
            sized = replace(intent, quantity=step * lots)
            return self.check(sized, facts_of(sized), state).is_allowed

        if high < 1 or passes(high):
            return step * max(high, 0)
        low = 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if passes(middle) else (low, middle)
        return step * low

    def _fitting(self, intent: OrderIntent, facts: OrderFacts, state: RiskState, step: Decimal) -> int:
        """Return the most lots at which every Greek keeps its bound."""
        asked = float(intent.quantity / step)
        most = asked
        for row in self._gate.rows:
            if isinstance(row, GreekLimit) and not self._gate.is_reduction(intent, replace(facts, seen=state.seen)):
                order = row.of_order(facts)
                low, high = row.span(facts)
                if not (isfinite(order) and isfinite(low) and isfinite(high)):
                    return 0
                if order != 0.0:
                    room = row.most - high if order > 0.0 else row.most + low
                    most = min(most, room / abs(order) * asked)
        return int(most + 1e-9) if most > 0.0 else 0


def _start_session(state: RiskState, event: SessionStarted, rules: RiskRules) -> RiskState:
    if event.session == state.session or event.ts_ns < state.session_ns:
        return state
    # A mark that is missing at the open must not hide what the night, or the day before, has lost.
    start, known = state.day_start_equity, state.known_equity
    lost = None if start is None or known is None else start - known
    losing = state.losing_days
    if lost is not None and lost != _ZERO:
        losing = losing + 1 if lost > _ZERO else 0
    fresh = replace(
        state,
        session=event.session,
        session_ns=event.ts_ns,
        day_start_equity=known,
        realised_today=_ZERO,
        losing_days=losing,
        holds=tuple(hold for hold in state.holds if not HOLD_RULES[hold.cause].ends_with_session),
    )
    return _tripped(fresh, BreakerClass.LOSING_DAYS, losing, rules) if losing > state.losing_days else fresh


def _mark(state: RiskState, event: EquityMarked, rules: RiskRules) -> RiskState:
    if not (event.equity.is_finite() and event.deposits.is_finite()):
        return replace(state, equity=None)
    added = event.deposits - state.deposits
    start, high = state.day_start_equity, state.high_water
    fresh = replace(
        state,
        equity=event.equity,
        known_equity=event.equity,
        deposits=event.deposits,
        day_start_equity=event.equity if start is None else start + added,
        high_water=event.equity if high is None else max(high + added, event.equity),
    )
    loss, drawdown, begun = fresh.day_loss, fresh.drawdown, fresh.day_start_equity
    bound = inf if begun is None else daily_loss_bound(begun, rules.daily_loss_share, rules.daily_loss_amount)
    if loss is not None and float(loss) >= bound:
        fresh = _held(fresh, HoldCause.DAILY_LOSS, TradingState.REDUCING)
    if drawdown is not None and rules.drawdown_share is not None and float(drawdown) >= rules.drawdown_share:
        fresh = _held(fresh, HoldCause.DRAWDOWN, TradingState.REDUCING)
    return fresh


def _end_package(state: RiskState, event: PackageEnded, rules: RiskRules) -> RiskState:
    is_loss = event.net_pnl.is_nan() or event.net_pnl < _ZERO  # a result that cannot be told counts as a loss
    known = state.exits.get(event.strategy)
    loss_ns = state.ts_ns if is_loss else -1 if known is None else known.loss_ns
    exits = {**state.exits, event.strategy: LastExit(ts_ns=state.ts_ns, loss_ns=loss_ns)}
    losses = state.losses_in_row + 1 if is_loss else 0
    fresh = replace(state, exits=exits, losses_in_row=losses)
    return _tripped(fresh, BreakerClass.CONSECUTIVE_LOSSES, losses, rules)


def _pass(state: RiskState, event: IntentPassed, rules: RiskRules) -> RiskState:
    oldest_ns = state.ts_ns - int(rules.memory_s * _NS)
    seen = {name: ts_ns for name, ts_ns in state.seen.items() if ts_ns >= oldest_ns}
    seen[event.intent_id] = state.ts_ns
    return replace(state, seen=seen, bucket=None if state.bucket is None else state.bucket.taken(state.ts_ns))


def _count_error(state: RiskState, event: Failed | Recovered, rules: RiskRules) -> RiskState:
    is_data = event.kind is ErrorKind.DATA
    before = state.data_errors if is_data else state.venue_errors
    count = before + 1 if isinstance(event, Failed) else 0
    fresh = replace(state, data_errors=count) if is_data else replace(state, venue_errors=count)
    return _tripped(fresh, BreakerClass.DATA_ERRORS if is_data else BreakerClass.VENUE_ERRORS, count, rules)


def _obey(state: RiskState, event: OperatorCommand) -> RiskState:
    if event.state is TradingState.ACTIVE:
        # What is released would be held again by the next mark if losses went on counting from before.
        return replace(state, holds=(), day_start_equity=state.equity, high_water=state.equity)
    return _held(state, HoldCause.OPERATOR, event.state, by=event.by, until_ns=event.until_ns, is_new=True)


def _reset(state: RiskState, event: BreakerReset) -> RiskState:
    until_ns = state.cooldowns.get(event.breaker)
    if until_ns is None or (until_ns > state.ts_ns and not event.by):
        return state
    return replace(state, cooldowns={key: until for key, until in state.cooldowns.items() if key != event.breaker})


def _tripped(state: RiskState, breaker: BreakerClass, value: float, rules: RiskRules) -> RiskState:
    rule = rules.breakers.get(breaker)
    if rule is None or not value >= rule.at:
        return state
    until_ns = state.ts_ns + round(rule.minutes * _MINUTE_NS)
    cooldowns = {**state.cooldowns, breaker: max(until_ns, state.cooldowns.get(breaker, until_ns))}
    return replace(state, cooldowns=dict(sorted(cooldowns.items())))


def _held(
    state: RiskState, cause: HoldCause, held: TradingState, *, by: str = "", until_ns: int = 0, is_new: bool = False
) -> RiskState:
    """Return a state with a hold; one of a rule that stands already stays as it is."""
    if state.is_held_by(cause) and not is_new:
        return state
    hold = Hold(cause=cause, state=held, since_ns=state.ts_ns, until_ns=until_ns, by=by)
    others = [each for each in state.holds if each.cause is not cause]
    return replace(state, holds=tuple(sorted([*others, hold], key=lambda each: _CAUSES.index(each.cause))))


def _is_over(hold: Hold, now_ns: int) -> bool:
    return 0 < hold.until_ns <= now_ns


def _lot_of(intent: OrderIntent) -> Decimal:
    first = intent.legs[0].instrument
    return first.lot if len(intent.legs) == 1 and isinstance(first, Perpetual) else _ONE

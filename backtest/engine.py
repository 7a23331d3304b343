"""The one engine: events in the order in which they could be known, the account after each, strategies on schedule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, final

from backtest.assembly import Stage, assemble
from backtest.chain_feed import ViewMemory
from backtest.config import EngineConfig
from backtest.decider import Decider
from backtest.history import History
from backtest.interpreting import ReadingsMemory
from backtest.results import RunDescription, RunResult
from backtest.tape import Phase
from execution.events import CashKind, CashMovement
from market.errors import TradingError
from strategies.market_state import FieldSource
from strategies.views import Strategy

__all__ = ["run_backtest"]

_AFTER_DECISIONS: Final = int(Phase.BAR_OPEN)
_NOBODY: Final[frozenset[str]] = frozenset()


def run_backtest(
    config: EngineConfig,
    history: History,
    strategies: Sequence[Strategy],
    description: RunDescription,
    *,
    fields: FieldSource | None = None,
    pulse: Callable[[int], str] | None = None,
    views: ViewMemory | None = None,
    readings: ReadingsMemory | None = None,
) -> RunResult:
    """Run strategies over a history.

    Parameters
    ----------
    config : EngineConfig
        Money, schedule, fills, costs and limits.
    history : History
        Data, each row with the instant from which it was known.
    strategies : sequence of Strategy
        In the order in which they are asked; names must differ.
    description : RunDescription
        What the run is; the names of models, sources and currency are filled in from `config` and `history`.
    fields : FieldSource, optional
        Where fields of chains come from; without it there are none.
    pulse : callable, optional
        Told each instant (ns since the epoch, UTC) when all of it has happened; a text that is not empty stops the run
        there, and is why. It can change nothing else.
    views : ViewMemory, optional
        What other runs over the same history have read of its chains; it changes the time that a run takes alone.
    readings : ReadingsMemory, optional
        Regimes and signals that other runs over the same history, with the same source of fields, have read; as
        `views`.

    Returns
    -------
    RunResult
        Also of a run that stopped: `RunResult.stopped` says why, and everything until then stands.

    Raises
    ------
    ConfigError
        Settings, features or names cannot work; nothing was run.
    DataError
        The history has no event, or recordings that cannot stand together; nothing was run.

    Notes
    -----
    An instant goes: dated actions; data (`backtest.tape.Phase`), and with each row the orders that it meets; expiries;
    a row of the account; decisions; opening prints. The same arguments give the same result, bit for bit. Of what lies
    before `EngineConfig.start_ns` only the rows happen that decide what is known then: the others would be overwritten.
    """
    stage = assemble(config, history, strategies, fields, views, readings)
    decider = Decider(strategies, stage.market, stage.desk, stage.view)
    engine = _Engine(config, stage, decider, pulse)
    stopped = engine.run()
    return stage.result(replace(description, **stage.named()), decider, stopped)


@final
class _Engine:
    """One run."""

    def __init__(
        self, config: EngineConfig, stage: Stage, decider: Decider, pulse: Callable[[int], str] | None
    ) -> None:
        self._config, self._stage = config, stage
        self._pulse = pulse
        self._desk, self._market = stage.desk, stage.market
        desk = stage.desk
        self._row, self._ask, self._greeks, self._linked = desk.curve.row, decider.ask, stage.greeks, desk.linked
        self._risk = desk.risk
        self._expiries, self._evenings, self._calls = desk.expiries, desk.evenings, desk.calls
        self._days = stage.days
        self._start_ns = max(config.start_ns, 0)

    def run(self) -> str:
        """Let everything happen; return why it stopped before the end, empty where it did not."""
        tape = self._stage.tape
        self._open_account(max(self._start_ns, tape.first_ns))
        try:
            self._loop(tape.begun_at(self._start_ns, self._standing))
            self._desk.ledger.check()  # after the last booking: every sum and every lot anew
        except TradingError as error:
            return str(error)
        return ""

    def _standing(self, place: int, n_rows: int) -> Sequence[int]:
        return self._stage.feeds[place].standing(n_rows)

    def _open_account(self, now_ns: int) -> None:
        self._stage.agenda.skip(now_ns)
        self._desk.book(
            CashMovement(
                event_id="deposit:initial",
                ts_event_ns=now_ns,
                kind=CashKind.DEPOSIT,
                amount=self._config.initial_cash,
            )
        )
        self._stage.carry.start(now_ns)
        self._days.start(now_ns)

    def _loop(self, tape: Iterable[tuple[int, int, int]]) -> None:
        stage, market, exchange = self._stage, self._market, self._desk.exchange
        expiries, evenings, agenda, carry = self._desk.expiries, self._desk.evenings, stage.agenda, stage.carry
        calls, days = self._desk.calls, self._days
        feeds = [(feed.take, feed.calls, feed.stream.phase >= _AFTER_DECISIONS) for feed in stage.feeds]
        waiting, start_ns = exchange.waiting, self._start_ns
        now_ns, is_running, asked = -1, False, _NOBODY
        for ts_ns, place, row in tape:
            take, called, is_opening = feeds[place]
            if is_running and (is_opening or ts_ns != now_ns):
                self._close_instant(now_ns, asked)
                is_running, asked = False, _NOBODY
            if ts_ns != now_ns:
                now_ns = market.now_ns = ts_ns
                # What belongs to the end of an instant (expiries, evenings, maintenance) has had its data by the next.
                is_late = ts_ns > expiries.due_ns or ts_ns > evenings.due_ns or ts_ns > calls.due_ns
                is_late = is_late or ts_ns >= days.due_ns
                if is_late or ts_ns >= exchange.due_ns or ts_ns >= agenda.due_ns or ts_ns >= carry.due_ns:
                    self._advance(ts_ns)
            if not is_opening:
                take(row, ts_ns)
                if ts_ns >= start_ns:
                    is_running = True
                    asked = asked | called if asked else called
            elif waiting or expiries.awaits_open or ts_ns >= expiries.due_ns:
                take(row, ts_ns)  # most bars open without anybody waiting for it
        if is_running:
            self._close_instant(now_ns, asked)

    def _advance(self, ts_ns: int) -> None:
        """Come to a new instant: what is due on the way there happens first."""
        desk = self._desk
        self._catch_up(ts_ns)
        if desk.exchange.due_ns <= ts_ns:
            desk.take_reports(desk.exchange.advance(ts_ns))

    def _catch_up(self, ts_ns: int) -> None:
        """Let expiries, evenings, nights and dated actions happen in order of time."""
        expiries, evenings, calls = self._desk.expiries, self._desk.evenings, self._desk.calls
        agenda, carry, days = self._stage.agenda, self._stage.carry, self._days
        while True:
            # What belongs to the end of an instant has had its data by the next.
            actions_ns = min(carry.due_ns, agenda.due_ns, days.due_ns)
            due_ns = min(expiries.due_ns + 1, evenings.due_ns + 1, calls.due_ns + 1, actions_ns)
            if due_ns > ts_ns:
                return
            if due_ns > expiries.due_ns:
                expiries.settle(expiries.due_ns)
            elif due_ns > evenings.due_ns:
                evenings.run()
            elif due_ns > calls.due_ns:
                calls.read(calls.due_ns)
            elif due_ns == days.due_ns:
                days.run()  # what the night costs belongs to no strategy, and to the day after
                self._desk.account.weights = days.weights
            elif due_ns == carry.due_ns:
                carry.run()
            else:
                agenda.run(due_ns)

    def _close_instant(self, now_ns: int, asked: frozenset[str]) -> None:
        """End an instant's data: settle, write the account down, ask."""
        expiries, calls = self._expiries, self._calls
        if expiries.due_ns <= now_ns:
            expiries.settle(now_ns)
        if expiries.awaits_open:
            expiries.check_awaited(now_ns)
        if self._evenings.due_ns <= now_ns:
            self._evenings.run()
        if calls.is_watching or calls.due_ns <= now_ns:
            calls.read(now_ns)
        if self._linked.active:
            self._linked.run(now_ns)
        if self._risk.is_watching:
            self._risk.mark(now_ns)
        self._row(now_ns)
        if self._greeks is not None:
            self._greeks.row(now_ns)
        if asked:
            self._ask(asked, now_ns)
        if self._pulse is not None:
            reason = self._pulse(now_ns)
            if reason:
                raise TradingError(reason)

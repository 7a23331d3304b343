"""Asks the strategies, names their decisions, and hands what they want to the desk."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import final

import numpy as np

from backtest.account import AccountNow
from backtest.desk import Desk
from backtest.recording import is_recorded
from backtest.results import DecisionRecord
from execution.identity import decision_id, digest_of
from fields.live.interpretation import Interpretation
from fields.snapshot import FieldSnapshot
from market.clock import iso_of_ns
from market.errors import DataError, TradingError
from market.forecasts import Forecast, PolicyReading
from market.series import EventBatch, SeriesPoint
from market.trades import Int64Array
from strategies.decisions import HOLD, Decision
from strategies.market_state import MarketState
from strategies.views import BarWindow, ChainView, Quote, Strategy

__all__ = ["Decider", "PointInTime"]


@final
class PointInTime:
    """The one view of a run: market and account as they stand at the instant at which it is read.

    Parameters
    ----------
    market : MarketState
        Its half of the view.
    account : AccountNow
        The other half.
    """

    __slots__ = ("_market", "account", "feature")

    def __init__(self, market: MarketState, account: AccountNow) -> None:
        self._market = market
        self.account = account
        self.feature = market.feature
        """Return the newest value of a declared feature; NaN before its window is full. Bound: asked at every bar."""

    @property
    def now_ns(self) -> int:
        """Instant of the decision, ns since the epoch, UTC."""
        return self._market.now_ns

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote of a share, perpetual or future; None where there is none."""
        return self._market.quote(symbol)

    def bars(self, symbol: str, count: int) -> BarWindow:
        """Return up to so many closed bars of a symbol."""
        return self._market.bars(symbol, count)

    def chain(self, symbol: str) -> ChainView | None:
        """Return the newest chain of an underlying; None before the first."""
        return self._market.chain(symbol)

    def field(self, symbol: str) -> FieldSnapshot | None:
        """Return the newest field of an underlying; None where none was computed."""
        return self._market.field(symbol)

    def readings(self, symbol: str, *, with_field: bool = True) -> Interpretation | None:
        """Return regimes and signals of a symbol as they were read last; None before the first reading."""
        return self._market.readings(symbol, with_field=with_field)

    def forecast(self, symbol: str) -> Forecast | None:
        """Return the newest forecast whose horizon has not passed; None where there is none."""
        return self._market.forecast(symbol)

    def policy(self, symbol: str) -> PolicyReading | None:
        """Return what a policy said last; None where none has spoken."""
        return self._market.policy(symbol)

    def series(self, name: str) -> SeriesPoint:
        """Return the newest known value of a series, or the reason why there is none."""
        return self._market.series(name)

    def events(self) -> EventBatch:
        """Return the announced events that lie ahead."""
        return self._market.events()


@final
class Decider:
    """Strategies, asked in order.

    Parameters
    ----------
    strategies : sequence of Strategy
        Names differ.
    market : MarketState
        What decisions are made from.
    desk : Desk
        Carries decisions out.
    view : PointInTime
        What strategies see.
    """

    def __init__(self, strategies: Sequence[Strategy], market: MarketState, desk: Desk, view: PointInTime) -> None:
        self._market, self._desk, self._view = market, desk, view
        self._asked = [(strategy.name, strategy.decide) for strategy in strategies]
        self._parameters: Mapping[str, str] = {each.name: _parameters(each) for each in strategies}
        self._view_ns = array("q")
        self.records: list[DecisionRecord] = []

    @property
    def view_ns(self) -> Int64Array:
        """Instant of each view that was decided upon, ns since the epoch, UTC, rising."""
        return np.array(self._view_ns, dtype=np.int64)

    def ask(self, names: frozenset[str], now_ns: int) -> None:
        """Ask some strategies and carry out what they decide.

        Parameters
        ----------
        names : frozenset of str
            Who is asked.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Raises
        ------
        TradingError
            A strategy raised, gave no decision, or asked for an impossible order; the run stops at this instant.
        """
        for name, decide in self._asked:
            if name in names:
                self._view_ns.append(now_ns)
                try:
                    decision = decide(self._view)
                except Exception as error:
                    raise TradingError(
                        f"strategy {name} raised at {iso_of_ns(now_ns)}",
                        found=f"{type(error).__name__}: {error}{_place_of(error)}",
                        expected="a decision",
                        action="mend the strategy; the run stands as it was until then",
                    ) from error
                if decision is not HOLD:
                    self._take(name, decision, now_ns)

    def _take(self, name: str, decision: Decision, now_ns: int) -> None:
        if not isinstance(decision, Decision):
            raise DataError(
                f"strategy {name} gave no decision at {iso_of_ns(now_ns)}",
                found=type(decision).__name__,
                expected="strategies.decisions.Decision",
            )
        if not is_recorded(decision):
            return
        inputs = tuple(sorted(self._market.newest_inputs()))
        record = DecisionRecord(
            decision_id=decision_id(name, self._parameters[name], now_ns, inputs),
            ts_event_ns=now_ns,
            strategy=name,
            inputs=inputs,
            decision=decision,
        )
        self.records.append(record)
        self._desk.funnel.count(name, decision)
        if decision.proposals or decision.cancel:
            self._desk.take(record)


def _place_of(error: Exception) -> str:
    """Return file and line of the innermost call, as the author of a strategy looks for them."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return "" if frame is None else f" ({PurePath(frame.tb_frame.f_code.co_filename).name}, line {frame.tb_lineno})"


def _parameters(strategy: Strategy) -> str:
    """Return what tells a strategy's parameters apart; of one that is no plain value, its type and name."""
    try:
        return digest_of(strategy)
    except DataError:
        return digest_of((type(strategy).__module__, type(strategy).__qualname__, strategy.name))

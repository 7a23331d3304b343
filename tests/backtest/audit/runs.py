"""Honest and cheating ways to run, over prices that are drawn once."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from backtest.history import History
from backtest.results import RunResult
from market.bars import BarBatch
from market.orders import Leg, PositionEffect
from strategies.decisions import HOLD, Decision, Proposal
from strategies.marketable import marketable_limit
from strategies.views import Strategy, View
from tests.backtest.recordings import SHARE, bars, of_bars, run


def walk(n_bars: int = 120, seed: int = 3, drift: float = 0.0) -> BarBatch:
    """Return bars of a random walk around 100."""
    steps = np.random.default_rng(seed).normal(drift, 0.004, n_bars)
    return bars(np.round(100.0 * np.cumprod(1.0 + steps), 2).tolist())


def history(n_bars: int = 120, seed: int = 3, drift: float = 0.0) -> History:
    """Return a history of one such walk."""
    return of_bars(walk(n_bars, seed, drift))


def _held(view: View) -> bool:
    return bool(view.account.packages) or bool(view.account.working)


def trade(view: View, *, is_up: bool) -> Decision:
    """Hold ten shares while a signal is up, and none while it is down."""
    price = float(view.bars("SYN", 1).close[-1])
    packages = view.account.packages
    if is_up == _held(view) or (not is_up and not packages):
        return HOLD
    proposal = Proposal(
        structure="long",
        legs=(Leg(instrument=SHARE, ratio=1 if is_up else -1),),
        quantity=Decimal(10),
        limit_price=marketable_limit(SHARE, price, is_buy=is_up, collar=0.05),
        effect=PositionEffect.OPEN if is_up else PositionEffect.CLOSE,
        package_id="" if is_up else packages[0].package_id,
    )
    return Decision(reason="signal", proposals=(proposal,), factors=(("price", price),))


@dataclass(frozen=True)
class Follow:
    """Long after a rise, flat after a fall: from closed bars alone."""

    name: str = "follow"

    def decide(self, view: View) -> Decision:
        """Return what the last two closes say."""
        closes = view.bars("SYN", 2).close
        return HOLD if closes.shape[0] < 2 else trade(view, is_up=bool(closes[1] > closes[0]))


class Peek:
    """Long before a rise: it was given the data of the run, and looks at the next close."""

    name = "peek"

    def __init__(self, batch: BarBatch) -> None:
        self._end_ns, self._close = batch.end_ns, batch.close

    def decide(self, view: View) -> Decision:
        """Return what the next close says."""
        place = int(np.searchsorted(self._end_ns, view.now_ns))
        if place + 1 >= self._close.shape[0]:
            return HOLD
        return trade(view, is_up=bool(self._close[place + 1] > self._close[place]))


class WholeSample:
    """Long below the mean of all closes: a number fitted on the whole history, the future included."""

    name = "whole_sample"

    def __init__(self, batch: BarBatch) -> None:
        self._mean = float(batch.close.mean())

    def decide(self, view: View) -> Decision:
        """Return whether the close lies below that mean."""
        return trade(view, is_up=float(view.bars("SYN", 1).close[-1]) < self._mean)


class Drifting:
    """Remembers how often it was asked, in all runs together."""

    name = "drifting"

    def __init__(self) -> None:
        self._asked = 0

    def decide(self, view: View) -> Decision:
        """Return what the count says."""
        self._asked += 1
        return trade(view, is_up=self._asked % 7 < 3)


def honest(data: History, **changed: Any) -> RunResult:
    """Run the strategy that sees closed bars."""
    return run(data, Follow(), **changed)


def peeking(data: History, **changed: Any) -> RunResult:
    """Run the strategy that sees the next bar."""
    return run(data, Peek(data.bars[0]), **changed)


def fitted_on_all(data: History, **changed: Any) -> RunResult:
    """Run the strategy that was fitted on the whole history."""
    strategy: Strategy = WholeSample(data.bars[0])
    return run(data, strategy, **changed)

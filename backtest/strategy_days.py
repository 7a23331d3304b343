"""What each strategy earned day by day, and from it the share of the money that each may reckon with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import nan
from typing import Final, Protocol, final

import numpy as np

from backtest.carry import midnight_after
from backtest.recording import CurveRecorder
from backtest.results import StrategyDays
from execution.package_book import PackageBook
from execution.trades import Trade
from strategies.allocation import AllocationConfig, allocate

__all__ = ["StrategyBook", "Traded"]

_NEVER: Final = 1 << 62


class Traded(Protocol):
    """The account of a run: its packages, closed and open, and when it was marked."""

    @property
    def curve(self) -> CurveRecorder:
        """The account at each mark."""

    @property
    def trades(self) -> Sequence[Trade]:
        """Closed packages, oldest first."""

    @property
    def packages(self) -> PackageBook:
        """Open ones."""


@final
class StrategyBook:
    """Writes down at each midnight what the strategies have earned, and shares the money anew where that is due.

    Parameters
    ----------
    names : sequence of str
        Strategies.
    desk : Traded
        Their packages.
    money : callable
        Returns equity less deposits, and equity, account currency.
    allocation : AllocationConfig or None
        How weights follow; None leaves them as they are.
    is_utc : bool
        Whether a day ends at midnight of UTC, and not of New York.

    Notes
    -----
    A profit counts on the day on which it was marked, net of the package's costs. What no package earned, such as
    interest, is the rest of the account. A return is a day's profit over the money allocated at its start; where that
    was 0 there is none. Weights of a day come from days before it.
    """

    def __init__(
        self,
        names: Sequence[str],
        desk: Traded,
        money: Callable[[], tuple[float, float]],
        allocation: AllocationConfig | None,
        *,
        is_utc: bool = False,
    ) -> None:
        self._names, self._desk, self._money = tuple(names), desk, money
        self._is_utc, self._allocation = is_utc, allocation
        self.due_ns = _NEVER
        """The next midnight, ns since the epoch, UTC."""
        self.weights: dict[str, float] = {}
        """Share of the money by strategy; empty where it is not shared."""
        if allocation is not None:
            initial = min(allocation.total / len(self._names), allocation.max_weight)
            self.weights = dict.fromkeys(self._names, initial)
        # Plain numbers: there are a few strategies, and this runs at every midnight.
        self._closed, self._n_closed = [0.0] * len(self._names), 0
        self._last_ns = -1
        self._before: tuple[list[float], float, float] | None = None
        self._rows: list[tuple[int, list[float], float, list[float]]] = []
        self._returns: list[list[float]] = []

    def start(self, ts_ns: int) -> None:
        """Begin with the account."""
        profit, equity = self._money()
        self._before = ([0.0] * len(self._names), profit, equity)
        self.due_ns = midnight_after(ts_ns, is_utc=self._is_utc)

    def run(self) -> None:
        """End the day that is due, and share the money anew where it is time; a day without a mark is no day."""
        if self._desk.curve.last_ns > self._last_ns:
            self._end_day()
            config = self._allocation
            if config is not None and len(self._returns) % config.every_days == 0:
                self._share(config)
        self.due_ns = midnight_after(self.due_ns, is_utc=self._is_utc)

    def days(self) -> StrategyDays:
        """Return all days, the one under way included."""
        if self._desk.curve.last_ns > self._last_ns:
            self._end_day()
        n = len(self._names)
        return StrategyDays(
            strategies=self._names,
            end_ns=np.array([row[0] for row in self._rows], dtype=np.int64),
            pnl=np.array([row[1] for row in self._rows]).reshape(len(self._rows), n),
            rest=np.array([row[2] for row in self._rows]),
            weight=np.array([row[3] for row in self._rows]).reshape(len(self._rows), n),
        )

    def _end_day(self) -> None:
        profit, equity = self._money()
        earned = self._earned()
        past, profit_before, equity_before = self._before or ([0.0] * len(self._names), 0.0, equity)
        pnl = [now - then for now, then in zip(earned, past, strict=True)]
        weights = [self.weights.get(name, 1.0) for name in self._names]
        money = [weight * equity_before for weight in weights]
        self._returns.append([each / of if of > 0.0 else nan for each, of in zip(pnl, money, strict=True)])
        self._last_ns = self._desk.curve.last_ns
        self._rows.append((self._last_ns, pnl, profit - profit_before - sum(pnl), weights))
        self._before = (earned, profit, equity)

    def _earned(self) -> list[float]:
        """Return the profit of each strategy since the start, net of costs."""
        place = {name: column for column, name in enumerate(self._names)}
        for trade in self._desk.trades[self._n_closed :]:
            if trade.strategy in place:
                self._closed[place[trade.strategy]] += float(trade.net_pnl)
        self._n_closed = len(self._desk.trades)
        found = list(self._closed)
        for package in self._desk.packages.packages:
            if package.strategy in place:
                found[place[package.strategy]] += self._desk.packages.marked_pnl(package.package_id)
        return found

    def _share(self, config: AllocationConfig) -> None:
        found = allocate(config, self._names, np.array(self._returns[-config.window_days :]))
        if any(abs(found.weights[name] - self.weights[name]) > config.min_change for name in self._names):
            self.weights.update(found.weights)

"""What a run leaves behind, row by row: the account over time, the decisions, and the funnel of its gates."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Protocol, final

import numpy as np

from backtest.results import AccountCurve
from market.chains import FloatArray
from market.trades import Int64Array
from strategies.decisions import Decision

__all__ = ["CurveRecorder", "Funnel", "Money", "is_recorded"]


class Money(Protocol):
    """Running sums of an account, account currency."""

    @property
    def cash(self) -> Decimal:
        """Money."""

    @property
    def equity(self) -> Decimal:
        """Cash plus marked value."""

    @property
    def realised(self) -> Decimal:
        """Profit of closed lots."""

    @property
    def costs(self) -> Decimal:
        """Charges."""

    @property
    def income(self) -> Decimal:
        """Interest, dividends, borrow and funding."""

    @property
    def deposits(self) -> Decimal:
        """Money paid in less money taken out."""


@final
class CurveRecorder:
    """The account at each mark; sums that change only with bookings are kept once per booking.

    Parameters
    ----------
    money : Money
        The ledger.
    margin : callable
        Returns what the positions require, account currency; asked once after each booking.
    """

    def __init__(self, money: Money, margin: Callable[[], float]) -> None:
        self._money, self._margin_of = money, margin
        self._benchmark_of: Callable[[], float] | None = None
        self._ts_ns = array("q")
        self._equity = array("d")
        self._benchmark = array("d")
        self._steps: list[tuple[float, ...]] = []
        self._is_changed = True

    def __len__(self) -> int:
        return len(self._ts_ns)

    def booked(self) -> None:
        """Take note that something was booked since the row before."""
        self._is_changed = True

    def stand_beside(self, benchmark: Callable[[], float]) -> None:
        """Write the value of a benchmark beside every row from now on."""
        self._benchmark_of = benchmark

    def row(self, ts_ns: int) -> None:
        """Write the account down.

        Parameters
        ----------
        ts_ns : int
            Instant, ns since the epoch, UTC; later than the row before.
        """
        money = self._money
        if self._is_changed:
            sums = (money.cash, money.realised, money.costs, money.income, money.deposits)
            self._steps.append((len(self._ts_ns), *(float(each) for each in sums), self._margin_of()))
            self._is_changed = False
        self._ts_ns.append(ts_ns)
        self._equity.append(money.equity)  # type: ignore[arg-type]  # an array of doubles takes what has __float__
        if self._benchmark_of is not None:
            self._benchmark.append(self._benchmark_of())

    @property
    def last_ns(self) -> int:
        """Instant of the newest row, ns since the epoch, UTC; -1 before the first."""
        return self._ts_ns[-1] if self._ts_ns else -1

    @property
    def benchmark(self) -> FloatArray:
        """Value of the benchmark at each row, shape (n_marks,); NaN where there is none."""
        if self._benchmark_of is None:
            return np.full(len(self._ts_ns), np.nan)
        return np.array(self._benchmark, dtype=np.float64)

    @property
    def ts_ns(self) -> Int64Array:
        """Instant of each row, shape (n_marks,)."""
        return np.array(self._ts_ns, dtype=np.int64)

    def curve(self) -> AccountCurve:
        """Return all rows; the profit of what is open is what the other sums leave: the ledger held both exactly."""
        n = len(self._ts_ns)
        starts = np.array([step[0] for step in self._steps], dtype=np.int64)
        lengths = np.diff(np.append(starts, n))
        columns = [
            np.repeat(np.array([step[place] for step in self._steps], dtype=np.float64), lengths)
            for place in range(1, 7)
        ]
        cash, realised, costs, income, deposits, margin = columns
        equity = np.array(self._equity, dtype=np.float64)
        return AccountCurve(
            ts_ns=self.ts_ns,
            equity=equity,
            cash=cash,
            realised=realised,
            unrealised=equity - deposits - realised + costs - income,
            costs=costs,
            income=income,
            deposits=deposits,
            margin=margin,
        )


@final
class Funnel:
    """How many candidates met each gate, and how many passed."""

    def __init__(self) -> None:
        self._counts: dict[str, dict[str, list[int]]] = {}

    def count(self, strategy: str, decision: Decision) -> None:
        """Count the gates of a decision."""
        gates = self._counts.setdefault(strategy, {})
        for gate in decision.gates:
            met = gates.setdefault(gate.name, [0, 0])
            met[0] += 1
            met[1] += gate.passed

    def deny(self, strategy: str, limit: str) -> None:
        """Count an order that the gate before the venue denied, under the limit that bound."""
        met = self._counts.setdefault(strategy, {}).setdefault(f"risk: {limit}", [0, 0])
        met[0] += 1

    def table(self) -> Mapping[str, Mapping[str, tuple[int, int]]]:
        """Return by strategy and gate, in the order of the gates, how many met it and how many passed."""
        return {
            strategy: {gate: (met[0], met[1]) for gate, met in gates.items()}
            for strategy, gates in self._counts.items()
        }


def is_recorded(decision: Decision) -> bool:
    """Return whether a decision says more than that there is nothing to do."""
    return bool(decision.proposals or decision.cancel or decision.gates)

"""Any sequence of trades, closes, mornings and restarts against a ledger of plain numbers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from fields.dealer.book import DealerBook
from tests.fields.dealer.samples import CLOSE_NS, HOUR_NS, hybrid, interest

N = 3
IS_CALL = [True, False, True]
SHARE = 0.5


@dataclass
class Bucket:
    """Flow of one session of one contract."""

    flow: float = 0.0
    variance: float = 0.0
    volume: float = 0.0


@dataclass
class Line:
    """One contract of the ledger."""

    open_interest: float | None = None
    opening: float = 0.0
    variance: float = 0.0
    day: Bucket = field(default_factory=Bucket)
    night: Bucket = field(default_factory=Bucket)

    @property
    def seen(self) -> bool:
        """Whether anything is known of the contract."""
        return self.open_interest is not None or self.day.volume + self.night.volume > 0.0

    def read(self) -> tuple[float, float, float]:
        """Return contracts, standard error and cap."""
        if not self.seen:
            return np.nan, np.nan, np.nan
        cap = (self.open_interest or 0.0) + self.day.volume + self.night.volume
        n = max(-cap, min(cap, self.opening + self.day.flow + self.night.flow))
        error = (self.variance + self.day.variance + self.night.variance) ** 0.5
        return n, min(error, cap + abs(n)), cap

    def meet(self, published: float | None, *, is_call: bool, opened: bool) -> None:
        """Take a morning's open interest, None where it does not name the contract."""
        before, day = self.open_interest or 0.0, self.day
        if published is not None and not (self.seen and opened):
            self.opening = published if is_call else -published
            self.variance = (SHARE * published) ** 2
            self.open_interest = published
        elif self.seen:
            bound = before + day.volume if published is None else published
            unseen = 0.0 if published is None else max(abs(published - before) - day.volume, 0.0)
            self.opening = max(-bound, min(bound, self.opening + day.flow))
            self.variance = min(self.variance + day.variance + unseen**2, (bound + abs(self.opening)) ** 2)
            self.open_interest = bound
        self.day, self.night = self.night, Bucket()


class LedgerMachine(RuleBasedStateMachine):
    """The book beside the ledger."""

    def __init__(self) -> None:
        super().__init__()
        self.book = DealerBook(hybrid(opening_error_share=SHARE, max_missing_share=1.0))
        self.lines = [Line() for _ in range(N)]
        self.day, self.opened, self.ended = 0, False, False

    @property
    def close_ns(self) -> int:
        """The close of the session that runs."""
        return CLOSE_NS + self.day * 24 * HOUR_NS

    @rule(
        rows=st.lists(
            st.tuples(
                st.integers(0, N - 1),
                st.sampled_from([-1, 0, 1]),
                st.integers(1, 30),
                st.sampled_from([0.5, 0.6, 0.8, 1.0]),
            ),
            min_size=1,
            max_size=6,
        )
    )
    def trade(self, rows: list[tuple[int, int, int, float]]) -> None:
        """Trade before the close, or after it where it was told."""
        numbers, aggressor, size, p = zip(*rows, strict=True)
        self.book.on_flow(numbers, aggressor, size, p, np.full(len(rows), self.close_ns - 1 + self.ended))
        for number, a, v, q in rows:
            bucket = self.lines[number].night if self.ended else self.lines[number].day
            bucket.volume += v
            known = a != 0 and q >= 0.55
            bucket.flow -= a * v / (2 * q - 1) if known else 0.0
            bucket.variance += v * v * (4 * q * (1 - q) / (2 * q - 1) ** 2 if known else 1.0)

    @rule()
    def end_session(self) -> None:
        """Tell the close."""
        self.book.end_session(self.close_ns)
        self.ended = True

    @rule(open_interest=st.lists(st.none() | st.integers(0, 100).map(float), min_size=N, max_size=N))
    def morning(self, open_interest: list[float | None]) -> None:
        """Publish the open interest of the close."""
        values = [np.nan if x is None else x for x in open_interest]
        self.book.on_open_interest(interest(values, day=self.day, is_call=IS_CALL))
        for line, published, is_call in zip(self.lines, open_interest, IS_CALL, strict=True):
            line.meet(published, is_call=is_call, opened=self.opened)
        self.day, self.opened, self.ended = self.day + 1, True, False

    @rule()
    def restart(self) -> None:
        """Go on from a checkpoint."""
        self.book = DealerBook.from_state(self.book.state())

    @invariant()
    def they_agree(self) -> None:
        """Contracts, error and cap."""
        found = self.book.position(np.arange(N))
        expected = np.array([line.read() for line in self.lines]).T
        for column, name in zip(expected, ("contracts", "standard_error", "cap"), strict=True):
            assert np.allclose(getattr(found, name), column, rtol=1e-12, atol=1e-9, equal_nan=True), name


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)

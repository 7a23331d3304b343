"""What time costs and earns, night by night: interest on cash, fees of borrowed shares; and funding when it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final, final
from zoneinfo import ZoneInfo

import numpy as np

from backtest.calendar_events import Books
from backtest.costs.carry import Accrual, BorrowFees, CashInterest
from backtest.costs.rates import exchange_day
from backtest.tape import Phase, TapeStream
from execution.funding import funding_payments, settled_rows
from market.clock import ns_of_datetime
from market.funding import FundingBatch
from market.tradables import Share
from strategies.market_state import MarketState

__all__ = ["Carry", "FundingFeed", "midnight_after"]

_NEW_YORK: Final = ZoneInfo("America/New_York")
_NEVER: Final = 1 << 62
_DAY_NS: Final = 86_400_000_000_000


@final
class Carry:
    """Interest and borrow fees, booked at each midnight of New York for the night that begins there.

    Parameters
    ----------
    desk : Books
        Cash and positions.
    interest : CashInterest or None
        None where cash earns nothing and owes nothing.
    borrow : BorrowFees or None
        None where short shares cost nothing.
    """

    def __init__(self, desk: Books, interest: CashInterest | None, borrow: BorrowFees | None) -> None:
        self._desk, self._interest, self._borrow = desk, interest, borrow
        self._cash: Accrual | None = None
        self._shorts: dict[str, Accrual] = {}
        self.due_ns = _NEVER
        """The next midnight, ns since the epoch, UTC."""

    def start(self, ts_ns: int) -> None:
        """Begin on the day on which the account is opened."""
        if self._interest is not None:
            self._cash = self._interest.start(ts_ns, self._desk.ledger.cash)
        if self._interest is not None or self._borrow is not None:
            self.due_ns = midnight_after(ts_ns)

    def run(self) -> None:
        """Book the night that begins at the midnight that is due.

        Raises
        ------
        DataError
            No rate was known.
        """
        now_ns, ledger = self.due_ns, self._desk.ledger
        if self._interest is not None and self._cash is not None:
            # What lies there at midnight is what earns; the booking before may be of yesterday's noon.
            lying = replace(self._cash, base=ledger.cash)
            self._cash, movement = self._interest.accrue(lying, now_ns, ledger.cash)
            if movement is not None:
                self._desk.book(movement)
        if self._borrow is not None:
            shorts = self._short_values()
            lent = {symbol: replace(each, base=shorts.get(symbol, Decimal(0))) for symbol, each in self._shorts.items()}
            self._shorts, movements = self._borrow.accrue(_opened(lent, shorts, now_ns), now_ns, shorts)
            for movement in movements:
                self._desk.book(movement)
        self.due_ns = midnight_after(now_ns)

    def _short_values(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for symbol, holding in self._desk.ledger.holdings.items():
            if isinstance(holding.instrument, Share) and holding.quantity < 0:
                found[symbol] = -holding.quantity * (self._desk.ledger.price(symbol) or Decimal(0))
        return found


def _opened(accruals: dict[str, Accrual], shorts: dict[str, Decimal], now_ns: int) -> dict[str, Accrual]:
    """Return the accruals with those of new shorts, which are owed from this night on."""
    yesterday = exchange_day(now_ns) - timedelta(days=1)
    new = {symbol: Accrual(day=yesterday, base=base) for symbol, base in shorts.items() if symbol not in accruals}
    return accruals | new


def midnight_after(ts_ns: int, *, is_utc: bool = False) -> int:
    """Return the first midnight after an instant, New York's or that of UTC, ns since the epoch, UTC."""
    if is_utc:
        return (ts_ns // _DAY_NS + 1) * _DAY_NS
    day = exchange_day(ts_ns) + timedelta(days=1)
    return ns_of_datetime(datetime.combine(day, time(), tzinfo=_NEW_YORK))


@final
class FundingFeed:
    """Settled funding of a perpetual: paid by who holds it at the instant, before orders that are decided then.

    Parameters
    ----------
    batch : FundingBatch
        Its rates.
    desk : Books
        Whose positions pay or receive.
    market : MarketState
        Newest prints, for payments that are told without a mark.
    first_ns, last_ns : int
        Payments outside of these instants, both included, are left out.

    Notes
    -----
    Of bars that end at the instant the fills and liquidations come first: they happened before it. Their close is the
    newest print.
    """

    calls: frozenset[str] = frozenset()

    def __init__(self, batch: FundingBatch, desk: Books, market: MarketState, *, first_ns: int, last_ns: int) -> None:
        rows = settled_rows(batch)
        rows = rows[(batch.funding_ns[rows] >= first_ns) & (batch.funding_ns[rows] <= last_ns)]
        self._rows = rows[np.argsort(batch.funding_ns[rows], kind="stable")]
        self.stream = TapeStream(phase=Phase.FUNDING, name=batch.symbol, instants=batch.funding_ns[self._rows])
        self._batch, self._desk, self._market = batch, desk, market

    def standing(self, n_rows: int) -> Sequence[int]:  # noqa: ARG002  # nobody held anything yet
        """Return none."""
        return ()

    def take(self, row: int, now_ns: int) -> None:  # noqa: ARG002  # a payment carries its own instant
        """Let a payment happen."""
        desk, batch = self._desk, self._batch
        held = [each for each in desk.ledger.positions() if each.instrument.symbol == batch.symbol]
        if held:
            newest = Decimal(repr(self._market.price(batch.symbol)[0]))
            mark = newest if newest.is_finite() else None
            for movement in funding_payments(batch, int(self._rows[row]), held, mark=mark):
                desk.book(movement)

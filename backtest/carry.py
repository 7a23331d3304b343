"""What time costs and earns, night by night: interest on cash, fees of borrowed shares; and funding when it is paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Final, final
from zoneinfo import ZoneInfo

from backtest.calendar_events import Action, Books
from backtest.costs.carry import Accrual, BorrowFees, CashInterest
from backtest.costs.rates import exchange_day
from execution.funding import funding_payments, settled_rows
from market.clock import ns_of_datetime
from market.funding import FundingBatch
from market.tradables import Share
from strategies.market_state import MarketState

__all__ = ["Carry", "funding_actions"]

_NEW_YORK: Final = ZoneInfo("America/New_York")
_NEVER: Final = 1 << 62


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
            self.due_ns = _midnight_after(ts_ns)

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
        self.due_ns = _midnight_after(now_ns)

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


def _midnight_after(ts_ns: int) -> int:
    day = exchange_day(ts_ns) + timedelta(days=1)
    return ns_of_datetime(datetime.combine(day, time(), tzinfo=_NEW_YORK))


def funding_actions(desk: Books, market: MarketState, batches: Sequence[FundingBatch]) -> list[tuple[int, str, Action]]:
    """Return the settled funding of perpetuals as dated actions.

    Parameters
    ----------
    desk : Books
        Whose positions pay or receive.
    market : MarketState
        Newest prints, for payments that are told without a mark.
    batches : sequence of FundingBatch
        Rates of perpetuals.

    Returns
    -------
    list of (int, str, callable)
        For an `Agenda`; who holds at the instant of payment pays, before any order of that instant trades.
    """

    def pay(batch: FundingBatch, row: int) -> Action:
        def action() -> None:
            held = [each for each in desk.ledger.positions() if each.instrument.symbol == batch.symbol]
            newest = Decimal(repr(market.price(batch.symbol)[0]))
            for movement in funding_payments(batch, row, held, mark=newest if newest.is_finite() else None):
                desk.book(movement)

        return action

    return [
        (int(batch.funding_ns[row]), f"3 funding {batch.symbol}", pay(batch, row))
        for batch in batches
        for row in settled_rows(batch).tolist()
    ]

"""What changes an account besides fills: money, settlements, corporate actions; and what a mark is."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from market.fills import Fill
from market.tradables import Instrument, Share

__all__ = [
    "Bust",
    "CashKind",
    "CashMovement",
    "DividendNotice",
    "LedgerEvent",
    "Mark",
    "MarkSource",
    "Posting",
    "Settlement",
    "SettlementKind",
    "Split",
]


class CashKind(StrEnum):
    """Why money moves without a trade."""

    DEPOSIT = "deposit"
    WITHDRAWAL = "withdrawal"
    INTEREST = "interest"
    DIVIDEND = "dividend"  # a short position pays it
    BORROW = "borrow"
    FUNDING = "funding"
    FEE = "fee"  # of exercise, assignment or liquidation


@dataclass(frozen=True, slots=True, kw_only=True)
class CashMovement:
    """Money in or out.

    Parameters
    ----------
    event_id : str
        Tells it apart; the same id is the same movement.
    ts_event_ns : int
        ns since the epoch, UTC.
    kind : CashKind
        Why.
    amount : Decimal
        Account currency: positive in, negative out.
    symbol : str
        Position that caused it; empty where none did.
    package_id, strategy : str
        Whom it is booked to; empty where it belongs to the account.
    """

    event_id: str
    ts_event_ns: int
    kind: CashKind
    amount: Decimal
    symbol: str = ""
    package_id: str = ""
    strategy: str = ""


class SettlementKind(StrEnum):
    """How a contract ends."""

    WORTHLESS = "worthless"
    CASH = "cash"
    EXERCISED = "exercised"  # we hold it, and it delivers
    ASSIGNED = "assigned"  # we are short, and it delivers


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """The end of a part of a position in a contract.

    Parameters
    ----------
    event_id : str
        Tells it apart.
    ts_event_ns : int
        ns since the epoch, UTC.
    kind : SettlementKind
        How.
    instrument : Instrument
        The option or future that ends, or the share whose fraction a split pays in cash.
    quantity : Decimal
        Part of the position that ends, with the position's sign.
    price : Decimal
        Value per unit at which it is closed: the cash settlement; 0 where it is worthless or delivers.
    settlement_price : Decimal
        Price of the underlying that decided.
    package_id, strategy : str
        Whom it is booked to.
    delivered : Share or None
        What is delivered; None where it settles in cash.
    delivered_quantity : Decimal
        Shares that come (positive) or go.
    delivered_price : Decimal
        What is paid per share: the strike.
    is_early : bool
        True for exercise or assignment before expiry.
    is_pinned : bool
        True where the settlement price lay so near the strike that exercise was uncertain.
    """

    event_id: str
    ts_event_ns: int
    kind: SettlementKind
    instrument: Instrument
    quantity: Decimal
    price: Decimal
    settlement_price: Decimal
    package_id: str
    strategy: str
    delivered: Share | None = None
    delivered_quantity: Decimal = Decimal(0)
    delivered_price: Decimal = Decimal(0)
    is_early: bool = False
    is_pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DividendNotice:
    """A cash dividend of a share or fund.

    Parameters
    ----------
    symbol : str
        Share.
    announced_ns, ex_ns, paid_ns : int
        When it was known; the open of the ex-date; when cash moves: ns since the epoch, UTC.
    amount : Decimal
        Per share, account currency.
    """

    symbol: str
    announced_ns: int
    ex_ns: int
    paid_ns: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """A share is split: every position in it is multiplied, and its prices divided.

    Parameters
    ----------
    event_id : str
        Tells it apart.
    ts_event_ns : int
        ns since the epoch, UTC.
    symbol : str
        Share.
    numerator, denominator : int
        New shares for old ones: 7 and 1 for seven to one, 1 and 10 for a reverse split.
    """

    event_id: str
    ts_event_ns: int
    symbol: str
    numerator: int
    denominator: int


class MarkSource(StrEnum):
    """Where a mark comes from; what is not an instrument's own price is flagged on its trade."""

    MID = "mid"
    BID_ASK = "bid_ask"  # the side at which the position could be closed
    LAST = "last"
    VENUE = "venue"  # the mark price of a venue
    MODELLED_QUOTE = "modelled_quote"  # a quote that is itself a model around a mid
    PARITY = "parity"  # the quote of the other right at the same strike, and the forward of the same chain
    BOUNDS = "bounds"  # the middle of what neighbouring strikes leave, where that is as narrow as their quotes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Value of one unit of an instrument.

    Parameters
    ----------
    symbol : str
        Instrument.
    price : Decimal
        Per unit of the underlying.
    source : MarkSource
        Where it comes from.
    ts_ns : int
        Instant of what it comes from, ns since the epoch, UTC.
    """

    symbol: str
    price: Decimal
    source: MarkSource
    ts_ns: int


Posting = Fill | CashMovement | Settlement | Split
"""What changes money or positions by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bust:
    """The venue takes an execution back.

    Parameters
    ----------
    event_id : str
        Tells it apart.
    ts_event_ns : int
        ns since the epoch, UTC.
    fill : Fill
        The execution that is void, as it was booked.
    reason : str
        The venue's words.
    """

    event_id: str
    ts_event_ns: int
    fill: Fill
    reason: str = ""

    @property
    def package_id(self) -> str:
        """Whose execution it was."""
        return self.fill.package_id


LedgerEvent = Posting | Bust
"""Everything that the ledger books; marks are values, not bookings."""

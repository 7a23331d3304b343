"""What a strategy sees: the market and the account as they were known at one instant, and nothing later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from fields.live.interpretation import Interpretation
from fields.snapshot import FieldSnapshot
from fields.terminal_density import QuotedDensity
from market.chains import FloatArray, OptionChain
from market.forecasts import Forecast, PolicyReading
from market.orders import Leg, PositionEffect
from market.series import EventBatch, SeriesPoint
from market.tradables import Instrument
from market.trades import Int64Array
from risk.book import PortfolioGreeks
from risk.limits.orders import TradingState
from strategies.decisions import Decision

__all__ = [
    "AccountView",
    "BarWindow",
    "ChainView",
    "HeldPackage",
    "Holding",
    "PackageMarks",
    "Quote",
    "Strategy",
    "TradingState",
    "View",
    "WorkingOrder",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """Executable prices of one instrument.

    Parameters
    ----------
    bid, ask : float
        Per unit; NaN where that side is absent.
    bid_size, ask_size : float
        Units (shares, contracts, coins); NaN where the source does not tell.
    ts_ns : int
        Instant of the quote, ns since the epoch, UTC.
    is_modelled : bool
        True where bid and ask are a model around a mid or a trade, as of data without quotes.
    """

    bid: float
    ask: float
    bid_size: float
    ask_size: float
    ts_ns: int
    is_modelled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BarWindow:
    """Closed bars of one symbol up to now, oldest first; read-only arrays of shape ``(n_bars,)``.

    Parameters
    ----------
    start_ns, end_ns : ndarray of int64
        Start and end of each bar, ns since the epoch, UTC; the last end is at or before now.
    open, high, low, close, volume : ndarray
        As `market.bars.BarBatch`.
    """

    start_ns: Int64Array
    end_ns: Int64Array
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


class ChainView(Protocol):
    """A chain with the look-ups that a strategy needs; what is asked for is valued, and nothing else."""

    @property
    def chain(self) -> OptionChain:
        """The chain as it stands."""

    @property
    def spot(self) -> float:
        """Price of the underlying that goes with the quotes; NaN where there is none."""

    def place(self, instrument: Instrument) -> int:
        """Return a contract's place in the chain, -1 where it is not quoted."""

    def quote(self, place: int) -> Quote:
        """Return the quote at a place."""

    def expirations(self) -> Int64Array:
        """Return the expiry instant of each series, ns since the epoch, UTC, rising."""

    def side(self, series: int, *, is_call: bool) -> Int64Array:
        """Return the places of one right of one series, strikes rising."""

    def parity(self, series: int) -> tuple[float, float]:
        """Return forward and discount that a series' own calls and puts imply; NaN where they do not tell."""

    def density(self, series: int) -> QuotedDensity | None:
        """Return the distribution of the price at an expiry that its own mids imply; None where they do not tell."""

    def delta(self, places: Int64Array) -> FloatArray:
        """Return deltas per unit: the vendor's where it tells them, else from the quotes' own volatility; NaN else."""

    def implied_vol(self, places: Int64Array) -> FloatArray:
        """Return annualised volatilities: the vendor's where it tells them, else from the mid; NaN else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One instrument of the account.

    Parameters
    ----------
    instrument : Instrument
        What is held.
    quantity : Decimal
        Positive long, negative short; never 0.
    average_price : Decimal
        Cost per unit of the open quantity.
    """

    instrument: Instrument
    quantity: Decimal
    average_price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldPackage:
    """One open structure: from its first fill to flat.

    Parameters
    ----------
    package_id : str
        Its id.
    strategy, structure : str
        Who opened it, and what it is.
    legs : tuple of Leg
        As opened.
    quantity : Decimal
        Packages that are whole now, >= 0.
    opened_ns : int
        Instant of the first fill, ns since the epoch, UTC.
    entry_price : float
        Net price per unit at which it was opened; negative for a credit.
    is_whole : bool
        False while legs are out of proportion, as after a partial fill or an assignment.
    units : mapping of str to Decimal
        Units held now by symbol, signed, with shares that an assignment delivered; empty where `legs` times `quantity`
        say it all.
    factors : mapping of str to float
        Numbers known before the entry, as its decision told them.
    """

    package_id: str
    strategy: str
    structure: str
    legs: tuple[Leg, ...]
    quantity: Decimal
    opened_ns: int
    entry_price: float
    is_whole: bool
    units: Mapping[str, Decimal] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageMarks:
    """How an open package stands at the marks of the account; kept through a restart.

    Parameters
    ----------
    profit : float
        Marked profit, account currency, net of costs so far.
    best_profit, worst_profit : float
        Highest and lowest marked profit since it was opened; NaN before its first mark.
    value : float
        What it holds is worth at the marks, account currency, signed.
    marked_ns : int
        Instant from which on all that it holds has a mark, ns since the epoch, UTC: the oldest among its newest marks.
        A fill counts as one; a mark that is carried on does not.
    """

    profit: float
    best_profit: float
    worst_profit: float
    value: float
    marked_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkingOrder:
    """An order that may still be filled.

    Parameters
    ----------
    order_id : str
        Client order id.
    package_id : str
        The position that it belongs to.
    strategy : str
        Who asked for it.
    reason : str
        Code of the rule.
    remaining : Decimal
        Packages not yet filled.
    effect : PositionEffect
        Whether it opens or closes; a package that is being closed needs no second closing order.
    decided_ns : int
        Instant of the decision that sent it, ns since the epoch, UTC.
    """

    order_id: str
    package_id: str
    strategy: str
    reason: str
    remaining: Decimal
    effect: PositionEffect
    decided_ns: int


class AccountView(Protocol):
    """The account as the ledger knows it."""

    @property
    def equity(self) -> float:
        """Cash plus marked value, account currency."""

    @property
    def buying_power(self) -> float:
        """What new positions may require, account currency; NaN where margin cannot be told."""

    @property
    def holdings(self) -> Mapping[str, Holding]:
        """Open positions by symbol."""

    @property
    def packages(self) -> Sequence[HeldPackage]:
        """Open structures, oldest first."""

    @property
    def working(self) -> Sequence[WorkingOrder]:
        """Orders that may still be filled, oldest first."""

    @property
    def trading_state(self) -> TradingState:
        """What is allowed."""

    @property
    def size_multiplier(self) -> float:
        """Part of a usual size that the level of volatility leaves: 1 without a schedule, 0 without a level.

        A strategy multiplies its own size by it; it lifts no ceiling.
        """

    def greeks(self, strategy: str = "") -> PortfolioGreeks:
        """Return the Greeks of the open positions, or of those of one strategy; NaN with the reason where unknown."""

    def capital_at_risk(self, strategy: str = "") -> float:
        """Return the worst losses of open packages and of working orders that open, account currency.

        Of one strategy where it is named. Infinite where a loss has no bound, NaN where one is not known.
        """

    @property
    def hard_breaches(self) -> tuple[str, ...]:
        """Names of the hard limits of the account that stand broken now, such as ``daily_loss``; empty for none."""

    def package_marks(self, package_id: str) -> PackageMarks | None:
        """Return how an open package stands at its marks; None where none is open."""

    def entries_since(self, strategy: str, since_ns: int) -> int:
        """Return how many packages of a strategy were opened at or after an instant, ns since the epoch, UTC."""

    def weight(self, strategy: str) -> float:
        """Return the share of the money that is allocated to a strategy; 1 where the money is not shared."""

    def last_exit_ns(self, strategy: str) -> int:
        """Return when the newest ended package of a strategy became flat, ns since the epoch; -1 before the first."""


class View(Protocol):
    """The market and the account at one instant; everything in it was available by `now_ns`."""

    @property
    def now_ns(self) -> int:
        """Instant of the decision, ns since the epoch, UTC."""

    @property
    def account(self) -> AccountView:
        """The account."""

    def quote(self, symbol: str) -> Quote | None:
        """Return the newest quote of a share, perpetual or future; None where there is none."""

    def bars(self, symbol: str, count: int) -> BarWindow:
        """Return up to so many closed bars of a symbol."""

    def feature(self, name: str) -> float:
        """Return the newest value of a declared feature (`strategies.features`); NaN before its window is full."""

    def chain(self, symbol: str) -> ChainView | None:
        """Return the newest chain of an underlying; None before the first."""

    def field(self, symbol: str) -> FieldSnapshot | None:
        """Return the newest field of an underlying; None where none was computed."""

    def readings(self, symbol: str, *, with_field: bool = True) -> Interpretation | None:
        """Return regimes and signals of a symbol as they were read last; None before the first reading.

        Without the field the axes of other markets alone are read, as VIX, trend and term structure: a recording then
        computes no field.
        """

    def forecast(self, symbol: str) -> Forecast | None:
        """Return the newest forecast whose horizon has not passed; None where there is none."""

    def policy(self, symbol: str) -> PolicyReading | None:
        """Return what a policy said last; None where none has spoken."""

    def series(self, name: str) -> SeriesPoint:
        """Return the newest known value of a series, with its age or the reason why there is none."""

    def events(self) -> EventBatch:
        """Return the announced events that lie ahead."""


class Strategy(Protocol):
    """Data plus one pure function; what it must remember stands in the account or in the market."""

    @property
    def name(self) -> str:
        """Tells strategies of one account apart."""

    def decide(self, view: View) -> Decision:
        """Return what to do at this instant; the same view gives the same decision."""

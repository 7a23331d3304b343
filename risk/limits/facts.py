"""What is known of account and market when an order is checked; what is missing is NaN, and denies."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from risk.book import PortfolioGreeks, PricedBook
from risk.state import RiskState
from risk.stress.value_at_risk import MarketMoves
from risk.trading_state import TokenBucket, TradingState

__all__ = ["Dividend", "OrderFacts", "Stake"]

_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dividend:
    """The next dividend of an underlying that is announced.

    Parameters
    ----------
    ex_ns : int
        Open of the ex-date, ns since the epoch, UTC.
    amount : float
        Per share, quote currency.
    """

    ex_ns: int
    amount: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What the limits of the whole account are measured by.

    Parameters
    ----------
    strategy_at_risk : float
        Worst losses of the open packages and working opening orders of the intent's strategy, account currency.
    symbol_at_risk : float
        The same of the intent's underlying, of several the one with most at risk.
    strategy_packages : int
        Packages of the strategy that are open, or that a working order opens; -1 where it is not known.
    order : PortfolioGreeks or None
        Greeks that the whole order would add; None where they are not known.
    book : PortfolioGreeks or None
        Greeks of all positions.
    working : tuple of PortfolioGreeks
        Of each working order that opens: it may be filled or not.
    volatility : float
        Level of the volatility index, points.
    cash_to_settle : float
        What deliveries may take, account currency.
    spot : mapping of str to float
        Prices of underlyings.
    dividends : mapping of str to Dividend
        By underlying.
    package_delta : tuple of (float, float)
        Of a closing order: size of the package's delta before and after it, shares.
    after : PricedBook or None
        All positions, working orders that open, and the whole order, as legs that can be revalued; None where they are
        not known.
    moves : MarketMoves or None
        Past days of the underlyings; None where they are not known.
    """

    strategy_at_risk: float = _NAN
    symbol_at_risk: float = _NAN
    strategy_packages: int = -1
    order: PortfolioGreeks | None = None
    book: PortfolioGreeks | None = None
    working: tuple[PortfolioGreeks, ...] = ()
    volatility: float = _NAN
    cash_to_settle: float = _NAN
    spot: Mapping[str, float] = field(default_factory=dict)
    dividends: Mapping[str, Dividend] = field(default_factory=dict)
    package_delta: tuple[float, float] = (_NAN, _NAN)
    after: PricedBook | None = None
    moves: MarketMoves | None = None


_NOTHING_KNOWN: Final = Stake()


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFacts:
    """What is known of account and market when an intent is checked; what is missing is NaN, and denies.

    Parameters
    ----------
    now_ns : int
        Instant of the check, ns since the epoch, UTC.
    state : TradingState
        What is allowed.
    leg_prices : tuple of float
        Mid of each leg of the intent, per unit; NaN where there is none.
    leg_half_spreads : tuple of float
        Half of the spread of each leg's quote, per unit; empty where the mids are all that is known, and counts as 0.
    package : mapping of str to Decimal
        Signed units that the intent's package holds, by symbol, less what its working closing orders may still take;
        empty for a new package.
    input_ns : int
        Instant of the oldest input of the decision, ns since the epoch, UTC; -1 where it is not known.
    open_packages : int
        Packages that are open, or that a working order opens; -1 where it is not known.
    buying_power : float
        What new positions may require, account currency.
    buying_power_effect : float
        What the order takes of it at its limit price; negative where it frees some.
    session_close_ns : int
        Close of the session under way, ns since the epoch, UTC; -1 where it is not known.
    bucket : TokenBucket or None
        Orders that may go; None where it is not known.
    seen : collection of str
        Ids of the intents that were let through before.
    risk : RiskState or None
        What the risk service remembers; None where it is not known.
    stake : Stake
        What the account has at stake, and what the order would add.
    """

    now_ns: int
    state: TradingState
    leg_prices: tuple[float, ...]
    leg_half_spreads: tuple[float, ...] = ()
    package: Mapping[str, Decimal] = field(default_factory=dict)
    input_ns: int = -1
    open_packages: int = -1
    buying_power: float = _NAN
    buying_power_effect: float = _NAN
    session_close_ns: int = -1
    bucket: TokenBucket | None = None
    seen: Container[str] = frozenset()
    risk: RiskState | None = None
    stake: Stake = field(default_factory=lambda: _NOTHING_KNOWN)

"""What happens to an account as far as the risk service remembers it; `risk.service.advance` takes them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from risk.state import BreakerClass
from risk.trading_state import TradingState

__all__ = [
    "BreakerReset",
    "EquityMarked",
    "ErrorKind",
    "Failed",
    "HeartbeatLost",
    "IntentDenied",
    "IntentPassed",
    "OperatorCommand",
    "PackageEnded",
    "ProfitRealised",
    "Recovered",
    "RiskEvent",
    "SessionStarted",
    "VolatilityRead",
]


class ErrorKind(StrEnum):
    """What failed."""

    DATA = "data"
    VENUE = "venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStarted:
    """A session opens; told again of the same session, it changes nothing.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    session : str
        Its name, unlike that of every other, such as its date.
    """

    ts_ns: int
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityMarked:
    """The account was marked.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    equity : Decimal
        Cash plus marked value after all charges, account currency; NaN where it cannot be told.
    deposits : Decimal
        Money paid in less money taken out since the account began.
    """

    ts_ns: int
    equity: Decimal
    deposits: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfitRealised:
    """A fill realised a profit or a loss, or was charged.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    amount : Decimal
        Net of charges, account currency.
    """

    ts_ns: int
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageEnded:
    """A package became flat.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    strategy : str
        Whose it was.
    net_pnl : Decimal
        From its first fill on, net of charges, account currency.
    """

    ts_ns: int
    strategy: str
    net_pnl: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentPassed:
    """An intent became an order.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    intent_id : str
        Its id, which never passes again.
    """

    ts_ns: int
    intent_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentDenied:
    """An intent was denied: it takes no token, and its id may be asked again.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    limit : str
        What bound.
    """

    ts_ns: int
    limit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Data or venue failed once more.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    kind : ErrorKind
        Which.
    """

    ts_ns: int
    kind: ErrorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """Data or venue worked: failures in a row are counted anew.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    kind : ErrorKind
        Which.
    """

    ts_ns: int
    kind: ErrorKind


@dataclass(frozen=True, slots=True, kw_only=True)
class VolatilityRead:
    """The volatility index was read.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    level : float
        Points; NaN where it is not known.
    """

    ts_ns: int
    level: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorCommand:
    """An operator, known by name, sets a state or releases the account.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    by : str
        Who.
    state : TradingState
        REDUCING or HALTED hold the account; ACTIVE lifts every hold, and daily loss and drawdown count from now on.
    until_ns : int
        When the hold ends by itself, ns since the epoch, UTC; 0 where it does not.
    """

    ts_ns: int
    by: str
    state: TradingState
    until_ns: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatLost:
    """The dead-man switch fires.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    """

    ts_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerReset:
    """A cool-down is over, by time or because an operator ends it.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    breaker : BreakerClass
        Which.
    by : str
        Operator who ends it before its time; empty where time does, which cannot end it early.
    """

    ts_ns: int
    breaker: BreakerClass
    by: str = ""


RiskEvent = (
    SessionStarted
    | EquityMarked
    | ProfitRealised
    | PackageEnded
    | IntentPassed
    | IntentDenied
    | Failed
    | Recovered
    | VolatilityRead
    | OperatorCommand
    | HeartbeatLost
    | BreakerReset
)
"""What `risk.service.advance` takes."""

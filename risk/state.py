"""What the risk service remembers: one frozen value that is saved as plain data and revived exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from market.errors import DataError
from risk.trading_state import TokenBucket, TradingState, most_restrictive

__all__ = [
    "HOLD_RULES",
    "BreakerClass",
    "Hold",
    "HoldCause",
    "HoldRule",
    "LastExit",
    "RiskState",
    "revived",
    "saved",
]

_ZERO: Final = Decimal(0)


class BreakerClass(StrEnum):
    """Why new orders pause for a while."""

    CONSECUTIVE_LOSSES = "consecutive_losses"
    DATA_ERRORS = "data_errors"
    VENUE_ERRORS = "venue_errors"
    VOLATILITY = "volatility"
    LOSING_DAYS = "losing_days"


class HoldCause(StrEnum):
    """Who or what took the account out of ACTIVE."""

    DAILY_LOSS = "daily_loss"
    DRAWDOWN = "drawdown"
    OPERATOR = "operator"
    DEAD_MAN = "dead_man"


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRule:
    """One row of the table of transitions.

    Parameters
    ----------
    states : tuple of TradingState
        What the cause may set.
    ends_with_session : bool
        Whether the next session lifts it.
    may_expire : bool
        Whether it can be told to end by itself.
    """

    states: tuple[TradingState, ...]
    ends_with_session: bool = False
    may_expire: bool = False


HOLD_RULES: Final[Mapping[HoldCause, HoldRule]] = {
    HoldCause.DAILY_LOSS: HoldRule(states=(TradingState.REDUCING,), ends_with_session=True),
    HoldCause.DRAWDOWN: HoldRule(states=(TradingState.REDUCING,)),
    HoldCause.OPERATOR: HoldRule(states=(TradingState.REDUCING, TradingState.HALTED), may_expire=True),
    HoldCause.DEAD_MAN: HoldRule(states=(TradingState.HALTED,)),
}
"""Which cause sets which state, and what lifts it; the operator lifts every one of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One reason for which the account is not ACTIVE.

    Parameters
    ----------
    cause : HoldCause
        Who or what.
    state : TradingState
        What it sets.
    since_ns : int
        From when on, ns since the epoch, UTC.
    until_ns : int
        When it ends by itself, ns since the epoch, UTC; 0 where it does not.
    by : str
        Name of the operator; empty of a rule.
    """

    cause: HoldCause
    state: TradingState
    since_ns: int
    until_ns: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LastExit:
    """When a strategy last became flat with a package.

    Parameters
    ----------
    ts_ns : int
        Instant, ns since the epoch, UTC.
    loss_ns : int
        The last such instant that ended with a loss; -1 where none did.
    """

    ts_ns: int
    loss_ns: int = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """The memory of the risk service.

    Parameters
    ----------
    ts_ns : int
        Instant of the newest event, ns since the epoch, UTC; time never runs back.
    session : str
        Name of the session under way, such as its date; empty before the first.
    session_ns : int
        Its start as it was told, ns since the epoch, UTC; -1 before the first. One that began before it is over, and
        told late it begins nothing.
    day_start_equity : Decimal or None
        Equity at the end of the session before, with what was paid in since; None where it is not known.
    equity : Decimal or None
        Newest mark of the account; None where it is not known.
    known_equity : Decimal or None
        Newest mark that was known; None before the first.
    deposits : Decimal
        Money paid in less money taken out, at the newest known mark: it is neither profit nor loss.
    high_water : Decimal or None
        Highest equity so far, with what was paid in or taken out since.
    realised_today : Decimal
        Profit realised in the session, net of charges.
    losses_in_row, losing_days, data_errors, venue_errors : int
        Counted without a break until now.
    holds : tuple of Hold
        Why the account is not ACTIVE, one a cause, in the order of `HoldCause`.
    cooldowns : mapping of BreakerClass to int
        Until when a tripped breaker holds, ns since the epoch, UTC.
    exits : mapping of str to LastExit
        By strategy.
    bucket : TokenBucket or None
        Orders that may go; None where they are not counted.
    seen : mapping of str to int
        Ids of intents that were let through, with their instants, as far back as the rules remember.
    """

    ts_ns: int = -1
    session: str = ""
    session_ns: int = -1
    day_start_equity: Decimal | None = None
    equity: Decimal | None = None
    known_equity: Decimal | None = None
    deposits: Decimal = _ZERO
    high_water: Decimal | None = None
    realised_today: Decimal = _ZERO
    losses_in_row: int = 0
    losing_days: int = 0
    data_errors: int = 0
    venue_errors: int = 0
    holds: tuple[Hold, ...] = ()
    cooldowns: Mapping[BreakerClass, int] = field(default_factory=dict)
    exits: Mapping[str, LastExit] = field(default_factory=dict)
    bucket: TokenBucket | None = None
    seen: Mapping[str, int] = field(default_factory=dict)

    @property
    def trading_state(self) -> TradingState:
        """The most restrictive of all holds; ACTIVE without one."""
        return most_restrictive(hold.state for hold in self.holds)

    @property
    def day_loss(self) -> Decimal | None:
        """What the session has lost so far, realised and not, with charges; negative of a gain, None where unknown."""
        if self.day_start_equity is None or self.equity is None:
            return None
        return self.day_start_equity - self.equity

    @property
    def drawdown(self) -> Decimal | None:
        """Loss since the highest equity, as a fraction of it; None where unknown or where nothing was ever there."""
        if self.high_water is None or self.equity is None or self.high_water <= _ZERO:
            return None
        return (self.high_water - self.equity) / self.high_water

    def is_held_by(self, cause: HoldCause) -> bool:
        """Return whether a cause holds the account."""
        return any(hold.cause is cause for hold in self.holds)


def saved(state: RiskState) -> bytes:
    """Return a state as JSON.

    Parameters
    ----------
    state : RiskState
        Any.

    Returns
    -------
    bytes
        Money as text, so that it is exact; numbers so that they are read back the same.
    """
    return msgspec.json.encode(state, order="deterministic")


def revived(data: bytes) -> RiskState:
    """Return the state that was saved.

    Parameters
    ----------
    data : bytes
        As `saved` gave it.

    Returns
    -------
    RiskState
        Equal to the one that was saved.

    Raises
    ------
    DataError
        The data are no state: a risk service never begins anew because its memory is damaged.
    """
    try:
        return msgspec.json.decode(data, type=RiskState)
    except (msgspec.MsgspecError, ValueError) as error:
        raise DataError(
            "the saved state of the risk service cannot be read",
            found=str(error),
            expected="JSON as risk.state.saved writes it",
            action="restore it from the journal; without it, start HALTED and let the operator release",
        ) from error

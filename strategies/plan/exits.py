"""When a short-premium package is closed: an ordered table, the first rule that holds decides."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite

from strategies.parameters import require, require_between

__all__ = ["ExitRules", "Mark", "exit_reason", "stop_loss"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRules:
    """The exits of a package that was sold for a credit; prices per unit.

    Parameters
    ----------
    profit_target : float
        Share of the credit that is enough, in (0, 1]; 1 waits for all of it.
    stop_multiple : float
        Loss in credits at which it is closed, > 0; infinite for none.
    stop_share : float
        Share of the largest loss at which it is closed, in (0, 1]; infinite for none. The nearer of the two stops
        holds (EQ2).
    close_before_end_s : float
        Closed from so many seconds before the last trade of its nearest expiration on, >= 0; 0 holds to settlement.
    exit_days : int
        Closed from so many calendar days before its nearest expiration on, >= 0; 0 for never. A package that was
        opened with no more days than that is left alone by this rule.
    """

    profit_target: float = 0.5
    stop_multiple: float = 2.0
    stop_share: float = 0.75
    close_before_end_s: float = 0.0
    exit_days: int = 0

    def __post_init__(self) -> None:
        require_between("exits", "profit_target", self.profit_target, 0.0, 1.0, open_low=True)
        require("exits", "stop_multiple", self.stop_multiple, "above 0", holds=self.stop_multiple > 0.0)
        stops = 0.0 < self.stop_share <= 1.0 or self.stop_share == inf
        require("exits", "stop_share", self.stop_share, "above 0 and at most 1, or infinite", holds=stops)
        require_between("exits", "close_before_end_s", self.close_before_end_s, 0.0, inf, open_high=True)
        require_between("exits", "exit_days", self.exit_days, 0, 366)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an open package looks like now.

    Parameters
    ----------
    credit : float
        Received per unit, > 0.
    closing_price : float
        Net price at which it could be closed at once, per unit; NaN where it cannot be told.
    max_loss : float
        Largest loss per unit; infinite where it is unbounded.
    seconds_left : float
        To the last trade of its nearest expiration.
    days_left : int
        Calendar days to its nearest expiration.
    days_at_entry : int
        The same when it was opened.
    """

    credit: float
    closing_price: float
    max_loss: float
    seconds_left: float
    days_left: int
    days_at_entry: int


def stop_loss(rules: ExitRules, credit: float, max_loss: float) -> float:
    """Return the loss per unit at which a package is closed.

    Parameters
    ----------
    rules : ExitRules
        Multiple and share.
    credit : float
        Received per unit, > 0.
    max_loss : float
        Largest loss per unit, width less credit; infinite where it is unbounded.

    Returns
    -------
    float
        ``min(multiple * C, share * (W - C))``: a stop at two credits alone lies at or beyond the largest loss as soon
        as ``C >= W / 3``, and would never act.
    """
    return min(rules.stop_multiple * credit, rules.stop_share * max_loss)


def exit_reason(rules: ExitRules, mark: Mark) -> str:
    """Return the code of the rule that closes a package now.

    Parameters
    ----------
    rules : ExitRules
        The rules.
    mark : Mark
        The package.

    Returns
    -------
    str
        ``stop_loss``, ``time_exit``, ``profit_target`` or ``days_exit``, in this order of precedence; empty where it
        stays. Without a closing price the rules of time alone can hold.
    """
    loss = mark.closing_price - mark.credit
    if isfinite(loss) and loss >= stop_loss(rules, mark.credit, mark.max_loss):
        return "stop_loss"
    if mark.seconds_left <= rules.close_before_end_s and rules.close_before_end_s > 0.0:
        return "time_exit"
    if isfinite(loss) and -loss >= rules.profit_target * mark.credit:
        return "profit_target"
    if mark.days_left <= rules.exit_days < mark.days_at_entry and rules.exit_days > 0:
        return "days_exit"
    return ""

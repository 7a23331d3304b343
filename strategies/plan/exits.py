"""When an open package is left, rolled, adjusted, hedged or watched: one ordered table, whose first true row acts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from math import inf, isfinite, nan
from typing import Final

from strategies.parameters import require, require_between, require_zone
from strategies.plan.mark import Mark

__all__ = [
    "EXIT_TABLE",
    "ExitReason",
    "ExitRow",
    "ExitRules",
    "NextAction",
    "ProfitBasis",
    "Step",
    "next_step",
    "profit_basis",
    "stop_loss",
]


class NextAction(StrEnum):
    """What is done next with an open package; exactly one at each view."""

    HOLD = "hold"
    CLOSE = "close"
    ROLL = "roll"  # close it, and open the same structure later; closed alone where that cannot be
    ADJUST = (
        "adjust"  # close it, and open the same structure around the price of now; closed alone where that cannot be
    )
    HEDGE = "hedge"  # trade the underlying against its delta
    MONITOR = "monitor"  # report it, and trade nothing


class ExitReason(StrEnum):
    """Code of each row, which decision, order and trade carry."""

    HALTED = "trading_halted"
    BROKEN = "broken_package"
    MARK_TIMEOUT = "mark_timeout"
    HARD_RISK = "hard_risk"
    CRASH = "crash_regime"
    STOP_LOSS = "stop_loss"
    BROKER_CUTOFF = "broker_cutoff"
    TIME_EXIT = "time_exit"
    CLOSE_AT = "close_at"
    MAX_HOLD = "max_hold"
    PROFIT_TARGET = "profit_target"
    TRAILING_STOP = "trailing_stop"
    ATR_STOP = "atr_stop"
    DAYS_ROLL = "days_roll"
    DAYS_EXIT = "days_exit"
    BAND_ADJUST = "band_adjust"
    BAND_EXIT = "band_exit"
    DELTA_ADJUST = "delta_adjust"
    DELTA_EXIT = "delta_exit"
    DELTA_HEDGE = "delta_hedge"
    NO_VALID_MARK = "no_valid_mark"
    DAYS_MONITOR = "days_monitor"


class ProfitBasis(StrEnum):
    """What a profit target is a share of."""

    CREDIT = "credit"  # what was received
    DEBIT = "debit"  # what was paid
    MAX_PROFIT = "max_profit"
    MAX_LOSS = "max_loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRules:
    """The ways out of a package; prices per unit. What a default leaves out is said there.

    Parameters
    ----------
    profit_target : float
        Share of `profit_basis` that is enough: in (0, 1] of a credit or of the largest profit, where 1 waits for all of
        it; above 0 of a debit or of the largest loss, infinite for none.
    profit_basis : ProfitBasis
        What it is a share of. A package without that basis, as one that was bought has no credit, has no target.
    stop_multiple : float
        Loss in credits at which it is closed, > 0; infinite for none. Of what was sold.
    stop_share : float
        Share of the largest loss at which it is closed, in (0, 1]; infinite for none. The nearest of the stops holds
        (EQ2).
    stop_debit : float
        Share of the debit at which it is closed, in (0, 1]; infinite for none. Of what was bought.
    trailing_keep : float
        Closed where the marked profit has fallen to this share of its highest since the entry, in (0, 1), such as 0.7
        (Q84x); 0 for none.
    trailing_start : float
        Share of `profit_basis` that the highest profit must have reached before, > 0.
    atr_multiple : float
        Closed where the underlying has gone so many average true ranges from its price at entry, > 0, such as 1 to 2.5;
        infinite for none.
    atr_side : int
        Which way counts: -1 a fall, 1 a rise, 0 either.
    close_before_end_s : float
        Closed from so many seconds before the last trade of its nearest expiration on, >= 0; 0 holds to settlement.
    close_at : datetime.time or None
        Wall time from which on it is closed on the day of its nearest expiration, such as 15:30; None for never.
    broker_cutoff : datetime.time or None
        Wall time of that day from which on it is closed where the account could not settle its delivery, before the
        broker acts (requirements 2.6); None for never. Both wall times are told for a day with the regular close, and
        come as much earlier on a day that closes early.
    regular_close : datetime.time
        Wall time of that close.
    zone : str
        Time zone of all three.
    max_hold_s : float
        Seconds after the entry from which on it is closed, > 0; infinite for none.
    exit_days : int
        Closed from so many calendar days before its nearest expiration on, >= 0; 0 for never. A package that was
        opened with no more days than that is left alone by this rule.
    rolls : bool
        Whether it is then rolled instead, for a net credit and where all gates of an entry pass.
    monitor_days : int
        Reported from so many days before its nearest expiration on, as `exit_days`; 0 for never.
    band_low, band_high : float
        Position in the band below or above which the price has broken out.
    adjusts : bool
        Whether it is then moved to the price of now instead of closed.
    max_adjustments : int
        How often one position is moved, >= 0; after that it is closed.
    adjust_delta : float
        Size of delta per unit of the package from which on it is moved, or closed, as a breakout; > 0, infinite for
        never.
    mark_timeout_s : float
        Seconds without a valid mark after which it is closed at a limit around its last one, > 0; infinite for never.
    closes_in_crash : bool
        Whether it is closed while the market regime is CRASH. A regime that is not read closes nothing.
    """

    profit_target: float = 0.5
    profit_basis: ProfitBasis = ProfitBasis.CREDIT
    stop_multiple: float = 2.0
    stop_share: float = 0.75
    stop_debit: float = inf
    trailing_keep: float = 0.0
    trailing_start: float = 0.25
    atr_multiple: float = inf
    atr_side: int = 0
    close_before_end_s: float = 0.0
    close_at: time | None = None
    broker_cutoff: time | None = time(15, 10)
    regular_close: time = time(16, 0)
    zone: str = "America/New_York"
    max_hold_s: float = inf
    exit_days: int = 0
    rolls: bool = False
    monitor_days: int = 0
    band_low: float = 0.05
    band_high: float = 0.95
    adjusts: bool = False
    max_adjustments: int = 1
    adjust_delta: float = inf
    mark_timeout_s: float = 86_400.0
    closes_in_crash: bool = True

    def __post_init__(self) -> None:
        of_all = self.profit_basis in {ProfitBasis.CREDIT, ProfitBasis.MAX_PROFIT}
        require_between("exits", "profit_target", self.profit_target, 0.0, 1.0 if of_all else inf, open_low=True)
        for name in ("stop_multiple", "trailing_start", "atr_multiple", "max_hold_s", "adjust_delta", "mark_timeout_s"):
            value = getattr(self, name)
            require("exits", name, value, "above 0", holds=value > 0.0)
        for name in ("stop_share", "stop_debit"):
            value = getattr(self, name)
            stops = 0.0 < value <= 1.0 or value == inf
            require("exits", name, value, "above 0 and at most 1, or infinite", holds=stops)
        require_between("exits", "trailing_keep", self.trailing_keep, 0.0, 1.0, open_high=True)
        require("exits", "atr_side", self.atr_side, "-1, 0 or 1", holds=self.atr_side in {-1, 0, 1})
        require_between("exits", "close_before_end_s", self.close_before_end_s, 0.0, inf, open_high=True)
        for name in ("exit_days", "monitor_days"):
            require_between("exits", name, getattr(self, name), 0, 366)
        require_between("exits", "max_adjustments", self.max_adjustments, 0, 1_000)
        bands = f"{self.band_low:g} and {self.band_high:g}"
        require("exits", "band_low and band_high", bands, "rising", holds=self.band_low < self.band_high)
        require_zone("exits", self.zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitRow:
    """One row of the table.

    Parameters
    ----------
    rank : int
        Place among the ten causes, 1 first (requirements 2.8).
    reason : ExitReason
        Code.
    action : NextAction
        What is done.
    holds : callable
        Of the rules and the mark.
    meaning : str
        In words.
    """

    rank: int
    reason: ExitReason
    action: NextAction
    holds: Callable[[ExitRules, Mark], bool]
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What is done next with a package.

    Parameters
    ----------
    action : NextAction
        What.
    reason : ExitReason or None
        Why; None for a hold.
    """

    action: NextAction
    reason: ExitReason | None = None


def stop_loss(rules: ExitRules, entry_price: float, max_loss: float) -> float:
    """Return the loss per unit at which a package is closed.

    Parameters
    ----------
    rules : ExitRules
        Multiple and shares.
    entry_price : float
        Net price per unit, received below 0.
    max_loss : float
        Largest loss per unit, width less credit; infinite where it is unbounded.

    Returns
    -------
    float
        ``min(multiple * C, share * (W - C))`` of a credit C: a stop at two credits alone lies at or beyond the largest
        loss as soon as ``C >= W / 3``, and would never act. Of a debit D ``min(stop_debit * D, share * max_loss)``.
    """
    premium = -rules.stop_multiple * entry_price if entry_price < 0.0 else _times(rules.stop_debit, entry_price)
    return min(premium, _times(rules.stop_share, max_loss))


def profit_basis(rules: ExitRules, mark: Mark) -> float:
    """Return what the profit target is a share of, per unit; NaN where the package has no such basis."""
    match rules.profit_basis:
        case ProfitBasis.CREDIT:
            return -mark.entry_price if mark.entry_price < 0.0 else nan
        case ProfitBasis.DEBIT:
            return mark.entry_price if mark.entry_price > 0.0 else nan
        case ProfitBasis.MAX_PROFIT:
            return mark.max_profit
        case ProfitBasis.MAX_LOSS:
            return mark.max_loss


def next_step(rules: ExitRules, mark: Mark) -> Step:
    """Return what is done next with a package.

    Parameters
    ----------
    rules : ExitRules
        The rules.
    mark : Mark
        The package.

    Returns
    -------
    Step
        That of the first row of `EXIT_TABLE` that holds; a hold where none does. A function of its arguments alone.
    """
    for row in EXIT_TABLE:
        if row.holds(rules, mark):
            return Step(action=row.action, reason=row.reason)
    return _HOLDS


def _times(share: float, amount: float) -> float:
    """Return a share of an amount; infinite where either is, and NaN where the amount is missing."""
    return inf if share == inf else share * amount


def _is_stopped(rules: ExitRules, mark: Mark) -> bool:
    return isfinite(mark.loss) and mark.loss >= stop_loss(rules, mark.entry_price, mark.max_loss)


def _is_near_end(rules: ExitRules, mark: Mark) -> bool:
    return mark.seconds_left <= rules.close_before_end_s and rules.close_before_end_s > 0.0


def _has_target(rules: ExitRules, mark: Mark) -> bool:
    basis = profit_basis(rules, mark)
    return isfinite(basis) and isfinite(mark.loss) and -mark.loss >= _times(rules.profit_target, basis)


def _gave_back(rules: ExitRules, mark: Mark) -> bool:
    armed = mark.best_profit >= rules.trailing_start * profit_basis(rules, mark) and mark.best_profit > 0.0
    return rules.trailing_keep > 0.0 and armed and mark.profit <= rules.trailing_keep * mark.best_profit


def _ran_away(rules: ExitRules, mark: Mark) -> bool:
    moves = abs(mark.atr_moves) if rules.atr_side == 0 else rules.atr_side * mark.atr_moves
    return moves >= rules.atr_multiple


def _is_in_days(days: int, mark: Mark) -> bool:
    """Return whether a rule of days applies: never to what was opened with no more days than that."""
    return mark.days_left <= days < mark.days_at_entry and days > 0


def _broke_out(rules: ExitRules, mark: Mark) -> bool:
    return mark.band > rules.band_high or mark.band < rules.band_low


def _is_unmarked(rules: ExitRules, mark: Mark) -> bool:
    return mark.unmarked_s > rules.mark_timeout_s


def _rolls(rules: ExitRules, mark: Mark) -> bool:
    return rules.rolls and _is_in_days(rules.exit_days, mark)


def _has_delta(rules: ExitRules, mark: Mark) -> bool:
    return abs(mark.delta) >= rules.adjust_delta


def _adjusts_to_band(rules: ExitRules, mark: Mark) -> bool:
    return _broke_out(rules, mark) and _may_adjust(rules, mark)


def _adjusts_to_delta(rules: ExitRules, mark: Mark) -> bool:
    return _has_delta(rules, mark) and _may_adjust(rules, mark)


def _may_adjust(rules: ExitRules, mark: Mark) -> bool:
    return rules.adjusts and mark.adjustments < rules.max_adjustments


_HOLDS: Final = Step(action=NextAction.HOLD)
_R, _A = ExitReason, NextAction
_Row = tuple[int, ExitReason, NextAction, Callable[[ExitRules, Mark], bool], str]
# Operator, data, hard risk, stops, times and profits.
_ENDS: Final[tuple[_Row, ...]] = (
    (1, _R.HALTED, _A.CLOSE, lambda _, m: m.is_halted, "the operator or the dead man's switch has halted trading"),
    (2, _R.BROKEN, _A.CLOSE, lambda _, m: not m.is_whole, "its legs are out of proportion: what is left is closed"),
    (2, _R.MARK_TIMEOUT, _A.CLOSE, _is_unmarked, "no valid mark for longer than `mark_timeout_s`"),
    (3, _R.HARD_RISK, _A.CLOSE, lambda _, m: bool(m.hard_breaches), "a hard limit of the account stands broken"),
    (3, _R.CRASH, _A.CLOSE, lambda r, m: r.closes_in_crash and m.is_crash, "the market regime is CRASH"),
    (4, _R.STOP_LOSS, _A.CLOSE, _is_stopped, "the loss reaches the nearest of the stops"),
    (5, _R.BROKER_CUTOFF, _A.CLOSE, lambda _, m: m.is_past_broker_cutoff, "past `broker_cutoff`, and not settleable"),
    (5, _R.TIME_EXIT, _A.CLOSE, _is_near_end, "within `close_before_end_s` of its last trade"),
    (5, _R.CLOSE_AT, _A.CLOSE, lambda _, m: m.is_past_close_at, "past `close_at` on the day of its expiration"),
    (5, _R.MAX_HOLD, _A.CLOSE, lambda r, m: m.seconds_held >= r.max_hold_s, "held for `max_hold_s`"),
    (6, _R.PROFIT_TARGET, _A.CLOSE, _has_target, "the profit reaches `profit_target` of its basis"),
    (6, _R.TRAILING_STOP, _A.CLOSE, _gave_back, "the marked profit fell to `trailing_keep` of its highest"),
    (6, _R.ATR_STOP, _A.CLOSE, _ran_away, "the underlying went `atr_multiple` true ranges from its price at entry"),
)
# What keeps a position in shape, and what is only told.
_CARE: Final[tuple[_Row, ...]] = (
    (7, _R.DAYS_ROLL, _A.ROLL, _rolls, "`exit_days` or fewer are left, and it rolls"),
    (7, _R.DAYS_EXIT, _A.CLOSE, lambda r, m: _is_in_days(r.exit_days, m), "`exit_days` or fewer are left"),
    (8, _R.BAND_ADJUST, _A.ADJUST, _adjusts_to_band, "the price broke out of its band, and it adjusts"),
    (8, _R.BAND_EXIT, _A.CLOSE, _broke_out, "the price broke out of its band"),
    (8, _R.DELTA_ADJUST, _A.ADJUST, _adjusts_to_delta, "its delta reaches `adjust_delta`, and it adjusts"),
    (8, _R.DELTA_EXIT, _A.CLOSE, _has_delta, "its delta reaches `adjust_delta`"),
    (9, _R.DELTA_HEDGE, _A.HEDGE, lambda _, m: abs(m.delta_excess) > 0.0, "the hedged delta lies beyond its limit"),
    (10, _R.NO_VALID_MARK, _A.MONITOR, lambda _, m: m.unmarked_s > 0.0, "no valid mark, not yet for too long"),
    (10, _R.DAYS_MONITOR, _A.MONITOR, lambda r, m: _is_in_days(r.monitor_days, m), "`monitor_days` or fewer are left"),
)
EXIT_TABLE: Final = tuple(
    ExitRow(rank=rank, reason=reason, action=action, holds=holds, meaning=meaning)
    for rank, reason, action, holds, meaning in (*_ENDS, *_CARE)
)
"""Every way out in the order of precedence (requirements 2.8): of two rows that hold at once the first acts."""

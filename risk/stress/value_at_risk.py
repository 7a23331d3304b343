"""Value at risk and expected shortfall: past days of the market applied to the book as it stands, fully revalued."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import ceil, nan
from typing import Final

import numpy as np

from fields.evidence.resampling import block_weights
from market.chains import BoolArray, FloatArray
from market.errors import ConfigError, DataError
from market.trades import Int64Array
from risk.book import PricedBook
from risk.stress.filtered_moves import filtered_moves
from risk.stress.revaluation import Shocks, TermRule, revalue

__all__ = [
    "MarketMoves",
    "ValueAtRisk",
    "VarConfig",
    "VarMethod",
    "book_var",
    "expected_shortfall",
    "tail_losses",
    "value_at_risk",
]

_SESSIONS_PER_YEAR: Final = 252.0
_DUST: Final = 9  # digits to which a share of days is told: 0.05 x 500 is 25, not a hair more


class VarMethod(StrEnum):
    """Where the moves come from."""

    HISTORICAL = "historical"  # as they were
    FILTERED = "filtered"  # scaled from the volatility of their day to that of now, by GARCH(1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketMoves:
    """Daily moves of underlyings and of the index of their volatility, one row a session.

    Parameters
    ----------
    known_ns : ndarray of int64, shape (n_days,)
        Instant from which a day's move was known, ns since the epoch, UTC, never falling.
    underlyings : tuple of str
        Of the columns.
    spot_return : ndarray, shape (n_days, n_underlyings)
        Simple returns from close to close; NaN where one is missing.
    vol_log : ndarray, shape (n_days, n_underlyings)
        Logarithm of the change of the volatility index of each; NaN where it is missing.

    Raises
    ------
    DataError
        Shapes that do not fit, or instants that fall.
    """

    known_ns: Int64Array
    underlyings: tuple[str, ...]
    spot_return: FloatArray
    vol_log: FloatArray

    def __post_init__(self) -> None:
        shape = (self.known_ns.shape[0], len(self.underlyings))
        if self.spot_return.shape != shape or self.vol_log.shape != shape:
            found = f"{self.spot_return.shape} and {self.vol_log.shape}"
            raise DataError("moves of the market have another shape", found=found, expected=str(shape))
        if (np.diff(self.known_ns) < 0).any():
            raise DataError("days of the market are not in order", expected="instants that never fall")


@dataclass(frozen=True, slots=True, kw_only=True)
class VarConfig:
    """How value at risk is measured.

    Parameters
    ----------
    confidence : float
        Share of days that lose no more, 0.5 to 1.
    horizon_days : int
        Sessions; moves of several are those of overlapping spans.
    window_days : int
        Sessions looked back upon.
    least_tail : float
        Least number of independent spans beyond the quantile; with fewer there is no figure. 2.5 asks for 250 days at
        99 %.
    most_left_out : float
        Largest share of days that may lack a move, counted from the first day that lacks none, 0 to 1: days that are
        missing are those on which markets broke as often as not, and a quantile of the others would know nothing of it.
    method : VarMethod
        Historical, or filtered; filtered knows a horizon of one session only.
    counts_time : bool
        Whether the time of the horizon goes by in the book, 365 / 252 calendar days a session.
    n_draws : int
        Resamples behind the intervals.
    interval : float
        Probability of an interval.
    block_days : int
        Days drawn in one piece, because neighbouring days depend.
    reference_days, shortest_days : float
        As in `risk.stress.revaluation.TermRule`.

    Raises
    ------
    ConfigError
        A number out of its range.
    """

    confidence: float = 0.99
    horizon_days: int = 1
    window_days: int = 1000
    least_tail: float = 2.5
    most_left_out: float = 0.05
    method: VarMethod = VarMethod.HISTORICAL
    counts_time: bool = False
    n_draws: int = 1000
    interval: float = 0.90
    block_days: int = 10
    reference_days: float = 30.0
    shortest_days: float = 7.0

    def __post_init__(self) -> None:
        if not (0.5 <= self.confidence < 1.0 and 0.0 < self.interval < 1.0):  # below, it is no tail
            raise ConfigError(
                "value at risk: a share cannot be",
                found=f"confidence {self.confidence}, interval {self.interval}",
                expected="confidence from 0.5 to 1, interval between 0 and 1",
            )
        if not 0.0 <= self.most_left_out < 1.0:
            raise ConfigError(
                "value at risk: a share cannot be", found=f"most_left_out {self.most_left_out}", expected="0 to 1"
            )
        if min(self.horizon_days, self.window_days, self.n_draws, self.block_days) < 1 or not self.least_tail >= 1.0:
            raise ConfigError("value at risk: a count cannot be", expected="days, draws and least tail of 1 or more")
        if self.method is VarMethod.FILTERED and self.horizon_days != 1:
            raise ConfigError(
                "filtered moves are those of one session",
                found=f"a horizon of {self.horizon_days}",
                expected="1",
                action="use the historical method for longer horizons",
            )


_CONFIG: Final = VarConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueAtRisk:
    """Tail of a book's profit over a horizon.

    Parameters
    ----------
    value_at_risk : float
        Loss that is exceeded on a share of 1 - confidence of the spans, account currency; negative where even that
        quantile is a profit, NaN with a reason.
    expected_shortfall : float
        Mean loss of that share.
    var_low, var_high, shortfall_low, shortfall_high : float
        Interval of each by resampling blocks of days.
    confidence, interval : float
        As in `VarConfig`.
    horizon_days : int
        Sessions.
    method : VarMethod
        Where the moves came from.
    n_days : int
        Spans that were applied.
    n_left_out : int
        Days within the window that lack a move of an underlying that the book holds.
    worst_loss : float
        Largest loss of all spans.
    reason : str
        Why there is no figure.
    """

    value_at_risk: float = nan
    expected_shortfall: float = nan
    var_low: float = nan
    var_high: float = nan
    shortfall_low: float = nan
    shortfall_high: float = nan
    confidence: float
    interval: float
    horizon_days: int
    method: VarMethod
    n_days: int = 0
    n_left_out: int = 0
    worst_loss: float = nan
    reason: str = ""


def value_at_risk(pnl: FloatArray, confidence: float) -> float:
    """Return the loss at a quantile of profits, with the sign of a loss.

    Parameters
    ----------
    pnl : ndarray, shape (n,)
        Profits; NaN makes the figure NaN.
    confidence : float
        Share that loses no more.

    Returns
    -------
    float
        The k-th largest loss, k the smallest whole number of at least ``(1 - confidence) n`` [acerbi_tasche_2002]_.
    """
    return _tail(np.sort(pnl), np.ones(pnl.shape[0]), confidence)[0]


def expected_shortfall(pnl: FloatArray, confidence: float) -> float:
    """Return the mean loss of the worst share of profits.

    Parameters
    ----------
    pnl : ndarray, shape (n,)
        Profits; NaN makes the figure NaN.
    confidence : float
        Share that is left out.

    Returns
    -------
    float
        Mean of the worst ``(1 - confidence) n``, the last of them in part [acerbi_tasche_2002]_; never below
        `value_at_risk`.
    """
    return _tail(np.sort(pnl), np.ones(pnl.shape[0]), confidence)[1]


def _tail(rising: FloatArray, weight: FloatArray, confidence: float) -> tuple[float, float]:
    """Return value at risk and expected shortfall of profits in rising order, each counted so many times."""
    if not rising.size or np.isnan(rising[-1]):  # NaN sorts last
        return nan, nan
    running = np.cumsum(weight)
    tail = round((1.0 - confidence) * float(running[-1]), _DUST)
    place = int(running.searchsorted(tail))
    before = float(running[place - 1]) if place else 0.0
    total = float(weight[:place] @ rising[:place]) + (tail - before) * float(rising[place])
    return -float(rising[place]), -total / tail


def book_var(
    book: PricedBook, moves: MarketMoves, config: VarConfig = _CONFIG, *, rng: np.random.Generator
) -> ValueAtRisk:
    """Measure the tail of a book by what the market did on past days.

    Parameters
    ----------
    book : PricedBook
        Positions as they stand, and what their value depends on.
    moves : MarketMoves
        Past days; only those known by the book's instant count.
    config : VarConfig
        Confidence, horizon, window, method.
    rng : numpy.random.Generator
        For the intervals.

    Returns
    -------
    ValueAtRisk
        Without positions 0. NaN with a reason where a leg cannot be valued, an underlying has no moves, or there are
        too few days.

    Notes
    -----
    Each span gives the return of every underlying and the change of its volatility index, which reaches an option's
    own volatility as a factor to the power of its weight by `TermRule`. What moved together on a day moves together
    here; no correlation is estimated.
    """
    if not book.n_legs:
        return _answer(config, np.zeros(0), 0, reason="")
    pnl, n_left_out, reason = _past_profits(book, moves, config)
    if reason:
        return _answer(config, np.zeros(0), n_left_out, reason=reason)
    return _measured(pnl, config, n_left_out, rng)


def tail_losses(book: PricedBook, moves: MarketMoves, config: VarConfig = _CONFIG) -> tuple[float, float, str]:
    """Return value at risk and expected shortfall as `book_var` does, without their intervals: for a limit.

    Parameters
    ----------
    book : PricedBook
        Positions as they would stand.
    moves : MarketMoves
        Past days; only those known by the book's instant count.
    config : VarConfig
        Confidence, horizon, window, method.

    Returns
    -------
    value_at_risk, expected_shortfall : float
        Account currency; NaN with a reason.
    reason : str
        Why there is no figure; empty where there is.
    """
    if not book.n_legs:
        return 0.0, 0.0, ""
    pnl, _, reason = _past_profits(book, moves, config)
    if reason:
        return nan, nan, reason
    return value_at_risk(pnl, config.confidence), expected_shortfall(pnl, config.confidence), ""


def _past_profits(book: PricedBook, moves: MarketMoves, config: VarConfig) -> tuple[FloatArray, int, str]:
    """Return the book's profit in each span of past days, how many days were left out, and why there is none."""
    spot_return, vol_log, n_left_out, reason = _spans(book, moves, config)
    if not reason and config.method is VarMethod.FILTERED:
        spot_return, vol_log, reason = filtered_moves(spot_return, vol_log)
    if reason:
        return np.zeros(0), n_left_out, reason
    shocks = Shocks.none(*spot_return.shape)
    shocks.spot_return[:], shocks.vol_log_scaled[:] = spot_return, vol_log
    if config.counts_time:
        shocks.years[:] = config.horizon_days / _SESSIONS_PER_YEAR
    terms = TermRule(reference_days=config.reference_days, shortest_days=config.shortest_days)
    found = revalue(book, shocks, terms=terms)
    broken = np.flatnonzero(np.isnan(found.pnl))
    return found.pnl, n_left_out, found.reason(book, int(broken[0])) if broken.size else ""


def _spans(book: PricedBook, moves: MarketMoves, config: VarConfig) -> tuple[FloatArray, FloatArray, int, str]:
    """Return moves of the book's underlyings over spans of the horizon, what was left out, and why there are none."""
    empty = np.zeros((0, len(book.underlyings)))
    lost = sorted(set(book.underlyings) - set(moves.underlyings))
    if lost:
        return empty, empty, 0, f"no past days of {', '.join(lost)}"
    columns = [moves.underlyings.index(name) for name in book.underlyings]
    past = np.flatnonzero(moves.known_ns <= book.ts_event_ns)[-config.window_days :]
    spot, vol = moves.spot_return[past][:, columns], moves.vol_log[past][:, columns].copy()
    vol[:, ~_with_options(book)] = 0.0  # what has no option needs no volatility
    complete = np.isfinite(spot).all(axis=1) & np.isfinite(vol).all(axis=1)
    spot, vol, left_out = spot[complete], vol[complete], int((~complete).sum())
    n_days = spot.shape[0]
    holes = complete.shape[0] - int(complete.argmax()) - n_days if n_days else 0  # since the first complete day
    if holes > config.most_left_out * (holes + n_days):
        few = f"{config.most_left_out:.0%} may"
        return empty, empty, left_out, f"{holes} of {holes + n_days} past days lack a move, at most {few}"
    n_spans = n_days - config.horizon_days + 1
    tail = (1.0 - config.confidence) * n_spans / config.horizon_days
    if round(tail, _DUST) < config.least_tail:
        needed = ceil(round(config.least_tail * config.horizon_days / (1.0 - config.confidence), _DUST))
        return empty, empty, left_out, f"{max(n_spans, 0)} past days with all moves, {needed} are needed"
    if config.horizon_days > 1:
        spot, vol = (_summed(each, config.horizon_days) for each in (np.log1p(spot), vol))
        spot = np.expm1(spot)
    return spot, vol, left_out, ""


def _with_options(book: PricedBook) -> BoolArray:
    found = np.zeros(len(book.underlyings), dtype=np.bool_)
    found[book.underlying[book.is_option]] = True
    return found


def _summed(rows: FloatArray, length: int) -> FloatArray:
    windows = np.lib.stride_tricks.sliding_window_view(rows, length, axis=0)
    found: FloatArray = windows.sum(axis=-1)
    return found


def _measured(pnl: FloatArray, config: VarConfig, n_left_out: int, rng: np.random.Generator) -> ValueAtRisk:
    order = np.argsort(pnl, kind="stable")
    rising, places = pnl[order], np.arange(pnl.size, dtype=np.int64)
    run = max(config.block_days, config.horizon_days)
    drawn = [
        _tail(rising, weights[order], config.confidence)
        for part in block_weights(places, n_draws=config.n_draws, rng=rng, run=min(run, pnl.size))
        for weights in part
    ]
    sides = (0.5 * (1.0 - config.interval), 0.5 * (1.0 + config.interval))
    (var_low, shortfall_low), (var_high, shortfall_high) = np.quantile(np.array(drawn), sides, axis=0).tolist()
    value, shortfall = _tail(rising, np.ones(pnl.size), config.confidence)
    return ValueAtRisk(
        value_at_risk=value,
        expected_shortfall=shortfall,
        var_low=var_low,
        var_high=var_high,
        shortfall_low=shortfall_low,
        shortfall_high=shortfall_high,
        confidence=config.confidence,
        interval=config.interval,
        horizon_days=config.horizon_days,
        method=config.method,
        n_days=int(pnl.size),
        n_left_out=n_left_out,
        worst_loss=-float(rising[0]),
    )


def _answer(config: VarConfig, pnl: FloatArray, n_left_out: int, *, reason: str) -> ValueAtRisk:
    figure = nan if reason else 0.0
    return ValueAtRisk(
        value_at_risk=figure,
        expected_shortfall=figure,
        var_low=figure,
        var_high=figure,
        shortfall_low=figure,
        shortfall_high=figure,
        confidence=config.confidence,
        interval=config.interval,
        horizon_days=config.horizon_days,
        method=config.method,
        n_days=int(pnl.size),
        n_left_out=n_left_out,
        worst_loss=figure,
        reason=reason,
    )

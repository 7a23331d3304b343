"""What signals foretold: later returns ranked out of sample against a baseline, by the evidence harness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.metrics.days import DayEnds, days_of
from fields.evidence.multiplicity import holm_adjusted
from fields.evidence.plan import Horizon, Hypothesis, StudyPlan, StudySample, Target
from fields.evidence.study import StudyResult, run_study
from market.chains import FloatArray
from market.errors import DataError
from market.trades import Int64Array

__all__ = ["BASELINE", "SignalScore", "SignalTable", "score_signals", "signal_sample"]

BASELINE: Final = ("day_return", "previous_day_return")
"""What any signal must beat: the returns of the day so far and of the day before, which know momentum and reversal."""

_HALF_HOUR_NS: Final = 1_800_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalTable:
    """Signals on common instants.

    Parameters
    ----------
    known_ns : ndarray of int64, shape (n,)
        Instant from which each row is known, ns since the epoch, UTC, rising.
    value : ndarray, shape (n, n_signals)
        NaN where missing.
    names : tuple of str
        Of the signals.
    signs : tuple of int
        +1 where a high value is said to foretell a rise, -1 a fall; fixed before any result.
    """

    known_ns: Int64Array
    value: FloatArray
    names: tuple[str, ...]
    signs: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.value.shape != (self.known_ns.size, len(self.names)) or len(self.signs) != len(self.names):
            raise DataError(
                "a table of signals does not fit its names",
                found=f"{self.value.shape}, {len(self.signs)} signs",
                expected=f"({self.known_ns.size}, {len(self.names)})",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalScore:
    """The study of some signals, and what remains of each beside the others.

    Parameters
    ----------
    study : StudyResult
        Baseline, signal alone, and both, out of sample with intervals.
    p_holm : tuple of float
        Of the claim that the signal adds to the baseline, for all signals together; NaN where it could not be tested.
    """

    study: StudyResult
    p_holm: tuple[float, ...]


def _exits(ts_ns: Int64Array, entry: Int64Array, days: DayEnds, horizon: Horizon) -> Int64Array:
    # Place of the price that ends each row's return; -1 where the data end before.
    own_day = np.searchsorted(days.place, entry)
    last_of_day = days.place[np.minimum(own_day, days.place.size - 1)]
    if horizon is Horizon.REST_OF_DAY:
        return np.where(last_of_day > entry, last_of_day, -1)
    if horizon is Horizon.NEXT_DAY:
        following = np.minimum(own_day + 1, days.place.size - 1)
        return np.where(own_day + 1 < days.place.size, days.place[following], -1)
    after = np.searchsorted(ts_ns, ts_ns[entry] + _HALF_HOUR_NS)
    return np.where(after <= last_of_day, after, -1)


def signal_sample(
    signals: SignalTable, price_ns: Int64Array, price: FloatArray, *, horizon: Horizon, calendar: str
) -> StudySample:
    """Return the rows of a study: signals, baseline, and the log returns that came later.

    Parameters
    ----------
    signals : SignalTable
        What was said.
    price_ns : ndarray of int64, shape (n_prices,)
        Instants from which prices were available, ns since the epoch, UTC, rising.
    price : ndarray, shape (n_prices,)
        Prices at which one could have traded, > 0.
    horizon : Horizon
        Until when: half an hour within the day, the last price of the day, or of the next one.
    calendar : str
        As `backtest.metrics.days.days_of`.

    Returns
    -------
    StudySample
        A return begins at the first price *after* the signal was known. It is NaN where the data end before.
    """
    if price_ns.shape != price.shape or not price.size or not (price > 0.0).all() or (np.diff(price_ns) <= 0).any():
        raise DataError("prices for signals cannot be", found=str(price.shape), expected="rising instants, prices > 0")
    days, log_price = days_of(price_ns, calendar), np.log(price)
    last = price.size - 1
    entry = np.searchsorted(price_ns, signals.known_ns, side="right")
    place = np.minimum(entry, last)
    exit_place = np.where(entry <= last, _exits(price_ns, place, days, horizon), -1)
    known = exit_place > 0
    seen = entry - 1
    return StudySample(
        session=np.searchsorted(days.place, place),
        known_ns=signals.known_ns,
        outcome_ns=np.where(known, price_ns[exit_place], signals.known_ns + 1),
        block=np.searchsorted(days.place, place),
        outcome=np.where(known, log_price[exit_place] - log_price[place], np.nan),
        baseline=_baseline(log_price, seen, days),
        baseline_names=BASELINE,
        field=signals.value,
        field_names=signals.names,
    )


def _baseline(log_price: FloatArray, seen: Int64Array, days: DayEnds) -> FloatArray:
    # From the newest price at or before the signal: the day's own return, and the last whole day's.
    closes = np.concatenate([[np.nan, np.nan], log_price[days.place]])
    day = np.searchsorted(days.place, np.maximum(seen, 0))
    table = np.column_stack([log_price[np.maximum(seen, 0)] - closes[day + 1], closes[day + 1] - closes[day]])
    return np.where((seen >= 0)[:, None], table, np.nan)


def score_signals(
    signals: SignalTable,
    price_ns: Int64Array,
    price: FloatArray,
    *,
    horizon: Horizon,
    calendar: str,
    first_train_sessions: int = 60,
    refit_sessions: int = 20,
    n_draws: int = 1_000,
    seed: int = 1,
) -> SignalScore:
    """Score signals against the direction of later returns.

    Parameters
    ----------
    signals, price_ns, price, horizon, calendar : SignalTable, ndarray, ndarray, Horizon, str
        As `signal_sample`.
    first_train_sessions, refit_sessions : int
        Days before the first prediction, and days predicted by one fit.
    n_draws, seed : int
        Resamples of days, and the seed of chance.

    Returns
    -------
    SignalScore
        Walk-forward, purged of outcomes that reach into the predicted days, with an embargo of one day. A direction
        that is foretold is not yet a profit: costs and the size of the moves stand in the backtest.
    """
    plan = StudyPlan(
        name="signals",
        target=Target.DIRECTION,
        horizon=horizon,
        baseline=BASELINE,
        hypotheses=tuple(
            Hypothesis(name=name, sign=sign) for name, sign in zip(signals.names, signals.signs, strict=True)
        ),
        first_train_sessions=first_train_sessions,
        refit_sessions=refit_sessions,
        n_draws=n_draws,
        seed=seed,
    )
    study = run_study(plan, signal_sample(signals, price_ns, price, horizon=horizon, calendar=calendar))
    adjusted = holm_adjusted(np.array([finding.adds_p_value for finding in study.findings]))
    return SignalScore(study=study, p_holm=tuple(float(p) for p in adjusted))

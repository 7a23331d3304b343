"""What is listed on a session: expirations, strikes and the board that holds all symbols' contracts in flat arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.config import SimulatedSymbol
from adapters.simulated.valuation import Rates, Smile
from market.calendars import Session, expiry_series, sessions_between
from market.chains import BoolArray, FloatArray, IntArray
from market.instruments import ExpirySeries

__all__ = [
    "Board",
    "Listed",
    "build_board",
    "listed_expirations",
    "merged_strikes",
    "roundness_of",
    "sessions_ahead",
    "strikes_around",
]

# Strikes reach this many standard deviations, and at least this log distance, below and above the money.
_PUT_REACH, _CALL_REACH = 6.0, 4.5
_PUT_FLOOR, _CALL_FLOOR = 0.10, 0.05
_COARSE = 5
# The sessions on whose close PM-settled series settle.
_CALENDAR = "NYSE"
_FINE_STEPS = 12

Listed = dict[tuple[int, date], FloatArray]
"""Strikes with open positions that must stay listed, by place of the symbol and expiration."""


@lru_cache(maxsize=64)
def sessions_ahead(day: date, months: int) -> tuple[Session, ...]:
    """Return the sessions from a day until some months later.

    Parameters
    ----------
    day : datetime.date
        First date.
    months : int
        Reach, months of 31 days.

    Returns
    -------
    tuple of Session
        In time order.
    """
    return sessions_between(_CALENDAR, day, day + timedelta(days=31 * months))


@lru_cache(maxsize=64)
def listed_expirations(day: date, n_daily: int, n_weekly: int, n_monthly: int) -> tuple[date, ...]:
    """Return the expirations that are listed on a session.

    Parameters
    ----------
    day : datetime.date
        The session.
    n_daily, n_weekly, n_monthly : int
        Counts, as in `SimulatedSymbol`.

    Returns
    -------
    tuple of datetime.date
        Rising, of length ``n_daily + n_weekly + n_monthly``: the next sessions from `day` on, then last sessions of
        the following weeks, then last sessions of the weeks of the following third Fridays. An expiration that is
        listed once stays listed until it expires.
    """
    days = [s.day for s in sessions_ahead(day, _months(n_daily, n_weekly, n_monthly))]
    daily = days[:n_daily]
    last_of_week = {d.isocalendar()[:2]: d for d in days}
    after_daily = [d for d in last_of_week.values() if not daily or d > daily[-1]]
    weekly = after_daily[:n_weekly]
    newest = (daily + weekly)[-1:] or [day - timedelta(days=1)]
    monthly = [d for d in after_daily if d > newest[0] and _holds_third_friday(d)][:n_monthly]
    return tuple(daily + weekly + monthly)


def _months(n_daily: int, n_weekly: int, n_monthly: int) -> int:
    # Two more than needed: the last week of the reach may be cut, and the third Friday of this month may have passed.
    return n_monthly + 2 + (n_daily + 5 * n_weekly) // 20


def _holds_third_friday(last_session_of_week: date) -> bool:
    friday = last_session_of_week + timedelta(days=4 - last_session_of_week.weekday())
    return 15 <= friday.day <= 21


def strikes_around(spot: float, deviation: float, count: int, step: float) -> FloatArray:
    """Return the strikes of a newly listed expiration.

    Parameters
    ----------
    spot : float
        Price, USD.
    deviation : float
        Standard deviation of the log price to expiry.
    count : int
        Strikes.
    step : float
        Smallest distance, USD.

    Returns
    -------
    ndarray, shape (count,)
        Rising multiples of `step`, dense near the money, farther down than up; beyond 12 steps from the money they are
        multiples of 5 steps where the count allows it.
    """
    down = max(_PUT_REACH * deviation, _PUT_FLOOR)
    up = max(_CALL_REACH * deviation, _CALL_FLOOR)
    u = np.linspace(-1.0, 1.0, count)
    reach = np.where(u < 0.0, down, up) * (0.3 * u + 0.7 * u**3)
    places = np.maximum(np.rint(spot * np.exp(reach) / step), 1.0).astype(np.int64)
    centre = count // 2
    offset = np.arange(count)
    # Strictly rising away from the money, so that rounding to the step cannot merge two strikes.
    places[centre:] = np.maximum.accumulate(places[centre:] - offset[centre:]) + offset[centre:]
    below = places[: centre + 1][::-1] + offset[: centre + 1]
    places[: centre + 1] = (np.minimum.accumulate(below) - offset[: centre + 1])[::-1]
    places = places + max(0, 1 - int(places[0]))
    far = np.abs(places - places[centre]) > _FINE_STEPS
    coarse = np.where(far, _COARSE * np.maximum(np.rint(places / _COARSE), 1.0).astype(np.int64), places)
    chosen = coarse if bool(np.all(np.diff(coarse) > 0)) else places
    return np.asarray(chosen * step, dtype=np.float64)


def merged_strikes(kept: FloatArray, ideal: FloatArray) -> FloatArray:
    """Return strikes that must stay together with those of a new listing that are not near one of them.

    Parameters
    ----------
    kept : ndarray, shape (n_kept,)
        Rising, may be empty.
    ideal : ndarray, shape (n_ideal,)
        From `strikes_around`.

    Returns
    -------
    ndarray
        Rising.
    """
    if not kept.size:
        return ideal
    gap = np.gradient(ideal)
    nearest = np.min(np.abs(ideal[:, None] - kept[None, :]), axis=1)
    # Without the margin each night's new money would add a strike beside each old one.
    return np.union1d(kept, ideal[nearest > 0.6 * gap])


def roundness_of(steps: NDArray[np.int64]) -> FloatArray:
    """Return the attraction of strikes of so many steps, shape (n_strikes,), >= 1: round ones draw more trades."""
    roundness: FloatArray = 1.0 + 1.5 * (steps % 5 == 0) + 2.5 * (steps % 20 == 0)
    return roundness


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All contracts of all symbols on one session, flat; symbols, series and strikes are contiguous.

    Parameters
    ----------
    session : Session
        The session.
    series : tuple of tuple of ExpirySeries
        Per symbol.
    series_bounds, strike_bounds : ndarray of int64, shape (n_symbols + 1,)
        Where each symbol's series and strikes begin.
    symbol_of_series : ndarray of int64, shape (n_series,)
        Place of the symbol.
    expiry_ns, sessions_left : ndarray of int64, shape (n_series,)
        Expiry instant; sessions between this one and the settlement's.
    series_of, symbol_of : ndarray of int64, shape (n_strikes,)
        Series and symbol of each strike.
    strike, log_strike : ndarray, shape (n_strikes,)
        Strikes and logarithms.
    roundness : ndarray, shape (n_strikes,)
        Attraction of round strikes, >= 1.
    series_index : ndarray of int32, shape (2 n_strikes,)
        Place of each contract's series within its symbol.
    is_call : ndarray of bool, shape (2 n_strikes,)
        Calls stand at even places.
    contract_strike : ndarray, shape (2 n_strikes,)
        Strike of each contract.
    names : ndarray of bytes, shape (2 n_strikes,)
        Contract symbols, OCC style.
    smile : Smile
        Volatility model per series.
    rates : Rates
        Carry per series.
    """

    session: Session
    series: tuple[tuple[ExpirySeries, ...], ...]
    series_bounds: NDArray[np.int64]
    strike_bounds: NDArray[np.int64]
    symbol_of_series: NDArray[np.int64]
    expiry_ns: NDArray[np.int64]
    sessions_left: NDArray[np.int64]
    series_of: NDArray[np.int64]
    symbol_of: NDArray[np.int64]
    strike: FloatArray
    log_strike: FloatArray
    roundness: FloatArray
    series_index: IntArray
    is_call: BoolArray
    contract_strike: FloatArray
    names: NDArray[np.bytes_]
    smile: Smile
    rates: Rates

    @property
    def n_contracts(self) -> int:
        """Contracts of all symbols."""
        return 2 * int(self.strike.size)

    def contracts_of(self, place: int) -> slice:
        """Return where a symbol's contracts stand."""
        return slice(2 * int(self.strike_bounds[place]), 2 * int(self.strike_bounds[place + 1]))

    def series_slice(self, place: int) -> slice:
        """Return where a symbol's series stand."""
        return slice(int(self.series_bounds[place]), int(self.series_bounds[place + 1]))


def build_board(symbols: Sequence[SimulatedSymbol], *, session: Session, spot: FloatArray, listed: Listed) -> Board:
    """List the contracts of a session.

    Parameters
    ----------
    symbols : sequence of SimulatedSymbol
        All underlyings.
    session : Session
        The session.
    spot : ndarray, shape (n_symbols,)
        Prices around which new strikes are listed.
    listed : dict
        Strikes that must stay.

    Returns
    -------
    Board
        The flat arrays; read-only.
    """
    series: list[tuple[ExpirySeries, ...]] = []
    strikes: list[FloatArray] = []
    ahead: list[int] = []
    months = max(_months(s.n_daily, s.n_weekly, s.n_monthly) for s in symbols)
    days = [s.day for s in sessions_ahead(session.day, months)]
    place_of_day = {day: n for n, day in enumerate(days)}
    for place, item in enumerate(symbols):
        expirations = listed_expirations(session.day, item.n_daily, item.n_weekly, item.n_monthly)
        series.append(tuple(expiry_series(item.product, day) for day in expirations))
        for day in expirations:
            deviation = item.volatility * np.sqrt((place_of_day[day] + 0.75) / 252.0)
            ideal = strikes_around(float(spot[place]), float(deviation), item.strikes_each, item.strike_step)
            strikes.append(merged_strikes(listed.get((place, day), np.empty(0)), ideal))
            ahead.append(place_of_day[day])
    return _flat(symbols, session, tuple(series), strikes, np.array(ahead, dtype=np.int64))


def _flat(
    symbols: Sequence[SimulatedSymbol],
    session: Session,
    series: tuple[tuple[ExpirySeries, ...], ...],
    strikes: list[FloatArray],
    ahead: NDArray[np.int64],
) -> Board:
    counts = np.array([len(item) for item in series])
    bounds = np.concatenate(([0], np.cumsum(counts)))
    symbol_of_series = np.repeat(np.arange(len(symbols)), counts)
    sizes = np.array([item.size for item in strikes])
    strike_ends = np.concatenate(([0], np.cumsum(sizes)))
    series_of = np.repeat(np.arange(len(strikes)), sizes)
    strike = np.concatenate(strikes)
    symbol_of = symbol_of_series[series_of]
    ticks = np.rint(strike / _of(symbols, "strike_step")[symbol_of]).astype(np.int64)

    def per_series(name: str) -> FloatArray:
        return _of(symbols, name)[symbol_of_series]

    board = Board(
        session=session,
        series=series,
        series_bounds=bounds,
        strike_bounds=strike_ends[bounds],
        symbol_of_series=symbol_of_series,
        expiry_ns=np.array([s.expiry_ns for item in series for s in item], dtype=np.int64),
        sessions_left=ahead,
        series_of=series_of,
        symbol_of=symbol_of,
        strike=strike,
        log_strike=np.log(strike),
        roundness=roundness_of(ticks),
        series_index=np.repeat((series_of - bounds[:-1][symbol_of]).astype(np.int32), 2),
        is_call=np.tile(np.array([True, False]), strike.size),
        contract_strike=np.repeat(strike, 2),
        names=_names([s for item in series for s in item], strikes),
        smile=Smile(
            long_run=per_series("volatility"),
            reversion=per_series("vol_reversion"),
            rho=per_series("skew"),
            eta=per_series("smile_width"),
        ),
        rates=Rates(rate=per_series("rate"), dividend_yield=per_series("dividend_yield")),
    )
    for array in (board.series_index, board.is_call, board.contract_strike, board.names):
        array.setflags(write=False)
    return board


def _of(symbols: Sequence[SimulatedSymbol], name: str) -> FloatArray:
    return np.array([getattr(item, name) for item in symbols], dtype=np.float64)


def _names(series: list[ExpirySeries], strikes: list[FloatArray]) -> NDArray[np.bytes_]:
    names: list[bytes] = []
    for item, values in zip(series, strikes, strict=True):
        head = f"{item.product.root}{item.expiration:%y%m%d}"
        for thousandths in np.rint(values * 1_000.0).astype(np.int64).tolist():
            names += [f"{head}C{thousandths:08d}".encode(), f"{head}P{thousandths:08d}".encode()]
    return np.array(names)

"""What options on a coin are listed, and what they are worth."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.coin_config import SimulatedCoin
from adapters.simulated.dynamics import Carry, DynamicsTable, value_series
from adapters.simulated.listing import merged_strikes, roundness_of, strikes_around
from adapters.simulated.quotes import quote
from adapters.simulated.valuation import YEAR_NS, Valuation
from market.calendars import expiry_series
from market.chains import FloatArray
from market.clock import datetime_of_ns
from market.instruments import ExpirySeries
from market.trades import ContractTable

__all__ = ["CoinBoard", "coin_expirations", "kept_places", "list_options", "option_quotes", "value_options"]

_FRIDAY: Final = 4
_QUARTER: Final = 3
# Strikes of the far expirations reach no farther than these, log price: from a sixth to four times the money.
_WIDEST: Final = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinBoard:
    """The options on one coin that are listed, in order of expiry and strike; the call of a strike before its put.

    Parameters
    ----------
    series : tuple of ExpirySeries
        Expirations.
    expiry_ns : ndarray of int64, shape (n_series,)
        When they end, ns since the epoch, UTC.
    series_of, symbol_of : ndarray of int64, shape (n_strikes,)
        Series of each strike; zeros, for one coin.
    strike_bounds : ndarray of int64, shape (2,)
        Zero and the number of strikes.
    log_strike, roundness : ndarray, shape (n_strikes,)
        Logarithms of the strikes, and the attraction of round ones.
    table : ContractTable
        The contracts.
    names : ndarray of bytes, shape (2 n_strikes,)
        As Deribit writes them.
    """

    series: tuple[ExpirySeries, ...]
    expiry_ns: NDArray[np.int64]
    series_of: NDArray[np.int64]
    symbol_of: NDArray[np.int64]
    strike_bounds: NDArray[np.int64]
    log_strike: FloatArray
    roundness: FloatArray
    table: ContractTable
    names: NDArray[np.bytes_]

    @property
    def n_contracts(self) -> int:
        """Number of contracts."""
        return self.table.n_contracts


def coin_expirations(now_ns: int, coin: SimulatedCoin) -> tuple[date, ...]:
    """Return the days on whose 08:00 UTC options end that are listed at an instant.

    Parameters
    ----------
    now_ns : int
        Instant, ns since the epoch, UTC; what ends at it is not listed any more.
    coin : SimulatedCoin
        How many of which kind.

    Returns
    -------
    tuple of datetime.date
        Rising. A day that is listed stays listed until it has come.
    """
    today = datetime_of_ns(now_ns).date()
    first = today if expiry_series(coin.product, today).expiry_ns > now_ns else today + timedelta(days=1)
    fridays = [first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 7 * n) for n in range(coin.n_weekly)]
    # One month more than asked for: this month's last Friday may have passed.
    months = [_last_friday(first, ahead) for ahead in range(_QUARTER * (coin.n_quarterly + 1) + coin.n_monthly + 1)]
    months = [day for day in months if day >= first]
    quarters = [day for day in months if day.month % _QUARTER == 0]
    daily = [first + timedelta(days=n) for n in range(coin.n_daily)]
    return tuple(sorted({*daily, *fridays, *months[: coin.n_monthly], *quarters[: coin.n_quarterly]}))


def _last_friday(day: date, months_ahead: int) -> date:
    year, month = divmod(12 * day.year + day.month - 1 + months_ahead, 12)
    last = date(year, month + 1, monthrange(year, month + 1)[1])
    return last - timedelta(days=(last.weekday() - _FRIDAY) % 7)


def list_options(coin: SimulatedCoin, *, now_ns: int, index: float, held: Mapping[date, FloatArray]) -> CoinBoard:
    """List the options of a coin.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    now_ns : int
        Instant, ns since the epoch, UTC.
    index : float
        Price around which new strikes are listed, USD.
    held : mapping of datetime.date to ndarray
        Strikes by expiration that must stay listed.

    Returns
    -------
    CoinBoard
        Read-only arrays.
    """
    series = tuple(expiry_series(coin.product, day) for day in coin_expirations(now_ns, coin))
    strikes = []
    for item in series:
        deviation = min(coin.perpetual.volatility * ((item.expiry_ns - now_ns) / YEAR_NS) ** 0.5, _WIDEST)
        ideal = strikes_around(index, deviation, coin.strikes_each, coin.strike_step)
        strikes.append(merged_strikes(held.get(item.expiration, np.zeros(0)), ideal))
    strike = np.concatenate(strikes)
    series_of = np.repeat(np.arange(len(series), dtype=np.int64), [item.size for item in strikes])
    return CoinBoard(
        series=series,
        expiry_ns=np.array([item.expiry_ns for item in series], dtype=np.int64),
        series_of=series_of,
        symbol_of=np.zeros_like(series_of),
        strike_bounds=np.array([0, strike.size], dtype=np.int64),
        log_strike=np.log(strike),
        roundness=roundness_of(np.rint(strike / coin.strike_step).astype(np.int64)),
        table=ContractTable(
            series=series,
            series_index=np.repeat(series_of.astype(np.int32), 2),
            strike=np.repeat(strike, 2),
            is_call=np.tile([True, False], strike.size),
        ),
        names=_names(coin, series, strikes),
    )


def _names(coin: SimulatedCoin, series: tuple[ExpirySeries, ...], strikes: list[FloatArray]) -> NDArray[np.bytes_]:
    names = []
    for item, values in zip(series, strikes, strict=True):
        day = item.expiration
        head = f"{coin.symbol}-{day.day}{day:%b%y}".upper()
        names += [f"{head}-{strike:g}-{side}" for strike in values.tolist() for side in "CP"]
    return np.array(names).astype(np.bytes_)


def kept_places(old: CoinBoard, new: CoinBoard) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places in the old and in the new board of the contracts that live on, each of shape (n_common,)."""
    places = {name: place for place, name in enumerate(new.names.tolist())}
    found = np.array([places.get(name, -1) for name in old.names.tolist()], dtype=np.int64)
    source = np.flatnonzero(found >= 0)
    return source, found[source]


def value_options(
    coin: SimulatedCoin, board: CoinBoard, table: DynamicsTable, *, now_ns: int, index: float, variance: float
) -> Valuation:
    """Value the options under the dynamics of the coin's index.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    board : CoinBoard
        What is listed; everything ends after `now_ns`.
    table : DynamicsTable
        Dynamics of the one coin.
    now_ns : int
        Instant, ns since the epoch, UTC.
    index, variance : float
        Price of the index, USD, and its variance per year of 365 days.

    Returns
    -------
    Valuation
        Undiscounted: premiums earn no interest.
    """
    tau = (board.expiry_ns - now_ns) / YEAR_NS
    rows = np.zeros(tau.size, dtype=np.int64)
    carry = Carry(
        forward=index * np.exp(coin.carry * tau),
        discount=np.ones_like(tau),
        tau=tau,
        spot=np.full_like(tau, index),
    )
    model = table.model(rows, np.full_like(tau, variance))
    return value_series(model, carry, variance_time=tau, log_strike=board.log_strike, series_of=board.series_of)


def option_quotes(coin: SimulatedCoin, board: CoinBoard, value: Valuation) -> tuple[FloatArray, FloatArray]:
    """Return bid and ask of every contract, USD per coin, shape (n_contracts,); on ticks of the coin where that pays.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    board : CoinBoard
        What is listed.
    value : Valuation
        From `value_options`.
    """
    # All in units of the forward where premiums are in the coin, so that ticks and the spread's rule fit both.
    unit = value.forward[board.table.series_index] if coin.is_inverse else np.ones(board.n_contracts)
    spot = value.forward[board.table.series_index] / unit
    scaled = replace(value, price=value.price / unit, vega=value.vega / unit)
    tick = np.full(board.n_contracts, coin.option_tick)
    bid, ask = quote(
        scaled,
        spot=spot,
        tau=value.tau[board.table.series_index],
        tick=tick,
        tick_above_3=tick,
        spread=np.full(board.n_contracts, coin.spread),
    )
    return bid * unit, ask * unit

"""Days of a simulated market: daily bars, a volatility index of its chains, and the days that it lived before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from math import isfinite
from typing import Final

import msgspec
import numpy as np

from adapters.simulated import SimulatedMarket, SimulatedMarketConfig
from adapters.simulated.state import MarketState
from fields.volatility_index import volatility_index
from market.bars import BarBatch
from market.calendars import Session, sessions_between
from market.chains import OptionChain
from market.errors import ConfigError
from market.provenance import Provenance
from market.series import SeriesBatch, SeriesUnit
from market.trades import UNDERLYING, ContractTable

__all__ = [
    "INDEX_DAYS",
    "SimulatedDay",
    "daily_bars",
    "day_of",
    "index_levels",
    "index_series",
    "lived_before",
    "sessions_before",
]

INDEX_DAYS: Final = {"VIX": 30.0, "VIX9D": 9.0}
"""Names of the indices of a chain, and their horizons in days."""
_WARM_STEP_S: Final = 1_800.0


class SimulatedDay(msgspec.Struct, array_like=True):
    """One session of one symbol, from its open to the print that settles what expires."""

    start_ns: int
    end_ns: int
    open: float
    high: float
    low: float
    close: float


def index_levels(chain: OptionChain) -> list[float]:
    """Return the indices of `INDEX_DAYS`, points; NaN where the chain does not tell one."""
    return list(volatility_index(chain, tuple(INDEX_DAYS.values())))


def sessions_before(first: Session, count: int) -> tuple[Session, ...]:
    """Return so many sessions before one."""
    found = sessions_between("NYSE", first.day - timedelta(days=10 + 2 * count), first.day - timedelta(days=1))
    return found[len(found) - count :]


def lived_before(
    config: SimulatedMarketConfig, sessions: Sequence[Session]
) -> tuple[MarketState, dict[str, list[SimulatedDay]]]:
    """Let a market live through some sessions in steps of half an hour.

    Parameters
    ----------
    config : SimulatedMarketConfig
        The market; a path that leads it begins only afterwards.
    sessions : sequence of Session
        One or more.

    Returns
    -------
    state : MarketState
        At the open of the next session.
    days : dict of str to list of SimulatedDay
        By symbol.
    """
    warm = replace(config, start_ns=sessions[0].open_ns, step_s=_WARM_STEP_S, scenario=None)
    market = SimulatedMarket(warm)
    days: dict[str, list[SimulatedDay]] = {name: [] for name in market.names}
    for session in sessions:
        spots: list[list[float]] = []
        while market.now_ns < session.close_ns:
            spots.append([chain.spot_last for chain in market.chains()])
            market.step()
        settled = {item.symbol: item.price for item in market.settlements}
        for name, shown in zip(market.names, zip(*spots, strict=True), strict=True):
            close = settled.get(name, shown[-1])
            days[name].append(_day(session.open_ns, session.close_ns, (*shown, close)))
    state = market.checkpoint()
    state.sequence = 0
    return state, days


def _day(start_ns: int, end_ns: int, prices: Sequence[float]) -> SimulatedDay:
    known = [price for price in prices if isfinite(price)]
    if not known:
        raise ConfigError("a simulated session has no price", found=f"the session that ends at {end_ns} ns")
    return SimulatedDay(
        start_ns=start_ns, end_ns=end_ns, open=known[0], high=max(known), low=min(known), close=known[-1]
    )


def day_of(ts_ns: Sequence[int], spot: Sequence[float], close_ns: int, settlement: float) -> SimulatedDay:
    """Return the day of a recorded session."""
    return _day(ts_ns[0], close_ns, (*spot, settlement))


def daily_bars(symbol: str, days: Sequence[SimulatedDay], provenance: Provenance) -> BarBatch:
    """Return one bar a session; high and low are those of the prices that were shown.

    Parameters
    ----------
    symbol : str
        Underlying.
    days : sequence of SimulatedDay
        In time order, one or more.
    provenance : Provenance
        With the simulated mark.

    Returns
    -------
    BarBatch
        Without volume.
    """
    n = len(days)
    missing = np.full(n, np.nan)
    prices = {name: np.array([getattr(day, name) for day in days]) for name in ("open", "high", "low", "close")}
    return BarBatch(
        symbol=symbol,
        ts_event_ns=days[-1].end_ns,
        cause_id=f"{provenance.origin}:daily",
        provenance=provenance,
        contracts=ContractTable.empty(),
        contract=np.full(n, UNDERLYING, dtype=np.int32),
        start_ns=np.array([day.start_ns for day in days], dtype=np.int64),
        end_ns=np.array([day.end_ns for day in days], dtype=np.int64),
        volume=missing,
        vwap=missing,
        n_trades=missing,
        **prices,
    )


def index_series(
    symbol: str, ts_ns: Sequence[int], levels: Sequence[Sequence[float]], provenance: Provenance
) -> tuple[SeriesBatch, ...]:
    """Return the volatility indices of a symbol's chains, known from the chains' instants.

    Parameters
    ----------
    symbol : str
        Underlying; the series are called ``SIM.SPX.VIX`` and so on.
    ts_ns : sequence of int
        Instants of the chains, ns since the epoch, UTC.
    levels : sequence of sequence of float
        Of each chain, as `index_levels`.
    provenance : Provenance
        With the simulated mark.

    Returns
    -------
    tuple of SeriesBatch
        One for each index that any chain tells.
    """
    found = []
    instants, table = np.array(ts_ns, dtype=np.int64), np.array(levels, dtype=np.float64).reshape(-1, len(INDEX_DAYS))
    prefix = symbol if symbol.startswith("SIM.") else f"SIM.{symbol}"
    for place, name in enumerate(INDEX_DAYS):
        told = np.isfinite(table[:, place])
        if told.any():
            found.append(
                SeriesBatch(
                    series=f"{prefix}.{name}",
                    unit=SeriesUnit.INDEX_POINTS,
                    ts_event_ns=int(instants[told][-1]),
                    cause_id=f"{provenance.origin}:{name}",
                    provenance=provenance,
                    event_ns=instants[told],
                    available_ns=instants[told],
                    value=table[told, place],
                    n_missing=int((~told).sum()),
                )
            )
    return tuple(found)

"""Chains that a recorded index and its volatility indices imply: quotes of a model, marked as simulated throughout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, final

import numpy as np

from backtest.history import DataSource
from backtest.scenarios.index_path import IndexPath
from execution.identity import digest_of
from fields.greeks import greeks
from fields.surface.essvi import total_variance
from market.bars import BarBatch
from market.calendars import expiry_series
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns, iso_of_ns
from market.errors import ConfigError
from market.instruments import ExpirySeries, product_of
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, Int64Array

__all__ = ["ImpliedChains", "ImpliedMarketConfig", "implied_bars"]

_YEAR_NS: Final = 365.0 * 86_400e9
_FRIDAY: Final = 4
_NO_SYMBOLS: Final = np.zeros(0, dtype="S1")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpliedMarketConfig:
    """How quotes follow from an index and its volatility indices.

    Parameters
    ----------
    symbol : str
        Underlying.
    root : str
        Option root, settled at the close.
    longest_days : int
        Weekly expirations are listed so many calendar days ahead, >= 7.
    strike_step : float
        Distance of strikes, index points, > 0.
    lowest, highest : float
        Strikes reach from and to these multiples of the lowest and the highest price of the path.
    skew, smile_width : float
        Correlation ``rho`` and ``eta`` of the SSVI smile; ``eta (1 + |rho|) <= 2`` leaves no butterfly arbitrage.
    money_share : float
        Variance at the money over the square of the volatility index, which holds the wings as well, in (0, 1].
    half_spread, least_half_spread : float
        Half of the distance of bid and ask over price at a volatility of 20 %, and its smallest, index points. It
        widens in proportion to volatility above.
    """

    symbol: str = "SPX"
    root: str = "SPXW"
    longest_days: int = 60
    strike_step: float = 25.0
    lowest: float = 0.7
    highest: float = 1.2
    skew: float = -0.65
    smile_width: float = 0.9
    money_share: float = 0.85
    half_spread: float = 0.015
    least_half_spread: float = 0.05

    def __post_init__(self) -> None:
        if not (abs(self.skew) < 1.0 and 0.0 < self.smile_width * (1.0 + abs(self.skew)) <= 2.0):
            raise ConfigError("a smile would admit butterfly arbitrage", found=f"{self.skew}, {self.smile_width}")
        if not (0.0 < self.lowest < 1.0 < self.highest and self.strike_step > 0.0 and self.longest_days >= 7):
            raise ConfigError("strikes or expirations of an implied market cannot be listed", found=str(self))
        if not (0.0 < self.money_share <= 1.0 and self.half_spread >= 0.0 and self.least_half_spread >= 0.0):
            raise ConfigError("an implied market cannot be quoted", found=str(self), expected="shares from 0 to 1")


@dataclass(frozen=True, slots=True)
class _Listing:
    """Contracts of one session: every expiration with every strike and right."""

    series: tuple[ExpirySeries, ...]
    expiry_ns: Int64Array
    index: np.ndarray[tuple[int], np.dtype[np.int32]]
    strike: FloatArray
    is_call: np.ndarray[tuple[int], np.dtype[np.bool_]]


@final
class ImpliedChains:
    """A chain at each instant of a path, as a `backtest.history.ChainSequence`; one is made when it is asked for.

    Parameters
    ----------
    path : IndexPath
        The index and its volatility.
    config : ImpliedMarketConfig
        The model.
    scenario : str
        Stands in the provenance.

    Notes
    -----
    Of an expiration after tau years the total variance at the money is ``theta = money_share x V(tau)``, where V is
    linear between the squared indices times their horizons and flat in volatility beyond them; the smile is SSVI with
    ``phi = eta / sqrt(theta)``. Carry is 0. Bids are rounded down and asks up to the tick; a contract whose bid would
    be below the tick has none.
    """

    def __init__(self, path: IndexPath, config: ImpliedMarketConfig, scenario: str) -> None:
        self._path, self._config = path, config
        self._provenance = Provenance(
            source="implied-market",
            origin=f"scenario {scenario}",
            simulated=True,
            as_of_source=AsOfSource.STAMPED,
        )
        self._product = product_of(config.root)
        self._listings: dict[int, _Listing] = {}
        self._available_ns = path.ts_ns.copy()
        self._available_ns.setflags(write=False)

    def __len__(self) -> int:
        return int(self._available_ns.shape[0])

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self._config.symbol

    @property
    def available_ns(self) -> Int64Array:
        """Instant from which each could be known, ns since the epoch, UTC, rising."""
        return self._available_ns

    @property
    def provenance(self) -> Provenance:
        """The mark that every chain bears."""
        return self._provenance

    def source(self) -> DataSource:
        """Return what a report says of these chains; the digest is that of the path and of the model."""
        rows = sum(self._listing(int(number)).strike.shape[0] for number in self._path.session)
        return DataSource(
            name=f"{self.symbol} implied chains",
            provenance=self._provenance,
            digest=digest_of((self._path, self._config)),
            rows=rows,
            first_ns=int(self._available_ns[0]),
            last_ns=int(self._available_ns[-1]),
        )

    def chain(self, place: int) -> OptionChain:
        """Make one."""
        path, config = self._path, self._config
        listing = self._listing(int(path.session[place]))
        ts_ns, spot = int(path.ts_ns[place]), float(path.spot[place])
        n = listing.strike.shape[0]
        bid, ask = self._quotes(place, listing)
        missing = np.full(n, np.nan)
        columns: dict[str, Any] = dict.fromkeys(
            ("last", "open_interest", "volume", "bid_size", "ask_size", "vendor_iv", "vendor_delta", "vendor_gamma"),
            missing,
        )
        return OptionChain(
            symbol=config.symbol,
            session=datetime_of_ns(ts_ns).date(),
            ts_event_ns=ts_ns,
            cause_id=f"{self._provenance.origin}:{config.symbol}:{iso_of_ns(ts_ns)}",
            provenance=self._provenance,
            series=listing.series,
            series_index=listing.index,
            strike=listing.strike,
            is_call=listing.is_call,
            bid=bid,
            ask=ask,
            **columns,
            quote_ts_ns=np.full(n, ts_ns, dtype=np.int64),
            symbols=_NO_SYMBOLS,
            vendor_forward=np.full(len(listing.series), np.nan),
            spot_last=spot,
            spot_bid=float("nan"),
            spot_ask=float("nan"),
            spot_ts_ns=ts_ns,
            n_read=n,
        )

    def _listing(self, session: int) -> _Listing:
        found = self._listings.get(session)
        if found is None:
            row = int(np.flatnonzero(self._path.session == session)[0])
            found = self._listings[session] = self._listed(int(self._path.ts_ns[row]))
        return found

    def _listed(self, open_ns: int) -> _Listing:
        config, spot = self._config, self._path.spot
        day = datetime_of_ns(open_ns).date()
        ahead = (day + timedelta(days=k) for k in range(config.longest_days + 1))
        series = tuple(expiry_series(self._product, each) for each in ahead if each.weekday() == _FRIDAY)
        # The same strikes all the time: what is held must stay listed wherever the index goes.
        first = np.ceil(config.lowest * float(spot.min()) / config.strike_step)
        last = np.floor(config.highest * float(spot.max()) / config.strike_step)
        strikes = np.arange(first, last + 1.0) * config.strike_step
        shape = (len(series), strikes.shape[0], 2)
        grid = np.indices(shape).reshape(3, -1)
        return _Listing(
            series=series,
            expiry_ns=np.array([each.expiry_ns for each in series], dtype=np.int64),
            index=grid[0].astype(np.int32),
            strike=strikes[grid[1]],
            is_call=grid[2] == 1,
        )

    def _quotes(self, place: int, listing: _Listing) -> tuple[FloatArray, FloatArray]:
        path, config = self._path, self._config
        spot = float(path.spot[place])
        tau = np.maximum((listing.expiry_ns - int(path.ts_ns[place])) / _YEAR_NS, 0.0)
        theta = np.maximum(config.money_share * _variance(tau, path.volatility[place], path.horizon_days), 1e-12)
        s = listing.index
        psi = config.smile_width * np.sqrt(theta)
        k = np.log(listing.strike / spot)
        total = total_variance(theta[s], np.full(s.shape, config.skew), psi[s], k)
        with np.errstate(divide="ignore", invalid="ignore"):
            volatility = np.where(tau[s] > 0.0, np.sqrt(total / tau[s]), 0.0)
        price = greeks(spot, listing.strike, tau[s], 0.0, 0.0, volatility, listing.is_call).price
        stress = max(float(np.interp(30.0, path.horizon_days, path.volatility[place])) / 0.2, 1.0)
        half = np.maximum(config.half_spread * stress * price, config.least_half_spread)
        bid, ask = _ticks(np.maximum(price - half, 0.0), np.floor), _ticks(price + half, np.ceil)
        return bid, ask


def _variance(tau: FloatArray, volatility: FloatArray, horizon_days: FloatArray) -> FloatArray:
    """Return total variance at some times: linear between the horizons, flat in volatility beyond."""
    at = horizon_days / 365.0
    level = np.interp(tau, at, volatility**2 * at) / np.clip(tau, at[0], at[-1])
    found: FloatArray = level * tau
    return found


def _ticks(price: FloatArray, rounding: Any) -> FloatArray:
    tick = np.where(price < 3.0, 0.05, 0.10)
    found: FloatArray = np.round(rounding(np.round(price / tick, 6)) * tick, 2)
    return found


def implied_bars(path: IndexPath, config: ImpliedMarketConfig, provenance: Provenance) -> BarBatch:
    """Return bars of the index between the instants of a path, so that what expires finds its closing print.

    Parameters
    ----------
    path : IndexPath
        The index.
    config : ImpliedMarketConfig
        Names it.
    provenance : Provenance
        The mark of the scenario.

    Returns
    -------
    BarBatch
        Within sessions only.
    """
    inside = np.flatnonzero(path.session[1:] == path.session[:-1])
    opened, closed = path.spot[inside], path.spot[inside + 1]
    missing = np.full(inside.shape, np.nan)
    return BarBatch(
        symbol=config.symbol,
        ts_event_ns=int(path.ts_ns[-1]),
        cause_id=f"{provenance.origin}:{config.symbol}:bars",
        provenance=provenance,
        contracts=ContractTable.empty(),
        contract=np.full(inside.shape, UNDERLYING, dtype=np.int32),
        start_ns=path.ts_ns[inside],
        end_ns=path.ts_ns[inside + 1],
        open=opened,
        high=np.maximum(opened, closed),
        low=np.minimum(opened, closed),
        close=closed,
        volume=missing,
        vwap=missing,
        n_trades=missing,
    )

"""A chain's netted contracts on the spot ladder: every curve that the landscape and the hedge flow read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from fields.config import Dynamics, FieldConfig, PositionSource
from fields.grid import LogGrid
from fields.holdings import Holdings, net_twins
from fields.jit import F64, REAL, kernel
from fields.ladder import LadderContracts, delta_ladder, net_gamma_ladder, net_gamma_of_two, spot_ladder
from fields.ladder_levels import levels_of
from fields.roots import DeltaSearch, RootSearch, zero_delta_levels, zero_gamma_levels
from fields.smile import SmileTable
from fields.surface.message import VolSurface
from fields.timebase import TAU_FLOOR_YEARS
from market.chains import FloatArray

__all__ = ["Curves", "LadderBook"]

_VOL_POINT = 0.01


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Curves:
    """Dealer exposures along the ladder; arrays of shape (n_ladder,).

    Parameters
    ----------
    gamma_usd_per_pct, vanna_usd_per_volpt, charm_usd_per_min : ndarray
        USD.
    delta_units : ndarray
        Units of the underlying.
    source_rate_usd_per_min : ndarray
        Derivative by time of the shock-weighted sum of the first three.
    """

    gamma_usd_per_pct: FloatArray
    vanna_usd_per_volpt: FloatArray
    charm_usd_per_min: FloatArray
    delta_units: FloatArray
    source_rate_usd_per_min: FloatArray


@kernel(F64, F64, F64, REAL, returns=REAL)
def _nearest_to_the_money(tau: FloatArray, volatility: FloatArray, log_moneyness: FloatArray, horizon: float) -> float:
    """Return the volatility nearest to the money at the first time not before the horizon, else at the last time."""
    first, last = np.inf, 0.0
    for i in range(tau.shape[0]):
        last = max(last, tau[i])
        if tau[i] >= horizon:
            first = min(first, tau[i])
    chosen = first if first < np.inf else last
    distance, found = np.inf, np.nan
    for i in range(tau.shape[0]):
        if tau[i] == chosen and abs(log_moneyness[i]) < distance:
            distance, found = abs(log_moneyness[i]), volatility[i]
    return float(found)


@final
class LadderBook:
    """The netted contracts of one chain, and their smile when it is asked for.

    Parameters
    ----------
    holdings : Holdings
        Used contracts, at least one.
    spot : float
        Reference price, USD, > 0.
    config : FieldConfig
        Ladder and slope of volatility.
    minutes_per_year : float
        Of the field's clock.
    surface : VolSurface, optional
        Its fitted slices are the smile that rides with spot; the contracts' own volatilities without it.
    """

    def __init__(
        self,
        holdings: Holdings,
        spot: float,
        config: FieldConfig,
        minutes_per_year: float,
        surface: VolSurface | None = None,
    ) -> None:
        self.grid = LogGrid.about_spot(config.ladder_half_width, config.ladder_points)
        self.price = spot * levels_of(self.grid).ratio
        self.units = holdings.contracts * holdings.multiplier
        self.holdings, self.minutes, self.config = holdings, minutes_per_year, config
        self._netted = net_twins(holdings)
        lead = self._netted.lead
        carry = holdings.carry[lead]
        self.contracts = LadderContracts(
            spot=spot,
            strike=holdings.strike[lead],
            tau=holdings.tau[lead],
            volatility=holdings.volatility[lead],
            carry=carry,
            dividend_yield=holdings.rate[lead] - carry,
            is_call=holdings.is_call[lead],
        )
        self.net_units = self._netted.net(self.units)
        self._log_moneyness = np.log(self.contracts.strike / spot) - carry * self.contracts.tau
        put = self._put = self._netted.partner[self._netted.partner >= 0]
        self._put_yield, self._put_tau = holdings.rate[put] - holdings.carry[put], holdings.tau[put]
        self._put_discount = np.exp(-self._put_yield * self._put_tau)
        self._surface = surface
        self._smile: SmileTable | None = None

    def motion(self, dynamics: Dynamics) -> tuple[SmileTable | None, float | None]:
        """Return the smile that rides with spot, and the slope of volatility; None where there is none."""
        if dynamics is Dynamics.STICKY_STRIKE:
            return None, None
        if dynamics is Dynamics.SPOT_VOL_SLOPE:
            return None, self.config.spot_vol_slope
        if self._smile is None:
            series = self.holdings.series[self._netted.lead].astype(np.int32)
            every = np.ones(series.shape, dtype=np.bool_)
            volatility = self.contracts.volatility
            self._smile = SmileTable.build(self.grid, series, self._log_moneyness, volatility, every, self._surface)
        return self._smile, None

    def at_the_money_volatility(self, horizon_min: float) -> float:
        """Return the volatility nearest to the money in the first expiration beyond the horizon."""
        c = self.contracts
        return _nearest_to_the_money(c.tau, c.volatility, self._log_moneyness, horizon_min / self.minutes)

    def naive_net_units(self) -> FloatArray:
        """Return the net units under the convention on open interest, where what is missing counts as none."""
        if self.config.position_source is PositionSource.OI_NAIVE:
            return self.net_units
        h = self.holdings
        known = np.where(np.isfinite(h.open_interest), h.open_interest, 0.0)
        return self._netted.net(np.where(h.is_call, known, -known) * h.multiplier)

    def _merged(self, units: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return dividend yield, and units times their discount by it, of the puts that were counted as their calls."""
        return self._put_yield, units[self._put] * self._put_discount

    def _surplus(self) -> float:
        """Return the delta by which those puts were counted too high, units of the underlying."""
        return float(self._merged(self.units)[1].sum())

    def curves(self, dynamics: Dynamics, shocks: tuple[float, float, float], units: FloatArray | None = None) -> Curves:
        """Return the exposures along the ladder.

        Parameters
        ----------
        dynamics : Dynamics
            Of volatility.
        shocks : tuple of float
            What multiplies gamma, vanna and charm in the source whose derivative by time is wanted.
        units : ndarray, shape (n_used,), optional
            Other positions, units of the underlying; those of the holdings by default.

        Returns
        -------
        Curves
            See there.
        """
        net = self.net_units if units is None else self._netted.net(units)
        smile, slope = self.motion(dynamics)
        ladder = spot_ladder(self.contracts, net, self.grid, self.minutes, smile, slope, shocks, is_net=True)
        # A put's delta is its call's less Dq, and its charm less q Dq, at every price.
        q, dq = self._merged(self.units if units is None else units)
        per_min = self.price / self.minutes
        fading = q * dq
        fade_rate = shocks[2] / self.minutes * float((q * fading).sum())
        return Curves(
            gamma_usd_per_pct=ladder.gamma_usd_per_pct,
            vanna_usd_per_volpt=ladder.vanna_usd_per_volpt,
            charm_usd_per_min=ladder.charm_usd_per_min - per_min * float(fading.sum()),
            delta_units=ladder.delta_units - float(dq.sum()),
            source_rate_usd_per_min=ladder.source_rate_usd_per_min - per_min * fade_rate,
        )

    def delta_with_higher_volatility(self, dynamics: Dynamics) -> FloatArray:
        """Return delta along the ladder with every volatility one point up, units of the underlying."""
        smile, slope = self.motion(dynamics)
        ladder = delta_ladder(self.contracts, self.net_units, self.grid, smile, slope, bump=_VOL_POINT, is_net=True)
        return ladder - self._surplus()

    def delta_after(self, dynamics: Dynamics, minutes: float) -> FloatArray:
        """Return delta along the ladder when some minutes of the clock have passed, units of the underlying.

        Each price keeps the volatility that it has now. What expires by then, or within the clock's floor of it, has
        its intrinsic delta: 1 or 0 for a call, half at the strike.
        """
        c, years = self.contracts, minutes / self.minutes
        left = c.tau - years
        alive = left > TAU_FLOOR_YEARS
        smile, slope = self.motion(dynamics)
        everything = bool(alive.all())
        later = c.with_tau(left if everything else np.where(alive, left, c.tau))
        net = self.net_units if everything else np.where(alive, self.net_units, 0.0)
        ladder = delta_ladder(later, net, self.grid, smile, slope, is_net=True)
        put_left = self._put_tau - years
        discount = np.exp(-self._put_yield * np.where(put_left > TAU_FLOOR_YEARS, put_left, 0.0))
        surplus = float((self.units[self._put] * discount).sum())
        return ladder - surplus if everything else ladder + self._intrinsic(~alive) - surplus

    def _intrinsic(self, settled: np.ndarray) -> FloatArray:
        c, units = self.contracts, self.net_units[settled]
        k, nodes = np.log(c.strike[settled] / c.spot), self.grid.nodes
        n = nodes.shape[0]
        steps = [np.bincount(np.searchsorted(nodes, k, side), units, n + 1)[:n].cumsum() for side in ("left", "right")]
        return np.asarray(0.5 * (steps[0] + steps[1]) - units[~c.is_call[settled]].sum())

    def effective_gamma_usd_per_pct(self, dynamics: Dynamics, curves: Curves) -> float:
        """Return what dealer delta changes with the volatility that moves with spot, USD per 1 % move, at spot."""
        middle = self.grid.n_nodes // 2
        gamma, vanna = float(curves.gamma_usd_per_pct[middle]), float(curves.vanna_usd_per_volpt[middle])
        smile, slope = self.motion(dynamics)
        if smile is None:
            return gamma + vanna * (slope or 0.0)
        # A smile of quotes has a kink at every strike, and at spot each contract stands on its own: both sides count.
        h = self.grid.spacing
        rate = (smile.at(h) - smile.at(-h)) / (2.0 * h)
        here = LogGrid(0.0, self.grid.spacing, 3)
        moving = spot_ladder(self.contracts, self.net_units * rate, here, self.minutes, is_net=True)
        return gamma + float(moving.vanna_usd_per_volpt[1])

    def net_gamma(self, dynamics: Dynamics, nets: list[FloatArray]) -> list[FloatArray]:
        """Return net gamma along the ladder of one or two other positions, under other dynamics if asked."""
        smile, slope = self.motion(dynamics)
        if len(nets) == 1:
            return [net_gamma_ladder(self.contracts, nets[0], self.grid, smile, slope)]
        return list(net_gamma_of_two(self.contracts, (nets[0], nets[1]), self.grid, smile, slope))

    def zero_gamma(self, source: PositionSource, dynamics: Dynamics, net: FloatArray, gamma: FloatArray) -> RootSearch:
        """Find zero gamma where the ladder's gamma is known."""
        smile, slope = self.motion(dynamics)
        window = self.config.roots_window
        return zero_gamma_levels(self.contracts, net, self.grid, gamma, window, source, smile, slope)

    def zero_delta(self, source: PositionSource, dynamics: Dynamics, delta_units: FloatArray) -> DeltaSearch:
        """Find zero delta where the ladder's delta is known."""
        smile, slope = self.motion(dynamics)
        usd, window = delta_units * self.price, self.config.roots_window
        moved = (source, smile, slope, -self._surplus())
        return zero_delta_levels(self.contracts, self.net_units, self.grid, usd, window, *moved)

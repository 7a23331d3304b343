"""The field along the spot ladder: exposures, potential, zero-gamma levels and how they depend on what is assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np

from fields.config import Boundary, Dynamics, FieldConfig, PositionSource
from fields.green import GreenOperator, screening_from_range
from fields.grid import LogGrid
from fields.holdings import Holdings, net_twins
from fields.jit import F64, REAL, kernel
from fields.ladder import LadderContracts, gamma_ladder, spot_ladder
from fields.liquidity import LiquidityProfile
from fields.roots import RootSearch, zero_gamma_levels
from fields.smile import SmileTable
from fields.snapshot import ZeroGamma
from market.chains import FloatArray

__all__ = ["Landscape", "landscape_of", "shock_weights"]

_ONE_SIGN = "dealers hold one side of every contract, so gamma has one sign by construction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Landscape:
    """What the ladder shows; arrays of shape (n_ladder,), NaN where there is no used contract.

    Parameters
    ----------
    log_moneyness, price : ndarray
        ln(price / spot) and USD.
    gamma_usd_per_pct, vanna_usd_per_volpt, charm_usd_per_min : ndarray
        Dealer exposures at that price, USD.
    potential_usd, potential_gradient_usd : ndarray
        Unit-mass potential of the shock-weighted source, USD, and its slope, USD per unit of log price.
    zero_gamma : tuple of ZeroGamma
        Roots under the stated convention and dynamics, nearest first.
    zero_gamma_reason : str
        Why there is none.
    sensitivity : tuple of ZeroGamma
        Nearest root under every other convention and dynamics that has one.
    sensitivity_reasons : dict of str to str
        For each that has none, why; by ``convention/dynamics``.
    """

    log_moneyness: FloatArray
    price: FloatArray
    gamma_usd_per_pct: FloatArray
    vanna_usd_per_volpt: FloatArray
    charm_usd_per_min: FloatArray
    potential_usd: FloatArray
    potential_gradient_usd: FloatArray
    zero_gamma: tuple[ZeroGamma, ...]
    zero_gamma_reason: str
    sensitivity: tuple[ZeroGamma, ...]
    sensitivity_reasons: dict[str, str]


@lru_cache(maxsize=32)
def _grid(half_width: float, points: int) -> tuple[LogGrid, FloatArray, FloatArray]:
    """Return the ladder, its nodes and the price at each over spot, both read-only."""
    grid = LogGrid.about_spot(half_width, points)
    nodes = grid.nodes
    ratio = np.exp(nodes)
    nodes.setflags(write=False)
    ratio.setflags(write=False)
    return grid, nodes, ratio


@lru_cache(maxsize=32)
def _constant_operator(half_width: float, points: int, reach: float, boundary: Boundary) -> GreenOperator:
    _, nodes, _ = _grid(half_width, points)
    return GreenOperator.build(nodes, np.ones(points - 1), screening_from_range(reach, 1.0), boundary)


def _operator(config: FieldConfig, liquidity: LiquidityProfile | None) -> GreenOperator:
    if liquidity is None:
        half_width, points = config.ladder_half_width, config.ladder_points
        return _constant_operator(half_width, points, config.screening_range, config.boundary)
    _, nodes, _ = _grid(config.ladder_half_width, config.ladder_points)
    kappa = screening_from_range(config.screening_range, 1.0)
    return GreenOperator.build(nodes, liquidity.on_cells(nodes), kappa, config.boundary)


def shock_weights(
    at_the_money_volatility: float, vol_of_vol: float, horizon_min: float, minutes_per_year: float
) -> tuple[float, float, float]:
    """Return the shocks that turn the three exposures into dollars of hedging over one horizon.

    Parameters
    ----------
    at_the_money_volatility : float
        Annualised fraction.
    vol_of_vol : float
        Vol points per square-root year.
    horizon_min : float
        Minutes.
    minutes_per_year : float
        Of the field's clock.

    Returns
    -------
    tuple of float
        One standard deviation of spot in per cent, one of volatility in vol points, and the minutes (spec 1.3).
    """
    root = (horizon_min / minutes_per_year) ** 0.5
    return 100.0 * at_the_money_volatility * root, vol_of_vol * root, horizon_min


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
class _Book:
    """The netted contracts of one chain, and their smile when it is asked for."""

    def __init__(self, holdings: Holdings, spot: float, config: FieldConfig, minutes: float) -> None:
        self.grid, self.nodes, self.ratio = _grid(config.ladder_half_width, config.ladder_points)
        self.netted = net_twins(holdings)
        self.units = holdings.contracts * holdings.multiplier
        self.net_units = self.netted.net(self.units)
        self.holdings, self.minutes, self.window = holdings, minutes, config.roots_window
        lead = self.netted.lead
        self.carry = holdings.carry[lead]
        self.contracts = LadderContracts(
            spot=spot,
            strike=holdings.strike[lead],
            tau=holdings.tau[lead],
            volatility=holdings.volatility[lead],
            carry=self.carry,
            dividend_yield=holdings.rate[lead] - self.carry,
            is_call=holdings.is_call[lead],
        )
        self.log_moneyness = np.log(self.contracts.strike / spot) - self.carry * self.contracts.tau
        self._smile: SmileTable | None = None

    def smile(self, dynamics: Dynamics) -> SmileTable | None:
        """Return the smile that rides with spot, or None where volatility sticks to the strike."""
        if dynamics is Dynamics.STICKY_STRIKE:
            return None
        if self._smile is None:
            c = self.contracts
            series = self.holdings.series[self.netted.lead].astype(np.int32)
            every = np.ones(series.shape, dtype=np.bool_)
            self._smile = SmileTable.build(self.grid, series, self.log_moneyness, c.volatility, every)
        return self._smile

    def at_the_money_volatility(self, horizon_min: float) -> float:
        """Return the volatility nearest to the money in the first expiration beyond the horizon."""
        c = self.contracts
        return _nearest_to_the_money(c.tau, c.volatility, self.log_moneyness, horizon_min / self.minutes)

    def naive_net_units(self, held: PositionSource) -> FloatArray:
        """Return the net units under the convention on open interest, where what is missing counts as none."""
        if held is PositionSource.OI_NAIVE:
            return self.net_units
        h = self.holdings
        known = np.where(np.isfinite(h.open_interest), h.open_interest, 0.0)
        return self.netted.net(np.where(h.is_call, known, -known) * h.multiplier)

    def exposures(self, dynamics: Dynamics) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return gamma, vanna and charm along the ladder."""
        h = self.holdings
        ladder = spot_ladder(self.contracts, self.net_units, self.grid, self.minutes, smile=self.smile(dynamics))
        # A merged put was counted with its call's charm, which is q exp(-q tau) larger at every price.
        put = self.netted.partner[self.netted.partner >= 0]
        q = h.rate[put] - h.carry[put]
        surplus = float((self.units[put] * q * np.exp(-q * h.tau[put])).sum())
        charm = _both_sides(ladder.charm_usd_per_min) - ladder.price * (surplus / self.minutes)
        return _both_sides(ladder.gamma_usd_per_pct), _both_sides(ladder.vanna_usd_per_volpt), charm

    def roots(self, source: PositionSource, dynamics: Dynamics, net: FloatArray) -> RootSearch:
        """Find zero gamma under another convention or dynamics."""
        smile = self.smile(dynamics)
        gamma = _both_sides(gamma_ladder(self.contracts, net, self.grid, smile=smile))
        return zero_gamma_levels(self.contracts, net, self.grid, gamma, self.window, source, smile=smile)


def _both_sides(ladder: FloatArray) -> FloatArray:
    # A sum over an axis of two costs three times as much.
    return np.asarray(ladder[0] + ladder[1])


def _one_sign(source: PositionSource) -> bool:
    return source in {PositionSource.ALL_SHORT, PositionSource.ALL_LONG}


def _own_roots(book: _Book, gamma: FloatArray, config: FieldConfig) -> RootSearch:
    if _one_sign(config.position_source):
        return RootSearch(levels=(), reason=_ONE_SIGN)
    net, smile = book.net_units, book.smile(config.dynamics)
    return zero_gamma_levels(book.contracts, net, book.grid, gamma, book.window, config.position_source, smile=smile)


def _sensitivity(book: _Book, config: FieldConfig) -> tuple[tuple[ZeroGamma, ...], dict[str, str]]:
    found: list[ZeroGamma] = []
    reasons: dict[str, str] = {}
    units = {PositionSource.OI_NAIVE: book.naive_net_units(config.position_source)}
    if config.position_source is PositionSource.USER:
        units[PositionSource.USER] = book.net_units
    for source, dynamics in ((s, d) for s in units for d in Dynamics):
        if (source, dynamics) == (config.position_source, config.dynamics):
            continue
        if source is PositionSource.OI_NAIVE and not (book.holdings.open_interest > 0.0).any():
            reasons[f"{source}/{dynamics}"] = "no open interest"
            continue
        search = book.roots(source, dynamics, units[source])
        found.extend(search.levels[:1])
        if not search.levels:
            reasons[f"{source}/{dynamics}"] = search.reason
    for source in (PositionSource.ALL_SHORT, PositionSource.ALL_LONG):
        reasons[source.value] = _ONE_SIGN
    return tuple(found), reasons


def _barren(spot: float, config: FieldConfig) -> Landscape:
    _, nodes, ratio = _grid(config.ladder_half_width, config.ladder_points)
    nan = np.full(nodes.shape, np.nan)
    why = "no contract is used"
    return Landscape(
        log_moneyness=nodes,
        price=spot * ratio,
        gamma_usd_per_pct=nan,
        vanna_usd_per_volpt=nan,
        charm_usd_per_min=nan,
        potential_usd=nan,
        potential_gradient_usd=nan,
        zero_gamma=(),
        zero_gamma_reason=why,
        sensitivity=(),
        sensitivity_reasons={"all": why},
    )


def landscape_of(
    holdings: Holdings,
    spot: float,
    minutes_per_year: float,
    config: FieldConfig,
    liquidity: LiquidityProfile | None,
    done: Callable[[str], None],
) -> Landscape:
    """Re-evaluate the book along the ladder.

    Parameters
    ----------
    holdings : Holdings
        Used contracts.
    spot : float
        Reference price, USD.
    minutes_per_year : float
        Of the field's clock.
    config : FieldConfig
        Dynamics, ladder and potential.
    liquidity : LiquidityProfile or None
        Relative illiquidity by price; constant where None.
    done : callable
        Told the name of each stage when it ends.

    Returns
    -------
    Landscape
        See there.
    """
    if not holdings.place.size or not spot > 0.0:
        return _barren(spot, config)
    book = _Book(holdings, spot, config, minutes_per_year)
    gamma, vanna, charm = book.exposures(config.dynamics)
    done("ladder")
    at_the_money = book.at_the_money_volatility(config.horizon_min)
    per_gamma, per_vanna, per_charm = shock_weights(
        at_the_money, config.vol_of_vol, config.horizon_min, minutes_per_year
    )
    operator = _operator(config, liquidity)
    source = per_gamma * gamma + per_vanna * vanna + per_charm * charm
    potential = operator.unit_mass_potential(operator.mass_of_source(source))
    gradient = operator.gradient_at_nodes(potential)
    done("potential")
    own = _own_roots(book, gamma, config)
    done("roots")
    sensitivity, sensitivity_reasons = _sensitivity(book, config)
    done("sensitivity")
    return Landscape(
        log_moneyness=book.nodes,
        price=spot * book.ratio,
        gamma_usd_per_pct=gamma,
        vanna_usd_per_volpt=vanna,
        charm_usd_per_min=charm,
        potential_usd=potential,
        potential_gradient_usd=gradient,
        zero_gamma=own.levels,
        zero_gamma_reason=own.reason,
        sensitivity=sensitivity,
        sensitivity_reasons=sensitivity_reasons,
    )

"""The field along the spot ladder: exposures, potential, zero-gamma levels and how they depend on what is assumed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fields.config import Boundary, Dynamics, FieldConfig, PositionSource
from fields.green import GreenOperator, screening_from_range
from fields.grid import LogGrid
from fields.hedge_flow import absent_hedge_flow, flow_of_book
from fields.holdings import Holdings
from fields.ladder_book import Curves, LadderBook
from fields.liquidity import LiquidityProfile
from fields.potential_rate import potential_rate, source_of
from fields.roots import RootSearch
from fields.snapshot import HedgeFlow, ZeroDelta, ZeroGamma
from fields.surface.message import VolSurface
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
    delta_usd : ndarray
        Dealer delta at that price, USD.
    potential_usd, potential_gradient_usd, potential_rate_usd_per_min : ndarray
        Unit-mass potential of the shock-weighted source, USD, its slope, USD per unit of log price, and its derivative
        by time, USD per minute of the field's clock.
    effective_gamma_usd_per_pct : float
        Gamma at spot with the volatility that moves with spot under the chosen dynamics, USD per 1 % move; equal to
        gamma under sticky strike.
    hedge_flow : HedgeFlow
        What dealers must trade for a spot move, a vol move and the time to the close.
    zero_gamma : tuple of ZeroGamma
        Roots under the stated convention and dynamics, nearest first.
    zero_gamma_reason : str
        Why there is none.
    zero_delta : tuple of ZeroDelta
        Prices at which dealers hold no delta, nearest first; often none.
    zero_delta_reason : str
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
    delta_usd: FloatArray
    potential_usd: FloatArray
    potential_gradient_usd: FloatArray
    potential_rate_usd_per_min: FloatArray
    effective_gamma_usd_per_pct: float
    hedge_flow: HedgeFlow
    zero_gamma: tuple[ZeroGamma, ...]
    zero_gamma_reason: str
    zero_delta: tuple[ZeroDelta, ...]
    zero_delta_reason: str
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


def _one_sign(source: PositionSource) -> bool:
    return source in {PositionSource.ALL_SHORT, PositionSource.ALL_LONG}


def _own_roots(book: LadderBook, curves: Curves) -> RootSearch:
    config = book.config
    if _one_sign(config.position_source):
        return RootSearch(levels=(), reason=_ONE_SIGN)
    gamma = curves.gamma_usd_per_pct
    return book.zero_gamma(config.position_source, config.dynamics, book.net_units, gamma)


def _other_dynamics(config: FieldConfig) -> list[Dynamics]:
    """Return the dynamics to compare; a slope of 0 is sticky strike by another name."""
    return [d for d in Dynamics if d is not Dynamics.SPOT_VOL_SLOPE or config.spot_vol_slope != 0.0]


def _sensitivity(book: LadderBook) -> tuple[tuple[ZeroGamma, ...], dict[str, str]]:
    config = book.config
    own = (config.position_source, config.dynamics)
    found: list[ZeroGamma] = []
    reasons: dict[str, str] = {}
    units = {PositionSource.OI_NAIVE: book.naive_net_units()}
    if config.position_source is not PositionSource.OI_NAIVE and not _one_sign(config.position_source):
        units[config.position_source] = book.net_units
    dynamics = _other_dynamics(config)
    if not (book.holdings.open_interest > 0.0).any():
        del units[PositionSource.OI_NAIVE]
        reasons |= {f"{PositionSource.OI_NAIVE}/{d}": "no open interest" for d in dynamics}
        reasons.pop("/".join(own), None)
    curves = {}
    for d in dynamics:
        sources = [source for source in units if (source, d) != own]
        if sources:
            gamma = book.net_gamma(d, [units[source] for source in sources])
            curves.update({(source, d): curve for source, curve in zip(sources, gamma, strict=True)})
    for source, d in ((s, d) for s in units for d in dynamics if (s, d) in curves):
        search = book.zero_gamma(source, d, units[source], curves[source, d])
        found.extend(search.levels[:1])
        if not search.levels:
            reasons[f"{source}/{d}"] = search.reason
    for source in (PositionSource.ALL_SHORT, PositionSource.ALL_LONG):
        reasons[source.value] = _ONE_SIGN
    return tuple(found), reasons


def _barren(spot: float, config: FieldConfig, minutes_to_close: float) -> Landscape:
    _, nodes, ratio = _grid(config.ladder_half_width, config.ladder_points)
    nan = np.full(nodes.shape, np.nan)
    why = "no contract is used"
    return Landscape(
        log_moneyness=nodes,
        price=spot * ratio,
        gamma_usd_per_pct=nan,
        vanna_usd_per_volpt=nan,
        charm_usd_per_min=nan,
        delta_usd=nan,
        potential_usd=nan,
        potential_gradient_usd=nan,
        potential_rate_usd_per_min=nan,
        effective_gamma_usd_per_pct=float("nan"),
        hedge_flow=absent_hedge_flow(spot * ratio, minutes_to_close, why),
        zero_gamma=(),
        zero_gamma_reason=why,
        zero_delta=(),
        zero_delta_reason=why,
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
    *,
    surface: VolSurface | None = None,
    minutes_to_close: float = float("nan"),
    position_rate: FloatArray | None = None,
    illiquidity_rate: FloatArray | None = None,
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
    surface : VolSurface, optional
        Its fitted slices ride with spot under sticky moneyness; the quotes themselves without it.
    minutes_to_close : float, optional
        Minutes of the field's clock from the valuation instant to the session's close; NaN where unknown.
    position_rate : ndarray, shape (n_used,), optional
        Change of the dealer contracts per minute, in the order of the holdings, + buying; none without it.
    illiquidity_rate : ndarray, shape (n_ladder - 1,), optional
        Change per minute of the relative illiquidity of each cell between nodes; none without it.

    Returns
    -------
    Landscape
        See there.

    Notes
    -----
    The rate of the potential holds price, volatility, and the shocks of the scenario fixed; time passes, and positions
    and liquidity change where their rates are given.
    """
    if not holdings.place.size or not spot > 0.0:
        return _barren(spot, config, minutes_to_close)
    book = LadderBook(holdings, spot, config, minutes_per_year, surface)
    horizon = config.horizon_min
    shocks = shock_weights(book.at_the_money_volatility(horizon), config.vol_of_vol, horizon, minutes_per_year)
    curves = book.curves(config.dynamics, shocks)
    done("ladder")
    solved = _solve(book, curves, shocks, _operator(config, liquidity), position_rate, illiquidity_rate)
    done("potential")
    flow = flow_of_book(book, curves.delta_units, minutes_to_close)
    done("hedge_flow")
    own = _own_roots(book, curves)
    delta_roots = book.zero_delta(config.position_source, config.dynamics, curves.delta_units)
    done("roots")
    sensitivity, sensitivity_reasons = _sensitivity(book)
    done("sensitivity")
    return Landscape(
        log_moneyness=_grid(config.ladder_half_width, config.ladder_points)[1],
        price=book.price,
        gamma_usd_per_pct=curves.gamma_usd_per_pct,
        vanna_usd_per_volpt=curves.vanna_usd_per_volpt,
        charm_usd_per_min=curves.charm_usd_per_min,
        delta_usd=curves.delta_units * book.price,
        potential_usd=solved[0],
        potential_gradient_usd=solved[1],
        potential_rate_usd_per_min=solved[2],
        effective_gamma_usd_per_pct=book.effective_gamma_usd_per_pct(config.dynamics, curves),
        hedge_flow=flow,
        zero_gamma=own.levels,
        zero_gamma_reason=own.reason,
        zero_delta=delta_roots.levels,
        zero_delta_reason=delta_roots.reason,
        sensitivity=sensitivity,
        sensitivity_reasons=sensitivity_reasons,
    )


def _solve(
    book: LadderBook,
    curves: Curves,
    shocks: tuple[float, float, float],
    operator: GreenOperator,
    position_rate: FloatArray | None,
    illiquidity_rate: FloatArray | None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the potential, its slope and its rate."""
    three = (curves.gamma_usd_per_pct, curves.vanna_usd_per_volpt, curves.charm_usd_per_min)
    source = shocks[0] * three[0] + shocks[1] * three[1] + shocks[2] * three[2]
    potential = operator.unit_mass_potential(operator.mass_of_source(source))
    source_rate = curves.source_rate_usd_per_min
    if position_rate is not None:
        source_rate = source_rate + source_of(book, shocks, position_rate * book.holdings.multiplier)
    rate = potential_rate(operator, source_rate, source, potential, illiquidity_rate)
    return potential, operator.gradient_at_nodes(potential), rate

"""What moves value and volatility in a step: plain chance, a symbol's own dynamics, or a scenario's path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from adapters.simulated.dynamics import moved
from adapters.simulated.parameters import SymbolArrays
from adapters.simulated.state import MarketState
from adapters.simulated.steering import Leg, led
from market.chains import FloatArray

__all__ = ["Stretch", "Tidings", "draw_tidings", "move_volatility", "opening_volatility"]

_LEVELS = (0.25, 6.0)
_MINUTE_NS = 60e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A stretch of time: years of 252 sessions, and from where to where it leads (of a night: the same instant)."""

    years: float
    from_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidings:
    """What a stretch of time brings.

    Parameters
    ----------
    news : ndarray, shape (n_symbols,)
        Change of the logarithm of the hidden value.
    volatility : ndarray, shape (n_symbols,)
        Volatility after it where something else than the plain model decides it, else NaN.
    """

    news: FloatArray
    volatility: FloatArray | None


def opening_volatility(p: SymbolArrays, day: date) -> FloatArray:
    """Return the volatilities with which a market starts.

    Parameters
    ----------
    p : SymbolArrays
        Settings.
    day : datetime.date
        Its first session.

    Returns
    -------
    ndarray, shape (n_symbols,)
        What the settings say, or what a scenario of that day begins with.
    """
    scenario = p.scenario
    if scenario is None or scenario.day != day or not scenario.waypoints:
        return p.opening.copy()
    return np.full_like(p.long_run, np.sqrt(scenario.waypoints[0].variance))


def draw_tidings(state: MarketState, p: SymbolArrays, stretch: Stretch) -> Tidings:
    """Draw the news of a stretch of time.

    Parameters
    ----------
    state : MarketState
        Before it; its sources of chance advance.
    p : SymbolArrays
        Settings.
    stretch : Stretch
        When.

    Returns
    -------
    Tidings
        Without dynamics and scenario: a diffusion with the instantaneous volatility.
    """
    years = stretch.years
    chance = state.streams.value.standard_normal(state.spot.size)
    news: FloatArray = (p.carry - 0.5 * state.volatility**2) * years + (state.volatility * np.sqrt(years) * chance)
    leads = p.scenario is not None and p.scenario.waypoints and p.scenario.day == state.board.session.day
    if leads and stretch.until_ns > stretch.from_ns:
        return _led(state, p, stretch, chance)
    if p.dynamics is None:
        return Tidings(news=news, volatility=None)
    places = p.dynamics.places
    move = moved(
        p.dynamics,
        state.volatility[places] ** 2,
        years,
        price_chance=chance[places],
        variance_chance=state.streams.jumps.standard_normal(places.size),
        rng=state.streams.jumps,
    )
    volatility = np.full(news.size, np.nan)
    news[places] = p.carry[places] * years + move.news
    volatility[places] = np.sqrt(move.variance)
    return Tidings(news=news, volatility=volatility)


def _led(state: MarketState, p: SymbolArrays, stretch: Stretch, chance: FloatArray) -> Tidings:
    scenario, open_ns = p.scenario, state.board.session.open_ns
    if scenario is None:
        raise AssertionError("only a scenario leads")
    first, last = ((instant - open_ns) / _MINUTE_NS for instant in (stretch.from_ns, stretch.until_ns))
    root = np.sqrt(stretch.years)
    log_value, log_variance = led(
        scenario,
        Leg(before=first, after=last, years=stretch.years),
        log_value=np.log(state.value),
        log_variance=2.0 * np.log(state.volatility),
        price_noise=state.volatility * root * chance,
        variance_noise=2.0 * p.vol_of_vol * root * state.streams.jumps.standard_normal(chance.size),
    )
    return Tidings(news=log_value - np.log(state.value), volatility=np.exp(0.5 * log_variance))


def move_volatility(state: MarketState, p: SymbolArrays, change: FloatArray, years: float, tidings: Tidings) -> None:
    """Move the instantaneous volatilities.

    Parameters
    ----------
    state : MarketState
        Its volatility is replaced.
    p : SymbolArrays
        Settings.
    change : ndarray, shape (n_symbols,)
        Log return of the price, which drives the plain model.
    years : float
        Length of the stretch, years of 252 sessions.
    tidings : Tidings
        What the stretch brought.
    """
    chance = state.streams.volatility.standard_normal(change.size)
    log_volatility = (
        np.log(state.volatility)
        - p.reversion * years * np.log(state.volatility / p.long_run)
        - p.leverage * change
        + p.vol_of_vol * np.sqrt(years) * chance
    )
    plain = np.clip(np.exp(log_volatility), _LEVELS[0] * p.long_run, _LEVELS[1] * p.long_run)
    own = tidings.volatility
    state.volatility = plain if own is None else np.where(np.isnan(own), plain, own)

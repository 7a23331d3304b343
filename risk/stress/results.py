"""What a book loses in named scenarios: by package and strategy, worst first, and on a grid of price and volatility."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan, nan
from typing import Final

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError
from risk.book import PricedBook
from risk.stress.revaluation import Revaluation, Shocks, TermRule, revalue
from risk.stress.scenarios import Scenario, StressConfig, standard_scenarios

__all__ = [
    "SpotVolGrid",
    "StressResult",
    "scenario_shocks",
    "spot_vol_grid",
    "stress_book",
    "stress_results",
    "worst_stress",
]

_DAYS_PER_YEAR: Final = 365.0
_CONFIG: Final = StressConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class StressResult:
    """One book in one scenario.

    Parameters
    ----------
    scenario : Scenario
        What happened.
    pnl : float
        Change of the book's value, account currency; NaN where a leg cannot be valued.
    by_package, by_strategy : tuple of (str, float)
        The same of each part, worst first, what is unknown before everything.
    reason : str
        Why a number is NaN: which leg lacks what.
    """

    scenario: Scenario
    pnl: float
    by_package: tuple[tuple[str, float], ...]
    by_strategy: tuple[tuple[str, float], ...]
    reason: str = ""


def scenario_shocks(book: PricedBook, scenarios: Sequence[Scenario]) -> Shocks:
    """Return scenarios as shocks of a book's underlyings; a beta that is not known leaves its underlying unknown."""
    shocks = Shocks.none(len(scenarios), len(book.underlyings))
    for row, each in enumerate(scenarios):
        own = dict(each.own_returns)
        for column, (name, beta) in enumerate(zip(book.underlyings, book.beta.tolist(), strict=True)):
            shared = beta * each.benchmark_return if each.benchmark_return else 0.0
            shocks.spot_return[row, column] = own.get(name, shared)
        shocks.vol_points[row] = each.vol_points
        shocks.vol_points_scaled[row] = each.vol_points_scaled
        shocks.vol_log[row] = np.log1p(each.vol_change)
        shocks.years[row] = each.days / _DAYS_PER_YEAR
        shocks.rate_shift[row] = each.rate_shift
    if (shocks.spot_return <= -1.0).any():
        row, column = np.argwhere(shocks.spot_return <= -1.0)[0]
        raise ConfigError(
            f"scenario {scenarios[row].name} takes more than all of {book.underlyings[column]}",
            found=f"{shocks.spot_return[row, column]:.2f} by beta {book.beta[column]:g}",
            action="give it a return of its own in own_returns",
        )
    return shocks


def stress_book(
    book: PricedBook, scenarios: Sequence[Scenario], *, terms: TermRule | None = None, bounds_unknown: bool = False
) -> tuple[StressResult, ...]:
    """Return what a book loses in each scenario, the worst first and what is unknown before it.

    Parameters
    ----------
    book : PricedBook
        Positions and what their value depends on.
    scenarios : sequence of Scenario
        One or more.
    terms : TermRule, optional
        Of the scaled shocks; the default rule without it.
    bounds_unknown : bool
        As in `risk.stress.revaluation.revalue`.

    Returns
    -------
    tuple of StressResult
        One for each scenario.
    """
    found = revalue(book, scenario_shocks(book, scenarios), terms=terms or _CONFIG.terms, bounds_unknown=bounds_unknown)
    return stress_results(book, scenarios, found)


def stress_results(book: PricedBook, scenarios: Sequence[Scenario], found: Revaluation) -> tuple[StressResult, ...]:
    """Return the results of a revaluation that was made of `scenario_shocks`, worst first."""
    packages, strategies, pnl = found.by(book.package_ids), found.by(book.strategies), found.pnl
    results = [
        StressResult(
            scenario=each,
            pnl=float(pnl[row]),
            by_package=_worst_first((name, float(column[row])) for name, column in packages.items()),
            by_strategy=_worst_first((name, float(column[row])) for name, column in strategies.items()),
            reason=_reason(book, each, found, row) if isnan(pnl[row]) else "",
        )
        for row, each in enumerate(scenarios)
    ]
    return tuple(sorted(results, key=lambda result: _unknown_first(result.pnl)))


def _reason(book: PricedBook, scenario: Scenario, found: Revaluation, row: int) -> str:
    if scenario.reason:
        return scenario.reason
    lost = [name for name, beta in zip(book.underlyings, book.beta.tolist(), strict=True) if isnan(beta)]
    if lost and scenario.benchmark_return and not any(found.lacking):
        return f"no beta of {', '.join(lost)}"
    return found.reason(book, row)


def _worst_first(parts: Iterable[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(parts, key=lambda row: _unknown_first(row[1])))


def _unknown_first(pnl: float) -> float:
    return -np.inf if isnan(pnl) else pnl


def worst_stress(book: PricedBook, config: StressConfig = _CONFIG, *, volatility_index: float = nan) -> StressResult:
    """Return the worst of the standard scenarios; NaN with a reason where one of them cannot be told.

    Parameters
    ----------
    book : PricedBook
        Positions and what their value depends on.
    config : StressConfig
        Numbers of the scenarios.
    volatility_index : float
        The VIX now, vol points.

    Returns
    -------
    StressResult
        For a limit: it passes only where the number is known.
    """
    return stress_book(book, standard_scenarios(config, volatility_index=volatility_index), terms=config.terms)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotVolGrid:
    """A book over moves of the benchmark and shifts of volatility.

    Parameters
    ----------
    spot_return : ndarray, shape (n_spot,)
        Returns of the benchmark.
    vol_points : ndarray, shape (n_vol,)
        Parallel shifts, annualised fractions.
    pnl : ndarray, shape (n_vol, n_spot)
        Account currency; NaN where a leg cannot be valued.
    reason : str
        Why a number is NaN.
    """

    spot_return: FloatArray
    vol_points: FloatArray
    pnl: FloatArray
    reason: str


def spot_vol_grid(
    book: PricedBook,
    spot_return: FloatArray,
    vol_points: FloatArray,
    *,
    days: float = 0.0,
    bounds_unknown: bool = False,
) -> SpotVolGrid:
    """Revalue a book on a grid of prices and parallel shifts of volatility.

    Parameters
    ----------
    book : PricedBook
        Positions and what their value depends on.
    spot_return : ndarray, shape (n_spot,)
        Simple returns of the benchmark; underlyings move by their betas.
    vol_points : ndarray, shape (n_vol,)
        Shifts, annualised fractions.
    days : float
        Calendar days that go by.
    bounds_unknown : bool
        As in `risk.stress.revaluation.revalue`.

    Returns
    -------
    SpotVolGrid
        With a row for each shift of volatility.
    """
    scenarios = [
        Scenario(name="grid", benchmark_return=float(move), vol_points=float(shift), days=days)
        for shift in vol_points
        for move in spot_return
    ]
    found = revalue(book, scenario_shocks(book, scenarios), bounds_unknown=bounds_unknown)
    unknown = np.flatnonzero(np.isnan(found.pnl))
    reason = _reason(book, scenarios[unknown[0]], found, int(unknown[0])) if unknown.size else ""
    pnl = found.pnl.reshape(vol_points.size, spot_return.size)
    return SpotVolGrid(spot_return=spot_return, vol_points=vol_points, pnl=pnl, reason=reason)

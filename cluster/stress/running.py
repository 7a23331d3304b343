"""One stress of one book: scenarios, grid, Greeks, margin, worst loss and value at risk, from files."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from math import isfinite, nan
from pathlib import Path
from typing import Final

import numpy as np

from cluster.stress.history import DailyHistory, betas_of, read_history
from cluster.stress.liquidation import LiquidationRow, liquidations
from cluster.stress.market import BookMarket, PricedPositions, price_positions, read_chains, volatility_of_30_days
from cluster.stress.positions import BookRow, read_book
from market.chains import FloatArray, OptionChain
from market.errors import ConfigError, DataError
from market.tradables import OptionContract, Share
from risk.book import PortfolioGreeks, PricedBook
from risk.book_loss import max_loss_of_book
from risk.margin.reg_t import MarginReading, MarginStage, RegTRules
from risk.portfolio_greeks import portfolio_greeks
from risk.stress.margin import stressed_margin
from risk.stress.results import SpotVolGrid, StressResult, scenario_shocks, spot_vol_grid, stress_results
from risk.stress.revaluation import revalue
from risk.stress.scenarios import Scenario, StressConfig, scenario_of, standard_scenarios
from risk.stress.value_at_risk import ValueAtRisk, VarConfig, book_var
from strategies.priced_book import Benchmark

__all__ = ["StressReport", "StressRequest", "run_stress"]

_SPOT_MOVES: Final = np.array([-0.20, -0.15, -0.10, -0.05, -0.02, 0.0, 0.02, 0.05, 0.10])
_VOL_SHIFTS: Final = np.array([-0.05, 0.0, 0.05, 0.10, 0.20, 0.30])
_SEED: Final = 20_260_101
_S_PER_HOUR: Final = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StressRequest:
    """What was asked for.

    Parameters
    ----------
    book : pathlib.Path
        File of positions, or folder of a run.
    chains, history : tuple of pathlib.Path
        Files of option chains and of daily prices.
    scenarios : pathlib.Path or None
        TOML with own scenarios and numbers of the standard ones.
    session : datetime.date or None
        Of the chains; the newest without it.
    volatility_index : float
        VIX now, vol points; NaN where the history is to tell.
    volatility_name : str
        Series whose days move the volatility of options.
    benchmark : str
        What betas refer to; empty for the only underlying.
    betas : mapping of str to float
        By underlying.
    max_age_h : float
        Oldest chain or quote, hours before the newest chain.
    var : VarConfig
        How value at risk is measured.
    bounds_unknown : bool
        Count what cannot be valued at its worst.
    """

    book: Path
    chains: tuple[Path, ...] = ()
    history: tuple[Path, ...] = ()
    scenarios: Path | None = None
    session: date | None = None
    volatility_index: float = nan
    volatility_name: str = "VIX"
    benchmark: str = ""
    betas: Mapping[str, float] = field(default_factory=dict)
    max_age_h: float = 24.0
    var: VarConfig = field(default_factory=VarConfig)
    bounds_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StressReport:
    """Everything that is told of a book under stress.

    Parameters
    ----------
    positions : PricedPositions
        The book.
    volatility_index : float
        30-day volatility that the scenarios start from, vol points; NaN where it is not known.
    volatility_source : str
        Who told it.
    results : tuple of StressResult
        Worst first.
    margins : mapping of str to MarginReading
        Maintenance by scenario; under the empty name that of now. Empty where the book has no share or option.
    liquidations : tuple of LiquidationRow
        One for each perpetual.
    grid : SpotVolGrid
        Spot by volatility.
    greeks : PortfolioGreeks
        Of the book.
    max_loss : Decimal
        At expiry, from the marks on.
    value_at_risk : ValueAtRisk or None
        None without a history.
    modelled, bounded : tuple of str
        As in `risk.stress.revaluation.Revaluation`.
    betas : mapping of str to float
        That were used.
    """

    positions: PricedPositions
    volatility_index: float
    volatility_source: str
    results: tuple[StressResult, ...]
    margins: Mapping[str, MarginReading]
    liquidations: tuple[LiquidationRow, ...]
    grid: SpotVolGrid
    greeks: PortfolioGreeks
    max_loss: Decimal
    value_at_risk: ValueAtRisk | None
    modelled: tuple[str, ...]
    bounded: tuple[str, ...]
    betas: Mapping[str, float]


def run_stress(request: StressRequest) -> StressReport:
    """Read, price and revalue a book.

    Parameters
    ----------
    request : StressRequest
        Files and numbers.

    Returns
    -------
    StressReport
        With what is unknown named, and never left out.

    Raises
    ------
    DataError
        A file, a contract or a chain that cannot be used.
    ConfigError
        Scenarios that cannot be.
    """
    config, own = _scenarios(request.scenarios)
    rows = read_book(request.book)
    history = read_history(request.history)
    chains = read_chains(request.chains, request.session)
    market = BookMarket(chains, _prints(rows, history, chains))
    positions = price_positions(rows, market, max_age_s=request.max_age_h * _S_PER_HOUR)
    positions = _with_betas(positions, market, history, request)
    book = positions.book
    level, source = _volatility_now(request, history, market, book)
    scenarios = (*standard_scenarios(config, volatility_index=level), *own)
    shocks = scenario_shocks(book, scenarios)
    found = revalue(book, shocks, terms=config.terms, bounds_unknown=request.bounds_unknown)
    return StressReport(
        positions=positions,
        volatility_index=level,
        volatility_source=source,
        results=stress_results(book, scenarios, found),
        margins=_margins(positions, [each.name for each in scenarios], found.value, shocks.spot_return),
        liquidations=liquidations(positions, [each.name for each in scenarios], found.value),
        grid=spot_vol_grid(book, _SPOT_MOVES, _VOL_SHIFTS, bounds_unknown=request.bounds_unknown),
        greeks=portfolio_greeks(book),
        max_loss=max_loss_of_book(
            [(item, row.quantity) for item, row in zip(positions.instruments, rows, strict=True)], _worth(positions)
        ),
        value_at_risk=_value_at_risk(positions, history, request),
        modelled=found.modelled,
        bounded=found.bounded,
        betas=dict(zip(book.underlyings, book.beta.tolist(), strict=True)),
    )


def _volatility_now(
    request: StressRequest, history: DailyHistory, market: BookMarket, book: PricedBook
) -> tuple[float, str]:
    """Return the 30-day volatility of now, vol points, and who tells it: the user, the index, or the chain itself."""
    if isfinite(request.volatility_index):
        return request.volatility_index, "given"
    level, _ = history.last(request.volatility_name, book.ts_event_ns)
    if isfinite(level):
        return level, request.volatility_name
    for name in dict.fromkeys((book.benchmark, *book.underlyings)):
        view = market.chain(name)
        found = nan if view is None else volatility_of_30_days(view)
        if isfinite(found):
            return 100.0 * found, f"at the money of {name}, {request.volatility_name} is not known"
    return nan, f"give --vix, or a --history with {request.volatility_name}"


def _scenarios(path: Path | None) -> tuple[StressConfig, tuple[Scenario, ...]]:
    if path is None:
        return StressConfig(), ()
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DataError("the scenarios cannot be read", path=str(path), found=str(error)) from error
    unknown = sorted(set(told) - {"standard", "scenario"})
    if unknown or not all(isinstance(each, dict) for each in told.values()):
        raise ConfigError(
            f"{path}: scenarios stand in tables",
            found=", ".join(unknown) or "a value",
            expected="[scenario.NAME], and [standard] for numbers of the standard ones",
        )
    try:
        config = StressConfig(**told.get("standard", {}))
    except TypeError as error:
        wrong = ", ".join(f"{key} = {value!r}" for key, value in told["standard"].items())
        known = ", ".join(StressConfig.__slots__)
        raise ConfigError(f"{path}: [standard] cannot be", found=wrong, expected=f"numbers of {known}") from error
    tables = told.get("scenario", {})
    if loose := sorted(name for name, table in tables.items() if not isinstance(table, dict)):
        raise ConfigError(f"{path}: a scenario is a table", found=", ".join(loose), expected="[scenario.NAME]")
    own = tuple(scenario_of(name, table) for name, table in tables.items())
    taken = {each.name for each in standard_scenarios(config)} & {each.name for each in own}
    if taken:
        raise ConfigError(f"{path}: a standard scenario has this name", found=", ".join(sorted(taken)))
    return config, own


def _prints(
    rows: tuple[BookRow, ...], history: DailyHistory, chains: tuple[OptionChain, ...]
) -> dict[str, tuple[float, int]]:
    """Return the last close of each share of the book that was known at the newest chain; without chains the newest."""
    now_ns = max((chain.ts_event_ns for chain in chains), default=int(np.iinfo(np.int64).max))
    return {row.symbol: history.last(row.symbol, now_ns) for row in rows if row.symbol in history.closes}


def _with_betas(
    positions: PricedPositions, market: BookMarket, history: DailyHistory, request: StressRequest
) -> PricedPositions:
    """Return the book with betas that were given, else those of the last year's days."""
    names = positions.book.underlyings
    symbol = request.benchmark or (names[0] if len(names) == 1 else "")
    if not symbol or (names == (symbol,) and not request.betas):
        return positions
    moves = history.moves((*names, symbol) if symbol not in names else names, request.volatility_name)
    betas = {**betas_of(moves, symbol, positions.book.ts_event_ns), **request.betas}
    return price_positions(
        positions.rows,
        market,
        max_age_s=request.max_age_h * _S_PER_HOUR,
        benchmark=Benchmark(symbol=symbol, betas=betas),
    )


def _margins(
    positions: PricedPositions, names: list[str], value: FloatArray, spot_return: FloatArray
) -> dict[str, MarginReading]:
    book, rules = positions.book, replace(RegTRules(), stage=MarginStage.MAINTENANCE)
    if not any(isinstance(item, Share | OptionContract) for item in positions.instruments):
        return {}
    rows = [("", book.mark, np.zeros(len(book.underlyings)))]
    rows += list(zip(names, value, spot_return, strict=True))
    return {name: stressed_margin(book, positions.instruments, worth, move, rules) for name, worth, move in rows}


def _worth(positions: PricedPositions) -> Decimal:
    book = positions.book
    return Decimal(repr(round(float(book.units * book.multiplier @ book.mark), 2)))


def _value_at_risk(positions: PricedPositions, history: DailyHistory, request: StressRequest) -> ValueAtRisk | None:
    if not request.history:
        return None
    moves = history.moves(positions.book.underlyings, request.volatility_name)
    return book_var(positions.book, moves, request.var, rng=np.random.default_rng(_SEED))

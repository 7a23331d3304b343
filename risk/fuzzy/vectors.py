"""Fuzzy sizing over whole columns, and memberships made once for many sets of weights."""

from __future__ import annotations

from dataclasses import dataclass, fields
from math import nan
from typing import Final

import numpy as np

from market.chains import FloatArray
from market.errors import ConfigError, DataError
from risk.fuzzy.config import FACTORS, SUM_TOLERANCE, FuzzyConfig, SigmaConfig, SigmaRule
from risk.fuzzy.factors import Term
from risk.fuzzy.fusion import fused_columns, needs_all
from risk.fuzzy.kernels import (
    add_crossover,
    add_gaussian,
    add_trapezoid,
    write_crossover,
    write_gaussian,
    write_trapezoid,
)
from risk.fuzzy.memberships import Crossover, Gaussian, Linear, Membership, Trapezoid

__all__ = ["FuzzyColumns", "FuzzyScores", "MembershipTable", "fuzzy_scores", "membership_table"]

# What all sums of a block need stays in the second-level cache.
_BLOCK: Final = 1 << 14
_ALL: Final = 1.0 - 1e-12  # of a sum of weights, in whatever order they were added


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyColumns:
    """The numbers of many bars; None for a column that nobody has, NaN for a single number.

    Parameters
    ----------
    consensus, iv_rank, change_probability, vix, rsi, adx, band_position, band_width, stochastic, volume_ratio : ndarray
        As `risk.fuzzy.score.FuzzyInputs`, shape ``(n_bars,)``.
    sma_distance, sar_clearance, vol_percentile, realised_vol, confidence : ndarray
        As `risk.fuzzy.score.FuzzyInputs`, shape ``(n_bars,)``; each must be known by the close of its bar.

    Raises
    ------
    DataError
        There is no column, or they do not have one length.
    """

    consensus: FloatArray | None = None
    iv_rank: FloatArray | None = None
    change_probability: FloatArray | None = None
    vix: FloatArray | None = None
    rsi: FloatArray | None = None
    adx: FloatArray | None = None
    band_position: FloatArray | None = None
    band_width: FloatArray | None = None
    stochastic: FloatArray | None = None
    volume_ratio: FloatArray | None = None
    sma_distance: FloatArray | None = None
    sar_clearance: FloatArray | None = None
    vol_percentile: FloatArray | None = None
    realised_vol: FloatArray | None = None
    confidence: FloatArray | None = None

    def __post_init__(self) -> None:
        shapes = {column.shape for item in fields(self) if (column := getattr(self, item.name)) is not None}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise DataError(
                "columns of fuzzy sizing do not fit each other",
                found=", ".join(str(each) for each in sorted(shapes)) or "no column",
                expected="one or more of one shape (n_bars,)",
            )

    @property
    def n_bars(self) -> int:
        """How many bars."""
        return next(len(column) for item in fields(self) if (column := getattr(self, item.name)) is not None)

    def column(self, source: str) -> FloatArray | None:
        """Return a column by its name as the kernels take it, None where nobody has it."""
        found: FloatArray | None = getattr(self, source)
        return None if found is None else np.ascontiguousarray(found, dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class FuzzyScores:
    """What fuzzy sizing says at many bars; arrays of shape ``(n_bars,)``.

    Parameters
    ----------
    score, fused_score, coverage, sigma_star, g : ndarray
        As `risk.fuzzy.score.FuzzyReading`; `g` is 0 where the size is 0 for want of data.
    """

    score: FloatArray
    fused_score: FloatArray
    coverage: FloatArray
    sigma_star: FloatArray
    g: FloatArray

    def quantity(self, base_size: float) -> FloatArray:
        """Return ``floor(base_size * g)``, whole packages."""
        found: FloatArray = np.floor(base_size * self.g)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class MembershipTable:
    """Memberships of many bars, made once: what a sweep over weights multiplies.

    Parameters
    ----------
    config : FuzzyConfig
        Whose functions, discount, fusion and guards hold; its weights are replaced.
    values : ndarray, shape (n_terms, n_bars)
        Memberships, 0 where missing.
    present : ndarray, shape (n_terms, n_bars), or None
        1 where present, else 0; None where nothing is missing.
    shares : ndarray, shape (n_factors, n_terms)
        Part of a factor's weight that each term takes.
    sigma_star, confidence : ndarray, shape (n_bars,)
        Discount and confidence of a model.
    """

    config: FuzzyConfig
    values: FloatArray
    present: FloatArray | None
    shares: FloatArray
    sigma_star: FloatArray
    confidence: FloatArray

    def g(self, weights: FloatArray) -> FloatArray:
        """Return the share of the base size under many sets of weights.

        Parameters
        ----------
        weights : ndarray, shape (n_sets, n_factors)
            Points of the simplex, in the order of `FACTORS`.

        Returns
        -------
        ndarray, shape (n_bars, n_sets)
            Shares, 0 where the size is 0 for want of data.

        Raises
        ------
        ConfigError
            A set is no point of the simplex, or the fusion asks for a score by Gaussians, which has no table.
        """
        if weights.ndim != 2 or weights.shape[1] != len(FACTORS):
            raise ConfigError("sets of weights cannot be", found=str(weights.shape), expected=f"(n, {len(FACTORS)})")
        if not ((weights >= 0.0).all() and (np.abs(weights.sum(axis=1) - 1.0) <= SUM_TOLERANCE).all()):
            raise ConfigError("a set of weights is no point of the simplex", expected="each >= 0, of sum 1")
        if self.config.fusion.gaussian > 0.0:
            raise ConfigError("a table holds one family of memberships", found="a fusion with Gaussians")
        by_term = np.ascontiguousarray((weights @ self.shares).T)  # (n_terms, n_sets)
        left_out = weights[:, FACTORS.index("iv_rank")] * self.config.volatility_guard
        n_bars, n_sets = self.sigma_star.shape[0], weights.shape[0]
        found = np.empty((n_bars, n_sets))
        step = max(1, _BLOCK // n_sets)
        for start in range(0, n_bars, step):
            rows = slice(start, start + step)
            found[rows] = self._block(rows, by_term, left_out)
        return found

    def _block(self, rows: slice, by_term: FloatArray, left_out: FloatArray) -> FloatArray:
        whole = by_term.sum(axis=0)
        summed = self.values[:, rows].T @ by_term
        weighed = np.broadcast_to(whole, summed.shape)
        if self.present is not None:
            weighed = self.present[:, rows].T @ by_term
        # A sum by matrix product may end a last digit above its own weights.
        summed = np.minimum(summed, weighed)
        sigma, confidence = self.sigma_star[rows, None], self.confidence[rows, None]
        return _scores(self.config, summed, weighed, whole, whole + left_out, np.full(1, nan), sigma, confidence).g


def fuzzy_scores(config: FuzzyConfig, columns: FuzzyColumns) -> FuzzyScores:
    """Return score, discount and share of every bar: the same numbers as `risk.fuzzy.score.fuzzy_reading` gives one.

    Parameters
    ----------
    config : FuzzyConfig
        The table.
    columns : FuzzyColumns
        What is known at each bar.

    Returns
    -------
    FuzzyScores
        Arrays of shape ``(n_bars,)``.
    """
    whole, total = 0.0, config.left_out
    for term in config.terms:
        whole, total = whole + term.weight, total + term.weight
    summed, weighed = _sums(config.terms, columns, use_gaussian=False)
    gaussian = np.full(1, nan)
    if config.fusion.gaussian > 0.0:
        gaussian = _ratio(*_sums(config.terms, columns, use_gaussian=True))
    confidence = _or_missing(columns.column("confidence"), columns.n_bars)
    sigma = _sigma_star(config.sigma_star, columns)
    return _scores(config, summed, weighed, np.array(whole), np.array(total), gaussian, sigma, confidence)


def membership_table(config: FuzzyConfig, columns: FuzzyColumns) -> MembershipTable:
    """Return the memberships of every bar for sweeps over weights.

    Parameters
    ----------
    config : FuzzyConfig
        Whose functions are read.
    columns : FuzzyColumns
        What is known at each bar.

    Returns
    -------
    MembershipTable
        One column per term.
    """
    shape = (len(config.terms), columns.n_bars)
    values, present = np.zeros(shape), np.zeros(shape)
    for row, term in enumerate(config.terms):
        found = columns.column(term.source)
        if found is not None:
            _write(term.membership, found, values[row], present[row])
    return MembershipTable(
        config=config,
        values=values,
        present=None if present.all() else present,
        shares=_shares(config),
        sigma_star=_sigma_star(config.sigma_star, columns),
        confidence=_or_missing(columns.column("confidence"), columns.n_bars),
    )


def _shares(config: FuzzyConfig) -> FloatArray:
    """Return the part of each factor's weight that a term takes; none of a factor that the guard has taken out."""
    second = {"vix": config.vix.share, "band_width": config.band_width.share}
    first = {"regime_stability": 1.0 - config.vix.share, "bollinger": 1.0 - config.band_width.share}
    found = np.zeros((len(FACTORS), len(config.terms)))
    for place, term in enumerate(config.terms):
        found[FACTORS.index(term.factor), place] = second.get(term.source, first.get(term.factor, 1.0))
    return found


def _sums(terms: tuple[Term, ...], columns: FuzzyColumns, *, use_gaussian: bool) -> tuple[FloatArray, FloatArray]:
    n = columns.n_bars
    summed, present = np.zeros(n), np.zeros(n)
    known = [(term, columns.column(term.source)) for term in terms]
    for start in range(0, n, _BLOCK):
        block = slice(start, start + _BLOCK)
        for term, column in known:
            if column is not None:
                shape = term.gaussian if use_gaussian else term.membership
                _add(shape, column[block], term.weight, summed[block], present[block])
    return summed, present


def _add(shape: Membership, x: FloatArray, weight: float, summed: FloatArray, present: FloatArray) -> None:
    if isinstance(shape, Gaussian):
        add_gaussian(x, shape.low, shape.high, shape.deviation, weight, summed, present)
    elif isinstance(shape, Crossover):
        add_crossover(x, shape.at, shape.steepness, weight, summed, present)
    else:
        add_trapezoid(x, *_corners(shape), weight, summed, present)


def _write(shape: Membership, x: FloatArray, value: FloatArray, present: FloatArray) -> None:
    if isinstance(shape, Gaussian):
        write_gaussian(x, shape.low, shape.high, shape.deviation, value, present)
    elif isinstance(shape, Crossover):
        write_crossover(x, shape.at, shape.steepness, value, present)
    else:
        write_trapezoid(x, *_corners(shape), value, present)


def _corners(shape: Membership) -> tuple[float, float, float, float]:
    found = shape.corners if isinstance(shape, Linear) else shape
    if not isinstance(found, Trapezoid):
        raise ConfigError("a membership has no loop over columns", found=type(shape).__name__)
    return found.zero_low, found.one_low, found.one_high, found.zero_high


def _sigma_star(config: SigmaConfig, columns: FuzzyColumns) -> FloatArray:
    if config.rule is SigmaRule.PERCENTILE:
        rank = _or_missing(columns.column("vol_percentile"), columns.n_bars)
        return np.where((rank >= 0.0) & (rank <= 1.0), rank, nan)
    level = _or_missing(columns.column("realised_vol"), columns.n_bars)
    clipped = np.clip((level - config.low) / (config.high - config.low), 0.0, 1.0)
    return np.where(np.isfinite(level) & (level >= 0.0), clipped, nan)


def _or_missing(column: FloatArray | None, n_bars: int) -> FloatArray:
    return np.full(n_bars, nan) if column is None else column


def _ratio(summed: FloatArray, weighed: FloatArray) -> FloatArray:
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = summed / weighed
    return np.where(weighed > 0.0, found, nan)


def _scores(
    config: FuzzyConfig,
    summed: FloatArray,
    weighed: FloatArray,
    whole: FloatArray,
    total: FloatArray,
    gaussian: FloatArray,
    sigma: FloatArray,
    confidence: FloatArray,
) -> FuzzyScores:
    score, coverage = _ratio(summed, weighed), weighed / total
    blend, blend_coverage, is_silent = fused_columns(config.fusion, score, gaussian, confidence)
    g = blend * (1.0 - sigma)
    is_known = (coverage >= config.min_coverage) & np.isfinite(g)
    if config.coverage_cuts_size:
        g = g * (coverage * blend_coverage)
        is_known &= ~is_silent
        if needs_all(config.fusion):
            is_known &= weighed >= whole * _ALL
    return FuzzyScores(
        score=score,
        fused_score=blend,
        coverage=coverage,
        sigma_star=np.broadcast_to(sigma, score.shape),
        g=np.where(is_known, g, 0.0),
    )

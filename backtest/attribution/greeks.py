"""Profit by Greek: by day, strategy and package, with a residual so that the terms add up to what was marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from backtest.metrics.days import days_of
from backtest.results import GreeksPath, RunResult
from market.chains import FloatArray
from market.errors import NumericsError
from market.trades import Int64Array

__all__ = [
    "GREEK_TERMS",
    "GreekProfit",
    "attributed",
    "greek_profit",
    "greek_profit_by_day",
    "greek_profit_by_package",
    "greek_profit_by_strategy",
]

GREEK_TERMS: Final = ("delta", "gamma", "vega", "theta", "vanna", "volga", "charm", "rho")
"""Terms in the order of `GreeksPath`."""

_RELATIVE_ERROR: Final = 1e-9
_LARGE_RESIDUAL: Final = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class GreekProfit:
    """The marked profit of a group and where it came from; account currency, before costs.

    Parameters
    ----------
    group : str
        Day, strategy, package, or ``all``.
    delta, gamma, vega, theta, vanna, volga, charm, rho : float
        Sum of each term over the group's steps.
    residual : float
        What the terms leave.
    total : float
        Marked profit: the sum of all terms and the residual.
    n_steps : int
        Steps in it.
    n_unknown : int
        Steps whose terms are missing, because a contract had no Greeks; their whole profit stands in the residual.
    """

    group: str
    delta: float
    gamma: float
    vega: float
    theta: float
    vanna: float
    volga: float
    charm: float
    rho: float
    residual: float
    total: float
    n_steps: int
    n_unknown: int

    @property
    def explained(self) -> float:
        """Share of the absolute flow of terms and residual that the terms are; NaN where nothing moved.

        A share of the total would explode where terms cancel, as theta and gamma of a short straddle do.
        """
        terms = sum(abs(getattr(self, name)) for name in GREEK_TERMS)
        whole = terms + abs(self.residual)
        return terms / whole if whole > 0.0 else float("nan")

    @property
    def is_mostly_unexplained(self) -> bool:
        """Whether the residual is more than a quarter of all flow: the terms then tell no story."""
        return self.explained < 1.0 - _LARGE_RESIDUAL


def attributed(path: GreeksPath, rows: Int64Array, group: str) -> GreekProfit:
    """Return the sums of some steps of a path.

    Parameters
    ----------
    path : GreeksPath
        Of a book or a package.
    rows : ndarray of int64, shape (n_rows,)
        Steps that belong to the group.
    group : str
        Its name.

    Returns
    -------
    GreekProfit
        Terms, residual and total add up.

    Raises
    ------
    NumericsError
        The path's own terms and residual do not add up to its total.
    """
    terms = np.stack([getattr(path, f"{name}_usd")[rows] for name in GREEK_TERMS])
    total = path.total_usd[rows]
    known = np.isfinite(terms).all(axis=0)
    summed = np.where(known, terms, 0.0)
    residual = np.where(known, path.residual_usd[rows], total)
    _check(path, rows, summed.sum(axis=0) + residual - total, np.abs(summed).sum(axis=0) + np.abs(total))
    return GreekProfit(
        group=group,
        **{name: float(values.sum()) for name, values in zip(GREEK_TERMS, summed, strict=True)},
        residual=float(residual.sum()),
        total=float(total.sum()),
        n_steps=rows.size,
        n_unknown=int((~known).sum()),
    )


def _check(path: GreeksPath, rows: Int64Array, gap: FloatArray, scale: FloatArray) -> None:
    broken = ~(np.abs(gap) <= _RELATIVE_ERROR * scale + 1e-6)
    if broken.any():
        place = int(np.argmax(broken))
        raise NumericsError(
            "the profit terms of a step do not add up",
            found=f"{gap[place]} too much at {int(path.ts_ns[rows[place]])} ns",
            expected="terms plus residual equal to the marked profit",
            action="take the residual as the total less the sum of the terms",
        )


def greek_profit(path: GreeksPath) -> GreekProfit:
    """Return the sums over a whole path, as group ``all``."""
    return attributed(path, np.arange(path.ts_ns.size), "all")


def greek_profit_by_day(path: GreeksPath, *, calendar: str) -> tuple[GreekProfit, ...]:
    """Return the sums of each exchange day with steps, in time order; the group is the date.

    Parameters
    ----------
    path : GreeksPath
        Of a book or a package.
    calendar : str
        As `backtest.metrics.days.days_of`.

    Returns
    -------
    tuple of GreekProfit
        A step counts to the day in which it ends.
    """
    ends = days_of(path.ts_ns, calendar)
    starts = np.concatenate([[0], ends.place[:-1] + 1]).astype(np.int64)
    return tuple(
        attributed(path, np.arange(start, stop + 1), str(day))
        for day, start, stop in zip(ends.day, starts.tolist(), ends.place.tolist(), strict=True)
    )


def greek_profit_by_package(result: RunResult) -> tuple[GreekProfit, ...]:
    """Return the sums of each package whose path was recorded, in order of their ids.

    Parameters
    ----------
    result : RunResult
        A run with `package_greeks`; the book's own path cannot be divided among packages that were held together.

    Returns
    -------
    tuple of GreekProfit
        Empty where no paths of packages were recorded.
    """
    return tuple(
        attributed(path, np.arange(path.ts_ns.size), package) for package, path in sorted(result.package_greeks.items())
    )


def greek_profit_by_strategy(result: RunResult) -> tuple[GreekProfit, ...]:
    """Return the sums of each strategy over its packages, by name.

    Parameters
    ----------
    result : RunResult
        As `greek_profit_by_package`.

    Returns
    -------
    tuple of GreekProfit
        A package that is neither among the trades nor open counts under ``unknown``.
    """
    owner = {trade.package_id: trade.strategy for trade in result.trades}
    owner |= {held.package_id: held.strategy for held in result.open_packages}
    by_strategy: dict[str, list[GreekProfit]] = {}
    for part in greek_profit_by_package(result):
        by_strategy.setdefault(owner.get(part.group, "unknown"), []).append(part)
    return tuple(_summed(parts, name) for name, parts in sorted(by_strategy.items()))


def _summed(parts: Sequence[GreekProfit], group: str) -> GreekProfit:
    names = (*GREEK_TERMS, "residual", "total")
    sums: Mapping[str, float] = {name: sum(getattr(part, name) for part in parts) for name in names}
    return GreekProfit(
        group=group,
        n_steps=sum(part.n_steps for part in parts),
        n_unknown=sum(part.n_unknown for part in parts),
        **sums,
    )

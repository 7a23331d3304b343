"""What the studies on recorded data share: the mean of a day with its interval, and figures between markers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Final

import numpy as np
from scipy.stats import norm

from backtest.metrics.resampling import bootstrap_intervals, daily_statistics
from backtest.results import RunResult
from fields.evidence.multiplicity import holm_adjusted
from market.chains import FloatArray

__all__ = ["DayMean", "day_mean", "funnel_lines", "holm_cells", "write_figures"]

N_DRAWS: Final = 2_000
_YEAR: Final = 252.0
_AFTER_ENTRY: Final = ("no_valid_mark", "closing_price_known")
"""Gates of packages that are held: no candidate meets them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayMean:
    """Mean of a day with its 95 % interval by the stationary bootstrap.

    Parameters
    ----------
    value, low, high : float
        Mean and interval, in the unit of the days; NaN where there are too few.
    p_value : float
        Two-sided, of a mean of zero, by the bootstrap's standard error.
    """

    value: float
    low: float
    high: float
    p_value: float

    def __str__(self) -> str:
        if np.isnan(self.low):
            return f"{self.value:.1f} [no interval]"
        return f"{self.value:.1f} [{self.low:.1f}, {self.high:.1f}]"


def day_mean(profit: FloatArray, seed: int = 11) -> DayMean:
    """Return the mean of a day, shape ``(n_days,)``, with interval and p-value."""
    statistics = {"mean": daily_statistics(_YEAR)["mean_annual"]}
    (found,) = bootstrap_intervals(profit, statistics, rng=np.random.default_rng(seed), n_draws=N_DRAWS)
    error = found.standard_error
    return DayMean(
        value=found.value / _YEAR,
        low=found.low / _YEAR,
        high=found.high / _YEAR,
        p_value=2.0 * float(norm.sf(abs(found.value) / error)) if error > 0.0 else nan,
    )


def holm_cells(means: list[DayMean]) -> list[str]:
    """Return Holm's p-value of each row of a table, all rows counted, as it is printed."""
    adjusted = holm_adjusted(np.array([each.p_value for each in means]))
    return ["–" if np.isnan(p) else f"{p:.2f}" if p >= 0.005 else "< 0.01" for p in adjusted.tolist()]


def funnel_lines(outcomes: list[tuple[str, RunResult]]) -> list[str]:
    """Return the funnel of each strategy of some runs: candidates, where they were lost, and how trades ended.

    Parameters
    ----------
    outcomes : list of (str, RunResult)
        Name and run. The lines of a run of several strategies carry the names of these.

    Returns
    -------
    list of str
        A table.
    """
    lines = ["| run | candidates | lost at | decided | filled | ended by |", "|---|---:|---|---:|---:|---|"]
    for name, result in outcomes:
        for strategy, gates in result.funnel.items() or [("", {})]:
            shown = name if len(result.funnel) <= 1 else strategy
            lines.append(_funnel_line(shown, result, strategy, gates))
    return lines


def _funnel_line(name: str, result: RunResult, strategy: str, gates: Mapping[str, tuple[int, int]]) -> str:
    asked = {gate: counts for gate, counts in gates.items() if gate not in _AFTER_ENTRY}
    met = next(iter(asked.values()), (0, 0))[0]
    lost = ", ".join(f"{gate} {n - passed}" for gate, (n, passed) in asked.items() if n > passed)
    decided = asked.get("size_at_least_one", (0, 0))[1]
    ended = Counter(trade.exit_reason for trade in result.trades if trade.strategy == strategy)
    n_open = sum(package.strategy == strategy for package in result.open_packages)
    ways = [f"{reason} {n}" for reason, n in sorted(ended.items())] + ([f"still open {n_open}"] if n_open else [])
    return f"| {name} | {met} | {lost} | {decided} | {ended.total() + n_open} | {', '.join(ways)} |"


def write_figures(path: Path, study: str, tables: str) -> None:
    """Put tables between the markers of a study's page; a page that is not there is begun with them."""
    begin, end = f"<!-- figures: benchmarks/{study}.py -->", "<!-- end of figures -->"
    text = path.read_text(encoding="utf-8") if path.is_file() else f"{begin}\n{end}\n"
    head, _, rest = text.partition(begin)
    path.write_text(f"{head}{begin}\n\n{tables}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")

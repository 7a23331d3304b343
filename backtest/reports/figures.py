"""Figures of a run as files for programs: ``metrics.json``, ``baseline_metrics.json``, ``factor_attribution.csv``."""

from __future__ import annotations

import csv
import math
from io import StringIO
from typing import Any

from backtest.attribution.factors import FactorRow, factor_table
from backtest.metrics.headline import BASELINE_METRICS, baseline_metrics
from backtest.reports.analysis import Analysis
from backtest.reports.codec import as_json, encoded

__all__ = ["baseline_json", "factors_csv", "metrics_json", "plain"]


def plain(value: Any) -> Any:
    """Return a message as values of JSON in which a missing number is null.

    Parameters
    ----------
    value : Any
        A message of figures.

    Returns
    -------
    Any
        The reason of a null stands beside it, in ``reason`` or ``reasons``.
    """
    return _without_words(encoded(value))


def _without_words(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_words(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_words(item) for item in value]
    return None if isinstance(value, str) and value in {"nan", "inf", "-inf"} else value


def metrics_json(analysis: Analysis) -> bytes:
    """Return all figures as JSON: headline, intervals, cells, drawdowns, attribution.

    Parameters
    ----------
    analysis : Analysis
        Figures of a run.

    Returns
    -------
    bytes
        UTF-8, keys as the fields of `Analysis` and its parts.
    """
    told = plain(analysis)
    told["metrics"]["reasons"] = dict(analysis.metrics.reasons)
    told["metrics"]["sample"] = analysis.metrics.sample_statement
    return as_json(told)


def baseline_json(analysis: Analysis) -> bytes:
    """Return the metrics under the names of `BASELINE_METRICS`, each that is null with its reason."""
    found = baseline_metrics(analysis.metrics)
    reasons = {name.removeprefix("trades."): why for name, why in analysis.metrics.reasons}
    told: dict[str, Any] = {name: found[name] if math.isfinite(found[name]) else None for name in BASELINE_METRICS}
    told["reasons"] = {name: reasons.get(name, "not defined") for name, value in told.items() if value is None}
    told["simulated"] = analysis.metrics.simulated
    return as_json(told)


def factors_csv(rows: tuple[FactorRow, ...]) -> bytes:
    """Return the tests of factors as CSV under the columns of `factor_table`; a missing number is empty."""
    sink = StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in factor_table(rows))
    return sink.getvalue().encode()


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)

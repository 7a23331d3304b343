"""Presets as rows of tables: what each varies and where, and what a configuration lacks of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.backtest_settings import BacktestSettings
from tuning.space.presets import PRESETS, rows_found

__all__ = ["lacking", "preset_rows"]


def preset_rows(name: str) -> tuple[str, ...]:
    """Return a preset as rows of a Markdown table: what is varied, where it stands, and how.

    Parameters
    ----------
    name : str
        Of `tuning.space.presets.PRESETS`.

    Returns
    -------
    tuple of str
        One for each of its lines.
    """
    paths = (", ".join(f"`{path.lstrip('/')}`" for path in row.paths) for row in PRESETS[name])
    return tuple(
        f"| {row.label} | {where} | {_shown(row.form)} |" for row, where in zip(PRESETS[name], paths, strict=True)
    )


def lacking(name: str, base: BacktestSettings) -> tuple[str, ...]:
    """Return what a configuration lacks of a preset, by the labels of its lines; all of them where it has nothing.

    Parameters
    ----------
    name : str
        Of `tuning.space.presets.PRESETS`.
    base : BacktestSettings
        The configuration.

    Returns
    -------
    tuple of str
        In the order of the preset.
    """
    return tuple(row.label for row, found in rows_found(name, base) if not found)


def _shown(form: Mapping[str, Any]) -> str:
    if "simplex" in form:
        return f"weights that keep their sum; grid of {form['points']} parts"
    if "memberships" in form:
        return f"around what the base tells; grid of {form['points']} points each"
    if "choices" in form:
        return ", ".join(_told(each) for each in form["choices"])
    low, high = form.get("around", (form.get("low"), form.get("high")))
    times = " times what is told" if "around" in form else ""
    ratio = ", by ratio" if form.get("log") else ""
    return f"{_told(low)} to {_told(high)}{times}{ratio}; grid of {form['points']} points"


def _told(value: Any) -> str:
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:.10g}" if isinstance(value, float) else str(value)
    )

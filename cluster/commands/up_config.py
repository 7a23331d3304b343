"""What ``hedgefield up`` takes of a backtest's configuration, such as the winner of a study."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import read_settings
from cluster.settings import FieldSettings

__all__ = ["config_lines", "config_overrides", "merged"]

_WITHOUT: Final = ("provenance", "readings")


def config_overrides(path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the settings that a configuration names, and what is to be said of the rest.

    Parameters
    ----------
    path : pathlib.Path
        Configuration of a backtest, checked as a whole, its strategies included.

    Returns
    -------
    overrides : dict
        Nested settings: impacts, settings of fields, and whose series and bars are which input, as in the backtest.
    lines : tuple of str
        Where it comes from, what is used, and what is not.

    Raises
    ------
    ConfigError
        The file is none, or says what cannot be.
    """
    settings = read_settings(path)
    told = settings.readings
    impact = {symbol: item.model_dump() for symbol, item in told.impact.items()}
    inputs = {"index_series": dict(told.series), "bars_of": dict(told.bars)}
    fields = {name: value for name, value in told.field.items() if name in FieldSettings.model_fields}
    return {"impact": impact, "inputs": inputs, "fields": fields}, config_lines(path, settings)


def config_lines(path: Path, settings: BacktestSettings) -> tuple[str, ...]:
    """Return what is said of a configuration: its origin, what of it is used, and what is not used yet."""
    told, lines = settings.readings, []
    about = settings.provenance
    if about:
        verdict = about.get("verdict", "no verdict")
        lines.append(f"{path}: study {about.get('study', 'unknown')}, {verdict}")
    used = [f"readings.{name}" for name in ("impact", "field", "series", "bars") if getattr(told, name)]
    lines.append(f"{path}: used: {', '.join(used) or 'nothing'}")
    rest = sorted(name for name in settings.model_fields_set if name not in _WITHOUT)
    rest += sorted(f"readings.field.{name}" for name in told.field if name not in FieldSettings.model_fields)
    rest += ["readings.calibrations"] if told.calibrations else []
    lines.append(f"{path}: not used, because up runs feeds and fields and no strategies yet: {', '.join(rest)}")
    return tuple(lines)


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested settings of which the upper ones hold where both say something; None says nothing."""
    found = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping):
            found[key] = merged(found.get(key) or {}, value)
        elif value is not None:
            found[key] = value
    return found

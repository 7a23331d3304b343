"""Files of daily rates, indices and ratios as point-in-time series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from adapters.rates.publication import PUBLISHED, PublicationRule, SeriesTerms
from adapters.rates.tables import numbers_of, read_table, required_day, words_of
from market.chains import FloatArray
from market.errors import DataError
from market.provenance import AsOfSource, Provenance
from market.series import SeriesBatch
from market.trades import Int64Array

__all__ = ["read_series"]

_DATES: Final = ("date", "observation_date", "event_date")
_LABELS: Final = ("index", "symbol", "series", "series_id")
_GROUPS: Final = ("venue", "asset")  # one series per venue and asset
_VALUES: Final = ("value", "close")
_HISTORY: Final = "_history"  # Cboe names its files VIX_History.csv


def read_series(path: Path, *, terms: Mapping[str, SeriesTerms] = PUBLISHED) -> tuple[SeriesBatch, ...]:
    """Read every series of a file.

    Three layouts are known: one column per series beside the date (as the Federal Reserve Bank of St. Louis and
    Cboe write their histories), a column that names the series beside ``close`` or ``value``, and rates per venue and
    asset. A column ``realtime_start`` is the day on which a row was printed, so that a value may have several
    vintages.

    Parameters
    ----------
    path : Path
        ``.csv``, ``.csv.gz`` or ``.parquet``.
    terms : mapping of str to SeriesTerms
        What a column or a name of a series means and when it is published, by its name in lower case.

    Returns
    -------
    tuple of SeriesBatch
        One per series, in the order of the file; columns without terms are passed over.

    Raises
    ------
    DataError
        A row without a date, a cell that is not a number, two values of one vintage, or no known series at all.
    """
    columns = read_table(path)
    days = _days(columns, path)
    found = tuple(
        _batch(item, name, days, values, rows, columns, path)
        for item, name, values, rows in _series_of(columns, path, terms)
    )
    if not found:
        raise DataError(
            "the file holds no series with known terms",
            path=str(path),
            found=", ".join(columns)[:120],
            expected="one of " + ", ".join(sorted(terms)),
            action="pass terms that say what the column means and when it is published",
        )
    return found


def _days(columns: dict[str, list[Any]], path: Path) -> NDArray[np.datetime64]:
    name = next((name for name in _DATES if name in columns), None)
    if name is None:
        raise DataError(
            "the file has no dates", path=str(path), found=", ".join(columns)[:120], expected="a column date"
        )
    days = [required_day(cell, path, row + 2) for row, cell in enumerate(columns[name])]
    return np.array(days, dtype="datetime64[D]")


def _series_of(
    columns: dict[str, list[Any]], path: Path, terms: Mapping[str, SeriesTerms]
) -> Iterator[tuple[SeriesTerms, str, FloatArray, Int64Array]]:
    label = next((name for name in _LABELS if name in columns), None)
    value = next((name for name in _VALUES if name in columns), None)
    if label is not None and value is not None:
        yield from _long(words_of(columns[label]), numbers_of(columns[value], path, value), terms)
        return
    for name, cells in columns.items():
        if name in terms:
            values = numbers_of(cells, path, name)
            if all(group in columns for group in _GROUPS):
                yield from _grouped(columns, values, terms[name])
            else:
                yield terms[name], terms[name].series, values, np.arange(values.size)
    stem = path.name.split(".")[0].lower().removesuffix(_HISTORY)
    if "close" in columns and stem in terms:
        values = numbers_of(columns["close"], path, "close")
        yield terms[stem], terms[stem].series, values, np.arange(values.size)


def _long(
    labels: tuple[str, ...], values: FloatArray, terms: Mapping[str, SeriesTerms]
) -> Iterator[tuple[SeriesTerms, str, FloatArray, Int64Array]]:
    names = np.array(labels)
    for label in dict.fromkeys(labels):
        item = terms.get(label.lower())
        if item is not None:
            yield item, item.series, values, np.flatnonzero(names == label)


def _grouped(
    columns: dict[str, list[Any]], values: FloatArray, item: SeriesTerms
) -> Iterator[tuple[SeriesTerms, str, FloatArray, Int64Array]]:
    labels = np.array([":".join(parts) for parts in zip(*(words_of(columns[g]) for g in _GROUPS), strict=True)])
    days = np.array(words_of(columns[next(name for name in _DATES if name in columns)]))
    for label in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero((labels == label) & np.isfinite(values))
        # Some venues print many rates a day without their hour: the last in the source's order stands for the day.
        _, newest = np.unique(days[rows][::-1], return_index=True)
        yield item, f"{item.series}:{label}", values, np.sort(rows[rows.size - 1 - newest])


@lru_cache(maxsize=1 << 15)
def _instants(rule: PublicationRule, day: date) -> tuple[int, int]:
    """Return of which instant the value of a day speaks, and from when it is known; series of one file share days."""
    return rule.event_ns(day), rule.available_ns(day)


def _batch(
    item: SeriesTerms,
    name: str,
    days: NDArray[np.datetime64],
    values: FloatArray,
    rows: Int64Array,
    columns: dict[str, list[Any]],
    path: Path,
) -> SeriesBatch:
    present = rows[np.isfinite(values[rows])]
    observed = [day.item() for day in days[present]]
    instants = np.array([_instants(item.rule, day) for day in observed], dtype=np.int64).reshape(-1, 2)
    event, available = instants[:, 0], instants[:, 1]
    if "realtime_start" in columns:
        printed = [required_day(columns["realtime_start"][row], path, int(row) + 2) for row in present]
        stamps = np.array([item.rule.printed_ns(day) for day in printed], dtype=np.int64)
        available = np.maximum(available, stamps)
    order = np.lexsort((available, event))
    event, available = event[order], available[order]
    twice = np.flatnonzero((np.diff(event) == 0) & (np.diff(available) == 0))
    if twice.size:
        raise DataError(
            f"{name} has two values of one day",
            path=str(path),
            row=int(present[order[twice[0] + 1]]) + 2,
            found=str(days[present[order[twice[0]]]]),
            expected="one value a day, or a column realtime_start",
            action="remove one",
        )
    return SeriesBatch(
        series=name,
        unit=item.unit,
        ts_event_ns=int(available.max()) if available.size else 0,
        cause_id=f"{path.name}:{name}",
        provenance=Provenance(
            source="daily-series", origin=path.name, simulated=False, as_of_source=AsOfSource.SESSION_CLOSE
        ),
        event_ns=event,
        available_ns=available,
        value=values[present][order] * item.scale,
        n_missing=int(rows.size - present.size),
    )

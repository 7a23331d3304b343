"""Files of news: JSON lines, text or Parquet, each row with the instant from which it was known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.rates.tables import instants_of, read_table, words_of
from market.errors import DataError
from market.news import NewsBatch
from market.provenance import AsOfSource, Provenance

__all__ = ["LINES", "read_news"]

LINES: Final = (".jsonl", ".ndjson")
"""Suffixes of files with one JSON object a line."""
_PUBLISHED: Final = ("published_time", "published_at", "created_at")
_KNOWN: Final = ("known_time", "available_time", "available_at", "updated_at")
_IDS: Final = ("article_id", "id")
_UNTOLD: Final = -1


def read_news(path: Path, *, zone: str = "UTC") -> NewsBatch:
    """Read articles.

    Parameters
    ----------
    path : Path
        ``.jsonl``, ``.ndjson``, ``.csv``, ``.csv.gz`` or ``.parquet`` with ``published_time`` (or ``published_at``,
        ``created_at``) and ``headline``; optional are ``known_time`` (or ``available_time``, ``available_at``,
        ``updated_at``), ``article_id`` (or ``id``), ``source``, and ``symbols``: a list, or words apart by blanks,
        commas or semicolons.
    zone : str
        Time zone of times that name none.

    Returns
    -------
    NewsBatch
        In order of knowledge. A row without an instant of its own is known from its publication.

    Raises
    ------
    DataError
        A missing column, a time that cannot be read, or a line that is no JSON object.
    """
    columns = _lines(path) if path.suffix in LINES else read_table(path)
    published = next((name for name in _PUBLISHED if name in columns), None)
    if published is None or "headline" not in columns:
        raise DataError(
            "the news cannot be read",
            path=str(path),
            found=", ".join(columns)[:120],
            expected="the columns published_time and headline",
            action="rename the columns",
        )
    n = len(columns["headline"])
    first = instants_of(columns[published], zone, path)
    told = next((columns[name] for name in _KNOWN if name in columns), [None] * n)
    known = np.maximum(instants_of(told, zone, path, empty=_UNTOLD), first)
    headline, source = words_of(columns["headline"]), words_of(columns.get("source", [""] * n))
    given = words_of(next((columns[name] for name in _IDS if name in columns), [""] * n))
    ids = tuple(given[row] or f"{int(first[row])}|{headline[row]}" for row in range(n))
    symbols = tuple(_symbols(cell) for cell in columns.get("symbols", [""] * n))
    order = np.argsort(known, kind="stable")
    return NewsBatch(
        ts_event_ns=int(known.max()) if n else 0,
        cause_id=path.name,
        provenance=Provenance(source="news-file", origin=path.name, simulated=False, as_of_source=AsOfSource.STAMPED),
        article_id=tuple(ids[row] for row in order),
        published_ns=first[order],
        available_ns=known[order],
        headline=tuple(headline[row] for row in order),
        source=tuple(source[row] for row in order),
        symbols=tuple(symbols[row] for row in order),
    )


def _symbols(cell: Any) -> tuple[str, ...]:
    words = cell if isinstance(cell, list) else str(cell or "").replace(",", " ").replace(";", " ").split()
    return tuple(dict.fromkeys(str(word).strip().upper() for word in words if str(word).strip()))


def _lines(path: Path) -> dict[str, list[Any]]:
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8-sig").splitlines(), start=1):
        if line.strip():
            rows.append(_object(line, path, number))
    names = dict.fromkeys(name for row in rows for name in row)
    return {name: [row.get(name) for row in rows] for name in names}


def _object(line: str, path: Path, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        row = None
    if not isinstance(row, dict):
        raise DataError(
            "a line is no JSON object",
            path=str(path),
            row=number,
            found=line[:60],
            expected='an object such as {"published_time": ..., "headline": ...}',
            action="correct or remove the line",
        )
    return {str(name).strip().lower(): value for name, value in row.items()}

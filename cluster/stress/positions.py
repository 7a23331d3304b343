"""Positions of a file: TOML, CSV or JSON, or what a backtest's run still held at its end."""

from __future__ import annotations

import csv
import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from market.errors import DataError
from market.tradables import Instrument

__all__ = ["BookRow", "read_book"]

_KEYS: Final = (
    "instrument",
    "quantity",
    "strategy",
    "package",
    "entry_price",
    "mark",
    "collateral",
    "maintenance_rate",
)
_EXAMPLE: Final = 'rows of instrument and quantity, such as "SPXW250919P06000000" and -1'
_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """One position as it was written down.

    Parameters
    ----------
    symbol : str
        OCC symbol, share, or unified name of a perpetual.
    quantity : Decimal
        Positive long, negative short.
    strategy, package : str
        Whose; empty where it was not told.
    entry_price : float
        Paid per unit; NaN where it was not told.
    mark : float
        What it is worth per unit by the writer's own knowledge; NaN where the market is to tell.
    collateral : float
        Margin of a perpetual of its own, quote currency; NaN where it was not told.
    maintenance_rate : float
        Maintenance margin of a perpetual as a fraction of its notional; NaN where it was not told.
    place : str
        Where it stands: file and row.
    instrument : Instrument or None
        The instrument itself where the source knows it.
    """

    symbol: str
    quantity: Decimal
    strategy: str = ""
    package: str = ""
    entry_price: float = _NAN
    mark: float = _NAN
    collateral: float = _NAN
    maintenance_rate: float = _NAN
    place: str = ""
    instrument: Instrument | None = None


def read_book(path: Path) -> tuple[BookRow, ...]:
    """Read positions.

    Parameters
    ----------
    path : pathlib.Path
        A file of positions, recognised by its suffix, or the folder of a finished run.

    Returns
    -------
    tuple of BookRow
        At least one.

    Raises
    ------
    DataError
        Nothing there, or a row that cannot be.
    """
    rows = _of_run(path) if path.is_dir() else _of_file(path)
    if not rows:
        raise DataError("the book holds no position", path=str(path), expected=_EXAMPLE)
    return rows


def _of_run(path: Path) -> tuple[BookRow, ...]:
    from cluster.backtests.stored_runs import opened_run

    if not (path / "provenance.json").is_file():
        raise DataError(
            "this folder is no run", path=str(path), found="no provenance.json", expected="a run folder, or a file"
        )
    result = opened_run(path).result
    known = {leg.instrument.symbol: leg.instrument for order in result.orders for leg in order.intent.legs}
    rows = []
    for package in result.open_packages:
        known |= {leg.instrument.symbol: leg.instrument for leg in package.legs}
        units = package.units or {leg.instrument.symbol: leg.ratio * package.quantity for leg in package.legs}
        for symbol, quantity in units.items():
            rows.append(
                BookRow(
                    symbol=symbol,
                    quantity=Decimal(quantity),
                    strategy=package.strategy,
                    package=package.package_id,
                    place=str(path),
                    instrument=known.get(symbol),
                )
            )
    return tuple(rows)


def _of_file(path: Path) -> tuple[BookRow, ...]:
    readers = {".toml": _of_toml, ".json": _of_json, ".csv": _of_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            "a book is none of the known files",
            path=str(path),
            found=path.suffix or "no suffix",
            expected=".toml, .csv, .json, or the folder of a run",
        )
    if not path.is_file():
        raise DataError("there is no such book", path=str(path), expected="a file of positions, or the folder of a run")
    try:
        rows = reader(path)
    except (OSError, UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DataError("the book cannot be read", path=str(path), found=str(error), expected=_EXAMPLE) from error
    return tuple(_row(each, path, number) for number, each in rows)


def _of_toml(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    return _listed(told.get("position"), path, "[[position]]")


def _of_json(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    told = json.loads(path.read_text(encoding="utf-8"))
    return _listed(told.get("positions") if isinstance(told, Mapping) else told, path, '{"positions": [...]}')


def _listed(rows: object, path: Path, form: str) -> list[tuple[int, Mapping[str, Any]]]:
    if not isinstance(rows, Sequence) or isinstance(rows, str) or not all(isinstance(row, Mapping) for row in rows):
        raise DataError("the book has another form", path=str(path), expected=f"{form} with {_EXAMPLE}")
    return list(enumerate(rows, start=1))


def _of_csv(path: Path) -> list[tuple[int, Mapping[str, Any]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        head = [str(name).strip() for name in reader.fieldnames or ()]
        if not {"instrument", "quantity"} <= set(head):
            raise DataError(
                "the book has other columns",
                path=str(path),
                row=1,
                found=", ".join(head) or "none",
                expected=", ".join(_KEYS) + "; the first two at least",
            )
        reader.fieldnames = head
        return [
            (reader.line_num, {key: value for key, value in row.items() if value not in {"", None}}) for row in reader
        ]


def _row(told: Mapping[str, Any], path: Path, number: int) -> BookRow:
    unknown = sorted(str(key) for key in set(told) - set(_KEYS))
    symbol = told.get("instrument", "")
    if unknown or not isinstance(symbol, str) or not symbol.strip():
        found = f"unknown {', '.join(unknown)}" if unknown else f"instrument {symbol!r}"
        raise DataError("a position cannot be read", path=str(path), row=number, found=found, expected=", ".join(_KEYS))
    quantity = _decimal(told.get("quantity"))
    if quantity is None or not quantity:
        raise DataError(
            "a position has no quantity",
            path=str(path),
            row=number,
            found=repr(told.get("quantity")),
            expected="a number other than 0, positive long",
        )
    return BookRow(
        symbol=symbol.strip(),
        quantity=quantity,
        strategy=str(told.get("strategy", "")),
        package=str(told.get("package", "")),
        entry_price=_price(told, "entry_price", path, number),
        mark=_price(told, "mark", path, number),
        collateral=_price(told, "collateral", path, number),
        maintenance_rate=_price(told, "maintenance_rate", path, number),
        place=f"{path}, row {number}",
    )


def _price(told: Mapping[str, Any], key: str, path: Path, number: int) -> float:
    if key not in told:
        return _NAN
    found = _decimal(told[key])
    if found is None or found < 0:
        raise DataError(
            f"a position's {key} cannot be", path=str(path), row=number, found=repr(told[key]), expected=">= 0"
        )
    return float(found)


def _decimal(value: object) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return found if found.is_finite() and math.isfinite(float(found)) else None

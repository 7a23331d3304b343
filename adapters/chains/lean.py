"""Lean's minute archives: one zip per underlying, day and kind (quote, trade, open interest), one file per contract."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np

from adapters.chains.assemble import Contracts, SnapshotKey, assemble
from adapters.chains.optionsdx import root_without_symbol
from adapters.chains.source import SourceFile, foreign_errors
from adapters.chains.table import SingleSource, day_of
from market.chains import FloatArray
from market.clock import ns_of_datetime
from market.errors import DataError
from market.provenance import AsOfSource

__all__ = ["is_lean_member", "read_lean_archive"]

_MEMBER = re.compile(
    r"(?P<day>\d{8})_(?P<symbol>[a-z0-9.]+)_minute_(?P<kind>quote|trade|openinterest)_(?:american|european)_"
    r"(?P<right>call|put)_(?P<strike>\d+)_(?P<expiry>\d{8})\.csv"
)
_KINDS = ("quote", "trade", "openinterest")
_SCALE = 10_000.0  # prices and strikes are integers of 1/10000 dollar
_MINUTE_MS = 60_000
_EASTERN = ZoneInfo("America/New_York")
_COLUMNS = {"quote": 11, "trade": 6, "openinterest": 2}
_BID_CLOSE, _BID_SIZE, _ASK_CLOSE, _ASK_SIZE = 4, 5, 9, 10


def is_lean_member(name: str) -> bool:
    """Return whether a name inside an archive is that of a Lean minute file of one contract."""
    return _MEMBER.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Contract:
    right: str
    strike: int
    expiry: str


_Bars = dict[_Contract, FloatArray]


def read_lean_archive(source: SourceFile) -> SingleSource:
    """Read the chain at the end of a day from a Lean archive and its siblings of the other kinds.

    Parameters
    ----------
    source : SourceFile
        Any one of ``DAY_quote_STYLE.zip``, ``DAY_trade_STYLE.zip`` and ``DAY_openinterest_STYLE.zip``; the others are
        looked for beside it, because no archive holds all that a chain needs.

    Returns
    -------
    SingleSource
        Its one snapshot: all contracts of these archives, with the last quote, the last trade and the volume of the
        day, and the open interest. What no archive holds is NaN: a chain without the quote archive has no quotes.
        The as-of instant is that of the last quote; without quotes that of the last trade, then of the open interest.
    """
    day, symbol = _day_and_symbol(source)
    kinds = {kind: _bars(archive, kind, day, symbol) for kind, archive in _siblings(source).items()}
    contracts = list(dict.fromkeys(contract for kind in _KINDS for contract in kinds.get(kind, {})))
    with foreign_errors(source.path, what="the Lean archive cannot be read"):
        chain = assemble(
            _columns(contracts, kinds, symbol),
            SnapshotKey(
                symbol=symbol,
                session=day,
                ts_event_ns=_as_of(day, kinds),
                as_of_source=AsOfSource.STAMPED,
                n_contracts=len(contracts),
            ),
            source="lean-minute",
            path=source.path,
        )
    return SingleSource(path=source.path, chain=chain)


def _siblings(source: SourceFile) -> dict[str, SourceFile]:
    own = next((kind for kind in _KINDS if _holds(source, kind)), "quote")
    found = {own: source}
    for kind in _KINDS:
        path = source.path.with_name(_sibling_name(source.path, kind))
        if kind != own and path != source.path and path.is_file():
            found[kind] = SourceFile.open(path)
    return found


def _holds(source: SourceFile, kind: str) -> bool:
    return f"_minute_{kind}_".encode() in source.head


def _sibling_name(path: Path, kind: str) -> str:
    return re.sub(rf"_({'|'.join(_KINDS)})_", f"_{kind}_", path.name)


def _day_and_symbol(source: SourceFile) -> tuple[date, str]:
    found = re.search(rb"(\d{8})_([a-z0-9.]+)_minute_", source.head)
    if found is None:
        raise DataError(
            "the archive does not begin with a Lean minute file",
            path=str(source.path),
            found="other members first",
            expected="members such as 20151224_goog_minute_quote_american_call_7200000_20160115.csv only",
            action="unpack the archive and keep Lean's files alone",
        )
    return day_of(found[1].decode(), source.path), found[2].decode().upper()


def _bars(source: SourceFile, kind: str, day: date, symbol: str) -> _Bars:
    bars: _Bars = {}
    for name, content in source.members().items():
        match = _MEMBER.fullmatch(name)
        if match is None or match["kind"] != kind:
            continue
        if match["day"] != f"{day:%Y%m%d}" or match["symbol"].upper() != symbol:
            raise DataError(
                "the archive holds another day or symbol",
                path=str(source.path),
                found=name,
                expected=f"{kind} files of {symbol} on {day.isoformat()} only",
                action="keep the archives of one day and symbol under the names that Lean gives",
            )
        contract = _Contract(right=match["right"], strike=int(match["strike"]), expiry=match["expiry"])
        # Contracts have few bars each, so a parse per contract is cheap; the last bar is the day's end.
        lines = content.decode("ascii", "replace").split()
        rows = [_cells(line, _COLUMNS[kind], source.path, name) for line in lines]
        bars[contract] = np.array(rows, dtype=np.float64).reshape(len(rows), _COLUMNS[kind])
    return bars


def _cells(line: str, n_columns: int, path: Path, name: str) -> list[float]:
    cells = line.split(",")
    try:
        values = [float(cell) if cell else np.nan for cell in cells]
    except ValueError:
        values = []
    if len(values) != n_columns:
        raise DataError(
            f"a line of {name} is not a Lean bar",
            path=str(path),
            found=repr(line[:80]),
            expected=f"{n_columns} numbers",
            action="fetch the archive again",
        )
    return values


def _as_of(day: date, kinds: dict[str, _Bars]) -> int:
    midnight = ns_of_datetime(datetime(day.year, day.month, day.day, tzinfo=_EASTERN))
    for kind in _KINDS:
        stamps = [float(bars[-1, 0]) for bars in kinds.get(kind, {}).values() if bars.size]
        if stamps:
            # Bars are stamped with their start, open interest with its instant.
            return midnight + (int(max(stamps)) + (0 if kind == "openinterest" else _MINUTE_MS)) * 1_000_000
    return midnight


def _columns(contracts: list[_Contract], kinds: dict[str, _Bars], symbol: str) -> Contracts:
    def last(kind: str, column: int) -> FloatArray:
        bars = kinds.get(kind, {})
        return np.array([bars[c][-1, column] if c in bars and bars[c].size else np.nan for c in contracts])

    def side(column: int) -> FloatArray:
        price = last("quote", column) / _SCALE
        # A bar without this side says that nobody bid (or offered); without any bar nothing is known.
        return np.where(np.isnan(price) & np.isfinite(last("quote", 0)), 0.0, price)

    traded = kinds.get("trade")
    n = len(contracts)
    return Contracts(
        root=np.full(n, root_without_symbol(symbol).encode()),
        expiration=np.array(
            [f"{c.expiry[:4]}-{c.expiry[4:6]}-{c.expiry[6:]}" for c in contracts], dtype="datetime64[D]"
        ),
        right=np.array([c.right == "call" for c in contracts]).astype(np.int8),
        strike=np.array([c.strike for c in contracts]) / _SCALE,
        bad=np.zeros(n, dtype=np.bool_),
        bid=side(_BID_CLOSE),
        ask=side(_ASK_CLOSE),
        bid_size=last("quote", _BID_SIZE),
        ask_size=last("quote", _ASK_SIZE),
        last=last("trade", 4) / _SCALE,
        # A contract that the trade archive does not list did not trade.
        volume=np.array(
            [np.nan if traded is None else float(traded[c][:, 5].sum()) if c in traded else 0.0 for c in contracts]
        ),
        open_interest=last("openinterest", 1),
    )

"""Lean's minute archives of options: one zip per underlying, day and kind, one text file per contract."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
from numpy.typing import NDArray

from adapters.chains.source import SourceFile
from adapters.ticks.bars import outside_session
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TickDrop, TradeRows
from adapters.ticks.tables import contract_rows, eastern_ns
from market.trades import QuoteBatch, TradeBatch, TradeFlag

__all__ = ["LeanArchive", "archive_kind", "archive_rows", "archive_siblings", "archive_symbol"]

_MEMBER = re.compile(
    r"(?P<day>\d{8})_(?P<symbol>[a-z0-9.]+)_minute_(?P<kind>quote|trade|openinterest)_(?:american|european)_"
    r"(?P<right>call|put)_(?P<strike>\d+)_(?P<expiry>\d{8})\.csv"
)
_HEAD = re.compile(rb"\d{8}_([a-z0-9.]+)_minute_(quote|trade|openinterest)_")
_KINDS = ("quote", "trade", "openinterest")
_COLUMNS: Final = {"quote": 11, "trade": 6, "openinterest": 2}
_SCALE: Final = 10_000.0
_MINUTE_NS: Final = 60_000_000_000
_DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveRows:
    """All lines of an archive, by time; arrays of shape (n_rows,) and the numbers (n_rows, n_columns)."""

    ts_ns: NDArray[np.int64]
    strike: NDArray[np.float64]
    expiration: NDArray[np.datetime64]
    right: NDArray[np.str_]
    values: NDArray[np.float64]
    malformed: int


def archive_kind(source: SourceFile) -> str | None:
    """Return ``quote``, ``trade`` or ``openinterest`` of an archive, or None where it is not one of Lean's."""
    found = _HEAD.search(source.head)
    return None if found is None else found[2].decode()


def archive_symbol(source: SourceFile) -> str:
    """Return the underlying of an archive."""
    found = _HEAD.search(source.head)
    return "" if found is None else found[1].decode().upper()


def archive_siblings(path: Path) -> tuple[Path, ...]:
    """Return the archives of the other kinds of the same day that lie beside one."""
    names = {re.sub(rf"_({'|'.join(_KINDS)})_", f"_{kind}_", path.name) for kind in _KINDS}
    return tuple(path.with_name(name) for name in sorted(names - {path.name}) if path.with_name(name).is_file())


def archive_rows(source: SourceFile, kind: str) -> ArchiveRows:
    """Read all files of a kind in an archive.

    Parameters
    ----------
    source : SourceFile
        The archive.
    kind : str
        ``quote``, ``trade`` or ``openinterest``.

    Returns
    -------
    ArchiveRows
        Sorted by time, equal times in the order of the archive; a line that is none of Lean's is counted.
    """
    strikes, expiries, rights, days, values, malformed = [], [], [], [], [], 0
    for name, content in source.members().items():
        match = _MEMBER.fullmatch(name)
        lines = content.decode("ascii", "replace").split()
        if match is None or match["kind"] != kind:
            malformed += len(lines)
            continue
        for line in lines:
            cells = _cells(line, _COLUMNS[kind])
            if cells is None:
                malformed += 1
                continue
            values.append(cells)
            strikes.append(int(match["strike"]) / _SCALE)
            expiries.append(_day(match["expiry"]))
            rights.append("C" if match["right"] == "call" else "P")
            days.append(_day(match["day"]))
    table = np.array(values, dtype=np.float64).reshape(len(values), _COLUMNS[kind])
    ms = table[:, 0]
    usable = (ms >= 0.0) & (ms < _DAY_MS)
    wall = np.array(days, dtype="datetime64[ns]") + np.where(usable, ms, 0.0).astype("timedelta64[ms]")
    ts_ns = np.where(usable, eastern_ns(wall), 0)
    order = np.argsort(ts_ns, kind="stable")
    return ArchiveRows(
        ts_ns=ts_ns[order],
        strike=np.array(strikes)[order],
        expiration=np.array(expiries, dtype="datetime64[D]")[order],
        right=np.array(rights, dtype=np.str_)[order],
        values=table[order],
        malformed=malformed,
    )


def _day(digits: str) -> np.datetime64:
    try:
        return np.datetime64(f"{digits[:4]}-{digits[4:6]}-{digits[6:]}", "D")
    except ValueError:
        return np.datetime64("NaT", "D")


def _cells(line: str, n_columns: int) -> list[float] | None:
    try:
        cells = [float(cell) if cell else np.nan for cell in line.split(",")]
    except ValueError:
        return None
    return cells if len(cells) == n_columns else None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LeanArchive:
    """The quote bars or trade bars of one archive.

    Parameters
    ----------
    source : SourceFile
        The archive, read at once.
    symbol : str
        Underlying.
    kind : str
        ``quote`` or ``trade``.
    root : str
        Option root.
    calendar : str or None
        Leave out what lies outside the regular sessions of this calendar.
    """

    source: SourceFile
    symbol: str
    kind: str
    root: str
    calendar: str | None = None

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return f"lean-minute-{self.kind}s"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the bars in order of time; a bar is known at its end.

        Parameters
        ----------
        tally : Tally
            Counts what is read and what is left out.

        Yields
        ------
        tuple of QuoteBatch or TradeBatch
            A part of the archive, in order of time.
        """
        rows = archive_rows(self.source, self.kind)
        tally.read += rows.malformed
        tally.drop(TickDrop.BAD_ROW, rows.malformed)
        ts_ns = np.where(rows.ts_ns > 0, rows.ts_ns + _MINUTE_NS, 0)
        contracts, contract, bad = contract_rows(
            root=np.full(ts_ns.size, self.root),
            expiration=rows.expiration,
            strike=rows.strike,
            right=rows.right,
            ts_ns=ts_ns,
            path=self.path,
        )
        refused = {TickDrop.BAD_ROW: bad}
        if self.calendar is not None:
            refused[TickDrop.OUTSIDE_SESSION] = outside_session(ts_ns, self.calendar)
        writer, values = RowWriter(symbol=self.symbol, source=self.format, path=self.path), rows.values
        if self.kind == "quote":
            quotes = QuoteRows(
                contract=contract,
                ts_ns=ts_ns,
                bid=values[:, 4] / _SCALE,
                ask=values[:, 9] / _SCALE,
                bid_size=values[:, 5],
                ask_size=values[:, 10],
            )
            yield (writer.quotes(quotes, contracts, tally, refused),)
            return
        flags = np.full(ts_ns.size, int(TradeFlag.BAR), dtype=np.uint8)
        trades = TradeRows(contract=contract, ts_ns=ts_ns, price=values[:, 4] / _SCALE, size=values[:, 5], flags=flags)
        yield (writer.trades(trades, contracts, tally, refused),)

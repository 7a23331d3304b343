"""The quote table that Cboe's site offers as CSV: two lines of preamble, then a call and a put per line.

The preamble is written in the language of the downloader's browser; the table is not, but spreadsheets re-save it with
semicolons and decimal commas, so both are detected.
"""

from __future__ import annotations

import math
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble
from adapters.chains.columns import ColumnReader
from adapters.chains.delimited import Dialect, read_lines
from adapters.chains.occ import OccSymbols, parse_occ
from adapters.chains.source import SourceFile, foreign_errors
from adapters.chains.table import SingleSource, underlying_of
from market.calendars import latest_session
from market.clock import ns_of_datetime
from market.errors import DataError
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["header_line", "read_quote_table"]

_SIDE = ("symbol", "last", "net", "bid", "ask", "volume", "iv", "delta", "gamma", "open_interest")
_COLUMNS = ("expiration", *(f"c_{name}" for name in _SIDE), "strike", *(f"p_{name}" for name in _SIDE))
# What is read, and as what; the change of the day is not.
_KINDS = {
    name: pa.string() if name == "expiration" or name.endswith("symbol") else pa.float64()
    for name in _COLUMNS
    if not name.endswith("_net")
}
_EASTERN = ZoneInfo("America/New_York")
_ZONES: dict[str, tzinfo] = {
    "EDT": timezone(timedelta(hours=-4)),
    "EST": timezone(timedelta(hours=-5)),
    "ET": _EASTERN,
    "CDT": timezone(timedelta(hours=-5)),
    "CST": timezone(timedelta(hours=-6)),
    "MDT": timezone(timedelta(hours=-6)),
    "MST": timezone(timedelta(hours=-7)),
    "PDT": timezone(timedelta(hours=-7)),
    "PST": timezone(timedelta(hours=-8)),
    "GMT": UTC,
    "UTC": UTC,
}
# English, Portuguese, Spanish, French, Italian, German and Dutch, by the letters that tell them apart.
_MONTHS = (
    ("jan", "ene", "gen"),
    ("feb", "fev"),
    ("mar", "maer", "mrt", "maa"),
    ("apr", "abr", "avr"),
    ("may", "mai", "mag", "mei"),
    ("jun", "juin", "giu"),
    ("jul", "juil", "lug"),
    ("aug", "ago", "aou"),
    ("sep", "set"),
    ("oct", "out", "okt", "ott"),
    ("nov",),
    ("dec", "dez", "dic"),
)
_PRICE = r"(-?\d[\d.,]*)"


def header_line(text: str) -> int | None:
    """Return the index of the table's header line within the first lines of a text, or None where there is none."""
    for number, line in enumerate(text.splitlines()[:12]):
        cells = [cell.strip().strip('"').lower() for cell in re.split(r"[,;\t|]", line)]
        # Two of the three are enough to know the table; a missing or renamed one is said by its header check.
        if len({"calls", "puts", "strike"} & set(cells)) >= 2 and "bid" in cells:
            return number
    return None


def read_quote_table(source: SourceFile) -> SingleSource:
    """Read a Cboe quote table.

    Parameters
    ----------
    source : SourceFile
        The file.

    Returns
    -------
    SingleSource
        Its one snapshot.
    """
    content = source.read()
    text = _text(content[: len(source.head)])
    header = header_line(text)
    if header is None:
        raise DataError("the table has no header", path=str(source.path), expected="a line with Calls, Strike and Puts")
    lines = text.splitlines()
    dialect = Dialect.of(lines[header], lines[header + 1 : header + 6])
    _check_header(source, lines[header], dialect, header + 1)
    rows = read_lines(source, content, dialect, names=_COLUMNS, skip=header + 1, kinds=_KINDS)
    preamble = " ".join(lines[:header])
    with foreign_errors(source.path, what="the quote table cannot be read"):
        instant = _instant(preamble, source)
        symbols = _symbols(rows.table)
        occ = parse_occ(symbols)
        symbol = underlying_of(symbols[: rows.table.num_rows], occ, source.path, column="c_symbol")
        session = latest_session(product_of(symbol).calendar, instant)
        key = SnapshotKey(
            symbol=symbol,
            session=session.day,
            ts_event_ns=instant,
            as_of_source=AsOfSource.STAMPED,
            n_contracts=2 * (rows.table.num_rows + rows.malformed),
        )
        contracts = _contracts(rows.table, symbols, occ, preamble)
        chain = assemble(contracts, key, source="cboe-quote-table", path=source.path, malformed=2 * rows.malformed)
    return SingleSource(path=source.path, chain=chain)


def _text(start: bytes) -> str:
    # Only the preamble and the header are read from it, so a letter cut in two at its end does no harm.
    lines = start.splitlines(keepends=True)[:40]
    try:
        return b"".join(lines).decode("utf-8-sig")
    except UnicodeDecodeError:
        return b"".join(lines).decode("latin-1")


def _check_header(source: SourceFile, line: str, dialect: Dialect, row: int) -> None:
    cells = dialect.split(line)
    places = {name: cells.index(name) for name in ("calls", "strike", "puts") if name in cells}
    if len(cells) != len(_COLUMNS) or places != {"calls": 1, "strike": 11, "puts": 12}:
        raise DataError(
            "the quote table has unknown columns",
            path=str(source.path),
            row=row,
            found=f"{len(cells)} columns: {line[:120]}",
            expected="22 columns: expiration, 10 of the call, strike, 10 of the put",
            action="download the table again from Cboe's delayed quotes, all expirations and all strikes",
        )


def _symbols(table: pa.Table) -> NDArray[np.bytes_]:
    reader = ColumnReader(table)
    return np.concatenate([reader.text("c_symbol"), reader.text("p_symbol")])


def _contracts(table: pa.Table, symbols: NDArray[np.bytes_], occ: OccSymbols, preamble: str) -> Contracts:
    reader = ColumnReader(table)
    strike, expiration = reader.number("strike"), reader.day("expiration")
    # One side's unreadable cell must not cost the other side its row.
    shared = reader.bad.copy()
    sides = []
    for side in ("c", "p"):
        one = ColumnReader(table)
        numbers = {name: one.number(f"{side}_{name}") for name in _SIDE if name not in {"symbol", "net"}}
        sides.append((numbers, shared | one.bad))
    columns: dict[str, Any] = {name: np.concatenate([sides[0][0][name], sides[1][0][name]]) for name in sides[0][0]}
    bad = np.concatenate([sides[0][1], sides[1][1]]) | ~occ.valid
    n = reader.n_rows
    bad |= occ.right != np.repeat(np.array([1, 0], dtype=np.int8), n)
    bad |= np.abs(np.tile(strike, 2) - occ.strike) > 5e-4
    bad |= np.tile(expiration, 2) != occ.expiration
    return Contracts(
        root=occ.root,
        expiration=occ.expiration,
        right=occ.right,
        strike=np.tile(strike, 2),
        bad=bad,
        **columns,
        symbols=symbols,
        spot=_spot(preamble),
    )


def _spot(preamble: str) -> Spot:
    def price(name: str) -> float:
        found = re.search(rf"{name}:\s*{_PRICE}", preamble)
        return _price(found[1]) if found else math.nan

    return Spot(last=price("Last"), bid=price("Bid"), ask=price("Ask"))


def _price(text: str) -> float:
    word = text.rstrip(",.")
    # The last of the two separators is the decimal one.
    decimal = "," if word.rfind(",") > word.rfind(".") and not re.fullmatch(r"\d{1,3}(,\d{3})+", word) else "."
    thousands = "." if decimal == "," else ","
    try:
        return float(word.replace(thousands, "").replace(decimal, "."))
    except ValueError:
        return math.nan


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ä", "ae"))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).lower()


def _month(word: str) -> int | None:
    if word.isdigit():
        return int(word) if 1 <= int(word) <= 12 else None
    matches = [(len(stem), i + 1) for i, stems in enumerate(_MONTHS) for stem in stems if word.startswith(stem)]
    return max(matches)[1] if matches else None


def _instant(preamble: str, source: SourceFile) -> int:
    plain = _plain(preamble)
    day = _day(plain)
    clock = re.search(r"(\d{1,2})[:h](\d{2})(?::(\d{2}))?(?:\s*([ap])\.?\s?m\b)?", plain)
    zone = _zone(preamble)
    if day is None or clock is None or zone is None:
        raise _no_instant(preamble, source)
    hour = int(clock[1]) % 12 + (12 if clock[4] == "p" else 0) if clock[4] else int(clock[1])
    try:
        taken = datetime(*day, hour, int(clock[2]), int(clock[3] or 0), tzinfo=zone)
    except ValueError as error:
        raise _no_instant(preamble, source) from error
    return ns_of_datetime(taken)


def _day(plain: str) -> tuple[int, int, int] | None:
    found = re.search(r"\b([a-z]{3,})\.? (\d{1,2})(?:st|nd|rd|th)?,? (?:at )?(\d{4})\b", plain)
    if found and (month := _month(found[1])):
        return int(found[3]), month, int(found[2])
    found = re.search(r"\b(\d{1,2})\.? (?:de |of )?([a-z]{3,})\.?,? (?:de |del )?(\d{4})\b", plain)
    if found and (month := _month(found[2])):
        return int(found[3]), month, int(found[1])
    found = re.search(r"\b(\d{4})-(\d{2})-(\d{2})\b", plain)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None


def _zone(preamble: str) -> tzinfo | None:
    offset = re.search(r"\b(?:GMT|UTC)\s*([+\u2212-])\s*(\d{1,2})(?::?(\d{2}))?", preamble)
    if offset:
        sign = 1 if offset[1] == "+" else -1
        shift = sign * timedelta(hours=int(offset[2]), minutes=int(offset[3] or 0))
        return timezone(shift) if abs(shift) < timedelta(hours=24) else None
    named = re.search(rf"\d\s*(?:[AaPp]\.?[Mm]\.?)?\s+({'|'.join(_ZONES)})\b", preamble)
    return _ZONES[named[1]] if named else None


def _no_instant(preamble: str, source: SourceFile) -> DataError:
    return DataError(
        "the preamble does not say when the table was taken",
        path=str(source.path),
        found=preamble.strip()[:160] or "no preamble",
        expected='a line such as "Date: May 23, 2023 at 7:39 PM EDT" or "28 de agosto de 2025 às 16:25 GMT-4"',
        action="download the table in English, or correct that line",
    )

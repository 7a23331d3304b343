"""Which format a file of ticks has, by its content; symbol and day come from its name where no column tells them."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeAlias

import numpy as np

from adapters.chains.occ import parse_occ
from adapters.chains.source import SourceFile, UnknownFormatError, file_entries, foreign_errors
from adapters.ticks import deribit
from adapters.ticks.bars import BarFile
from adapters.ticks.binance import StreamRecording, StreamTable
from adapters.ticks.books import DepthTable
from adapters.ticks.exchange_ticks import TickTable
from adapters.ticks.interest import MorningInterest, archive_interest, table_interest
from adapters.ticks.lean_archive import LeanArchive, archive_kind, archive_siblings, archive_symbol
from adapters.ticks.lobster import BookMessages
from adapters.ticks.rows import TickFile
from adapters.ticks.signed_bars import SIGNED_COLUMNS, SignedBars
from adapters.ticks.source import TickSource
from adapters.ticks.tables import Clock, column_names, combinations, distinct, has_zone, never_rests
from market.errors import DataError
from market.instruments import product_of

__all__ = ["open_ticks"]

_Opened: TypeAlias = TickFile | MorningInterest | DepthTable
_KNOWN = (
    "minute or hour bars of quotes or trades, ticks by exchange, order-book messages or depth, Lean minute archives, "
    "streams or tables of a crypto exchange, or Deribit option trades"
)
_OPTION = frozenset({"expiration", "strike", "right"})
_QUOTE_BAR = frozenset({"close_bid", "bid_size", "close_ask", "ask_size"})
_TRADE_BAR = frozenset({"close", "volume"})
_BOOK = frozenset({"time_s", "event_type", "size", "price", "direction", "ask_price_1", "bid_price_1"})
_QUOTE_TICK = frozenset({"ms", "bid", "bid_size", "ask", "ask_size", "exchange", "suspicious"})
_TRADE_TICK = frozenset({"ms", "price", "size", "exchange", "condition", "suspicious"})
_TICKER = frozenset({"local_ts_ns", "bid", "bid_qty", "ask", "ask_qty"})
_STREAM_TRADE = frozenset({"local_ts_ns", "trade_id", "price", "qty", "aggressor"})
_DEPTH = frozenset({"local_ts_ns", "update_id", "side", "price", "qty", "is_snapshot"})
_VENUES = frozenset({"time", "exchange", "pair", "contract"}) | _TRADE_BAR
_INTEREST = frozenset({"time", "open_interest"}) | _OPTION
# Words of file names that are not symbols.
_NOT_SYMBOLS = frozenset(
    {
        *("american", "bars", "binance", "book", "data", "depth", "european", "hour", "lean", "level", "lobster"),
        *(
            "minute",
            "multi",
            "openinterest",
            "option",
            "options",
            "perp",
            "polygon",
            "quote",
            "quotes",
            "sample",
            "spot",
        ),
        *("tick", "ticker", "ticks", "trade", "trades", "underlying", "usa", "usdm"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Named:
    """What the caller or the file's name says."""

    path: Path
    given_symbol: str | None
    given_day: date | None
    regular_hours: bool

    @property
    def symbol(self) -> str:
        if self.given_symbol is not None:
            return self.given_symbol
        for word in re.split(r"[^A-Za-z0-9.]+", self.path.name.split(".")[0]):
            if re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", word) and word.lower() not in _NOT_SYMBOLS and not _is_level(word):
                return word.upper()
        raise DataError(
            "nothing tells the symbol of the ticks",
            path=str(self.path),
            found=f"the file name {self.path.name}",
            expected="a symbol in it, such as lean_spy_tick_trade_20131008.parquet",
            action="rename the file or give the symbol",
        )

    @property
    def day(self) -> date:
        found = re.search(r"(?<!\d)(20\d\d|19\d\d)-?(\d\d)-?(\d\d)(?!\d)", self.path.name)
        if self.given_day is not None:
            return self.given_day
        try:
            if found is not None:
                return date(int(found[1]), int(found[2]), int(found[3]))
        except ValueError:
            pass
        raise DataError(
            "nothing tells the day of the ticks",
            path=str(self.path),
            found=f"the file name {self.path.name}",
            expected="a date in it, such as 20131008",
            action="rename the file or give the day",
        )

    def calendar(self, name: str) -> str | None:
        return name if self.regular_hours else None


def _is_level(word: str) -> bool:
    return re.fullmatch(r"level\d+", word.lower()) is not None


def open_ticks(
    *paths: Path, symbol: str | None = None, day: date | None = None, regular_hours: bool = False
) -> TickSource:
    """Open files of trades, quotes, order books and open interest: learn their formats, and read no tick yet.

    Parameters
    ----------
    *paths : Path
        Files in any known format; of a Lean archive the siblings beside it are opened too.
    symbol : str, optional
        Underlying, where neither content nor name tells it.
    day : datetime.date, optional
        Trading day of a file that counts from midnight, where its name does not tell it.
    regular_hours : bool
        Leave out, and count, what lies outside the regular sessions (early closes included) of New York or Cboe.

    Returns
    -------
    TickSource
        All of them as one stream; open interest alone makes one without a minute.
    """
    files: list[TickFile] = []
    interest: list[MorningInterest] = []
    depth: list[DepthTable] = []
    for path in _with_siblings(paths):
        named = _Named(path=path, given_symbol=symbol, given_day=day, regular_hours=regular_hours)
        found = _open(SourceFile.open(path), named)
        files += [item for item in found if not isinstance(item, MorningInterest | DepthTable)]
        depth += [item for item in found if isinstance(item, DepthTable)]
        interest += [item for item in found if isinstance(item, MorningInterest)]
    if not (files or interest or depth):
        raise DataError("there are no trades and no quotes", found=f"{len(paths)} files", action="name a file of ticks")
    return TickSource(files, interest, depth)


def _with_siblings(paths: Iterable[Path]) -> list[Path]:
    found: dict[Path, Path] = {}  # a file that is named twice must not trade twice
    for path in paths:
        found.setdefault(path.resolve(), path)
        if re.search(r"_(quote|trade|openinterest)_(american|european)\.zip$", path.name):
            for sibling in archive_siblings(path):
                found.setdefault(sibling.resolve(), sibling)
    return list(found.values())


def _open(source: SourceFile, named: _Named) -> list[_Opened]:
    if source.head.startswith(b"PAR1"):
        return _open_table(source, named)
    if source.head.startswith(b"PK\x03\x04"):
        return _open_archive(source, named)
    text = source.head.decode("utf-8-sig", "replace").lstrip()
    if re.match(r'\d{10,20} \{"', text):
        stream = re.search(r'"stream":"([a-z0-9]+)@', text)
        return [StreamRecording(source=source, symbol=named.symbol if stream is None else stream[1].upper())]
    if frozenset(text.split("\n", 1)[0].strip().split(",")) >= deribit.COLUMNS:
        coins = deribit.coins(source)
        if not coins:
            raise _unknown(source, "option trades of which none can be read")
        return [deribit.CoinTrades(source=source, symbol=coin) for coin in coins]
    raise _unknown(source, f"text beginning with {text[:60]!r}")


def _open_table(source: SourceFile, named: _Named) -> list[_Opened]:
    columns = frozenset(column_names(source))
    if columns >= _BOOK:
        return [BookMessages(source=source, symbol=named.symbol, day=named.day)]
    for layout, is_quote in ((_QUOTE_TICK, True), (_TRADE_TICK, False)):
        if columns >= layout:
            calendar = named.calendar("NYSE")
            return [TickTable(source=source, symbol=named.symbol, day=named.day, is_quote=is_quote, calendar=calendar)]
    for layout, is_quote in ((_TICKER, True), (_STREAM_TRADE, False)):
        if columns >= layout:
            return [StreamTable(source=source, symbol=_pair(named), is_quote=is_quote)]
    if columns >= _DEPTH:
        return [DepthTable(source=source, symbol=_pair(named))]
    if columns >= _INTEREST:
        root = None if "root" in columns else named.symbol
        return [table_interest(source, product_of(_first_root(source, root)).underlying, root)]
    return _open_bars(source, columns, named)


def _open_bars(source: SourceFile, columns: frozenset[str], named: _Named) -> list[_Opened]:
    if columns >= SIGNED_COLUMNS:
        has_zone(source, "ts_end_utc")  # refuses what holds no instants
        return [SignedBars(source=source, symbol=named.symbol, calendar=named.calendar("NYSE"))]
    if columns >= _VENUES:
        return _venue_bars(source)
    for layout, is_quote in ((_QUOTE_BAR, True), (_TRADE_BAR, False)):
        if columns >= layout and columns & {"time", "time_et"}:
            return _bars(source, columns, named, is_quote=is_quote)
    raise _unknown(source, f"a table with the columns {', '.join(sorted(columns)[:12])}")


def _pair(named: _Named) -> str:
    # The perpetual future has the name of the spot pair, and another price.
    found = re.search(r"usdm|(?<![a-z])perp", named.path.name.lower())
    return named.symbol if found is None else f"{named.symbol}@{found[0].upper()}"


def _venue_bars(source: SourceFile) -> list[_Opened]:
    """Open bars of several crypto exchanges; each pair of each exchange is an underlying of its own."""
    has_zone(source, "time")  # refuses what holds no instants
    return [
        BarFile(
            source=source,
            symbol=_venue_symbol(exchange, pair, contract),
            time="time",
            is_quote=False,
            is_option=False,
            only={"exchange": exchange, "pair": pair, "contract": contract},
            clock=Clock.UTC,
        )
        for exchange, pair, contract in combinations(source, ("exchange", "pair", "contract"))
    ]


def _venue_symbol(exchange: str, pair: str, contract: str) -> str:
    mark = "" if contract.lower() == "spot" else "-PERP" if contract.lower().startswith("perp") else f"-{contract}"
    return f"{re.sub(r'[^A-Za-z0-9]', '', pair)}@{exchange}{mark}".upper()


def _first_root(source: SourceFile, root: str | None) -> str:
    return distinct(source, "root")[0] if root is None else root


def _bars(source: SourceFile, columns: frozenset[str], named: _Named, *, is_quote: bool) -> list[_Opened]:
    time = "time" if "time" in columns else "time_et"
    zoned = has_zone(source, time)
    # What a column says of its zone is not doubted; times without one are New York's, except of coins.
    endless = (zoned or time == "time") and (_is_coin_pair(named) or never_rests(source, time))
    clock = Clock.UTC if zoned or endless else Clock.NEW_YORK
    if "ticker" in columns:
        return _coded_bars(source, time, clock, named, is_quote=is_quote)
    if columns >= _OPTION:
        root = None if "root" in columns else named.symbol
        product = product_of(_first_root(source, root))
        return [
            BarFile(
                source=source,
                symbol=product.underlying,
                time=time,
                is_quote=is_quote,
                is_option=True,
                root=root,
                calendar=named.calendar(product.calendar),
                clock=clock,
            )
        ]
    named_by = {name.upper(): {"symbol": name} for name in distinct(source, "symbol")} if "symbol" in columns else {}
    return [
        BarFile(
            source=source,
            symbol=symbol,
            time=time,
            is_quote=is_quote,
            is_option=False,
            only=only,
            calendar=named.calendar("24/7" if endless else "NYSE"),
            clock=clock,
        )
        for symbol, only in (named_by or {_pair(named) if endless else named.symbol: {}}).items()
    ]


def _is_coin_pair(named: _Named) -> bool:
    return bool(re.search(r"(?i)[a-z0-9]{2,}(usdt|usdc|busd|fdusd)(?![a-z])", named.given_symbol or named.path.name))


def _coded_bars(source: SourceFile, time: str, clock: Clock, named: _Named, *, is_quote: bool) -> list[_Opened]:
    codes = np.array([word.encode("ascii", "replace") for word in distinct(source, "ticker")])
    found = parse_occ(codes)
    products = {product_of(root.decode("ascii", "replace")) for root in np.unique(found.root[found.valid])}
    symbols = {product.underlying for product in products}
    if len(symbols) != 1:
        raise _unknown(source, f"bars of options on {len(symbols)} underlyings", "write one file for each underlying")
    calendar = named.calendar(products.pop().calendar)
    return [
        BarFile(
            source=source,
            symbol=symbols.pop(),
            time=time,
            is_quote=is_quote,
            is_option=True,
            ticker="ticker",
            calendar=calendar,
            clock=clock,
        )
    ]


def _open_archive(source: SourceFile, named: _Named) -> list[_Opened]:
    with foreign_errors(source.path, what="the zip archive cannot be opened"), zipfile.ZipFile(source.path) as archive:
        names = [entry.filename for entry in file_entries(archive)]
    kind = archive_kind(source)
    if kind is not None:
        root = archive_symbol(source)
        product = product_of(root)
        if kind == "openinterest":
            return [archive_interest(source, product.underlying, root)]
        calendar = named.calendar(product.calendar)
        return [LeanArchive(source=source, symbol=product.underlying, kind=kind, root=root, calendar=calendar)]
    messages = [name for name in names if "_message_" in name]
    books = [name for name in names if "_orderbook_" in name]
    if len(messages) == len(books) == 1:
        inside = _Named(
            path=Path(messages[0]),
            given_symbol=named.given_symbol,
            given_day=named.given_day,
            regular_hours=named.regular_hours,
        )
        return [BookMessages(source=source, symbol=inside.symbol, day=inside.day, members=(messages[0], books[0]))]
    raise _unknown(source, f"an archive of other files: {', '.join(names[:3])}")


def _unknown(source: SourceFile, found: str, action: str = "name a file of trades or quotes") -> UnknownFormatError:
    return UnknownFormatError(
        "these are not trades or quotes of a known format",
        path=str(source.path),
        found=found,
        expected=_KNOWN,
        action=action,
    )

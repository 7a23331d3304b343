"""Small chain files in the layouts of the vendors."""

# ruff: noqa: DTZ001  # the vendors' tables hold dates without a zone

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adapters.chains import open_chains
from adapters.store import DataKind, open_store
from market.chains import OptionChain

ENGLISH = '"Date: May 23, 2023 at 7:39 PM EDT",Bid: 4133.9502,Ask: 4162.5498,Size: 1*1,Volume: 0'
PORTUGUESE = "Date: 28 de agosto de 2025 às 16:25 GMT-4,Bid: 6456.5898,Ask: 6527.0098,Size: 1*1,Volume: 0"
_HEADER = (
    "Expiration Date,Calls,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest,Strike,"
    "Puts,Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
)


def quote_row(root: str, expiry: str, strike: float, *, call: str = "", put: str = "") -> str:
    """Return one line of a Cboe quote table; `call` and `put` replace the ten cells of a side."""
    day = datetime.strptime(expiry, "%Y-%m-%d")  # noqa: DTZ007  # a date
    tail = f"{round(strike * 1000):08d}"
    calls = call or f"{root}{day:%y%m%d}C{tail},10.5,0.1,10,11,5,0.2,0.5,0.002,100"
    puts = put or f"{root}{day:%y%m%d}P{tail},9.5,-0.1,9,9.8,7,0.21,-0.5,0.002,200"
    return f"{day:%a %b %d %Y},{calls},{strike:.2f},{puts}"


def quote_table(rows: list[str], *, date_line: str = ENGLISH, header: str = _HEADER) -> str:
    """Return a Cboe quote table."""
    preamble = ["", "S&P 500 INDEX,Last: 4145.5801,Change:  -47.0499", date_line]
    return "\n".join([*preamble, header, *rows]) + "\n"


def standard_rows() -> list[str]:
    """Return four lines of two roots: eight contracts."""
    return [
        quote_row("SPXW", "2023-05-24", 4100.0),
        quote_row("SPXW", "2023-05-24", 4150.0),
        quote_row("SPX", "2023-06-16", 7.5),
        quote_row("SPX", "2023-06-16", 12000.0),
    ]


def write_text(path: Path, text: str, encoding: str = "utf-8") -> Path:
    """Write a text, compressed where the name ends in gz."""
    content = text.encode(encoding)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def only(path: Path) -> OptionChain:
    """Return the one chain of a file."""
    (chain,) = open_chains(path)
    return chain


def delayed_quotes(options: list[dict[str, object]] | None = None) -> str:
    """Return a Cboe delayed-quote document of SPY."""
    plain: list[dict[str, object]] = [
        {"option": "SPY220713C00380000", "bid": 2.1, "bid_size": 30.0, "ask": 2.2, "ask_size": 20.0, "iv": 0.25,
         "open_interest": 11.0, "volume": 3.0, "delta": 0.5, "gamma": 0.05, "last_trade_price": 2.15},
        {"option": "SPY220713P00380000", "bid": 1.1, "bid_size": 30.0, "ask": 1.2, "ask_size": 20.0, "iv": 0.0,
         "open_interest": 13.0, "volume": 3.0, "delta": -0.5, "gamma": 0.05, "last_trade_price": 1.15},
    ]  # fmt: skip
    data = {"options": plain if options is None else options, "symbol": "SPY", "current_price": 380.88, "bid": 380.87,
            "ask": 380.88, "last_trade_time": "2022-07-12T16:00:00"}  # fmt: skip
    return json.dumps({"timestamp": "2022-07-12 22:57:33", "data": data, "symbol": "SPY"})


OPTIONSDX = """[QUOTE_UNIXTIME],[QUOTE_READTIME],[QUOTE_DATE],[QUOTE_TIME_HOURS],[UNDERLYING_LAST],[EXPIRE_DATE],\
[EXPIRE_UNIX],[DTE],[C_DELTA],[C_GAMMA],[C_VEGA],[C_THETA],[C_RHO],[C_IV],[C_VOLUME],[C_LAST],[C_SIZE],[C_BID],\
[C_ASK],[STRIKE],[P_BID],[P_ASK],[P_SIZE],[P_LAST],[P_DELTA],[P_GAMMA],[P_VEGA],[P_THETA],[P_RHO],[P_IV],[P_VOLUME],\
[STRIKE_DISTANCE],[STRIKE_DISTANCE_PCT]
1672434000, 2022-12-30 16:00,2022-12-30,16.0,382.44, 2023-01-20,1674248400,21.0,0.6,0.02,0.1,-0.1,0.1, 0.2, 5.0,9.9,\
 2 x 3,9.8,10.0,380.0,6.0,6.1, 4 x 5,6.05,-0.4,0.02,0.1,-0.1,-0.1, , 6.0, 2.4,0.006
1672434000, 2022-12-30 16:00,2022-12-30,16.0,382.44, 2023-01-20,1674248400,21.0,0.5,0.02,0.1,-0.1,0.1, 0.2, ,9.9,\
 2 x 3,4.8,5.0,390.0,12.0,12.1, 4 x 5,6.05,-0.5,0.02,0.1,-0.1,-0.1, 0.21, 6.0, 2.4,0.006
"""


def write_table(path: Path, rows: list[dict[str, object]], *, row_group_size: int | None = None) -> Path:
    """Write rows as Parquet."""
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=row_group_size)
    return path


def cboe_rows(session: str, root: str = "SPXW", underlying: str = "SPX", n: int = 3) -> list[dict[str, object]]:
    """Return rows of a Cboe snapshot table, one call per strike."""
    day = datetime.fromisoformat(session)
    return [
        {"session_date": day, "underlying": underlying, "option_symbol": f"{root}230616C{4000 + i:05d}000",
         "root": root, "expiration": datetime(2023, 6, 16), "right": "C", "strike": 4000.0 + i, "last": 1.0,
         "net": 0.0, "bid": 1.0, "ask": 1.2, "volume": 1, "iv": 0.2, "delta": 0.5, "gamma": 0.01,
         "open_interest": 10 + i}
        for i in range(n)
    ]  # fmt: skip


def write_lean(folder: Path, kind: str, contracts: dict[str, str], *, symbol: str = "goog") -> Path:
    """Write a Lean minute archive; keys are ``call_7200000_20160115``, values its lines."""
    path = folder / f"20151224_{kind}_american.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, lines in contracts.items():
            archive.writestr(f"20151224_{symbol}_minute_{kind}_american_{name}.csv", lines)
    return path


def recorded(chains: Iterable[OptionChain], folder: Path) -> list[Path]:
    """Record chains into a store and return the files in which they stand, in order of time."""
    store = open_store(folder)
    writer = store.writer(DataKind.CHAINS, origin="test")
    for chain in chains:
        writer.add_message(chain)
    writer.commit()
    segments = sorted(store.segments(DataKind.CHAINS), key=lambda segment: segment.first_event_ns)
    return [folder / segment.path for segment in segments]

"""What reading a file of option chains costs, against pandas' reader of the same file.

The exchange's quote tables are written again, as the exchange writes them, from sessions that are kept in Parquet, so
that many sizes are measured and not only the few raw files that are at hand. What is counted is the wall clock: of two
cores, one splits lines beside the other, and a busy machine shows in the figures.
"""

from __future__ import annotations

import gzip
import os
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd

from adapters.chains import open_chains
from benchmarks.harness import Row, interleaved_ns, print_rows, ratio_row

__all__ = ["run"]

_ROOT = Path(__file__).resolve().parents[1]
_DATA = Path(os.environ.get("HEDGEFIELD_DATA", str(_ROOT.parent / "shared" / "data")))
_ROUNDS = 21
_RATE = 1.0  # million contracts a second
_SIDE = ["option_symbol", "last", "net", "bid", "ask", "volume", "iv", "delta", "gamma", "open_interest"]
_TITLES = "Last Sale,Net,Bid,Ask,Volume,IV,Delta,Gamma,Open Interest"
_PREAMBLE = '\n{symbol} INDEX,Last: {spot},Change:  0\n"Date: {day} at 4:25 PM EDT",Bid: {spot},Ask: {spot},Size: 1*1\n'
_HEADER = f"Expiration Date,Calls,{_TITLES},Strike,Puts,{_TITLES}\n"


def _quote_table(rows: pd.DataFrame, path: Path) -> Path:
    """Write the contracts of one session as the exchange's site offers them."""
    key = ["expiration", "root", "strike"]
    calls, puts = (rows[rows["right"].astype(str) == side].set_index(key)[_SIDE] for side in "CP")
    both = calls.merge(puts, left_index=True, right_index=True, suffixes=("_c", "_p")).reset_index().sort_values(key)
    both.insert(0, "day", pd.to_datetime(both["expiration"]).dt.strftime("%a %b %d %Y"))
    strike = both["strike"].map("{:.2f}".format)
    left, right = ([f"{name}_{side}" for name in _SIDE] for side in "cp")
    table = pd.concat([both[["day", *left]], strike, both[right]], axis=1)
    day = pd.Timestamp(rows["session_date"].iloc[0]).strftime("%B %d, %Y")
    preamble = _PREAMBLE.format(symbol=rows["underlying"].iloc[0], spot=100.0, day=day)
    path.write_text(preamble + _HEADER + table.to_csv(index=False, header=False), encoding="utf-8")
    return path


def _tables(folder: Path) -> list[Path]:
    """Return quote tables of several sizes: raw ones as they came, and sessions written again."""
    found = []
    for raw in sorted((_DATA / "raw_formats").glob("cboe_*_quotedata_*.csv.gz")):
        path = folder / raw.name.removesuffix(".gz")
        path.write_bytes(gzip.decompress(raw.read_bytes()))
        found += [path, raw]
    for name in ("spx", "spy", "ndx"):
        source = _DATA / "option_chains" / f"cboe_{name}_snapshots.parquet"
        if source.is_file():
            rows = pd.read_parquet(source)
            last = rows[rows["session_date"] == rows["session_date"].max()]
            found.append(_quote_table(last, folder / f"{name}_written_again.csv"))
    return found


def _read(path: Path) -> Callable[[], object]:
    return lambda: list(open_chains(path))


def _measured(path: Path, pandas: Callable[[], object], n: int) -> tuple[float, float]:
    """Return million contracts a second, and how many times as fast as pandas that is."""
    times = interleaved_ns({"pandas": pandas, "ours": _read(path)}, rounds=_ROUNDS)
    return n / statistics.median(times["ours"]) * 1e3, ratio_row("", 1, times["pandas"], times["ours"]).value


def _of_quote_table(path: Path) -> list[Row]:
    n = sum(chain.n_read for chain in open_chains(path))
    rate, ratio = _measured(path, lambda: pd.read_csv(path, skiprows=3), n)
    # A small table costs its opening; a compressed one half of its time the decompression, in pandas as here.
    judged = path.suffix == ".csv" and n > 10_000
    return [
        Row(
            name=f"Cboe table {path.name.replace('cboe_', '').replace('_quotedata', '')}",
            size=n,
            value=rate,
            unit="M/s",
            reach=f">= {_RATE:g}" if judged else "",
            passed=rate >= _RATE if judged else None,
            note=f"contracts read and ready as arrays; {ratio:.2f} times as fast as pandas.read_csv",
        )
    ]


# Without a reader to compare with: pandas reads Parquet by Arrow, too.
_OTHERS: tuple[tuple[str, str, Callable[[Path], object] | None], ...] = (
    ("Parquet, 24 sessions of SPX", "option_chains/cboe_spx_snapshots.parquet", None),
    ("Parquet, Yahoo", "option_chains/spy_yahoo_eod_202608.parquet", None),
    ("Lean archive of half a day", "raw_formats/lean_goog_20151224_trade_american.zip", None),
    ("OptionsDX text, compressed", "raw_formats/optionsdx_spy_20221230.csv.gz", pd.read_csv),
    ("Cboe JSON, compressed", "raw_formats/cboe_spy_delayed_quotes_20220712.json.gz", pd.read_json),
)


def _of_others() -> list[Row]:
    rows = []
    for words, name, reader in _OTHERS:
        path = _DATA / name
        if path.is_file():
            n = sum(chain.n_read for chain in open_chains(path))
            rate, ratio = _measured(path, partial(reader, path) if reader else _read(path), n)
            note = f"{ratio:.2f} times as fast as pandas" if reader else ""
            rows.append(Row(name=words, size=n, value=rate, unit="M/s", note=note))
    return rows


def run() -> list[Row]:
    """Return a row for each table and each other format that is at hand."""
    with tempfile.TemporaryDirectory(prefix="hedgefield-bench-") as folder:
        rows = [row for path in _tables(Path(folder)) for row in _of_quote_table(path)]
    return rows + _of_others()


if __name__ == "__main__":
    print_rows(run())

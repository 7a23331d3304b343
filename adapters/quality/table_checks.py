"""Checks of one partition of bars, quote bars, open interest, funding, rates and other tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import pyarrow as pa

from adapters.quality.findings import Check, Finding, Severity, found
from adapters.quality.neighbours import local_median, long_runs, spikes
from adapters.store.gaps import calendar_of, silences
from adapters.store.kinds import KINDS, DataKind
from adapters.store.segments import key_codes
from market.chains import BoolArray, FloatArray
from market.clock import iso_of_ns
from market.trades import Int64Array

__all__ = ["check_table", "numbers_of"]

_HOUR_NS: Final = 3_600_000_000_000
_DAY_NS: Final = 24 * _HOUR_NS
_SLACK: Final = 1e-9
_WICK_RANGES: Final = 8.0
_LEAST_WICK: Final = 2.5e-3
_SPIKE_DEVIATIONS: Final = 12.0
_LEAST_SPIKE: Final = 5e-3
_LEAST_DAILY_SPIKE: Final = 0.35
_STALE_BARS: Final = 15
_LEVEL_REACH: Final = 30
_MOST_LEVEL: Final = 4.0
_LEAST_LEVEL: Final = 0.5


def numbers_of(table: pa.Table, name: str) -> FloatArray:
    """Return a column as float64, NaN where missing or absent."""
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    return np.asarray(table[name].cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)


def check_table(kind: DataKind, symbol: str, table: pa.Table) -> list[Finding]:
    """Return what is wrong with the rows of one partition.

    Parameters
    ----------
    kind : DataKind
        A kind of plain tables.
    symbol : str
        Whose rows.
    table : pyarrow.Table
        In order of event time.

    Returns
    -------
    list of Finding
        What the columns of the table allow to be checked.
    """
    findings = _duplicates(kind, table)
    event = table["event_ns"].to_numpy()
    one_series = not {"strike", "ticker"} & set(table.column_names)
    if kind is DataKind.BARS:
        findings += _ohlc(table, event, ("open", "high", "low", "close"))
        findings += _series_of_bars(symbol, table, event) if one_series else []
    elif kind is DataKind.QUOTE_BARS:
        findings += _quote_bars(table, event)
        findings += _gaps(symbol, table, event) if one_series else []
    elif kind is DataKind.OPEN_INTEREST:
        findings += _interest(table)
    elif kind is DataKind.FUNDING:
        findings += _intervals(event)
    elif kind is DataKind.INDEX_LEVELS:
        findings += _ohlc(table, event, ("open", "high", "low", "close"))
        findings += _levels(numbers_of(table, "close"), event)
    elif kind is DataKind.TABLES:
        findings += _clock(table)
    return findings


def _at(event: Int64Array, *columns: FloatArray) -> Callable[[int], str]:
    def words(row: int) -> str:
        instant, values = iso_of_ns(int(event[row])), " ".join(f"{column[row]:g}" for column in columns)
        return f"{instant}: {values}" if values else instant

    return words


def _duplicates(kind: DataKind, table: pa.Table) -> list[Finding]:
    codes = key_codes(kind, [table])
    event = table["event_ns"].to_numpy()
    if not codes:
        return []
    again = np.ones(table.num_rows, dtype=np.bool_)
    again[np.unique(codes[0], return_index=True)[1]] = False
    values = [numbers_of(table, name) for name in KINDS[kind].required if name not in KINDS[kind].keys]
    return found(Check.DUPLICATE, Severity.ERROR, again, "the key stands in the file before", _at(event, *values))


def _ohlc(table: pa.Table, event: Int64Array, names: tuple[str, str, str, str], side: str = "") -> list[Finding]:
    opened, high, low, close = (numbers_of(table, name) for name in names)
    words = _at(event, opened, high, low, close)
    whole = np.isfinite(high) & np.isfinite(low) & np.isfinite(close)
    slack = _SLACK * np.abs(close)
    top, bottom = np.fmax(opened, close), np.fmin(opened, close)
    broken = whole & ((high < top - slack) | (low > bottom + slack))
    values = np.stack([opened, high, low, close])
    bad: BoolArray = np.asarray(np.isinf(values).any(axis=0) | (values <= 0.0).any(axis=0))
    return [
        *found(Check.OHLC, Severity.ERROR, broken, f"{side}open, high, low and close contradict each other", words),
        *found(Check.PRICE, Severity.WARNING, bad, f"{side}a price is not above 0", words),
    ]


def _series_of_bars(symbol: str, table: pa.Table, event: Int64Array) -> list[Finding]:
    lengths = numbers_of(table, "length_ns")
    if not lengths.size or np.unique(lengths).size > 1:
        return []  # range bars have no grid, and no neighbours of equal length
    daily = lengths[0] >= _DAY_NS
    close, high, low, opened = (numbers_of(table, name) for name in ("close", "high", "low", "open"))
    findings = _spikes(close, event, _LEAST_DAILY_SPIKE if daily else _LEAST_SPIKE)
    if not daily:
        findings += _wicks(opened, high, low, close, event)
        findings += _gaps(symbol, table, event)
    findings += _halt(symbol, table, event, int(lengths[0]))
    same = np.zeros(close.shape, dtype=np.bool_)
    columns = (opened, high, low, close)
    same[1:] = np.logical_and.reduce([column[1:] == column[:-1] for column in columns])
    stale = long_runs(same, _STALE_BARS)
    return [*findings, *found(Check.STALE, Severity.WARNING, stale, "the bars repeat one price", _at(event, close))]


def _spikes(close: FloatArray, event: Int64Array, least: float) -> list[Finding]:
    rows = spikes(close, deviations=_SPIKE_DEVIATIONS, least=least)
    return found(Check.OUTLIER, Severity.WARNING, rows, "far from both neighbours", _at(event, close))


def _levels(close: FloatArray, event: Int64Array) -> list[Finding]:
    """Find levels far from those of the weeks around: an index of volatility may leap, it does not fall to half."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = close / local_median(close, _LEVEL_REACH)
        rows = (ratio > _MOST_LEVEL) | (ratio < _LEAST_LEVEL)
    findings = found(
        Check.OUTLIER, Severity.WARNING, rows, "far from the levels of the weeks around", _at(event, close)
    )
    return findings + _spikes(close, event, _LEAST_DAILY_SPIKE)


def _wicks(
    opened: FloatArray, high: FloatArray, low: FloatArray, close: FloatArray, event: Int64Array
) -> list[Finding]:
    """Find extremes that neither the bar's own open and close nor its neighbours' ranges explain."""
    if close.size < 5:
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        usual = local_median((high - low) / close, 30)
        below = (np.fmin(opened, close) - low) / close
        above = (high - np.fmax(opened, close)) / close
        limit = np.maximum(_WICK_RANGES * usual, _LEAST_WICK)
        # A print that the next bars trade at is a move, not a bad print.
        near_low, near_high = _around(low, np.fmin), _around(high, np.fmax)
        lone_low = (below > limit) & (near_low - low > 0.5 * below * close)
        lone_high = (above > limit) & (high - near_high > 0.5 * above * close)
    words = _at(event, opened, high, low, close)
    reason = "a high or low that no neighbour comes near: an off-exchange or bad print"
    return found(Check.WICK, Severity.WARNING, lone_low | lone_high, reason, words)


def _around(values: FloatArray, of: np.ufunc) -> FloatArray:
    left, right = np.append(np.nan, values[:-1]), np.append(values[1:], np.nan)
    nearest: FloatArray = of(left, right)
    return nearest


def _gaps(symbol: str, table: pa.Table, event: Int64Array) -> list[Finding]:
    lengths = numbers_of(table, "length_ns")
    found_gaps = silences(symbol, event, int(lengths[0])) if lengths.size else ()
    missing = sum(gap.n_missing for gap in found_gaps)
    if not missing:
        return []
    longest = sorted(found_gaps, key=lambda gap: -gap.n_missing)[:5]
    return [
        Finding(
            check=Check.GAP,
            severity=Severity.WARNING,
            count=missing,
            n_checked=missing + table.num_rows,
            reason=f"bars are missing in {len(found_gaps)} places",
            examples=tuple(f"{iso_of_ns(gap.first_ns)}: {gap.n_missing} bars" for gap in longest),
        )
    ]


def _halt(symbol: str, table: pa.Table, event: Int64Array, length_ns: int) -> list[Finding]:
    volume = numbers_of(table, "volume")
    if calendar_of(symbol) != "24/7" or not np.isfinite(volume).any():
        return []
    # A market that never closes and trades in every bar stands still where a bar has no volume or is not there.
    usual = local_median(volume, 20)
    # A bar that trades hardly anything beside a missing one is the end of trading, or its return.
    follows = np.zeros(event.shape, dtype=np.bool_)
    follows[:-1] = event[1:] - event[:-1] > length_ns
    still = (volume == 0.0) & (usual > 0.0)
    beside = follows & (volume < 0.1 * usual)
    words = _at(event, volume)
    reason = "the market stands still: no volume, in a market that has no close"
    return found(Check.HALT, Severity.WARNING, still | beside, reason, words)


def _quote_bars(table: pa.Table, event: Int64Array) -> list[Finding]:
    bid, ask = numbers_of(table, "close_bid"), numbers_of(table, "close_ask")
    words = _at(event, bid, ask)
    both = (bid > 0.0) & (ask > 0.0)
    findings = [
        *found(Check.CROSSED, Severity.ERROR, both & (bid > ask), "the bid closes above the ask", words),
        *found(Check.LOCKED, Severity.INFO, both & (bid == ask), "the bid closes at the ask", words),
        *found(Check.ONE_SIDED, Severity.INFO, ~both, "a side is missing", words),
    ]
    for side in ("bid", "ask"):
        names = (f"open_{side}", f"high_{side}", f"low_{side}", f"close_{side}")
        findings += [f for f in _ohlc(table, event, names, f"{side}: ") if f.check is Check.OHLC]
    return findings


def _interest(table: pa.Table) -> list[Finding]:
    columns = [name for name in ("root", "ticker", "expiration", "strike", "right") if name in table.column_names]
    event = table["event_ns"].to_numpy()
    contract = table.select(columns).append_column("event_ns", pa.array(event // _DAY_NS))
    codes = key_codes(DataKind.OPEN_INTEREST, [contract])
    interest = numbers_of(table, "open_interest")
    order = np.lexsort((event, codes[0])) if codes else np.arange(event.size)
    changed = np.zeros(event.shape, dtype=np.bool_)
    if codes:
        same = codes[0][order][1:] == codes[0][order][:-1]
        changed[order[1:][same & (interest[order][1:] != interest[order][:-1])]] = True
    return [
        *found(Check.OPEN_INTEREST, Severity.ERROR, changed, "changes within a session", _at(event, interest)),
        *found(Check.PRICE, Severity.ERROR, interest < 0.0, "open interest below 0", _at(event, interest)),
    ]


def _intervals(event: Int64Array) -> list[Finding]:
    times = np.unique(event)
    if times.size < 4:
        return []
    # Settlements are on the minute: milliseconds in the stamp are the venue's delay, not another interval.
    steps = np.round((times[1:] - times[:-1]) / (_HOUR_NS / 60)).astype(np.int64)
    values, counts = np.unique(steps, return_counts=True)
    usual = int(values[np.argmax(counts)])
    found_rows = np.concatenate([[False], steps != usual])
    return [
        *found(
            Check.INTERVAL,
            Severity.INFO,
            found_rows,
            f"settled after another time than the usual {usual / 60:g} h",
            lambda row: f"{iso_of_ns(int(times[row]))}: {steps[row - 1] / 60:g} h",
        ),
    ]


def _clock(table: pa.Table) -> list[Finding]:
    if not {"local_ts_ns", "exch_ts_ms"} <= set(table.column_names):
        return []
    exchange = numbers_of(table, "exch_ts_ms")
    delay_s = numbers_of(table, "local_ts_ns") / 1e9 - exchange / 1e3
    told: BoolArray = np.isfinite(delay_s)
    early = told & (delay_s < 0.0)
    if early.sum() <= 0.5 * told.sum():
        return []
    median = float(np.median(delay_s[told]))
    event = table["event_ns"].to_numpy()
    reason = f"received before it was sent: the recorder's clock runs {-median:.2f} s behind the venue's"
    return found(Check.CLOCK, Severity.WARNING, early, reason, _at(event, delay_s))

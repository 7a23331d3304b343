"""Flow features: taking rows, closing a minute, a session in batch, and what a day keeps in memory.

Run ``python -m benchmarks.bench_flow``.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.harness import Row, interleaved_ns, print_rows
from fields.flow.batch import flow_minutes
from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.history import FlowHistory
from fields.flow.messages import FieldLevels, GreeksTable, OptionTrades, UnderlyingQuotes, UnderlyingTrades
from fields.flow.state import FlowState

__all__ = ["run"]

_OPEN_NS = 1_700_000_040_000_000_000
_SESSION_NS = (_OPEN_NS, _OPEN_NS + 390 * MINUTE_NS)
_LEVELS = FieldLevels.missing("no field in a benchmark")
_Rows = tuple[OptionTrades, UnderlyingTrades, UnderlyingQuotes]


def contracts(n: int, rng: np.random.Generator) -> GreeksTable:
    """Return a table of contracts around spot."""
    return GreeksTable(
        number=rng.permutation(n),
        delta=rng.uniform(-1.0, 1.0, n),
        gamma=rng.uniform(0.0, 0.05, n),
        multiplier=np.full(n, 100.0),
        strike=rng.uniform(80.0, 120.0, n),
        is_call=rng.random(n) < 0.5,
        open_interest=np.round(rng.exponential(1_000.0, n)),
        spot=100.0,
    )


def rows(n: int, n_contracts: int, minutes: int, rng: np.random.Generator) -> _Rows:
    """Return as many option trades, trades and quotes, spread over some minutes from the open."""
    ts_ns = np.sort(rng.integers(_OPEN_NS, _OPEN_NS + minutes * MINUTE_NS, n))
    side, sure = rng.integers(-1, 2, n).astype(np.int8), rng.uniform(0.5, 1.0, n)
    size, mid = rng.integers(1, 50, n).astype(float), 100.0 + 0.01 * np.cumsum(rng.normal(size=n))
    options = OptionTrades(
        number=rng.integers(0, n_contracts, n),
        is_call=rng.random(n) < 0.5,
        multiplier=np.full(n, 100.0),
        ts_ns=ts_ns,
        price=rng.uniform(0.1, 9.0, n),
        size=size,
        aggressor=side,
        probability=sure,
    )
    trades = UnderlyingTrades(ts_ns=ts_ns, price=mid, size=size, aggressor=side, probability=sure)
    quotes = UnderlyingQuotes(ts_ns=ts_ns, bid=mid - 0.01, ask=mid + 0.01, bid_size=size, ask_size=size[::-1].copy())
    return options, trades, quotes


def send(state: FlowState, sent: _Rows, *, restart: bool = False) -> None:
    """Send rows of each stream, into a new session where asked."""
    if restart:
        state.open_session(*_SESSION_NS)
    state.on_option_trades(sent[0])
    state.on_underlying_trades(sent[1])
    state.on_underlying_quotes(sent[2])


def closing(n_contracts: int, n_rows: int) -> tuple[Callable[[], None], Callable[[], None]]:
    """Return a call that sends and closes a minute late in a session, and one that sends alone."""
    rng = np.random.default_rng(1)
    table, sent, one = contracts(n_contracts, rng), rows(n_rows, n_contracts, 1, rng), rows(40, n_contracts, 70, rng)
    warm = FlowState(FlowConfig())
    warm.open_session(*_SESSION_NS)
    send(warm, one)
    warm.close_minute(_OPEN_NS + 70 * MINUTE_NS, table, _LEVELS)
    state, minute = FlowState.restore(warm.checkpoint()), 70
    alone = FlowState(FlowConfig(pending_limit=10 * n_rows))

    def send_and_close() -> None:
        nonlocal minute
        moved = _shifted(sent, minute * MINUTE_NS)
        send(state, moved)
        minute += 1
        state.close_minute(_OPEN_NS + minute * MINUTE_NS, table, _LEVELS)

    def send_alone() -> None:
        send(alone, _shifted(sent, 70 * MINUTE_NS), restart=True)

    return send_and_close, send_alone


def _shifted(sent: _Rows, by_ns: int) -> _Rows:
    options, trades, quotes = sent
    values = [{name: getattr(x, name) for name in x.__dataclass_fields__} for x in (options, trades, quotes)]
    for columns in values:
        columns["ts_ns"] = columns["ts_ns"] + by_ns
    return OptionTrades(**values[0]), UnderlyingTrades(**values[1]), UnderlyingQuotes(**values[2])


def run() -> list[Row]:
    """Return the rows of the result table."""
    n_rows, found = 5_000, []
    for n in (1_000, 10_000):
        both, alone = closing(n, n_rows)
        times = interleaved_ns({"both": both, "alone": alone}, rounds=101)
        closed = statistics.median(a - b for a, b in zip(times["both"], times["alone"], strict=True)) * 1e-6
        found.append(
            Row(
                name="flow: close a minute with 5 000 rows of each stream",
                size=n,
                value=closed,
                unit="ms",
                reach="< 1",
                passed=closed < 1.0,
                note="sending taken off, by round",
            )
        )
        each = statistics.median(times["alone"]) / (3 * n_rows)
        found.append(
            Row(name="flow: take a row", size=n, value=each, unit="ns/row", reach="< 1000", passed=each < 1_000.0)
        )
    rng = np.random.default_rng(2)
    day, table = rows(400_000, 10_000, 390, rng), contracts(10_000, rng)
    whole = partial(flow_minutes, FlowConfig(), _SESSION_NS, *day, [table] * 390, [_LEVELS] * 390)
    times = interleaved_ns({"day": whole}, rounds=15)
    found.append(
        Row(name="flow: a session in batch", size=1_200_000, value=statistics.median(times["day"]) * 1e-6, unit="ms")
    )
    kept = FlowHistory(1_440).n_bytes / 1e6
    found.append(
        Row(name="flow: history of 1 440 minutes", size=1_440, value=kept, unit="MB", reach="< 1", passed=kept < 1.0)
    )
    return found


if __name__ == "__main__":
    print_rows(run())

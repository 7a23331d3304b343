"""The dealer book: trades a second, one trade, a reading, a morning, a rebuild, and what it holds in memory.

Run ``python -m benchmarks.bench_dealer``.
"""

from __future__ import annotations

import statistics
from functools import partial

import numpy as np

from benchmarks.harness import Row, interleaved_ns, print_rows, ratio_row
from fields.dealer.book import DealerBook
from fields.dealer.config import DealerConfig
from fields.dealer.history import FlowHistory, book_as_of
from fields.dealer.messages import OpenInterest

__all__ = ["run"]

_CONTRACTS = 10_000
_TRADES = 1_000_000
_DAY = 250_000
_SINGLE = 100
_ROUNDS = 25
_HOUR_NS = 3_600 * 10**9
_Columns = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def trades_of(n: int, seed: int = 1) -> _Columns:
    """Return (numbers, aggressor, size, probability, ts_ns) of a session."""
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, _CONTRACTS, n),
        rng.choice(np.array([-1, 0, 1], dtype=np.int8), n),
        rng.integers(1, 50, n).astype(float),
        rng.uniform(0.55, 1.0, n),
        20 * _HOUR_NS + np.sort(rng.integers(0, 6 * _HOUR_NS, n)),
    )


def interest_of(day: int) -> OpenInterest:
    """Return the open interest of every contract."""
    return OpenInterest(
        numbers=np.arange(_CONTRACTS),
        open_interest=np.random.default_rng(day).integers(0, 5_000, _CONTRACTS).astype(float),
        is_call=np.arange(_CONTRACTS) % 2 == 0,
        expiry_ns=np.full(_CONTRACTS, 2**60),
        close_ns=day * 24 * _HOUR_NS,
        known_from_ns=(day * 24 + 14) * _HOUR_NS,
        user=np.zeros(0),
    )


def numpy_flow(columns: _Columns) -> np.ndarray:
    """Return mean and variance of the flow by contract with whole-array operations."""
    numbers, aggressor, size, p, _ = columns
    edge = 2.0 * p - 1.0
    signed = aggressor != 0
    mean = np.where(signed, -aggressor * size / edge, 0.0)
    variance = np.where(signed, size * size * 4.0 * p * (1.0 - p) / (edge * edge), size * size)
    return np.stack([np.bincount(numbers, column, _CONTRACTS) for column in (mean, variance, size)])


def one_by_one(book: DealerBook, one: _Columns) -> None:
    """Take a trade a hundred times."""
    for _ in range(_SINGLE):
        book.on_flow(*one)


def run() -> list[Row]:
    """Measure; every figure is a median of interleaved rounds."""
    columns, day = trades_of(_TRADES), trades_of(_DAY, 2)
    numbers, aggressor, size, probability, ts_ns = (column[:1] for column in columns)
    one, ahead = (numbers, aggressor, size, probability, ts_ns), iter([interest_of(k) for k in range(_ROUNDS + 1)])
    book, morning = DealerBook(), DealerBook(DealerConfig(max_missing_share=1.0))
    book.on_open_interest(interest_of(0))
    history = FlowHistory(_DAY)
    history.append(*day, trade_id=np.arange(_DAY))
    every = np.arange(_CONTRACTS)
    times = interleaved_ns(
        {
            "flow": partial(book.on_flow, *columns),
            "numpy": partial(numpy_flow, columns),
            "one": partial(one_by_one, book, one),
            "position": partial(book.position, every),
            "morning": lambda: morning.on_open_interest(next(ahead)),
            "append": lambda: FlowHistory(_DAY).append(*day, trade_id=np.arange(_DAY)),
            "rebuild": lambda: book_as_of(history, [interest_of(0)], 26 * _HOUR_NS),
        },
        rounds=_ROUNDS,
    )
    typical = {name: statistics.median(found) for name, found in times.items()}
    rate, single = _TRADES / typical["flow"] * 1e3, typical["one"] / 1e3 / _SINGLE
    state = book.state()
    held = (state.values.nbytes + state.expiry_ns.nbytes + 2 * state.status.nbytes + history.nbytes) / 1e6
    return [
        Row(name="on_flow, batch", size=_TRADES, value=rate, unit="M/s", reach=">= 20", passed=rate >= 20.0),
        ratio_row("on_flow against whole-array NumPy", _TRADES, times["numpy"], times["flow"]),
        Row(name="on_flow, one trade", size=1, value=single, unit="us", reach="< 20", passed=single < 20.0),
        Row(name="position of all contracts", size=_CONTRACTS, value=typical["position"] / 1e6, unit="ms"),
        Row(name="a morning's open interest", size=_CONTRACTS, value=typical["morning"] / 1e6, unit="ms"),
        Row(name="history, new trades with numbers", size=_DAY, value=_DAY / typical["append"] * 1e3, unit="M/s"),
        Row(name="rebuild of a day", size=_DAY, value=typical["rebuild"] / 1e6, unit="ms"),
        Row(
            name="memory of book and a day's history",
            size=_DAY,
            value=held,
            unit="MB",
            reach="<= 20",
            passed=held <= 20,
        ),
    ]


if __name__ == "__main__":
    print_rows(run())

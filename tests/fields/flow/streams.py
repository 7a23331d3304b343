"""Synthetic trades, quotes and tables of Greeks for the flow features, and the driver that streams them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import numpy as np

from fields.flow.batch import Arrivals
from fields.flow.config import MINUTE_NS, FlowConfig
from fields.flow.messages import FieldLevels, GreeksTable, OptionTrades, UnderlyingQuotes, UnderlyingTrades
from fields.flow.state import FlowState

OPEN_NS = 1_700_000_040_000_000_000 // MINUTE_NS * MINUTE_NS
SPOT = 100.0
LEVELS = FieldLevels(
    zero_gamma=99.0,
    zero_delta=float("nan"),
    positive_wall=105.0,
    negative_wall=95.0,
    reasons={"zero_delta": "dealer delta has one sign on the whole ladder"},
)

_Stream = TypeVar("_Stream", OptionTrades, UnderlyingTrades, UnderlyingQuotes)


def rows_of(stream: _Stream, chosen: Any) -> _Stream:
    """Return some rows of a stream, by mask, slice or order."""
    changes: dict[str, Any] = {f.name: getattr(stream, f.name)[chosen] for f in fields(stream)}
    return replace(stream, **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """A session of rows in order of arrival, with what its minutes are valued by."""

    options: OptionTrades
    trades: UnderlyingTrades
    quotes: UnderlyingQuotes
    arrivals: Arrivals
    greeks: tuple[GreeksTable | None, ...]
    levels: tuple[FieldLevels, ...]

    @property
    def n_minutes(self) -> int:
        """Number of minutes."""
        return len(self.greeks)

    @property
    def session_ns(self) -> tuple[int, int]:
        """Open and close."""
        return OPEN_NS, OPEN_NS + self.n_minutes * MINUTE_NS


def option_trades(
    number: Any, size: Any, aggressor: Any, *, probability: Any = 1.0, minute: Any = 0, price: Any = 2.0
) -> OptionTrades:
    """Return option trades in the middle of their minutes; even numbers are calls."""
    number = np.atleast_1d(np.asarray(number, dtype=np.int64))
    n = number.shape[0]
    return OptionTrades(
        number=number,
        is_call=number % 2 == 0,
        multiplier=np.full(n, 100.0),
        ts_ns=OPEN_NS + np.broadcast_to(minute, n).astype(np.int64) * MINUTE_NS + MINUTE_NS // 2,
        price=np.full(n, price, dtype=float),
        size=np.broadcast_to(size, n).astype(float),
        aggressor=np.broadcast_to(aggressor, n).astype(np.int8),
        probability=np.broadcast_to(probability, n).astype(float),
    )


def underlying_trades(ts_s: Any, price: Any, size: Any = 1.0, aggressor: Any = 1) -> UnderlyingTrades:
    """Return trades at seconds after the open."""
    n = len(ts_s)
    return UnderlyingTrades(
        ts_ns=OPEN_NS + (np.asarray(ts_s, dtype=float) * 1e9).astype(np.int64),
        price=np.broadcast_to(price, n).astype(float),
        size=np.broadcast_to(size, n).astype(float),
        aggressor=np.broadcast_to(aggressor, n).astype(np.int8),
        probability=np.ones(n),
    )


def quotes(ts_s: Any, bid: Any, ask: Any, bid_size: Any = 10.0, ask_size: Any = 10.0) -> UnderlyingQuotes:
    """Return quotes at seconds after the open."""
    n = len(ts_s)
    columns = (np.broadcast_to(x, n).astype(float) for x in (bid, ask, bid_size, ask_size))
    return UnderlyingQuotes(
        ts_ns=OPEN_NS + (np.asarray(ts_s, dtype=float) * 1e9).astype(np.int64),
        **dict(zip(("bid", "ask", "bid_size", "ask_size"), columns, strict=True)),
    )


def greeks_table(*, n: int = 8, spot: float = SPOT, scale: float = 1.0, seed: int = 0) -> GreeksTable:
    """Return contracts near spot, numbers in a shuffled order; even numbers are calls."""
    rng = np.random.default_rng(seed)
    number = rng.permutation(n)
    place = number.astype(np.float64)
    return GreeksTable(
        number=number,
        delta=np.where(number % 2 == 0, 0.5, -0.4) * scale,
        gamma=(0.02 + 0.001 * place) * scale,
        multiplier=np.full(n, 100.0),
        strike=SPOT + (place - n / 2) * 0.5,
        is_call=number % 2 == 0,
        open_interest=500.0 + 10.0 * place,
        spot=spot,
    )


def random_day(seed: int, *, n_minutes: int = 6, n_rows: int = 60, n_contracts: int = 8) -> Day:
    """Return rows that arrive out of order, many at one instant, some late or ahead of time, broken or one-sided."""
    rng = np.random.default_rng(seed)

    def instants() -> tuple[np.ndarray, np.ndarray]:
        event = OPEN_NS + rng.integers(-20, n_minutes * 60 + 20, n_rows) * 1_000_000_000
        arrival = np.maximum(event + rng.choice([0, 0, 0, 30, 90, -90], n_rows) * 1_000_000_000, OPEN_NS)
        order = np.argsort(arrival, kind="stable")
        return event[order], arrival[order]

    def signs() -> dict[str, np.ndarray]:
        known = rng.choice([0.5, 0.6, 0.9, 1.0, np.nan], n_rows)
        return {"aggressor": rng.integers(-1, 2, n_rows).astype(np.int8), "probability": known}

    (option_ns, option_at), (trade_ns, trade_at), (quote_ns, quote_at) = instants(), instants(), instants()
    number = rng.integers(0, n_contracts + 2, n_rows)  # the table does not know the last two
    size = rng.integers(0, 9, n_rows).astype(float)  # 0 is broken
    bid = np.round(SPOT + np.cumsum(rng.normal(0.0, 0.02, n_rows)), 2)
    ask = bid + rng.choice([0.0, 0.01, 0.02, 0.05, -0.01, np.nan], n_rows, p=[0.1, 0.4, 0.3, 0.1, 0.05, 0.05])
    depth = rng.choice([1.0, 5.0, 7.5, np.nan], (2, n_rows), p=[0.4, 0.3, 0.25, 0.05])
    tables = [greeks_table(n=n_contracts, spot=SPOT + k * 0.1, scale=1.0 + 0.1 * k, seed=k) for k in range(n_minutes)]
    return Day(
        options=OptionTrades(
            number=number,
            is_call=number % 2 == 0,
            multiplier=np.full(n_rows, 100.0),
            ts_ns=option_ns,
            price=np.round(rng.uniform(0.1, 5.0, n_rows), 2),
            size=size,
            **signs(),
        ),
        trades=UnderlyingTrades(
            ts_ns=trade_ns, price=np.round(SPOT + rng.normal(0.0, 0.05, n_rows), 2), size=size[::-1], **signs()
        ),
        quotes=UnderlyingQuotes(ts_ns=quote_ns, bid=bid, ask=ask, bid_size=depth[0], ask_size=depth[1]),
        arrivals=Arrivals(option_trades=option_at, underlying_trades=trade_at, underlying_quotes=quote_at),
        greeks=tuple(None if k == 2 else table for k, table in enumerate(tables)),
        levels=(LEVELS,) * n_minutes,
    )


def stream_day(
    day: Day, config: FlowConfig, *, pieces: np.random.Generator | None = None, restart: bool = False
) -> FlowState:
    """Stream a day, each minute closed when it ends, rows cut into random pieces; a restart follows each minute."""
    state = FlowState(config)
    state.open_session(*day.session_ns)
    done = [0, 0, 0]
    arrivals = (day.arrivals.option_trades, day.arrivals.underlying_trades, day.arrivals.underlying_quotes)
    for k in range(day.n_minutes):
        end = OPEN_NS + (k + 1) * MINUTE_NS
        for i, at in enumerate(arrivals):
            until = int(np.searchsorted(at, end))
            cuts = [] if pieces is None else pieces.integers(done[i], until + 1, 3).tolist()
            for a, b in zip(sorted([done[i], *cuts]), sorted([*cuts, until]), strict=True):
                if i == 0:
                    state.on_option_trades(rows_of(day.options, slice(a, b)))
                elif i == 1:
                    state.on_underlying_trades(rows_of(day.trades, slice(a, b)))
                else:
                    state.on_underlying_quotes(rows_of(day.quotes, slice(a, b)))
            done[i] = until
        state.close_minute(end, day.greeks[k], day.levels[k])
        if restart:
            state = FlowState.restore(state.checkpoint())
    return state

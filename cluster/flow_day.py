"""One day of a store as a model reads it: minute bars of the underlying beside the dealer-flow features of the minute.

The flow is not stored: it is played anew from the chains, trades and quotes that were known, so that it is the flow of
a live desk that was fed at the same interval; a correction of the tape changes it from its recording on.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import numpy as np
import pyarrow as pa

from adapters.replay import StoreFeed, StoreSelection
from adapters.store import DataKind, PointInTimeStore
from cluster.playing import Player, play
from fields.flow.features import FLOW_FEATURES
from fields.live.config import LiveConfig
from fields.live.state import SymbolState
from market.calendars import session_on
from market.errors import DataError, TradingError
from market.instruments import product_of

__all__ = ["combined_day", "flow_of_day"]

_MINUTE_NS: Final = 60_000_000_000
_PLAYED: Final = (DataKind.CHAINS, DataKind.TRADES, DataKind.QUOTES)
_PRICES: Final = ("open", "high", "low", "close", "volume")


def flow_of_day(
    store: PointInTimeStore,
    symbol: str,
    day: date,
    config: LiveConfig,
    *,
    known_ns: int | None = None,
    window_s: float = 1.0,
) -> pa.Table:
    """Return the flow features of a session, minute by minute, as they were known.

    Parameters
    ----------
    store : PointInTimeStore
        With chains of the symbol, and the trades and quotes of its options.
    symbol : str
        Underlying.
    day : datetime.date
        Session.
    config : LiveConfig
        Settings of signing, dealers' book and flow, as `Settings.live` gives them.
    known_ns : int, optional
        Only what was known by then, ns since the epoch, UTC; the whole session where it is not given.
    window_s : float, optional
        Messages of so many seconds come at once, as a feed of that interval delivers them.

    Returns
    -------
    pyarrow.Table
        ``event_ns`` and ``known_ns``, both the end of the minute, and one column per feature under its name, in the
        unit of `FLOW_FEATURES`; a reading that is missing is NaN. Minutes before the first chain are not there.

    Raises
    ------
    DataError
        There is no session on that day, or the store has no chain, trade or quote of it.
    """
    open_ns, close_ns = _session(symbol, day)
    selection = StoreSelection(
        symbols=(symbol,),
        kinds=_PLAYED,
        first_ns=open_ns - 12 * 60 * _MINUTE_NS,  # chains of the morning carry the open interest
        last_ns=close_ns if known_ns is None else min(close_ns, known_ns),
        window_s=window_s,
    )
    ends: list[int] = []
    rows: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    feed = StoreFeed(store, selection, interval_s=0.0)
    player = Player(lambda _: SymbolState(config), symbol=symbol)
    for item in play(feed, player, every_ns=_MINUTE_NS, session=day):
        minute = None if isinstance(item, TradingError) else item.field.live.flow
        if minute is not None and (not ends or minute.minute_end_ns > ends[-1]):
            ends.append(minute.minute_end_ns)
            rows.append(minute.values)
    values = np.array(rows, dtype=np.float64).reshape(len(rows), len(FLOW_FEATURES))
    instants = pa.array(np.array(ends, dtype=np.int64))
    features = {feature.name: pa.array(values[:, feature.column]) for feature in FLOW_FEATURES}
    return pa.table({"event_ns": instants, "known_ns": instants, **features})


def combined_day(
    store: PointInTimeStore,
    symbol: str,
    day: date,
    config: LiveConfig,
    *,
    with_flow: bool = True,
    known_ns: int | None = None,
) -> pa.Table:
    """Return the minute bars of a session, each with the flow features of its minute.

    Parameters
    ----------
    store : PointInTimeStore
        With minute bars of the underlying, and what `flow_of_day` reads.
    symbol : str
        Underlying.
    day : datetime.date
        Session.
    config : LiveConfig
        As for `flow_of_day`.
    with_flow : bool, optional
        Whether the flow is computed; without it there are bars alone.
    known_ns : int, optional
        Only what was known by then, ns since the epoch, UTC; the whole session where it is not given.

    Returns
    -------
    pyarrow.Table
        One row per bar in order of time: ``event_ns``, ``known_ns`` (its end), prices and volume, and the features. A
        bar whose minute has no flow has NaN there: nothing is carried over from another minute.
    """
    open_ns, close_ns = _session(symbol, day)
    last_ns = close_ns if known_ns is None else min(close_ns, known_ns)
    bars = store.table(
        DataKind.BARS, symbol, known_ns=last_ns, first_ns=open_ns, last_ns=close_ns - 1, columns=_columns()
    )
    if not bars.num_rows:
        raise DataError(
            f"the store holds no bars of {symbol} on {day}",
            found="nothing in the session",
            expected="minute bars of the underlying",
            action="import them, or use `hedgefield data get`",
        )
    bars = bars.filter(pa.array(bars["length_ns"].to_numpy() == _MINUTE_NS)).drop_columns(["length_ns"])
    if not with_flow:
        return bars
    flow = flow_of_day(store, symbol, day, config, known_ns=known_ns)
    place = np.searchsorted(flow["event_ns"].to_numpy(), ends := bars["event_ns"].to_numpy() + _MINUTE_NS)
    padded = np.append(flow["event_ns"].to_numpy(), -1)
    is_there = padded[np.minimum(place, padded.size - 1)] == ends
    for feature in FLOW_FEATURES:
        values = np.append(flow[feature.name].to_numpy(), np.nan)
        bars = bars.append_column(
            feature.name, pa.array(np.where(is_there, values[np.where(is_there, place, -1)], np.nan))
        )
    return bars


def _columns() -> list[str]:
    return ["event_ns", "known_ns", "length_ns", *_PRICES]


def _session(symbol: str, day: date) -> tuple[int, int]:
    session = session_on(product_of(symbol).calendar, day)
    if session is None:
        raise DataError(
            "the exchange is closed that day",
            found=f"{symbol} on {day}",
            expected="a session",
            action="name a trading day",
        )
    return session.open_ns, session.close_ns

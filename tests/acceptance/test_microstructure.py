"""The stated accuracies of trade signs once more: rules of ten lines each, and then our program on the same trades."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from fields.signing.config import SigningConfig
from fields.signing.signer import sign_trades
from fields.signing.steps import SigningRule
from tests.fields.signing.tapes import quotes_of, trades_of

pytestmark = pytest.mark.data

MS = 1_000_000


def columns(root: Path, name: str) -> dict[str, np.ndarray]:
    """Return the columns of a file."""
    table = pq.read_table(root / "microstructure" / f"{name}.parquet")
    return {each: table[each].to_numpy() for each in table.schema.names}


def tick(price: np.ndarray) -> np.ndarray:
    """Return the sign of the last change of price; 0 before the first."""
    change = np.sign(np.diff(price, prepend=price[0]))
    last = np.maximum.accumulate(np.where(change != 0.0, np.arange(price.size), 0))
    return np.asarray(change[last])


def quote(price: np.ndarray, bid: np.ndarray, ask: np.ndarray) -> np.ndarray:
    """Return the side of the midpoint."""
    return np.asarray(np.sign(np.round(2.0 * price - bid - ask, 6)))


def book_before(q: dict[str, np.ndarray], clock: str, at: np.ndarray, sides: tuple[str, str]) -> tuple[np.ndarray, ...]:
    """Return the best quotes strictly before some instants; NaN before the first."""
    place = np.searchsorted(q[clock], at) - 1
    return tuple(np.where(place >= 0, q[side][place], np.nan) for side in sides)


@pytest.mark.parametrize(
    ("symbol", "level", "event", "rule", "stated"),
    [
        ("aapl", 1, 4, "quote", 1.0), ("amzn", 5, 4, "quote", 1.0), ("aapl", 1, 4, "tick", 0.886),
        ("amzn", 5, 4, "tick", 0.877), ("aapl", 1, 5, "quote", 0.868), ("amzn", 5, 5, "quote", 0.883),
        ("aapl", 1, 5, "tick", 0.782), ("amzn", 5, 5, "tick", 0.720), ("aapl", 1, 5, "lr", 0.857),
        ("amzn", 5, 5, "lr", 0.872),
    ],
)  # fmt: skip
def test_lobster(data_root: Path, symbol: str, level: int, event: int, rule: str, stated: float) -> None:
    """Executions against the book of the event before; the quote rule of the trades that it decides."""
    c = columns(data_root, f"lobster_{symbol}_20120621_level{level}")
    rows = np.flatnonzero(c["event_type"] == event)
    before = np.maximum(rows - 1, 0)
    price, truth = c["price"][rows], -c["direction"][rows]
    by_quote, by_tick = quote(price, c["bid_price_1"][before], c["ask_price_1"][before]), tick(price)
    sign = {"quote": by_quote, "tick": by_tick, "lr": np.where(by_quote != 0.0, by_quote, by_tick)}[rule]
    judged = sign != 0.0 if rule == "quote" else np.ones(sign.shape, dtype=bool)
    assert (sign == truth)[judged].mean() == pytest.approx(stated, abs=0.006)
    order = np.arange(c["event_type"].size)
    ours = sign_trades(
        trades_of(order[rows], price, size=c["size"][rows]),
        quotes_of(order, c["bid_price_1"], c["ask_price_1"]),
        SigningConfig(
            rule={"quote": SigningRule.QUOTE, "tick": SigningRule.TICK, "lr": SigningRule.LEE_READY}[rule],
            max_quote_age_ns=10**14,
        ),
    )
    assert (ours.aggressor == sign).mean() > 0.999


@pytest.mark.parametrize(
    ("market", "clock", "lag_ms", "stated", "error"),
    [
        ("spot", "local_ts_ns", 0, 0.49, 0.01), ("spot", "local_ts_ns", 200, 0.96, 0.01),
        ("usdm", "local_ts_ns", 0, 0.87, 0.01), ("usdm", "local_ts_ns", 10, 0.95, 0.01),
        ("usdm", "exch_ts_ms", 0, 0.998, 0.001),
    ],
)  # fmt: skip
def test_binance(data_root: Path, market: str, clock: str, lag_ms: int, stated: float, error: float) -> None:
    """By the receiver's clock and a lag, and by the exchange's with the quote strictly before; tick 97 %."""
    t, q = (columns(data_root, f"binance_{market}_btcusdt_20240808_{kind}") for kind in ("trades", "book_ticker"))
    at = t[clock] - lag_ms * (MS if clock == "local_ts_ns" else 1)
    sign = np.nan_to_num(quote(t["price"], *book_before(q, clock, at, ("bid", "ask"))))
    assert (sign == t["aggressor"]).mean() == pytest.approx(stated, abs=error)
    assert (tick(t["price"]) == t["aggressor"]).mean() == pytest.approx(0.97, abs=0.005)

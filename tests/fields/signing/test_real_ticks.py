"""Recorded trades whose aggressor is known: the stated accuracy of each rule, at once and as a stream.

The figures are those of the data's own description, which were found with another program.
"""

from __future__ import annotations

import csv
import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from fields.signing.config import SigningConfig
from fields.signing.messages import SignedTrades
from fields.signing.minutes import minute_volumes
from fields.signing.nbbo import NbboBuilder
from fields.signing.signer import TradeSigner, sign_trades
from fields.signing.steps import SigningRule, SigningStep
from market.trades import ContractTable, QuoteBatch, TradeBatch, TradeFlag
from tests.fields.signing.tapes import CONTRACTS, quotes_of, rows_of, trades_of

pytestmark = pytest.mark.data

MS = 1_000_000
MINUTE_NS = 60_000 * MS
TOLERANCE = 0.005
WHOLE_PERCENT = 0.01  # half a percentage point, and half of the last digit stated
OPEN_MS, CLOSE_MS = 34_500_000, 57_600_000  # five minutes after the opening, so that both sides stand
DAY_AGE_NS = 10**14


@cache
def table(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of a file."""
    read = pq.read_table(path)
    return {name: read[name].to_numpy() for name in read.schema.names}


def lobster(root: Path, symbol: str, *, visible: bool) -> tuple[TradeBatch, QuoteBatch, np.ndarray]:
    """Return executions, the book after each event, and the true aggressor.

    The clock counts events: the book just before an execution is that of the event before it, whatever its stamp.
    """
    level = {"aapl": 1, "amzn": 5}[symbol]
    columns = table(root / "microstructure" / f"lobster_{symbol}_20120621_level{level}.parquet")
    event = np.arange(columns["time_s"].shape[0])
    rows = np.flatnonzero(columns["event_type"] == (4 if visible else 5))
    quotes = quotes_of(
        event, columns["bid_price_1"], columns["ask_price_1"],
        bid_size=columns["bid_size_1"], ask_size=columns["ask_size_1"],
    )  # fmt: skip
    trades = trades_of(event[rows], columns["price"][rows], size=columns["size"][rows])
    return trades, quotes, -columns["direction"][rows]


def binance(root: Path, market: str, clock: str) -> tuple[TradeBatch, QuoteBatch, np.ndarray]:
    """Return trades, best quotes and the true aggressor by the receiver's or the exchange's clock."""
    t, q = (
        table(root / "microstructure" / f"binance_{market}_btcusdt_20240808_{kind}.parquet")
        for kind in ("trades", "book_ticker")
    )
    scale = MS if clock == "exch_ts_ms" else 1
    trades = trades_of(t[clock] * scale, t["price"], size=t["qty"], trade_id=t["trade_id"])
    quotes = quotes_of(q[clock] * scale, q["bid"], q["ask"], bid_size=q["bid_qty"], ask_size=q["ask_qty"])
    return trades, quotes, t["aggressor"]


def streamed(trades: TradeBatch, quotes: QuoteBatch, config: SigningConfig, n_pieces: int = 97) -> SignedTrades:
    """Sign in pieces of equal numbers of trades, each after the quotes older than its last trade."""
    signer, parts, given = TradeSigner(config), [], 0
    for piece in np.array_split(np.arange(trades.n_trades), n_pieces):
        upto = int(np.searchsorted(quotes.ts_ns, trades.ts_ns[piece[-1]] - min(config.quote_lag_ns, 0)))
        signer.on_quotes(rows_of(quotes, slice(given, upto)))
        parts.append(signer.on_trades(rows_of(trades, slice(piece[0], piece[-1] + 1))))
        given = upto
    parts.append(signer.flush())
    assert signer.counts.lost_quotes == 0
    return SignedTrades.join(parts)


def accuracy(
    tape: tuple[TradeBatch, QuoteBatch, np.ndarray], rule: SigningRule, *, decided: bool = False, **settings: Any
) -> float:
    """Return the share of right signs, of all or of the decided trades, and see that the stream gives the same."""
    trades, quotes, truth = tape
    config = SigningConfig(rule=rule, max_quote_age_ns=DAY_AGE_NS, **settings)
    signed = sign_trades(trades, quotes, config)
    np.testing.assert_array_equal(streamed(trades, quotes, config).aggressor, signed.aggressor)
    right = signed.aggressor == truth
    return float(right[signed.aggressor != 0].mean() if decided else right.mean())


@pytest.mark.parametrize(
    ("symbol", "rule", "visible", "stated"),
    [
        ("aapl", SigningRule.QUOTE, True, 1.0),
        ("amzn", SigningRule.QUOTE, True, 1.0),
        ("aapl", SigningRule.TICK, True, 0.886),
        ("amzn", SigningRule.TICK, True, 0.877),
        ("aapl", SigningRule.QUOTE, False, 0.868),
        ("amzn", SigningRule.QUOTE, False, 0.883),
        ("aapl", SigningRule.TICK, False, 0.782),
        ("amzn", SigningRule.TICK, False, 0.720),
        ("aapl", SigningRule.LEE_READY, False, 0.857),
        ("amzn", SigningRule.LEE_READY, False, 0.872),
    ],
)
def test_lobster_accuracies(data_root: Path, symbol: str, rule: SigningRule, stated: float, *, visible: bool) -> None:
    """Visible and hidden executions; the quote rule's figure is of the trades that it decides."""
    found = accuracy(lobster(data_root, symbol, visible=visible), rule, decided=rule is SigningRule.QUOTE)
    assert found == pytest.approx(stated, abs=TOLERANCE)


@pytest.mark.parametrize(
    ("market", "lag_ms", "stated"),
    [("spot", 0, 0.49), ("spot", 200, 0.96), ("usdm", 0, 0.87), ("usdm", 10, 0.95), ("usdm", 50, 0.95)],
)
def test_binance_quote_rule_by_receive_time(data_root: Path, market: str, lag_ms: int, stated: float) -> None:
    """The trap of the receiver's clock: trades are reported after the quotes that they caused."""
    tape = binance(data_root, market, "local_ts_ns")
    found = accuracy(tape, SigningRule.QUOTE, quote_lag_ns=lag_ms * MS)
    assert found == pytest.approx(stated, abs=WHOLE_PERCENT)
    trades, quotes, truth = tape
    at = np.searchsorted(quotes.ts_ns, trades.ts_ns - lag_ms * MS) - 1
    above = np.round(2.0 * trades.price - quotes.bid[at] - quotes.ask[at], 6)
    assert found == np.mean(np.where(at >= 0, np.sign(above), 0.0) == truth)


def test_binance_lag_curve_has_one_top(data_root: Path) -> None:
    """It rises to the delay of the trade reports and falls after it; a lag below 0 looks at the consequences."""
    for market, lags_ms in (("spot", (-50, 0, 10, 50, 150, 300, 1000)), ("usdm", (-50, 0, 20, 100, 300, 1000))):
        tape = binance(data_root, market, "local_ts_ns")
        curve = [accuracy(tape, SigningRule.QUOTE, quote_lag_ns=lag * MS) for lag in lags_ms]
        top = int(np.argmax(curve))
        assert max(curve) > 0.96
        assert np.all(np.diff(curve[: top + 1]) > 0.0)
        assert np.all(np.diff(curve[top:]) < 0.0)


def test_binance_tick_rule_and_exchange_time(data_root: Path) -> None:
    """Tick 97 % on both; the perpetual by exchange time with the quote strictly before, 99.8 %."""
    for market in ("spot", "usdm"):
        assert accuracy(binance(data_root, market, "local_ts_ns"), SigningRule.TICK) == pytest.approx(0.97, abs=0.005)
    tape = binance(data_root, "usdm", "exch_ts_ms")
    assert accuracy(tape, SigningRule.QUOTE) == pytest.approx(0.998, abs=0.001)
    assert accuracy(tape, SigningRule.STACKED_LIVE) > 0.95


@pytest.mark.parametrize(("symbol", "normal"), [("bac", 0.96), ("ibm", 0.98)])
def test_lean_rows_are_sides_of_one_national_quote(data_root: Path, symbol: str, normal: float) -> None:
    """Each row tells the best side of all exchanges, whose name it bears: taken as one book it hardly ever locks.

    Taken as quotes of many exchanges an old best of one would outlive the market, and lock it half of the time.
    """
    q = table(data_root / "microstructure" / f"lean_{symbol}_tick_quote_20131008.parquet")
    t = table(data_root / "microstructure" / f"lean_{symbol}_tick_trade_20131008.parquet")
    q_ms, t_ms = q["ms"].astype(np.int64), t["ms"].astype(np.int64)
    quotes = quotes_of(
        q_ms * MS, q["bid"], q["ask"], venue=np.zeros(q_ms.shape[0]), bid_size=q["bid_size"], ask_size=q["ask_size"]
    )
    best = NbboBuilder(one_sided=True, max_age_ns=DAY_AGE_NS).on_quotes(quotes)
    live = (best.ts_ns >= OPEN_MS * MS) & (best.ts_ns < CLOSE_MS * MS)
    assert np.mean(best.bid[live] < best.ask[live]) > normal
    assert np.mean(best.bid[live] > best.ask[live]) < 0.001
    session = (t_ms >= OPEN_MS) & (t_ms < CLOSE_MS)
    trades = trades_of(t_ms[session] * MS, t["price"][session])
    config = SigningConfig(max_quote_age_ns=DAY_AGE_NS)
    signed = sign_trades(trades, best, config)
    np.testing.assert_array_equal(streamed(trades, best, config).aggressor, signed.aggressor)
    assert np.mean(signed.source == SigningStep.QUOTE_NATIONAL) > 0.8
    assert np.mean(signed.aggressor == 0) < 0.001


def numbered(*columns: list[str]) -> tuple[ContractTable, list[np.ndarray]]:
    """Return a table with one contract for each name, and the numbers of the names of each column."""
    names, places = np.unique(np.concatenate(columns), return_inverse=True)
    table = ContractTable(
        series=CONTRACTS.series,
        series_index=np.zeros(names.shape[0], dtype=np.int32),
        strike=np.arange(1.0, names.shape[0] + 1.0),
        is_call=np.ones(names.shape[0], dtype=np.bool_),
    )
    return table, np.split(places, np.cumsum([len(column) for column in columns])[:-1])


def test_goog_minute_bars_through_a_session(data_root: Path) -> None:
    """A half day of option bars, each against the quote bar that closed before it; any order within a minute."""
    folder = data_root / "option_intraday"
    q, t = (pq.read_table(folder / f"goog_minute_{kind}_20151224.parquet").to_pandas() for kind in ("quote", "trade"))
    names = [
        (part.expiration.astype(str) + part.right.astype(str) + part.strike.astype(str)).tolist() for part in (q, t)
    ]
    contracts, (q_contract, t_contract) = numbered(*names)
    q_ns, t_ns = (part.time.to_numpy().astype("datetime64[ns]").astype(np.int64) + MINUTE_NS for part in (q, t))
    quotes = quotes_of(q_ns, q.close_bid, q.close_ask, contract=q_contract, contracts=contracts)
    trades = trades_of(
        t_ns, t.close, size=t.volume, contract=t_contract, contracts=contracts,
        flags=np.full(len(t), TradeFlag.BAR),
    )  # fmt: skip
    config = SigningConfig()
    signed = sign_trades(trades, quotes, config)
    rng = np.random.default_rng(1)
    order, q_order = (np.lexsort((rng.random(ts.shape[0]), ts)) for ts in (t_ns, q_ns))
    moved = sign_trades(rows_of(trades, order), rows_of(quotes, q_order), config)
    np.testing.assert_array_equal(moved.aggressor, signed.aggressor[order])
    np.testing.assert_array_equal(streamed(trades, quotes, config).aggressor, signed.aggressor)
    assert np.mean(signed.aggressor != 0) > 0.8
    assert signed.probability.max() == pytest.approx(0.55)
    volumes = minute_volumes(signed)
    assert float((volumes.buy_volume + volumes.sell_volume + volumes.unknown_volume).sum()) == float(t.volume.sum())


def test_deribit_option_trades_by_tick(data_root: Path) -> None:
    """The only option trades at hand with a known aggressor have no quotes: the tick rule decides what it can."""
    path = data_root / "crypto_options" / "btc_deribit_option_trades_202002.csv.gz"
    with gzip.open(path, "rt") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["timestamp"])
    contracts, (contract,) = numbered([row["instrument_name"] for row in rows])
    ts_ns = np.array([row["timestamp"] for row in rows], dtype="datetime64[ns]").astype(np.int64)
    truth = np.array([1 if row["direction"] == "buy" else -1 for row in rows])
    trades = trades_of(
        ts_ns, [float(row["price"]) for row in rows], contract=contract, contracts=contracts,
        trade_id=[int(row["trade_id"]) for row in rows], aggressor=truth,
    )  # fmt: skip
    none = quotes_of([], [], [], contracts=contracts)
    found = sign_trades(trades, none, SigningConfig(rule=SigningRule.TICK, prefer_venue=False))
    known = found.aggressor != 0
    assert np.mean(known) > 0.85
    assert np.mean((found.aggressor == truth)[known]) == pytest.approx(0.725, abs=TOLERANCE)
    told = sign_trades(trades, none, SigningConfig())
    np.testing.assert_array_equal(told.aggressor, truth)

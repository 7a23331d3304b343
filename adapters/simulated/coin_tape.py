"""What a simulated exchange of coins tells: chains, trades with their aggressors, books and quotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy.special import ndtr

from adapters.simulated.agents import Fills
from adapters.simulated.coin_board import CoinBoard
from adapters.simulated.coin_config import SimulatedCoin
from adapters.simulated.valuation import Valuation
from market.books import BookSnapshot
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.provenance import Provenance
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = ["OptionFigures", "Stamp", "book_around", "option_chain", "option_trades", "perpetual_trades", "top_quote"]

_DIGITS: Final = 8
_ROOT_2PI: Final = float(np.sqrt(2.0 * np.pi))
# Numbers of the options' trades begin here: those of the perpetual are consecutive, as exchanges number a market.
_FIRST_OPTION_TRADE: Final = 2**40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """The step that a message belongs to.

    Parameters
    ----------
    since_ns, now_ns : int
        Its start and end, ns since the epoch, UTC.
    cause_id : str
        Id of the step.
    provenance : Provenance
        With the simulated mark.
    """

    since_ns: int
    now_ns: int
    cause_id: str
    provenance: Provenance

    def head(self, symbol: str) -> dict[str, Any]:
        """Return what every message about a symbol begins with."""
        return {
            "symbol": symbol,
            "ts_event_ns": self.now_ns,
            "cause_id": self.cause_id,
            "provenance": self.provenance,
        }

    def instants(self, count: int, rng: np.random.Generator) -> Int64Array:
        """Return instants within the step, rising; the step's end may be among them, its start is not."""
        return np.sort(self.since_ns + 1 + rng.integers(0, self.now_ns - self.since_ns, count))


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionFigures:
    """What the exchange shows of its options; arrays of shape ``(n_contracts,)``.

    Parameters
    ----------
    bid, ask : ndarray
        USD per coin; a bid of 0 means that there is none.
    bid_size, ask_size, open_interest, volume : ndarray
        Contracts; the volume is that since 08:00 UTC.
    last : ndarray
        Price of the last trade, USD per coin; NaN where nothing has traded.
    """

    bid: FloatArray
    ask: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    open_interest: FloatArray
    volume: FloatArray
    last: FloatArray


def book_around(coin: SimulatedCoin, best: QuoteBatch, stamp: Stamp, rng: np.random.Generator) -> BookSnapshot:
    """Return the book of a perpetual: levels ever farther apart from the best, of random size.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    best : QuoteBatch
        Best bid and ask.
    stamp : Stamp
        When.
    rng : numpy.random.Generator
        Source of the sizes.
    """
    steps, tick = np.arange(coin.depth), coin.perpetual.tick
    away = tick * (steps * (steps + 1) // 2)
    unit = coin.perpetual.contract_size
    sizes = unit * (1.0 + np.floor(rng.exponential(coin.level_coins / unit, (2, coin.depth))))
    bids = np.round(best.bid[0] - away, _DIGITS)
    shown = bids > 0.0
    return BookSnapshot(
        **stamp.head(coin.symbol),
        market=coin.perpetual.symbol,
        bid_price=bids[shown],
        bid_size=np.round(sizes[0, shown], _DIGITS),
        ask_price=np.round(best.ask[0] + away, _DIGITS),
        ask_size=np.round(sizes[1], _DIGITS),
    )


def top_quote(coin: SimulatedCoin, book: BookSnapshot, stamp: Stamp) -> QuoteBatch:
    """Return the best levels of a book as a quote of the coin."""
    return QuoteBatch(
        **stamp.head(coin.symbol),
        contracts=ContractTable.empty(),
        contract=np.array([UNDERLYING], dtype=np.int32),
        ts_ns=np.array([stamp.now_ns], dtype=np.int64),
        bid=book.bid_price[:1],
        ask=book.ask_price[:1],
        bid_size=book.bid_size[:1],
        ask_size=book.ask_size[:1],
        venue=np.array([CONSOLIDATED], dtype=np.int16),
    )


def perpetual_trades(
    coin: SimulatedCoin,
    contracts: int,
    quote: QuoteBatch,
    stamp: Stamp,
    *,
    surprise: float,
    first_id: int,
    rng: np.random.Generator,
) -> TradeBatch | None:
    """Return the trades of a perpetual that make up the volume of a step; None where nothing trades.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    contracts : int
        Contracts that change hands.
    quote : QuoteBatch
        What they meet: the quote that stands when the step begins.
    stamp : Stamp
        The step.
    surprise : float
        Return of the step in standard deviations: buyers are the aggressors as often as a normal variate lies below.
    first_id : int
        Number of the first trade.
    rng : numpy.random.Generator
        Source of chance.
    """
    if contracts < 1:
        return None
    seconds = (stamp.now_ns - stamp.since_ns) / 1e9
    count = min(1 + int(rng.poisson(coin.prints_per_s * seconds)), contracts)
    parts = rng.exponential(size=count)
    size = rng.multinomial(contracts, parts / parts.sum())
    size = size[size > 0]
    buys = rng.random(size.size) < ndtr(surprise)
    return TradeBatch(
        **stamp.head(coin.symbol),
        contracts=ContractTable.empty(),
        contract=np.full(size.size, UNDERLYING, dtype=np.int32),
        ts_ns=stamp.instants(size.size, rng),
        trade_id=first_id + np.arange(size.size, dtype=np.int64),
        price=np.where(buys, quote.ask[0], quote.bid[0]),
        size=np.round(size * coin.perpetual.contract_size, _DIGITS),
        flags=np.zeros(size.size, dtype=np.uint8),
        venue=np.full(size.size, CONSOLIDATED, dtype=np.int16),
        aggressor=np.where(buys, 1, -1).astype(np.int8),
    )


def option_trades(
    coin: SimulatedCoin,
    board: CoinBoard,
    fills: Fills,
    shown: OptionFigures,
    stamp: Stamp,
    *,
    n_before: int,
    rng: np.random.Generator,
) -> TradeBatch | None:
    """Return the customers' trades, at the quotes that stand when the step begins; None where nothing trades.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    board : CoinBoard
        What is listed.
    fills : Fills
        The trades, in lots.
    shown : OptionFigures
        Quotes.
    stamp : Stamp
        The step.
    n_before : int
        Trades of the coin's options before this step.
    rng : numpy.random.Generator
        Source of the instants.
    """
    contract, buys = fills.print_contract, fills.print_is_buy
    if not contract.size:
        return None
    return TradeBatch(
        **stamp.head(coin.symbol),
        contracts=board.table,
        contract=contract.astype(np.int32),
        ts_ns=stamp.instants(contract.size, rng),
        trade_id=_FIRST_OPTION_TRADE + n_before + np.arange(contract.size, dtype=np.int64),
        price=np.where(buys, shown.ask[contract], shown.bid[contract]),
        size=np.round(fills.print_size * coin.lot, _DIGITS),
        flags=np.zeros(contract.size, dtype=np.uint8),
        venue=np.full(contract.size, CONSOLIDATED, dtype=np.int16),
        aggressor=np.where(buys, 1, -1).astype(np.int8),
    )


def option_chain(
    coin: SimulatedCoin, board: CoinBoard, value: Valuation, shown: OptionFigures, stamp: Stamp, index: float
) -> OptionChain:
    """Return the chain of a coin as an exchange publishes it: mark volatilities, and Black's Greeks at these.

    Parameters
    ----------
    coin : SimulatedCoin
        Its settings.
    board : CoinBoard
        What is listed.
    value : Valuation
        Values, around which the quotes lie.
    shown : OptionFigures
        Quotes, sizes, open interest and volume.
    stamp : Stamp
        When.
    index : float
        Price of the index, USD.
    """
    n, of = board.n_contracts, board.series_of
    deviation = value.volatility * np.sqrt(value.tau)[of]
    d1 = 0.5 * deviation - value.standardised_moneyness
    delta: FloatArray = ndtr(d1)
    gamma: FloatArray = np.exp(-0.5 * d1 * d1) / (_ROOT_2PI * value.forward[of] * deviation)
    return OptionChain(
        **stamp.head(coin.symbol),
        session=datetime_of_ns(stamp.now_ns).date(),
        series=board.series,
        series_index=board.table.series_index,
        strike=board.table.strike,
        is_call=board.table.is_call,
        **{name: getattr(shown, name) for name in OptionFigures.__dataclass_fields__},
        vendor_iv=_rounded(np.repeat(value.volatility, 2), 4),
        vendor_delta=_rounded(np.stack([delta, delta - 1.0], axis=1).ravel(), 5),
        vendor_gamma=_rounded(np.repeat(gamma, 2), _DIGITS),
        quote_ts_ns=np.full(n, stamp.now_ns, dtype=np.int64),
        symbols=board.names,
        vendor_forward=_rounded(value.forward, 4),
        spot_last=round(index, 2),
        spot_bid=np.nan,
        spot_ask=np.nan,
        spot_ts_ns=stamp.now_ns,
        n_read=n,
    )


def _rounded(values: FloatArray, digits: int) -> FloatArray:
    rounded: FloatArray = np.round(values, digits)
    return rounded

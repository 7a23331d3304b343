"""From the columns of a history to what happens: each feed hands one kind of row to market, venue and desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, nan
from typing import Final, Protocol, final

import numpy as np

from backtest.desk import Desk
from backtest.fills.spreads import SpreadModel
from backtest.history import ModelAnswers
from backtest.sessions import TradingHours
from backtest.tape import Phase, TapeStream
from market.chains import IntArray
from market.forecasts import Forecast
from market.series import SeriesBatch
from market.tradables import Instrument
from market.trades import UNDERLYING, Int64Array, QuoteBatch, TradeBatch
from strategies.bar_history import BarHistory
from strategies.market_state import MarketState, point_at, quote_at
from strategies.views import Quote

__all__ = [
    "AnswerFeed",
    "BarCloses",
    "BarOpens",
    "Feed",
    "PrintQuotes",
    "QuoteFeed",
    "SeriesFeed",
    "Timer",
    "TradeFeed",
]

_NOBODY: Final[frozenset[str]] = frozenset()
# Sums of floats are cleaned to this many digits, so that 10.4 + 0.05 is on the tick.
_DIGITS: Final = 9


class Feed(Protocol):
    """One stream of the tape and what its rows do."""

    @property
    def stream(self) -> TapeStream:
        """Its instants."""

    @property
    def calls(self) -> frozenset[str]:
        """Names of the strategies that are asked after a row."""

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return which of the first rows decide what is known after them, rising; the others may be passed over."""

    def take(self, row: int, now_ns: int) -> None:
        """Let one row happen."""


def _around(price: float, half: float, ts_ns: int) -> Quote:
    bid, ask = round(max(price - half, 0.0), _DIGITS), round(price + half, _DIGITS)
    return Quote(bid=bid, ask=ask, bid_size=nan, ask_size=nan, ts_ns=ts_ns, is_modelled=True)


@final
class PrintQuotes:
    """Quotes around prints of symbols that have none of their own.

    Parameters
    ----------
    spread : SpreadModel
        Half spread around a print.
    hours : TradingHours
        Sessions, for models that widen towards the close.
    instruments : mapping of str to Instrument
        What can be traded, by symbol.
    """

    def __init__(self, spread: SpreadModel, hours: TradingHours, instruments: Mapping[str, Instrument]) -> None:
        self._spread, self._hours, self._instruments = spread, hours, instruments
        self._newest: dict[str, tuple[float, Quote]] = {}

    def __call__(self, symbol: str, price: float, ts_ns: int) -> Quote:
        """Return the modelled quote around a print without a bar; strategy, gate and margin ask for the same one."""
        known = self._newest.get(symbol)
        if known is None or known[0] != price or known[1].ts_ns != ts_ns:
            known = self._newest[symbol] = (price, self.of(symbol, price, nan, ts_ns))
        return known[1]

    def of(self, symbol: str, price: float, span: float, ts_ns: int) -> Quote:
        """Return the modelled quote around a print of a bar.

        Parameters
        ----------
        symbol : str
            Whose print.
        price : float
            The print.
        span : float
            High less low of its bar; NaN where there is none.
        ts_ns : int
            Its instant, ns since the epoch, UTC.

        Returns
        -------
        Quote
            Marked as modelled, without sizes.
        """
        instrument = self._instruments.get(symbol)
        close_ns = -1 if instrument is None else self._hours.close_after_ns(instrument, ts_ns)
        left = float(close_ns - ts_ns) if close_ns >= 0 else nan
        return _around(price, float(self._spread.half_spread(price, span, left)), ts_ns)


@final
class BarCloses:
    """Bars that close: the market learns them, orders meet their range, positions are marked at the close.

    Parameters
    ----------
    symbol : str
        Underlying.
    bars : BarHistory
        Whole recording.
    market : MarketState
        Learns closes.
    desk : Desk
        Marks.
    quotes : PrintQuotes or None
        Quotes around prints; None where the symbol has quotes of its own, or cannot be traded.
    is_own : bool
        False for a wider recording beside the symbol's own: it teaches, and neither fills nor marks.
    is_quoted : bool
        Whether quotes of its own mark the symbol.
    calls : frozenset of str
        Strategies asked at each bar.
    """

    def __init__(
        self,
        symbol: str,
        bars: BarHistory,
        market: MarketState,
        desk: Desk,
        quotes: PrintQuotes | None,
        *,
        is_own: bool,
        is_quoted: bool = False,
        calls: frozenset[str] = _NOBODY,
    ) -> None:
        self.calls = calls
        self.stream = TapeStream(phase=Phase.BAR_CLOSE, name=bars.name, instants=bars.end_ns)
        self._symbol, self._bars, self._desk, self._quotes = symbol, bars, desk, quotes
        self._prices = market.prices
        self._is_own, self._is_quoted = is_own, is_quoted
        self._is_watched = quotes is not None and symbol in desk.liquidator.watched
        close = bars.column("close")
        # A price that is not above 0 is none, as where a source writes 0 for missing: nobody trades or settles at it.
        self._close: list[float] = np.where(close > 0.0, close, nan).tolist()

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return the newest bar, and the newest that has a price."""
        return _newest(n_rows, self._close)

    def take(self, row: int, now_ns: int) -> None:
        """Let a bar close."""
        self._bars.n_known = row + 1
        price = self._close[row]
        if price != price:  # noqa: PLR0124  # a close that the source lacks tells nothing
            return
        symbol, desk = self._symbol, self._desk
        self._prices[symbol] = (price, now_ns)
        if self._is_own:
            if self._is_watched and symbol in desk.marker.held:
                first, low, high = (float(self._bars.column(name)[row]) for name in ("open", "low", "high"))
                desk.liquidator.span(symbol, now_ns, first, low, high)  # before orders meet the bar: none can save it
            if self._quotes is not None and symbol in desk.exchange.waiting:
                self._meet(row, price, now_ns, self._quotes)
            if not self._is_quoted and symbol in desk.marker.held:
                desk.mark_last(symbol, price, now_ns)

    def _meet(self, row: int, price: float, now_ns: int, quotes: PrintQuotes) -> None:
        low, high = float(self._bars.column("low")[row]), float(self._bars.column("high")[row])
        close = quotes.of(self._symbol, price, high - low, now_ns)
        reached = None
        if isfinite(low) and isfinite(high):
            half = close.ask - price
            reached = (_around(low, half, now_ns), _around(high, half, now_ns))
        since_ns = int(self._bars.start_ns[row])
        self._desk.take_reports(
            self._desk.exchange.on_quote(self._symbol, close, now_ns, reached=reached, since_ns=since_ns)
        )


@final
class BarOpens:
    """Opening prints: what the venue sees of a bar when it begins; no strategy does.

    Parameters
    ----------
    symbol : str
        Underlying.
    bars : BarHistory
        Whole recording.
    desk : Desk
        Settles by opening prints, and fills.
    quotes : PrintQuotes or None
        As in `BarCloses`.
    """

    calls = _NOBODY

    def __init__(self, symbol: str, bars: BarHistory, desk: Desk, quotes: PrintQuotes | None) -> None:
        self._order: Int64Array = np.argsort(bars.start_ns, kind="stable")
        self.stream = TapeStream(phase=Phase.BAR_OPEN, name=bars.name, instants=bars.start_ns[self._order])
        self._symbol, self._desk, self._quotes = symbol, desk, quotes
        self._bars = bars
        self._open: list[float] = bars.column("open")[self._order].tolist()

    def standing(self, n_rows: int) -> Sequence[int]:  # noqa: ARG002  # what opened moves nobody who holds nothing
        """Return none."""
        return ()

    def take(self, row: int, now_ns: int) -> None:
        """Let a bar open."""
        desk = self._desk
        if desk.expiries.due_ns <= now_ns:
            desk.expiries.settle(now_ns)  # no other data may have come at this instant
        if desk.expiries.awaits_open:
            desk.expiries.on_print(self._symbol, self._open[row], now_ns)
        if self._quotes is not None and self._symbol in desk.exchange.waiting:
            price = self._open[row]
            if price > 0.0:
                place = int(self._order[row])
                span = float(self._bars.column("high")[place] - self._bars.column("low")[place])
                quote = self._quotes.of(self._symbol, price, span, now_ns)
                desk.take_reports(desk.exchange.on_quote(self._symbol, quote, now_ns))


@final
class QuoteFeed:
    """Quotes of a share, perpetual or future.

    Parameters
    ----------
    batch : QuoteBatch
        In order of time; rows of options are left out.
    market : MarketState
        Learns them.
    desk : Desk
        Fills and marks.
    calls : frozenset of str
        Strategies asked at each quote.
    """

    def __init__(self, batch: QuoteBatch, market: MarketState, desk: Desk, calls: frozenset[str] = _NOBODY) -> None:
        self.calls = calls
        self._batch, self._market, self._desk = batch, market, desk
        self._rows = _own_rows(batch.contract, batch.ts_ns)
        self.stream = TapeStream(phase=Phase.QUOTE, name=batch.symbol, instants=batch.ts_ns[self._rows])

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return the newest."""
        return range(max(0, n_rows - 1), n_rows)

    def take(self, row: int, now_ns: int) -> None:
        """Let a quote stand."""
        symbol, desk = self._batch.symbol, self._desk
        quote = quote_at(self._batch, int(self._rows[row]))
        self._market.on_quote(symbol, quote)
        if symbol in desk.exchange.waiting:
            desk.take_reports(desk.exchange.on_quote(symbol, quote, now_ns))
        if symbol in desk.marker.held:
            desk.mark_quote(symbol, quote, now_ns)
            if symbol in desk.liquidator.watched and isfinite(quote.bid) and isfinite(quote.ask):
                mid = 0.5 * (quote.bid + quote.ask)
                desk.liquidator.span(symbol, now_ns, mid, mid, mid)


@final
class TradeFeed:
    """Trades of an underlying: the market learns the price; opening prints settle.

    Parameters
    ----------
    batch : TradeBatch
        In order of time; rows of options are left out.
    market : MarketState
        Learns them.
    desk : Desk
        Settles by opening prints.
    """

    calls = _NOBODY

    def __init__(self, batch: TradeBatch, market: MarketState, desk: Desk) -> None:
        rows = _own_rows(batch.contract, batch.ts_ns)
        self.stream = TapeStream(phase=Phase.TRADE, name=batch.symbol, instants=batch.ts_ns[rows])
        self._symbol, self._market, self._desk = batch.symbol, market, desk
        self._price: list[float] = batch.price[rows].tolist()

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return the newest, and the newest that has a price."""
        return _newest(n_rows, self._price)

    def take(self, row: int, now_ns: int) -> None:
        """Let a trade happen."""
        self._market.on_price(self._symbol, self._price[row], now_ns)
        if self._desk.expiries.awaits_open:
            self._desk.expiries.on_print(self._symbol, self._price[row], now_ns)


@final
class SeriesFeed:
    """Points of a series, each from the instant at which it was known.

    Parameters
    ----------
    batch : SeriesBatch
        The series.
    market : MarketState
        Learns them.
    with_days : bool
        Whether features are made of its days, and not of the newest value alone.
    """

    calls = _NOBODY

    def __init__(self, batch: SeriesBatch, market: MarketState, *, with_days: bool = True) -> None:
        self._order = np.lexsort((batch.event_ns, batch.available_ns))
        self.stream = TapeStream(phase=Phase.SERIES, name=batch.series, instants=batch.available_ns[self._order])
        self._batch, self._market, self._with_days = batch, market, with_days

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return the newest event as it was told last; all where features read days of the series."""
        if not n_rows or self._with_days:
            return range(n_rows)
        events = self._batch.event_ns[self._order[:n_rows]]
        return (n_rows - 1 - int(np.argmax(events[::-1])),)

    def take(self, row: int, now_ns: int) -> None:  # noqa: ARG002  # a point carries its own instants
        """Let a point become known."""
        self._market.on_point(point_at(self._batch, int(self._order[row])))


@final
class AnswerFeed:
    """Recorded answers of a model, each from the instant at which it was known.

    Parameters
    ----------
    recorded : ModelAnswers
        The answers.
    market : MarketState
        Learns them.
    """

    calls = _NOBODY

    def __init__(self, recorded: ModelAnswers, market: MarketState) -> None:
        self.stream = TapeStream(phase=Phase.SERIES, name=recorded.name, instants=recorded.available_ns)
        self._answers, self._market = recorded.answers, market

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return all: each says itself how long it holds."""
        return range(n_rows)

    def take(self, row: int, now_ns: int) -> None:  # noqa: ARG002  # an answer carries its own instant
        """Let an answer become known."""
        answer = self._answers[row]
        if isinstance(answer, Forecast):
            self._market.on_forecast(answer)
        else:
            self._market.on_policy(answer)


@final
class Timer:
    """Fixed instants at which strategies are asked, with or without data.

    Parameters
    ----------
    name : str
        Tells timers apart.
    instants : ndarray of int64
        Rising.
    calls : frozenset of str
        Strategies asked.
    """

    def __init__(self, name: str, instants: Int64Array, calls: frozenset[str]) -> None:
        self.calls = calls
        self.stream = TapeStream(phase=Phase.TIMER, name=name, instants=instants)

    def standing(self, n_rows: int) -> Sequence[int]:  # noqa: ARG002  # nobody was asked yet
        """Return none."""
        return ()

    def take(self, row: int, now_ns: int) -> None:
        """Nothing happens but that strategies are asked."""


def _own_rows(contract: IntArray, ts_ns: Int64Array) -> Int64Array:
    rows = np.flatnonzero(contract == UNDERLYING)
    return rows[np.argsort(ts_ns[rows], kind="stable")]


def _newest(n_rows: int, prices: Sequence[float]) -> tuple[int, ...]:
    """Return the last of some rows, and the last of them that has a price, rising."""
    if not n_rows:
        return ()
    last = n_rows - 1
    priced = next((row for row in range(last, -1, -1) if isfinite(prices[row])), last)
    return (last,) if priced == last else (priced, last)

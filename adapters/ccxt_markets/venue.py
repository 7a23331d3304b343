"""Market data of any exchange that ccxt knows, as messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import Any, Final, TypeVar, final

import numpy as np
import requests.adapters

from adapters.ccxt_markets.client import ClockSkew, Credentials, VenueClient, VenueConfig
from adapters.ccxt_markets.funding import (
    HOUR_NS,
    ToldIntervals,
    current_batch,
    history_batch,
    interval_ns_of,
)
from adapters.ccxt_markets.option_rows import option_rows
from adapters.ccxt_markets.options import chain_of, require_known_units, why_no_chain
from adapters.ccxt_markets.paging import pages
from adapters.ccxt_markets.rows import bar_batch, best_of, quote_batch, trade_batch
from adapters.ccxt_markets.terms import MarketKind, MarketTerms, terms_of
from adapters.store.gaps import Gap
from market.bars import BarBatch
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from market.funding import FundingBatch
from market.trades import QuoteBatch, TradeBatch

__all__ = ["CcxtVenue", "missing_bars"]

_MS: Final = 1_000_000
# Most rows of one reply, from the exchanges' documentation; an exchange not named here is asked for fewer.
_BARS_PER_PAGE: Final = {"binance": 1000, "binanceusdm": 1000, "binancecoinm": 1000, "bybit": 1000, "deribit": 1000}
_FUNDING_PER_PAGE: Final = {"binance": 1000, "binanceusdm": 1000, "binancecoinm": 1000, "bybit": 200, "deribit": 700}
_LEAD_MS: Final = 24 * 3_600_000


@final
class CcxtVenue:
    """Reads market data of one exchange through ccxt.

    Parameters
    ----------
    exchange_id : str
        As ccxt names the exchange: ``binance``, ``binanceusdm``, ``bybit``, ``deribit`` or any other.
    credentials : Credentials, optional
        Market data needs none.
    config : VenueConfig, optional
        Waits, retries, pace and the markets to load.
    simulated : bool
        Whether the other side is an emulator of simulated data: every message bears the mark.
    transport : requests.adapters.BaseAdapter, optional
        Carries the requests instead of the network.
    clock_ns : callable
        This machine's clock, ns since the epoch, UTC.
    sleep : callable
        Waits for so many seconds.

    Attributes
    ----------
    client : VenueClient
        The exchange.
    intervals : ToldIntervals
        Today's funding intervals; they are kept until it is told to forget them.
    """

    def __init__(
        self,
        exchange_id: str,
        credentials: Credentials | None = None,
        *,
        config: VenueConfig | None = None,
        simulated: bool = False,
        transport: requests.adapters.BaseAdapter | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.client = VenueClient(
            exchange_id,
            credentials=credentials,
            config=config,
            transport=transport,
            clock_ns=clock_ns,
            sleep=sleep,
        )
        self.exchange_id = exchange_id
        self._simulated = simulated
        self._terms: dict[str, MarketTerms] = {}
        self._unlisted: set[str] = set()
        self._ahead_ns = 0
        self.intervals = ToldIntervals(self.client)

    def instruments(self, *, reload: bool = False) -> tuple[MarketTerms, ...]:
        """Return the terms of all markets, in order of symbols.

        Parameters
        ----------
        reload : bool
            Ask the exchange again, as after a listing or a halt.

        Returns
        -------
        tuple of MarketTerms
            Spot, perpetuals, futures and options; combinations of legs are left out.
        """
        if reload or not self._terms:
            markets = self.client.call("load_markets", reload)
            found = [terms_of(self.client.exchange, row) for row in markets.values()]
            self._terms = {item.symbol: item for item in sorted((t for t in found if t), key=lambda t: t.symbol)}
        return tuple(self._terms.values())

    def terms(self, symbol: str) -> MarketTerms:
        """Return the terms of one market.

        Parameters
        ----------
        symbol : str
            Unified symbol, such as ``BTC/USDT`` (spot) or ``BTC/USDT:USDT`` (perpetual).
        """
        self.instruments()
        found = self._terms.get(symbol)
        if found is None:
            near = [name for name in self._terms if name.startswith(symbol.partition("/")[0] + "/")][:5]
            raise ConfigError(
                f"{self.exchange_id} does not list a market",
                found=symbol,
                expected=f"such as {', '.join(near)}" if near else "a unified symbol such as BTC/USDT",
            )
        return found

    def clock_skew(self) -> ClockSkew:
        """Measure how far this machine's clock is ahead of the exchange's; what is received later is dated by that."""
        found = self.client.clock_skew()
        self._ahead_ns = found.skew_ns
        return found

    def _now_ns(self) -> int:
        return self.client.clock_ns() - self._ahead_ns

    def bar_pages(self, symbol: str, timeframe: str, start_ns: int, end_ns: int) -> Iterator[BarBatch]:
        """Yield bars page by page, so that a long read can be stored and continued from the last `end_ns`.

        Parameters
        ----------
        symbol : str
            Spot, perpetual or future.
        timeframe : str
            Length of a bar as ccxt writes it, such as ``1m``, ``1h`` or ``1d``.
        start_ns, end_ns : int
            Bars that open in ``[start_ns, end_ns)``, ns since the epoch, UTC.

        Yields
        ------
        BarBatch
            In order of time. Bars that the exchange does not have are not there; the one that has not ended neither.
        """
        self.client.require("fetchOHLCV", "bars")
        terms = _plain(self.terms(symbol), "bars")
        bar_ns = _bar_ns(self.client.exchange, timeframe)
        limit = _BARS_PER_PAGE.get(self.exchange_id, 200)
        known_ns = self._now_ns()

        def fetch(first_ms: int, last_ms: int) -> list[Any]:
            found: list[Any] = self.client.call("fetch_ohlcv", symbol, timeframe, first_ms, limit, {"until": last_ms})
            return found

        bar_ms = bar_ns // _MS
        spans = pages(
            fetch,
            lambda row: int(row[0]),
            start_ms=_ceil_ms(start_ns),
            end_ms=_ceil_ms(min(end_ns, known_ns)),
            span_ms=limit * bar_ms,
            step_ms=bar_ms,
        )
        for rows in spans:
            batch = bar_batch(terms, rows, bar_ns=bar_ns, known_ns=known_ns, simulated=self._simulated)
            if batch.n_bars:
                yield batch

    def bars(self, symbol: str, timeframe: str, start_ns: int, end_ns: int) -> BarBatch:
        """Return all bars of a span as one batch; the parameters are those of `bar_pages`.

        Raises
        ------
        DataError
            The exchange has none.
        """
        return _joined(list(self.bar_pages(symbol, timeframe, start_ns, end_ns)), symbol, self.exchange_id)

    def missing(self, batch: BarBatch, timeframe: str, start_ns: int, end_ns: int) -> tuple[Gap, ...]:
        """Return the stretches of a span in which the exchange has no bar, as during a halt; see `missing_bars`."""
        return missing_bars(batch, bar_ns=_bar_ns(self.client.exchange, timeframe), start_ns=start_ns, end_ns=end_ns)

    def quotes(self, symbols: Sequence[str]) -> tuple[QuoteBatch, ...]:
        """Return the best quote of each market now, one batch per market.

        Parameters
        ----------
        symbols : sequence of str
            Spot, perpetuals or futures; of one kind where the exchange can be asked for many at once.
        """
        terms = [_plain(self.terms(symbol), "quotes") for symbol in symbols]
        if self.client.offers("fetchBidsAsks"):
            found = self.client.call("fetch_bids_asks", list(symbols))
            rows = {symbol: found[symbol] for symbol in symbols if symbol in found}
        else:
            self.client.require("fetchTicker", "quotes")
            rows = {symbol: self.client.call("fetch_ticker", symbol) for symbol in symbols}
        known_ns = self._now_ns()
        return tuple(
            quote_batch(item, [rows[item.symbol]], known_ns=known_ns, simulated=self._simulated)
            for item in terms
            if item.symbol in rows
        )

    def top_of_book(self, symbol: str) -> QuoteBatch:
        """Return the best quote of one market out of its order book.

        Parameters
        ----------
        symbol : str
            Spot, perpetual or future.
        """
        self.client.require("fetchOrderBook", "order books")
        terms = _plain(self.terms(symbol), "quotes")
        book = self.client.call("fetch_order_book", symbol, 5)
        return quote_batch(terms, [best_of(book)], known_ns=self._now_ns(), simulated=self._simulated)

    def recent_trades(self, symbol: str, limit: int = 1000) -> TradeBatch:
        """Return the newest trades of a market with the side that took the initiative.

        Parameters
        ----------
        symbol : str
            Spot, perpetual or future.
        limit : int
            How many at most; the exchange may give fewer.
        """
        self.client.require("fetchTrades", "trades")
        terms = _plain(self.terms(symbol), "trades")
        rows = self.client.call("fetch_trades", symbol, None, limit)
        return trade_batch(terms, rows, known_ns=self._now_ns(), simulated=self._simulated)

    def funding(self, symbol: str) -> FundingBatch:
        """Return the funding of a perpetual as the exchange forecasts it now, with the exchange's own interval.

        Parameters
        ----------
        symbol : str
            Perpetual.
        """
        self.client.require("fetchFundingRate", "funding rates")
        terms = _perpetual(self.terms(symbol))
        row = self.client.call("fetch_funding_rate", symbol)
        parse = self.client.exchange.parse_timeframe
        interval_ns = self.funding_interval_ns(symbol) or interval_ns_of(row.get("interval"), parse)
        if not interval_ns:
            raise DataError(
                f"{self.exchange_id} does not tell the funding interval of {symbol}",
                expected="an interval in its funding rate, its market or its list of intervals",
                action="read `funding_history`, where the distances tell it",
            )
        return current_batch(terms, row, interval_ns=interval_ns, known_ns=self._now_ns(), simulated=self._simulated)

    def funding_interval_ns(self, symbol: str) -> int:
        """Return the interval that the exchange tells for a perpetual today, ns; 0 where it tells none apart.

        Parameters
        ----------
        symbol : str
            Perpetual.
        """
        _perpetual(self.terms(symbol))
        return self.intervals.of(symbol)

    def funding_pages(self, symbol: str, start_ns: int, end_ns: int) -> Iterator[FundingBatch]:
        """Yield paid funding page by page, so that a long read can be stored and continued from the last row.

        Parameters
        ----------
        symbol : str
            Perpetual.
        start_ns, end_ns : int
            Payments in ``[start_ns, end_ns)``, ns since the epoch, UTC.

        Yields
        ------
        FundingBatch
            In order of time; each row with the interval that it was paid for.
        """
        self.client.require("fetchFundingRateHistory", "a history of funding rates")
        terms = _perpetual(self.terms(symbol))
        declared_ns = self.funding_interval_ns(symbol)
        limit = _FUNDING_PER_PAGE.get(self.exchange_id, 100)
        step_ns = HOUR_NS if self.exchange_id == "deribit" else declared_ns or 8 * HOUR_NS

        def fetch(first_ms: int, last_ms: int) -> list[Any]:
            found: list[Any] = self.client.call(
                "fetch_funding_rate_history", symbol, first_ms, limit, {"until": last_ms}
            )
            return found

        spans = pages(
            fetch,
            lambda row: int(row["timestamp"]),
            start_ms=_ceil_ms(start_ns) - _LEAD_MS,
            end_ms=_ceil_ms(min(end_ns, self._now_ns())),
            span_ms=limit * step_ns // _MS,
            step_ms=HOUR_NS // _MS,
        )
        before_ns = 0
        for rows in spans:
            batch = history_batch(
                terms,
                rows,
                first_ns=start_ns,
                before_ns=before_ns,
                declared_ns=declared_ns,
                simulated=self._simulated,
            )
            before_ns = int(rows[-1]["timestamp"]) * _MS
            if batch.n_rows:
                yield batch

    def funding_history(self, symbol: str, start_ns: int, end_ns: int) -> FundingBatch:
        """Return all paid funding of a span as one batch; the parameters are those of `funding_pages`.

        Raises
        ------
        DataError
            The exchange has none.
        """
        return _joined(list(self.funding_pages(symbol, start_ns, end_ns)), symbol, self.exchange_id)

    def option_chain(self, coin: str) -> OptionChain:
        """Return all option contracts on a coin as they stand, prices in USD per coin.

        Parameters
        ----------
        coin : str
            Such as ``BTC``.
        """
        if self.exchange_id != "binance":  # ccxt has no call for its chains, but the parts
            self.client.require("fetchOptionChain", "option chains")
        require_known_units(self.exchange_id)
        self.instruments()
        lacking = why_no_chain(self.client)
        if lacking:
            raise ConfigError("there is no option chain", found=lacking, expected="an exchange with options")
        rows = option_rows(self.client, coin, self._terms)
        unlisted = {str(row.get("symbol")) for row in rows} - self._terms.keys()
        if unlisted - self._unlisted:  # options are listed every day: what nobody has heard of is asked for once
            self.instruments(reload=True)
            self._unlisted = unlisted - self._terms.keys()
            rows = option_rows(self.client, coin, self._terms)
        return chain_of(
            coin,
            rows,
            self._terms.get,
            exchange_id=self.exchange_id,
            known_ns=self._now_ns(),
            simulated=self._simulated,
        )


def missing_bars(batch: BarBatch, *, bar_ns: int, start_ns: int, end_ns: int) -> tuple[Gap, ...]:
    """Return the stretches of a span for which a batch has no bar.

    Parameters
    ----------
    batch : BarBatch
        Bars of one length, in order of time.
    bar_ns : int
        Their length, ns.
    start_ns, end_ns : int
        The span, ns since the epoch, UTC.

    Returns
    -------
    tuple of Gap
        Whole bars that should have opened in the span; empty where none is missing.
    """
    first = -(-start_ns // bar_ns) * bar_ns
    edges = np.concatenate(([first - bar_ns], batch.start_ns, [-(-end_ns // bar_ns) * bar_ns]))
    absent = np.diff(edges) // bar_ns - 1
    return tuple(
        Gap(
            symbol=batch.symbol,
            first_ns=int(edges[place]) + bar_ns,
            last_ns=int(edges[place + 1]),
            n_missing=int(absent[place]),
        )
        for place in np.flatnonzero(absent > 0)
    )


def _plain(terms: MarketTerms, what: str) -> MarketTerms:
    if terms.kind is MarketKind.OPTION:
        raise ConfigError(
            f"{what} of a single option are not read",
            found=terms.symbol,
            expected="spot, a perpetual or a future",
            action="read the whole chain with `option_chain`",
        )
    return terms


def _perpetual(terms: MarketTerms) -> MarketTerms:
    if terms.kind is not MarketKind.PERPETUAL:
        raise ConfigError(
            "only a perpetual pays funding",
            found=f"{terms.symbol}, {terms.kind.value}",
            expected=f"a perpetual such as {terms.base}/{terms.quote}:{terms.quote}",
        )
    return terms


def _bar_ns(exchange: Any, timeframe: str) -> int:
    offered = exchange.timeframes or {}
    if timeframe not in offered:
        raise ConfigError(f"{exchange.id} has no bars of this length", found=timeframe, expected=", ".join(offered))
    if timeframe[-1] in {"M", "y"}:
        raise ConfigError("bars of calendar months have no fixed length", found=timeframe, expected="up to 1w")
    return int(exchange.parse_timeframe(timeframe) * 1e9)


def _ceil_ms(instant_ns: int) -> int:
    return -(-instant_ns // _MS)


Batch = TypeVar("Batch", BarBatch, FundingBatch)


def _joined(batches: list[Batch], symbol: str, exchange_id: str) -> Batch:
    if not batches:
        raise DataError(
            f"{exchange_id} has nothing of {symbol} in this span",
            expected="at least one row",
            action="check the span against the day on which the market was listed",
        )
    last = batches[-1]
    whole: dict[str, Any] = {}
    for item in fields(last):
        value = getattr(last, item.name)
        is_column = isinstance(value, np.ndarray)
        whole[item.name] = np.concatenate([getattr(b, item.name) for b in batches]) if is_column else value
    return type(last)(**whole)

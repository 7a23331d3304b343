"""Alpaca's REST interface: bars, trades, quotes, chains, calendar and news as messages of `market`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Self, TypeVar, final
from zoneinfo import ZoneInfo

import requests

from adapters.alpaca import vendor
from adapters.alpaca.bars import bar_batch
from adapters.alpaca.chain import AlpacaChain, assembled
from adapters.alpaca.config import AlpacaConfig
from adapters.alpaca.news import news_batch
from adapters.alpaca.rows import QuoteRow, TradeRow, quote_row, trade_row
from adapters.alpaca.transport import PacedTransport, mapped_status
from adapters.credentials import Credentials
from adapters.limits import SharedLimiter
from market.bars import BarBatch
from market.calendars import Session
from market.clock import Clock, SystemClock, datetime_of_ns, ns_of_datetime
from market.errors import DataError, VenueError
from market.news import NewsBatch

__all__ = ["AlpacaClient", "ClockSkew"]

_Answer = TypeVar("_Answer")
_NEW_YORK = ZoneInfo("America/New_York")
_MINUTE_NS = 60_000_000_000
_NAMES_PER_REQUEST = 100
_CONTRACTS_PER_PAGE = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew:
    """How far the venue's clock is ahead of ours, ns, and how far off the measurement may be: half a round trip."""

    ahead_ns: int
    uncertainty_ns: int


@final
class AlpacaClient:
    """Asks Alpaca through its own client library, within the budget of the key; a context manager.

    Parameters
    ----------
    config : AlpacaConfig
        Feeds, addresses, budget and attempts.
    credentials : Credentials
        The key.
    clock : Clock, optional
        Ours, for the instant of receipt.
    """

    def __init__(self, config: AlpacaConfig, credentials: Credentials, *, clock: Clock | None = None) -> None:
        self._config, self._clock = config, clock or SystemClock()
        self._limiter = SharedLimiter(
            "alpaca", credentials.key, per_min=config.requests_per_min, folder=config.limits_folder
        )
        self.transport = PacedTransport(config, self._limiter)
        keys: dict[str, Any] = {"url_override": config.rest_url, "raw_data": True}
        self._stocks = vendor.StockHistoricalDataClient(credentials.key, credentials.secret, **keys)
        self._options = vendor.OptionHistoricalDataClient(credentials.key, credentials.secret, **keys)
        self._coins = vendor.CryptoHistoricalDataClient(credentials.key, credentials.secret, **keys)
        self._news = vendor.NewsClient(credentials.key, credentials.secret, **keys)
        self._account = vendor.TradingClient(credentials.key, credentials.secret, paper=True, **keys)
        for client in (self._stocks, self._options, self._coins, self._news, self._account):
            for scheme in ("http://", "https://"):
                # The client offers no setting for time-outs; a transport is how its session takes one.
                client._session.mount(scheme, self.transport)  # noqa: SLF001
        self._skew = ClockSkew(ahead_ns=0, uncertainty_ns=0)
        self._known: set[str] = set()  # underlyings that had options

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release connections and the budget's database."""
        self.transport.close()
        self._limiter.close()

    @property
    def skew(self) -> ClockSkew:
        """The newest measurement of the venue's clock."""
        return self._skew

    def now_ns(self) -> int:
        """Return the venue's time as we know it: our clock and the measured skew; ns since the epoch, UTC."""
        return self._clock.now_ns() + self._skew.ahead_ns

    def measure_skew(self, rounds: int = 3) -> ClockSkew:
        """Ask the venue for its time a few times and keep the answer with the shortest round trip."""
        found = []
        for _ in range(rounds):
            sent_ns, begun_ns = self._clock.now_ns(), time.perf_counter_ns()
            told = _asked(self._account.get_clock)
            trip_ns = time.perf_counter_ns() - begun_ns
            told_ns = ns_of_datetime(datetime.fromisoformat(str(told["timestamp"])))
            found.append(ClockSkew(ahead_ns=told_ns - sent_ns - trip_ns // 2, uncertainty_ns=trip_ns // 2))
        self._skew = min(found, key=lambda item: item.uncertainty_ns)
        return self._skew

    def sessions(self, first: date, last: date) -> tuple[Session, ...]:
        """Return the venue's own calendar of sessions, both dates included."""
        days = _asked(self._account.get_calendar, vendor.GetCalendarRequest(start=first, end=last))
        return tuple(
            Session(
                day=date.fromisoformat(item["date"]),
                open_ns=_local_ns(item["date"], item["open"]),
                close_ns=_local_ns(item["date"], item["close"]),
            )
            for item in days
        )

    def bars(self, symbol: str, start_ns: int, end_ns: int, *, minutes: int = 1) -> BarBatch:
        """Return the bars of an underlying whose starts lie from `start_ns` to `end_ns`."""
        frame = vendor.TimeFrame(minutes, vendor.TimeFrameUnit.Minute)
        asked = vendor.StockBarsRequest(
            symbol_or_symbols=symbol,
            timeframe=frame,
            feed=vendor.DataFeed(self._config.stock_feed),
            **_span(start_ns, end_ns),
        )
        found = _asked(self._stocks.get_stock_bars, asked)
        return self._bar_batch(symbol, found, minutes)

    def coin_bars(self, symbol: str, start_ns: int, end_ns: int) -> BarBatch:
        """Return the minute bars of a coin, such as ``BTC/USD``, whose starts lie from `start_ns` to `end_ns`."""
        frame = vendor.TimeFrame(1, vendor.TimeFrameUnit.Minute)
        asked = vendor.CryptoBarsRequest(symbol_or_symbols=symbol, timeframe=frame, **_span(start_ns, end_ns))
        return self._bar_batch(symbol, _asked(self._coins.get_crypto_bars, asked), 1)

    def coin_trades(self, symbol: str, start_ns: int, end_ns: int | None = None) -> list[TradeRow]:
        """Return the trades of a coin with the side that took; up to now where there is no end."""
        asked = vendor.CryptoTradesRequest(symbol_or_symbols=symbol, **_span(start_ns, end_ns))
        return _rows(_asked(self._coins.get_crypto_trades, asked), trade_row)

    def coin_quotes(self, symbol: str, start_ns: int, end_ns: int | None = None) -> list[QuoteRow]:
        """Return the quotes of a coin; up to now where there is no end."""
        asked = vendor.CryptoQuoteRequest(symbol_or_symbols=symbol, **_span(start_ns, end_ns))
        return _rows(_asked(self._coins.get_crypto_quotes, asked), quote_row)

    def option_bars(
        self, symbol: str, contracts: Sequence[str], start_ns: int, end_ns: int, *, minutes: int = 1
    ) -> BarBatch:
        """Return the bars of an underlying's contracts whose starts lie from `start_ns` to `end_ns`."""
        frame = vendor.TimeFrame(minutes, vendor.TimeFrameUnit.Minute)
        found: dict[str, list[Any]] = {}
        for names in _chunks(contracts):
            asked = vendor.OptionBarsRequest(symbol_or_symbols=names, timeframe=frame, **_span(start_ns, end_ns))
            found |= _asked(self._options.get_option_bars, asked)
        return self._bar_batch(symbol, found, minutes)

    def trades(self, symbol: str, start_ns: int, end_ns: int | None = None) -> list[TradeRow]:
        """Return the trades of an underlying; up to now where there is no end."""
        asked = vendor.StockTradesRequest(
            symbol_or_symbols=symbol, feed=vendor.DataFeed(self._config.stock_feed), **_span(start_ns, end_ns)
        )
        return _rows(_asked(self._stocks.get_stock_trades, asked), trade_row)

    def quotes(self, symbol: str, start_ns: int, end_ns: int | None = None) -> list[QuoteRow]:
        """Return the quotes of an underlying; up to now where there is no end."""
        asked = vendor.StockQuotesRequest(
            symbol_or_symbols=symbol, feed=vendor.DataFeed(self._config.stock_feed), **_span(start_ns, end_ns)
        )
        return _rows(_asked(self._stocks.get_stock_quotes, asked), quote_row)

    def option_trades(self, contracts: Sequence[str], start_ns: int, end_ns: int | None = None) -> list[TradeRow]:
        """Return the trades of contracts, of the last seven days at most; up to now where there is no end."""
        found: list[TradeRow] = []
        for names in _chunks(contracts):
            asked = vendor.OptionTradesRequest(symbol_or_symbols=names, **_span(start_ns, end_ns))
            found += _rows(_asked(self._options.get_option_trades, asked), trade_row)
        return found

    def latest_option_quotes(self, contracts: Sequence[str]) -> list[QuoteRow]:
        """Return the newest quote of each contract: the venue keeps no history of option quotes."""
        found: list[QuoteRow] = []
        for names in _chunks(contracts):
            asked = vendor.OptionLatestQuoteRequest(
                symbol_or_symbols=names, feed=vendor.OptionsFeed(self._config.option_feed)
            )
            told = _asked(self._options.get_option_latest_quote, asked)
            rows = (quote_row(name, record) for name, record in told.items())
            found += [row for row in rows if row is not None]
        return found

    def chain(self, symbol: str) -> AlpacaChain:
        """Return the chain of an underlying as it stands, with its open interest; VenueError where it has none."""
        today = datetime_of_ns(self.now_ns()).astimezone(_NEW_YORK).date()
        window: dict[str, Any] = {
            "expiration_date_gte": today,
            "expiration_date_lte": today + timedelta(days=self._config.max_days),
        }
        asked = vendor.OptionChainRequest(
            underlying_symbol=symbol, feed=vendor.OptionsFeed(self._config.option_feed), **window
        )
        listed = list(self._contracts(symbol, window))
        snapshots = _asked(self._options.get_option_chain, asked)
        if not listed and not snapshots:
            raise VenueError(
                f"Alpaca has no options of {symbol}",
                retryable=symbol in self._known,
                found=f"an empty chain of the next {self._config.max_days} days",
                expected="at least one contract",
                action="check the symbol: Alpaca lists options of shares and funds, and none of indices",
            )
        self._known.add(symbol)  # an empty answer to the next question is a failure that passes
        stock = vendor.StockSnapshotRequest(symbol_or_symbols=symbol, feed=vendor.DataFeed(self._config.stock_feed))
        spot = _asked(self._stocks.get_stock_snapshot, stock).get(symbol) or {}
        return assembled(symbol, listed, snapshots, spot, self.now_ns(), simulated=self._config.emulated)

    def news(self, symbols: Sequence[str], start_ns: int, end_ns: int | None = None) -> NewsBatch:
        """Return articles about symbols as they now read, oldest first, each with its instants."""
        asked = vendor.NewsRequest(symbols=",".join(symbols), limit=None, **_span(start_ns, end_ns))
        found = _asked(self._news.get_news, asked).get("news", [])
        return news_batch(found, simulated=self._config.emulated)

    def _contracts(self, symbol: str, window: dict[str, Any]) -> Iterable[dict[str, Any]]:
        # The vendor's client follows no pages here.
        token: str | None = None
        while True:
            asked = vendor.GetOptionContractsRequest(
                underlying_symbols=[symbol], limit=_CONTRACTS_PER_PAGE, page_token=token, **window
            )
            page = _asked(self._account.get_option_contracts, asked)
            yield from page.get("option_contracts") or ()
            token = page.get("next_page_token")
            if not token:
                return

    def _bar_batch(self, symbol: str, found: dict[str, list[dict[str, Any]]], minutes: int) -> BarBatch:
        return bar_batch(symbol, found, minutes * _MINUTE_NS, self.now_ns(), simulated=self._config.emulated)


def _asked(call: Callable[..., Any], *request: Any) -> Any:
    """Return what the vendor's client returns, with its failures as ours; they hold no header, and so no key."""
    try:
        return call(*request)
    except vendor.APIError as error:
        raise mapped_status(error.status_code or 0, "", str(error)[:200]) from None
    except requests.exceptions.JSONDecodeError:
        raise VenueError("Alpaca's answer is no JSON", retryable=True, action="it is tried again later") from None
    except requests.RequestException as error:
        raise VenueError("Alpaca cannot be reached", retryable=True, found=type(error).__name__) from None
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError("Alpaca's answer has another shape", found=repr(error)[:200]) from None


def _rows(found: dict[str, list[Any]], parse: Callable[[str, Any], _Answer | None]) -> list[_Answer]:
    rows = (parse(name, record) for name, records in found.items() for record in records or ())
    return [row for row in rows if row is not None]


def _chunks(names: Sequence[str]) -> Iterable[list[str]]:
    return (list(names[place : place + _NAMES_PER_REQUEST]) for place in range(0, len(names), _NAMES_PER_REQUEST))


def _span(start_ns: int, end_ns: int | None) -> dict[str, Any]:
    end = {} if end_ns is None else {"end": datetime_of_ns(end_ns)}
    return {"start": datetime_of_ns(start_ns), **end}


def _local_ns(day: str, wall: str) -> int:
    return ns_of_datetime(datetime.fromisoformat(f"{day}T{wall}").replace(tzinfo=_NEW_YORK))

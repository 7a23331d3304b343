"""What a live feed of an exchange delivers, and how hard it may try."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from adapters.addresses import is_local
from market.errors import ConfigError

__all__ = ["CcxtFeedConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CcxtFeedConfig:
    """Settings of a `CcxtFeed`; they hold no key: public market data needs none.

    Parameters
    ----------
    exchange_id : str
        As ccxt names the exchange.
    markets : tuple of str
        Markets that are streamed, one per coin, such as ``("BTC/USDT:USDT", "ETH/USDT:USDT")``: their trades, quotes
        and books come as those of the coin.
    context_markets : tuple of str
        Further markets whose bars and funding are delivered beside, such as the spot market of a perpetual.
    market_types : tuple of str
        Kinds of market to load, as in `VenueConfig`; Binance's chains need ``option`` among them, such as
        ``("linear", "option")``.
    timeframe : str
        Length of the bars of all markets, such as ``1m``; empty for none.
    funding_every_s : float
        Seconds between forecasts of funding; what was paid is asked for at the same time. 0 for no funding.
    chain_every_s : float
        Seconds between whole option chains, where the exchange has options.
    interval_s : float
        Seconds between batches.
    depth : int
        Levels of a side in a book; 0 for no books.
    catch_up_s : float
        How far back a feed that continues another one asks for trades.
    fill_wait_s : float
        After a connection was lost trades are asked for when the first new one has come, or after so long.
    skew_every_s : float
        Seconds between measurements of this machine's clock against the exchange's.
    silent_s : float
        A stream without any frame, an answer to a ping among them, for so long is opened again.
    first_wait_s : float
        Wait before a refused stream is asked for again; it doubles up to half a minute.
    most_waiting : int
        Rows that wait to be taken. Trades beyond it are asked for again later; quotes and context are left out.
    timeout_s : float
        Longest wait for an answer.
    pace_file : Path, optional
        File of a `SharedPace`, for processes that share an address; the feed's own two conversations share it too.
    url : str, optional
        Scheme, host and port of a server that stands for the exchange, such as an emulator's.
    """

    exchange_id: str
    markets: tuple[str, ...]
    context_markets: tuple[str, ...] = ()
    market_types: tuple[str, ...] = ()
    timeframe: str = "1m"
    funding_every_s: float = 60.0
    chain_every_s: float = 60.0
    interval_s: float = 0.1
    depth: int = 20
    catch_up_s: float = 900.0
    fill_wait_s: float = 2.0
    skew_every_s: float = 900.0
    silent_s: float = 30.0
    first_wait_s: float = 0.5
    most_waiting: int = 200_000
    timeout_s: float = 10.0
    pace_file: Path | None = None
    url: str | None = None

    def __post_init__(self) -> None:
        coins = [market.partition("/")[0] for market in self.markets]
        if not coins or not all("/" in market for market in (*self.markets, *self.context_markets)):
            raise ConfigError(
                "a feed of an exchange needs its markets",
                found=", ".join(self.markets) or "none",
                expected="unified symbols such as BTC/USDT:USDT",
            )
        if len(set(coins)) < len(coins):
            raise ConfigError(
                "a coin has one streamed market, for its prices are those of the coin",
                found=", ".join(self.markets),
                expected="one market per coin",
                action="name the others in context_markets",
            )
        positive = (self.chain_every_s, self.skew_every_s, self.silent_s, self.most_waiting, self.timeout_s)
        others = (self.interval_s, self.funding_every_s, self.catch_up_s, self.fill_wait_s, self.first_wait_s)
        if not (min(positive) > 0 and min(others) >= 0 and self.depth >= 0):
            raise ConfigError("a feed of an exchange cannot work so", expected="times and counts above 0")

    @property
    def symbols(self) -> tuple[str, ...]:
        """The coins."""
        return tuple(market.partition("/")[0] for market in self.markets)

    @property
    def emulated(self) -> bool:
        """Whether the venue is one on this machine: what it tells is marked as simulated."""
        return self.url is not None and is_local(self.url)

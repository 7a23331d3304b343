"""What an Alpaca connection is to deliver, and how hard it may try."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from adapters.addresses import is_local, require_safe
from market.errors import ConfigError

__all__ = ["AlpacaConfig", "Tape"]


class Tape(StrEnum):
    """Which of the venue's streams."""

    STOCKS = "stocks"
    OPTIONS = "options"
    COINS = "coins"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaConfig:
    """Settings of the Alpaca adapter; they hold no key, so that they may be logged and sent to other processes.

    Parameters
    ----------
    symbols : tuple of str
        Underlyings.
    stock_feed, option_feed : str
        ``iex``, ``sip`` or ``delayed_sip``, and ``indicative`` or ``opra``.
    bar_symbols, coin_symbols : tuple of str
        Shares, and coins such as ``BTC/USD``, whose minute bars are streamed besides, as context of every underlying;
        of coins also quotes and trades, each under its own name.
    stream_options : bool
        Whether options are streamed; otherwise they come with the whole chains only, as a plan with few symbols needs.
    max_days : int
        Expirations up to so many days ahead are in the chains and streams.
    rest_url, stream_url : str, optional
        Instead of the vendor's own addresses, without a slash at the end.
    requests_per_min : int
        Budget of requests of the key, over all processes of the machine.
    limits_folder : Path, optional
        Where the budget is kept, see `adapters.limits.SharedLimiter`.
    timeout_s : float
        A request is given up after so long, > 0.
    attempts : int
        How often a request is tried in all, > 0.
    longest_wait_s : float
        No wait between attempts, and none for the budget, is longer.
    interval_s : float
        Seconds between batches of the feed.
    chain_every_s, closed_chain_every_s : float
        Seconds between whole chains, and while the market is closed; the first after that is asked for at its open.
    news_every_s : float, optional
        Seconds between questions for articles about the underlyings; without it none are told.
    overlap_s : float
        A gap is filled from so long before the newest message that came, and repeated messages are known for twice
        as long.
    catch_up_s : float
        How far back a feed that continues another one asks first.
    data_timeout_s : float, optional
        A stream without any message for so long is opened again, unless all its markets are closed.
    reconnect_min_s : float
        First wait before a stream is opened again; it doubles up to 30 s.
    most_waiting : int
        Messages of a stream that wait to be taken, and about as many of all streams that wait for a gap to be filled;
        what does not fit is asked for again.
    """

    symbols: tuple[str, ...]
    stock_feed: str = "iex"
    option_feed: str = "indicative"
    bar_symbols: tuple[str, ...] = ()
    coin_symbols: tuple[str, ...] = ()
    stream_options: bool = True
    max_days: int = 60
    rest_url: str | None = None
    stream_url: str | None = None
    requests_per_min: int = 200
    limits_folder: Path | None = None
    timeout_s: float = 5.0
    attempts: int = 5
    longest_wait_s: float = 60.0
    interval_s: float = 0.1
    chain_every_s: float = 60.0
    closed_chain_every_s: float = 900.0
    news_every_s: float | None = None
    overlap_s: float = 5.0
    catch_up_s: float = 900.0
    data_timeout_s: float | None = None
    reconnect_min_s: float = 1.0
    most_waiting: int = 500_000

    def __post_init__(self) -> None:
        positive = (self.timeout_s, self.attempts, self.requests_per_min, self.most_waiting, self.reconnect_min_s)
        if not self.symbols or not min(positive) > 0 or not min(self.interval_s, self.overlap_s) >= 0.0:
            raise ConfigError(
                "the Alpaca adapter cannot work so",
                found=f"{len(self.symbols)} symbols, timeout {self.timeout_s} s, {self.attempts} attempts",
                expected="a symbol, and times and counts above 0",
            )
        if (self.rest_url is None) is not (self.stream_url is None):
            raise ConfigError("one address of two is given", expected="rest_url and stream_url, or neither")
        if self.rest_url is not None and self.stream_url is not None:
            require_safe(self.rest_url, self.stream_url)

    @property
    def emulated(self) -> bool:
        """Whether the venue is one on this machine: what it tells is marked as simulated."""
        return self.rest_url is not None and is_local(self.rest_url)

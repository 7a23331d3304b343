"""What a live connection to the vendor is to deliver, and when a stream counts as lost."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from adapters.addresses import require_safe
from adapters.polygon.client import PolygonConfig
from market.errors import ConfigError

__all__ = ["PolygonLiveConfig", "StreamConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamConfig:
    """Where the stream is and when it counts as lost.

    Parameters
    ----------
    feed : str
        Host of the stream.
    secure : bool
        Encrypted; off only for a server on this machine.
    silent_s : float
        Without a frame for so long the connection counts as lost, seconds.
    first_wait_s : float
        Wait before the second connection in a row that brought nothing, seconds; it doubles up to half a minute.
    overlap_s : float
        How far before the newest trade the fetch of what was missed begins, seconds: tickers do not keep step.
    remember : int
        Newest trades that are kept to know a repeated one; more than come in the overlap.
    """

    feed: str = "socket.massive.com"
    secure: bool = True
    silent_s: float = 60.0
    first_wait_s: float = 0.5
    overlap_s: float = 60.0
    remember: int = 200_000

    def __post_init__(self) -> None:
        if not (self.silent_s > 0.0 and self.first_wait_s >= 0.0 and self.overlap_s >= 0.0 and self.remember > 0):
            raise ConfigError("the stream cannot be held so", expected="silent_s and remember > 0, the rest >= 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolygonLiveConfig:
    """Settings of the live feed; they hold no key, so that they may be logged and sent to other processes.

    Parameters
    ----------
    symbols : tuple of str
        Underlyings.
    rest : PolygonConfig
        Where the vendor is and how it is asked.
    stream : StreamConfig
        Where its streams are and when one counts as lost.
    stream_options : bool
        Whether options are streamed; otherwise they come with the whole chains only.
    most_contracts : int
        Contracts that are streamed, over all symbols: the vendor allows 1,000 on a connection. Those whose strike is
        nearest, in units of the move to expect until they end, are taken.
    most_fetched : int
        Contracts whose missed trades are fetched after a lost connection; what is beyond is counted as not filled.
    max_days : int
        Expirations up to so many days ahead.
    requests_per_min : int
        Budget of requests of the key, over all processes of the machine.
    limits_folder : Path, optional
        Where the budget is kept, see `adapters.limits.SharedLimiter`.
    interval_s : float
        Seconds between batches.
    chain_every_s, closed_chain_every_s : float
        Seconds between whole chains, and while the market is closed; the first after that is asked for at its open.
    most_waiting : int
        Frames that wait to be taken; what does not fit is asked for again.
    """

    symbols: tuple[str, ...]
    rest: PolygonConfig = field(default_factory=PolygonConfig)
    stream: StreamConfig = field(default_factory=StreamConfig)
    stream_options: bool = True
    most_contracts: int = 1_000
    most_fetched: int = 500
    max_days: int = 60
    requests_per_min: int = 5
    limits_folder: Path | None = None
    interval_s: float = 0.1
    chain_every_s: float = 60.0
    closed_chain_every_s: float = 900.0
    most_waiting: int = 100_000

    def __post_init__(self) -> None:
        counts = (self.requests_per_min, self.most_waiting, self.most_contracts)
        least = min(self.interval_s, self.chain_every_s, self.closed_chain_every_s, self.max_days, self.most_fetched)
        if not self.symbols or min(counts) < 1 or least < 0:
            raise ConfigError(
                "the live feed cannot work so",
                found=f"{len(self.symbols)} symbols, {self.requests_per_min} requests a minute",
                expected="a symbol, counts above 0, times from 0",
            )
        require_safe(self.rest.base_url, f"{'wss' if self.stream.secure else 'ws'}://{self.stream.feed}")

    @property
    def emulated(self) -> bool:
        """Whether the venue is one on this machine: what it tells is marked as simulated."""
        return self.rest.emulated

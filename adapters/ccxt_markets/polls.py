"""What a live feed asks an exchange for by request: its clock, chains, bars, funding, and trades that were missed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from adapters.ccxt_markets.arrivals import Arrivals
from adapters.ccxt_markets.client import ClockSkew
from adapters.ccxt_markets.feed_config import CcxtFeedConfig
from adapters.ccxt_markets.funding import HOUR_NS
from adapters.ccxt_markets.history import missed_trades
from adapters.ccxt_markets.options import why_no_chain
from adapters.ccxt_markets.terms import MarketKind
from adapters.ccxt_markets.venue import CcxtVenue
from market.errors import DataError, TradingError, VenueError

__all__ = ["ContextPolls", "Job", "PollThread", "TradeFills"]

_LOG: Final = logging.getLogger(__name__)
_FILL_EVERY_S: Final = 0.1
_FUNDING_BACK_NS: Final = 24 * HOUR_NS
_BARS_BACK: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A request that is made again and again.

    Parameters
    ----------
    name : str
        For the log.
    every_s : float
        Seconds from one to the next.
    ask : callable
        Makes it.
    """

    name: str
    every_s: float
    ask: Callable[[], None]


@final
class PollThread:
    """Does jobs one after another in a thread until it is closed; one that fails is counted and tried when due again.

    Parameters
    ----------
    name : str
        Name of the thread.
    arrivals : Arrivals
        Told what fails: ``failed_polls`` where it may pass, otherwise the feed's end.
    begin : callable
        Done first and until it succeeds; returns the jobs.
    retry_s : float
        Seconds between attempts of `begin`.
    """

    def __init__(self, name: str, arrivals: Arrivals, begin: Callable[[], tuple[Job, ...]], *, retry_s: float) -> None:
        self._arrivals, self._begin, self._retry_s = arrivals, begin, retry_s
        self._stop = threading.Event()
        self._jobs: tuple[Job, ...] = ()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End after the job that is under way."""
        self._stop.set()

    def _run(self) -> None:
        try:
            self._work()
        except TradingError as error:
            known = error if isinstance(error, VenueError) else VenueError(str(error), retryable=False)
            self._arrivals.fail(known)
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the feed, whatever it is
            self._arrivals.fail(VenueError("a feed's requests ended", retryable=False, found=repr(error)[:300]))

    def _work(self) -> None:
        while not self._tried("opening", self._open):
            if self._stop.wait(self._retry_s):
                return
        jobs = self._jobs or (Job(name="nothing", every_s=3600.0, ask=lambda: None),)
        due = [time.monotonic()] * len(jobs)
        while not self._stop.is_set():
            place = min(range(len(jobs)), key=due.__getitem__)
            if self._stop.wait(max(due[place] - time.monotonic(), 0.0)):
                return
            self._tried(jobs[place].name, jobs[place].ask)
            due[place] = time.monotonic() + jobs[place].every_s

    def _open(self) -> None:
        self._jobs = self._begin()

    def _tried(self, name: str, ask: Callable[[], None]) -> bool:
        try:
            ask()
        except (DataError, VenueError) as error:
            if isinstance(error, VenueError) and not error.retryable:
                raise
            self._arrivals.count("failed_polls")
            _LOG.warning("%s failed and is tried again: %s", name, error)
            return False
        return True


@final
class TradeFills:
    """Asks for the trades that streams have missed.

    Parameters
    ----------
    venue : CcxtVenue
        Used by nobody else.
    arrivals : Arrivals
        Says what is missing and gets it.
    wait_s : float
        After so long it is asked for though the stream has brought nothing since.
    """

    def __init__(self, venue: CcxtVenue, arrivals: Arrivals, *, wait_s: float) -> None:
        self._venue, self._arrivals, self._wait_s = venue, arrivals, wait_s
        self._since_s: dict[str, tuple[int, float]] = {}

    def jobs(self, markets: tuple[str, ...]) -> tuple[Job, ...]:
        """Return the jobs of streamed markets."""
        return tuple(
            Job(name=f"trades of {market}", every_s=_FILL_EVERY_S, ask=lambda market=market: self._fill(market))  # type: ignore[misc]  # bound now
            for market in markets
        )

    def _fill(self, market: str) -> None:
        pending = self._arrivals.missed(market, waited=True)
        if pending is None:
            self._since_s.pop(market, None)
            return
        now_s = time.monotonic()
        epoch, asked_s = self._since_s.get(market, (-1, 0.0))
        if epoch != pending.epoch:
            asked_s = now_s
            self._since_s[market] = (pending.epoch, now_s)
        missed = self._arrivals.missed(market, waited=now_s - asked_s >= self._wait_s)
        if missed is None:
            return
        rows, reaches = missed_trades(self._venue.client, self._venue.terms(market), missed)
        self._since_s[market] = (missed.epoch, now_s)
        self._arrivals.fill(market, missed, rows, reaches=reaches)


@final
class ContextPolls:
    """Asks for the exchange's clock, option chains, bars and funding.

    Parameters
    ----------
    venue : CcxtVenue
        Used by nobody else.
    config : CcxtFeedConfig
        What and how often.
    arrivals : Arrivals
        Gets it.

    Attributes
    ----------
    skew : ClockSkew or None
        How far this machine's clock is ahead; None before the first measurement.
    notes : tuple of str
        What the exchange does not offer.
    is_open : bool
        Whether the markets are loaded and the clock is measured, where the exchange tells it.
    """

    def __init__(self, venue: CcxtVenue, config: CcxtFeedConfig, arrivals: Arrivals) -> None:
        self._venue, self._config, self._arrivals = venue, config, arrivals
        self._bars_to_ns: dict[str, int] = {}
        self._paid_to_ns: dict[str, int] = {}
        self.skew: ClockSkew | None = None
        self.notes: tuple[str, ...] = ()
        self.is_open = False

    def jobs(self) -> tuple[Job, ...]:
        """Load the markets and return the jobs; what the exchange does not offer is noted and left out."""
        config, found = self._config, list[Job]()
        terms = [self._venue.terms(market) for market in (*config.markets, *config.context_markets)]
        for item in terms:
            if not item.is_active:
                self._note(f"{item.symbol} does not trade on {config.exchange_id} now")
        if self._offers("fetchTime", "its clock: this machine's is believed"):
            self._measure()
            found.append(Job(name="the clock", every_s=config.skew_every_s, ask=self._measure))
        self.is_open = True
        if self._has_chains():
            for coin in config.symbols:
                found.append(Job(name=f"chain of {coin}", every_s=config.chain_every_s, ask=self._chain_of(coin)))
        if config.timeframe and self._offers("fetchOHLCV", "bars"):
            length_s = float(self._venue.client.exchange.parse_timeframe(config.timeframe))
            # Several looks per bar: one that has just ended stands at the exchange a moment later.
            every_s = min(length_s / 4.0, 60.0)
            found += [Job(name=f"bars of {t.symbol}", every_s=every_s, ask=self._bars_of(t.symbol)) for t in terms]
        perpetuals = [item.symbol for item in terms if item.kind is MarketKind.PERPETUAL]
        if config.funding_every_s and perpetuals and self._offers("fetchFundingRate", "funding"):
            found += [
                Job(name=f"funding of {symbol}", every_s=config.funding_every_s, ask=self._funding_of(symbol))
                for symbol in perpetuals
            ]
        return tuple(found)

    def now_ns(self) -> int:
        """Return the instant by the exchange's clock as far as it is known, ns since the epoch, UTC."""
        ahead_ns = 0 if self.skew is None else self.skew.skew_ns
        return self._venue.client.clock_ns() - ahead_ns

    def _offers(self, name: str, what: str) -> bool:
        if self._venue.client.offers(name):
            return True
        self._note(f"{self._config.exchange_id} does not offer {what}")
        return False

    def _note(self, text: str) -> None:
        self.notes = (*self.notes, text)
        _LOG.warning("%s", text)

    def _has_chains(self) -> bool:
        lacking = why_no_chain(self._venue.client)
        if lacking:
            self._note(lacking)
        return not lacking

    def _measure(self) -> None:
        self.skew = self._venue.clock_skew()

    def _chain_of(self, coin: str) -> Callable[[], None]:
        def ask() -> None:
            self._arrivals.put_chain(self._venue.option_chain(coin))

        return ask

    def _bars_of(self, symbol: str) -> Callable[[], None]:
        length_ns = int(self._venue.client.exchange.parse_timeframe(self._config.timeframe) * 1e9)

        def ask() -> None:
            now_ns = self.now_ns()
            first_ns = self._bars_to_ns.get(symbol, (now_ns // length_ns - _BARS_BACK) * length_ns)
            if first_ns + length_ns > now_ns:
                return
            for batch in self._venue.bar_pages(symbol, self._config.timeframe, first_ns, now_ns):
                if not self._arrivals.put_context(batch):
                    return
                self._bars_to_ns[symbol] = int(batch.end_ns[-1])

        return ask

    def _funding_of(self, symbol: str) -> Callable[[], None]:
        def ask() -> None:
            now_ns = self.now_ns()
            if self._venue.client.offers("fetchFundingRateHistory"):
                known_ns = self._paid_to_ns.get(symbol)
                self._paid(symbol, now_ns - _FUNDING_BACK_NS if known_ns is None else known_ns, now_ns)
                if known_ns not in {None, self._paid_to_ns.get(symbol)}:
                    # A payment ends an interval, and another length may begin.
                    self._venue.intervals.forget()
            self._arrivals.put_context(self._venue.funding(symbol))

        return ask

    def _paid(self, symbol: str, first_ns: int, end_ns: int) -> None:
        for batch in self._venue.funding_pages(symbol, first_ns, end_ns):
            if not self._arrivals.put_context(batch):
                return
            self._paid_to_ns[symbol] = int(batch.ts_ns[-1]) + 1

"""Whole chains while the streams go on: when each is due, and a thread that asks for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, final

from adapters.alpaca.config import AlpacaConfig
from market.calendars import MarketPhase, next_open_ns, phase_at
from market.chains import OptionChain
from market.errors import VenueError
from market.instruments import product_of

__all__ = ["ChainPolling", "is_closed"]

_NS_PER_S: Final = 1_000_000_000
_AGAIN_S: Final = 5.0  # after a failure; each attempt has had its own retries


def is_closed(symbols: Sequence[str], instant_ns: int) -> bool:
    """Return whether no underlying trades at an instant, by the calendars of their options."""
    calendars = {product_of(symbol).calendar for symbol in symbols}
    return all(phase_at(calendar, instant_ns) is MarketPhase.CLOSED for calendar in calendars)


@final
class ChainPolling:
    """Asks for chains when they are due; all but `ask` happens in the thread that uses it.

    A chain takes seconds, and the rows of the streams must not wait for it.

    Parameters
    ----------
    config : AlpacaConfig
        Underlyings and how often.
    ask : callable
        Asks the venue for the chains of some underlyings; called in a thread of its own, one call at a time.
    now_ns : callable
        The venue's time, ns since the epoch, UTC.
    """

    def __init__(
        self,
        config: AlpacaConfig,
        ask: Callable[[Sequence[str]], tuple[OptionChain, ...]],
        now_ns: Callable[[], int],
    ) -> None:
        self._config, self._ask, self._now_ns = config, ask, now_ns
        self._due_ns = dict.fromkeys(config.symbols, 0)
        self._asked: Sequence[str] = ()
        self._answer: Future[tuple[OptionChain, ...]] | None = None
        self.failures = 0
        """Polls that gave nothing and were begun again."""

    def first(self) -> tuple[OptionChain, ...]:
        """Ask for all chains and wait for them; raise what goes wrong."""
        found = self._ask(self._config.symbols)
        self._plan(self._config.symbols, self._now_ns())
        return found

    def turn(self) -> tuple[OptionChain, ...]:
        """Return the chains that have come since the turn before, and begin to ask for those that are due.

        Returns
        -------
        tuple of OptionChain
            Raises VenueError where trying again cannot help; other failures are counted, and tried again soon.
        """
        now_ns = self._now_ns()
        found = self._taken(now_ns)
        due = [symbol for symbol, due_ns in self._due_ns.items() if due_ns <= now_ns]
        if due and self._answer is None:
            self._plan(due, now_ns)
            self._asked, self._answer = due, Future()
            threading.Thread(target=self._run, args=(due, self._answer), name="alpaca-chains", daemon=True).start()
        return found

    @property
    def is_asking(self) -> bool:
        """Whether an answer is still to be taken."""
        return self._answer is not None

    def wait(self, timeout_s: float) -> bool:
        """Wait until there is an answer to take, or nothing has been asked; return whether that is so."""
        if self._answer is not None:
            try:
                self._answer.exception(timeout_s)
            except TimeoutError:
                return False
        return True

    def _taken(self, now_ns: int) -> tuple[OptionChain, ...]:
        if self._answer is None or not self._answer.done():
            return ()
        answer, self._answer = self._answer, None
        try:
            return answer.result()
        except VenueError as error:
            if not error.retryable:
                raise
            self.failures += 1
            again_ns = now_ns + int(_AGAIN_S * _NS_PER_S)
            self._due_ns |= {symbol: min(self._due_ns[symbol], again_ns) for symbol in self._asked}
            return ()

    def _run(self, symbols: Sequence[str], answer: Future[tuple[OptionChain, ...]]) -> None:
        try:
            answer.set_result(self._ask(symbols))
        except Exception as error:  # noqa: BLE001  # a thread's failure must reach the feed, whatever it is
            answer.set_exception(error)

    def _plan(self, symbols: Sequence[str], now_ns: int) -> None:
        for symbol in symbols:
            calendar = product_of(symbol).calendar
            if phase_at(calendar, now_ns) is MarketPhase.CLOSED:
                later_ns = now_ns + int(self._config.closed_chain_every_s * _NS_PER_S)
                self._due_ns[symbol] = min(later_ns, next_open_ns(calendar, now_ns))
            else:
                self._due_ns[symbol] = now_ns + int(self._config.chain_every_s * _NS_PER_S)

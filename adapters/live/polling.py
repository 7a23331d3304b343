"""Whole chains while the streams go on: when each is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final, final

from adapters.live.asking import Asking
from market.calendars import MarketPhase, next_open_ns, phase_at
from market.chains import OptionChain
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
    """Asks for chains when they are due.

    A chain takes seconds, and the rows of the streams must not wait for it.

    Parameters
    ----------
    symbols : tuple of str
        Underlyings.
    ask : callable
        Asks the venue for the chains of some underlyings; called in a thread of its own, one call at a time.
    now_ns : callable
        The venue's time, ns since the epoch, UTC.
    every_s, closed_every_s : float
        Seconds between whole chains, and while the market is closed; the first after that is asked for at its open.
    """

    def __init__(
        self,
        symbols: tuple[str, ...],
        ask: Callable[[Sequence[str]], tuple[OptionChain, ...]],
        now_ns: Callable[[], int],
        *,
        every_s: float,
        closed_every_s: float,
    ) -> None:
        self._symbols, self._ask, self._now_ns = symbols, ask, now_ns
        self._every_ns, self._closed_every_ns = int(every_s * _NS_PER_S), int(closed_every_s * _NS_PER_S)
        self._due_ns = dict.fromkeys(symbols, 0)
        self._asked: Sequence[str] = ()
        self.asking: Asking[tuple[OptionChain, ...]] = Asking()
        """What is under way."""

    def now(self) -> tuple[OptionChain, ...]:
        """Ask for all chains and wait for them, as for the first; raise what goes wrong."""
        found = self._ask(self._symbols)
        self._plan(self._symbols, self._now_ns())
        return found

    def turn(self) -> tuple[OptionChain, ...]:
        """Return the chains that have come since the turn before, and begin to ask for those that are due.

        Returns
        -------
        tuple of OptionChain
            Raises VenueError where trying again cannot help; other failures are counted, and tried again soon.
        """
        now_ns = self._now_ns()
        failures = self.asking.failures
        found = self.asking.take() or ()
        if self.asking.failures > failures:
            again_ns = now_ns + int(_AGAIN_S * _NS_PER_S)
            self._due_ns |= {symbol: min(self._due_ns[symbol], again_ns) for symbol in self._asked}
        due = [symbol for symbol, due_ns in self._due_ns.items() if due_ns <= now_ns]
        if due and not self.asking.is_under_way:
            self._plan(due, now_ns)
            self._asked = due
            self.asking.begin(partial(self._ask, due))
        return found

    def _plan(self, symbols: Sequence[str], now_ns: int) -> None:
        for symbol in symbols:
            calendar = product_of(symbol).calendar
            if phase_at(calendar, now_ns) is MarketPhase.CLOSED:
                self._due_ns[symbol] = min(now_ns + self._closed_every_ns, next_open_ns(calendar, now_ns))
            else:
                self._due_ns[symbol] = now_ns + self._every_ns

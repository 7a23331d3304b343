"""When an instrument trades: its exchange's sessions with early closes, its last trading instant, and halts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, final

from backtest.history import Halt
from market.calendars import latest_session, next_open_ns
from market.errors import ConfigError
from market.tradables import Instrument, OptionContract, Perpetual, Share

__all__ = ["TradingHours"]

_ALWAYS: Final = "24/7"
_FOREVER: Final = 1 << 62


@final
class _Hours:
    """The session of one calendar around the newest instant that was asked for."""

    __slots__ = ("calendar", "close_ns", "next_ns", "open_ns")

    def __init__(self, calendar: str) -> None:
        self.calendar = calendar
        self.open_ns = self.close_ns = self.next_ns = 0

    def seek(self, instant_ns: int) -> None:
        """Move to the newest session that had opened by an instant."""
        if self.open_ns <= instant_ns < self.next_ns:
            return
        if self.calendar == _ALWAYS:
            self.open_ns, self.close_ns, self.next_ns = 0, _FOREVER, _FOREVER
            return
        session = latest_session(self.calendar, instant_ns)
        self.open_ns, self.close_ns = session.open_ns, session.close_ns
        self.next_ns = next_open_ns(self.calendar, instant_ns)


@final
class TradingHours:
    """Sessions of instruments; made for instants that mostly rise.

    Parameters
    ----------
    calendars : mapping of str to str
        Calendar by symbol, for instruments whose kind does not tell it; futures must stand here.
    halts : sequence of Halt
        Spans without trading, by underlying.
    closing_quotes_ns : int
        How long after the close its last quotes may still be traded at, ns, as of snapshots that are taken late.
    """

    def __init__(self, calendars: Mapping[str, str], halts: Sequence[Halt] = (), closing_quotes_ns: int = 0) -> None:
        self._calendars = dict(calendars)
        self._hours: dict[str, _Hours] = {}
        self._after_ns = closing_quotes_ns
        self._halts: dict[str, list[tuple[int, int]]] = {}
        for halt in sorted(halts, key=lambda each: each.start_ns):
            self._halts.setdefault(halt.symbol, []).append((halt.start_ns, halt.end_ns))
        self.has_halts = bool(self._halts)
        """Whether anything is ever halted."""

    def calendar_of(self, instrument: Instrument) -> str:
        """Return the name of an instrument's calendar.

        Parameters
        ----------
        instrument : Instrument
            Share, option, perpetual or future.

        Returns
        -------
        str
            That of the run's settings, else that of its kind.

        Raises
        ------
        ConfigError
            It is a future without a calendar.
        """
        named = self._calendars.get(instrument.symbol)
        if named is not None:
            return named
        if isinstance(instrument, OptionContract):
            return self._calendars.get(instrument.underlying, instrument.series.product.calendar)
        if isinstance(instrument, Share):
            return "NYSE"
        if isinstance(instrument, Perpetual):
            return _ALWAYS
        raise ConfigError(
            "a future's sessions are not known",
            found=instrument.symbol,
            expected="the name of its calendar, or 24/7",
            action="name it under calendars",
        )

    def _at(self, instrument: Instrument, instant_ns: int) -> _Hours:
        calendar = self.calendar_of(instrument)
        hours = self._hours.get(calendar)
        if hours is None:
            hours = self._hours[calendar] = _Hours(calendar)
        hours.seek(instant_ns)
        return hours

    def is_open(self, instrument: Instrument, instant_ns: int) -> bool:
        """Return whether an instrument trades at an instant; the closing print itself still trades."""
        if isinstance(instrument, OptionContract) and instant_ns > instrument.series.last_trade_ns:
            return False
        if self.is_halted(instrument.underlying, instant_ns) or self.is_halted(instrument.symbol, instant_ns):
            return False
        return instant_ns <= self._at(instrument, instant_ns).close_ns + self._after_ns

    def is_halted(self, symbol: str, instant_ns: int) -> bool:
        """Return whether an underlying is halted at an instant."""
        spans = self._halts.get(symbol)
        if not spans:
            return False
        place = bisect_right(spans, (instant_ns, _FOREVER)) - 1
        return place >= 0 and instant_ns < spans[place][1]

    def day_ends_ns(self, instrument: Instrument, instant_ns: int) -> int:
        """Return the last instant at which a day order that is sent at an instant may trade.

        Parameters
        ----------
        instrument : Instrument
            What is traded.
        instant_ns : int
            When it is sent, ns since the epoch, UTC; at or after the close it is for the next session.

        Returns
        -------
        int
            ns since the epoch, UTC; without end where the market never closes.
        """
        hours = self._at(instrument, instant_ns)
        if hours.close_ns + self._after_ns > instant_ns:
            return hours.close_ns + self._after_ns
        coming = latest_session(hours.calendar, hours.next_ns)
        return coming.close_ns + self._after_ns

    def close_after_ns(self, instrument: Instrument, instant_ns: int) -> int:
        """Return the close of the session under way, -1 where there is none or it never closes."""
        hours = self._at(instrument, instant_ns)
        return hours.close_ns if instant_ns < hours.close_ns < _FOREVER else -1

    def opened_ns(self, instrument: Instrument, instant_ns: int) -> int:
        """Return the open of the newest session that had opened by an instant; 0 where the market never closes."""
        return self._at(instrument, instant_ns).open_ns

    def next_close_ns(self, instrument: Instrument, instant_ns: int) -> int:
        """Return the first close of a session at or after an instant; without end where the market never closes."""
        hours = self._at(instrument, instant_ns)
        if hours.close_ns >= instant_ns:
            return hours.close_ns
        return latest_session(hours.calendar, hours.next_ns).close_ns

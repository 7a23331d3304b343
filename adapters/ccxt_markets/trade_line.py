"""The trades of one market over lost connections: each once, in order, with what is missing asked for and counted."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

from adapters.ccxt_markets.rows import trade_number

__all__ = ["Missed", "TradeLine"]

Row = Mapping[str, Any]
_MOST_TRIES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A stretch of trades to ask the exchange's history for.

    Parameters
    ----------
    since_ms : int
        From this instant on, ms since the epoch, UTC.
    number : int
        The newest trade that is known; -1 for none.
    epoch : int
        How often the connection was lost before: an answer to an older question does not close a newer gap.
    """

    since_ms: int
    number: int
    epoch: int


@final
class TradeLine:
    """Puts stream and history of one market together; it does not ask anybody and knows no clock.

    Parameters
    ----------
    start_ms : int
        Trades from this instant on are wanted, ms since the epoch, UTC.
    is_numbered : bool
        Whether the exchange numbers the trades of a market without holes, so that a hole is seen at once.
    remember : int
        Newest trades that are kept to know a repeated one.
    most_held : int
        Trades that may wait behind a gap; beyond it they are given free, with a loss counted.

    Attributes
    ----------
    counts : Counter
        ``duplicates``, ``late_trades``, ``fills``, ``filled_trades`` and ``lost_stretches``.
    """

    def __init__(self, *, start_ms: int, is_numbered: bool, remember: int = 100_000, most_held: int = 100_000) -> None:
        self._start_ms, self._newest_ms, self._newest = start_ms, start_ms, -1
        self._is_numbered, self._remember, self._most_held = is_numbered, remember, most_held
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._held: dict[str, Row] = {}
        # The stream opens a little after the start: what comes between is missing like after any lost connection.
        self._is_open, self._has_resumed, self._epoch, self._tries = True, False, 0, 0
        self.counts: Counter[str] = Counter()

    def shift(self, by_ms: int) -> None:
        """Move the start, as when this machine's clock turns out to be wrong; only before the first trade.

        Parameters
        ----------
        by_ms : int
            Later by so many ms.
        """
        self._start_ms, self._newest_ms = self._start_ms + by_ms, self._newest_ms + by_ms

    def lose(self) -> None:
        """Say that trades may be missing from now on: the connection was lost, or rows found no room."""
        self._is_open, self._has_resumed, self._tries = True, False, 0
        self._epoch += 1

    def missed(self, *, waited: bool) -> Missed | None:
        """Return what to ask history for now; None where nothing is missing.

        Parameters
        ----------
        waited : bool
            Ask though no trade has come since: the market may be quiet.
        """
        if not self._is_open or not (self._has_resumed or waited):
            return None
        return Missed(since_ms=self._newest_ms, number=self._newest, epoch=self._epoch)

    def put(self, rows: Iterable[Row]) -> list[Row]:
        """Take trades of the stream and return those that may be delivered now, in order."""
        ready: list[Row] = []
        for row in sorted((row for row in rows if row.get("timestamp") is not None), key=_order):
            key = _key(row)
            if int(row["timestamp"]) < self._start_ms:
                continue
            if key in self._seen or key in self._held:
                self.counts["duplicates"] += 1
            elif self._is_open or self._leaves_hole(row):
                self._is_open, self._has_resumed = True, True
                self._held[key] = row
            else:
                ready.append(self._known(key, row))
        if len(self._held) > self._most_held:
            self.counts["lost_stretches"] += 1
            return ready + self._released(is_open=False)
        return ready + self._released(is_open=False) if self._is_contiguous() else ready

    def fill(self, missed: Missed, rows: Iterable[Row], *, reaches: bool) -> list[Row]:
        """Take the answer of history and return the trades that may be delivered now, in order.

        Parameters
        ----------
        missed : Missed
            What was asked.
        rows : iterable of mapping
            What history has.
        reaches : bool
            Whether it goes back to the newest trade that was known; otherwise a loss is counted.

        Returns
        -------
        list of mapping
            Each once.
        """
        found = {_key(row): row for row in rows if int(row["timestamp"]) >= self._start_ms}
        # What the stream told since the loss stands in history too, unless history lags.
        behind = bool(self._held) and found.keys().isdisjoint(self._held)
        fresh = {key: row for key, row in found.items() if key not in self._seen and key not in self._held}
        self._held |= fresh
        self._tries += 1
        self.counts["fills"] += 1
        self.counts["filled_trades"] += len(fresh)
        self.counts["lost_stretches"] += not reaches
        if missed.epoch != self._epoch or (behind and self._tries < _MOST_TRIES and not self._is_contiguous()):
            return []
        self.counts["lost_stretches"] += behind and reaches
        # Before the stream has spoken nobody knows that it does: what history has is delivered, the gap stays.
        return self._released(is_open=not self._has_resumed)

    def _leaves_hole(self, row: Row) -> bool:
        return self._is_numbered and 0 <= self._newest < trade_number(row.get("id")) - 1

    def _is_contiguous(self) -> bool:
        if not (self._is_numbered and self._is_open and self._newest >= 0):
            return False
        numbers = [number for row in self._held.values() if (number := trade_number(row.get("id"))) > self._newest]
        return bool(numbers) and max(numbers) - self._newest == len(numbers)

    def _released(self, *, is_open: bool) -> list[Row]:
        self._is_open = is_open
        held, self._held, self._tries = sorted(self._held.items(), key=lambda item: _order(item[1])), {}, 0
        return [self._known(key, row) for key, row in held]

    def _known(self, key: str, row: Row) -> Row:
        self._seen[key] = None
        if len(self._seen) > self._remember:
            self._seen.popitem(last=False)
        ts_ms, number = _order(row)
        is_late = number < self._newest if self._is_numbered else ts_ms < self._newest_ms
        self.counts["late_trades"] += is_late
        if not is_late:
            self._newest_ms, self._newest = ts_ms, number
        return row


def _order(row: Row) -> tuple[int, int]:
    return int(row["timestamp"]), trade_number(row.get("id"))


def _key(row: Row) -> str:
    # Where an exchange has no ids, two equal prints of one millisecond cannot be told from one that came twice.
    told = row.get("id")
    return str(told) if told else f"{row['timestamp']}:{row.get('side')}:{row.get('price')}:{row.get('amount')}"

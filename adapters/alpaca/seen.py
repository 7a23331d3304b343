"""Rows that have been delivered, so that a message told twice counts once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import final

from adapters.alpaca.rows import QuoteRow, TradeRow

__all__ = ["SeenRows"]


@final
class SeenRows:
    """Remembers the rows of a span before the newest one.

    Parameters
    ----------
    span_ns : int
        How old a row may be to be remembered, against the newest stamp, ns.
    """

    def __init__(self, span_ns: int) -> None:
        self._span_ns, self._newest_ns = span_ns, 0
        self._rows: set[TradeRow | QuoteRow] = set()
        self._order: deque[TradeRow | QuoteRow] = deque()
        self._n_repeated = 0

    @property
    def newest_ns(self) -> int:
        """Newest stamp of all rows; 0 before the first."""
        return self._newest_ns

    @property
    def n_repeated(self) -> int:
        """How many rows a stream told twice; what a back-fill tells again is not among them."""
        return self._n_repeated

    def fresh(
        self, rows: Iterable[TradeRow | QuoteRow], *, back: bool = False, hold_ns: int = 1 << 62
    ) -> list[TradeRow | QuoteRow]:
        """Return the rows that were not there before, in their order, and remember them.

        Parameters
        ----------
        rows : iterable of TradeRow or QuoteRow
            In order of arrival.
        back : bool
            Whether they come from a back-fill, which repeats on purpose.
        hold_ns : int, optional
            Rows from this instant on are remembered however old they are: a gap is still to be filled from there.

        Returns
        -------
        list of TradeRow or QuoteRow
            Each once.
        """
        found = []
        for row in rows:
            if row in self._rows:
                self._n_repeated += not back
                continue
            self._rows.add(row)
            self._order.append(row)
            self._newest_ns = max(self._newest_ns, row.ts_ns)
            found.append(row)
        oldest_ns = min(self._newest_ns - self._span_ns, hold_ns)
        while self._order and self._order[0].ts_ns < oldest_ns:
            self._rows.discard(self._order.popleft())
        return found

"""Rows that have been delivered, so that a message told twice counts once."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import final

import numpy as np

from adapters.alpaca.columns import Columns, keys_of, taken

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
        self._keys: set[bytes] = set()
        self._order: deque[tuple[int, list[bytes]]] = deque()  # newest stamp of a part, and its keys
        self._n_repeated = 0

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def newest_ns(self) -> int:
        """Newest stamp of all rows; 0 before the first."""
        return self._newest_ns

    @property
    def n_repeated(self) -> int:
        """How many rows a stream told twice; what a back-fill tells again is not among them."""
        return self._n_repeated

    def fresh(self, parts: Iterable[Columns], *, back: bool = False, hold_ns: int = 1 << 62) -> list[Columns]:
        """Return the rows that were not there before, in their order, and remember them.

        Parameters
        ----------
        parts : iterable of QuoteColumns or TradeColumns
            In order of arrival.
        back : bool
            Whether they come from a back-fill, which repeats on purpose.
        hold_ns : int, optional
            Rows from this instant on are remembered however old they are: a gap is still to be filled from there.

        Returns
        -------
        list of QuoteColumns or TradeColumns
            Each row once; no part is empty.
        """
        found = [left for part in parts if (left := self._unknown(part, back=back)) is not None]
        oldest_ns = min(self._newest_ns - self._span_ns, hold_ns)
        while self._order and self._order[0][0] < oldest_ns:
            self._keys.difference_update(self._order.popleft()[1])
        return found

    def _unknown(self, part: Columns, *, back: bool) -> Columns | None:
        keys = keys_of(part)
        distinct = dict.fromkeys(keys)
        if len(distinct) < len(keys) or not self._keys.isdisjoint(distinct):
            rows = {key: row for row, key in reversed(list(enumerate(keys))) if key not in self._keys}
            kept = sorted(rows.values())
            self._n_repeated += 0 if back else len(keys) - len(kept)
            keys = [keys[row] for row in kept]
            part = taken(part, np.array(kept, dtype=np.int64))
        if not keys:
            return None
        self._keys.update(keys)
        newest_ns = int(part.ts_ns.max())
        self._order.append((newest_ns, keys))
        self._newest_ns = max(self._newest_ns, newest_ns)
        return part

"""The national best bid and offer from the quotes of single exchanges, one-sided ones included."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, final

import numpy as np

from fields.jit import F64, I32, I64, INT, OUT_2D, kernel, primitive
from fields.signing.matching import I16, VENUE_CODES, VENUE_OFFSET, quote_columns
from fields.signing.prints import OUT_BOOL, OUT_I64, OUT_I64_2D, as_column
from market.contracts import ContractIndex
from market.errors import ConfigError, DataError
from market.trades import CONSOLIDATED, ContractTable, Int64Array, QuoteBatch

__all__ = ["NbboBuilder"]

_START_NS = -(2**63)
_RENEWALS = 4  # an unchanged quote is told again this often within the age limit, so that it does not look stale


@final
class NbboBuilder:
    """Keeps the quote of each exchange and tells the best of all where it changes.

    Parameters
    ----------
    one_sided : bool
        True where a row tells one side and 0 (or NaN) on the other means "as before"; False where it means that the
        exchange shows nothing on that side.
    max_age_ns : int
        A side that its exchange has not renewed for so long does not count; asked when a row of the contract comes.
    contracts : ContractIndex, optional
        The numbering to use; a new one by default.

    Notes
    -----
    The best bid is the highest over the exchanges, the best ask the lowest, and their sizes are the sums of all
    exchanges at that price. Rows of one instant are taken one after the other; the state after the last of them does
    not depend on their order, as long as no exchange tells one side twice. A locked or crossed result is told as it
    is: signing marks it. A row older than one of its contract and exchange before it is left out and counted.
    """

    def __init__(self, *, one_sided: bool, max_age_ns: int, contracts: ContractIndex | None = None) -> None:
        if max_age_ns < 1:
            raise ConfigError("the age limit of exchange quotes must be positive", found=str(max_age_ns))
        self._one_sided = one_sided
        self._max_age_ns = max_age_ns
        self._contracts = ContractIndex() if contracts is None else contracts
        self._ranks = np.full(VENUE_CODES, -1, dtype=np.int16)
        self._shape = (0, 0)
        self._sides = np.zeros((0, 4))
        self._since_ns = np.zeros((0, 2), dtype=np.int64)
        self._best = np.zeros((0, 4))
        self._clock_ns = np.zeros((0, 2), dtype=np.int64)  # newest row, and when the best was told
        self._late = np.zeros(1, dtype=np.int64)

    @property
    def n_late(self) -> int:
        """Rows left out because a newer one of their contract and exchange had come before."""
        return int(self._late[0])

    def on_quotes(self, quotes: QuoteBatch) -> QuoteBatch:
        """Take in quotes of exchanges and return the national quotes that follow.

        Parameters
        ----------
        quotes : QuoteBatch
            In order of arrival, each of one exchange.

        Returns
        -------
        QuoteBatch
            One row for each row after which the national quote of its contract is another, or was told a quarter of
            the age limit ago, with venue `CONSOLIDATED`; NaN and size 0 for a side that no exchange shows. Instants
            never fall within a contract.

        Raises
        ------
        DataError
            If a row is a consolidated quote already.
        """
        numbers = self._grow(quotes.contracts, quotes.venue)
        n = quotes.n_quotes
        ts_ns, changed = np.empty(n, dtype=np.int64), np.zeros(n, dtype=np.bool_)
        best = np.empty((n, 4))
        where, quote_ns, values = quote_columns(quotes)
        _build(
            numbers, self._ranks, self._shape[1], *where, quote_ns, *values, int(self._one_sided), self._max_age_ns,
            self._sides, self._since_ns, self._best, self._clock_ns, self._late, ts_ns, best, changed,
        )  # fmt: skip
        rows = np.flatnonzero(changed)
        bid, ask, bid_size, ask_size = np.ascontiguousarray(best[rows].T)
        return replace(
            quotes,
            contract=as_column(quotes.contract, np.int32)[rows],
            ts_ns=ts_ns[rows],
            bid=bid,
            ask=ask,
            bid_size=bid_size,
            ask_size=ask_size,
            venue=np.full(rows.shape[0], CONSOLIDATED, dtype=np.int16),
        )

    def _grow(self, table: ContractTable, venues: np.ndarray) -> Int64Array:
        """Make room for new contracts and exchanges; return the place of contract c at c + 1."""
        if (venues == CONSOLIDATED).any():
            raise DataError(
                "a consolidated quote cannot be part of a national one",
                found=f"venue {CONSOLIDATED}",
                expected="quotes of single exchanges",
                action="give consolidated quotes to the signer directly",
            )
        numbers = np.concatenate((np.zeros(1, dtype=np.int64), self._contracts.register(table) + 1))
        codes = venues.astype(np.int64) + VENUE_OFFSET
        fresh = np.unique(codes[self._ranks[codes] < 0])
        old = self._shape
        self._ranks[fresh] = np.arange(old[1], old[1] + fresh.shape[0])
        shape = len(self._contracts) + 1, old[1] + fresh.shape[0]
        if shape != old:
            sides, since = np.full((*shape, 4), np.nan), np.full((*shape, 2), _START_NS, dtype=np.int64)
            best, clock = np.full((shape[0], 4), np.nan), np.full((shape[0], 2), _START_NS, dtype=np.int64)
            sides[: old[0], : old[1]] = self._sides.reshape((*old, 4))
            since[: old[0], : old[1]] = self._since_ns.reshape((*old, 2))
            best[: old[0]], clock[: old[0]] = self._best, self._clock_ns
            self._shape, self._best, self._clock_ns = shape, best, clock
            self._sides, self._since_ns = sides.reshape(-1, 4), since.reshape(-1, 2)
        return numbers


@primitive
def _differs(a: float, b: float) -> bool:
    """Whether two numbers differ; NaN is equal to NaN here."""
    return (a != b) & ((a == a) | (b == b))  # noqa: PLR0124  # how a kernel asks for NaN


@primitive
def _best_side(sides: Any, since_ns: Any, first: int, n_ranks: int, side: int, oldest_ns: int) -> tuple[float, float]:
    """Return the best price of one side over the exchanges (0 bid, 1 ask) and the size at it; NaN and 0 for none."""
    better = 1.0 - 2.0 * side
    price, size = np.nan, 0.0
    for slot in range(first, first + n_ranks):
        p = sides[slot, side]
        if p > 0.0 and since_ns[slot, side] >= oldest_ns:
            if p == price:
                size += sides[slot, 2 + side]
            elif not better * p < better * price:
                price, size = p, sides[slot, 2 + side]
    return price, size


@kernel(
    I64, I16, INT, I32, I16, I64, F64, F64, F64, F64, INT, INT,
    OUT_2D, OUT_I64_2D, OUT_2D, OUT_I64_2D, OUT_I64, OUT_I64, OUT_2D, OUT_BOOL,
)  # fmt: skip
def _build(
    numbers: Any, ranks: Any, n_ranks: int, contract: Any, venue: Any, ts_ns: Any,
    bid: Any, ask: Any, bid_size: Any, ask_size: Any, one_sided: int, max_age_ns: int,
    sides: Any, since_ns: Any, best: Any, clock_ns: Any, late: Any, out_ns: Any, out: Any, changed: Any,
) -> None:  # fmt: skip
    """Take the rows in their order; `changed` marks those after which a national quote is to be told."""
    for i in range(contract.shape[0]):
        place = numbers[contract[i] + 1]
        first = place * n_ranks
        slot = first + np.int64(ranks[np.int64(venue[i]) + VENUE_OFFSET])
        if ts_ns[i] < max(since_ns[slot, 0], since_ns[slot, 1]):
            late[0] += 1
            continue
        if bid[i] > 0.0 or not one_sided:
            sides[slot, 0] = bid[i]
            sides[slot, 2] = bid_size[i]
            since_ns[slot, 0] = ts_ns[i]
        if ask[i] > 0.0 or not one_sided:
            sides[slot, 1] = ask[i]
            sides[slot, 3] = ask_size[i]
            since_ns[slot, 1] = ts_ns[i]
        now_ns = max(clock_ns[place, 0], ts_ns[i])
        clock_ns[place, 0] = now_ns
        b, b_size = _best_side(sides, since_ns, first, n_ranks, 0, now_ns - max_age_ns)
        a, a_size = _best_side(sides, since_ns, first, n_ranks, 1, now_ns - max_age_ns)
        old = best[place]
        news = _differs(b, old[0]) | _differs(a, old[1]) | _differs(b_size, old[2]) | _differs(a_size, old[3])
        if news or now_ns - max_age_ns // _RENEWALS >= clock_ns[place, 1]:
            changed[i] = True
            out_ns[i] = now_ns
            clock_ns[place, 1] = now_ns
            old[0], old[1], old[2], old[3] = b, a, b_size, a_size
            out[i, 0], out[i, 1], out[i, 2], out[i, 3] = b, a, b_size, a_size

"""Option chains of a store: which were known when, one of them whole, or a few contracts of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Final, final

import numpy as np
import pyarrow as pa

from adapters.encoded.messages import Head, message_of
from adapters.store.asof import newest_heads, standing
from adapters.store.files import StoreFiles
from adapters.store.kinds import DataKind, day_period
from adapters.store.manifest import Segment
from adapters.store.pieces import Scored, judged, scored
from adapters.store.segments import Opened, Range, matching, open_segment
from market.chains import OptionChain
from market.clock import iso_of_ns
from market.errors import DataError

__all__ = ["ChainKey", "ChainReader"]

_FIRST: Final = np.iinfo(np.int64).min
_LAST: Final = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainKey:
    """One stored chain.

    Parameters
    ----------
    symbol, source : str
        Underlying, and whose chain.
    session : str
        Trading session, as an ISO date.
    ts_event_ns, known_ns : int
        Its instant, and from when it was known; ns since the epoch, UTC.
    n_contracts : int
        Rows.
    digest : str
        Hash of its content.
    """

    symbol: str
    source: str
    session: str
    ts_event_ns: int
    known_ns: int
    n_contracts: int
    digest: str


@final
class ChainReader:
    """Reads the chains of a store.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.
    find : callable
        `PointInTimeStore.segments`.
    """

    def __init__(self, files: StoreFiles, find: Callable[..., tuple[Segment, ...]]) -> None:
        self._files, self._find = files, find

    def keys(
        self,
        symbol: str,
        *,
        known_ns: int,
        first_ns: int = _FIRST,
        last_ns: int = _LAST,
        session: date | None = None,
        source: str | None = None,
        version: int | None = None,
    ) -> tuple[ChainKey, ...]:
        """Return the chains that were known at an instant, in order of time; only footers are read."""
        found = self._chain_heads(symbol, known_ns, first_ns, last_ns, session, source, version)
        return tuple(
            ChainKey(
                symbol=symbol,
                source=segment.source,
                session=segment.period.partition("=")[2],
                ts_event_ns=head.event_ns,
                known_ns=head.known_ns,
                n_contracts=head.n_rows,
                digest=head.digest,
            )
            for segment, head in found
        )

    def newest(
        self,
        symbol: str,
        *,
        known_ns: int,
        session: date | None = None,
        source: str | None = None,
        version: int | None = None,
    ) -> OptionChain:
        """Return the newest chain that was known at an instant.

        Parameters
        ----------
        symbol : str
            Underlying.
        known_ns : int
            The instant, ns since the epoch, UTC.
        session : datetime.date, optional
            Only chains of this session.
        source : str, optional
            Only chains of this source.
        version : int, optional
            Commit to read.

        Returns
        -------
        OptionChain
            As it was written, to the last bit; a `DataError` where there is none.
        """
        segments = self._chain_segments(symbol, known_ns, _FIRST, _LAST, session, source, version)
        best: tuple[Segment, Head] | None = None
        for segment in sorted(segments, key=lambda s: -s.last_event_ns):
            if best is not None and segment.last_event_ns < best[1].event_ns:
                break
            found = newest_heads([(segment, head) for head in self._heads(segment)], known_ns)
            if found and (best is None or _order(found[-1]) >= _order(best)):
                best = found[-1]
        if best is None:
            raise _nothing(symbol, known_ns)
        return self._chain(*best, known_ns)

    def between(
        self,
        symbol: str,
        *,
        known_ns: int,
        first_ns: int = _FIRST,
        last_ns: int = _LAST,
        source: str | None = None,
        version: int | None = None,
    ) -> Iterator[OptionChain]:
        """Read the chains that were known at an instant, in order of time, one at a time."""
        found = self._chain_heads(symbol, known_ns, first_ns, last_ns, None, source, version)
        # A session's chains lie in one file: its footer, which grows with their number, is read once for all of them.
        for _, group in groupby(found, key=lambda item: item[0].path):
            part = list(group)
            segment = part[0][0]
            quality = scored(self._files, segment, known_ns)
            with open_segment(self._files, segment) as opened:
                for _, head in part:
                    yield _made(opened, head, quality)

    def contracts(
        self,
        key: ChainKey,
        *,
        strikes: tuple[float | None, float | None] = (None, None),
        expiries_ns: tuple[int | None, int | None] = (None, None),
        is_call: bool | None = None,
        root: str | None = None,
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Return some contracts of one chain without reading the rest of it.

        Parameters
        ----------
        key : ChainKey
            The chain, as `keys` names it.
        strikes : tuple of float or None, optional
            Lowest and highest, both included.
        expiries_ns : tuple of int or None, optional
            First and last instant of expiry, both included.
        is_call : bool, optional
            One right only.
        root : str, optional
            One option root only.
        columns : sequence of str, optional
            Columns to return; all where it is not given.

        Returns
        -------
        pyarrow.Table
            In the order of the chain. Row groups whose statistics exclude the strikes and expiries are not read.
        """
        segment, head = self._located(key)
        ranges = (
            Range(column="strike", least=strikes[0], most=strikes[1]),
            Range(column="expiry_ns", least=expiries_ns[0], most=expiries_ns[1]),
        )
        needed = None if columns is None else list(dict.fromkeys([*columns, "strike", "expiry_ns", "is_call", "root"]))
        with open_segment(self._files, segment) as opened:
            groups = opened.groups(ranges, head=head)
            table = opened.read(groups, needed)
            keep = matching(table, ranges) & opened.place_of(head, groups)
        if is_call is not None:
            keep &= table["is_call"].to_numpy() == is_call
        if root is not None:
            keep &= np.asarray(table["root"].to_pylist()) == root
        chosen = table.filter(pa.array(keep))
        return chosen if columns is None else chosen.select(list(columns))

    def _chain_segments(
        self,
        symbol: str,
        known_ns: int,
        first_ns: int,
        last_ns: int,
        session: date | None,
        source: str | None,
        version: int | None,
    ) -> list[Segment]:
        found = self._find(DataKind.CHAINS, symbol, first_ns=first_ns, last_ns=last_ns, source=source, version=version)
        period = None if session is None else day_period(session)
        return [s for s in standing(found, known_ns, first_ns, last_ns) if period is None or s.period == period]

    def _chain_heads(
        self,
        symbol: str,
        known_ns: int,
        first_ns: int,
        last_ns: int,
        session: date | None,
        source: str | None,
        version: int | None,
    ) -> list[tuple[Segment, Head]]:
        segments = self._chain_segments(symbol, known_ns, first_ns, last_ns, session, source, version)
        heads = [(s, h) for s in segments for h in self._heads(s) if first_ns <= h.event_ns <= last_ns]
        sources = {segment.source for segment, _ in heads}
        parts = [newest_heads([item for item in heads if item[0].source == name], known_ns) for name in sorted(sources)]
        return sorted((item for part in parts for item in part), key=_order)

    def _heads(self, segment: Segment) -> list[Head]:
        with open_segment(self._files, segment) as opened:
            return opened.heads()

    def _chain(self, segment: Segment, head: Head, known_ns: int) -> OptionChain:
        with open_segment(self._files, segment) as opened:
            return _made(opened, head, scored(self._files, segment, known_ns))

    def _located(self, key: ChainKey) -> tuple[Segment, Head]:
        day = date.fromisoformat(key.session)
        for segment in self._chain_segments(key.symbol, key.known_ns, _FIRST, _LAST, day, None, None):
            for head in self._heads(segment):
                if head.digest == key.digest:
                    return segment, head
        raise _nothing(key.symbol, key.known_ns)


def _made(opened: Opened, head: Head, quality: Scored | None) -> OptionChain:
    found = message_of(head, opened.rows_of(head))
    if not isinstance(found, OptionChain):
        raise _nothing(head.symbol, head.known_ns)
    chain: OptionChain = judged(found, quality)
    return chain


def _order(found: tuple[Segment, Head]) -> tuple[int, int]:
    return found[1].event_ns, found[1].known_ns


def _nothing(symbol: str, known_ns: int) -> DataError:
    return DataError(
        f"the store holds no chain of {symbol}",
        found=f"nothing known by {iso_of_ns(known_ns)}" if 0 < known_ns < 4_102_444_800_000_000_000 else "nothing",
        expected="a chain that was known by then",
        action="import chains of this symbol, or ask for a later instant",
    )

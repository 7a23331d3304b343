"""Chains of recorded files in order of time, read one at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np

from adapters.chains import ChainSource, SnapshotKey, open_source
from adapters.chains.midpoints import MIDPOINTS
from backtest.history import DataSource
from cluster.histories.digests import digest_of_files
from cluster.histories.span import Span
from market.chains import OptionChain
from market.clock import iso_of_ns
from market.errors import DataError
from market.provenance import Provenance
from market.trades import Int64Array

__all__ = ["FileChains", "chains_of_files"]

MID_ONLY = frozenset({MIDPOINTS, "lean-universe-mid"})
"""Formats whose readers set the mid on both sides because they know no bid and ask."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where one chain stands."""

    key: SnapshotKey
    source: ChainSource
    index: int


@final
class FileChains:
    """The chains of one underlying in some files, as a `backtest.history.ChainSequence`.

    Parameters
    ----------
    symbol : str
        Underlying.
    places : sequence of _Place
        Its snapshots, in any order.
    delay_ns : int
        Time from a snapshot's instant until it could be known, ns.

    Notes
    -----
    Only the newest chain and the newest row group of its file are held. A format that knows no bid and ask gives
    chains without them: the mid is the `last` price, and whoever fills names the model that makes quotes of it.
    """

    def __init__(self, symbol: str, places: Sequence[_Place], *, delay_ns: int = 0) -> None:
        self._symbol = symbol
        self._places = sorted(places, key=lambda place: place.key.ts_event_ns)
        self._available_ns = np.array([p.key.ts_event_ns + delay_ns for p in self._places], dtype=np.int64)
        self._available_ns.setflags(write=False)
        self._held: tuple[int, OptionChain] | None = None
        twice = np.flatnonzero(np.diff(self._available_ns) == 0)
        if twice.size:
            one, two = (self._places[int(twice[0]) + k] for k in (0, 1))
            raise DataError(
                f"two files tell the chain of {symbol} of one instant",
                found=f"{one.source.path.name} and {two.source.path.name} at {iso_of_ns(one.key.ts_event_ns)}",
                expected="each chain once",
                action="leave one of the files out",
            )

    def __len__(self) -> int:
        return len(self._places)

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self._symbol

    @property
    def available_ns(self) -> Int64Array:
        """Instant from which each could be known, ns since the epoch, UTC, rising."""
        return self._available_ns

    def chain(self, place: int) -> OptionChain:
        """Read one."""
        if self._held is None or self._held[0] != place:
            found = self._places[place]
            self._held = place, _without_quotes(found.source.read(found.index))
        return self._held[1]

    def source(self, name: str) -> DataSource:
        """Return what a report says of these chains; the digest is that of the files' bytes."""
        first = self._places[0]
        return DataSource(
            name=name,
            provenance=Provenance(
                source=first.source.format,
                origin=", ".join(sorted({place.source.path.name for place in self._places})),
                simulated=any(place.key.simulated for place in self._places),
                as_of_source=first.key.as_of_source,
            ),
            digest=digest_of_files({place.source.path for place in self._places}),
            rows=sum(place.key.n_contracts for place in self._places),
            first_ns=int(self._available_ns[0]),
            last_ns=int(self._available_ns[-1]),
        )


def _without_quotes(chain: OptionChain) -> OptionChain:
    if chain.provenance.source not in MID_ONLY:
        return chain
    nothing = np.full(chain.n_contracts, np.nan)
    return chain.updated({"last": chain.bid, "bid": nothing, "ask": nothing})


def chains_of_files(
    paths: Sequence[Path], span: Span | None = None, *, symbols: frozenset[str] = frozenset(), delay_ns: int = 0
) -> tuple[FileChains, ...]:
    """Open files of option chains.

    Parameters
    ----------
    paths : sequence of Path
        Any formats that `adapters.chains` knows.
    span : Span, optional
        Sessions that are wanted; all where none are given.
    symbols : frozenset of str
        Underlyings that are wanted; all where none are named.
    delay_ns : int
        Time from a snapshot's instant until it could be known, ns.

    Returns
    -------
    tuple of FileChains
        One per underlying, in alphabetical order.

    Raises
    ------
    DataError
        A named underlying is not there, or the sessions do not cover the span.
    """
    found: dict[str, list[_Place]] = {}
    for path in dict.fromkeys(paths):
        source = open_source(path)
        for index, key in enumerate(source.snapshots):
            found.setdefault(key.symbol, []).append(_Place(key=key, source=source, index=index))
    absent = symbols - set(found)
    if absent:
        raise DataError(
            "the files hold no chains of an underlying",
            found=", ".join(sorted(found)) or "none",
            expected=", ".join(sorted(absent)),
            action="name files that hold them, or leave the underlying out",
        )
    chosen = sorted(symbols or set(found))
    return tuple(_within(symbol, found[symbol], span, delay_ns) for symbol in chosen)


def _within(symbol: str, places: list[_Place], span: Span | None, delay_ns: int) -> FileChains:
    if span is not None:
        instants = [place.key.ts_event_ns for place in places]
        span.require(f"the chains of {symbol}", min(instants), max(instants))
        places = [place for place in places if span.first <= place.key.session <= span.last]
    return FileChains(symbol, places, delay_ns=delay_ns)

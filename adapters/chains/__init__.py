"""Readers of option chains: one door for every format.

Examples
--------
>>> from pathlib import Path
>>> from adapters.chains import open_chains
>>> for chain in open_chains(Path("spx_quotedata.csv.gz")):  # doctest: +SKIP
...     print(chain.symbol, chain.session, chain.n_contracts)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from adapters.chains.assemble import SnapshotKey
from adapters.chains.sniff import open_source
from adapters.chains.table import ChainSource
from market.chains import OptionChain

__all__ = ["ChainSource", "SnapshotKey", "open_chains", "open_source"]


def open_chains(path: Path) -> Iterator[OptionChain]:
    """Read all chains of a file, one after the other in time order.

    Parameters
    ----------
    path : Path
        Any known format, plain, gzip- or zip-compressed; it is recognised by its content.

    Yields
    ------
    OptionChain
        One per snapshot and symbol; only the current one is held.
    """
    source = open_source(path)
    for index in range(len(source.snapshots)):
        yield source.read(index)

"""Fields of the base on the blocks of a sweep, computed before its trials, and an evaluation that finds them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from backtest.history import History
from cluster.backtest_settings import BacktestSettings
from cluster.backtests.wiring import shared_fields
from cluster.histories.shared_fields import LayeredBlobs, PackedBlobs, RecordedBlobs, packed_blobs
from market.chains import OptionChain
from market.ports import BlobStore
from tuning.evaluation.evaluator import Evaluator, PointSettings
from tuning.evaluation.event_runs import EventRuns
from tuning.work import Block

__all__ = ["asks_for_fields", "fields_of_block", "sharing_evaluator"]


class _Asked(BaseException):  # no error, and no strategy that catches errors may catch it
    """A strategy has asked for a field."""


def asks_for_fields(base: BacktestSettings, history: History, blocks: Sequence[Block]) -> bool:
    """Return whether the base asks for a field of a chain on the block of the fewest days.

    Parameters
    ----------
    base : BacktestSettings
        What a sweep varies.
    history : History
        Data.
    blocks : sequence of Block
        At least one.

    Returns
    -------
    bool
        The run ends at the first question. False at once where there are no chains. A strategy that asks on other days
        alone is not found: its fields are computed when it asks.

    Raises
    ------
    ConfigError
        The base cannot be run.
    """
    if not history.chains:
        return False
    try:
        EventRuns(base, history, _asked).begin(base)(min(blocks, key=lambda block: block.n_days))
    except _Asked:
        return True
    return False


def _asked(chain: OptionChain) -> NoReturn:
    raise _Asked(chain.symbol)


def fields_of_block(base: BacktestSettings, history: History, block: Block) -> PackedBlobs:
    """Return the fields that the base asks for on a block, computed or found in the cache of this node.

    Parameters
    ----------
    base : BacktestSettings
        What a sweep varies; it is run once.
    history : History
        Data.
    block : Block
        Days.

    Returns
    -------
    PackedBlobs
        By the keys of `backtest.field_cache.FieldCache`.

    Raises
    ------
    ConfigError
        The base cannot be run.
    """
    stores: list[RecordedBlobs] = []

    def recorded(below: BlobStore) -> RecordedBlobs:
        stores.append(RecordedBlobs(below))
        return stores[-1]

    EventRuns(base, history, shared_fields(base, recorded)).begin(base)(block)
    return packed_blobs({key: content for store in stores for key, content in store.seen.items()})


def sharing_evaluator(
    base: BacktestSettings, space: PointSettings, history: History, blocks: Sequence[Block], *shared: PackedBlobs
) -> Evaluator:
    """Return an evaluator that finds fields among those that are shared, and computes the others once for its node.

    Parameters
    ----------
    base, space, history, blocks
        As of `tuning.evaluation.evaluator.Evaluator`.
    *shared : PackedBlobs
        Fields, by the keys of `backtest.field_cache.FieldCache`; an entry of other settings is never found.

    Returns
    -------
    Evaluator
        Its outcomes are the same, bit by bit, whatever is shared.
    """
    fields = shared_fields(base, partial(LayeredBlobs, shared)) if shared else None
    return Evaluator(base, space, history, blocks, fields)

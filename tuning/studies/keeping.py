"""Outcomes of blocks that last: packed bit by bit, found again by content, and each trial counted before it is run."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count
from typing import Any, Final, final

import msgspec
import numpy as np

from adapters.sql.trial_ledger import SqlTrialLedger
from adapters.sql.trial_messages import DataSet, Evaluation, Trial, TrialResult
from backtest.metrics.performance import sharpe_ratio
from market.clock import Clock
from market.errors import DataError
from tuning.search.records import PartRecord
from tuning.work import BlockOutcome, Item, ItemOutcome, Point

__all__ = ["Identity", "KeepingCounts", "KeptOutcomes", "packed", "unpacked"]

_VERSION: Final = 1
_INT64: Final = np.dtype("<i8")
_FLOAT64: Final = np.dtype("<f8")
_CHECK_BYTES: Final = 4
_MOST_IDENTITIES: Final = 8_192  # of points whose items are out, or were a moment ago


class _Packed(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """An outcome without its place among the blocks, which another sweep numbers otherwise."""

    version: int
    end_ns: bytes
    returns: bytes
    measures: dict[str, float]
    stopped: str


def packed(outcome: BlockOutcome) -> bytes:
    """Return an outcome as bytes.

    Parameters
    ----------
    outcome : BlockOutcome
        Its index is left out: it is the place of the block in one sweep.

    Returns
    -------
    bytes
        With version and checksum; the same bits of every number, NaN included.
    """
    told = _Packed(
        version=_VERSION,
        end_ns=np.ascontiguousarray(outcome.end_ns, dtype=_INT64).tobytes(),
        returns=np.ascontiguousarray(outcome.returns, dtype=_FLOAT64).tobytes(),
        measures={name: float(value) for name, value in outcome.measures.items()},
        stopped=outcome.stopped,
    )
    content = msgspec.msgpack.encode(told)
    return zlib.crc32(content).to_bytes(_CHECK_BYTES, "little") + content


def unpacked(payload: bytes, block: int) -> BlockOutcome:
    """Return an outcome from its bytes.

    Parameters
    ----------
    payload : bytes
        Of `packed`.
    block : int
        Index that it shall have.

    Returns
    -------
    BlockOutcome
        Equal to what was packed, bit by bit, but for the index.

    Raises
    ------
    DataError
        The bytes are damaged, or of another version.
    """
    check, content = payload[:_CHECK_BYTES], payload[_CHECK_BYTES:]
    if zlib.crc32(content).to_bytes(_CHECK_BYTES, "little") != check:
        raise DataError("a kept outcome is damaged", found="another checksum", action="it is computed again")
    try:
        told = msgspec.msgpack.decode(content, type=_Packed)
    except msgspec.MsgspecError as error:
        raise DataError("a kept outcome cannot be read", found=str(error), action="it is computed again") from error
    if told.version != _VERSION or len(told.end_ns) != len(told.returns):
        raise DataError("a kept outcome is of another version", found=str(told.version), expected=str(_VERSION))
    return BlockOutcome(
        block=block,
        end_ns=np.frombuffer(told.end_ns, dtype=_INT64),
        returns=np.frombuffer(told.returns, dtype=_FLOAT64),
        measures=told.measures,
        stopped=told.stopped,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a point is told from all others by, in every sweep.

    Parameters
    ----------
    config_digest : str
        As `cluster.backtests.origins.config_digest`: a backtest of the same settings is the same trial.
    keys : tuple of str
        Digest of all that decides the outcome of each block, by index of the block.
    """

    config_digest: str
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepingCounts:
    """What was found and kept.

    Parameters
    ----------
    found, missed : int
        Blocks whose outcomes were known already, and those that were not.
    damaged : int
        Of those missed, outcomes that could not be read; they are computed again.
    kept : int
        Outcomes made durable.
    n_trials : int
        Distinct configurations that were begun.
    """

    found: int = 0
    missed: int = 0
    damaged: int = 0
    kept: int = 0
    n_trials: int = 0


@final
class KeptOutcomes:
    """What a sweep keeps in the trial ledger, as `tuning.lanes.desk.Keeping` and the inline runner ask for it.

    Parameters
    ----------
    ledger : SqlTrialLedger
        Where.
    data : DataSet
        What the trials read.
    trial : Trial
        What all trials of the sweep have in common; its configuration and number are set for each. A sweep that goes
        on gives the same instant again, so that its trials stand once.
    identify : callable
        From a point to its identity; None where the configuration classes refuse the point, which is no trial then.
    clock : Clock
        When something is kept.
    """

    def __init__(
        self,
        ledger: SqlTrialLedger,
        data: DataSet,
        trial: Trial,
        identify: Callable[[Point], Identity | None],
        clock: Clock,
    ) -> None:
        self._ledger, self._data, self._trial, self._clock = ledger, data, trial, clock
        self._identify = lru_cache(maxsize=_MOST_IDENTITIES)(identify)
        self._begun: set[str] = set()
        self._numbers = count()
        self._counts = KeepingCounts()

    @property
    def counts(self) -> KeepingCounts:
        """What was found and kept so far."""
        return replace(self._counts, n_trials=len(self._begun))

    def found(self, items: Sequence[Item]) -> dict[int, tuple[BlockOutcome, ...]]:
        """Count the points of items as trials, and return what is known of their blocks.

        Parameters
        ----------
        items : sequence of Item
            What is about to be run. A point counts from here on, also where it is broken off.

        Returns
        -------
        dict of int to tuple of BlockOutcome
            By number of the item; an item of which nothing is known is missing.

        Raises
        ------
        VenueError
            The ledger cannot be read or written; nothing may be run then.
        """
        known = [(item, identity) for item in items if (identity := self._identify(item.point)) is not None]
        self._begin([identity.config_digest for _, identity in known])
        payloads = self._ledger.outcomes(identity.keys[block] for item, identity in known for block in item.blocks)
        told = {
            item.number: tuple(
                outcome
                for block in item.blocks
                if (outcome := self._read(payloads.get(identity.keys[block]), block)) is not None
            )
            for item, identity in known
        }
        return {number: outcomes for number, outcomes in told.items() if outcomes}

    def keep(self, outcomes: Sequence[tuple[Item, ItemOutcome]]) -> None:
        """Make outcomes durable before it returns, in one transaction.

        Parameters
        ----------
        outcomes : sequence of tuple of Item and ItemOutcome
            What was run; a refused point leaves nothing.

        Raises
        ------
        VenueError
            They cannot be written; what was kept before stays.
        """
        now_ns = self._clock.now_ns()
        rows = [
            Evaluation(
                key=identity.keys[outcome.block],
                payload=packed(outcome),
                ts_event_ns=now_ns,
                code_version=self._trial.code_version,
            )
            for item, ran in outcomes
            if not ran.refused and (identity := self._identify(item.point)) is not None
            for outcome in ran.blocks
        ]
        self._ledger.keep(rows)
        self._counts = replace(self._counts, kept=self._counts.kept + len(rows))

    def conclude(self, parts: Iterable[PartRecord]) -> None:
        """Tell the ledger the Sharpe ratio of each trial, on all its days that any search has seen.

        Parameters
        ----------
        parts : iterable of PartRecord
            The searches, also of a sweep that was broken off.

        Raises
        ------
        VenueError
            The ledger cannot be written.
        """
        longest: dict[Point, tuple[BlockOutcome, ...]] = {}
        for record in (record for part in parts for record in part.trials):
            if len(record.blocks) > len(longest.get(record.point, ())):
                longest[record.point] = record.blocks
        results = []
        for point, blocks in longest.items():
            identity = self._identify(point)
            if identity is not None:
                trial = replace(self._trial, config_digest=identity.config_digest)
                results.append(_result(trial.key, blocks))
        self._ledger.conclude(results)

    def _begin(self, configs: Iterable[str]) -> None:
        fresh = [config for config in dict.fromkeys(configs) if config not in self._begun]
        if fresh:
            numbered = zip(fresh, self._numbers)  # noqa: B905  # the numbers never end
            trials = [replace(self._trial, config_digest=config, number=number) for config, number in numbered]
            self._ledger.record_all(trials, self._data)
            self._begun.update(fresh)

    def _read(self, payload: bytes | None, block: int) -> BlockOutcome | None:
        counts = self._counts
        if payload is not None:
            try:
                outcome = unpacked(payload, block)
            except DataError:
                counts = replace(counts, damaged=counts.damaged + 1)
            else:
                self._counts = replace(counts, found=counts.found + 1)
                return outcome
        self._counts = replace(counts, missed=counts.missed + 1)
        return None


def _result(trial_key: str, blocks: Sequence[BlockOutcome]) -> TrialResult:
    returns: Any = np.concatenate([block.returns for block in blocks])
    ends = np.concatenate([block.end_ns for block in blocks])
    return TrialResult(
        trial_key=trial_key,
        sharpe=sharpe_ratio(returns, periods_per_year=1.0).value,
        n_days=int(returns.size),
        first_day=_day(ends[0]) if ends.size else "",
        last_day=_day(ends[-1]) if ends.size else "",
    )


def _day(ns: np.int64) -> str:
    return str(ns.astype("datetime64[ns]").astype("datetime64[D]"))

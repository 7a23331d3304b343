"""What workers of a sweep read in place: its data and the fields of its base, once in the object store of each node."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster.backtest_settings import BacktestSettings
from cluster.histories.shared_fields import PackedBlobs
from tuning.evaluation.evaluator import Evaluator, PointSettings
from tuning.evaluation.sharing import asks_for_fields, fields_of_block, sharing_evaluator
from tuning.lanes.preparing import PreparedSweep
from tuning.work import Block

__all__ = ["PlacedData", "evaluator_in_place", "place_data"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedData:
    """Data in the object store.

    Parameters
    ----------
    history : ray.ObjectRef
        The history.
    fields : tuple of ray.ObjectRef
        `cluster.histories.shared_fields.PackedBlobs` of each block; none where no field is asked for.
    n_fields : int
        Fields in them.
    n_bytes : int
        Their bytes.
    reason : str
        Why fields that are asked for are not placed; empty for none.
    """

    history: Any
    fields: tuple[Any, ...] = ()
    n_fields: int = 0
    n_bytes: int = 0
    reason: str = ""

    @property
    def words(self) -> str:
        """What the user is told of the fields; empty where none are asked for."""
        if self.reason:
            return f"fields are computed when they are asked for: {self.reason}"
        if not self.fields:
            return ""
        return f"{self.n_fields} fields of the base are shared, {self.n_bytes / 1e6:.0f} MB"


def place_data(prepared: PreparedSweep, room_bytes: float) -> PlacedData:
    """Put the data of a sweep into the object store, and the fields that its base asks for.

    Parameters
    ----------
    prepared : PreparedSweep
        The sweep.
    room_bytes : float
        Room for fields in the object store of a node, bytes.

    Returns
    -------
    PlacedData
        Keep it while the sweep runs: who drops the references drops the data.

    Raises
    ------
    ConfigError
        The base cannot be run.

    Notes
    -----
    The base is run once on each block, on all workers of the cluster, as its own trial would be. Where its strategies
    ask for no field nothing is run but the shortest block.
    """
    import ray  # where the environment of the cluster is known: its import reads it
    from ray.exceptions import RayError

    base, memory_mb = prepared.base, prepared.settings.resources.memory_mb
    history = ray.put(prepared.history)
    if not asks_for_fields(base, prepared.history, prepared.blocks):
        return PlacedData(history=history)
    # The size comes beside the fields, so that the driver fetches none of them.
    task = ray.remote(_fields_and_size).options(num_cpus=1, num_returns=2, memory=memory_mb * 1e6)
    asked = [task.remote(base, history, block) for block in prepared.blocks]
    try:
        told: list[tuple[int, int]] = ray.get([size for _, size in asked])
    except RayError as error:
        return PlacedData(history=history, reason=str(error).strip().rpartition("\n")[2])
    n_fields, n_bytes = (sum(each) for each in zip(*told, strict=True))
    if n_bytes > room_bytes:
        reason = f"{n_bytes / 1e6:.0f} MB of them are more than the object store holds beside the data"
        return PlacedData(history=history, reason=reason)
    return PlacedData(history=history, fields=tuple(ref for ref, _ in asked), n_fields=n_fields, n_bytes=n_bytes)


def _fields_and_size(*asked: Any) -> tuple[PackedBlobs, tuple[int, int]]:
    found = fields_of_block(*asked)
    return found, (len(found), found.n_bytes)


def evaluator_in_place(
    base: BacktestSettings, space: PointSettings, history: Any, blocks: Sequence[Block], *fields: Any
) -> Evaluator:
    """Return an evaluator over data that are read where they lie on this node.

    Parameters
    ----------
    base, space
        As of `tuning.evaluation.evaluator.Evaluator`.
    history : ray.ObjectRef
        As `PlacedData.history`.
    blocks
        As of `Evaluator`.
    *fields : ray.ObjectRef
        As `PlacedData.fields`.

    Returns
    -------
    Evaluator
        Of a worker.
    """
    import ray

    return sharing_evaluator(base, space, ray.get(history), blocks, *ray.get(list(fields)))

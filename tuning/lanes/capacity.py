"""How many workers a cluster can hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from market.errors import ConfigError

__all__ = ["lanes_that_fit"]


def lanes_that_fit(nodes: Iterable[Mapping[str, float]], memory_mb: float, asked: int | None) -> int:
    """Return how many lanes shall run.

    Parameters
    ----------
    nodes : iterable of mapping of str to float
        Resources of each living node, as Ray names them: ``CPU``, ``memory`` (bytes).
    memory_mb : float
        Private memory of a lane, MB.
    asked : int or None
        Lanes that were asked for; one for each core without it.

    Returns
    -------
    int
        No more than the cluster holds now.

    Raises
    ------
    ConfigError
        Not one lane fits.
    """
    room = list(nodes)
    fits = sum(int(min(node.get("CPU", 0.0), node.get("memory", 0.0) / (memory_mb * 1e6))) for node in room)
    if fits < 1:
        most = max((node.get("memory", 0.0) for node in room), default=0.0)
        raise ConfigError(
            "no node of the cluster holds a worker",
            found=f"{sum(node.get('CPU', 0.0) for node in room):g} cores, {most / 1e6:.0f} MB on the largest node",
            expected=f"a core and {memory_mb:g} MB of one node",
            action="set [resources] memory_mb lower, or add a node",
        )
    return fits if asked is None else min(asked, fits)
